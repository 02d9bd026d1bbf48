//! Input from someone who wishes the call ill.

use super::wire::*;
use crate::evidence::Cause;
use crate::ice::agent::message::{self, Request};
use crate::ice::agent::{BaseId, EventKind, IceCredentials, IceRole, PairId, PairState, Received};
use crate::machine::Offset;
use crate::secret::Secret;
use crate::stun::raw::Writer;
use crate::stun::{Class, Message, attr};

const NEAR: BaseId = BaseId(0);
const FAR: &str = "192.0.2.2:2000";

/// Two ends of which the first has sent a check that is still under way.
fn under_way() -> Wire {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host(FAR));
    wire.lost = Box::new(|_| true);
    wire.signal();
    wire.run_until(Offset::from_ms(10));
    wire
}

fn credentials(wire: &Wire) -> [IceCredentials; 2] {
    [0, 1].map(|end| wire.sides[end].agent.credentials().clone())
}

/// A check as the second end would send it, under these credentials.
fn check(ours: &IceCredentials, theirs: &IceCredentials, id: u8) -> Vec<u8> {
    let request = Request {
        id: &[id; 12],
        ours,
        theirs,
        role: IceRole::Controlled,
        tie_breaker: 1,
        priority: 1,
        use_candidate: false,
        network: None,
    };
    message::check(&request).unwrap()
}

fn answers_since(wire: &Wire, since: usize) -> Vec<u16> {
    let codes = wire.sent[since..].iter().filter(|packet| packet.end == 0 && !packet.is_check());
    codes.map(|packet| Message::parse(&packet.bytes).unwrap().error().map_or(0, |error| error.code)).collect()
}

#[test]
fn a_check_under_another_password_is_refused_and_makes_no_pair() {
    let mut wire = under_way();
    let [near, far] = credentials(&wire);
    let wrong = IceCredentials { pwd: Secret::new("x".repeat(22)), ..near.clone() };
    let stranger = IceCredentials { ufrag: "else".into(), ..near };
    for theirs in [wrong, stranger] {
        let since = wire.sent.len();
        let received = wire.inject(0, NEAR, "198.51.100.66:6", &check(&far, &theirs, 1));
        assert_eq!(received, Received::Ignored(Cause::BadIntegrity { missing: false }));
        assert_eq!(answers_since(&wire, since), [401]);
    }
    assert_eq!(wire.sides[0].agent.pairs().len(), 1);
}

#[test]
fn an_unsigned_check_is_refused() {
    let mut wire = under_way();
    let since = wire.sent.len();
    let bytes = Writer::new(Class::Request, attr::BINDING, &[1; 12]).fingerprint().finish().unwrap();
    let received = wire.inject(0, NEAR, "198.51.100.66:6", &bytes);
    assert_eq!(received, Received::Ignored(Cause::BadIntegrity { missing: true }));
    assert_eq!(answers_since(&wire, since), [400]);
}

#[test]
fn a_check_with_a_wrong_fingerprint_is_not_answered() {
    let mut wire = under_way();
    let [near, far] = credentials(&wire);
    let since = wire.sent.len();
    let mut bytes = check(&far, &near, 1);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let received = wire.inject(0, NEAR, FAR, &bytes);
    assert_eq!(received, Received::Ignored(Cause::BadFingerprint));
    assert_eq!(wire.sent.len(), since);
}

#[test]
fn a_check_with_an_unknown_required_attribute_is_refused_with_420_and_its_number() {
    let mut wire = under_way();
    let [near, far] = credentials(&wire);
    let since = wire.sent.len();
    let username = format!("{}:{}", near.ufrag, far.ufrag);
    let bytes = Writer::new(Class::Request, attr::BINDING, &[1; 12])
        .attribute(attr::USERNAME, username.as_bytes())
        .attribute(0x7777, b"what")
        .integrity_sha1(&message::key(&near))
        .fingerprint()
        .finish()
        .unwrap();
    let received = wire.inject(0, NEAR, FAR, &bytes);
    assert_eq!(received, Received::Ignored(Cause::UnknownRequired { attributes: vec![0x7777] }));
    assert_eq!(answers_since(&wire, since), [420]);
    let answer = Message::parse(&wire.sent.last().unwrap().bytes).unwrap();
    assert_eq!(answer.unknown_attributes(), [0x7777]);
}

#[test]
fn an_answer_that_no_one_asked_for_or_that_the_peer_did_not_sign_changes_nothing() {
    let mut wire = under_way();
    let [near, far] = credentials(&wire);
    let asked = wire.sides[0].agent.pairs()[0].checks[0].id;
    let mapped = "192.0.2.1:1100".parse().unwrap();
    let stranger = message::success(&[9; 12], mapped, &far).unwrap();
    // Signed with our own password rather than the peer's.
    let forged = message::success(&asked, mapped, &near).unwrap();
    let refusal = message::refusal(&asked, 487, "Role Conflict", &[], None).unwrap();
    for bytes in [stranger, forged, refusal] {
        let received = wire.inject(0, NEAR, FAR, &bytes);
        assert!(matches!(received, Received::Ignored(_)), "{received:?}");
        let agent = &wire.sides[0].agent;
        assert_eq!((agent.pairs()[0].state, agent.role()), (PairState::InProgress, IceRole::Controlling));
        assert_eq!(agent.pairs()[0].outstanding().count(), 1);
    }
    let good = message::success(&asked, mapped, &far).unwrap();
    assert_eq!(wire.inject(0, NEAR, FAR, &good), Received::Ice);
    assert_eq!(wire.sides[0].agent.pairs()[0].state, PairState::Succeeded);
}

#[test]
fn an_answer_from_elsewhere_fails_the_pair() {
    let mut wire = under_way();
    let [_, far] = credentials(&wire);
    let asked = wire.sides[0].agent.pairs()[0].checks[0].id;
    let good = message::success(&asked, "192.0.2.1:1100".parse().unwrap(), &far).unwrap();
    wire.inject(0, NEAR, "192.0.2.2:2001", &good);
    let pair = &wire.sides[0].agent.pairs()[0];
    assert_eq!(pair.state, PairState::Failed);
    let from = "192.0.2.2:2001".parse().unwrap();
    assert_eq!(pair.cause, Some(Cause::AnswerFromElsewhere { from }));
}

#[test]
fn the_same_answer_twice_counts_once() {
    let mut wire = under_way();
    let [_, far] = credentials(&wire);
    let asked = wire.sides[0].agent.pairs()[0].checks[0].id;
    let good = message::success(&asked, "192.0.2.1:1100".parse().unwrap(), &far).unwrap();
    assert_eq!(wire.inject(0, NEAR, FAR, &good), Received::Ice);
    assert!(matches!(wire.inject(0, NEAR, FAR, &good), Received::Ignored(_)));
    assert_eq!(wire.sides[0].agent.pairs()[0].checks_answered, 1);
}

#[test]
fn an_unsigned_401_is_the_reason_only_when_no_signed_answer_comes() {
    let mut wire = under_way();
    let asked = wire.sides[0].agent.pairs()[0].checks[0].id;
    let refusal = message::refusal(&asked, 401, "Unauthorized", &[], None).unwrap();
    assert!(matches!(wire.inject(0, NEAR, FAR, &refusal), Received::Ignored(Cause::BadIntegrity { .. })));
    assert_eq!(wire.sides[0].agent.pairs()[0].state, PairState::InProgress);
    wire.run_until(Offset::from_ms(60_000));
    let pair = &wire.sides[0].agent.pairs()[0];
    assert!(matches!(pair.cause, Some(Cause::StunError { stun_code: 401, .. })));
}

#[test]
fn a_flood_of_addresses_under_the_right_password_fills_no_memory_and_keeps_no_one_out() {
    let mut wire = under_way();
    let [near, far] = credentials(&wire);
    for n in 0..5_000_u32 {
        let from = format!("198.51.{}.{}:{}", n % 200, 1 + n % 250, 1024 + n);
        wire.inject(0, NEAR, &from, &check(&far, &near, 1));
    }
    let agent = &wire.sides[0].agent;
    assert!(agent.pairs().len() <= 192, "{}", agent.pairs().len());
    assert!(agent.dropped_remotes() > 4_000);
    // The limit of RFC 8445 section 6.1.2.5 holds for what is checked.
    let listed = agent.pairs().iter().filter(|pair| pair.state != PairState::Pruned).count();
    assert!(listed <= 100, "{listed}");
    wire.lost = Box::new(|_| false);
    assert!(wire.connect());
    assert_eq!(wire.selected(0).unwrap().1, FAR);
}

#[test]
fn a_flood_of_signalled_candidates_is_counted_and_passed_over() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    for n in 0..1_000_u16 {
        wire.sides[0].agent.on_remote(host(&format!("198.51.100.1:{}", 1024 + n)), wire.now);
    }
    assert_eq!(wire.sides[0].agent.pairs().len(), 128);
    assert_eq!(wire.sides[0].agent.dropped_remotes(), 872);
}

#[test]
fn a_peer_that_names_another_address_in_every_answer_fills_no_memory() {
    let mut wire = under_way();
    let [_, far] = credentials(&wire);
    let mut named = 0;
    for n in 0..2_000_u16 {
        wire.run_for(std::time::Duration::from_secs(1));
        let agent = &wire.sides[0].agent;
        let Some(asked) = agent.pairs()[0].outstanding().last().map(|check| check.id) else { continue };
        let answer =
            message::success(&asked, format!("203.0.113.1:{}", 1024 + n).parse().unwrap(), &far).unwrap();
        wire.inject(0, NEAR, FAR, &answer);
        named += 1;
    }
    assert!(named > 300, "{named}");
    let learned =
        wire.sides[0].events.iter().filter(|event| matches!(event.kind, EventKind::Reflexive { .. })).count();
    assert!((200..=256).contains(&learned), "{learned}");
    assert!(wire.sides[0].agent.local(PairId(0)).is_some());
    assert!(wire.sides[0].agent.pairs()[0].checks.len() <= 256);
}

#[test]
fn bytes_that_are_not_stun_are_data_and_only_of_a_pair_that_is_known() {
    let mut wire = under_way();
    assert_eq!(wire.inject(0, NEAR, FAR, b"\x16\xfe\xfd"), Received::Data(Some(PairId(0))));
    assert_eq!(wire.inject(0, NEAR, "198.51.100.66:6", b"\x80\x60"), Received::Data(None));
    assert_eq!(wire.inject(0, NEAR, FAR, b""), Received::Data(Some(PairId(0))));
}

#[test]
fn no_password_is_ever_printed() {
    let wire = under_way();
    let text = format!("{:?} {:?}", wire.sides[0].agent, wire.sides[0].events);
    for credentials in credentials(&wire) {
        assert!(!text.contains(credentials.pwd.expose()));
    }
}
