//! Which pair libwebrtc prefers and when it moves: `p2p/base/basic_ice_controller.cc`, CompareConnections and
//! ShouldSwitchConnection.

use super::conduct::{Channel, ms};
use super::link::Write;
use crate::ice::agent::conduct::Criterion;
use crate::ice::agent::core::Core;
use crate::ice::agent::{BaseId, IceRole, PairId, PairState, Successor};
use crate::machine::Offset;
use std::cmp::Ordering;

/// RECEIVING_SWITCHING_DELAY: how long the receiving states must have lasted before they move the selection.
const RECEIVING_DELAY: u64 = 1_000;
/// kMinImprovement: by how much a round trip must be shorter to move the selection.
const MIN_IMPROVEMENT: u64 = 10;
/// More moments to look again than this are never kept.
const MOST_RECHECKS: usize = 256;

/// What pairs are compared by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) write: Write,
    pub(super) receiving: bool,
    pub(super) receiving_since: u64,
    pub(super) connected: bool,
    pub(super) remote_nomination: u32,
    pub(super) last_data: Option<u64>,
    pub(super) cost: u32,
    pub(super) priority: u64,
    pub(super) session: u32,
    pub(super) rtt: u64,
}

/// How the receiving states count.
pub(super) enum Receiving<'a> {
    /// As they are.
    Now,
    /// For the second pair only if both have lasted since this time; else that is noted.
    Since(u64, &'a mut bool),
}

pub(super) type Verdict = (Ordering, Criterion);

/// The better of two values, the larger one winning.
fn larger<T: Ord>(one: &T, other: &T, by: Criterion) -> Option<Verdict> {
    let order = other.cmp(one);
    order.is_ne().then_some((order, by))
}

impl Standing {
    /// CompareConnectionStates.
    fn by_state(&self, other: &Self, receiving: Receiving<'_>) -> Option<Verdict> {
        if self.write != other.write {
            let works = |write| matches!(write, Write::Writable | Write::Unreliable);
            let by = if works(self.write) == works(other.write) {
                Criterion::WriteState
            } else {
                Criterion::Works
            };
            return Some((self.write.cmp(&other.write), by));
        }
        match (self.receiving, other.receiving, receiving) {
            (true, false, _) => return Some((Ordering::Less, Criterion::Receiving)),
            (false, true, Receiving::Now) => return Some((Ordering::Greater, Criterion::Receiving)),
            (false, true, Receiving::Since(since, missed)) => {
                if self.receiving_since <= since && other.receiving_since <= since {
                    return Some((Ordering::Greater, Criterion::Receiving));
                }
                *missed = true;
            }
            _ => {}
        }
        let both = self.write == Write::Writable;
        both.then(|| larger(&self.connected, &other.connected, Criterion::Connected)).flatten()
    }

    /// CompareCandidatePairNetworks; no adapter and no VPN is preferred unless an application asks for it.
    fn by_network(&self, other: &Self) -> Option<Verdict> {
        larger(&other.cost, &self.cost, Criterion::NetworkCost)
    }

    /// CompareConnectionCandidates. A pair whose port or remote candidate was pruned is one of an earlier session here,
    /// which the generation tells already.
    pub(super) fn by_candidates(&self, other: &Self) -> Option<Verdict> {
        self.by_network(other)
            .or_else(|| larger(&self.priority, &other.priority, Criterion::Priority))
            .or_else(|| larger(&self.session, &other.session, Criterion::Session))
    }

    /// CompareConnections.
    pub(super) fn compare(&self, other: &Self, receiving: Receiving<'_>, role: IceRole) -> Option<Verdict> {
        let state = self.by_state(other, receiving);
        let told = || {
            (role == IceRole::Controlled).then(|| {
                larger(&self.remote_nomination, &other.remote_nomination, Criterion::Nominated)
                    .or_else(|| larger(&self.last_data, &other.last_data, Criterion::LastData))
            })?
        };
        state.or_else(told).or_else(|| self.by_candidates(other))
    }

    /// The order of SortAndSwitchConnection.
    pub(super) fn sort(&self, other: &Self, role: IceRole) -> Option<Verdict> {
        let shorter = || larger(&other.rtt, &self.rtt, Criterion::RoundTrip);
        self.compare(other, Receiving::Now, role).or_else(shorter)
    }
}

impl Channel {
    pub(super) fn standing(&self, core: &Core, pair: PairId) -> Option<Standing> {
        let (link, of) = (self.links.get(pair.0)?, core.pair(pair)?);
        Some(Standing {
            write: link.write,
            receiving: link.receiving,
            receiving_since: link.receiving_since,
            connected: link.connected,
            remote_nomination: link.remote_nomination,
            last_data: link.data_received,
            cost: core.cost(pair),
            priority: core.priority(pair),
            session: of.session,
            rtt: link.rtt,
        })
    }

    /// Sorts the pairs; equals keep their order.
    pub(super) fn sort(&mut self, core: &Core) {
        let role = core.role();
        let standing = |pair: &PairId| Some((*pair, self.standing(core, *pair)?));
        let mut standings: Vec<(PairId, Standing)> = self.order.iter().filter_map(standing).collect();
        standings.sort_by(|one, other| one.1.sort(&other.1, role).map_or(Ordering::Equal, |order| order.0));
        self.order = standings.into_iter().map(|(pair, _)| pair).collect();
        for (place, pair) in self.order.iter().enumerate() {
            self.links.get_mut(pair.0).into_iter().for_each(|link| link.place = place);
        }
    }

    /// ShouldSwitchConnection and HandleSwitchResult. True when it moved.
    pub(super) fn consider(&mut self, core: &mut Core, new: PairId, now: Offset) -> bool {
        match self.should_switch(core, new, now) {
            Some(because) => {
                self.lost = false;
                core.select(new, because, now);
                true
            }
            None => false,
        }
    }

    fn should_switch(&mut self, core: &Core, new: PairId, now: Offset) -> Option<Criterion> {
        let ready = self.link(new).is_some_and(super::link::Link::ready_to_send);
        if !ready || core.selected == Some(new) {
            return None;
        }
        let Some(selected) = core.selected else {
            return Some(if self.lost { Criterion::Lost } else { Criterion::First });
        };
        let (old, new) = (self.standing(core, selected)?, self.standing(core, new)?);
        // What costs more must at least receive: it may seem better by accident.
        if old.by_network(&new).is_some_and(|order| order.0.is_lt()) && !new.receiving {
            return None;
        }
        let (at, mut missed) = (ms(now), false);
        let since = at.saturating_sub(RECEIVING_DELAY);
        let verdict = old.compare(&new, Receiving::Since(since, &mut missed), core.role());
        match verdict {
            Some((Ordering::Greater, by)) => return Some(by),
            None if new.rtt + MIN_IMPROVEMENT <= old.rtt => return Some(Criterion::RoundTrip),
            _ => {}
        }
        if missed && self.rechecks.len() < MOST_RECHECKS {
            self.rechecks.insert(at + RECEIVING_DELAY);
        }
        None
    }

    /// The order for reports: pairs that libwebrtc has destroyed stand last, and of one that was pruned is said what it
    /// was pruned for.
    pub(super) fn preferred(&self, core: &Core, one: PairId, other: PairId) -> Verdict {
        let (Some(a), Some(b)) = (self.standing(core, one), self.standing(core, other)) else {
            return (one.cmp(&other), Criterion::Earlier);
        };
        let [here, there] = [one, other].map(|pair| self.link(pair).is_some());
        let role = core.role();
        let verdict = match here.cmp(&there).reverse() {
            Ordering::Equal => a.sort(&b, role),
            order => Some((order, Criterion::Works)),
        };
        let Some((order, by)) = verdict else { return (self.earlier(one, other), Criterion::Earlier) };
        let (best, worse, pruned) = if order.is_lt() { (a, b, other) } else { (b, a, one) };
        let pruned = core.pair(pruned).is_some_and(|pair| pair.state == PairState::Pruned);
        let by = match best.by_candidates(&worse) {
            Some((Ordering::Less, why)) if pruned && by == Criterion::Works => why,
            _ if pruned && by == Criterion::Works => Criterion::NotPruned,
            _ => by,
        };
        (order, by)
    }

    fn earlier(&self, one: PairId, other: PairId) -> Ordering {
        let place = |pair| self.link(pair).map_or(usize::MAX, |link| link.place);
        place(one).cmp(&place(other)).then(one.cmp(&other))
    }

    /// What libwebrtc would move to if these bases carried nothing any more.
    ///
    /// While its selected pair is weak it pings every pair that it has not destroyed, those that it had pruned too
    /// (IsPingable), and takes the best that answers. Pairs that were never tried count as if they would, after those
    /// that are known to work. Pairs that were tried in vain do not count.
    pub(super) fn without(&self, core: &Core, lost: &[BaseId]) -> Successor {
        let worked = |id: PairId| core.pair(id).is_some_and(|p| p.checks_answered + p.checks_received > 0);
        let tried = |id: PairId| core.pair(id).is_some_and(|pair| pair.checks_sent > 0);
        let refused = |id: PairId| {
            let in_vain =
                |pair: &crate::ice::agent::Pair| pair.state == PairState::Failed && pair.checks_answered == 0;
            core.pair(id).is_some_and(in_vain) || self.link(id).is_some_and(|link| link.failed)
        };
        let usable = |(id, pair): &(PairId, &crate::ice::agent::Pair)| {
            let untried = !tried(*id) && pair.session == core.session();
            !lost.contains(&pair.base)
                && !core.is_gone(pair.base)
                && !refused(*id)
                && (worked(*id) || untried)
        };
        let mut pairs: Vec<PairId> = core.each_pair().filter(usable).map(|(id, _)| id).collect();
        let by = |one: &PairId, other: &PairId| -> Verdict {
            let alive = [*one, *other].map(|pair| self.link(pair).is_some());
            let known = [*one, *other].map(worked);
            let candidates = || self.standing(core, *one)?.by_candidates(&self.standing(core, *other)?);
            larger(&alive[0], &alive[1], Criterion::NotPruned)
                .or_else(|| larger(&known[0], &known[1], Criterion::Works))
                .or_else(candidates)
                .unwrap_or_else(|| (self.earlier(*one, *other), Criterion::Earlier))
        };
        pairs.sort_by(|one, other| by(one, other).0);
        let Some(best) = pairs.first().copied() else { return Successor::Nothing };
        if self.link(best).is_none() {
            return Successor::Restart(best);
        }
        let because = pairs.get(1).map_or(Criterion::Only, |next| by(&best, next).1);
        Successor::Switch { pair: best, because }
    }
}
