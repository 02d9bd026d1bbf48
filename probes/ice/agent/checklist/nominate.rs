//! Nomination and selection (RFC 8445 section 8.1, RFC 5245 section 8.1.1).

use super::order::is_unsent;
use super::{Checklist, Concluding, Nomination, Patience};
use crate::ice::agent::conduct::Criterion;
use crate::ice::agent::core::Core;
use crate::ice::agent::pair::{Pair, PairState};
use crate::ice::agent::types::{AgentState, IceRole, PairId};
use crate::machine::Offset;
use std::time::Duration;

impl Checklist {
    /// Regular nomination: queues the check that nominates, when it is time.
    pub(super) fn nominate_when_due(&mut self, core: &mut Core, now: Offset) {
        if let Some((pair, at)) = self.to_nominate(core)
            && at <= now
        {
            self.nominating = Some(pair);
            self.triggered.push_front(pair);
        }
    }

    /// The pair that is to be nominated, and when. Earlier, when by then nothing better can come.
    pub(super) fn to_nominate(&self, core: &Core) -> Option<(PairId, Offset)> {
        let Nomination::Regular(patience) = self.habits.nomination else { return None };
        let idle = core.role() == IceRole::Controlling && self.nominating.is_none();
        if !idle || self.selected(core).is_some() {
            return None;
        }
        let session = core.session();
        let here = |pair: &Pair, state: fn(PairState) -> bool| pair.session == session && state(pair.state);
        let valid = core.each_pair().filter(|(_, pair)| here(pair, |state| state == PairState::Succeeded));
        let best = valid.map(|(id, _)| id).max_by_key(|id| core.priority(*id))?;
        let unsettled = |state| is_unsent(state) || state == PairState::InProgress;
        let better = core
            .each_pair()
            .any(|(id, pair)| here(pair, unsettled) && core.priority(id) > core.priority(best));
        let began = self.first_check.unwrap_or_default();
        let more_may_come = !(core.local_ended && core.remote_ended);
        let wait =
            if better || more_may_come { self.patience(core, &patience, best) } else { Duration::ZERO };
        Some((best, began + wait))
    }

    fn patience(&self, core: &Core, patience: &Patience, pair: PairId) -> Duration {
        match (core.local_of(pair), core.remote_of(pair)) {
            (Some(local), Some(remote)) => patience.with(local.kind, remote.kind),
            _ => Duration::ZERO,
        }
    }

    /// A pair that works was nominated, by us or by the peer. Of several the one with the highest priority is
    /// selected (RFC 5245 section 8.1.1.2, RFC 8445 section 8.1.1).
    pub(super) fn nominated(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        if self.habits.nomination == Nomination::None || self.over {
            return;
        }
        core.nominate(pair, now);
        self.nominating = self.nominating.filter(|nominating| *nominating != pair);
        let because = match self.selected(core) {
            Some(selected) if selected == pair || core.priority(selected) >= core.priority(pair) => return,
            Some(_) => Criterion::Priority,
            None if core.selected.is_some() => Criterion::Session,
            None => Criterion::Nominated,
        };
        core.select(pair, because, now);
        core.set_state(AgentState::Connected, now);
        self.begin_path(core, pair, now);
        self.conclude(core, pair, now);
    }

    /// RFC 8445 section 8.1.2: what is not needed any more.
    fn conclude(&mut self, core: &mut Core, selected: PairId, now: Offset) {
        let session = core.session();
        let controlled = core.role() == IceRole::Controlled;
        let may_nominate_again = controlled && core.peer().is_some_and(|peer| !peer.ice2);
        let better = |core: &Core, id: PairId| core.priority(id) > core.priority(selected);
        let others: Vec<(PairId, PairState)> = core
            .each_pair()
            .filter(|(id, pair)| *id != selected && pair.session == session)
            .map(|(id, pair)| (id, pair.state))
            .collect();
        for (id, state) in others {
            let queued = self.triggered.contains(&id);
            // What the peer has nominated already it may have selected.
            let nominated = controlled && self.entries.get(id.0).is_some_and(|entry| entry.peer_nominated);
            let peer_may_go_on = may_nominate_again || nominated;
            let goes = match (self.habits.concluding, state) {
                (_, PairState::Frozen | PairState::Waiting) => {
                    let kept = self.habits.concluding != Concluding::Unsent && queued && better(core, id);
                    !(kept && (self.habits.concluding == Concluding::Lesser || peer_may_go_on))
                }
                (Concluding::All, PairState::InProgress) => !(peer_may_go_on && better(core, id)),
                (Concluding::Lesser, PairState::InProgress) => !better(core, id),
                _ => false,
            };
            if goes {
                core.prune(id, now);
                self.triggered.retain(|queued| *queued != id);
            }
        }
    }
}
