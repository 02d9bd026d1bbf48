//! The task of one end: what comes in, to whom it goes.

use super::api::{Cut, CutDone, Drops, EndEvent, Restarted};
use super::bases::{Bases, Refusal, Sent};
use super::handle::Command;
use super::out::Outlet;
use super::stream::{Connection, Frame};
use super::upkeep::Consent;
use crate::call::record::{EndRecord, EventRecord};
use crate::path::{Incoming, Stray};
use crate::run::{Clock, Ears, Fate, News, Relayed, SessionId, Stop, Trickle};
use raincheck_probes::evidence::Cause;
use raincheck_probes::ice::agent::{Action, Agent, BaseId, Event, EventKind, PairId, Received};
use raincheck_probes::machine::Offset;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

/// The most events that are kept in full; those in the middle give way.
const KEPT: usize = 4096;

/// What one end owns.
pub(super) struct Task {
    pub(super) agent: Agent,
    pub(super) bases: Bases,
    pub(super) trickle: Trickle,
    pub(super) ears: Ears,
    pub(super) out: Outlet,
    pub(super) dtls: mpsc::Sender<Vec<u8>>,
    pub(super) strays: mpsc::Sender<Stray>,
    pub(super) clock: Clock,
    pub(super) stop: Stop,
    pub(super) leave_within: Duration,
    pub(super) label: String,
    pub(super) state: State,
}

/// How far it is.
#[derive(Default)]
pub(super) struct State {
    gathered: bool,
    stopped: bool,
    events: Vec<EventRecord>,
    consent: Consent,
    drops: Drops,
    /// Sessions that were lost before their candidate was known here.
    lost: HashMap<SessionId, Cause>,
}

/// Where everything comes in. Each queue is bounded where it is made.
pub(super) struct Inlets {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) outgoing: mpsc::Receiver<Vec<u8>>,
    pub(super) news: mpsc::Receiver<News>,
    pub(super) strays: mpsc::Receiver<Stray>,
    pub(super) relayed: mpsc::Receiver<Relayed>,
    pub(super) frames: mpsc::Receiver<Frame>,
    pub(super) connections: mpsc::Receiver<Connection>,
    pub(super) fates: mpsc::Receiver<Fate>,
    pub(super) refusals: mpsc::Receiver<Refusal>,
}

/// One thing that came in.
enum Input {
    Command(Option<Command>),
    Outgoing(Vec<u8>),
    News(News),
    Stray(Stray),
    Relayed(Relayed),
    Frame(Frame),
    Connection(Connection),
    Fate(Fate),
    Refusal(Refusal),
    Room,
    Tidied,
    Tick,
    Stopped,
}

impl Task {
    /// Runs until the handle says so or is gone.
    pub(super) async fn run(mut self, mut inlets: Inlets) {
        let close = loop {
            let wake = self.carry_out();
            match self.next(&mut inlets, wake).await {
                Input::Command(Some(Command::Close(reply))) => break Some(reply),
                Input::Command(Some(command)) => self.obey(command),
                Input::Command(None) => break None,
                input => self.take(input),
            }
        };
        // What was handed over before the end was closed still leaves: DTLS says goodbye last.
        let now = self.clock.now();
        while let Ok(bytes) = inlets.outgoing.try_recv() {
            self.send(bytes, now);
        }
        self.close(inlets, close).await;
    }

    async fn next(&mut self, inlets: &mut Inlets, wake: Option<Offset>) -> Input {
        let Self { stop, clock, out, bases, state, .. } = self;
        let live = !state.stopped;
        let timer = async {
            match wake.filter(|_| live) {
                Some(at) => sleep_until(clock.instant(at)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = stop.wait(), if live => Input::Stopped,
            command = inlets.commands.recv() => Input::Command(command),
            Some(bytes) = inlets.outgoing.recv(), if live => Input::Outgoing(bytes),
            Some(news) = inlets.news.recv(), if live => Input::News(news),
            Some(stray) = inlets.strays.recv(), if live => Input::Stray(stray),
            Some(relayed) = inlets.relayed.recv(), if live => Input::Relayed(relayed),
            Some(frame) = inlets.frames.recv(), if live => Input::Frame(frame),
            Some(connection) = inlets.connections.recv(), if live => Input::Connection(connection),
            Some(fate) = inlets.fates.recv(), if live => Input::Fate(fate),
            Some(refusal) = inlets.refusals.recv(), if live => Input::Refusal(refusal),
            () = out.room(), if out.waits() => Input::Room,
            () = bases.tidy() => Input::Tidied,
            () = timer => Input::Tick,
        }
    }

    fn take(&mut self, input: Input) {
        let now = self.clock.now();
        match input {
            Input::Outgoing(bytes) => self.send(bytes, now),
            Input::News(news) => self.learn(news, now),
            Input::Stray(stray) => self.hear_socket(stray, now),
            Input::Relayed(Relayed { session, peer, payload, at }) => {
                if let Some(base) = self.bases.of_session(session) {
                    self.hear(base, peer, payload, at);
                }
            }
            Input::Frame(Frame { base, from, bytes, at }) => self.hear(base, from, bytes, at),
            Input::Connection(connection) => self.note_connection(connection, now),
            Input::Fate(fate) => self.suffer(fate, now),
            Input::Refusal(Refusal { base, to, cause }) => self.agent.on_refused(base, to, &cause, now),
            Input::Room => self.out.flush(),
            Input::Tick => self.agent.on_tick(now),
            Input::Stopped => self.halt(),
            Input::Tidied | Input::Command(_) => {}
        }
    }

    /// Does what the agent wants until it waits; returns for how long.
    fn carry_out(&mut self) -> Option<Offset> {
        loop {
            match self.agent.poll() {
                Action::Transmit { base, to, bytes } => {
                    self.state.consent.leaves(&bytes);
                    let sent = self.bases.send(base, to, bytes);
                    self.count(sent);
                }
                Action::Permit { base, peer } => self.bases.permit(base, peer),
                Action::Connect { base, to } => self.bases.connect(base, to),
                Action::StopGathering => {
                    self.trickle.stop();
                    self.gathered();
                }
                Action::Event(event) => self.note(event),
                Action::WaitUntil(at) => return Some(at),
                Action::Idle => return None,
            }
        }
    }

    fn note(&mut self, event: Event) {
        match &event.kind {
            EventKind::Selected { pair, .. } => self.state.consent.selected(&self.agent, *pair),
            EventKind::Failed(pair, cause) => self.state.consent.failed(*pair, cause),
            _ => {}
        }
        let record = EventRecord::of(&self.agent, &event);
        tracing::debug!(end = %self.label, at = %record.at, "{}", record.text);
        if self.state.events.len() >= KEPT {
            // The first ones tell how the call came about, the last ones how it fares.
            self.state.events.remove(KEPT / 2);
        }
        self.out.tell(EndEvent::Agent { event, text: record.text.clone() });
        self.state.events.push(record);
    }

    /// A candidate was found: the agent pairs it, and the peer is told.
    fn learn(&mut self, news: News, now: Offset) {
        let candidate = match news {
            News::Host { candidate, socket } => {
                self.add_socket(&candidate, socket, now);
                candidate
            }
            News::Reflexive { candidate, socket } => {
                match socket.as_ref().and_then(|socket| self.bases.of_socket(socket.local())) {
                    Some(base) => self.agent.on_reflexive(candidate.clone(), base),
                    // The client shows what the server sees of a socket, and not the socket itself.
                    None => match socket {
                        Some(socket) => self.add_socket(&candidate, socket, now),
                        None => return,
                    },
                }
                candidate
            }
            News::HostTcp { candidate, from, listener } => {
                let base = self.agent.on_base(candidate.clone(), now);
                self.bases.add_tcp(base, from, listener);
                candidate
            }
            News::Relayed { candidate, session } => {
                let (base, id) = (self.agent.on_base(candidate.clone(), now), session.id());
                self.bases.add_relay(base, session, candidate.path.clone());
                if let Some(cause) = self.state.lost.remove(&id) {
                    self.suffer(Fate { session: id, peer: None, cause }, now);
                }
                candidate
            }
            News::Done => return self.gathered(),
        };
        if self.trickle.signals(&candidate) {
            self.out.tell(EndEvent::Candidate(candidate));
        }
    }

    fn add_socket(
        &mut self,
        candidate: &raincheck_probes::ice::Candidate,
        socket: crate::path::SharedUdp,
        now: Offset,
    ) {
        if !socket.take_strays(self.strays.clone()) {
            tracing::warn!(end = %self.label, "a socket is the base of two candidates");
        }
        let base = self.agent.on_base(candidate.clone(), now);
        self.bases.add_udp(base, socket);
    }

    fn gathered(&mut self) {
        if !std::mem::replace(&mut self.state.gathered, true) {
            self.agent.on_local_end(self.clock.now());
            self.out.tell(EndEvent::GatheringDone);
        }
    }

    fn suffer(&mut self, Fate { session, peer, cause }: Fate, now: Offset) {
        match (self.bases.of_session(session), peer) {
            (Some(base), Some(peer)) => self.agent.on_refused(base, peer, &cause, now),
            (Some(base), None) => {
                self.bases.gone(base);
                self.agent.on_base_gone(base, &cause, now);
            }
            (None, None) => drop(self.state.lost.insert(session, cause)),
            (None, Some(_)) => {}
        }
    }

    fn hear_socket(&mut self, stray: Stray, now: Offset) {
        let Some(base) = self.bases.of_socket(stray.socket) else { return };
        match stray.incoming {
            Incoming::Datagram(datagram) => self.hear(base, stray.from, datagram.bytes, datagram.at),
            Incoming::Icmp(error) => {
                if let Some(cause) = error.cause().filter(|_| !self.bases.is_cut(base)) {
                    self.agent.on_refused(base, stray.from, &cause, now);
                }
            }
        }
    }

    /// A packet came in. RFC 7983 section 7 tells what it is by its first byte.
    fn hear(&mut self, base: BaseId, from: SocketAddr, bytes: Vec<u8>, at: Offset) {
        if self.bases.is_cut(base) {
            self.state.drops.cut += 1;
            return;
        }
        match self.agent.on_bytes(base, from, &bytes, at) {
            Received::Ice => {}
            Received::Ignored(cause) => {
                tracing::debug!(end = %self.label, %from, %cause, "ignored");
                self.state.drops.ignored += 1;
            }
            Received::Data(None) => self.state.drops.strangers += 1,
            Received::Data(Some(pair)) => {
                let taken = match bytes.first() {
                    Some(20..=63) => self.dtls.try_send(bytes).is_ok(),
                    _ => self.out.data(EndEvent::Data { bytes, at, pair }),
                };
                self.state.drops.receiving += u64::from(!taken);
            }
        }
    }

    fn send(&mut self, bytes: Vec<u8>, now: Offset) {
        let (Some(pair), Some((base, to))) = (self.agent.selected(), self.agent.route()) else {
            self.state.drops.unselected += 1;
            return;
        };
        let sent = self.bases.send_data(base, to, bytes);
        self.count(sent);
        if sent != Sent::Dropped {
            self.agent.on_sent(pair, now);
        }
    }

    fn count(&mut self, sent: Sent) {
        match sent {
            Sent::Leaves => {}
            Sent::Cut => self.state.drops.cut += 1,
            Sent::Dropped => self.state.drops.sending += 1,
        }
    }

    fn note_connection(&mut self, connection: Connection, now: Offset) {
        match connection {
            Connection::Open { base, peer, outbox } => {
                self.bases.connected(base, peer, outbox);
                self.agent.on_connected(base, peer, now);
            }
            Connection::Closed { base, peer, cause } => {
                self.bases.disconnected(base, peer);
                self.agent.on_refused(base, peer, &cause, now);
            }
            Connection::Deaf { base, cause } => self.agent.on_base_gone(base, &cause, now),
        }
    }

    fn obey(&mut self, command: Command) {
        let now = self.clock.now();
        // Who asked may have gone; then nobody needs to know.
        match command {
            Command::Peer(peer) => self.agent.on_peer(peer, now),
            Command::Remote(candidate) => self.agent.on_remote(candidate, now),
            Command::RemoteDone => self.agent.on_remote_end(now),
            Command::Cut(what, reply) => drop(reply.send(self.cut(&what, now))),
            Command::Restart(reply) => {
                let credentials = self.agent.restart(now).clone();
                let candidates = self.trickle.candidates();
                drop(reply.send(Restarted { credentials, candidates }));
            }
            Command::Snapshot(reply) => drop(reply.send(self.record())),
            Command::Upkeep(reply) => {
                drop(reply.send(self.state.consent.records(&self.agent, self.ears.upkeep())));
            }
            Command::Drops(reply) => drop(reply.send(self.drops())),
            Command::Addresses(reply) => drop(reply.send(self.addresses())),
            Command::Close(_) => {}
        }
    }

    fn cut(&mut self, what: &Cut, now: Offset) -> Option<CutDone> {
        let selected = self.agent.selected();
        let base_of = |pair: PairId| self.agent.route_of(pair).map(|(base, _)| base);
        let one = match what {
            Cut::Selected => Some(base_of(selected?)?),
            Cut::Pair(pair) => Some(base_of(*pair)?),
            Cut::Path(_) | Cut::Direct => None,
        };
        let bases = self.bases.cut(|base, path, relayed| match what {
            Cut::Selected | Cut::Pair(_) => Some(base) == one,
            Cut::Path(wanted) => path == Some(wanted.as_str()),
            Cut::Direct => !relayed,
        });
        (!bases.is_empty()).then_some(CutDone { at: now, bases, selected })
    }

    fn drops(&self) -> Drops {
        let unheard = self.ears.dropped();
        Drops { receiving: self.state.drops.receiving + unheard, ..self.state.drops }
    }

    fn addresses(&self) -> Option<[SocketAddr; 2]> {
        let pair = self.agent.selected()?;
        let (_, remote) = self.agent.route_of(pair)?;
        let local = self.agent.local(pair)?;
        Some([SocketAddr::new(local.address, local.port), remote])
    }

    fn record(&self) -> EndRecord {
        EndRecord {
            candidates: self.trickle.candidates(),
            gather_errors: self.trickle.errors(),
            paths: self.trickle.paths(),
            ..EndRecord::of(&self.agent, self.state.events.clone(), &self.bases.all_cut())
        }
    }

    /// The run is over: sessions leave by themselves, and nothing else is sent either.
    fn halt(&mut self) {
        self.state.stopped = true;
        self.trickle.stop();
        self.bases.clear();
        self.out.tell(EndEvent::Stopped);
    }

    /// Gives back what TURN servers hold. What was on its way to this task goes first: there may be sessions in it.
    async fn close(mut self, inlets: Inlets, reply: Option<oneshot::Sender<EndRecord>>) {
        self.trickle.stop();
        drop(inlets);
        self.bases.leave().await;
        self.trickle.leave(self.leave_within).await;
        if let Some(reply) = reply {
            let _ = reply.send(self.record());
        }
    }
}
