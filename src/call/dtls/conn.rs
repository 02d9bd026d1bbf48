//! A chosen path as the datagram trait of the WebRTC crates.

use async_trait::async_trait;
use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Mutex, mpsc, watch};
use webrtc_util::conn::Conn;
use webrtc_util::{Error, Result};

/// One path, direct or relayed, on which datagrams go to and from one peer.
///
/// It behaves like a connected UDP socket: sending never waits, a datagram that finds the queue full is dropped and
/// counted, and a datagram longer than the reader's buffer is cut.
pub struct PathConn {
    outgoing: mpsc::Sender<Vec<u8>>,
    incoming: Mutex<mpsc::Receiver<Vec<u8>>>,
    closed: watch::Sender<bool>,
    local: SocketAddr,
    remote: SocketAddr,
    counters: Arc<Counters>,
}

/// The other side of a [`PathConn`], for who owns the sockets.
pub struct PathEnd {
    /// Takes what came from the peer.
    pub feed: PathFeed,
    /// Datagrams to send to the peer.
    pub outgoing: mpsc::Receiver<Vec<u8>>,
}

/// Hands over what came from the peer.
#[derive(Clone)]
pub struct PathFeed {
    incoming: mpsc::Sender<Vec<u8>>,
    counters: Arc<Counters>,
}

/// What went through a [`PathConn`], in datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnCounters {
    /// Handed over for sending.
    pub sent: u64,
    /// Not sent: the queue was full.
    pub sent_dropped: u64,
    /// Read by the owner of the connection.
    pub received: u64,
    /// Came in and found the queue full; only counted for [`PathFeed::deliver`].
    pub received_dropped: u64,
    /// Came in and were cut to the reader's buffer.
    pub cut: u64,
}

#[derive(Default)]
struct Counters {
    sent: AtomicU64,
    sent_dropped: AtomicU64,
    received: AtomicU64,
    received_dropped: AtomicU64,
    cut: AtomicU64,
}

impl PathConn {
    /// A connection over two channels, which bound what waits in each direction.
    pub fn new(
        outgoing: mpsc::Sender<Vec<u8>>,
        incoming: mpsc::Receiver<Vec<u8>>,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Self {
        let (closed, _) = watch::channel(false);
        Self { outgoing, incoming: Mutex::new(incoming), closed, local, remote, counters: Arc::default() }
    }

    /// A connection and its other side, with at most `capacity` datagrams waiting in each direction.
    pub fn pair(capacity: usize, local: SocketAddr, remote: SocketAddr) -> (Self, PathEnd) {
        let (outgoing, taken) = mpsc::channel(capacity.max(1));
        let (deliver, incoming) = mpsc::channel(capacity.max(1));
        let conn = Self::new(outgoing, incoming, local, remote);
        let counters = Arc::clone(&conn.counters);
        (conn, PathEnd { feed: PathFeed { incoming: deliver, counters }, outgoing: taken })
    }

    /// What went through so far.
    pub fn counters(&self) -> ConnCounters {
        self.counters.read()
    }
}

impl PathFeed {
    /// Hands over a datagram that came from the peer; `false` when it was dropped because nobody reads fast enough,
    /// or at all.
    pub fn deliver(&self, datagram: Vec<u8>) -> bool {
        let taken = self.incoming.try_send(datagram).is_ok();
        if !taken {
            add(&self.counters.received_dropped);
        }
        taken
    }

    /// What went through so far.
    pub fn counters(&self) -> ConnCounters {
        self.counters.read()
    }
}

#[async_trait]
impl Conn for PathConn {
    async fn connect(&self, addr: SocketAddr) -> Result<()> {
        if addr == self.remote { Ok(()) } else { Err(Error::ErrAddressAlreadyInUse) }
    }

    async fn recv(&self, buf: &mut [u8]) -> Result<usize> {
        let mut closed = self.closed.subscribe();
        let mut incoming = self.incoming.lock().await;
        let datagram = tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => None,
            datagram = incoming.recv() => datagram,
        };
        let datagram = datagram.ok_or(Error::ErrAlreadyClosed)?;
        add(&self.counters.received);
        if datagram.len() > buf.len() {
            add(&self.counters.cut);
        }
        let length = buf.iter_mut().zip(&datagram).map(|(to, from)| *to = *from).count();
        Ok(length)
    }

    async fn recv_from(&self, buf: &mut [u8]) -> Result<(usize, SocketAddr)> {
        Ok((self.recv(buf).await?, self.remote))
    }

    async fn send(&self, buf: &[u8]) -> Result<usize> {
        if *self.closed.borrow() {
            return Err(Error::ErrAlreadyClosed);
        }
        match self.outgoing.try_send(buf.to_vec()) {
            Ok(()) => add(&self.counters.sent),
            Err(mpsc::error::TrySendError::Full(_)) => add(&self.counters.sent_dropped),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(Error::ErrAlreadyClosed),
        }
        Ok(buf.len())
    }

    async fn send_to(&self, buf: &[u8], target: SocketAddr) -> Result<usize> {
        if target == self.remote { self.send(buf).await } else { Err(Error::ErrNoRemAddr) }
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.local)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        Some(self.remote)
    }

    async fn close(&self) -> Result<()> {
        self.closed.send_replace(true);
        Ok(())
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}

impl Counters {
    fn read(&self) -> ConnCounters {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ConnCounters {
            sent: of(&self.sent),
            sent_dropped: of(&self.sent_dropped),
            received: of(&self.received),
            received_dropped: of(&self.received_dropped),
            cut: of(&self.cut),
        }
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
