//! The checklists of RFC 8445 section 6.1.2, with the habits of clients as values.
//!
//! One machine goes through every checklist; [`Habits`] say at which pace, how checks are repeated, how pairs are held
//! back, who is nominated and what becomes of the rest. Firefox's nICEr, libnice and the textbook agent differ in these
//! values alone, which stand in `ice/stack/`, beside how the client gathers.
//!
//! A check is never sent from the call that brought a candidate, but at the next call or tick, which is due at once: so
//! that of candidates that arrive together the best is checked first, as by a client that reads a whole description.
//!
//! None of these clients goes back to another pair when the selected one dies: nICEr and libnice replace what is
//! selected only by a nominated pair of higher priority, and RFC 8445 section 8.1.1 lets nothing be nominated after
//! the first. What is left is an ICE restart, and [`Successor::Restart`] says what it would find.
//!
//! | module | owns |
//! | --- | --- |
//! | [`habits`] | the values |
//! | [`order`] | the states of pairs, and which check is next |
//! | [`nominate`] | nomination and selection |
//! | [`alive`] | consent, keepalives, the states of the call |

mod alive;
mod habits;
mod nominate;
mod order;

pub(crate) use habits::{
    Concluding, Consent, Counting, Failing, Freezing, Habits, Keepalive, Nomination, Patience,
    Retransmission, Stream as StreamWait,
};

use super::conduct::{Conduct, Criterion, Traits};
use super::core::Core;
use super::pair::PairState;
use super::types::{AgentState, BaseId, IceRole, PairId, Successor};
use crate::evidence::Cause;
use crate::ice::Candidate;
use crate::machine::Offset;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::time::Duration;

/// How one client goes through its checklist.
#[derive(Debug, Clone)]
pub(crate) struct Checklist {
    habits: Habits,
    /// By [`PairId`].
    entries: Vec<Entry>,
    /// The triggered-check queue, RFC 8445 section 6.1.4.1.
    triggered: VecDeque<PairId>,
    /// The pair that a check with USE-CANDIDATE is to nominate, or does so already.
    nominating: Option<PairId>,
    /// Pairs whose connection was asked for in their turn: their check leaves as soon as it is open.
    connecting: Vec<PairId>,
    /// Candidates came in this very call: the next one may bring more.
    arriving: bool,
    /// When the last check of the list left.
    last_check: Option<Offset>,
    /// Whether that was of IPv4.
    last_was_v4: Option<bool>,
    /// When the first check of this session left.
    first_check: Option<Offset>,
    /// Since when the peer of this session is known.
    peer_since: Option<Offset>,
    /// Since when nothing is under way.
    idle_since: Option<Offset>,
    /// The life of the selected pair.
    path: Option<alive::Path>,
    /// The call has failed for good; only a restart helps.
    over: bool,
    wake: Option<Offset>,
}

/// What the list knows of a pair beside the pair itself.
#[derive(Debug, Clone, Default)]
struct Entry {
    /// The foundations of the base and of the remote candidate.
    foundation: (String, String),
    /// How many pairs were waiting, for [`Counting::WaitingAtFirst`].
    waiting: usize,
    /// It was triggered before.
    triggered: bool,
    /// It waits for the peer to connect.
    listens: bool,
    /// The peer's USE-CANDIDATE came before it succeeded.
    peer_nominated: bool,
}

impl Checklist {
    /// A list of one client.
    pub(crate) fn new(habits: Habits) -> Self {
        Self {
            habits,
            entries: Vec::new(),
            triggered: VecDeque::new(),
            nominating: None,
            connecting: Vec::new(),
            arriving: false,
            last_check: None,
            last_was_v4: None,
            first_check: None,
            peer_since: None,
            idle_since: None,
            path: None,
            over: false,
            wake: None,
        }
    }

    /// The pair that is selected in the session that goes on now.
    fn selected(&self, core: &Core) -> Option<PairId> {
        let session = core.session();
        core.selected.filter(|id| core.pair(*id).is_some_and(|pair| pair.session == session))
    }
}

/// Checks every pair to its end and nominates none: five checks in 3.75 seconds, each pair given up after 7.75 (longer
/// with hundreds of pairs), none held back for another. Ours: it measures rather than emulates.
pub(crate) fn survey() -> Checklist {
    let ms = Duration::from_millis;
    Checklist::new(Habits {
        traits: Traits {
            credential_lengths: [4, 22],
            hex_credentials: false,
            yields_on_tie: false,
            refuses_on_controlled_tie: false,
            network_info: false,
            renews_tie_breaker: true,
        },
        check_priority: |local| (110 << 24) | (local.priority & 0x00FF_FFFF),
        consent_priority: |local| local.priority,
        ta: ms(5),
        retransmission: Retransmission {
            floor: ms(250),
            counting: Counting::Unsettled,
            sends: 5,
            last_wait: 16,
            stream: StreamWait::Fixed(ms(7_750)),
        },
        pair_limit: None,
        freezing: Freezing::Never,
        families_take_turns: false,
        triggers_once: false,
        nomination: Nomination::None,
        concluding: Concluding::Unsent,
        consent: None,
        keepalive: None,
        failing: Failing::AtTheEnd,
        completes: true,
    })
}

impl Conduct for Checklist {
    fn traits(&self) -> Traits {
        self.habits.traits
    }

    fn check_priority(&self, local: &Candidate) -> u32 {
        (self.habits.check_priority)(local)
    }

    fn formed(&mut self, core: &mut Core, pair: PairId, _now: Offset) {
        self.enlist(core, pair);
    }

    fn answered(&mut self, core: &mut Core, pair: PairId, use_candidate: bool, now: Offset) {
        self.thaw_kin(core, pair);
        self.consented(core, pair, now);
        let ours = use_candidate && core.role() == IceRole::Controlling;
        let theirs = core.role() == IceRole::Controlled
            && self.entries.get(pair.0).is_some_and(|entry| entry.peer_nominated);
        if ours || theirs {
            self.nominated(core, pair, now);
        }
    }

    /// A check of a pair that works already was a consent check, or one that was to nominate it.
    fn check_failed(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset) {
        let works = core.pair(pair).is_some_and(|pair| pair.state == PairState::Succeeded);
        if core.selected == Some(pair) {
            self.consent_missed(core, pair, cause, now);
        } else if !works || self.nominating == Some(pair) {
            self.nominating = self.nominating.filter(|nominating| *nominating != pair);
            core.fail(pair, cause, now);
        }
    }

    /// RFC 8445 section 7.2.5.1: again, in the new role.
    fn conflicted(&mut self, core: &mut Core, pair: PairId, _now: Offset) {
        if core.role() == IceRole::Controlled {
            self.nominating = None;
        }
        if core.selected != Some(pair) {
            self.trigger(core, pair);
        }
    }

    /// Nothing of a pair that carries data is decided by one error of the network: consent decides. A base or a
    /// connection that is gone is another matter.
    fn refused(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset) {
        let datagrams = core.pair(pair).is_some_and(|pair| pair.stream == super::pair::Stream::Datagrams);
        let selected = core.selected == Some(pair);
        let gone = core.pair(pair).is_none_or(|pair| core.is_gone(pair.base));
        if selected && datagrams && !gone && self.habits.consent.is_some() {
            self.disconnected(core, pair, now);
            return;
        }
        self.nominating = self.nominating.filter(|nominating| *nominating != pair);
        core.fail(pair, cause, now);
        if selected {
            self.ended(core, now);
        }
    }

    fn asked(&mut self, core: &mut Core, pair: PairId, use_candidate: bool, now: Offset) {
        self.peer_checked(core, pair, use_candidate, now);
    }

    fn role_changed(&mut self, _core: &mut Core, _now: Offset) {
        // Who follows does not nominate.
        self.nominating = None;
    }

    fn restarted(&mut self, _core: &mut Core, _now: Offset) {
        let path = self.path.take();
        let entries = std::mem::take(&mut self.entries);
        *self = Self { path, entries, wake: self.wake, ..Self::new(self.habits.clone()) };
    }

    fn tick(&mut self, core: &mut Core, now: Offset) {
        if self.peer_since.is_none() && core.peer().is_some() {
            self.peer_since = Some(now);
        }
        if !self.over {
            self.nominate_when_due(core, now);
            self.check_when_due(core, now);
            self.keep_alive(core, now);
            self.settle(core, now);
        }
        self.arriving = false;
        self.wake = self.next_wake(core, now);
    }

    fn wake(&self, _core: &Core) -> Option<Offset> {
        self.wake
    }

    /// Works before may work before does not; then the newer session, what is nominated, the higher priority, the
    /// earlier.
    fn compare(&self, core: &Core, one: PairId, other: PairId) -> (Ordering, Criterion) {
        let (Some(a), Some(b)) = (core.pair(one), core.pair(other)) else {
            return (one.cmp(&other), Criterion::Earlier);
        };
        let chance = |state| match state {
            PairState::Succeeded => 0,
            PairState::Failed => 2,
            _ => 1,
        };
        [
            (chance(a.state).cmp(&chance(b.state)), Criterion::Works),
            (b.session.cmp(&a.session), Criterion::Session),
            (b.nominated.cmp(&a.nominated), Criterion::Nominated),
            (core.priority(other).cmp(&core.priority(one)), Criterion::Priority),
        ]
        .into_iter()
        .find(|(ordering, _)| ordering.is_ne())
        .unwrap_or((one.cmp(&other), Criterion::Earlier))
    }

    /// What is nominated stays selected, so only a restart goes on: with the best pair that is known to work or, when
    /// none was given the time to show it, the best that did not fail.
    fn successor(&self, core: &Core, lost: &[BaseId]) -> Successor {
        let left = core.each_pair().filter(|(id, pair)| {
            !lost.contains(&pair.base)
                && !core.is_gone(pair.base)
                && core.selected != Some(*id)
                && pair.session == core.session()
                && pair.state != PairState::Failed
        });
        let best = left.map(|(id, _)| id).min_by(|one, other| {
            let works = |id: &PairId| core.pair(*id).is_some_and(|pair| pair.state == PairState::Succeeded);
            works(other).cmp(&works(one)).then(core.priority(*other).cmp(&core.priority(*one)))
        });
        match core.selected.and_then(|id| core.pair(id)) {
            // What carries the data is not among what is lost: it stays.
            Some(of) if core.state != AgentState::Failed && !lost.contains(&of.base) => {
                let stays = |pair| Successor::Switch { pair, because: Criterion::Nominated };
                core.selected.map_or(Successor::Nothing, stays)
            }
            _ => best.map_or(Successor::Nothing, Successor::Restart),
        }
    }
}
