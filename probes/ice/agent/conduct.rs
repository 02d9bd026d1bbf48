//! What sets one client apart from another while a call is up: what it decides.

use super::core::Core;
use super::types::{BaseId, Chosen, IceRole, PairId, Successor};
use crate::evidence::Cause;
use crate::ice::Candidate;
use crate::machine::Offset;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// Habits that the core itself needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Characters of a ufrag and of a password.
    pub(crate) credential_lengths: [usize; 2],
    /// Whether credentials are hexadecimal digits.
    pub(crate) hex_credentials: bool,
    /// Both ends controlling and both tie-breakers equal: whether this one gives way (RFC 8445 section 7.3.1.1 keeps).
    pub(crate) yields_on_tie: bool,
    /// Both ends controlled and both tie-breakers equal: whether this one answers 487 rather than take control.
    pub(crate) refuses_on_controlled_tie: bool,
    /// Whether checks carry GOOG-NETWORK-INFO.
    pub(crate) network_info: bool,
    /// Whether a role conflict makes a new tie-breaker (RFC 8445 section 7.2.5.1).
    pub(crate) renews_tie_breaker: bool,
}

/// What a client decides while a call is up.
///
/// The core calls these after it has written down what happened. A conduct acts through the core alone.
pub(crate) trait Conduct: fmt::Debug + Send + Sync {
    /// The habits that the core keeps for it.
    fn traits(&self) -> Traits;

    /// The PRIORITY of a check from this candidate.
    fn check_priority(&self, local: &Candidate) -> u32;

    /// A pair was formed; its state is Frozen.
    fn formed(&mut self, core: &mut Core, pair: PairId, now: Offset);

    /// A check was answered with success; the pair's state is Succeeded.
    fn answered(&mut self, core: &mut Core, pair: PairId, use_candidate: bool, now: Offset);

    /// A check ended without success: no answer, an error, an answer from elsewhere.
    fn check_failed(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset);

    /// A check was answered with 487, and the core has looked to the role.
    fn conflicted(&mut self, core: &mut Core, pair: PairId, now: Offset);

    /// The peer's check turned our role.
    fn role_changed(&mut self, _core: &mut Core, _now: Offset) {}

    /// Nothing can be sent on this pair: a hard error of the network, a permission refused, a connection lost.
    fn refused(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset);

    /// The peer's check came in on this pair and was answered.
    fn asked(&mut self, core: &mut Core, pair: PairId, use_candidate: bool, now: Offset);

    /// The peer showed on this pair that it is there, with nothing to answer: an indication, or a check of the session
    /// before, which was answered.
    fn indicated(&mut self, _core: &mut Core, _pair: PairId, _now: Offset) {}

    /// Whether the port of a TCP connection that was opened from an active candidate makes a peer-reflexive candidate.
    /// RFC 6544 section 4.5 gives active candidates port 9, so that none fits what the peer sees.
    fn active_becomes_reflexive(&self) -> bool {
        false
    }

    /// Data came in on this pair.
    fn data(&mut self, _core: &mut Core, _pair: PairId, _now: Offset) {}

    /// A new session began; its pairs will follow.
    fn restarted(&mut self, core: &mut Core, now: Offset);

    /// Does whatever is due: checks, nominations, selection, states.
    fn tick(&mut self, core: &mut Core, now: Offset);

    /// When something will be due without anything happening.
    fn wake(&self, core: &Core) -> Option<Offset>;

    /// Which of two pairs the client prefers, [`Ordering::Less`] for the first, and what decides. A total order.
    fn compare(&self, core: &Core, one: PairId, other: PairId) -> (Ordering, Criterion);

    /// What the client does when these bases carry nothing any more.
    fn successor(&self, core: &Core, lost: &[BaseId]) -> Successor;
}

/// What decides between two pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// There is no other that works.
    Only,
    /// It works, the other does not.
    Works,
    /// libwebrtc's write state: one that answers before one that wavers, that before one not tried, that before silence.
    WriteState,
    /// Something came in on it lately.
    Receiving,
    /// Its TCP connection is open.
    Connected,
    /// The controlling side nominated it, or nominated it later.
    Nominated,
    /// Data came in on it later.
    LastData,
    /// Its networks cost less, which libwebrtc counts before the priority.
    NetworkCost,
    /// Its pair priority is higher.
    Priority,
    /// It belongs to a later session.
    Session,
    /// It was not pruned.
    NotPruned,
    /// Its round trip is shorter.
    RoundTrip,
    /// It was formed earlier; nothing else tells the two apart.
    Earlier,
    /// Nothing was selected before.
    First,
    /// The one before died.
    Lost,
}

impl Criterion {
    /// Why the first of two is preferred.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Only => "the only pair that works",
            Self::Works => "it works",
            Self::WriteState => "its checks are answered more reliably",
            Self::Receiving => "packets came in on it lately",
            Self::Connected => "its connection is open",
            Self::Nominated => "the controlling side nominated it",
            Self::LastData => "data came in on it later",
            Self::NetworkCost => "its networks cost less, which counts before the priority",
            Self::Priority => "its pair priority is higher",
            Self::Session => "it belongs to the newer session",
            Self::NotPruned => "it was not given up for another",
            Self::RoundTrip => "all else equal, its round trip is shorter",
            Self::Earlier => "all else equal, it was there earlier",
            Self::First => "the first pair that worked",
            Self::Lost => "the pair before it died",
        }
    }

    /// Why the second of two stands below the first.
    pub const fn words_below(self) -> &'static str {
        match self {
            Self::Only | Self::Works => "it does not work",
            Self::WriteState => "its checks are answered less reliably",
            Self::Receiving => "nothing came in on it lately",
            Self::Connected => "its connection is not open",
            Self::Nominated => "the controlling side nominated another",
            Self::LastData => "data came in on the other later",
            Self::NetworkCost => "its networks cost more, which counts before the priority",
            Self::Priority => "its pair priority is lower",
            Self::Session => "it belongs to an older session",
            Self::NotPruned => "it was given up for a better one",
            Self::RoundTrip => "all else equal, its round trip is longer",
            Self::Earlier | Self::First => "all else equal, it was there later",
            Self::Lost => "it died",
        }
    }
}

/// All pairs, best first.
pub(super) fn preference(conduct: &dyn Conduct, core: &Core) -> Vec<Chosen> {
    let mut pairs: Vec<PairId> = (0..core.pairs().len()).map(PairId).collect();
    pairs.sort_by(|one, other| conduct.compare(core, *one, *other).0.then(one.cmp(other)));
    let below = |place: usize| {
        let above = pairs.get(place.checked_sub(1)?)?;
        Some(conduct.compare(core, *above, *pairs.get(place)?).1)
    };
    (0..pairs.len()).map(|place| Chosen { pair: pairs[place], below: below(place) }).collect()
}

/// Whose nomination counts on this end.
pub(crate) const fn nominator(role: IceRole) -> IceRole {
    match role {
        IceRole::Controlling => role,
        IceRole::Controlled => IceRole::Controlling,
    }
}
