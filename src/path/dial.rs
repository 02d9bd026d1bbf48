//! Sockets and names, behind a trait.
//!
//! Nothing else in the tool opens a socket or asks a resolver for a probe, so a lab or a test replaces the
//! network by replacing one value.

use super::icmp::IcmpError;
use crate::platform;
use crate::settings::Families;
use socket2::{Domain, Protocol, Socket, Type};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::ReadBuf;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket, lookup_host};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 16;

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

    /// Listens for connections on a local address; port 0 lets the system choose. Call it inside a runtime.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::Unsupported`] where nobody can connect to this network from outside.
    fn listen(&self, _at: SocketAddr) -> io::Result<Box<dyn Listening>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A listening socket.
pub trait Listening: Send + Sync + 'static {
    /// The next connection, and where it comes from. `TCP_NODELAY` is set. Cancel-safe.
    fn accept(&self) -> BoxFuture<'_, io::Result<(TcpStream, SocketAddr)>>;

    /// Where the socket is bound.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

impl Listening for TcpListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(TcpStream, SocketAddr)>> {
        Box::pin(async move {
            let (stream, from) = Self::accept(self).await?;
            stream.set_nodelay(true)?;
            Ok((stream, from))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
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

    /// The next ICMP error for a datagram that was sent; never, where the system does not tell. Cancel-safe.
    fn icmp_error(&self) -> BoxFuture<'_, IcmpError> {
        Box::pin(std::future::pending())
    }
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

impl SystemDial {
    fn source(&self, is_v4: bool) -> Option<IpAddr> {
        if is_v4 { self.source_v4.map(IpAddr::V4) } else { self.source_v6.map(IpAddr::V6) }
    }

    fn wants(&self, address: &IpAddr) -> bool {
        if address.is_ipv4() { self.families.v4 } else { self.families.v6 }
    }
}

impl Dial for SystemDial {
    fn tcp(&self, to: SocketAddr, from: Option<IpAddr>) -> BoxFuture<'static, io::Result<TcpStream>> {
        let from = from.filter(|from| !from.is_unspecified()).or_else(|| self.source(to.is_ipv4()));
        Box::pin(async move {
            let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.set_nodelay(true)?;
            if let Some(from) = from {
                socket.bind(SocketAddr::new(from, 0))?;
            }
            socket.connect(to).await
        })
    }

    fn udp(&self, mut from: SocketAddr) -> io::Result<Arc<dyn Datagrams>> {
        if from.ip().is_unspecified()
            && let Some(source) = self.source(from.is_ipv4())
        {
            from.set_ip(source);
        }
        let socket = Socket::new(Domain::for_address(from), Type::DGRAM, Some(Protocol::UDP))?;
        if from.is_ipv6() {
            // One socket per family, so that each path leaves from the address that it names.
            socket.set_only_v6(true)?;
        }
        platform::keep_icmp_errors(&socket, from.is_ipv4());
        socket.set_nonblocking(true)?;
        socket.bind(&from.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(Arc::new(SystemDatagrams { socket, connected: AtomicBool::new(false) }))
    }

    fn listen(&self, at: SocketAddr) -> io::Result<Box<dyn Listening>> {
        Ok(Box::new(listener(at, self.source(at.is_ipv4()))?))
    }

    fn lookup(&self, name: &str) -> BoxFuture<'static, Result<Vec<IpAddr>, LookupFailure>> {
        let name = name.trim_end_matches('.').to_owned();
        let pinned = |pin: &str| pin.trim_end_matches('.').eq_ignore_ascii_case(&name);
        let mut fixed: Vec<IpAddr> =
            self.pins.iter().filter(|(pin, _)| pinned(pin)).map(|(_, address)| *address).collect();
        let is_pinned = !fixed.is_empty();
        fixed.retain(|address| self.wants(address));
        let dial = self.clone();
        Box::pin(async move {
            let mut addresses = fixed;
            if !is_pinned {
                let found = lookup_host((name.as_str(), 0)).await.map_err(|error| lookup_failure(&error))?;
                for address in found.map(|found| found.ip()).filter(|address| dial.wants(address)) {
                    if !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
            }
            if addresses.is_empty() { Err(LookupFailure::NotFound) } else { Ok(addresses) }
        })
    }
}

/// A listening socket of the system.
fn listener(mut at: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpListener> {
    if let Some(source) = source.filter(|_| at.ip().is_unspecified()) {
        at.set_ip(source);
    }
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A socket of the system. Some systems refuse an address in a send once the socket is connected.
struct SystemDatagrams {
    socket: UdpSocket,
    connected: AtomicBool,
}

impl Datagrams for SystemDatagrams {
    fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        if self.connected.load(Ordering::Relaxed) {
            self.socket.try_send(bytes)
        } else {
            self.socket.try_send_to(bytes, to)
        }
    }

    fn writable(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.socket.writable())
    }

    fn poll_recv_from(&self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>> {
        self.socket.poll_recv_from(cx, into)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            self.socket.connect(to).await?;
            self.connected.store(true, Ordering::Relaxed);
            Ok(())
        })
    }

    fn icmp_error(&self) -> BoxFuture<'_, IcmpError> {
        Box::pin(platform::icmp_error(&self.socket))
    }
}

/// Tells "there is no such name" from "the resolver failed". The standard library keeps the number of the error on
/// Windows only (`WSAHOST_NOT_FOUND`, `WSANO_DATA`); elsewhere there are just the words of `gai_strerror`, which are
/// never translated since the program sets no locale.
fn lookup_failure(error: &io::Error) -> LookupFailure {
    const NOT_FOUND: [&str; 6] = [
        "name or service not known",
        "no address associated with hostname",
        "nodename nor servname provided",
        "name does not resolve",
        "name has no usable address",
        "no such host is known",
    ];
    let words = error.to_string();
    let lower = words.to_ascii_lowercase();
    let by_number = cfg!(windows) && matches!(error.raw_os_error(), Some(11001 | 11004));
    if by_number || NOT_FOUND.iter().any(|known| lower.contains(known)) {
        LookupFailure::NotFound
    } else {
        LookupFailure::Failed(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial(v4: bool, v6: bool) -> SystemDial {
        let pin = |name: &str, address: &str| (name.to_owned(), address.parse().unwrap());
        SystemDial {
            families: Families { v4, v6 },
            source_v4: Some(Ipv4Addr::LOCALHOST),
            source_v6: None,
            pins: vec![pin("Turn.Example", "192.0.2.1"), pin("turn.example.", "2001:db8::1")],
        }
    }

    #[tokio::test]
    async fn a_pinned_name_has_its_addresses_in_the_families_in_use() {
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(dial(true, true).lookup("turn.example").await, Ok(vec![v4, v6]));
        assert_eq!(dial(false, true).lookup("TURN.example.").await, Ok(vec![v6]));
        assert_eq!(dial(false, false).lookup("turn.example").await, Err(LookupFailure::NotFound));
    }

    #[tokio::test]
    async fn a_connection_leaves_from_the_interface_without_delay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let stream = dial(true, true).tcp(to, Some("127.0.0.2".parse().unwrap())).await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert_eq!(stream.local_addr().unwrap().ip(), IpAddr::from([127, 0, 0, 2]));
        let stream = dial(true, true).tcp(to, None).await.unwrap();
        assert_eq!(stream.local_addr().unwrap().ip(), IpAddr::from([127, 0, 0, 1]));
    }

    #[tokio::test]
    async fn a_listener_of_any_address_stays_on_the_interface_and_says_who_connects() {
        let listener = dial(true, true).listen("0.0.0.0:0".parse().unwrap()).unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(at.ip(), IpAddr::from([127, 0, 0, 1]));
        let (client, server) = tokio::join!(TcpStream::connect(at), listener.accept());
        let (stream, from) = server.unwrap();
        assert_eq!(from, client.unwrap().local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn a_datagram_socket_leaves_from_the_interface() {
        let socket = dial(true, true).udp("0.0.0.0:0".parse().unwrap()).unwrap();
        assert_eq!(socket.local_addr().unwrap().ip(), IpAddr::from([127, 0, 0, 1]));
    }

    #[test]
    fn a_name_that_is_not_there_differs_from_a_resolver_that_fails() {
        let words = |text: &str| lookup_failure(&io::Error::other(text.to_owned()));
        let gone = "failed to lookup address information: Name or service not known";
        assert_eq!(words(gone), LookupFailure::NotFound);
        let failed = "failed to lookup address information: Temporary failure in name resolution";
        assert_eq!(words(failed), LookupFailure::Failed(failed.to_owned()));
    }
}
