//! The states of pairs, and which check is next (RFC 8445 sections 6.1.2.6, 6.1.4 and 7.3.1.4).

use super::{Checklist, Concluding, Counting, Entry, Freezing, Nomination};
use crate::ice::agent::conduct::Conduct;
use crate::ice::agent::core::{CheckPlan, Core};
use crate::ice::agent::pair::{Pair, PairState, Stream};
use crate::ice::agent::types::{AgentState, IceRole, PairId};
use crate::machine::Offset;

impl Checklist {
    /// Gives a new pair its place.
    pub(super) fn enlist(&mut self, core: &mut Core, pair: PairId) {
        self.arriving = true;
        self.idle_since = None;
        let foundation = core.pair(pair).and_then(|of| {
            let near = core.base_candidate(of.base)?.foundation.clone();
            Some((near, core.remote_of(pair)?.foundation.clone()))
        });
        let waiting = count(core, |pair| pair.state == PairState::Waiting);
        self.entries.resize_with(pair.0, Entry::default);
        let entry = Entry { foundation: foundation.unwrap_or_default(), waiting, ..Entry::default() };
        self.entries.push(entry);
        // RFC 6544 section 6.2: who listens does not check before the peer has connected.
        let listens =
            core.pair(pair).is_some_and(|pair| pair.stream == Stream::Closed) && !is_active(core, pair);
        // nICEr leaves it frozen, and checks it when the peer does, which may happen after its checks have ended
        // (nr_ice_media_stream_start_checks).
        let concluded = self.selected(core).is_some() && self.habits.concluding == Concluding::All;
        if let Some(entry) = self.entries.get_mut(pair.0) {
            entry.listens = listens;
        }
        if listens || concluded {
            core.set_pair_state(pair, PairState::Pruned);
            return;
        }
        if self.starts_waiting(core, pair) {
            core.set_pair_state(pair, PairState::Waiting);
        }
        self.keep_limit(core);
    }

    /// Whether a new pair may be checked without waiting for another of its foundation.
    fn starts_waiting(&self, core: &mut Core, pair: PairId) -> bool {
        let kin = |id: &PairId, of: &Pair| {
            *id != pair && of.session == core.session() && self.same_foundation(*id, pair)
        };
        let in_state = |states: &[PairState]| {
            core.each_pair()
                .filter(|(id, of)| kin(id, of) && states.contains(&of.state))
                .map(|(id, _)| id)
                .next()
        };
        let succeeded = in_state(&[PairState::Succeeded]).is_some();
        let waiting = in_state(&[PairState::Waiting]);
        let in_progress = in_state(&[PairState::InProgress]).is_some();
        match self.habits.freezing {
            Freezing::Never => true,
            Freezing::Libnice => succeeded,
            Freezing::Nicer if self.first_check.is_some() => false,
            Freezing::Rfc8445 | Freezing::Nicer if succeeded => true,
            Freezing::Rfc8445 | Freezing::Nicer if in_progress => false,
            Freezing::Rfc8445 | Freezing::Nicer => match waiting {
                // The best of them waits.
                Some(other) if core.priority(other) < core.priority(pair) => {
                    core.set_pair_state(other, PairState::Frozen);
                    true
                }
                other => other.is_none(),
            },
        }
    }

    /// RFC 8445 section 6.1.2.5: above the limit the least goes.
    fn keep_limit(&mut self, core: &mut Core) {
        let Some(limit) = self.habits.pair_limit else { return };
        let listed = count(core, |pair| !matches!(pair.state, PairState::Failed | PairState::Pruned));
        if listed <= limit {
            return;
        }
        let session = core.session();
        let unsent = core.each_pair().filter(|(_, pair)| pair.session == session && is_unsent(pair.state));
        let least = unsent.map(|(id, _)| id).min_by_key(|id| core.priority(*id));
        if let Some(least) = least {
            core.set_pair_state(least, PairState::Pruned);
        }
    }

    /// RFC 8445 section 7.2.5.3.3: what works for one pair of a foundation may work for the others.
    pub(super) fn thaw_kin(&mut self, core: &mut Core, pair: PairId) {
        let session = core.session();
        let kin: Vec<PairId> = core
            .each_pair()
            .filter(|(id, of)| {
                of.session == session && of.state == PairState::Frozen && self.same_foundation(*id, pair)
            })
            .map(|(id, _)| id)
            .collect();
        for id in kin {
            core.set_pair_state(id, PairState::Waiting);
        }
    }

    fn same_foundation(&self, one: PairId, other: PairId) -> bool {
        let of = |id: PairId| self.entries.get(id.0).map(|entry| &entry.foundation);
        of(one).is_some() && of(one) == of(other)
    }

    /// The peer's check came in on a pair (RFC 8445 sections 7.3.1.4 and 7.3.1.5).
    pub(super) fn peer_checked(&mut self, core: &mut Core, pair: PairId, nominates: bool, now: Offset) {
        let Some(state) = core.pair(pair).map(|pair| pair.state) else { return };
        let known = self.entries.get(pair.0);
        let before = known.is_some_and(|entry| entry.triggered);
        let given_up = state == PairState::Pruned && !known.is_some_and(|entry| entry.listens);
        if let Some(entry) = self.entries.get_mut(pair.0) {
            entry.peer_nominated |= nominates;
            entry.triggered = true;
        }
        if state == PairState::Succeeded {
            if nominates {
                self.nominated(core, pair, now);
            }
            return;
        }
        let refused = self.habits.triggers_once && (before || given_up);
        let lesser =
            self.selected(core).is_some_and(|selected| core.priority(pair) <= core.priority(selected));
        if !self.over && !refused && !lesser {
            self.trigger(core, pair);
        }
    }

    /// Queues a triggered check. One under way is not repeated any more; its answer counts.
    pub(super) fn trigger(&mut self, core: &mut Core, pair: PairId) {
        core.cancel_checks(pair);
        if core.pair(pair).is_some_and(|pair| pair.state != PairState::Succeeded) {
            core.set_pair_state(pair, PairState::Waiting);
        }
        let waiting = count(core, |pair| pair.state == PairState::Waiting).saturating_sub(1);
        if let Some(entry) = self.entries.get_mut(pair.0) {
            entry.waiting = waiting;
        }
        if !self.triggered.contains(&pair) {
            self.triggered.push_back(pair);
        }
    }

    /// Sends the next check, when its time has come.
    pub(super) fn check_when_due(&mut self, core: &mut Core, now: Offset) {
        if core.peer().is_none() {
            return;
        }
        for pair in std::mem::take(&mut self.connecting) {
            match core.pair(pair).map(|pair| (pair.stream, pair.state)) {
                Some((Stream::Open, PairState::Waiting)) => self.send(core, pair, now),
                Some((Stream::Opening, _)) => self.connecting.push(pair),
                _ => {}
            }
        }
        let early = self.last_check.is_some_and(|last| now < last + self.habits.ta);
        if self.arriving || early {
            return;
        }
        match self.next_check(core) {
            Some(Turn::Check(pair)) => {
                self.last_check = Some(now);
                self.send(core, pair, now);
            }
            // A connection takes its turn as a check does (RFC 6544 section 7.1).
            Some(Turn::Connect(pair)) => {
                self.last_check = Some(now);
                self.connecting.push(pair);
            }
            None => {}
        }
    }

    fn send(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let nominates = match self.habits.nomination {
            Nomination::Aggressive => core.role() == IceRole::Controlling,
            Nomination::Regular(_) => self.nominating == Some(pair),
            Nomination::None => false,
        };
        let base = core.pair(pair).map(|pair| pair.base).and_then(|base| core.base_candidate(base));
        let priority = base.map_or(0, |local| self.check_priority(local));
        let pairs = match self.habits.retransmission.counting {
            Counting::Unsettled => {
                count(core, |pair| matches!(pair.state, PairState::Waiting | PairState::InProgress))
            }
            Counting::WaitingAtFirst => self.entries.get(pair.0).map_or(0, |entry| entry.waiting),
        };
        let stream = core.pair(pair).is_some_and(|pair| pair.stream != Stream::Datagrams);
        let schedule = self.habits.retransmission.schedule(self.habits.ta, pairs, stream);
        if core.check(pair, &CheckPlan { use_candidate: nominates, schedule, priority }, now) {
            self.first_check.get_or_insert(now);
            let again = core.state == AgentState::Failed && core.selected.is_none();
            if core.state == AgentState::New || again {
                core.set_state(AgentState::Checking, now);
            }
        }
    }

    /// The next pair to check: triggered, then waiting, then thawed.
    fn next_check(&mut self, core: &mut Core) -> Option<Turn> {
        let nominating = self.nominating;
        self.triggered.retain(|id| {
            let state = core.pair(*id).map(|pair| pair.state);
            state == Some(PairState::Waiting)
                || (nominating == Some(*id) && state == Some(PairState::Succeeded))
        });
        if let Some(place) = (0..self.triggered.len()).find(|place| core.can_check(self.triggered[*place])) {
            return self.triggered.remove(place).map(Turn::Check);
        }
        if self.selected(core).is_some() && self.habits.concluding != Concluding::Lesser {
            return None;
        }
        self.next_waiting(core).or_else(|| {
            self.thaw(core);
            self.next_waiting(core)
        })
    }

    fn next_waiting(&mut self, core: &mut Core) -> Option<Turn> {
        let session = core.session();
        let waiting = core.each_pair().filter(|(id, pair)| {
            pair.session == session && pair.state == PairState::Waiting && !self.triggered.contains(id)
        });
        let mut waiting: Vec<PairId> = waiting.map(|(id, _)| id).collect();
        let v4 = |core: &Core, id: PairId| core.route(id).is_some_and(|(_, to)| to.is_ipv4());
        let turn = self.last_was_v4.filter(|_| self.habits.families_take_turns);
        // False sorts first: the family whose turn it is.
        waiting.sort_by_key(|id| (turn == Some(v4(core, *id)), std::cmp::Reverse(core.priority(*id)), *id));
        let opening =
            |core: &Core, id: PairId| core.pair(id).is_some_and(|pair| pair.stream == Stream::Opening);
        for id in waiting.into_iter().filter(|id| !opening(core, *id)).collect::<Vec<_>>() {
            if core.can_check(id) {
                self.last_was_v4 = Some(v4(core, id));
                return Some(Turn::Check(id));
            }
            if opening(core, id) {
                return Some(Turn::Connect(id));
            }
        }
        None
    }

    /// Lets frozen pairs wait when none does.
    fn thaw(&mut self, core: &mut Core) {
        let session = core.session();
        let mut frozen: Vec<PairId> = core
            .each_pair()
            .filter(|(_, pair)| pair.session == session && pair.state == PairState::Frozen)
            .map(|(id, _)| id)
            .collect();
        frozen.sort_by_key(|id| (std::cmp::Reverse(core.priority(*id)), *id));
        if self.habits.freezing == Freezing::Nicer {
            frozen.truncate(1);
        }
        for id in frozen {
            if !self.is_held(core, id) {
                core.set_pair_state(id, PairState::Waiting);
            }
        }
    }

    /// Whether a check could be sent now or when its turn comes.
    pub(super) fn has_next(&self, core: &Core) -> bool {
        if core.peer().is_none() {
            return false;
        }
        let ordinary = self.selected(core).is_none() || self.habits.concluding == Concluding::Lesser;
        let session = core.session();
        let next = |id: PairId, pair: &Pair| match pair.state {
            PairState::Waiting => true,
            PairState::Frozen => !self.is_held(core, id),
            _ => false,
        };
        self.triggered.iter().any(|id| can_ever_check(core, *id))
            || (ordinary
                && core
                    .each_pair()
                    .any(|(id, pair)| pair.session == session && next(id, pair) && can_ever_check(core, id)))
    }

    /// Whether a frozen pair stays frozen while another of its foundation is about to be checked.
    fn is_held(&self, core: &Core, id: PairId) -> bool {
        let session = core.session();
        let busy = |state| match self.habits.freezing {
            Freezing::Rfc8445 => matches!(state, PairState::Waiting | PairState::InProgress),
            Freezing::Libnice => state == PairState::Waiting,
            Freezing::Nicer | Freezing::Never => false,
        };
        core.each_pair().any(|(other, pair)| {
            pair.session == session && busy(pair.state) && self.same_foundation(other, id)
        })
    }
}

/// Whether a pair's check needs nothing but its turn.
fn can_ever_check(core: &Core, id: PairId) -> bool {
    core.pair(id).is_some_and(|pair| {
        !core.is_gone(pair.base)
            && match pair.stream {
                Stream::Datagrams | Stream::Open => true,
                Stream::Closed => is_active(core, id),
                Stream::Opening => false,
            }
    })
}

/// What the next turn is for.
enum Turn {
    /// A check of this pair.
    Check(PairId),
    /// The connection of this pair, which was asked for.
    Connect(PairId),
}

/// Whether a state is before the first check.
pub(super) const fn is_unsent(state: PairState) -> bool {
    matches!(state, PairState::Frozen | PairState::Waiting)
}

/// How many pairs of this session are so.
pub(super) fn count(core: &Core, so: impl Fn(&Pair) -> bool) -> usize {
    core.pairs().iter().filter(|pair| pair.session == core.session() && so(pair)).count()
}

fn is_active(core: &Core, pair: PairId) -> bool {
    let base = core.pair(pair).and_then(|pair| core.base_candidate(pair.base));
    base.is_some_and(|base| base.tcp_type == Some(crate::ice::TcpType::Active))
}
