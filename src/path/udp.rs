//! One datagram socket for many servers, and the control for silence.

use super::connect::cause_of;
use super::dial::{Datagrams, Dial};
use super::icmp::{IcmpError, Rejection};
use crate::run::Clock;
use raincheck_probes::evidence::Cause;
use raincheck_probes::machine::Offset;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Datagrams that a link keeps for its reader; more are dropped and counted, as a socket buffer does.
const QUEUE: usize = 512;
/// Errors in a row after which a socket counts as dead.
const MAX_ERRORS: u32 = 100;
/// How often a datagram is given to the system that reports an error, perhaps that of an earlier one, instead.
const SEND_TRIES: u32 = 3;
/// How long the ICMP error behind an error number is waited for; both come at the same moment.
const DETAIL_WITHIN: Duration = Duration::from_millis(20);
const MAX_DATAGRAM: usize = 65_536;

/// One datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// What it carries.
    pub bytes: Vec<u8>,
    /// When it was read from the socket.
    pub at: Offset,
}

/// What comes in over a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A datagram from the server.
    Datagram(Datagram),
    /// An ICMP error for a datagram to the server.
    Icmp(IcmpError),
}

/// What came in over a shared socket from, or about, an address that no link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Where the socket is bound.
    pub socket: SocketAddr,
    /// Who sent it; of an ICMP error, whom it is about.
    pub from: SocketAddr,
    /// What it is.
    pub incoming: Incoming,
}

/// One socket, shared by the links to many servers. Closed when it and all its links are gone.
#[derive(Clone)]
pub struct SharedUdp {
    keeper: Arc<Keeper>,
}

/// Ends the sorting when the last one who may read is gone.
struct Keeper {
    shared: Arc<Shared>,
    sorter: AbortHandle,
}

struct Shared {
    socket: Arc<dyn Datagrams>,
    local: SocketAddr,
    clock: Clock,
    links: Mutex<HashMap<SocketAddr, Slot>>,
    taker: OnceLock<mpsc::Sender<Stray>>,
    strays: AtomicU64,
    rejections: AtomicU64,
}

struct Slot {
    queue: mpsc::Sender<Incoming>,
    dropped: Arc<AtomicU64>,
}

impl SharedUdp {
    /// Opens the socket and begins to sort what comes in. Call it inside a runtime.
    pub fn open(dial: &dyn Dial, from: SocketAddr, clock: Clock) -> io::Result<Self> {
        let socket = dial.udp(from)?;
        let local = socket.local_addr()?;
        let (links, taker, strays, rejections) = Default::default();
        let shared = Arc::new(Shared { socket, local, clock, links, taker, strays, rejections });
        let sorter = tokio::spawn(sort(Arc::clone(&shared))).abort_handle();
        Ok(Self { keeper: Arc::new(Keeper { shared, sorter }) })
    }

    /// Where the socket is bound.
    pub fn local(&self) -> SocketAddr {
        self.keeper.shared.local
    }

    /// A link to a server; `None` while another link to it is held.
    pub fn link(&self, server: SocketAddr) -> Option<UdpLink> {
        let key = key_of(server);
        let mut links = self.keeper.shared.links();
        if links.contains_key(&key) {
            return None;
        }
        let (queue, incoming) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        links.insert(key, Slot { queue, dropped: Arc::clone(&dropped) });
        Some(UdpLink { keeper: Arc::clone(&self.keeper), server, incoming, dropped })
    }

    /// Sends one datagram to any address. An error is the system's; [`cause_of`] says what it means.
    pub async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        send(&*self.keeper.shared.socket, bytes, to, || self.keeper.shared.note_rejection()).await
    }

    /// From now on strays go into this queue, as long as it has room: an ICE agent hears its peers there. False when
    /// somebody takes them already.
    pub fn take_strays(&self, queue: mpsc::Sender<Stray>) -> bool {
        self.keeper.shared.taker.set(queue).is_ok()
    }

    /// Datagrams from addresses that no link is for, which nobody took.
    pub fn strays(&self) -> u64 {
        self.keeper.shared.strays.load(Ordering::Relaxed)
    }

    /// Errors of the socket that stood for a rejection (ICMP port unreachable). They do not say whose; where the system
    /// does, the links are told as well.
    pub fn rejections(&self) -> u64 {
        self.keeper.shared.rejections.load(Ordering::Relaxed)
    }
}

/// The datagrams to and from one server over a shared socket.
pub struct UdpLink {
    keeper: Arc<Keeper>,
    server: SocketAddr,
    incoming: mpsc::Receiver<Incoming>,
    dropped: Arc<AtomicU64>,
}

impl UdpLink {
    /// Sends one datagram. An error is the system's; [`cause_of`] says what it means for the path.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        send(&*self.keeper.shared.socket, bytes, self.server, || self.keeper.shared.note_rejection()).await
    }

    /// The next datagram from the server, or ICMP error about it; `None` when the socket is dead. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Incoming> {
        self.incoming.recv().await
    }

    /// Our end.
    pub fn local(&self) -> SocketAddr {
        self.keeper.shared.local
    }

    /// The server.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Datagrams that were dropped because nobody read them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// What a connected socket learned of a server that stayed silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlResult {
    /// The network or this host rejects the datagrams.
    Rejected(Rejection),
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
/// the ICMP error that, on most systems, only a connected socket is told of.
pub async fn udp_control(
    dial: &dyn Dial,
    from: SocketAddr,
    server: SocketAddr,
    request: &[u8],
    schedule: &[Duration],
    within: Duration,
) -> ControlResult {
    let socket = match dial.udp(from) {
        Ok(socket) => socket,
        Err(error) => return ControlResult::NotAsked(cause_of(&error)),
    };
    if let Err(error) = socket.connect(server).await {
        return ControlResult::Rejected(Rejection { cause: rejection(&error), icmp: None });
    }
    let mut requests = 0;
    let asking = async {
        let mut last = Duration::ZERO;
        for at in schedule {
            tokio::time::sleep(at.saturating_sub(last)).await;
            last = *at;
            send_once(&*socket, request, server).await?;
            requests += 1;
        }
        std::future::pending::<io::Result<()>>().await
    };
    let mut buffer = vec![0; MAX_DATAGRAM];
    let outcome = tokio::time::timeout(within, async {
        tokio::select! {
            // What has come in says more than a send that fails because of it.
            biased;
            heard = receive(&*socket, &mut buffer) => match heard {
                Ok((bytes, _)) => Ok(bytes.to_vec()),
                Err(error) => Err(explained(&*socket, &error).await),
            },
            rejection = next_rejection(&*socket) => Err(rejection),
            Err(error) = asking => Err(explained(&*socket, &error).await),
        }
    })
    .await;
    match outcome {
        Ok(Ok(bytes)) => ControlResult::Answered(bytes),
        Ok(Err(rejection)) => ControlResult::Rejected(rejection),
        Err(_) => ControlResult::Silent { requests },
    }
}

impl Shared {
    fn links(&self) -> MutexGuard<'_, HashMap<SocketAddr, Slot>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_rejection(&self) {
        self.rejections.fetch_add(1, Ordering::Relaxed);
    }

    fn deliver(&self, incoming: Incoming, from: SocketAddr) {
        match self.links().get(&key_of(from)) {
            Some(slot) => {
                if slot.queue.try_send(incoming).is_err() {
                    slot.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            None => {
                let stray = Stray { socket: self.local, from: key_of(from), incoming };
                if self.taker.get().is_none_or(|queue| queue.try_send(stray).is_err()) {
                    self.strays.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.sorter.abort();
    }
}

impl Drop for UdpLink {
    fn drop(&mut self) {
        self.keeper.shared.links().remove(&key_of(self.server));
    }
}

/// Reads the socket until it is dead, and hands each datagram to the link of its sender.
async fn sort(shared: Arc<Shared>) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    let mut errors = 0;
    while errors < MAX_ERRORS {
        let received = tokio::select! {
            received = receive(&*shared.socket, &mut buffer) => received,
            error = shared.socket.icmp_error() => {
                errors = 0;
                let about = error.about;
                shared.deliver(Incoming::Icmp(error), about);
                continue;
            }
        };
        match received {
            Ok((bytes, from)) => {
                errors = 0;
                let datagram = Datagram { bytes: bytes.to_vec(), at: shared.clock.now() };
                shared.deliver(Incoming::Datagram(datagram), from);
            }
            // Windows reports an ICMP rejection of an earlier datagram here (WSAECONNRESET); the socket lives on.
            Err(error) if is_rejection(&error) => shared.note_rejection(),
            Err(_) => {
                errors += 1;
                tokio::task::yield_now().await;
            }
        }
    }
    shared.links().clear();
}

async fn receive<'a>(socket: &dyn Datagrams, into: &'a mut [u8]) -> io::Result<(&'a [u8], SocketAddr)> {
    let mut filled = ReadBuf::new(into);
    let from = poll_fn(|cx| socket.poll_recv_from(cx, &mut filled)).await?;
    let length = filled.filled().len();
    Ok((into.get(..length).unwrap_or_default(), from))
}

/// Sends a datagram. The error may be the ICMP error for an earlier one, perhaps to another server: the system tells
/// of that once, and has not sent this one yet.
async fn send(
    socket: &dyn Datagrams,
    bytes: &[u8],
    to: SocketAddr,
    note_rejection: impl Fn(),
) -> io::Result<()> {
    let mut tries = 1;
    loop {
        match send_once(socket, bytes, to).await {
            Err(error) if tries < SEND_TRIES => {
                tries += 1;
                if is_rejection(&error) {
                    note_rejection();
                }
            }
            sent => return sent,
        }
    }
}

async fn send_once(socket: &dyn Datagrams, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
    loop {
        match socket.try_send_to(bytes, to) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.writable().await?;
                // After an ICMP error tokio calls the socket writable for good.
                tokio::task::yield_now().await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The rejection behind an error of a connected socket.
async fn explained(socket: &dyn Datagrams, error: &io::Error) -> Rejection {
    match tokio::time::timeout(DETAIL_WITHIN, next_rejection(socket)).await {
        Ok(rejection) => rejection,
        Err(_) => Rejection { cause: rejection(error), icmp: None },
    }
}

async fn next_rejection(socket: &dyn Datagrams) -> Rejection {
    loop {
        if let Some(rejection) = socket.icmp_error().await.rejection() {
            return rejection;
        }
    }
}

fn is_rejection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
}

fn rejection(error: &io::Error) -> Cause {
    if is_rejection(error) { Cause::Refused } else { cause_of(error) }
}

/// The sender's address without what only the sending side knows: flow label, and scope unless link-local.
fn key_of(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(mut v6) => {
            v6.set_flowinfo(0);
            if !Ipv6Addr::is_unicast_link_local(v6.ip()) {
                v6.set_scope_id(0);
            }
            v6.into()
        }
        SocketAddr::V4(_) => address,
    }
}
