//! One ask under way: its transactions so far, and what was noted about them.

use super::auth::{Session, Signer};
use super::judge::Question;
use super::{Answer, Ask, AskId, Finished, Round};
use crate::evidence::{Cause, Facts};
use crate::machine::Offset;
use crate::stun::{Integrity, Message, RoundTrip, Transaction, attr, codec};
use serde_json::{Value, json};
use std::time::Duration;

/// An ask that has not ended.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) id: AskId,
    pub(super) ask: Ask,
    /// Whether the client asked by itself.
    pub(super) upkeep: bool,
    pub(super) channel: u16,
    pub(super) transaction: Transaction,
    pub(super) signer: Option<Signer>,
    /// How often the server called a nonce stale.
    pub(super) stale: u32,
    /// The last answer that could not be believed.
    pub(super) misfit: Option<Cause>,
    pub(super) authenticated: bool,
    pub(super) facts: Facts,
    pub(super) began: Offset,
    pub(super) rounds: Vec<Round>,
}

impl Pending {
    pub(super) fn question(&self) -> Question<'_> {
        Question { ask: &self.ask, channel: self.channel, signer: self.signer.as_ref() }
    }

    /// Ends the current transaction.
    pub(super) fn end_round(&mut self, stun_code: Option<u16>, answered: bool, now: Offset) {
        let round_trip = self.transaction.round_trip(now);
        let rtt = match round_trip {
            RoundTrip::Exact(rtt) if answered && self.transaction.sends() > 0 => Some(rtt),
            _ => None,
        };
        if let (RoundTrip::Between { shortest, longest }, true) = (round_trip, answered) {
            self.facts.set("rtt_ms_between", json!([ms(shortest), ms(longest)]));
        }
        self.rounds.push(Round {
            began: self.transaction.began(),
            ended: now,
            sends: self.transaction.sends(),
            stun_code,
            rtt,
        });
    }

    /// Notes what an answer shows beside its meaning.
    pub(super) fn note(&mut self, answer: &Message<'_>, integrity: Option<Integrity>) {
        let facts = &mut self.facts;
        for (key, kind) in [("software", attr::SOFTWARE), ("realm", attr::REALM)] {
            if let Some(text) = answer.text(kind) {
                facts.set(key, text);
            }
        }
        if let Some(integrity) = integrity {
            let word = match integrity {
                Integrity::Missing => "missing",
                Integrity::Valid => "valid",
                Integrity::Wrong => "wrong",
            };
            facts.set("integrity", word);
            self.authenticated |= integrity == Integrity::Valid;
        }
        if let Some(mapped) = answer.mapped() {
            facts.set("mapped", mapped.to_string());
            let plain = answer.address(attr::MAPPED_ADDRESS).filter(|plain| *plain != mapped);
            plain.into_iter().for_each(|plain| facts.set("mapped_plain", plain.to_string()));
        }
        if let Some(flaw) = answer.flaw() {
            facts.set("flaw", flaw.to_string());
        }
        if let Some(refusal) = codec::refusal(answer.bytes()) {
            facts.set("codec_refusal", refusal);
        }
    }

    /// Notes how the request is signed.
    pub(super) fn note_session(&mut self, session: &Session) {
        self.facts.set("realm", session.realm());
        self.facts.set("algorithm", session.algorithm());
        if session.hides_username() {
            self.facts.set("userhash", true);
        }
        if let Some(note) = session.note() {
            self.facts.set("credentials", note);
        }
    }

    /// The end of the ask.
    pub(super) fn finish(mut self, result: Result<Answer, Cause>, now: Offset) -> Finished {
        if let Ok(Answer::Allocated { relayed, lifetime, .. }) = &result {
            let relayed: Vec<_> = relayed.iter().map(|address| Value::from(address.to_string())).collect();
            self.facts.set("relayed", relayed);
            self.facts.set("lifetime_s", lifetime.as_secs());
        }
        let fastest = self.rounds.iter().filter_map(|round| round.rtt).min();
        fastest.into_iter().for_each(|rtt| self.facts.set("rtt_ms", ms(rtt)));
        let Self { id, ask, authenticated, mut facts, began, rounds, .. } = self;
        facts.set("sends", rounds.iter().map(|round| round.sends).sum::<u32>());
        Finished { id, ask, result, began, ended: now, rounds, authenticated, facts }
    }
}

fn ms(of: Duration) -> f64 {
    of.as_micros() as f64 / 1000.0
}
