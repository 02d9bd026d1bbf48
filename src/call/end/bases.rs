//! What sends and receives for each local candidate.

use super::stream;
use crate::path::connect::cause_of;
use crate::path::{Dial, SharedUdp};
use crate::run::{Session, SessionId};
use raincheck_probes::evidence::Cause;
use raincheck_probes::ice::agent::BaseId;
use raincheck_probes::ice::stack::ChannelUse;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Datagrams that may wait for a socket.
const OUTBOX: usize = 256;
/// How long the last datagrams may take to leave this host.
const SEND_WITHIN: Duration = Duration::from_millis(200);

/// A packet could not be sent, or a TURN server does not let a peer in.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) base: BaseId,
    /// The peer; port 0 for all of its ports.
    pub(super) to: SocketAddr,
    pub(super) cause: Cause,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It leaves.
    Leaves,
    /// It gets lost on the way: the base is cut.
    Cut,
    /// There was no room for it, or there is no way any more.
    Dropped,
}

/// All bases of an end; [`BaseId`] is the index.
pub(super) struct Bases {
    list: Vec<Base>,
    sockets: HashMap<SocketAddr, BaseId>,
    sessions: HashMap<SessionId, BaseId>,
    channels: ChannelUse,
    desk: stream::Desk,
    dial: Arc<dyn Dial>,
    refusals: mpsc::Sender<Refusal>,
    tasks: JoinSet<()>,
    /// Of sockets. Each ends once its queue is closed and empty.
    senders: JoinSet<()>,
}

struct Base {
    way: Way,
    path: Option<String>,
    is_cut: bool,
}

enum Way {
    /// A UDP socket.
    Udp(mpsc::Sender<(SocketAddr, Vec<u8>)>),
    /// An allocation, and the peers that a channel was asked for.
    Relay(Session, HashSet<SocketAddr>),
    /// Connections, opened from this address or accepted.
    Tcp(IpAddr, HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>),
    /// Nothing any more.
    Gone,
}

impl Bases {
    pub(super) fn new(
        channels: ChannelUse,
        desk: stream::Desk,
        dial: Arc<dyn Dial>,
        refusals: mpsc::Sender<Refusal>,
    ) -> Self {
        let (list, sockets, sessions, tasks, senders) = Default::default();
        Self { list, sockets, sessions, channels, desk, dial, refusals, tasks, senders }
    }

    /// A UDP socket becomes the next base.
    pub(super) fn add_udp(&mut self, base: BaseId, socket: SharedUdp) {
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        self.sockets.insert(socket.local(), base);
        self.senders.spawn(send_datagrams(socket, inbox, base, self.refusals.clone()));
        self.add(Way::Udp(outbox), None);
    }

    /// A TCP address becomes the next base.
    pub(super) fn add_tcp(
        &mut self,
        base: BaseId,
        from: IpAddr,
        listener: Option<Box<dyn crate::path::Listening>>,
    ) {
        if let Some(listener) = listener {
            self.tasks.spawn(stream::listen(self.desk.clone(), listener, base));
        }
        self.add(Way::Tcp(from, HashMap::new()), None);
    }

    /// An allocation becomes the next base.
    pub(super) fn add_relay(&mut self, base: BaseId, session: Session, path: Option<String>) {
        self.sessions.insert(session.id(), base);
        self.add(Way::Relay(session, HashSet::new()), path);
    }

    fn add(&mut self, way: Way, path: Option<String>) {
        self.list.push(Base { way, path, is_cut: false });
    }

    /// The base of a socket.
    pub(super) fn of_socket(&self, local: SocketAddr) -> Option<BaseId> {
        self.sockets.get(&local).copied()
    }

    /// The base of a session.
    pub(super) fn of_session(&self, session: SessionId) -> Option<BaseId> {
        self.sessions.get(&session).copied()
    }

    /// Whether nothing may pass.
    pub(super) fn is_cut(&self, base: BaseId) -> bool {
        self.list.get(base.0).is_none_or(|base| base.is_cut)
    }

    /// Sends one packet.
    pub(super) fn send(&mut self, base: BaseId, to: SocketAddr, bytes: Vec<u8>) -> Sent {
        let Some(base) = self.list.get(base.0) else { return Sent::Dropped };
        if base.is_cut {
            return Sent::Cut;
        }
        let leaves = match &base.way {
            Way::Udp(outbox) => outbox.try_send((to, bytes)).is_ok(),
            Way::Relay(session, _) => session.try_send(to, bytes),
            Way::Tcp(_, connections) => {
                connections.get(&to).is_some_and(|outbox| outbox.try_send(bytes).is_ok())
            }
            Way::Gone => false,
        };
        if leaves { Sent::Leaves } else { Sent::Dropped }
    }

    /// Sends one packet of data; the first to a peer may ask for a channel.
    pub(super) fn send_data(&mut self, base: BaseId, to: SocketAddr, bytes: Vec<u8>) -> Sent {
        let sent = self.send(base, to, bytes);
        if sent == Sent::Leaves && self.channels == ChannelUse::FirstData {
            self.bind_channel(base, to);
        }
        sent
    }

    /// Lets a peer in at the TURN server.
    pub(super) fn permit(&mut self, base: BaseId, peer: SocketAddr) {
        self.let_in(base, peer, false);
        if self.channels == ChannelUse::Always {
            self.bind_channel(base, peer);
        }
    }

    fn bind_channel(&mut self, base: BaseId, peer: SocketAddr) {
        let is_new = match self.list.get_mut(base.0) {
            Some(Base { way: Way::Relay(_, bound), is_cut: false, .. }) => bound.insert(peer),
            _ => false,
        };
        if is_new {
            self.let_in(base, peer, true);
        }
    }

    fn let_in(&mut self, base: BaseId, peer: SocketAddr, by_channel: bool) {
        let Some(Way::Relay(session, _)) = self.list.get(base.0).map(|base| &base.way) else { return };
        let Some(answer) = session.try_let_in(peer, by_channel) else { return };
        // A permission is for an address, whatever the port (RFC 8656 section 9).
        let to = if by_channel { peer } else { SocketAddr::new(peer.ip(), 0) };
        let refusals = self.refusals.clone();
        self.tasks.spawn(async move {
            // Without an answer the session is over, and says so itself.
            if let Some(Err(cause)) = answer.await {
                let _ = refusals.send(Refusal { base, to, cause }).await;
            }
        });
    }

    /// Opens a connection to a peer.
    pub(super) fn connect(&mut self, base: BaseId, to: SocketAddr) {
        if let Some(Way::Tcp(from, _)) = self.list.get(base.0).map(|base| &base.way) {
            let (desk, dial, from) = (self.desk.clone(), Arc::clone(&self.dial), *from);
            self.tasks.spawn(stream::connect(desk, dial, base, from, to));
        }
    }

    /// A connection is open.
    pub(super) fn connected(&mut self, base: BaseId, peer: SocketAddr, outbox: mpsc::Sender<Vec<u8>>) {
        if let Some(Way::Tcp(_, connections)) = self.list.get_mut(base.0).map(|base| &mut base.way) {
            connections.insert(peer, outbox);
        }
    }

    /// A connection is gone.
    pub(super) fn disconnected(&mut self, base: BaseId, peer: SocketAddr) {
        if let Some(Way::Tcp(_, connections)) = self.list.get_mut(base.0).map(|base| &mut base.way) {
            connections.remove(&peer);
        }
    }

    /// A base is gone. A session leaves by that.
    pub(super) fn gone(&mut self, base: BaseId) {
        if let Some(base) = self.list.get_mut(base.0) {
            base.way = Way::Gone;
        }
    }

    /// Cuts every base that fits; says which they are.
    pub(super) fn cut(&mut self, fits: impl Fn(BaseId, Option<&str>, bool) -> bool) -> Vec<BaseId> {
        let mut cut = Vec::new();
        for (index, base) in self.list.iter_mut().enumerate() {
            let relayed = matches!(base.way, Way::Relay(..));
            if fits(BaseId(index), base.path.as_deref(), relayed) {
                base.is_cut = true;
                cut.push(BaseId(index));
            }
        }
        cut
    }

    /// The bases that are cut.
    pub(super) fn all_cut(&self) -> Vec<BaseId> {
        let bases = self.list.iter().enumerate();
        bases.filter(|(_, base)| base.is_cut).map(|(index, _)| BaseId(index)).collect()
    }

    /// Forgets tasks that have ended. Cancel-safe; waits for ever when there are none.
    pub(super) async fn tidy(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending().await
        }
    }

    /// Lets everything go once what waits for a socket has left: DTLS says goodbye last.
    pub(super) async fn leave(&mut self) {
        self.list
            .iter_mut()
            .filter(|base| matches!(base.way, Way::Udp(_)))
            .for_each(|base| base.way = Way::Gone);
        let sent = async { while self.senders.join_next().await.is_some() {} };
        // A socket that takes nothing more loses it.
        let _ = timeout(SEND_WITHIN, sent).await;
        self.clear();
    }

    /// Lets everything go: sockets and connections close, sessions leave.
    pub(super) fn clear(&mut self) {
        self.tasks.abort_all();
        self.senders.abort_all();
        self.list.iter_mut().for_each(|base| base.way = Way::Gone);
        self.sockets.clear();
        self.sessions.clear();
    }
}

/// Sends from a socket what comes into its queue.
async fn send_datagrams(
    socket: SharedUdp,
    mut inbox: mpsc::Receiver<(SocketAddr, Vec<u8>)>,
    base: BaseId,
    refusals: mpsc::Sender<Refusal>,
) {
    while let Some((to, bytes)) = inbox.recv().await {
        let Err(error) = socket.send_to(&bytes, to).await else { continue };
        match cause_of(&error) {
            // A full buffer, a datagram that is too long: lost, as datagrams are. A refusal is that of an earlier
            // datagram, perhaps to another peer; whose, the socket's ICMP errors tell.
            Cause::LocalFailure { .. } | Cause::Refused | Cause::Reset { .. } => {
                tracing::debug!(%to, %error, "a datagram was not sent");
            }
            cause => {
                // Who cannot keep up hears of the next one.
                let _ = refusals.try_send(Refusal { base, to, cause });
            }
        }
    }
}
