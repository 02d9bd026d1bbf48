//! The embedded lab as a network: sockets and names of its world, in place of the system's.
//!
//! The lab's servers are on loopback; its world gives them the addresses and ports that a report is about.
//! Here the two meet: what is dialled in the world is opened on loopback, and the office firewall between
//! them lets through, drops or rejects.

use crate::host::Host;
use crate::path::{BoxFuture, Datagrams, Dial, Listening, LookupFailure};
use raincheck_lab::{Door, Proto, World};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::ReadBuf;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// Dials inside the lab's world.
#[derive(Debug, Clone)]
pub struct LabDial {
    world: World,
}

impl LabDial {
    /// A way into this world.
    pub fn new(world: World) -> Self {
        Self { world }
    }

    /// The client's host in the world: one wired network.
    pub fn host(&self) -> Host {
        Host::wired("lab0", self.world.client_address(), 24)
    }
}

impl Dial for LabDial {
    fn tcp(&self, to: SocketAddr, _from: Option<IpAddr>) -> BoxFuture<'static, io::Result<TcpStream>> {
        let door = door(&self.world, Proto::Tcp, to);
        Box::pin(async move {
            match door {
                Door::Open(at) => {
                    let stream = TcpStream::connect(at).await?;
                    stream.set_nodelay(true)?;
                    Ok(stream)
                }
                Door::Drop => std::future::pending().await,
                Door::Reject => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }

    fn udp(&self, from: SocketAddr) -> io::Result<Arc<dyn Datagrams>> {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, from.port()))?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let ip = if from.ip().is_unspecified() { self.world.client_address() } else { from.ip() };
        let local = SocketAddr::new(ip, socket.local_addr()?.port());
        Ok(Arc::new(LabSocket { socket, world: self.world.clone(), local, state: Mutex::default() }))
    }

    fn listen(&self, at: SocketAddr) -> io::Result<Box<dyn Listening>> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, at.port()))?;
        listener.set_nonblocking(true)?;
        Ok(Box::new(LabListener { listener: TcpListener::from_std(listener)?, world: self.world.clone() }))
    }

    fn lookup(&self, name: &str) -> BoxFuture<'static, Result<Vec<IpAddr>, LookupFailure>> {
        let answer = self.world.resolve(name).ok_or(LookupFailure::NotFound);
        Box::pin(std::future::ready(answer))
    }
}

/// What a packet meets. The client's own address is in the office: the way there crosses no firewall.
fn door(world: &World, proto: Proto, to: SocketAddr) -> Door {
    match to.ip() == world.client_address() {
        true => Door::Open(SocketAddr::from((Ipv4Addr::LOCALHOST, to.port()))),
        false => world.door(proto, to),
    }
}

/// Who sent something: a server, a relay, or else somebody in the office.
fn sender(world: &World, from: SocketAddr) -> SocketAddr {
    world.seen_as(from).unwrap_or_else(|| SocketAddr::new(world.client_address(), from.port()))
}

/// A listening socket of the world, on a loopback socket.
struct LabListener {
    listener: TcpListener,
    world: World,
}

impl Listening for LabListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(TcpStream, SocketAddr)>> {
        Box::pin(async move {
            let (stream, from) = self.listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((stream, SocketAddr::new(self.world.client_address(), from.port())))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::new(self.world.client_address(), self.listener.local_addr()?.port()))
    }
}

/// A datagram socket of the world, on a loopback socket.
struct LabSocket {
    socket: UdpSocket,
    world: World,
    local: SocketAddr,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connected: Option<SocketAddr>,
    /// An ICMP rejection that a connected socket is told of at its next receive.
    rejected: bool,
    waker: Option<Waker>,
}

impl LabSocket {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stays in the office crosses no firewall.
    fn is_eaten(&self, other: SocketAddr, bytes: &[u8]) -> bool {
        other.ip() != self.world.client_address() && self.world.eats(other, bytes)
    }

    fn reject(&self) {
        let mut state = self.state();
        // As with a real socket, only a connected one is told.
        if state.connected.is_some() {
            state.rejected = true;
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Datagrams for LabSocket {
    fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        match door(&self.world, Proto::Udp, to) {
            Door::Open(_) if self.is_eaten(to, bytes) => Ok(bytes.len()),
            Door::Open(at) => self.socket.try_send_to(bytes, at),
            Door::Drop => Ok(bytes.len()),
            Door::Reject => {
                self.reject();
                Ok(bytes.len())
            }
        }
    }

    fn writable(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.socket.writable())
    }

    fn poll_recv_from(&self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>> {
        {
            let mut state = self.state();
            if std::mem::take(&mut state.rejected) {
                return Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()));
            }
            state.waker = Some(cx.waker().clone());
        }
        loop {
            let before = into.filled().len();
            let from = ready!(self.socket.poll_recv_from(cx, into))?;
            let seen = sender(&self.world, from);
            let wanted = self.state().connected.is_none_or(|peer| peer == seen);
            let bytes = into.filled().get(before..).unwrap_or_default();
            if wanted && !self.is_eaten(seen, bytes) {
                return Poll::Ready(Ok(seen));
            }
            into.set_filled(before);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<()>> {
        self.state().connected = Some(to);
        Box::pin(std::future::ready(Ok(())))
    }
}
