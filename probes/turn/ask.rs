//! What can be asked of a TURN server, and what comes of it.

use crate::evidence::{Cause, Facts};
use crate::machine::Offset;
use std::net::SocketAddr;
use std::time::Duration;

/// Names one ask of a [`Client`](super::Client); unique within that client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub(super) u32);

/// The address families of an allocation (RFC 8656 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Families {
    /// IPv4, which is what a request without a family attribute means.
    V4,
    /// IPv6: REQUESTED-ADDRESS-FAMILY.
    V6,
    /// Both: ADDITIONAL-ADDRESS-FAMILY.
    Dual,
}

/// One question to the server. Several may be under way at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// STUN Binding (RFC 8489 section 3): what is our address?
    Binding,
    /// Allocate (RFC 8656 section 7), through the challenge where there is one.
    Allocate(Families),
    /// CreatePermission (RFC 8656 section 10) for all of these peers in one request, at most 64.
    Permission(Vec<SocketAddr>),
    /// ChannelBind (RFC 8656 section 12) for this peer; bound again when it is bound already.
    Channel(SocketAddr),
    /// Refresh (RFC 8656 section 8) with this lifetime.
    Refresh(Duration),
    /// Refresh with lifetime 0: the allocation is given back.
    Release,
}

/// What a successful answer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Binding succeeded.
    Bound {
        /// Our address as the server sees it.
        mapped: SocketAddr,
    },
    /// Allocate succeeded.
    Allocated {
        /// The relayed addresses, in the server's order; at least one.
        relayed: Vec<SocketAddr>,
        /// Our address as the server sees it.
        mapped: SocketAddr,
        /// How long the server keeps it.
        lifetime: Duration,
        /// The family that the server refused of a dual allocation (RFC 8656 section 18.13).
        address_errors: Vec<AddressError>,
    },
    /// CreatePermission succeeded.
    Permitted,
    /// ChannelBind succeeded, with this channel number.
    Channel(u16),
    /// Refresh succeeded, with this lifetime.
    Refreshed(Duration),
    /// The allocation is gone.
    Released,
}

/// ADDRESS-ERROR-CODE: one family of a dual allocation that the server did not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    /// Whether it is the IPv6 address that is missing, rather than the IPv4 one.
    pub ipv6: bool,
    /// The error code.
    pub stun_code: u16,
    /// The server's reason phrase, cleaned.
    pub reason: String,
}

/// One transaction: a request with its retransmissions, and what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// When the request was first sent.
    pub began: Offset,
    /// When it was answered or given up.
    pub ended: Offset,
    /// How often it was sent.
    pub sends: u32,
    /// The error code of the answer; none when it was a success or there was none.
    pub stun_code: Option<u16>,
    /// Round-trip time, only where it is exact: the request was sent once and answered.
    pub rtt: Option<Duration>,
}

/// An ask came to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Which ask.
    pub id: AskId,
    /// What was asked.
    pub ask: Ask,
    /// What came of it.
    pub result: Result<Answer, Cause>,
    /// When it was asked.
    pub began: Offset,
    /// When it ended.
    pub ended: Offset,
    /// The transactions it took, in order: a first Allocate takes two.
    pub rounds: Vec<Round>,
    /// Whether an answer carried an integrity that fits our credentials: the server knows them.
    pub authenticated: bool,
    /// What else was seen: `sends`, `rtt_ms` or `rtt_ms_between`, `software`, `realm`, `mapped`, `relayed`, `integrity`,
    /// `algorithm`, and what the raw layer had to be lenient about.
    pub facts: Facts,
}

impl Finished {
    /// How often requests were sent, all rounds together.
    pub fn sends(&self) -> u32 {
        self.rounds.iter().map(|round| round.sends).sum()
    }

    /// The exact round-trip times, milliseconds.
    pub fn rtts_ms(&self) -> impl Iterator<Item = f64> + '_ {
        self.rounds.iter().filter_map(|round| round.rtt).map(|rtt| rtt.as_secs_f64() * 1000.0)
    }
}

/// What the driver should know.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An ask came to its end.
    Finished(Finished),
    /// The client kept allocation, permissions or channels alive by itself, or tried to.
    Upkeep(Finished),
    /// Bytes from a peer, by Data indication or ChannelData.
    Data {
        /// The peer.
        peer: SocketAddr,
        /// What it sent.
        payload: Vec<u8>,
    },
    /// 300: the server wants to be asked at another address (RFC 8489 section 10). The ask has failed here;
    /// a new client may ask there, within [`Redirects`](super::Redirects).
    Redirected {
        /// The ask that was redirected.
        id: AskId,
        /// ALTERNATE-SERVER.
        to: SocketAddr,
        /// ALTERNATE-DOMAIN, cleaned: the name to expect in the certificate.
        domain: Option<String>,
    },
    /// Something came in that fits nothing: no ask failed for it, but a report should show it.
    Odd {
        /// What it was.
        cause: Cause,
    },
}

/// What the client wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send these bytes: one datagram, or bytes of the stream. Then poll again.
    Transmit(Vec<u8>),
    /// Note this, then poll again.
    Event(Event),
    /// Nothing to do before this time or the next input.
    WaitUntil(Offset),
    /// Nothing to do before the next input or ask.
    Idle,
}
