//! One probe, from the name of the server to bytes through its relay.

use super::PathLog;
use super::context::RunContext;
use super::exchange::exchange;
use super::link::Link;
use super::note::{close_step, failed, last_cause, note_relay_run, username_expires};
use super::session::{Ended, Session};
use super::sockets::{Sockets, unspecified};
use crate::path::{ControlResult, Target, open_stream, udp_control};
use crate::plan::{Probe, Purpose};
use raincheck_probes::evidence::{Cause, Proof, RelayRun, SkipReason, Stage, Transport};
use raincheck_probes::ice::gather::{Failure, Gathering, Learned};
use raincheck_probes::ice::stack::Role;
use raincheck_probes::machine::Offset;
use raincheck_probes::server::Host;
use raincheck_probes::turn::{Answer, Ask, Families, Redirects};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep_until;

/// Packets each way that prove a relay.
const PROOF_PACKETS: u16 = 10;

/// Packets each way between relays of different servers.
const CROSS_PACKETS: u16 = 5;

/// When a connected socket asks whether the network rejects us, and until when it listens. At once, since routers
/// limit the rate of their ICMP errors (six, then one a second, on Linux) and the other requests use them up.
const CONTROL: [Duration; 3] = [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(800)];
const CONTROL_WITHIN: Duration = Duration::from_millis(1500);

/// An allocation that is held.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    session: Session,
    relayed: SocketAddr,
}

impl Relay {
    /// The relayed address.
    pub(super) fn relayed(&self) -> SocketAddr {
        self.relayed
    }

    /// The path that it was allocated over.
    pub(super) fn path(&self) -> &str {
        self.session.path()
    }

    /// Sends a packet from the relayed address to a peer.
    pub(super) async fn send(&self, peer: SocketAddr, payload: Vec<u8>) {
        self.session.send(peer, payload).await;
    }
}

/// A path whose allocations are held, so that more can be sent over it.
pub(super) struct Held {
    /// The record of the path.
    pub(super) log: PathLog,
    /// The allocation that is the path's own.
    pub(super) near: Relay,
    /// A second one over the same path.
    pub(super) far: Option<Relay>,
}

/// Whether the server has been heard of.
struct Heard(watch::Sender<bool>);

impl Heard {
    fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    fn tell(&self) {
        self.0.send_replace(true);
    }

    async fn wait(&self) {
        // The sender is ours and outlives the wait.
        let _ = self.0.subscribe().wait_for(|heard| *heard).await;
    }
}

/// Everything that the tasks of one run's paths share beside the context.
pub(super) struct Shared {
    /// Sockets by local address.
    pub(super) sockets: Sockets,
    /// What the emulated client would have learned.
    pub(super) gathering: Mutex<Gathering>,
    /// Allocations of all servers, for exchanges between them.
    pub(super) crossings: Mutex<Vec<(String, Relay, PathLog)>>,
    /// What the run is for.
    pub(super) purpose: Purpose,
    /// The address family of the relays.
    pub(super) families: Families,
}

/// One probe under way.
pub(super) struct PathTask {
    /// The run.
    pub(super) run: Arc<RunContext>,
    /// What its paths share.
    pub(super) shared: Arc<Shared>,
    /// The question.
    pub(super) probe: Probe,
    /// Its record.
    pub(super) log: PathLog,
}

impl PathTask {
    /// Asks, and ends when the path is proven or given up, or when the run ends.
    pub(super) async fn run(self) -> Option<Held> {
        let stop = self.run.stop.clone();
        let held = tokio::select! {
            held = self.prove() => held,
            _ = stop.wait() => None,
        };
        let now = self.run.clock.now();
        self.log.update(|path| path.decided = Some(now).filter(|_| !stop.is_stopped()));
        held
    }

    async fn prove(&self) -> Option<Held> {
        if self.run.patience == crate::settings::Patience::Client {
            sleep_until(self.run.clock.instant(Offset::new(self.probe.starts))).await;
        }
        // The second allocation begins once the first has heard from the server: a server that is silent is
        // not asked twice as much.
        let heard = Heard::new();
        let twice = self.shared.purpose == Purpose::Check && self.probe.server.credentials.is_some();
        let second = async {
            if !twice || self.probe.role == Role::Stun {
                return None;
            }
            heard.wait().await;
            self.second().await
        };
        let first = self.first(&heard);
        tokio::pin!(first, second);
        let near = tokio::select! {
            near = &mut first => near?,
            far = &mut second => return self.relay(first.await?, far).await,
        };
        let far = if twice { second.await } else { None };
        self.relay(near, far).await
    }

    /// The path's own session: Binding where there is one, and Allocate.
    async fn first(&self, heard: &Heard) -> Option<Relay> {
        let (link, server) = self.link(&self.log, false).await?;
        if self.probe.transport != Transport::Udp {
            heard.tell();
        }
        let client = self.run.client(link.framing(), self.probe.server.credentials.clone());
        let session = Session::start(&self.run, link, client, &self.probe.id, Some(self.log.clone()));
        let binding = async {
            if self.probe.transport == Transport::Udp {
                self.bind(&session, server, heard).await;
            }
        };
        let allocation = async {
            match self.probe.role {
                Role::Turn => self.allocate(session.clone(), server, heard).await,
                Role::Stun => None,
            }
        };
        let control = async {
            if let Some(server) = server.filter(|_| self.probe.transport == Transport::Udp) {
                self.control(&session, server, heard).await;
            }
            std::future::pending().await
        };
        tokio::select! {
            ((), relay) = async { tokio::join!(binding, allocation) } => relay,
            () = control => None,
        }
    }

    /// Asks from a connected socket why a server is silent: only such a socket is told, on every system, that
    /// an ICMP error came back.
    async fn control(&self, session: &Session, server: SocketAddr, heard: &Heard) {
        let from = SocketAddr::new(self.probe.binds.unwrap_or(unspecified(server)), 0);
        let request = self.run.binding_request();
        let dial = self.run.path.dial.as_ref();
        let result = tokio::select! {
            () = heard.wait() => return,
            result = udp_control(dial, from, server, &request, &CONTROL, CONTROL_WITHIN) => result,
        };
        if let ControlResult::Rejected(cause) = result {
            session.give_up(cause).await;
        }
    }

    async fn bind(&self, session: &Session, server: Option<SocketAddr>, heard: &Heard) {
        let step = self.log.begin(Stage::Binding, server);
        let Some(ended) = session.ask(Ask::Binding).await else { return };
        let answer = close_step(&self.log, step, &ended);
        match answer {
            Ok(Answer::Bound { mapped }) => {
                heard.tell();
                self.prove_at_least(Proof::Reachable);
                self.log.update(|path| path.mapped = Some(mapped));
                if let Some(base) = self.shared.sockets.base(&self.probe) {
                    self.learn(&self.probe.mapped_slots, &Learned::Mapped { base, mapped });
                }
            }
            Ok(_) => {}
            Err(cause) => self.learn(&self.probe.mapped_slots, &failed(&cause)),
        }
    }

    /// The path's own allocation.
    async fn allocate(&self, session: Session, server: Option<SocketAddr>, heard: &Heard) -> Option<Relay> {
        match self.allocation(session, server, &self.log).await? {
            Ok((session, relayed, mapped)) => {
                heard.tell();
                Some(self.allocated(session, relayed, mapped))
            }
            Err(cause) => {
                self.learn(&self.probe.relay_slots, &failed(&cause));
                None
            }
        }
    }

    /// Allocates, following the server where it sends us. `None` when the run ended first.
    async fn allocation(
        &self,
        mut session: Session,
        server: Option<SocketAddr>,
        log: &PathLog,
    ) -> Option<Result<(Session, SocketAddr, SocketAddr), Cause>> {
        let mut at = server;
        let mut redirects = server.map(Redirects::new);
        loop {
            let step = log.begin(Stage::Allocate, at);
            let ended = session.ask(Ask::Allocate(self.shared.families)).await?;
            let username = self.probe.server.credentials.as_ref().map(|given| given.username.as_str());
            if let Some(expires) = username.and_then(username_expires) {
                step.fact("username_expires", expires);
            }
            let cause = match close_step(log, step, &ended) {
                Ok(Answer::Allocated { relayed, mapped, .. }) => {
                    return relayed.first().map(|relayed| Ok((session, *relayed, mapped)));
                }
                Ok(_) => return None,
                Err(cause) => cause,
            };
            let Some((to, redirects)) = ended.redirect.zip(redirects.as_mut()) else {
                return Some(Err(cause));
            };
            at = Some(to);
            let next = match redirects.follow(to) {
                Ok(()) => self.session_at(to, log).await,
                Err(refused) => Err(refused),
            };
            match next {
                Ok(next) => session = next,
                Err(cause) => {
                    log.begin(Stage::Allocate, at).fail(cause.clone());
                    return Some(Err(cause));
                }
            }
        }
    }

    fn allocated(&self, session: Session, relayed: SocketAddr, mapped: SocketAddr) -> Relay {
        self.prove_at_least(Proof::Allocated);
        self.log.update(|path| {
            path.relayed = Some(relayed);
            path.mapped = Some(mapped);
        });
        if let Some(base) = self.shared.sockets.base(&self.probe) {
            let learned = Learned::Relayed {
                base,
                mapped: Some(mapped),
                relayed,
                path: Some(self.probe.id.clone()),
                route: Some(self.probe.route().to_string()),
            };
            self.learn(&self.probe.relay_slots, &learned);
        }
        Relay { session, relayed }
    }

    /// The second allocation. Its failure is not the path's: the first has shown what the path can do.
    async fn second(&self) -> Option<Relay> {
        let scratch = super::Journal::new(self.run.clock).open(self.probe.evidence());
        let (link, server) = self.link(&scratch, true).await?;
        let client = self.run.client(link.framing(), self.probe.server.credentials.clone());
        let session = Session::start(&self.run, link, client, &self.probe.id, None);
        let (session, relayed, _) = self.allocation(session, server, &scratch).await?.ok()?;
        Some(Relay { session, relayed })
    }

    /// Packets between the two allocations, then between this server and another.
    async fn relay(&self, near: Relay, far: Option<Relay>) -> Option<Held> {
        if self.shared.purpose == Purpose::Gather {
            return None;
        }
        match &far {
            Some(far) => {
                if self.permit(&near, far).await {
                    self.exchange(&near, far, PROOF_PACKETS).await;
                }
            }
            None => self.log.skip(Stage::Permission, SkipReason::NoPeer),
        }
        self.cross(&near).await;
        Some(Held { log: self.log.clone(), near, far })
    }

    /// Permissions and channels on both sides, all at once.
    async fn permit(&self, near: &Relay, far: &Relay) -> bool {
        let (there, here) = (far.relayed, near.relayed);
        let permission = async {
            let step = self.log.begin(Stage::Permission, Some(there));
            let ended = near.session.ask(Ask::Permission(vec![there])).await;
            ended.is_some_and(|ended| close_step(&self.log, step, &ended).is_ok())
        };
        let channel = async {
            let step = self.log.begin(Stage::Channel, Some(there));
            let ended = near.session.ask(Ask::Channel(there)).await;
            ended.is_some_and(|ended| close_step(&self.log, step, &ended).is_ok())
        };
        let far_permission = far.session.ask(Ask::Permission(vec![here]));
        let far_channel = far.session.ask(Ask::Channel(here));
        let (permitted, _, far_permitted, _) = tokio::join!(permission, channel, far_permission, far_channel);
        permitted && far_permitted.is_some_and(|ended| ended.finished.result.is_ok())
    }

    async fn exchange(&self, near: &Relay, far: &Relay, packets: u16) {
        let step = self.log.begin(Stage::Relay, Some(far.relayed));
        let mut ids = self.run.ids();
        let (run, changed) = exchange(&self.run.desk(), [near, far], packets, &mut ids).await;
        note_relay_run(&self.log, step, run, changed, self.run.stop.is_stopped());
    }

    /// An exchange with a relay of another server, if one is held by now. Both paths keep the record.
    async fn cross(&self, near: &Relay) {
        let host = self.probe.host();
        let partner = {
            let mut crossings = self.shared.crossings.lock().unwrap_or_else(PoisonError::into_inner);
            let partner = crossings.iter().rev().find(|(server, _, _)| *server != host).cloned();
            crossings.push((host, near.clone(), self.log.clone()));
            partner
        };
        let Some((_, other, other_log)) = partner else { return };
        let ours = near.session.ask(Ask::Permission(vec![other.relayed]));
        let theirs = other.session.ask(Ask::Permission(vec![near.relayed]));
        let (ours, theirs) = tokio::join!(ours, theirs);
        let permitted = |ended: Option<Ended>| ended.is_some_and(|ended| ended.finished.result.is_ok());
        if permitted(ours) && permitted(theirs) {
            let mut ids = self.run.ids();
            let step = self.log.begin(Stage::Relay, Some(other.relayed));
            let (run, changed) = exchange(&self.run.desk(), [near, &other], CROSS_PACKETS, &mut ids).await;
            let mirrored = RelayRun { far_end: self.probe.id.clone(), ..run.clone() };
            other_log.update(|path| path.relay_runs.push(mirrored));
            note_relay_run(&self.log, step, run, changed, self.run.stop.is_stopped());
        }
    }

    /// Opens the way to the server: a link, and the server's address where it is known.
    async fn link(&self, log: &PathLog, second: bool) -> Option<(Link, Option<SocketAddr>)> {
        match self.probe.transport {
            Transport::Udp => {
                let server = self.udp_server(log).await?;
                let link = self.shared.sockets.link(&self.run, &self.probe, server, second);
                match link {
                    Ok(link) => Some((Link::Datagrams(link), Some(server))),
                    Err(cause) => {
                        log.begin(Stage::Connect, Some(server)).fail(cause.clone());
                        self.learn_all(&failed(&cause));
                        None
                    }
                }
            }
            Transport::Tcp | Transport::Tls => {
                let opened =
                    open_stream(&self.run.path, &self.target(self.probe.server.uri.host.clone()), log).await;
                let Some(opened) = opened.filter(|opened| opened.trusted) else {
                    if !second {
                        self.learn_all(&self.not_connected());
                    }
                    return None;
                };
                let server = opened.server;
                if !second {
                    self.shared.sockets.note_stream(&self.probe, opened.local);
                }
                Some((Link::stream(opened), server))
            }
        }
    }

    /// The server's first address of the socket's family.
    async fn udp_server(&self, log: &PathLog) -> Option<SocketAddr> {
        let addresses = match &self.probe.server.uri.host {
            Host::Ip(ip) => vec![*ip],
            Host::Name(name) => match self.run.path.resolver.resolve(name, log).await {
                Some(addresses) => addresses,
                None => {
                    if self.probe.also_elsewhere {
                        log.withdraw();
                    }
                    self.learn_all(&Learned::Failed(Failure::LookupFailed));
                    return None;
                }
            },
        };
        let fits = |ip: &&IpAddr| self.probe.binds.is_none_or(|from| from.is_ipv4() == ip.is_ipv4());
        match addresses.iter().find(fits) {
            Some(ip) => {
                let server = SocketAddr::new(*ip, self.probe.port);
                log.update(|path| path.address = Some(server));
                Some(server)
            }
            None => {
                // A server without an address of this family is no fault of the network.
                log.withdraw();
                self.learn_all(&Learned::Failed(Failure::NoAddress));
                None
            }
        }
    }

    fn target(&self, host: Host) -> Target {
        Target {
            host,
            port: self.probe.port,
            tls: self.probe.transport == Transport::Tls,
            proxy: self.probe.proxy.clone(),
            from: self.probe.binds,
        }
    }

    /// A session with the server that ALTERNATE-SERVER named. Its certificate must name that address: a client that
    /// has nothing but the address expects nothing else (Chromium, `services/network/p2p/socket_tcp.cc`).
    async fn session_at(&self, to: SocketAddr, log: &PathLog) -> Result<Session, Cause> {
        let link = match self.probe.transport {
            Transport::Udp => Link::Datagrams(self.shared.sockets.link(&self.run, &self.probe, to, false)?),
            Transport::Tcp | Transport::Tls => {
                let target = Target { port: to.port(), ..self.target(Host::Ip(to.ip())) };
                let opened = open_stream(&self.run.path, &target, log).await.filter(|opened| opened.trusted);
                Link::stream(opened.ok_or_else(|| last_cause(log))?)
            }
        };
        let client = self.run.client(link.framing(), self.probe.server.credentials.clone());
        Ok(Session::start(&self.run, link, client, &self.probe.id, Some(log.clone())))
    }

    fn prove_at_least(&self, proof: Proof) {
        self.log.update(|path| path.proof = path.proof.max(Some(proof)));
    }

    /// What the client would say of a stream that was not opened: the words of the layer that failed.
    fn not_connected(&self) -> Learned {
        let path = self.log.path();
        let failure = path.as_ref().and_then(|path| path.first_failure());
        Learned::Failed(match failure {
            Some((step, _)) if step.stage == Stage::Resolve => Failure::LookupFailed,
            Some((_, cause)) => Failure::ConnectFailed(cause.to_string()),
            None => Failure::ConnectFailed("not trusted".to_owned()),
        })
    }

    fn learn(&self, slots: &[usize], learned: &Learned) {
        let now = self.run.clock.now();
        let mut gathering = self.shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in slots {
            gathering.learned(*slot, learned.clone(), now);
        }
    }

    fn learn_all(&self, learned: &Learned) {
        self.learn(&self.probe.mapped_slots, learned);
        self.learn(&self.probe.relay_slots, learned);
    }
}
