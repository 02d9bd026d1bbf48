//! One probe, from the name of the server to bytes through its relay.

use super::PathLog;
use super::context::RunContext;
use super::link::Link;
use super::note::{close_step, failed, last_cause, username_expires};
use super::relay::{Held, Relay};
use super::session::Session;
use super::sockets::{Sockets, unspecified};
use super::trickle::News;
use crate::path::{ControlResult, Target, open_stream, udp_control};
use crate::plan::{Probe, Purpose};
use crate::platform;
use raincheck_probes::evidence::{Cause, Proof, Stage, Transport};
use raincheck_probes::ice::CandidateType;
use raincheck_probes::ice::gather::{Failure, Gathering, Learned};
use raincheck_probes::ice::stack::Role;
use raincheck_probes::machine::Offset;
use raincheck_probes::server::Host;
use raincheck_probes::turn::{Answer, Ask, Families, Redirects};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, sleep_until};

/// How long a server may be silent before a connected socket asks whether the network rejects us. Where only such a
/// socket is told, it asks at once: routers limit the rate of their ICMP errors (six, then one a second, on Linux),
/// and the other requests use them up.
const SILENCE: Duration =
    if platform::TELLS_ICMP_ERRORS { Duration::from_millis(600) } else { Duration::ZERO };

/// When that socket asks, and until when it listens.
const CONTROL: [Duration; 3] = [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(800)];
const CONTROL_WITHIN: Duration = Duration::from_millis(1500);

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
    /// When gathering began.
    pub(super) began: Offset,
    /// What the run is for.
    pub(super) purpose: Purpose,
    /// The address family of the relays.
    pub(super) families: Families,
    /// Who is told of each candidate at once: the end of a call.
    pub(super) news: Option<mpsc::Sender<News>>,
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
        // The proof is asked first: an exchange that is cut short ends by itself, and what it has seen counts.
        let held = tokio::select! {
            biased;
            held = self.prove() => held,
            _ = stop.wait() => None,
        };
        let now = self.run.clock.now();
        self.log.update(|path| path.decided = Some(now).filter(|_| !stop.is_stopped()));
        held
    }

    async fn prove(&self) -> Option<Held> {
        if self.run.patience == crate::settings::Patience::Client {
            sleep_until(self.run.clock.instant(self.shared.began + self.probe.starts)).await;
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
            Some(self.second().await)
        };
        let first = self.first(&heard);
        tokio::pin!(first, second);
        let (near, far) = tokio::select! {
            near = &mut first => (near?, second.await),
            far = &mut second => (first.await?, far),
        };
        match self.shared.purpose {
            Purpose::Gather | Purpose::Call => None,
            Purpose::Check => Some(self.relay(near, far).await),
        }
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

    /// Asks from a connected socket why a server is silent: on most systems only such a socket is told that an ICMP
    /// error came back, and where others are too, the router may not have told them of this server.
    async fn control(&self, session: &Session, server: SocketAddr, heard: &Heard) {
        tokio::select! {
            () = heard.wait() => return,
            () = sleep(SILENCE) => {}
        }
        let from = SocketAddr::new(self.probe.binds.unwrap_or(unspecified(server)), 0);
        let request = self.run.binding_request();
        let dial = self.run.path.dial.as_ref();
        let result = tokio::select! {
            () = heard.wait() => return,
            result = udp_control(dial, from, server, &request, &CONTROL, CONTROL_WITHIN) => result,
        };
        if let ControlResult::Rejected(rejection) = result {
            session.rejected(rejection).await;
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
                    self.learn(&self.probe.mapped_slots, &Learned::Mapped { base, mapped }, None);
                }
            }
            Ok(_) => {}
            Err(cause) => self.learn(&self.probe.mapped_slots, &failed(&cause), None),
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
                self.learn(&self.probe.relay_slots, &failed(&cause), None);
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
            let Some(to) = ended.redirect else { return Some(Err(cause)) };
            at = Some(to);
            // Behind a proxy that resolved the name, the first server's address is not known.
            let followed = match &mut redirects {
                Some(seen) => seen.follow(to),
                none => {
                    *none = Some(Redirects::new(to));
                    Ok(())
                }
            };
            let next = match followed {
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
            self.learn(&self.probe.relay_slots, &learned, Some(&session));
        }
        Relay::new(session, relayed)
    }

    /// The second allocation. Its failure is not the path's: the first has shown what the path can do. Why there
    /// is none is kept beside the steps that it keeps from being tried.
    async fn second(&self) -> Result<Relay, Cause> {
        let scratch = super::Journal::new(self.run.clock).open(self.probe.evidence());
        let (link, server) = self.link(&scratch, true).await.ok_or_else(|| last_cause(&scratch))?;
        let client = self.run.client(link.framing(), self.probe.server.credentials.clone());
        let session = Session::start(&self.run, link, client, &self.probe.id, None);
        let allocation = self.allocation(session, server, &scratch).await;
        let (session, relayed, _) = allocation.ok_or_else(|| last_cause(&scratch))??;
        Ok(Relay::new(session, relayed))
    }

    /// Opens the way to the server: a link, and the server's address where it is known.
    async fn link(&self, log: &PathLog, second: bool) -> Option<(Link, Option<SocketAddr>)> {
        match self.probe.transport {
            Transport::Udp => {
                let server = self.udp_server(log).await?;
                let link = self.shared.sockets.link(&self.run, &self.probe, server, second);
                match link {
                    Ok(link) => {
                        if !second {
                            self.shared.sockets.note_base(&self.probe, link.local());
                        }
                        Some((Link::Datagrams(link), Some(server)))
                    }
                    Err(cause) => {
                        log.begin(Stage::Connect, Some(server)).fail(cause.clone());
                        if !second {
                            self.learn_all(&failed(&cause));
                        }
                        None
                    }
                }
            }
            Transport::Tcp | Transport::Tls => {
                if !self.has_address(log).await {
                    return None;
                }
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
                    self.shared.sockets.note_base(&self.probe, opened.local);
                }
                Some((Link::stream(opened), server))
            }
        }
    }

    /// Whether a direct stream that is bound to a network can reach the server at all: where the name has addresses
    /// of another family only, there is no such path, and that is no fault of the network.
    async fn has_address(&self, log: &PathLog) -> bool {
        let (Some(from), None) = (self.probe.binds, &self.probe.proxy) else { return true };
        let addresses = match &self.probe.server.uri.host {
            Host::Ip(ip) => vec![*ip],
            // A name that does not resolve is told by the step that asks for it.
            Host::Name(name) => self.run.path.resolver.lookup(name).await.unwrap_or_default(),
        };
        let fits = addresses.is_empty() || addresses.iter().any(|ip| ip.is_ipv4() == from.is_ipv4());
        if !fits {
            log.withdraw();
            self.learn_all(&Learned::Failed(Failure::NoAddress));
        }
        fits
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

    fn learn(&self, slots: &[usize], learned: &Learned, session: Option<&Session>) {
        let now = self.run.clock.now();
        let mut gathering = self.shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in slots {
            let found = gathering.learned(*slot, learned.clone(), now);
            let Some(news) = &self.shared.news else { continue };
            for candidate in found {
                let socket = candidate.base.and_then(|base| self.shared.sockets.at(base));
                let told = match (candidate.kind, session) {
                    (CandidateType::Relay, Some(session)) => {
                        News::Relayed { candidate, session: session.clone() }
                    }
                    _ => News::Reflexive { candidate, socket },
                };
                // There is room for everything that the slots can yield; who is gone needs to know nothing.
                let _ = news.try_send(told);
            }
        }
    }

    fn learn_all(&self, learned: &Learned) {
        self.learn(&self.probe.mapped_slots, learned, None);
        self.learn(&self.probe.relay_slots, learned, None);
    }
}
