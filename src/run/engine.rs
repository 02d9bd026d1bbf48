//! A run from settings to evidence.

use super::context::{AllLeft, RunContext, Schedules};
use super::note::note_relay_run;
use super::path::{PathTask, Shared};
use super::progress::{Phase, Progress};
use super::relay::Held;
use super::servers::{Chosen, choose};
use super::sockets::Sockets;
use super::stop::{Stop, StopReason, Stopper};
use super::{Clock, Journal, exchange};
use crate::host::Host;
use crate::path::{Bounds, Dial, PathContext, Resolver, Trust};
use crate::plan::{Probe, Purpose, host_text, plan};
use crate::settings::{Families, Patience, ProxyServer, Settings};
use raincheck_probes::evidence::{AskedFor, Evidence, IgnoredUrl, Stage, Transport};
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::gather::{GatherSetup, Gathering, Learned, SlotKind};
use raincheck_probes::ice::network::Network;
use raincheck_probes::ice::rank::rank;
use raincheck_probes::ice::stack::Ignored;
use raincheck_probes::machine::IdSource;
use raincheck_probes::stun::Schedule;
use raincheck_probes::turn;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// What is kept back of the deadline for leaving clean.
const LEAVE_MARGIN: Duration = Duration::from_millis(1000);

/// How long a name may take to resolve.
const RESOLVE_WITHIN: Duration = Duration::from_secs(5);

/// How long one answer over a stream is waited for.
const STREAM_ANSWER: Duration = Duration::from_secs(4);

/// What a run needs beside its settings.
pub struct Surroundings {
    /// Sockets and names.
    pub dial: Arc<dyn Dial>,
    /// This host's networks, when they are not the system's.
    pub host: Option<Host>,
    /// Who is told how far the run is.
    pub progress: Progress,
}

/// Why the question could not be put.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The vendor did not hand out servers.
    #[error("{0}")]
    SignIn(#[from] crate::rainbow::SignInError),
    /// The run ended before the vendor had handed out servers.
    #[error("the sign-in did not end in time: {0}")]
    SignInCut(String),
    /// No server is left to ask.
    #[error("no server to ask: {0}")]
    NoServers(String),
}

/// Runs, until everything is answered, the deadline comes or the user interrupts.
///
/// # Errors
/// When the question could not be put. A network that does not work is no error.
pub async fn run(settings: &Settings, purpose: Purpose, around: Surroundings) -> Result<Evidence, RunError> {
    let clock = Clock::start();
    let started = Clock::wall();
    let (stopper, stop) = Stopper::new();
    let stopper = Arc::new(stopper);
    let _watch = Watch::start(&stopper, settings.deadline);
    let (context, left) = context(settings, &around, clock, stop);
    let context = Arc::new(context);
    let looking = tokio::task::spawn_blocking(Host::look);
    around.progress.phase(Phase::Choosing);
    let chosen = choose(&context, settings).await?;
    let host = match around.host {
        Some(host) => host,
        None => looking.await.unwrap_or_default(),
    };
    let host = if chosen.all_on_loopback(&settings.resolve) { Host::loopback() } else { host };
    let proxies = settings.proxies();
    let job = Job { settings, purpose, context, chosen, host, proxies, progress: around.progress };
    let shared = job.probe_all().await;
    stopper.stop(StopReason::Finished);
    leave(&job.context, left, leave_margin(settings.deadline)).await;
    Ok(job.evidence(started, &shared).await)
}

fn leave_margin(deadline: Duration) -> Duration {
    LEAVE_MARGIN.min(deadline / 4)
}

/// Looks out for the deadline and for Ctrl-C while it lives.
struct Watch([AbortHandle; 2]);

impl Watch {
    fn start(stopper: &Arc<Stopper>, deadline: Duration) -> Self {
        let (at_deadline, at_interrupt) = (Arc::clone(stopper), Arc::clone(stopper));
        let margin = leave_margin(deadline);
        let deadline = tokio::spawn(async move {
            sleep(deadline - margin).await;
            at_deadline.stop(StopReason::Deadline);
        });
        let interrupt = tokio::spawn(async move {
            crate::platform::told_to_end().await;
            at_interrupt.stop(StopReason::Interrupted);
        });
        Self([deadline.abort_handle(), interrupt.abort_handle()])
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

fn context(settings: &Settings, around: &Surroundings, clock: Clock, stop: Stop) -> (RunContext, AllLeft) {
    let mut ids = IdSource::new(settings.seed.unwrap_or_else(seed));
    let path = PathContext {
        dial: Arc::clone(&around.dial),
        resolver: Resolver::new(Arc::clone(&around.dial), clock, RESOLVE_WITHIN),
        trust: Trust::load(settings.extra_roots.clone()),
        form: raincheck_probes::tunnel::Form::of(&settings.profile),
        alpn: Vec::new(),
        bounds: Bounds::default(),
        ids: Arc::new(Mutex::new(ids.fork())),
    };
    let schedules = match settings.patience {
        Patience::Prompt => {
            Schedules { datagram: Schedule::prompt(1), stream: Schedule::reliable(STREAM_ANSWER) }
        }
        Patience::Client => super::flavour::schedules_of(&settings.profile),
    };
    let journal = Journal::new(clock);
    RunContext::new(journal, path, settings.profile.clone(), settings.patience, schedules, ids, stop)
}

/// Sixty-four bits that differ from run to run. `RandomState` is seeded by the system.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Lets every session leave, within what the deadline has left for it.
async fn leave(run: &RunContext, left: AllLeft, within: Duration) {
    run.close_door();
    // What has not left by then has been told, and its server ends it by itself.
    let _ = timeout(within, left.wait()).await;
}

struct Job<'a> {
    settings: &'a Settings,
    purpose: Purpose,
    context: Arc<RunContext>,
    chosen: Chosen,
    host: Host,
    proxies: Vec<ProxyServer>,
    progress: Progress,
}

impl Job<'_> {
    /// Asks everything at once, then sends media over the path that the client would choose.
    async fn probe_all(&self) -> Arc<Shared> {
        let gathering = self.gathering();
        let probes =
            plan(&gathering, &self.chosen.servers, &self.settings.profile, &self.proxies, self.purpose);
        let shared = Arc::new(Shared {
            sockets: self.sockets(),
            gathering: Mutex::new(gathering),
            crossings: Mutex::default(),
            purpose: self.purpose,
            families: relayed_family(self.settings.families),
        });
        self.bind_hosts(&shared);
        let held = self.ask_all(&shared, probes).await;
        shared.crossings.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.send_media(&shared, held).await;
        shared
    }

    fn gathering(&self) -> Gathering {
        let settings = self.settings;
        Gathering::new(&GatherSetup {
            profile: settings.profile.clone(),
            policy: settings.policy,
            media_permission: settings.media_permission,
            udp: true,
            ipv4: settings.families.v4,
            ipv6: settings.families.v6,
            networks: self.networks(),
            servers: self.chosen.servers.clone(),
            proxied: !self.proxies.is_empty(),
            beyond_limit: true,
            seed: self.context.ids().next_u64(),
        })
    }

    /// What the user chose of the host's networks; on loopback there is nothing to choose.
    fn networks(&self) -> Vec<Network> {
        let local = self.chosen.all_on_loopback(&self.settings.resolve);
        self.host.networks_for(self.settings.interface.as_ref().filter(|_| !local))
    }

    fn sockets(&self) -> Sockets {
        let default_local = self.host.networks.iter().filter_map(|network| network.default_local).collect();
        Sockets::new(self.settings.profile.source_ports(), default_local, self.context.ids())
    }

    /// Opens the client's sockets, which are its host candidates.
    fn bind_hosts(&self, shared: &Shared) {
        let mut gathering = shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        let slots: Vec<_> = gathering.slots().to_vec();
        for slot in slots {
            let bound = match slot.kind {
                SlotKind::Host => shared.sockets.open(&self.context, slot.binds),
                // An active candidate has no socket yet: port 9 stands for that (RFC 6544 section 4.1).
                SlotKind::HostTcp(_) => Ok(std::net::SocketAddr::new(slot.binds, 9)),
                SlotKind::Srflx | SlotKind::Relay(_) => continue,
            };
            if let Ok(base) = bound {
                gathering.learned(slot.id, Learned::Bound(base), self.context.clock.now());
            }
        }
    }

    async fn ask_all(&self, shared: &Arc<Shared>, probes: Vec<Probe>) -> Vec<Held> {
        self.progress.phase(Phase::Probing { paths: probes.len() });
        let udp_paths = probes.iter().filter(|probe| probe.transport == Transport::Udp).count();
        self.context.expect_udp_paths(udp_paths);
        let mut tasks = JoinSet::new();
        for probe in probes {
            let log = self.context.journal.open(probe.evidence());
            let task = PathTask {
                run: Arc::clone(&self.context),
                shared: Arc::clone(shared),
                probe,
                log: log.clone(),
            };
            tasks.spawn(task.run());
        }
        let mut held = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            self.progress.decided();
            held.extend(ended.ok().flatten());
        }
        held
    }

    /// Media for as long as asked, over the working path that stands first in the client's order.
    async fn send_media(&self, shared: &Shared, held: Vec<Held>) {
        let packets = self.settings.media.as_millis() / exchange::SPACING.as_millis();
        let packets = u16::try_from(packets).unwrap_or(u16::MAX);
        if self.purpose == Purpose::Gather || packets == 0 || self.context.stop.is_stopped() {
            return;
        }
        let works = |path: &str| {
            let held = held.iter().find(|held| held.near.path() == path && held.far.is_some());
            held.and_then(|held| held.log.path()).is_some_and(|path| path.works() == Some(true))
        };
        let mut candidates = self.candidates(shared);
        candidates.retain(|candidate| candidate.path.as_deref().is_some_and(works));
        let ranking = rank(&self.settings.profile, &candidates);
        let selected = ranking.iter().find(|rank| rank.selected).map(|rank| rank.path.clone());
        // Everything else is given back now, while media flows.
        let Some(held) = held.into_iter().find(|held| Some(held.near.path()) == selected.as_deref()) else {
            return;
        };
        let Some(far) = &held.far else { return };
        self.progress.phase(Phase::Media { seconds: self.settings.media.as_secs_f64() });
        let step = held.log.begin(Stage::Relay, Some(far.relayed()));
        step.fact("media", true);
        let mut ids = self.context.ids();
        let seen = exchange::exchange(&self.context.desk(), [&held.near, far], packets, &mut ids).await;
        let returned = seen.run.received;
        note_relay_run(&held.log, step, seen, returned, self.context.stop.is_stopped());
    }

    /// What the client signals: what it found, without the types that the tenant's policy drops (Web SDK,
    /// `iceFiltering`).
    fn candidates(&self, shared: &Shared) -> Vec<Candidate> {
        let gathering = shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = &self.chosen.ice_filtering;
        gathering.candidates().filter(|candidate| !dropped.contains(&candidate.kind)).cloned().collect()
    }

    async fn evidence(&self, started: String, shared: &Shared) -> Evidence {
        let reason = self.context.stop.wait().await;
        let candidates = self.candidates(shared);
        let gathering = shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        Evidence {
            asked: self.asked(),
            started,
            elapsed: self.context.clock.now(),
            cut_short: reason.cut_short(self.settings.deadline),
            paths: self.context.journal.snapshot(),
            ignored: self.ignored(&gathering),
            candidates,
            gather_errors: gathering.errors().to_vec(),
            resolutions: self.context.path.resolver.resolutions(),
            interfaces: self.host.interfaces.clone(),
        }
    }

    fn ignored(&self, gathering: &Gathering) -> Vec<IgnoredUrl> {
        let mut ignored: Vec<_> = gathering.ignored().iter().collect();
        ignored.sort_by_key(|(index, _)| *index);
        let url = |(index, why): &(usize, Ignored)| {
            let server = self.chosen.servers.get(*index)?;
            Some(IgnoredUrl {
                url: server.uri.text.clone(),
                server: host_text(&server.uri.host),
                has_credentials: server.credentials.is_some(),
                because: why.0.clone(),
            })
        };
        ignored.into_iter().filter_map(url).collect()
    }

    fn asked(&self) -> AskedFor {
        AskedFor {
            profile: self.settings.profile.to_string(),
            policy: self.settings.policy,
            credentials: self.chosen.servers.iter().any(|server| server.credentials.is_some()),
            servers_from: self.chosen.from.clone(),
            vendor_servers: self.chosen.vendor,
            proxies: self.proxies.iter().map(ProxyServer::url).collect(),
            proxy_credentials: self.proxies.iter().any(|proxy| proxy.credentials.is_some()),
            ice_filtering: self.chosen.ice_filtering.clone(),
        }
    }
}

/// The family of relays to ask for. No client asks for one by name, which means IPv4 (RFC 8656 section 7.1); where
/// the user wants nothing but IPv6, a relay of another family would show nothing.
fn relayed_family(wanted: Families) -> turn::Families {
    if wanted.v6 && !wanted.v4 { turn::Families::V6 } else { turn::Families::V4 }
}

impl Chosen {
    /// Whether every server is on this very machine, by address or by `--resolve`; then the client's networks
    /// are loopback too, since nothing else reaches it everywhere.
    fn all_on_loopback(&self, pins: &[(String, std::net::IpAddr)]) -> bool {
        use raincheck_probes::server::Host;
        let is_local = |host: &Host| match host {
            Host::Ip(ip) => ip.is_loopback(),
            Host::Name(name) => {
                let mut of_name = pins.iter().filter(|(pin, _)| pin.eq_ignore_ascii_case(name)).peekable();
                of_name.peek().is_some() && of_name.all(|(_, ip)| ip.is_loopback())
            }
        };
        !self.servers.is_empty() && self.servers.iter().all(|server| is_local(&server.uri.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_are_ipv4_unless_nothing_but_ipv6_is_wanted() {
        let family = |v4, v6| relayed_family(Families { v4, v6 });
        assert_eq!(family(true, true), turn::Families::V4);
        assert_eq!(family(true, false), turn::Families::V4);
        assert_eq!(family(false, true), turn::Families::V6);
    }
}
