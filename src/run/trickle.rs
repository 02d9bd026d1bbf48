//! Gathering for a call: each candidate is told at once, together with what sends and receives for it.

use super::context::{AllLeft, RunContext};
use super::ear::Ears;
use super::ground::{Ground, leave};
use super::path::{PathTask, Shared};
use super::session::Session;
use crate::path::{Dial, Listening, SharedUdp};
use crate::plan::{Probe, Purpose, plan};
use crate::settings::{Patience, Settings};
use raincheck_probes::evidence::{PathEvidence, Transport};
use raincheck_probes::ice::gather::{Gathering, Learned, Slot, SlotKind};
use raincheck_probes::ice::{Candidate, CandidateType, GatherError, TcpType};
use raincheck_probes::machine::IdSource;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep_until;

/// Candidates that one slot can yield: an allocation over UDP shows a reflexive one beside the relay.
const EACH: usize = 2;

/// A candidate was found, or no more will be.
pub(crate) enum News {
    /// A UDP socket of the host's own.
    Host {
        /// The candidate.
        candidate: Candidate,
        /// Its socket.
        socket: SharedUdp,
    },
    /// A TCP address of the host's own.
    HostTcp {
        /// The candidate.
        candidate: Candidate,
        /// The address to connect from; unspecified where the client leaves the choice to the system.
        from: IpAddr,
        /// Where peers connect to, unless the candidate is active.
        listener: Option<Box<dyn Listening>>,
    },
    /// How a server sees a socket.
    Reflexive {
        /// The candidate.
        candidate: Candidate,
        /// The socket.
        socket: Option<SharedUdp>,
    },
    /// An allocation.
    Relayed {
        /// The candidate.
        candidate: Candidate,
        /// What sends and receives for it. The allocation is given back when all handles are dropped.
        session: Session,
    },
    /// Every slot has been answered.
    Done,
}

/// One client's gathering, under way. Dropping it ends it and lets its sessions leave in the background.
pub(crate) struct Trickle {
    run: Arc<RunContext>,
    shared: Arc<Shared>,
    left: Option<AllLeft>,
    task: AbortHandle,
    filtered: Vec<CandidateType>,
}

impl Trickle {
    /// Begins. What sessions hear goes to `ears`.
    pub(crate) fn start(ground: &Ground, settings: &Settings, ears: Ears) -> (Self, mpsc::Receiver<News>) {
        let (mut run, left) = ground.fork(settings);
        run.ears = Some(ears);
        let run = Arc::new(run);
        let gathering = ground.gathering(settings);
        let probes =
            plan(&gathering, &ground.chosen.servers, &settings.profile, &ground.proxies, Purpose::Call);
        let slots = gathering.slots().to_vec();
        let (tell, news) = mpsc::channel(slots.len() * EACH + 1);
        let mut shared = ground.shared(settings, gathering, Purpose::Call);
        shared.news = Some(tell.clone());
        let shared = Arc::new(shared);
        let paced = settings.patience == Patience::Client;
        let hosts = Hosts { run: Arc::clone(&run), shared: Arc::clone(&shared), tell: tell.clone(), paced };
        let gathering = gather(hosts, slots, probes);
        let task = tokio::spawn(async move {
            gathering.await;
            let _ = tell.send(News::Done).await;
        });
        let filtered = ground.chosen.ice_filtering.clone();
        (Self { run, shared, left: Some(left), task: task.abort_handle(), filtered }, news)
    }

    /// Gathers no further: what is under way is given up, and what it holds is given back.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }

    /// Whether the client signals candidates of this type: the tenant's policy may drop it (Web SDK, `iceFiltering`).
    pub(crate) fn signals(&self, candidate: &Candidate) -> bool {
        !self.filtered.contains(&candidate.kind)
    }

    /// The candidates that the client has signalled so far.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        self.gathering().candidates().filter(|candidate| self.signals(candidate)).cloned().collect()
    }

    /// What the client has complained of so far.
    pub(crate) fn errors(&self) -> Vec<GatherError> {
        self.gathering().errors().to_vec()
    }

    /// The paths to the servers so far, layer by layer.
    pub(crate) fn paths(&self) -> Vec<PathEvidence> {
        self.run.journal.snapshot()
    }

    /// Sockets for connections of the end's own.
    pub(crate) fn dial(&self) -> Arc<dyn Dial> {
        Arc::clone(&self.run.path.dial)
    }

    /// A source of randomness.
    pub(crate) fn ids(&self) -> IdSource {
        self.run.ids()
    }

    /// Ends, and waits until every session has left, whose handles must have been dropped; not longer than `within`.
    pub(crate) async fn leave(&mut self, within: Duration) {
        self.stop();
        if let Some(left) = self.left.take() {
            leave(&self.run, left, within).await;
        }
    }

    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.shared.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Trickle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Fills every slot, or finds out that it cannot be.
async fn gather(hosts: Hosts, slots: Vec<Slot>, probes: Vec<Probe>) {
    let (run, shared) = (Arc::clone(&hosts.run), Arc::clone(&hosts.shared));
    // The first sockets are there before anybody is asked: they are the bases of what the servers say.
    let (first, later): (Vec<Slot>, Vec<Slot>) = slots
        .into_iter()
        .filter(|slot| matches!(slot.kind, SlotKind::Host | SlotKind::HostTcp(_)))
        .partition(|slot| !hosts.paced || slot.starts.is_zero());
    first.iter().for_each(|slot| hosts.open(slot));
    let udp_paths = probes.iter().filter(|probe| probe.transport == Transport::Udp).count();
    run.expect_udp_paths(udp_paths);
    let mut tasks = JoinSet::new();
    for probe in probes {
        let log = run.journal.open(probe.evidence());
        let task = PathTask { run: Arc::clone(&run), shared: Arc::clone(&shared), probe, log };
        tasks.spawn(async move { drop(task.run().await) });
    }
    tasks.spawn(async move {
        for slot in later {
            sleep_until(hosts.run.clock.instant(hosts.shared.began + slot.starts)).await;
            hosts.open(&slot);
        }
    });
    while tasks.join_next().await.is_some() {}
}

/// Opens the host's own sockets.
struct Hosts {
    run: Arc<RunContext>,
    shared: Arc<Shared>,
    tell: mpsc::Sender<News>,
    paced: bool,
}

impl Hosts {
    fn open(&self, slot: &Slot) {
        let opened = match slot.kind {
            SlotKind::Host => self.udp(slot),
            SlotKind::HostTcp(role) => self.tcp(slot, role),
            SlotKind::Srflx | SlotKind::Relay(_) => return,
        };
        if let Err(error) = opened {
            tracing::warn!(address = %slot.binds, %error, "no socket for a host candidate");
        }
    }

    fn udp(&self, slot: &Slot) -> io::Result<()> {
        let bound = self.shared.sockets.open(&self.run, slot.binds);
        let local = bound.map_err(|cause| io::Error::other(cause.to_string()))?;
        let Some(socket) = self.shared.sockets.at(local) else { return Ok(()) };
        for candidate in self.learn(slot, local) {
            let _ = self.tell.try_send(News::Host { candidate, socket: socket.clone() });
        }
        Ok(())
    }

    fn tcp(&self, slot: &Slot, role: TcpType) -> io::Result<()> {
        let listener = match role {
            // An active candidate has no socket yet: port 9 stands for that (RFC 6544 section 4.1).
            TcpType::Active => None,
            TcpType::Passive | TcpType::So => {
                Some(self.run.path.dial.listen(SocketAddr::new(slot.binds, 0))?)
            }
        };
        let local = match &listener {
            Some(listener) => listener.local_addr()?,
            None => SocketAddr::new(slot.binds, 9),
        };
        if let Some(candidate) = self.learn(slot, local).pop() {
            let _ = self.tell.try_send(News::HostTcp { candidate, from: slot.binds, listener });
        }
        Ok(())
    }

    fn learn(&self, slot: &Slot, local: SocketAddr) -> Vec<Candidate> {
        let mut gathering = self.shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        gathering.learned(slot.id, Learned::Bound(local), self.run.clock.now())
    }
}
