//! Proof of relay: packets between two allocations over one path, and between the servers.

use super::PathLog;
use super::exchange::{Exchanged, exchange};
use super::note::{close_step, note_relay_run};
use super::path::PathTask;
use super::session::{Ended, Session};
use raincheck_probes::evidence::{Cause, RelayRun, SkipReason, Stage};
use raincheck_probes::turn::Ask;
use std::net::SocketAddr;
use std::sync::PoisonError;

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
    /// Packets between the two allocations, then between this server and another.
    pub(super) async fn relay(&self, near: Relay, far: Option<Result<Relay, Cause>>) -> Held {
        let far = match far {
            Some(Ok(far)) => {
                if self.let_in(&near, &far).await {
                    let step = self.log.begin(Stage::Relay, Some(far.relayed));
                    let seen = self.exchange([&near, &far], PROOF_PACKETS).await;
                    let returned = seen.run.received;
                    note_relay_run(&self.log, step, seen, returned, self.run.stop.is_stopped());
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

    async fn exchange(&self, ends: [&Relay; 2], packets: u16) -> Exchanged {
        let mut ids = self.run.ids();
        exchange(&self.run.desk(), ends, packets, &mut ids).await
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
        let seen = self.exchange([near, &other], CROSS_PACKETS).await;
        let cut = self.run.stop.is_stopped();
        let [at_other, at_near] = seen.arrived;
        let mirrored = RelayRun { far_end: self.probe.id.clone(), ..seen.run.clone() };
        note_relay_run(&other_log, other_step, Exchanged { run: mirrored, ..seen.clone() }, at_other, cut);
        note_relay_run(&self.log, step, seen, at_near, cut);
    }
}
