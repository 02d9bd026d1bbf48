//! One pair, and the record of its checks.

use super::types::BaseId;
use crate::evidence::Cause;
use crate::machine::Offset;
use crate::stun::{RoundTrip, TransactionId};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// The most checks that are kept in full; all are counted.
const KEPT: usize = 256;

/// RFC 8445 section 6.1.2.6, and `pruned` for clients that give pairs up for better ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairState {
    /// Waits for a pair of its foundation.
    Frozen,
    /// May be checked.
    Waiting,
    /// A check is under way.
    InProgress,
    /// A check succeeded.
    Succeeded,
    /// It came to nothing.
    Failed,
    /// It is checked no more, because a better one works.
    Pruned,
}

/// One check: a Binding request of ours, with its repetitions.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its transaction id.
    pub id: TransactionId,
    /// When it was first sent.
    pub began: Offset,
    /// How often it was sent.
    pub sends: u32,
    /// The PRIORITY that it carried.
    pub priority: u32,
    /// Whether it carried USE-CANDIDATE.
    pub use_candidate: bool,
    /// How it ended; none while it is under way.
    pub end: Option<CheckEnd>,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckEnd {
    /// The peer answered.
    Answered {
        /// When.
        at: Offset,
        /// After how long.
        round_trip: RoundTrip,
        /// Our address as the peer sees it.
        mapped: SocketAddr,
    },
    /// The peer answered 487: both ends had the same role.
    RoleConflict,
    /// It failed.
    Failed(Cause),
    /// It was given up because another took its place.
    Cancelled,
}

/// A local base and a remote candidate, with everything that came of them.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What its packets leave from.
    pub base: BaseId,
    /// Its state.
    pub state: PairState,
    /// Whether it was nominated, by whichever side nominates.
    pub nominated: bool,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// When it was formed.
    pub formed: Offset,
    /// The checks, oldest first; those past the limit are only counted.
    pub checks: Vec<Check>,
    /// Checks, repetitions not counted.
    pub checks_sent: u64,
    /// Checks that were answered with success.
    pub checks_answered: u64,
    /// Checks of the peer on this pair.
    pub checks_received: u64,
    /// Round trips of answered checks that were sent once, the latest last; bounded as the checks are.
    pub round_trips: Vec<Duration>,
    /// When the last check was sent, repetitions included.
    pub last_sent: Option<Offset>,
    /// When the peer's last check came.
    pub last_check_received: Option<Offset>,
    /// When the last answer to our checks came.
    pub last_answer: Option<Offset>,
    /// When data last came.
    pub last_data: Option<Offset>,
    /// When data last left.
    pub last_data_sent: Option<Offset>,
    /// ICE session that it belongs to: how many restarts there had been.
    pub session: u32,
    /// Index of the local candidate, as it is known by now.
    pub(crate) local: usize,
    /// Index of the remote candidate.
    pub(crate) remote: usize,
    /// The peer's USE-CANDIDATE came on this pair, and how often.
    pub(crate) remote_nominations: u64,
    /// Whether a connection is open, on ICE-TCP.
    pub(crate) stream: Stream,
    /// The cost of the peer's network, as its checks on this pair say it (GOOG-NETWORK-INFO).
    pub(crate) remote_cost: Option<u16>,
}

/// The connection under a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// None is needed: datagrams.
    Datagrams,
    /// It was not asked for yet, or broke.
    Closed,
    /// It was asked for.
    Opening,
    /// It is open.
    Open,
}

impl Pair {
    pub(super) fn new(
        base: BaseId,
        [local, remote]: [usize; 2],
        stream: Stream,
        session: u32,
        now: Offset,
    ) -> Self {
        Self {
            base,
            state: PairState::Frozen,
            nominated: false,
            cause: None,
            formed: now,
            checks: Vec::new(),
            checks_sent: 0,
            checks_answered: 0,
            checks_received: 0,
            round_trips: Vec::new(),
            last_sent: None,
            last_check_received: None,
            last_answer: None,
            last_data: None,
            last_data_sent: None,
            session,
            local,
            remote,
            remote_nominations: 0,
            stream,
            remote_cost: None,
        }
    }

    /// When anything last came in on it: a check, an answer, data.
    pub fn last_received(&self) -> Option<Offset> {
        self.last_check_received.max(self.last_answer).max(self.last_data)
    }

    /// Whether a check of ours was ever answered on it.
    pub fn has_worked(&self) -> bool {
        self.checks_answered > 0
    }

    /// The shortest exact round trip.
    pub fn best_round_trip(&self) -> Option<Duration> {
        self.round_trips.iter().min().copied()
    }

    /// The checks that are under way.
    pub fn outstanding(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.end.is_none())
    }

    pub(super) fn record(&mut self, check: Check) {
        self.checks_sent += 1;
        if self.checks.len() >= KEPT {
            // The first ones tell how the pair came to work, the last ones how it fares.
            self.checks.remove(KEPT / 2);
        }
        self.checks.push(check);
    }

    pub(super) fn check_mut(&mut self, id: &TransactionId) -> Option<&mut Check> {
        self.checks.iter_mut().rev().find(|check| check.id == *id)
    }

    pub(super) fn note_round_trip(&mut self, round_trip: RoundTrip) {
        if let RoundTrip::Exact(time) = round_trip {
            if self.round_trips.len() >= KEPT {
                self.round_trips.remove(KEPT / 2);
            }
            self.round_trips.push(time);
        }
    }
}
