//! Sockets and names, behind a trait.
//!
//! Nothing else in the tool opens a socket or asks a resolver for a probe, so a lab or a test replaces the
//! network by replacing one value.

use crate::settings::Families;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;

/// A future on the heap, as object-safe traits need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a name has no addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupFailure {
    /// The resolver says that there is no such name, or that it has no address of a family in use.
    NotFound,
    /// The resolver failed in another way, in the system's words.
    Failed(String),
}

/// A way to open sockets and to resolve names.
pub trait Dial: Send + Sync + 'static {
    /// Connects to an address, from a local address when one is given. One attempt, bounded by the system
    /// alone: who calls it bounds it. Dropping the future ends the attempt. `TCP_NODELAY` is set.
    fn tcp(&self, to: SocketAddr, from: Option<IpAddr>) -> BoxFuture<'static, io::Result<TcpStream>>;

    /// Opens a datagram socket on a local address; port 0 lets the system choose. Call it inside a runtime.
    fn udp(&self, from: SocketAddr) -> io::Result<Arc<dyn Datagrams>>;

    /// Asks the system's resolver, once, for the addresses of a name in its order.
    fn lookup(&self, name: &str) -> BoxFuture<'static, Result<Vec<IpAddr>, LookupFailure>>;
}

/// A datagram socket.
pub trait Datagrams: Send + Sync + 'static {
    /// Sends one datagram now, or says [`io::ErrorKind::WouldBlock`]. On a connected socket `to` is the address
    /// it is connected to.
    fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize>;

    /// Waits until sending may work again.
    fn writable(&self) -> BoxFuture<'_, io::Result<()>>;

    /// Receives one datagram. Only the last task that polled is woken.
    fn poll_recv_from(&self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>>;

    /// Where the socket is bound.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Connects the socket, so that it hears nobody else and learns of ICMP errors.
    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<()>>;
}

/// The system's own sockets and resolver.
#[derive(Debug, Clone)]
pub struct SystemDial {
    /// Families that a lookup may answer with.
    pub families: Families,
    /// The local IPv4 address to leave from (`--interface`).
    pub source_v4: Option<Ipv4Addr>,
    /// The local IPv6 address to leave from.
    pub source_v6: Option<Ipv6Addr>,
    /// Names with fixed addresses (`--resolve`).
    pub pins: Vec<(String, IpAddr)>,
}

impl Dial for SystemDial {
    fn tcp(&self, to: SocketAddr, from: Option<IpAddr>) -> BoxFuture<'static, io::Result<TcpStream>> {
        let _ = (to, from);
        todo!()
    }

    fn udp(&self, from: SocketAddr) -> io::Result<Arc<dyn Datagrams>> {
        let _ = from;
        todo!()
    }

    fn lookup(&self, name: &str) -> BoxFuture<'static, Result<Vec<IpAddr>, LookupFailure>> {
        let _ = name;
        todo!()
    }
}
