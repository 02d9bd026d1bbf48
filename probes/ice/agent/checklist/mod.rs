//! The checklists of RFC 8445 section 6.1.2, with the habits of clients as values.

use super::conduct::{Conduct, Criterion, Traits};
use super::core::{CheckPlan, Core};
use super::pair::PairState;
use super::types::{AgentState, BaseId, PairId, Successor};
use crate::evidence::Cause;
use crate::ice::Candidate;
use crate::machine::Offset;
use crate::stun::Schedule;
use std::cmp::Ordering;
use std::time::Duration;

/// Ta, RFC 8445 section 14.2.
const TA: Duration = Duration::from_millis(50);

/// How one client goes through its checklist.
#[derive(Debug, Clone)]
pub(crate) struct Checklist {
    next: Option<Offset>,
}

/// Checks every pair to its end and nominates none.
pub(crate) fn survey() -> Checklist {
    Checklist { next: None }
}

impl Conduct for Checklist {
    fn traits(&self) -> Traits {
        Traits {
            credential_lengths: [4, 22],
            hex_credentials: false,
            yields_on_tie: false,
            refuses_on_controlled_tie: false,
            network_info: false,
            renews_tie_breaker: true,
        }
    }

    fn check_priority(&self, local: &Candidate) -> u32 {
        (110 << 24) | (local.priority & 0x00FF_FFFF)
    }

    fn formed(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        core.set_pair_state(pair, PairState::Waiting);
        self.next.get_or_insert(now);
    }

    fn answered(&mut self, core: &mut Core, pair: PairId, _use_candidate: bool, now: Offset) {
        core.nominate(pair, now);
        if core.selected.is_none_or(|selected| core.priority(pair) > core.priority(selected)) {
            core.select(pair, Criterion::Priority, now);
            core.set_state(AgentState::Connected, now);
        }
    }

    fn check_failed(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset) {
        core.fail(pair, cause, now);
    }

    fn conflicted(&mut self, core: &mut Core, pair: PairId, _now: Offset) {
        core.set_pair_state(pair, PairState::Waiting);
    }

    fn refused(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset) {
        core.fail(pair, cause, now);
    }

    fn asked(&mut self, core: &mut Core, pair: PairId, _use_candidate: bool, _now: Offset) {
        if core.pair(pair).is_some_and(|pair| pair.state == PairState::Failed) {
            core.set_pair_state(pair, PairState::Waiting);
        }
    }

    fn restarted(&mut self, _core: &mut Core, _now: Offset) {}

    fn tick(&mut self, core: &mut Core, now: Offset) {
        while self.next.is_some_and(|next| next <= now) {
            let waiting = core.each_pair().filter(|(_, pair)| pair.state == PairState::Waiting);
            let Some(pair) = waiting.map(|(id, _)| id).max_by_key(|id| core.priority(*id)) else {
                self.next = None;
                return;
            };
            let priority = core.local_of(pair).map_or(0, |local| self.check_priority(local));
            let plan = CheckPlan { use_candidate: true, schedule: Schedule::rfc8489(), priority };
            if !core.check(pair, &plan, now) {
                return;
            }
            core.set_state(AgentState::Checking, now);
            self.next = Some(now + TA);
        }
    }

    fn wake(&self, _core: &Core) -> Option<Offset> {
        self.next
    }

    fn compare(&self, core: &Core, one: PairId, other: PairId) -> (Ordering, Criterion) {
        (core.priority(other).cmp(&core.priority(one)), Criterion::Priority)
    }

    fn successor(&self, _core: &Core, _lost: &[BaseId]) -> Successor {
        Successor::Nothing
    }
}
