//! What a run stands on: its clock and its end, this host, the servers that were chosen.
//!
//! A run of probes has one; so has a call, whose ends share it. Each end forks a context of its own from it, with its
//! own record and sockets.

use super::context::{AllLeft, RunContext, Schedules};
use super::engine::{RunError, Surroundings};
use super::path::Shared;
use super::progress::{Phase, Progress};
use super::servers::{Chosen, choose};
use super::sockets::Sockets;
use super::stop::{Stop, StopReason, Stopper};
use super::{Clock, Journal};
use crate::host::Host;
use crate::path::{Bounds, Dial, PathContext, Resolver, Trust};
use crate::plan::Purpose;
use crate::settings::{Families, Patience, ProxyServer, Settings};
use raincheck_probes::ice::gather::{GatherSetup, Gathering};
use raincheck_probes::ice::network::Network;
use raincheck_probes::machine::IdSource;
use raincheck_probes::stun::Schedule;
use raincheck_probes::turn;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// What is kept back of the deadline for leaving clean.
const LEAVE_MARGIN: Duration = Duration::from_millis(1000);

/// How long a name may take to resolve.
const RESOLVE_WITHIN: Duration = Duration::from_secs(5);

/// How long one answer over a stream is waited for.
const STREAM_ANSWER: Duration = Duration::from_secs(4);

/// What a run stands on. Dropping it ends the run.
pub struct Ground {
    pub(super) context: Arc<RunContext>,
    pub(super) chosen: Chosen,
    pub(super) host: Host,
    pub(super) proxies: Vec<ProxyServer>,
    pub(super) progress: Progress,
    deadline: Duration,
    /// Whether nothing but this very machine is asked.
    local: bool,
    started: String,
    left: Option<AllLeft>,
    stopper: Arc<Stopper>,
    _watch: Watch,
}

impl Ground {
    /// Starts the clock, looks out for the deadline and for Ctrl-C, looks at this host and chooses the servers, which
    /// may need the network.
    ///
    /// # Errors
    /// When there are no servers to be had.
    pub async fn lay(settings: &Settings, around: Surroundings) -> Result<Self, RunError> {
        let clock = Clock::start();
        let started = Clock::wall();
        let (stopper, stop) = Stopper::new();
        let stopper = Arc::new(stopper);
        let watch = Watch::start(&stopper, settings.deadline);
        let (context, left) = context(settings, &around.dial, clock, stop);
        let context = Arc::new(context);
        let looking = tokio::task::spawn_blocking(Host::look);
        around.progress.phase(Phase::Choosing);
        let chosen = choose(&context, settings).await?;
        let host = match around.host {
            Some(host) => host,
            None => looking.await.unwrap_or_default(),
        };
        let local = chosen.all_on_loopback(&settings.resolve);
        Ok(Self {
            context,
            host: if local { Host::loopback() } else { host },
            chosen,
            proxies: settings.proxies(),
            progress: around.progress,
            deadline: settings.deadline,
            local,
            started,
            left: Some(left),
            stopper,
            _watch: watch,
        })
    }

    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.context.clock
    }

    /// Who is told how far the run is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Sixty-four bits for a name, whatever the seed: two calls never share one. Not for keys.
    pub(crate) fn random(&self) -> u64 {
        seed()
    }

    /// When the run began, RFC 3339.
    pub fn started(&self) -> &str {
        &self.started
    }

    /// The end of the run, to wait for.
    pub fn stop(&self) -> &Stop {
        &self.context.stop
    }

    /// Ends the run: nothing is left to learn. A reason that came before stays.
    pub fn finish(&self) {
        self.stopper.stop(StopReason::Finished);
    }

    /// Why the run ended before it was finished.
    pub fn cut_short(&self) -> Option<String> {
        self.context.stop.reason()?.cut_short(self.deadline)
    }

    /// This host, as far as a client would use it.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Where the servers come from, in words.
    pub fn servers_from(&self) -> &str {
        &self.chosen.from
    }

    /// Ends the run and lets every session leave, within what the deadline has left for it.
    pub async fn close(&mut self) {
        self.finish();
        if let Some(left) = self.left.take() {
            leave(&self.context, left, self.leave_within()).await;
        }
    }

    /// How long leaving may take.
    pub(crate) fn leave_within(&self) -> Duration {
        leave_margin(self.deadline)
    }

    /// A context for one end of a call: the same clock, end and names, with a record of its own.
    pub(super) fn fork(&self, settings: &Settings) -> (RunContext, AllLeft) {
        let path = PathContext {
            form: raincheck_probes::tunnel::Form::of(&settings.profile),
            ids: Arc::new(Mutex::new(self.context.ids())),
            ..self.context.path.clone()
        };
        RunContext::new(
            Journal::new(self.context.clock),
            path,
            settings.profile.clone(),
            settings.patience,
            schedules(settings),
            self.context.ids(),
            self.context.stop.clone(),
        )
    }

    /// What the emulated client would gather here.
    pub(super) fn gathering(&self, settings: &Settings) -> Gathering {
        Gathering::new(&GatherSetup {
            profile: settings.profile.clone(),
            policy: settings.policy,
            media_permission: settings.media_permission,
            udp: true,
            ipv4: settings.families.v4,
            ipv6: settings.families.v6,
            networks: self.networks(settings),
            servers: self.chosen.servers.clone(),
            proxied: !self.proxies.is_empty(),
            beyond_limit: true,
            seed: self.context.ids().next_u64(),
        })
    }

    /// What the tasks of the paths share.
    pub(super) fn shared(&self, settings: &Settings, gathering: Gathering, purpose: Purpose) -> Shared {
        Shared {
            sockets: self.sockets(settings),
            gathering: Mutex::new(gathering),
            crossings: Mutex::default(),
            began: self.context.clock.now(),
            purpose,
            families: relayed_family(settings.families),
            news: None,
        }
    }

    /// What the user chose of the host's networks; on loopback there is nothing to choose.
    fn networks(&self, settings: &Settings) -> Vec<Network> {
        self.host.networks_for(settings.interface.as_ref().filter(|_| !self.local))
    }

    fn sockets(&self, settings: &Settings) -> Sockets {
        let default_local = self.host.networks.iter().filter_map(|network| network.default_local).collect();
        Sockets::new(settings.profile.source_ports(), default_local, self.context.ids())
    }
}

fn leave_margin(deadline: Duration) -> Duration {
    LEAVE_MARGIN.min(deadline / 4)
}

/// Lets every session of a context leave.
pub(super) async fn leave(run: &RunContext, left: AllLeft, within: Duration) {
    run.close_door();
    // What has not left by then has been told, and its server ends it by itself.
    let _ = timeout(within, left.wait()).await;
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

fn context(settings: &Settings, dial: &Arc<dyn Dial>, clock: Clock, stop: Stop) -> (RunContext, AllLeft) {
    let mut ids = IdSource::new(settings.seed.unwrap_or_else(seed));
    let path = PathContext {
        dial: Arc::clone(dial),
        resolver: Resolver::new(Arc::clone(dial), clock, RESOLVE_WITHIN),
        trust: Trust::load(settings.extra_roots.clone()),
        form: raincheck_probes::tunnel::Form::of(&settings.profile),
        alpn: Vec::new(),
        bounds: Bounds::default(),
        ids: Arc::new(Mutex::new(ids.fork())),
    };
    let (profile, schedules) = (settings.profile.clone(), schedules(settings));
    RunContext::new(Journal::new(clock), path, profile, settings.patience, schedules, ids, stop)
}

fn schedules(settings: &Settings) -> Schedules {
    match settings.patience {
        Patience::Prompt => {
            Schedules { datagram: Schedule::prompt(1), stream: Schedule::reliable(STREAM_ANSWER) }
        }
        Patience::Client => super::flavour::schedules_of(&settings.profile),
    }
}

/// Sixty-four bits that differ from run to run. `RandomState` is seeded by the system.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The family of relays to ask for. No client asks for one by name, which means IPv4 (RFC 8656 section 7.1); where
/// the user wants nothing but IPv6, a relay of another family would show nothing.
fn relayed_family(wanted: Families) -> turn::Families {
    if wanted.v6 && !wanted.v4 { turn::Families::V6 } else { turn::Families::V4 }
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
