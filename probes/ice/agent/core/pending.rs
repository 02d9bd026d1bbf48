//! A check that is under way.

use crate::evidence::Cause;
use crate::ice::agent::types::{IceRole, PairId};
use crate::machine::Offset;
use crate::stun::{Key, Transaction};
use std::time::Duration;

/// A check under way.
#[derive(Debug)]
pub(in crate::ice::agent) struct Pending {
    pub(in crate::ice::agent) pair: PairId,
    pub(in crate::ice::agent) transaction: Transaction,
    pub(in crate::ice::agent) key: Key,
    pub(in crate::ice::agent) role: IceRole,
    pub(in crate::ice::agent) priority: u32,
    pub(in crate::ice::agent) use_candidate: bool,
    pub(in crate::ice::agent) cancelled: bool,
    /// Its answer says nothing any more.
    pub(in crate::ice::agent) forgotten: bool,
    /// Somebody refused it without a signature.
    pub(in crate::ice::agent) refused: Option<Cause>,
}

impl Pending {
    pub(super) fn wake(&self) -> Offset {
        if self.cancelled { self.gives_up() } else { self.transaction.wake() }
    }

    pub(super) fn expired(&self, now: Offset) -> bool {
        if self.cancelled { self.gives_up() <= now } else { self.transaction.expired(now) }
    }

    /// When a check that is repeated no more is forgotten: when it would have been repeated or given up (RFC 8445
    /// section 7.3.1.4), and not before an answer had its time.
    fn gives_up(&self) -> Offset {
        self.transaction.wake().max(self.transaction.began() + CANCELLED_FOR)
    }

    /// Why it is given up.
    pub(super) fn no_answer(&self, now: Offset) -> Cause {
        if let Some(refused) = &self.refused {
            return refused.clone();
        }
        let waited = now.since(self.transaction.began()).as_millis();
        Cause::NoAnswer {
            requests: self.transaction.sends(),
            waited_ms: u64::try_from(waited).unwrap_or(u64::MAX),
        }
    }
}

/// How long the answer to a cancelled check may take.
const CANCELLED_FOR: Duration = Duration::from_secs(5);
