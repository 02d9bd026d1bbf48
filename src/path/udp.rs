//! One datagram socket for many servers, and the control for silence.

use super::dial::Dial;
use crate::run::Clock;
use raincheck_probes::evidence::Cause;
use raincheck_probes::machine::Offset;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// One datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// What it carries.
    pub bytes: Vec<u8>,
    /// When it was read from the socket.
    pub at: Offset,
}

/// One socket, shared by the links to many servers. Closed when it and all its links are gone.
#[derive(Clone)]
pub struct SharedUdp {}

impl SharedUdp {
    /// Opens the socket and begins to sort what comes in.
    pub fn open(dial: &dyn Dial, from: SocketAddr, clock: Clock) -> io::Result<Self> {
        let _ = (dial, from, clock);
        todo!()
    }

    /// Where the socket is bound.
    pub fn local(&self) -> SocketAddr {
        todo!()
    }

    /// A link to a server; `None` while another link to it is held.
    pub fn link(&self, server: SocketAddr) -> Option<UdpLink> {
        let _ = server;
        todo!()
    }

    /// Datagrams from addresses that no link is for.
    pub fn strays(&self) -> u64 {
        todo!()
    }

    /// Rejections that the system reported on the socket without saying whose.
    pub fn rejections(&self) -> u64 {
        todo!()
    }
}

/// The datagrams to and from one server over a shared socket.
pub struct UdpLink {}

impl UdpLink {
    /// Sends one datagram. An error is the system's: what it means for the path is [`super::connect::cause_of`].
    pub async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let _ = bytes;
        todo!()
    }

    /// The next datagram from the server; `None` when the socket is dead. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Datagram> {
        todo!()
    }

    /// Our end.
    pub fn local(&self) -> SocketAddr {
        todo!()
    }

    /// The server.
    pub fn server(&self) -> SocketAddr {
        todo!()
    }

    /// Datagrams that were dropped because nobody read them.
    pub fn dropped(&self) -> u64 {
        todo!()
    }
}

/// What a connected socket learned of a server that stayed silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlResult {
    /// The network or this host rejects the datagrams.
    Rejected(Cause),
    /// The server answered after all.
    Answered(Vec<u8>),
    /// Nothing came back.
    Silent {
        /// Requests that were sent.
        requests: u32,
    },
    /// The question could not be put.
    NotAsked(Cause),
}

/// Sends a request from a connected socket of its own at these times, and waits until `within` for an answer or for
/// the ICMP error that only a connected socket is told of.
pub async fn udp_control(
    dial: &dyn Dial,
    from: SocketAddr,
    server: SocketAddr,
    request: &[u8],
    schedule: &[Duration],
    within: Duration,
) -> ControlResult {
    let _ = (dial, from, server, request, schedule, within);
    todo!()
}
