//! What libwebrtc gives up and how the call stands then: PruneConnections, UpdateState, ComputeState and
//! ComputeIceTransportState (`p2p/base/basic_ice_controller.cc`, `p2p/base/p2p_transport_channel.cc`).

use super::conduct::{Channel, ms};
use super::link::{Link, Write};
use crate::evidence::Cause;
use crate::ice::CandidateType;
use crate::ice::agent::core::Core;
use crate::ice::agent::{AgentState, EventKind, IceRole, PairId, PairState};
use crate::machine::Offset;

/// What tells networks apart: libwebrtc's id, and the family, because both ANY networks have id 0.
type Network = (Option<u16>, bool);

impl Channel {
    /// Connection::UpdateState of every pair.
    pub(super) fn update_states(&mut self, core: &mut Core, now: Offset) {
        let at = ms(now);
        for pair in self.order.clone() {
            if self.link(pair).is_some_and(|link| link.becomes_unreliable(at)) {
                self.set_write(core, pair, Write::Unreliable, now);
            }
            if self.link(pair).is_some_and(|link| link.times_out(at)) {
                self.time_out(core, pair, now);
            }
            self.update_receiving(core, pair, now);
            if self.link(pair).is_some_and(|link| link.dead(at)) {
                self.doomed.push((pair, None));
            }
        }
    }

    /// Silence for too long. libwebrtc has no other consent than this (RFC 7675 gives 30 s).
    fn time_out(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let cause = self.silence(pair, now);
        // Told once: what comes in on it makes it Init for a moment, and its old pings are still unanswered.
        if let Some(of) = core.pair_mut(pair).filter(|of| of.state != PairState::Failed) {
            // Answers that are still on their way would count: the checks are not given up.
            (of.state, of.cause) = (PairState::Failed, Some(cause.clone()));
            if of.checks_answered > 0 {
                core.note(EventKind::ConsentLost(pair), now);
            }
            core.note(EventKind::Failed(pair, cause), now);
        }
        self.links.get_mut(pair.0).into_iter().for_each(|link| link.silence_told = false);
        self.set_write(core, pair, Write::Timeout, now);
    }

    fn silence(&self, pair: PairId, now: Offset) -> Cause {
        let link = self.links.get(pair.0);
        let since = link.and_then(Link::silent_since).unwrap_or(ms(now));
        Cause::NoAnswer {
            requests: link.map_or(0, |link| link.unanswered),
            waited_ms: ms(now).saturating_sub(since),
        }
    }

    /// The network of a pair's base.
    fn network(core: &Core, pair: PairId) -> Option<Network> {
        let base = core.base_candidate(core.pair(pair)?.base)?;
        // A relay over TCP may have another family than the socket to its server.
        let v6 = base.base.map_or(base.address.is_ipv6(), |socket| socket.is_ipv6());
        Some((base.network_id, v6))
    }

    /// GetBestConnectionByNetwork: the selected pair is the best of its network, whatever the order says.
    pub(super) fn best_by_network(&self, core: &Core) -> Vec<(Network, PairId)> {
        let mut best: Vec<(Network, PairId)> = Vec::new();
        let alive = core.selected.filter(|selected| self.link(*selected).is_some());
        for pair in alive.into_iter().chain(self.order.iter().copied()) {
            let Some(network) = Self::network(core, pair) else { continue };
            if !best.iter().any(|(known, _)| *known == network) {
                best.push((network, pair));
            }
        }
        best
    }

    /// PruneConnections: what is no better than the best of its network, if that one is strong. Pairs of an ANY network
    /// are compared with what is selected, since they may use any interface.
    pub(super) fn prune(&mut self, core: &mut Core, now: Offset) {
        let nominated = |pair| core.pair(pair).is_some_and(|pair| pair.nominated);
        if core.role() != IceRole::Controlling && !core.selected.is_some_and(nominated) {
            return;
        }
        let best = self.best_by_network(core);
        let session = |pair: PairId| core.pair(pair).map(|pair| pair.session);
        // The peer's check in a new session came before its candidate. libwebrtc answers 401 then, and pairs the address
        // anew when it is signalled (`p2p/base/connection.cc`, OnReadPacket; P2PTransportChannel::CreateConnection).
        let unnamed = |pair: PairId| {
            core.selected.is_some_and(|selected| session(pair) > session(selected))
                && core.remote_of(pair).is_some_and(|remote| remote.kind == CandidateType::Prflx)
        };
        let worse = |pair: &PairId| {
            if unnamed(*pair) {
                return None;
            }
            let network = Self::network(core, *pair)?;
            let best = match network {
                (Some(0), _) => core.selected?,
                _ => best.iter().find(|(known, _)| *known == network)?.1,
            };
            let strong = self.link(best).is_some_and(|link| !link.weak());
            let order = self.standing(core, best)?.by_candidates(&self.standing(core, *pair)?);
            (best != *pair && strong && order.is_none_or(|order| order.0.is_lt())).then_some(*pair)
        };
        let worse: Vec<PairId> = self.order.iter().filter_map(worse).collect();
        for pair in worse {
            self.prune_one(core, pair, now);
        }
    }

    /// Connection::Prune: its checks are forgotten, and it is pinged no more while the channel is strong.
    pub(super) fn prune_one(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let Some(link) = self.links.get_mut(pair.0) else { return };
        if link.pruned && !link.active() {
            return;
        }
        (link.pruned, link.silence_told) = (true, false);
        let failed = link.failed;
        core.forget_checks(pair);
        if !failed {
            core.prune(pair, now);
        }
        self.set_write(core, pair, Write::Timeout, now);
    }

    /// Connection::FailAndPrune.
    pub(super) fn fail_and_prune(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset) {
        self.links.get_mut(pair.0).into_iter().for_each(|link| link.failed = true);
        core.fail(pair, cause, now);
        self.prune_one(core, pair, now);
    }

    /// Destroys a pair's connection. What it was stays in the pair.
    pub(super) fn destroy(&mut self, core: &mut Core, pair: PairId, cause: Option<Cause>, now: Offset) {
        if self.link(pair).is_none() {
            return;
        }
        core.forget_checks(pair);
        let given_up = core.pair(pair).is_some_and(|pair| pair.state == PairState::Pruned);
        if cause.is_some() || !given_up {
            let silence = self.silence(pair, now);
            core.fail(pair, &cause.unwrap_or(silence), now);
        }
        self.links.get_mut(pair.0).into_iter().for_each(|link| link.exists = false);
        self.order.retain(|other| *other != pair);
        if core.selected == Some(pair) {
            core.unselect();
            self.lost = true;
            self.sort_due = true;
        } else {
            self.update_transport_state(core, now);
        }
    }

    /// P2PTransportChannel::UpdateState.
    pub(super) fn update_state(&mut self, core: &mut Core, now: Offset) {
        let timed_out = |pair: &PairId| self.link(*pair).is_none_or(|link| !link.active());
        if self.order.iter().all(timed_out) {
            for pair in self.order.clone() {
                self.destroy(core, pair, None, now);
            }
        }
        self.update_transport_state(core, now);
    }

    fn update_transport_state(&mut self, core: &mut Core, now: Offset) {
        let writable = core.selected.and_then(|pair| self.link(pair)).is_some_and(Link::writable);
        self.has_been_writable |= writable;
        let active: Vec<PairId> =
            self.order.iter().copied().filter(|pair| self.link(*pair).is_some_and(Link::active)).collect();
        let mut networks: Vec<Option<Network>> = active.iter().map(|p| Self::network(core, *p)).collect();
        networks.sort_unstable();
        networks.dedup();
        // STATE_COMPLETED: one active pair for each network.
        self.complete = !active.is_empty() && networks.len() == active.len();
        let state = match (self.had_pairs, !active.is_empty()) {
            (true, false) => AgentState::Failed,
            _ if !writable && self.has_been_writable => AgentState::Disconnected,
            (false, _) => AgentState::New,
            _ if !writable => AgentState::Checking,
            _ if self.complete => AgentState::Completed,
            _ => AgentState::Connected,
        };
        core.set_state(state, now);
    }
}
