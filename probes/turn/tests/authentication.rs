//! Challenges, nonces, algorithms and signatures.

use super::server::{
    MAPPED, NONCE, REALM, allocated, allocation, challenge, challenge_with, done, md5_key, sha256_key, sign,
    sign_sha256, stale,
};
use super::*;

/// "obMatJos2", then base64 of the bits for password algorithms and username anonymity.
const NONCE_BOTH: &[u8] = b"obMatJos2wAAAnonce";
const NONCE_ALGORITHMS: &[u8] = b"obMatJos2gAAAnonce";
/// SHA-256, then MD5.
const ALGORITHMS: &[u8] = &[0, 2, 0, 0, 0, 1, 0, 0];

fn modern(nonce: &'static [u8]) -> impl Fn(&Request) -> Vec<u8> {
    move |request| {
        let realm = (0x0014, REALM.to_vec());
        request.error(401, "", &[realm, (0x0015, nonce.to_vec()), (0x8002, ALGORITHMS.to_vec())])
    }
}

#[test]
fn without_credentials_the_challenge_is_the_answer() {
    let mut bench = Bench::new(Config { credentials: None, ..config(Framing::Datagram) });
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    let finished = bench.finished();
    assert_eq!(finished.result, Err(Cause::CredentialsNeeded { realm: "example.org".into() }));
    assert_eq!(Bench::codes(&finished), [Some(401)]);
    assert!(!finished.authenticated && !bench.client.may_hold_allocation());
}

#[test]
fn a_second_401_rejects_the_credentials() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    assert!(bench.client.may_hold_allocation());
    bench.answer(challenge_with(b"nonce-two"));
    let finished = bench.finished();
    let expected = Cause::CredentialsRejected { stun_code: 401, reason: "Unauthorized".into() };
    assert_eq!(finished.result, Err(expected));
    assert_eq!(Bench::codes(&finished), [Some(401), Some(401)]);
    assert!(!finished.authenticated && !bench.client.may_hold_allocation());
    assert_eq!(bench.client.release_bytes(), None);
}

#[test]
fn a_401_signed_with_another_key_rejects_as_well() {
    let mut bench = Bench::tcp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    bench.answer(|request| sign(request.error(401, "No", &[]), b"another key"));
    let finished = bench.finished();
    assert_eq!(finished.result, Err(Cause::CredentialsRejected { stun_code: 401, reason: "No".into() }));
    assert_eq!(finished.facts.get("integrity").unwrap(), "wrong");
}

#[test]
fn wrong_credentials_for_the_allocation_are_a_rejection() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.ask(Ask::Refresh(Duration::from_secs(600)));
    bench.answer(server::refused(441, "Wrong Credentials"));
    let finished = bench.finished();
    let expected = Cause::CredentialsRejected { stun_code: 441, reason: "Wrong Credentials".into() };
    assert_eq!(finished.result, Err(expected));
    assert!(finished.authenticated, "the server signed its refusal");
}

#[test]
fn a_stale_nonce_is_replaced_and_the_new_one_kept() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.ask(Ask::Refresh(Duration::from_secs(600)));
    bench.answer(stale(b"nonce-two"));
    assert_eq!(bench.request().get(0x0015), Some(&b"nonce-two"[..]));
    assert!(bench.request().signed_sha1(&md5_key()));
    bench.answer(done);
    let finished = bench.finished();
    assert_eq!(Bench::codes(&finished), [Some(438), None]);
    assert!(finished.result.is_ok());
    bench.ask(Ask::Permission(vec![at("192.0.2.10:4000")]));
    assert_eq!(bench.request().get(0x0015), Some(&b"nonce-two"[..]));
}

#[test]
fn a_server_that_calls_every_nonce_stale_is_left() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    for nonce in [&b"n1"[..], b"n2", b"n3", b"n4"] {
        bench.answer(stale(nonce));
    }
    let finished = bench.finished();
    assert_eq!(finished.result, Err(Cause::StaleNonceLoop { rounds: 4 }));
    assert_eq!(Bench::codes(&finished), [Some(401), Some(438), Some(438), Some(438), Some(438)]);
    assert_eq!(bench.sent.len(), 5);
}

#[test]
fn chromium_fails_an_allocate_on_438_but_not_a_refresh() {
    let flavour = Flavour::chromium(Some(150));
    let mut bench = Bench::new(Config { flavour, ..config(Framing::Datagram) });
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    bench.answer(stale(b"nonce-two"));
    let expected =
        Cause::StunError { stun_code: 438, reason: "Stale Nonce".into(), unknown_attributes: vec![] };
    assert_eq!(bench.failure(), expected);
    bench.ask(Ask::Refresh(Duration::from_secs(600)));
    bench.answer(stale(b"nonce-three"));
    bench.answer(done);
    assert!(bench.finished().result.is_ok());
}

#[test]
fn a_438_without_a_nonce_cannot_be_met() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.ask(Ask::Refresh(Duration::from_secs(600)));
    bench.answer(|request| request.error(438, "Stale Nonce", &[]));
    assert_eq!(bench.failure(), Cause::MissingAttribute { attribute: "NONCE".into() });
}

#[test]
fn sha256_and_userhash_are_used_when_they_are_offered() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(modern(NONCE_BOTH));
    let request = bench.request();
    assert_eq!(request.kinds(), [0x0019, 0x001e, 0x0014, 0x0015, 0x8002, 0x001d, 0x001c]);
    let userhash = <sha2::Sha256 as sha2::Digest>::digest(b"ann:example.org");
    assert_eq!(request.get(0x001e), Some(&userhash[..]));
    assert_eq!(request.get(0x8002), Some(ALGORITHMS));
    assert_eq!(request.get(0x001d), Some(&[0, 2, 0, 0][..]));
    assert!(request.signed_sha256(&sha256_key()));
    bench.answer(|request| sign_sha256(request.success(&allocation(request)), &sha256_key()));
    let finished = bench.finished();
    assert!(finished.result.is_ok() && finished.authenticated);
    assert_eq!(finished.facts.get("algorithm").unwrap(), "sha256, sha256");
    assert_eq!(finished.facts.get("userhash").unwrap(), true);
}

#[test]
fn a_name_that_is_not_known_by_its_hash_is_sent_in_clear_before_the_credentials_are_called_wrong() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(modern(NONCE_BOTH));
    assert!(bench.request().get(0x001e).is_some(), "USERHASH first");
    bench.answer(modern(NONCE_BOTH));
    let request = bench.request();
    assert_eq!((request.get(0x001e), request.get(0x0006)), (None, Some(&b"ann"[..])));
    bench.answer(modern(NONCE_BOTH));
    assert!(matches!(bench.failure(), Cause::CredentialsRejected { stun_code: 401, .. }));
}

#[test]
fn an_answer_in_the_weaker_integrity_is_not_believed() {
    let mut bench = Bench::tcp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(modern(NONCE_ALGORITHMS));
    assert_eq!(bench.request().get(0x0006), Some(&b"ann"[..]), "no username anonymity was offered");
    bench.answer(|request| sign(request.success(&allocation(request)), &sha256_key()));
    assert_eq!(bench.odd(), Cause::BadIntegrity { missing: true });
    assert_eq!(bench.failure(), Cause::BadIntegrity { missing: true });
}

#[test]
fn a_list_of_algorithms_that_was_taken_out_on_the_way_is_noticed() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge_with(NONCE_ALGORITHMS));
    assert_eq!(bench.failure(), Cause::MissingAttribute { attribute: "PASSWORD-ALGORITHMS".into() });
    assert_eq!(bench.sent.len(), 1);
}

#[test]
fn a_client_without_the_new_features_signs_as_ever() {
    let mut bench = Bench::new(Config { flavour: Flavour::chromium(None), ..config(Framing::Datagram) });
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(modern(NONCE_BOTH));
    assert_eq!(bench.request().kinds(), [0x0019, 0x0006, 0x0014, 0x0015, 0x0008]);
    assert!(bench.request().signed_sha1(&md5_key()));
}

#[test]
fn a_nonce_that_breaks_the_grammar_is_echoed_as_it_came() {
    let odd = b"\"quoted\\\0\xff ";
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge_with(odd));
    assert_eq!(bench.request().get(0x0015), Some(&odd[..]));
    bench.answer(allocated);
    let finished = bench.finished();
    assert!(finished.authenticated);
    assert!(finished.facts.get("codec_refusal").is_some(), "stun-rs refuses that nonce");
}

#[test]
fn a_forged_success_does_not_spoil_the_real_one() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    bench.answer(|request| request.success(&allocation(request)));
    bench.answer(|request| sign(request.success(&allocation(request)), b"not the key"));
    assert_eq!(bench.odd(), Cause::BadIntegrity { missing: true });
    assert_eq!(bench.odd(), Cause::BadIntegrity { missing: false });
    bench.answer(allocated);
    let finished = bench.finished();
    assert!(finished.result.is_ok() && finished.authenticated);
}

#[test]
fn a_success_that_is_never_signed_is_bad_integrity_and_no_silence() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    bench.answer(|request| request.success(&allocation(request)));
    assert_eq!(bench.odd(), Cause::BadIntegrity { missing: true });
    assert_eq!(bench.failure(), Cause::BadIntegrity { missing: true });
    assert_eq!(bench.now.as_ms(), 1_020.0 + 2_700.0);
    assert!(bench.client.may_hold_allocation(), "the server said that it allocated");
}

#[test]
fn a_forged_error_is_not_believed_when_its_signature_is_wrong() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    bench.answer(|request| sign(request.error(486, "Quota", &[]), b"not the key"));
    assert_eq!(bench.odd(), Cause::BadIntegrity { missing: false });
    bench.answer(allocated);
    assert!(bench.finished().result.is_ok());
}

#[test]
fn an_open_server_is_used_by_us_and_passed_over_by_chromium() {
    let open = |request: &Request| request.success(&allocation(request));
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(open);
    let finished = bench.finished();
    assert!(finished.result.is_ok() && !finished.authenticated);
    let flavour = Flavour::chromium(Some(150));
    let mut bench = Bench::new(Config { flavour, ..config(Framing::Datagram) });
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(open);
    assert_eq!(bench.odd(), Cause::BadIntegrity { missing: true });
    assert_eq!(bench.failure(), Cause::BadIntegrity { missing: true });
    let flavour = Flavour::chromium(Some(146));
    let mut bench = Bench::new(Config { flavour, ..config(Framing::Datagram) });
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(open);
    assert!(bench.finished().result.is_ok());
}

#[test]
fn a_binding_that_is_challenged_is_signed() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    bench.answer(challenge);
    assert!(bench.request().signed_sha1(&md5_key()));
    bench.answer(|request| sign(request.success(&[(0x0020, request.xor(MAPPED))]), &md5_key()));
    assert!(bench.finished().authenticated);
}

#[test]
fn nothing_that_is_printed_shows_the_password_or_its_key() {
    let bench = Bench::allocated(Framing::Datagram);
    let printed = format!("{:?}", bench.client);
    assert!(printed.contains("[secret]"));
    let key = format!("{:?}", md5_key());
    for secret in ["opensesame", key.trim_matches(['[', ']']), std::str::from_utf8(NONCE).unwrap()] {
        assert!(!printed.contains(secret), "{secret}");
    }
}
