//! The answers to our checks (RFC 8445 section 7.2.5).

use super::conduct::Conduct;
use super::core::{Core, Pending};
use super::pair::{CheckEnd, PairState};
use super::types::{BaseId, EventKind, Received};
use crate::evidence::Cause;
use crate::machine::Offset;
use crate::stun::{Class, Integrity, Message};
use std::net::SocketAddr;

impl Core {
    /// An answer came in. One that does not fit a check of ours, or is not signed by the peer, changes nothing.
    pub(super) fn answer(
        &mut self,
        conduct: &mut dyn Conduct,
        base: BaseId,
        from: SocketAddr,
        message: &Message<'_>,
        now: Offset,
    ) -> Received {
        let id = message.transaction();
        let Some(index) = self.pending.iter().position(|pending| *pending.transaction.id() == id) else {
            return Received::Ignored(Cause::Malformed {
                detail: "an answer to no check of ours".to_owned(),
                first_bytes: crate::evidence::FirstBytes::of(message.bytes()),
            });
        };
        let integrity = self.pending.get(index).map(|pending| message.integrity_sha1(&pending.key));
        let error = message.error();
        // Who refuses us because the password does not fit cannot sign with it.
        let unsigned_refusal = message.class() == Class::Error
            && integrity == Some(Integrity::Missing)
            && error.as_ref().is_some_and(|error| matches!(error.code, 400 | 401));
        if unsigned_refusal
            && let (Some(pending), Some(error)) = (self.pending.get_mut(index), error.as_ref())
        {
            // Nobody vouches for it (RFC 8489 section 9.1.4): it is the reason that is told when nothing better comes.
            pending.refused = Some(Cause::StunError {
                stun_code: error.code,
                reason: error.reason.clone(),
                unknown_attributes: Vec::new(),
            });
        }
        if integrity != Some(Integrity::Valid) {
            return Received::Ignored(Cause::BadIntegrity { missing: integrity == Some(Integrity::Missing) });
        }
        let pending = self.pending.remove(index);
        if pending.forgotten {
            return Received::Ice;
        }
        if self.route(pending.pair) != Some((base, from)) {
            // RFC 8445 section 7.2.5.2.1.
            self.check_failed(conduct, &pending, Cause::AnswerFromElsewhere { from }, now);
            return Received::Ice;
        }
        match (message.class(), error, message.mapped()) {
            (Class::Success, _, Some(mapped)) => self.succeeded(conduct, &pending, mapped, now),
            (Class::Success, _, None) => {
                let attribute = "XOR-MAPPED-ADDRESS".to_owned();
                self.check_failed(conduct, &pending, Cause::MissingAttribute { attribute }, now);
            }
            (_, Some(error), _) if error.code == 487 => self.conflicted(conduct, &pending, now),
            (_, error, _) => {
                let (stun_code, reason) =
                    error.map_or((0, String::new()), |error| (error.code, error.reason));
                let unknown_attributes = message.unknown_attributes();
                let cause = Cause::StunError { stun_code, reason, unknown_attributes };
                self.check_failed(conduct, &pending, cause, now);
            }
        }
        Received::Ice
    }

    fn succeeded(&mut self, conduct: &mut dyn Conduct, pending: &Pending, mapped: SocketAddr, now: Offset) {
        let pair = pending.pair;
        let round_trip = pending.transaction.round_trip(now);
        self.end_check(pair, pending.transaction.id(), CheckEnd::Answered { at: now, round_trip, mapped });
        let Some(of) = self.pair_mut(pair) else { return };
        of.note_round_trip(round_trip);
        of.checks_answered += 1;
        of.last_answer = Some(now);
        of.cause = None;
        let first = of.state != PairState::Succeeded;
        of.state = PairState::Succeeded;
        let active = conduct.active_becomes_reflexive();
        if self.learn_local(pair, (mapped, pending.priority), active, now) {
            self.note(EventKind::Reflexive { pair, mapped }, now);
        }
        if first {
            self.note(EventKind::Works(pair), now);
        }
        conduct.answered(self, pair, pending.use_candidate, now);
    }

    /// 487: we give way, unless we have since (RFC 8445 section 7.2.5.1).
    fn conflicted(&mut self, conduct: &mut dyn Conduct, pending: &Pending, now: Offset) {
        self.end_check(pending.pair, pending.transaction.id(), CheckEnd::RoleConflict);
        if self.role == pending.role {
            self.switch_role(true, now);
        }
        conduct.conflicted(self, pending.pair, now);
    }

    fn check_failed(&mut self, conduct: &mut dyn Conduct, pending: &Pending, cause: Cause, now: Offset) {
        self.end_check(pending.pair, pending.transaction.id(), CheckEnd::Failed(cause.clone()));
        conduct.check_failed(self, pending.pair, &cause, now);
    }
}
