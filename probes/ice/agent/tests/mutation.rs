//! Hostile bytes: no input makes anything panic, and none makes an agent believe what the peer did not sign.

use super::wire::*;
use crate::ice::agent::message::{self, Request};
use crate::ice::agent::{BaseId, IceRole, PairState};
use crate::machine::{IdSource, Offset};
use crate::stun::raw::Writer;

/// How many mutated messages a normal run feeds; `RAINCHECK_MUTATIONS` asks for another number.
const MUTATIONS: u64 = 20_000;
/// How many an agent gets before another takes its place.
const EACH: u64 = 64;

/// Two ends of which the first has checks under way and nothing succeeded.
fn fresh(client: &str) -> Wire {
    let mut wire = Wire::new([client, client]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(0, relay("203.0.113.1:5000", RELAY_UDP));
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|_| true);
    wire.signal();
    wire.run_until(Offset::from_ms(130));
    wire
}

/// Everything that the peer could say, well formed and signed, and what it could not sign.
fn corpus(wire: &Wire) -> Vec<Vec<u8>> {
    let [near, far] = [0, 1].map(|end| wire.sides[end].agent.credentials().clone());
    let mapped = "198.51.100.3:99".parse().unwrap();
    let mut corpus = vec![message::keepalive(&[3; 12]).unwrap(), b"\x80\x60data".to_vec()];
    for role in [IceRole::Controlling, IceRole::Controlled] {
        let request = Request {
            id: &[1; 12],
            ours: &far,
            theirs: &near,
            role,
            tie_breaker: u64::MAX / 2,
            priority: 7,
            use_candidate: true,
            network: Some([1, 10]),
        };
        corpus.extend(message::check(&request));
    }
    for pair in wire.sides[0].agent.pairs() {
        for check in pair.outstanding() {
            corpus.extend(message::success(&check.id, mapped, &far));
            for (code, ours) in
                [(487, Some(&far)), (420, Some(&far)), (403, Some(&far)), (401, None), (400, None)]
            {
                corpus.extend(message::refusal(&check.id, code, "no", &[0x7777], ours));
            }
        }
    }
    corpus
}

fn below(ids: &mut IdSource, limit: usize) -> usize {
    (ids.next_u64() % limit.max(1) as u64) as usize
}

/// One to four changes: bits, bytes, lengths, cuts, insertions, and pieces of other messages.
fn mutate(message: &[u8], corpus: &[Vec<u8>], ids: &mut IdSource) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..=below(ids, 4) {
        let at = below(ids, bytes.len());
        match below(ids, 6) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (ids.next_u64() % 8)),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = ids.next_u64() as u8),
            2 => bytes.truncate(at),
            3 => {
                let more: [u8; 5] = ids.bytes();
                bytes.splice(at..at, more);
            }
            4 => {
                let other = &corpus[below(ids, corpus.len())];
                let from = below(ids, other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            _ => {
                let length = (bytes.len().saturating_sub(20) & !3) as u16;
                bytes.iter_mut().skip(2).zip(length.to_be_bytes()).for_each(|(byte, value)| *byte = value);
            }
        }
    }
    // A fingerprint needs no password: a hostile one fits, so that the change reaches what lies behind it.
    let body = (bytes.len() & !3).saturating_sub(8);
    if below(ids, 2) == 0 && body >= 20 {
        let signed = Writer::continuing(bytes[..body].to_vec()).fingerprint().finish();
        bytes = signed.unwrap_or(bytes);
    }
    bytes
}

#[test]
fn no_mutated_message_makes_an_agent_panic_or_believe_a_stranger() {
    let count =
        std::env::var("RAINCHECK_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(MUTATIONS);
    let mut ids = IdSource::new(0x1ce);
    let clients = ["rfc8445", "firefox", "gateway"];
    let mut round = 0;
    while round < count {
        let mut wire = fresh(clients[(round / EACH % 3) as usize]);
        let corpus = corpus(&wire);
        // What is signed covers all before the signature: that much must have come in unchanged.
        let genuine: Vec<&[u8]> =
            corpus.iter().map(|message| &message[4..message.len().saturating_sub(8).max(4)]).collect();
        let mut told = false;
        for _ in 0..EACH {
            round += 1;
            let bytes = mutate(&corpus[below(&mut ids, corpus.len())], &corpus, &mut ids);
            let holds =
                |part: &&[u8]| part.len() > 20 && bytes.windows(part.len()).any(|window| window == *part);
            told |= genuine.iter().any(holds);
            let from = ["192.0.2.2:2000", "198.51.100.7:7"][below(&mut ids, 2)];
            wire.inject(0, BaseId(below(&mut ids, 2)), from, &bytes);
            wire.now = wire.now + std::time::Duration::from_millis(7);
            wire.sides[0].agent.on_tick(wire.now);
            wire.settle();
        }
        let agent = &wire.sides[0].agent;
        let believed =
            agent.pairs().iter().any(|pair| pair.state == PairState::Succeeded || pair.checks_received > 0)
                || agent.role() != IceRole::Controlling;
        assert!(!believed || told, "round {round}");
        let _ = (agent.preference(), agent.without(&[BaseId(0)]), agent.state());
    }
}
