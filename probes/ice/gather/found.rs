//! What was learned of a slot, and what a client's rules need to know of it.

use super::slot::Server;
use crate::evidence::Transport;
use crate::ice::network::IceNetwork;
use crate::ice::{CandidateType, Protocol, TcpType};
use crate::machine::IdSource;
use std::net::{IpAddr, SocketAddr};

/// What became of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learned {
    /// Its socket is bound here.
    Bound(SocketAddr),
    /// A STUN server answered.
    Mapped {
        /// The local socket.
        base: SocketAddr,
        /// Our address as the server sees it.
        mapped: SocketAddr,
    },
    /// A TURN server allocated.
    Relayed {
        /// The local socket.
        base: SocketAddr,
        /// Our address as the server sees it, when it said so.
        mapped: Option<SocketAddr>,
        /// The relayed address.
        relayed: SocketAddr,
        /// The evidence path.
        path: Option<String>,
        /// The way there: `direct` or a proxy URL.
        route: Option<String>,
    },
    /// It came to nothing.
    Failed(Failure),
}

/// Why a slot came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The name has no address of the family.
    NoAddress,
    /// The name could not be looked up.
    LookupFailed,
    /// No answer to any request.
    TimedOut,
    /// There was no connection to ask over: refused, silent, the proxy or TLS failed. In words.
    ConnectFailed(String),
    /// The server answered with an error.
    StunError {
        /// The error code.
        code: u16,
        /// The server's reason phrase.
        reason: String,
    },
    /// The system sent the connection out by another network than the client wanted.
    WrongNetwork,
}

/// A candidate in the making, as a client's rules look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) kind: CandidateType,
    pub(crate) protocol: Protocol,
    pub(crate) tcp_type: Option<TcpType>,
    pub(crate) address: SocketAddr,
    /// The local socket, unspecified address and all.
    pub(crate) socket: SocketAddr,
    /// The local socket with the default route's address for an unspecified one; none when that is unknown.
    pub(crate) local: Option<SocketAddr>,
    /// Our address as the server sees it.
    pub(crate) mapped: Option<SocketAddr>,
    pub(crate) network: &'a IceNetwork,
    pub(crate) server: Option<&'a Server>,
    /// The transport to the server, of a relay.
    pub(crate) relay: Option<Transport>,
}

/// What clients that number their foundations compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kin {
    pub(crate) kind: CandidateType,
    pub(crate) protocol: Protocol,
    pub(crate) base: IpAddr,
    /// The server's address, as far as the client tells servers apart.
    pub(crate) server: Option<IpAddr>,
    /// The relayed address, for clients that look at it.
    pub(crate) relayed: Option<IpAddr>,
}

/// The memory behind foundations.
#[derive(Debug)]
pub(crate) struct Foundations {
    /// The ICE tie-breaker, which libwebrtc mixes in.
    pub(crate) tie_breaker: u64,
    seen: Vec<Kin>,
}

impl Foundations {
    pub(crate) fn new(ids: &mut IdSource) -> Self {
        Self { tie_breaker: ids.next_u64(), seen: Vec::new() }
    }

    /// The number of this kind of candidate: the next free one when it was not seen before.
    pub(crate) fn number(&mut self, kin: Kin) -> usize {
        self.seen.iter().position(|known| *known == kin).unwrap_or_else(|| {
            self.seen.push(kin);
            self.seen.len() - 1
        })
    }
}
