//! What keeps a call up and ends it: consent (RFC 7675), keepalives (RFC 8445 section 11), the states of the call.

use super::order::{count, is_unsent};
use super::{Checklist, Failing, Nomination};
use crate::evidence::Cause;
use crate::ice::agent::core::{CheckPlan, Core};
use crate::ice::agent::pair::{PairState, Stream};
use crate::ice::agent::types::{AgentState, EventKind, PairId};
use crate::machine::Offset;
use crate::stun::Schedule;

/// The life of the selected pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    pair: PairId,
    /// When the next consent check is due.
    consent_at: Option<Offset>,
    /// The last sign of consent.
    consented: Offset,
    /// Consent checks since then.
    asked: u32,
    /// Whether a consent check was missed since then.
    silent: bool,
    /// When the next keepalive is due that is sent whatever else is.
    keepalive_at: Option<Offset>,
}

impl Checklist {
    /// A pair is selected: consent runs from the answer that was just heard.
    pub(super) fn begin_path(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let consent = self.habits.consent.map(|consent| consent.next(core.ids(), now));
        let always = self.habits.keepalive.is_some_and(|keepalive| keepalive.always);
        self.path = Some(Path {
            pair,
            consent_at: consent,
            consented: now,
            asked: 0,
            silent: false,
            keepalive_at: always.then_some(now),
        });
    }

    /// A check of this pair was answered.
    pub(super) fn consented(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let Some(path) = self.path.as_mut().filter(|path| path.pair == pair) else { return };
        path.consented = now;
        path.asked = 0;
        if std::mem::take(&mut path.silent) {
            core.note(EventKind::Works(pair), now);
            core.set_state(AgentState::Connected, now);
        }
    }

    /// A check of the selected pair was not answered, or refused.
    pub(super) fn consent_missed(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset) {
        let revokes = self.habits.consent.is_some_and(|consent| consent.revoked_by_403);
        if revokes && matches!(cause, Cause::StunError { stun_code: 403, .. }) {
            self.lose(core, pair, cause, now);
        } else {
            self.disconnected(core, pair, now);
        }
    }

    /// The selected pair is silent; it may come back.
    pub(super) fn disconnected(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let path = self.path.as_mut().filter(|path| path.pair == pair && !path.silent);
        if let Some(path) = path {
            path.silent = true;
            core.note(EventKind::Silent(pair), now);
            core.set_state(AgentState::Disconnected, now);
        }
    }

    /// Sends consent checks and keepalives that are due, and ends a path without consent.
    pub(super) fn keep_alive(&mut self, core: &mut Core, now: Offset) {
        let Some(mut path) = self.path else { return };
        if let Some(consent) = self.habits.consent {
            if path.consented + consent.expiry <= now {
                let waited_ms = u64::try_from(now.since(path.consented).as_millis()).unwrap_or(u64::MAX);
                let cause = Cause::NoAnswer { requests: path.asked, waited_ms };
                return self.lose(core, path.pair, &cause, now);
            }
            if path.consent_at.is_some_and(|at| at <= now) {
                let next = consent.next(core.ids(), now);
                let priority =
                    core.local_of(path.pair).map_or(0, |local| (self.habits.consent_priority)(local));
                // One request, which is missed when the next is due (RFC 7675 section 5.1: no retransmission).
                let schedule = Schedule::reliable(next.since(now));
                let plan = CheckPlan { use_candidate: false, schedule, priority };
                path.asked += u32::from(core.check(path.pair, &plan, now));
                path.consent_at = Some(next);
            }
        }
        if self.keepalive_due(core, &path).is_some_and(|at| at <= now) {
            core.keep_alive(path.pair, now);
            let interval = self.habits.keepalive.map(|keepalive| keepalive.interval);
            path.keepalive_at = path.keepalive_at.and(interval).map(|interval| now + interval);
        }
        self.path = Some(path);
    }

    /// When the next keepalive is due: always, or when nothing else was sent for so long.
    fn keepalive_due(&self, core: &Core, path: &Path) -> Option<Offset> {
        let keepalive = self.habits.keepalive?;
        let pair = core.pair(path.pair)?;
        match path.keepalive_at {
            Some(at) => (pair.stream == Stream::Datagrams).then_some(at),
            None => pair.last_sent.max(pair.last_data_sent).map(|sent| sent + keepalive.interval),
        }
    }

    /// Consent ran out or was taken back: nothing may be sent any more (RFC 7675 section 5.1).
    fn lose(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset) {
        core.note(EventKind::ConsentLost(pair), now);
        core.fail(pair, cause, now);
        self.ended(core, now);
    }

    /// The selected pair is dead. None of these clients turns to another by itself.
    pub(super) fn ended(&mut self, core: &mut Core, now: Offset) {
        let current = core.selected == self.selected(core);
        self.path = None;
        core.unselect();
        // The path of the session before: the new session decides.
        if current {
            self.over = true;
            self.triggered.clear();
            for id in (0..core.pairs().len()).map(PairId) {
                core.cancel_checks(id);
            }
            core.set_state(AgentState::Failed, now);
        }
    }

    /// Says when nothing is left to do, and when nothing was found.
    pub(super) fn settle(&mut self, core: &mut Core, now: Offset) {
        if self.is_busy(core) {
            self.idle_since = None;
            return;
        }
        let since = *self.idle_since.get_or_insert(now);
        let works = count(core, |pair| pair.state == PairState::Succeeded) > 0;
        let ended = core.local_ended && core.remote_ended;
        let done =
            self.selected(core).is_some() || (self.habits.nomination == Nomination::None && works && ended);
        if done {
            if self.habits.completes && matches!(core.state, AgentState::Checking | AgentState::Connected) {
                core.set_state(AgentState::Completed, now);
            }
        } else if self.nominating.is_none()
            && !works
            && self.has_failed_at(core, since).is_some_and(|at| at <= now)
        {
            let kept = core.selected.is_some();
            self.over = matches!(self.habits.failing, Failing::Grace(_)) && !kept;
            core.set_state(AgentState::Failed, now);
        }
    }

    /// Whether a check is under way or will be sent.
    fn is_busy(&self, core: &Core) -> bool {
        let selected = self.selected(core).is_some();
        let under_way = count(core, |pair| pair.state == PairState::InProgress) > 0;
        let unsent = count(core, |pair| is_unsent(pair.state)) > 0;
        self.arriving
            || under_way
            || !self.triggered.is_empty()
            || (unsent && !selected)
            || self.has_next(core)
    }

    /// When a call without any pair that works or is under way counts as failed.
    fn has_failed_at(&self, core: &Core, idle_since: Offset) -> Option<Offset> {
        let known = self.peer_since?;
        match self.habits.failing {
            Failing::AtTheEnd => (core.local_ended && core.remote_ended).then_some(idle_since),
            Failing::Grace(grace) => Some(idle_since.max(known + grace)),
            Failing::Idle(idle) => {
                (core.local_ended && count(core, |_| true) > 0).then_some(idle_since + idle)
            }
        }
    }

    /// When something will be due without anything happening.
    pub(super) fn next_wake(&self, core: &Core, now: Offset) -> Option<Offset> {
        if self.over {
            return None;
        }
        let check = self.has_next(core).then(|| self.last_check.map_or(now, |last| last + self.habits.ta));
        let nomination = self.to_nominate(core).map(|(_, at)| at);
        let path = self.path.as_ref().map(|path| {
            let expiry = self.habits.consent.map(|consent| path.consented + consent.expiry);
            [path.consent_at, expiry, self.keepalive_due(core, path)]
        });
        let idle = self.idle_since.filter(|_| {
            self.selected(core).is_none() && core.state != AgentState::Failed && self.nominating.is_none()
        });
        let works = count(core, |pair| pair.state == PairState::Succeeded) > 0;
        let failure = idle.filter(|_| !works).and_then(|since| self.has_failed_at(core, since));
        let all = [check, nomination, failure].into_iter().chain(path.into_iter().flatten());
        all.flatten().min().map(|at| at.max(now))
    }
}
