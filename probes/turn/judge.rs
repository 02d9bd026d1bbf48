//! What an answer means for the ask that it answers.

use super::auth::Signer;
use super::{AddressError, Answer, Ask, Flavour};
use crate::evidence::{Cause, FirstBytes};
use crate::stun::raw::Class;
use crate::stun::{ErrorCode, Integrity, Message, attr};
use std::net::SocketAddr;
use std::time::Duration;

/// The most relayed addresses that are read of one answer.
const MAX_RELAYED: usize = 8;

/// The verdict on one answer.
#[derive(Debug)]
pub(super) enum Judgement {
    /// The ask succeeded.
    Succeeded(Answer),
    /// The ask failed.
    Failed(Cause),
    /// 401 to a request without credentials.
    Challenged,
    /// 438.
    Stale(ErrorCode),
    /// 300.
    Redirected { error: ErrorCode, to: SocketAddr, domain: Option<String> },
    /// Not to be believed: as if it had not come, but noted.
    Stray(Cause),
}

/// The part of a pending ask that an answer is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) ask: &'a Ask,
    /// The channel number that was asked for.
    pub(super) channel: u16,
    /// What the request was signed with.
    pub(super) signer: Option<&'a Signer>,
}

impl Question<'_> {
    /// What the integrity of an answer shows; none when the request was not signed.
    pub(super) fn integrity(&self, answer: &Message<'_>) -> Option<Integrity> {
        self.signer.map(|signer| signer.check(answer))
    }

    /// Judges an answer whose transaction, method and fingerprint are right.
    pub(super) fn judge(
        &self,
        answer: &Message<'_>,
        integrity: Option<Integrity>,
        flavour: &Flavour,
    ) -> Judgement {
        match answer.class() {
            Class::Success => self.judge_success(answer, integrity, flavour),
            _ => self.judge_error(answer, integrity),
        }
    }

    fn judge_success(
        &self,
        answer: &Message<'_>,
        integrity: Option<Integrity>,
        flavour: &Flavour,
    ) -> Judgement {
        let unchallenged = integrity.is_none() && matches!(self.ask, Ask::Allocate(_));
        match integrity {
            Some(Integrity::Missing) => return Judgement::Stray(Cause::BadIntegrity { missing: true }),
            Some(Integrity::Wrong) => return Judgement::Stray(Cause::BadIntegrity { missing: false }),
            None if unchallenged && flavour.ignores_unchallenged_success => {
                return Judgement::Stray(Cause::BadIntegrity { missing: true });
            }
            Some(Integrity::Valid) | None => {}
        }
        let attributes = answer.unknown_required();
        if !attributes.is_empty() {
            return Judgement::Failed(Cause::UnknownRequired { attributes });
        }
        match read(self.ask, self.channel, answer) {
            Ok(answer) => Judgement::Succeeded(answer),
            Err(attribute) => Judgement::Failed(Cause::MissingAttribute { attribute: attribute.to_owned() }),
        }
    }

    fn judge_error(&self, answer: &Message<'_>, integrity: Option<Integrity>) -> Judgement {
        let Some(error) = answer.error() else {
            let detail = "an error without its code".to_owned();
            return Judgement::Failed(Cause::Malformed {
                detail,
                first_bytes: FirstBytes::of(answer.bytes()),
            });
        };
        // A server that does not know the key cannot sign its 401 with it, whatever it put there.
        let believed = integrity != Some(Integrity::Wrong) || matches!(error.code, 401 | 441);
        if !believed {
            return Judgement::Stray(Cause::BadIntegrity { missing: false });
        }
        match error.code {
            401 if self.signer.is_none() => Judgement::Challenged,
            401 | 441 => {
                Judgement::Failed(Cause::CredentialsRejected { stun_code: error.code, reason: error.reason })
            }
            438 => Judgement::Stale(error),
            437 if *self.ask == Ask::Release => Judgement::Succeeded(Answer::Released),
            300 => redirected(error, answer),
            _ => Judgement::Failed(stun_error(error, answer.unknown_attributes())),
        }
    }
}

/// The cause of an error answer that needs no handling of its own.
pub(super) fn stun_error(error: ErrorCode, unknown_attributes: Vec<u16>) -> Cause {
    Cause::StunError { stun_code: error.code, reason: error.reason, unknown_attributes }
}

fn redirected(error: ErrorCode, answer: &Message<'_>) -> Judgement {
    match answer.address(attr::ALTERNATE_SERVER) {
        Some(to) => Judgement::Redirected { error, to, domain: answer.text(attr::ALTERNATE_DOMAIN) },
        None => {
            let detail = "300 without ALTERNATE-SERVER".to_owned();
            Judgement::Failed(Cause::BadRedirect { detail, to: None })
        }
    }
}

/// Reads a success, or names the attribute that it lacks.
fn read(ask: &Ask, channel: u16, answer: &Message<'_>) -> Result<Answer, &'static str> {
    let mapped = || answer.mapped().ok_or("XOR-MAPPED-ADDRESS");
    let seconds = |seconds| Duration::from_secs(u64::from(seconds));
    let lifetime = || answer.u32(attr::LIFETIME).map(seconds).ok_or("LIFETIME");
    Ok(match ask {
        Ask::Binding => Answer::Bound { mapped: mapped()? },
        Ask::Allocate(_) => {
            let relayed: Vec<_> = answer.xor_addresses(attr::XOR_RELAYED_ADDRESS).take(MAX_RELAYED).collect();
            if relayed.is_empty() {
                return Err("XOR-RELAYED-ADDRESS");
            }
            let address_errors = answer.address_errors().map(address_error).collect();
            Answer::Allocated { relayed, mapped: mapped()?, lifetime: lifetime()?, address_errors }
        }
        Ask::Permission(_) => Answer::Permitted,
        Ask::Channel(_) => Answer::Channel(channel),
        Ask::Refresh(_) => Answer::Refreshed(lifetime()?),
        Ask::Release => Answer::Released,
    })
}

fn address_error((family, error): (u8, ErrorCode)) -> AddressError {
    AddressError { ipv6: family == 2, stun_code: error.code, reason: error.reason }
}
