//! A run from settings to evidence.

use super::exchange;
use super::ground::Ground;
use super::note::note_relay_run;
use super::path::{PathTask, Shared};
use super::progress::{Phase, Progress};
use super::relay::Held;
use super::servers::Chosen;
use crate::host::Host;
use crate::path::Dial;
use crate::plan::{Probe, Purpose, host_text, plan};
use crate::settings::{ProxyServer, Settings};
use raincheck_probes::evidence::{AskedFor, Evidence, IgnoredUrl, Stage, Transport};
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::elect::Contender;
use raincheck_probes::ice::gather::{Gathering, Learned, SlotKind};
use raincheck_probes::ice::rank::rank_measured;
use raincheck_probes::ice::stack::Ignored;
use std::sync::{Arc, PoisonError};
use tokio::task::JoinSet;

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
    let ground = Ground::lay(settings, around).await?;
    let mut job = Job { settings, purpose, ground };
    let shared = job.probe_all().await;
    job.ground.close().await;
    Ok(job.evidence(&shared))
}

struct Job<'a> {
    settings: &'a Settings,
    purpose: Purpose,
    ground: Ground,
}

impl Job<'_> {
    /// Asks everything at once, then sends media over the path that the client would choose.
    async fn probe_all(&self) -> Arc<Shared> {
        let (settings, ground) = (self.settings, &self.ground);
        let gathering = ground.gathering(settings);
        let probes =
            plan(&gathering, &ground.chosen.servers, &settings.profile, &ground.proxies, self.purpose);
        let shared = Arc::new(ground.shared(settings, gathering, self.purpose));
        self.bind_hosts(&shared);
        let held = self.ask_all(&shared, probes).await;
        shared.crossings.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.send_media(&shared, held).await;
        shared
    }

    /// Opens the client's sockets, which are its host candidates.
    fn bind_hosts(&self, shared: &Shared) {
        let mut gathering = shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        let slots: Vec<_> = gathering.slots().to_vec();
        for slot in slots {
            let bound = match slot.kind {
                SlotKind::Host => shared.sockets.open(&self.ground.context, slot.binds),
                // An active candidate has no socket yet: port 9 stands for that (RFC 6544 section 4.1).
                SlotKind::HostTcp(_) => Ok(std::net::SocketAddr::new(slot.binds, 9)),
                SlotKind::Srflx | SlotKind::Relay(_) => continue,
            };
            if let Ok(base) = bound {
                gathering.learned(slot.id, Learned::Bound(base), self.ground.context.clock.now());
            }
        }
    }

    async fn ask_all(&self, shared: &Arc<Shared>, probes: Vec<Probe>) -> Vec<Held> {
        self.ground.progress.phase(Phase::Probing { paths: probes.len() });
        let udp_paths = probes.iter().filter(|probe| probe.transport == Transport::Udp).count();
        self.ground.context.expect_udp_paths(udp_paths);
        let mut tasks = JoinSet::new();
        for probe in probes {
            let log = self.ground.context.journal.open(probe.evidence());
            let task = PathTask {
                run: Arc::clone(&self.ground.context),
                shared: Arc::clone(shared),
                probe,
                log: log.clone(),
            };
            tasks.spawn(task.run());
        }
        let mut held = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            self.ground.progress.decided();
            held.extend(ended.ok().flatten());
        }
        held
    }

    /// Media for as long as asked, over the working path that stands first in the client's order.
    async fn send_media(&self, shared: &Shared, held: Vec<Held>) {
        let packets = self.settings.media.as_millis() / exchange::SPACING.as_millis();
        let packets = u16::try_from(packets).unwrap_or(u16::MAX);
        if self.purpose == Purpose::Gather || packets == 0 || self.ground.context.stop.is_stopped() {
            return;
        }
        let of = |path: &str| held.iter().find(|held| held.near.path() == path && held.far.is_some());
        let contenders = self.candidates(shared).into_iter().filter_map(|candidate| {
            let path = of(candidate.path.as_deref()?)?.log.path()?;
            Contender::of(&candidate, &path)
        });
        let ranking = rank_measured(&self.settings.profile, &contenders.collect::<Vec<_>>());
        let selected = ranking.iter().find(|rank| rank.selected).map(|rank| rank.path.clone());
        // Everything else is given back now, while media flows.
        let Some(held) = held.into_iter().find(|held| Some(held.near.path()) == selected.as_deref()) else {
            return;
        };
        let Some(far) = &held.far else { return };
        self.ground.progress.phase(Phase::Media { seconds: self.settings.media.as_secs_f64() });
        let step = held.log.begin(Stage::Relay, Some(far.relayed()));
        step.fact("media", true);
        let mut ids = self.ground.context.ids();
        let seen =
            exchange::exchange(&self.ground.context.desk(), [&held.near, far], packets, &mut ids).await;
        let returned = seen.run.received;
        note_relay_run(&held.log, step, seen, returned, self.ground.context.stop.is_stopped());
    }

    /// What the client signals: what it found, without the types that the tenant's policy drops (Web SDK,
    /// `iceFiltering`).
    fn candidates(&self, shared: &Shared) -> Vec<Candidate> {
        let gathering = shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = &self.ground.chosen.ice_filtering;
        gathering.candidates().filter(|candidate| !dropped.contains(&candidate.kind)).cloned().collect()
    }

    fn evidence(&self, shared: &Shared) -> Evidence {
        let candidates = self.candidates(shared);
        let gathering = shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        Evidence {
            asked: self.asked(),
            started: self.ground.started().to_owned(),
            elapsed: self.ground.context.clock.now(),
            cut_short: self.ground.cut_short(),
            paths: self.ground.context.journal.snapshot(),
            ignored: self.ignored(&gathering),
            candidates,
            gather_errors: gathering.errors().to_vec(),
            resolutions: self.ground.context.path.resolver.resolutions(),
            interfaces: self.ground.host.interfaces.clone(),
        }
    }

    fn ignored(&self, gathering: &Gathering) -> Vec<IgnoredUrl> {
        let mut ignored: Vec<_> = gathering.ignored().iter().collect();
        ignored.sort_by_key(|(index, _)| *index);
        let url = |(index, why): &(usize, Ignored)| {
            let server = self.ground.chosen.servers.get(*index)?;
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
            credentials: self.ground.chosen.servers.iter().any(|server| server.credentials.is_some()),
            servers_from: self.ground.chosen.from.clone(),
            vendor_servers: self.ground.chosen.vendor,
            proxies: self.ground.proxies.iter().map(ProxyServer::url).collect(),
            proxy_credentials: self.ground.proxies.iter().any(|proxy| proxy.credentials.is_some()),
            ice_filtering: self.ground.chosen.ice_filtering.clone(),
        }
    }
}

impl Chosen {
    /// Whether every server is on this very machine, by address or by `--resolve`; then the client's networks
    /// are loopback too, since nothing else reaches it everywhere.
    pub(super) fn all_on_loopback(&self, pins: &[(String, std::net::IpAddr)]) -> bool {
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
