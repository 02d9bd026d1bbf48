//! Proof of relay: packets and connectivity checks between two allocations over one path, and between the servers.

use super::PathLog;
use super::checks::{self, Checkroom, check};
use super::exchange::{Exchanged, exchange};
use super::note::{close_step, note_relay_run};
use super::path::PathTask;
use super::session::{Ended, Session};
use raincheck_probes::evidence::{Cause, RelayRun, SkipReason, Stage};
use raincheck_probes::ice::{Candidate, CandidateType};
use raincheck_probes::turn::Ask;
use std::net::SocketAddr;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::oneshot;

/// Packets each way that prove a relay.
const PROOF_PACKETS: u16 = 10;

/// Packets each way between relays of different servers.
const CROSS_PACKETS: u16 = 5;

/// An allocation that is held.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    session: Session,
    relayed: SocketAddr,
}

impl Relay {
    /// The allocation of a session.
    pub(super) fn new(session: Session, relayed: SocketAddr) -> Self {
        Self { session, relayed }
    }

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

    /// Sends a packet in a Send indication, whether or not a channel is bound.
    pub(super) async fn indicate(&self, peer: SocketAddr, payload: Vec<u8>) {
        self.session.indicate(peer, payload).await;
    }

    /// Where STUN that comes through the relay is handed in.
    pub(super) fn checks(&self) -> &Checkroom {
        self.session.checks()
    }

    /// Lets a peer in. `None` when the run ended first.
    async fn permit(&self, peer: SocketAddr) -> Option<Ended> {
        self.session.ask(Ask::Permission(vec![peer])).await
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

impl PathTask {
    /// Packets and checks between the two allocations, then between this server and another.
    pub(super) async fn relay(&self, near: Relay, far: Option<Result<Relay, Cause>>) -> Held {
        let far = match far {
            Some(Ok(far)) => {
                if self.let_in(&near, &far).await {
                    let step = self.log.begin(Stage::Relay, Some(far.relayed));
                    let check_step = self.log.begin(Stage::Check, Some(far.relayed));
                    let (seen, checked) = self.exchange([&near, &far], PROOF_PACKETS).await;
                    let (returned, cut) = (seen.run.received, self.run.stop.is_stopped());
                    note_relay_run(&self.log, step, seen, returned, cut);
                    checked.note(check_step, far.path(), cut);
                }
                Some(far)
            }
            Some(Err(cause)) => {
                let step = self.log.begin(Stage::Permission, None);
                step.fact("second_allocation", cause.to_string());
                step.skip(SkipReason::NoPeer);
                None
            }
            None => None,
        };
        self.cross(&near).await;
        Held { log: self.log.clone(), near, far }
    }

    /// Permissions and channels on both sides, all at once. Whether packets may flow.
    async fn let_in(&self, near: &Relay, far: &Relay) -> bool {
        let (there, here) = (far.relayed, near.relayed);
        let permission = async {
            let step = self.log.begin(Stage::Permission, Some(there));
            let ended = near.permit(there).await?;
            close_step(&self.log, step, &ended).ok()
        };
        let channel = async {
            let step = self.log.begin(Stage::Channel, Some(there));
            let ended = near.session.ask(Ask::Channel(there)).await?;
            close_step(&self.log, step, &ended).ok()
        };
        let far_channel = far.session.ask(Ask::Channel(here));
        let (permitted, _, far_permitted, _) =
            tokio::join!(permission, channel, far.permit(here), far_channel);
        permitted.is_some() && self.is_let_in(far_permitted, here)
    }

    /// Whether the far end let us in; where it did not, the exchange is skipped, and why.
    fn is_let_in(&self, ended: Option<Ended>, here: SocketAddr) -> bool {
        match ended.map(|ended| ended.finished.result) {
            Some(Ok(_)) => true,
            Some(Err(cause)) => {
                let step = self.log.begin(Stage::Relay, Some(here));
                step.fact("far_permission", cause.to_string());
                step.skip(SkipReason::NoPeer);
                false
            }
            None => false,
        }
    }

    /// Packets, and beside them the checks that the client would make of this pair before it sends any.
    async fn exchange(&self, ends: [&Relay; 2], packets: u16) -> (Exchanged, checks::Outcome) {
        let (tell, exchanged) = oneshot::channel();
        let packets = async {
            let mut ids = self.run.ids();
            let seen = exchange(&self.run.desk(), ends, packets, &mut ids).await;
            let slowest = seen.run.transit_ms.iter().copied().reduce(f64::max);
            let slowest = slowest.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
            // The checks may have ended before.
            let _ = tell.send(slowest);
            seen
        };
        let candidates = ends.map(|end| self.candidate(end.relayed));
        tokio::join!(packets, check(&self.run, ends, candidates, exchanged))
    }

    /// The candidate that the client would signal for this path, with this relayed address.
    fn candidate(&self, relayed: SocketAddr) -> Candidate {
        let gathering = self.shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        let mut relays = gathering.candidates().filter(|known| known.kind == CandidateType::Relay);
        match relays.find(|known| known.path.as_ref() == Some(&self.probe.id)) {
            Some(known) => Candidate { address: relayed.ip(), port: relayed.port(), ..known.clone() },
            // The client would not ask for this one.
            None => Candidate::relayed(relayed, self.probe.transport),
        }
    }

    /// An exchange with a relay of another server, if one is held by now. Both paths keep the record, and each is
    /// proven by what arrived in its own allocation.
    async fn cross(&self, near: &Relay) {
        let host = self.probe.host();
        let partner = {
            let mut crossings = self.shared.crossings.lock().unwrap_or_else(PoisonError::into_inner);
            let partner = crossings.iter().rev().find(|(server, _, _)| *server != host).cloned();
            crossings.push((host, near.clone(), self.log.clone()));
            partner
        };
        let Some((_, other, other_log)) = partner else { return };
        let (ours, theirs) = tokio::join!(near.permit(other.relayed), other.permit(near.relayed));
        if !self.is_let_in(ours, other.relayed) || !self.is_let_in(theirs, near.relayed) {
            return;
        }
        let step = self.log.begin(Stage::Relay, Some(other.relayed));
        let other_step = other_log.begin(Stage::Relay, Some(near.relayed));
        let check_step = self.log.begin(Stage::Check, Some(other.relayed));
        let other_check = other_log.begin(Stage::Check, Some(near.relayed));
        let (seen, checked) = self.exchange([near, &other], CROSS_PACKETS).await;
        let cut = self.run.stop.is_stopped();
        let [at_other, at_near] = seen.arrived;
        let mirrored = RelayRun { far_end: self.probe.id.clone(), ..seen.run.clone() };
        note_relay_run(&other_log, other_step, Exchanged { run: mirrored, ..seen.clone() }, at_other, cut);
        note_relay_run(&self.log, step, seen, at_near, cut);
        checked.note(check_step, other.path(), cut);
        checked.mirrored().note(other_check, &self.probe.id, cut);
    }
}
