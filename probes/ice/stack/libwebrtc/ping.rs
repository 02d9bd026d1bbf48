//! Which pair libwebrtc pings next and when: `p2p/base/basic_ice_controller.cc`, SelectConnectionToPing and what it
//! calls; `p2p/base/wrapping_active_ice_controller.cc`, SelectAndPingConnection.

use super::conduct::{Channel, ms};
use super::link::Link;
use crate::ice::agent::core::{CheckPlan, Core};
use crate::ice::agent::{IceRole, PairId};
use crate::machine::Offset;
use crate::stun::Schedule;
use std::time::Duration;

/// WEAK_PING_INTERVAL: while nothing is selected, or what is selected is weak.
const WEAK_INTERVAL: u64 = 48;
/// STRONG_PING_INTERVAL.
const STRONG_INTERVAL: u64 = 480;
/// RECEIVING_TIMEOUT / 10 (`check_receiving_interval`): states are looked at this often at least.
const WAKES_AFTER: u64 = 250;
/// MIN_PINGS_AT_WEAK_PING_INTERVAL: the first pings of each pair are fast.
const FAST_PINGS: u32 = 3;
/// WEAK_OR_STABILIZING_WRITABLE_CONNECTION_PING_INTERVAL.
const STABILIZING_INTERVAL: u64 = 900;
/// STRONG_AND_STABLE_WRITABLE_CONNECTION_PING_INTERVAL.
const STABLE_INTERVAL: u64 = 2_500;
/// BACKUP_CONNECTION_PING_INTERVAL.
const BACKUP_INTERVAL: u64 = 25_000;
/// CONNECTION_RESPONSE_TIMEOUT: a ping is sent once, and its answer taken for so long.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

impl Channel {
    /// Starts pinging when there is something to ping (MaybeStartPinging).
    pub(super) fn maybe_start_pinging(&mut self, core: &Core, now: Offset) {
        let at = ms(now);
        if self.next_ping.is_none() && self.order.iter().any(|pair| self.pingable(core, *pair, at)) {
            self.next_ping = Some(at);
        }
    }

    /// One turn of the loop: states are updated and at most one pair is pinged.
    pub(super) fn ping_turn(&mut self, core: &mut Core, now: Offset) {
        self.update_states(core, now);
        let at = ms(now);
        let fast = |link: &Link| link.active() && link.pings < FAST_PINGS;
        let hurry = self.channel_weak(core) || self.order.iter().any(|p| self.link(*p).is_some_and(fast));
        let interval = if hurry { WEAK_INTERVAL } else { STRONG_INTERVAL };
        if self.last_ping.is_none_or(|last| at >= last + interval)
            && let Some(pair) = self.next_to_ping(core, at)
        {
            self.ping(core, pair, now);
        }
        // Without pairs there is nothing to look at; the next one starts the loop again.
        self.next_ping = (!self.order.is_empty()).then(|| at + interval.min(WAKES_AFTER));
    }

    /// FindNextPingableConnection.
    fn next_to_ping(&mut self, core: &Core, at: u64) -> Option<PairId> {
        let due = |pair: &PairId| self.past_interval(core, *pair, at);
        let live = |pair: &PairId| self.link(*pair).is_some_and(|link| link.connected && link.writable());
        let last_ping = |pair: &PairId| self.link(*pair).and_then(|link| link.last_ping);
        if let Some(selected) = core.selected.filter(live).filter(due) {
            return Some(selected);
        }
        if self.channel_weak(core) {
            let best = self.best_by_network(core).into_iter().map(|(_, pair)| pair);
            if let Some(pair) = best.filter(live).filter(due).min_by_key(last_ping) {
                return Some(pair);
            }
        }
        let pingable: Vec<PairId> =
            self.order.iter().copied().filter(|pair| self.pingable(core, *pair, at)).collect();
        let triggered = |pair: &&PairId| {
            self.link(**pair).is_some_and(|link| !link.writable() && link.ping_received > link.last_ping)
        };
        let received = |pair: &&PairId| self.link(**pair).and_then(|link| link.ping_received);
        if let Some(pair) = pingable.iter().filter(triggered).min_by_key(received) {
            return Some(*pair);
        }
        let fresh = |pair: &PairId| self.link(*pair).is_some_and(|link| !link.pinged);
        if !pingable.iter().any(fresh) {
            // Everything was pinged: a new round, for those that cannot be pinged now too.
            self.links.iter_mut().for_each(|link| link.pinged = false);
        }
        let fresh = |pair: &PairId| self.link(*pair).is_some_and(|link| !link.pinged);
        let last_ping = |pair: &PairId| self.link(*pair).and_then(|link| link.last_ping);
        pingable.into_iter().filter(fresh).min_by_key(last_ping)
    }

    /// IsPingable.
    fn pingable(&self, core: &Core, pair: PairId, at: u64) -> bool {
        let (Some(link), Some(of)) = (self.link(pair), core.pair(pair)) else { return false };
        let possible = core.keys(of.session).is_some() && !link.failed && (link.connected || link.writable());
        if !possible || self.channel_weak(core) {
            return possible;
        }
        // A backup: the channel is complete, and this is not what it uses.
        if self.complete && core.selected != Some(pair) && link.active() {
            return link.rtt_samples == 0 || link.answered.is_none_or(|last| at >= last + BACKUP_INTERVAL);
        }
        link.active() && (!link.writable() || self.past_interval(core, pair, at))
    }

    /// WritableConnectionPastPingInterval.
    fn past_interval(&self, core: &Core, pair: PairId, at: u64) -> bool {
        let Some(link) = self.link(pair) else { return false };
        let interval = if link.pings < FAST_PINGS {
            WEAK_INTERVAL
        } else if !self.channel_weak(core) && link.stable(at) {
            STABLE_INTERVAL
        } else {
            STABILIZING_INTERVAL
        };
        link.last_ping.is_none_or(|last| last + interval <= at)
    }

    /// P2PTransportChannel::PingConnection. What cannot leave counts as sent: libwebrtc does not look.
    fn ping(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let use_candidate = core.role() == IceRole::Controlling && self.nominates(core, pair);
        let priority = core.local_of(pair).map_or(0, super::check_priority);
        let schedule = Schedule::reliable(RESPONSE_TIMEOUT);
        // On a TCP connection that broke, this asks for a new one.
        core.check(pair, &CheckPlan { use_candidate, schedule, priority }, now);
        let at = ms(now);
        self.last_ping = Some(at);
        self.links.get_mut(pair.0).into_iter().for_each(|link| link.note_ping(at));
    }

    /// GetUseCandidateAttr, SEMI_AGGRESSIVE.
    fn nominates(&self, core: &Core, pair: PairId) -> bool {
        let selected = core.selected.filter(|selected| self.link(*selected).is_some());
        let writable = |pair: PairId| self.link(pair).is_some_and(Link::writable);
        if core.peer().is_some_and(|peer| peer.lite) {
            return selected == Some(pair) && writable(pair);
        }
        let Some(selected) = selected else { return true };
        let better = || self.standing(core, pair)?.by_candidates(&self.standing(core, selected)?);
        selected == pair || !writable(selected) || better().is_some_and(|order| order.0.is_lt())
    }
}
