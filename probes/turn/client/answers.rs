//! What comes in, and what it does to the asks under way.

use super::*;
use crate::stun::Integrity;

impl Client {
    /// Takes one STUN message, or whatever came in its place.
    pub(super) fn on_message(&mut self, bytes: &[u8], now: Offset) {
        let message = match Message::parse(bytes) {
            Ok(message) => message,
            Err(cause) => return self.misfit(cause),
        };
        match message.class() {
            Class::Success | Class::Error => self.on_answer(&message, now),
            Class::Indication => self.on_indication(&message),
            Class::Request if self.position(&message.transaction()).is_some() => {
                self.misfit(malformed("our own request came back", &message));
            }
            Class::Request => self.note_odd(malformed("a request instead of an answer", &message)),
        }
    }

    fn on_indication(&mut self, message: &Message<'_>) {
        if message.method() != attr::DATA_INDICATION {
            return;
        }
        let peer = message.xor_addresses(attr::XOR_PEER_ADDRESS).next();
        match (peer, message.value(attr::DATA), message.value(attr::ICMP)) {
            (Some(peer), _, Some([_, _, kind, code, ..])) => {
                let detail = format!("the relay had ICMP type {kind} code {code} from {}", peer.ip());
                self.note_odd(Cause::Unreachable { detail });
            }
            (Some(peer), Some(payload), None) => {
                self.out.push_back(Action::Event(Event::Data { peer, payload: payload.to_vec() }));
            }
            _ => self.note_odd(malformed("a Data indication without peer or data", message)),
        }
    }

    fn on_answer(&mut self, message: &Message<'_>, now: Offset) {
        let id = message.transaction();
        let Some(index) = self.position(&id) else {
            if !self.ended.contains(&id) {
                self.note_odd(malformed("an answer to nothing that was asked", message));
            }
            return;
        };
        let pending = self.pending.remove(index);
        if message.method() != request::method(&pending.ask) {
            return self.stray(pending, index, malformed("an answer to another method", message), now);
        }
        if message.fingerprint() == Some(false) {
            return self.stray(pending, index, Cause::BadFingerprint, now);
        }
        let integrity = pending.question().integrity(message);
        match pending.question().judge(message, integrity, &self.config.flavour) {
            Judgement::Stray(cause) => self.stray(pending, index, cause, now),
            judgement => self.conclude(pending, judgement, message, integrity, now),
        }
    }

    /// An answer that is believed: it ends the transaction, and the ask unless that goes on with another one.
    fn conclude(
        &mut self,
        mut pending: Pending,
        judgement: Judgement,
        message: &Message<'_>,
        integrity: Option<Integrity>,
        now: Offset,
    ) {
        pending.note(message, integrity);
        let code = message.error().filter(|_| message.class() == Class::Error).map(|error| error.code);
        pending.end_round(code, true, now);
        let result = match judgement {
            Judgement::Succeeded(answer) => Ok(answer),
            // A server may offer to take names as hashes and not know this one by its hash, such as one that makes
            // up its users from a shared secret; so the name is tried before the credentials are called wrong.
            Judgement::Failed(Cause::CredentialsRejected { .. }) if self.shows_name() => {
                return self.try_again(pending, now);
            }
            Judgement::Failed(cause) | Judgement::Stray(cause) => Err(cause),
            Judgement::Challenged => match self.take_up(message, false) {
                Ok(()) => return self.try_again(pending, now),
                Err(cause) => Err(cause),
            },
            Judgement::Stale(error) => match self.take_up_stale(&mut pending, error, message) {
                Ok(()) => return self.try_again(pending, now),
                Err(cause) => Err(cause),
            },
            Judgement::Redirected { error, to, domain } => {
                self.out.push_back(Action::Event(Event::Redirected { id: pending.id, to, domain }));
                Err(stun_error(error, Vec::new()))
            }
        };
        self.retire(pending, result, now);
    }

    /// Gives up hiding the user name; whether it was hidden.
    fn shows_name(&mut self) -> bool {
        self.session.as_mut().is_some_and(Session::show_name)
    }

    fn take_up(&mut self, challenge: &Message<'_>, renews: bool) -> Result<(), Cause> {
        let Some(credentials) = &self.config.credentials else {
            let realm = challenge.text(attr::REALM).unwrap_or_default();
            return Err(Cause::CredentialsNeeded { realm });
        };
        let before = self.session.as_ref().filter(|_| renews);
        self.session = Some(Session::take_up(challenge, credentials, &self.config.flavour, before)?);
        Ok(())
    }

    fn take_up_stale(
        &mut self,
        pending: &mut Pending,
        error: ErrorCode,
        challenge: &Message<'_>,
    ) -> Result<(), Cause> {
        let allocates = matches!(pending.ask, Ask::Allocate(_));
        let retries = self.config.flavour.stale_nonce_retries(allocates);
        pending.stale += 1;
        if retries == 0 || self.config.credentials.is_none() {
            return Err(stun_error(error, Vec::new()));
        }
        if pending.stale > retries {
            return Err(Cause::StaleNonceLoop { rounds: pending.stale });
        }
        self.take_up(challenge, true)
    }

    fn try_again(&mut self, mut pending: Pending, now: Offset) {
        self.remember(*pending.transaction.id());
        match self.start_round(&mut pending, true, now) {
            Ok(()) => self.pending.push(pending),
            Err(cause) => self.retire(pending, Err(cause), now),
        }
    }

    /// An answer that is not believed: on datagrams the right one may still come; a stream delivers only one
    /// (RFC 8489 section 9.2.5).
    fn stray(&mut self, mut pending: Pending, index: usize, cause: Cause, now: Offset) {
        self.note_odd(cause.clone());
        match self.config.transport {
            Framing::Datagram => {
                pending.misfit = Some(cause);
                self.pending.insert(index, pending);
            }
            Framing::Stream => {
                pending.end_round(None, true, now);
                self.retire(pending, Err(cause), now);
            }
        }
    }

    /// Something came that cannot be an answer, in place of one.
    fn misfit(&mut self, cause: Cause) {
        self.pending.iter_mut().for_each(|pending| pending.misfit = Some(cause.clone()));
        self.note_odd(cause);
    }

    fn note_odd(&mut self, cause: Cause) {
        self.odd = self.odd.saturating_add(1);
        if self.odd <= MAX_ODD {
            self.out.push_back(Action::Event(Event::Odd { cause }));
        }
    }

    /// Ends an ask: what it changes here, and the event.
    pub(super) fn retire(&mut self, pending: Pending, result: Result<Answer, Cause>, now: Offset) {
        if pending.transaction.sends() > 0 {
            self.remember(*pending.transaction.id());
        }
        match &result {
            Ok(answer) => self.relay.succeeded(&pending.ask, answer, now, &self.config.flavour),
            Err(Cause::StunError { stun_code: 437, .. }) if !matches!(pending.ask, Ask::Allocate(_)) => {
                self.relay.clear();
            }
            Err(cause) => {
                if matches!(pending.ask, Ask::Allocate(_)) && says_no(cause) {
                    self.relay.not_allocated();
                }
                if pending.upkeep {
                    self.relay.upkeep_failed(&pending.ask, now);
                }
            }
        }
        let upkeep = pending.upkeep;
        let finished: Finished = pending.finish(result, now);
        let event = if upkeep { Event::Upkeep(finished) } else { Event::Finished(finished) };
        self.out.push_back(Action::Event(event));
    }

    pub(super) fn remember(&mut self, id: TransactionId) {
        if self.ended.len() == MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(id);
    }

    fn position(&self, id: &TransactionId) -> Option<usize> {
        self.pending.iter().position(|pending| pending.transaction.id() == id)
    }
}

/// Whether the server itself said that there is no allocation. 437 to an Allocate says that there is one
/// (RFC 8656 section 7.2).
fn says_no(cause: &Cause) -> bool {
    let there_is_one = matches!(cause, Cause::StunError { stun_code: 437, .. });
    !there_is_one
        && matches!(
            cause,
            Cause::StunError { .. }
                | Cause::CredentialsNeeded { .. }
                | Cause::CredentialsRejected { .. }
                | Cause::StaleNonceLoop { .. }
                | Cause::BadRedirect { .. }
        )
}

fn malformed(detail: &str, message: &Message<'_>) -> Cause {
    Cause::Malformed { detail: detail.to_owned(), first_bytes: FirstBytes::of(message.bytes()) }
}
