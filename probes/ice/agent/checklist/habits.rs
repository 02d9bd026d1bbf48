//! The habits of one client, as values.

use crate::ice::agent::conduct::Traits;
use crate::ice::{Candidate, CandidateType};
use crate::machine::{IdSource, Offset};
use crate::stun::Schedule;
use std::time::Duration;

/// How one client goes through its checklist.
#[derive(Debug, Clone)]
pub(crate) struct Habits {
    /// What the core keeps for it.
    pub(crate) traits: Traits,
    /// The PRIORITY of a check from a base.
    pub(crate) check_priority: fn(&Candidate) -> u32,
    /// The PRIORITY of a consent check from a pair's local candidate.
    pub(crate) consent_priority: fn(&Candidate) -> u32,
    /// Ta: from one check to the next (RFC 8445 section 14.2).
    pub(crate) ta: Duration,
    /// When a check is repeated and given up.
    pub(crate) retransmission: Retransmission,
    /// The most pairs that are checked (RFC 8445 section 6.1.2.5).
    pub(crate) pair_limit: Option<usize>,
    /// How pairs are held back for others of their foundation.
    pub(crate) freezing: Freezing,
    /// Whether IPv4 and IPv6 take turns in ordinary checks (RFC 8421 section 4).
    pub(crate) families_take_turns: bool,
    /// Whether a pair is triggered only once, and never when it has been given up.
    pub(crate) triggers_once: bool,
    /// Who is nominated.
    pub(crate) nomination: Nomination,
    /// What becomes of the other pairs when one is nominated.
    pub(crate) concluding: Concluding,
    /// Consent, RFC 7675; none where the client asks for none.
    pub(crate) consent: Option<Consent>,
    /// Keepalives, RFC 8445 section 11.
    pub(crate) keepalive: Option<Keepalive>,
    /// When the call has failed.
    pub(crate) failing: Failing,
    /// Whether "completed" follows "connected" when no check is left.
    pub(crate) completes: bool,
}

/// When a check is repeated and given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retransmission {
    /// The shortest RTO.
    pub(crate) floor: Duration,
    /// Which pairs, each for Ta, make the RTO longer.
    pub(crate) counting: Counting,
    /// How often it is sent; gaps begin with the RTO and double.
    pub(crate) sends: u32,
    /// How many RTOs the last one is given.
    pub(crate) last_wait: u32,
    /// How long a check on a stream is given, which is sent once (RFC 6544 section 7.1).
    pub(crate) stream: Stream,
}

/// How long a check on a stream is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// So long.
    Fixed(Duration),
    /// So many RTOs.
    Rtos(u32),
}

/// Which pairs are counted for the RTO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Those waiting or in progress when the check is sent (RFC 8445 section 14.3, with one checklist).
    Unsettled,
    /// Those waiting when the pair was formed, or its triggered check queued.
    WaitingAtFirst,
}

impl Retransmission {
    /// The schedule of one check while so many pairs are counted.
    pub(crate) fn schedule(&self, ta: Duration, pairs: usize, stream: bool) -> Schedule {
        let rto = self.floor.max(ta * u32::try_from(pairs).unwrap_or(u32::MAX));
        match (stream, self.stream) {
            (true, Stream::Fixed(time)) => Schedule::reliable(time),
            (true, Stream::Rtos(count)) => Schedule::reliable(rto * count),
            (false, _) => Schedule::exponential(rto, self.sends, rto * self.last_wait),
        }
    }
}

/// How pairs are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freezing {
    /// RFC 8445 sections 6.1.2.6 and 6.1.4.2, RFC 8838 section 12: one pair of each foundation at a time, until one
    /// succeeded.
    Rfc8445,
    /// nICEr: the best of each foundation at the beginning, later pairs frozen; when none waits, the best frozen one
    /// (`ice_media_stream.c`, nr_ice_media_stream_check_timer_cb).
    Nicer,
    /// libnice: all frozen; when none waits, the best of each foundation (`agent/conncheck.c`,
    /// priv_conn_check_unfreeze_next).
    Libnice,
    /// None is held back.
    Never,
}

/// Who is nominated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nomination {
    /// One pair, by a check of its own (RFC 8445 section 8.1.1), which leaves the moment to the controlling side: as
    /// soon as nothing better can come, or after this much patience.
    Regular(Patience),
    /// Every check nominates (RFC 5245 section 8.1.1.2).
    Aggressive,
    /// Nobody is.
    None,
}

/// How long after the first check a pair that works is passed over in the hope of a better one, by the type of its
/// less direct candidate. pion, `agent_config.go`: the values of the one regular nomination in wide use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    pub(crate) host: Duration,
    pub(crate) srflx: Duration,
    pub(crate) prflx: Duration,
    pub(crate) relay: Duration,
}

impl Patience {
    /// The patience for a pair of these two.
    pub(crate) fn with(&self, local: CandidateType, remote: CandidateType) -> Duration {
        self.of(local).max(self.of(remote))
    }

    const fn of(&self, kind: CandidateType) -> Duration {
        match kind {
            CandidateType::Host => self.host,
            CandidateType::Srflx => self.srflx,
            CandidateType::Prflx => self.prflx,
            CandidateType::Relay => self.relay,
        }
    }
}

/// What becomes of the other pairs when one is nominated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concluding {
    /// They are given up (RFC 8445 section 8.1.2); with a peer that may nominate again (RFC 5245), better ones go on.
    All,
    /// Those that were not sent are given up; of those in progress the better ones go on, and new ones are checked
    /// (libnice, priv_prune_pending_checks).
    Lesser,
    /// Those that were not sent are given up; those in progress go on (nICEr, nr_ice_component_nominated_pair).
    Unsent,
}

/// Consent, RFC 7675 section 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Consent {
    /// From one check to the next, on average; each is 0.8 to 1.2 of it.
    pub(crate) interval: Duration,
    /// How long an answer is good for.
    pub(crate) expiry: Duration,
    /// Whether an answer 403 takes it back at once. The RFC knows no such answer; nICEr does
    /// (nr_ice_component_refresh_consent_cb).
    pub(crate) revoked_by_403: bool,
}

impl Consent {
    /// When the next check is due after one at `now`.
    pub(crate) fn next(&self, ids: &mut IdSource, now: Offset) -> Offset {
        let permille = 800 + u32::try_from(ids.next_u64() % 401).unwrap_or(200);
        now + self.interval * permille / 1000
    }
}

/// Keepalives: Binding indications on the selected pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keepalive {
    /// Tr.
    pub(crate) interval: Duration,
    /// Whether they are sent beside other packets, the first at once, and on datagrams only.
    pub(crate) always: bool,
}

/// When a call without a pair has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    /// Both ends have no more candidates and every pair failed (RFC 8838 section 8.2).
    AtTheEnd,
    /// Every pair failed, and so long has passed since the peer was known (nICEr, trickle grace period). Final.
    Grace(Duration),
    /// Our gathering has ended, the peer named candidates, and nothing was under way for so long (libnice,
    /// `idle-timeout`).
    Idle(Duration),
}
