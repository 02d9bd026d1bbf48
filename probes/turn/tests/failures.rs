//! Asks that fail, each with its own cause.

use super::server::{MAPPED, allocated, allocation, append, challenge, md5_key, refused, sign};
use super::*;
use crate::evidence::FirstBytes;

fn challenged(transport: Framing) -> Bench {
    let mut bench = Bench::new(config(transport));
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    bench
}

#[test]
fn every_error_code_is_its_own_cause_and_shows_that_the_credentials_were_good() {
    for (stun_code, reason) in [
        (400, "Bad Request"),
        (403, "Forbidden"),
        (437, "Allocation Mismatch"),
        (440, "Address Family not Supported"),
        (442, "Unsupported Transport Protocol"),
        (443, "Peer Address Family Mismatch"),
        (486, "Allocation Quota Reached"),
        (500, "Server Error"),
        (508, "Insufficient Capacity"),
    ] {
        let expected = Cause::StunError { stun_code, reason: reason.into(), unknown_attributes: vec![] };
        let mut bench = challenged(Framing::Datagram);
        bench.answer(refused(stun_code, reason));
        let finished = bench.finished();
        assert_eq!(finished.result, Err(expected.clone()));
        assert!(finished.authenticated);
        // 437 says that there is an allocation, though not one of this transaction (RFC 8656 section 7.2).
        assert_eq!(bench.client.may_hold_allocation(), stun_code == 437);
        let mut bench = challenged(Framing::Stream);
        bench.answer(|request| request.error(stun_code, reason, &[]));
        let finished = bench.finished();
        assert_eq!(finished.result, Err(expected), "unsigned, and still what the server said");
        assert!(!finished.authenticated);
    }
}

#[test]
fn a_420_names_what_the_server_does_not_know() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::Dual));
    bench.answer(|request| request.error(420, "Unknown", &[(0x000a, vec![0x80, 0, 0, 0x17])]));
    let unknown_attributes = vec![0x8000, 0x0017];
    let expected = Cause::StunError { stun_code: 420, reason: "Unknown".into(), unknown_attributes };
    assert_eq!(bench.failure(), expected);
}

#[test]
fn a_300_says_where_to_and_fails_here() {
    let mut bench = Bench::udp();
    let id = bench.ask(Ask::Allocate(Families::V4));
    bench.answer(|request| {
        let server = (0x8023, vec![0, 1, 0x0d, 0x96, 192, 0, 2, 2]);
        request.error(300, "Try Alternate", &[server, (0x8003, b"turn2.example".to_vec())])
    });
    let domain = Some("turn2.example".to_owned());
    assert_eq!(bench.run_to_event(), Event::Redirected { id, to: at("192.0.2.2:3478"), domain });
    let reason = "Try Alternate".to_owned();
    assert_eq!(bench.failure(), Cause::StunError { stun_code: 300, reason, unknown_attributes: vec![] });
}

#[test]
fn a_300_to_nowhere_is_a_bad_redirect() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(|request| request.error(300, "Try Alternate", &[]));
    assert_eq!(
        bench.failure(),
        Cause::BadRedirect { detail: "300 without ALTERNATE-SERVER".into(), to: None }
    );
}

#[test]
fn a_release_of_what_is_gone_already_is_a_release() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.ask(Ask::Release);
    bench.answer(refused(437, "Allocation Mismatch"));
    let finished = bench.finished();
    assert_eq!(finished.result, Ok(Answer::Released));
    assert_eq!(Bench::codes(&finished), [Some(437)]);
    assert!(!bench.client.may_hold_allocation());
}

#[test]
fn a_success_with_an_unknown_required_attribute_fails() {
    let mut bench = challenged(Framing::Datagram);
    bench.answer(|request| {
        let mut attributes = allocation(request);
        attributes.push((0x7abc, vec![1]));
        attributes.push((0xfabc, vec![1]));
        sign(request.success(&attributes), &md5_key())
    });
    assert_eq!(bench.failure(), Cause::UnknownRequired { attributes: vec![0x7abc] });
    assert!(bench.client.may_hold_allocation());
}

#[test]
fn a_success_that_lacks_something_says_what() {
    for (index, attribute) in [(0, "XOR-RELAYED-ADDRESS"), (1, "XOR-MAPPED-ADDRESS"), (2, "LIFETIME")] {
        let mut bench = challenged(Framing::Datagram);
        bench.answer(|request| {
            let mut attributes = allocation(request);
            attributes.remove(index);
            sign(request.success(&attributes), &md5_key())
        });
        assert_eq!(bench.failure(), Cause::MissingAttribute { attribute: attribute.into() });
    }
}

#[test]
fn an_error_without_its_code_is_malformed() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    bench.answer(|request| {
        let mut bytes = request.success(&[]);
        bytes[..2].copy_from_slice(&[0x01, 0x11]);
        bytes
    });
    assert_eq!(bench.failure().code(), "malformed");
}

#[test]
fn a_wrong_fingerprint_ends_a_stream_and_is_passed_over_on_datagrams() {
    let broken = |request: &Request| {
        let mut bytes = request.success(&[(0x0020, request.xor(MAPPED))]);
        append(&mut bytes, 0x8028, &[1, 2, 3, 4]);
        bytes
    };
    let mut bench = Bench::tcp();
    bench.ask(Ask::Binding);
    bench.answer(broken);
    assert_eq!(bench.odd(), Cause::BadFingerprint);
    assert_eq!(bench.failure(), Cause::BadFingerprint);
    assert_eq!(bench.now.as_ms(), 1_020.0);
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    bench.answer(broken);
    assert_eq!(bench.odd(), Cause::BadFingerprint);
    bench.answer(|request| request.success(&[(0x0020, request.xor(MAPPED))]));
    assert!(bench.finished().result.is_ok());
}

#[test]
fn http_on_the_stream_is_shown_at_once() {
    let mut bench = Bench::tcp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.ask(Ask::Binding);
    bench.receive(b"HTTP/1.1 403 Forbidden\r\n");
    let cause = Cause::NotStun { first_bytes: FirstBytes("HTTP/1.1 403 Forbidden\\r\\n".into()) };
    assert_eq!((bench.failure(), bench.failure()), (cause.clone(), cause.clone()));
    bench.ask(Ask::Binding);
    assert_eq!(bench.failure(), cause, "nothing can be asked on that stream any more");
    assert_eq!(bench.client.poll(), Action::Idle);
}

#[test]
fn what_is_no_stun_on_a_datagram_is_the_cause_when_nothing_better_comes() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    bench.receive(b"go away");
    let cause = Cause::NotStun { first_bytes: FirstBytes("go away".into()) };
    assert_eq!(bench.odd(), cause);
    assert_eq!(bench.failure(), cause);
    assert_eq!(bench.sent.len(), 9, "the requests went on");
}

#[test]
fn an_echo_is_no_answer() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    let echo = bench.sent[0].1.clone();
    bench.receive(&echo);
    let detail = "our own request came back".to_owned();
    let expected = Cause::Malformed { detail, first_bytes: FirstBytes::of(&echo) };
    assert_eq!((bench.odd(), bench.failure()), (expected.clone(), expected));
}

#[test]
fn a_closed_stream_ends_everything_and_shows_what_had_come() {
    let mut bench = Bench::tcp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.receive(&[0x01, 0x13, 0x00]);
    bench.client.handle(Input::Closed, bench.now);
    bench.settle();
    let finished = bench.finished();
    assert_eq!(finished.result, Err(Cause::Closed { received: 3 }));
    assert_eq!(finished.facts.get("first_bytes").unwrap(), "\\x01\\x13\\x00");
    assert_eq!(Bench::codes(&finished), [None]);
}

#[test]
fn an_abort_ends_with_the_cause_that_the_driver_knows() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    bench.client.abort(Cause::Refused, bench.now);
    bench.settle();
    assert_eq!(bench.failure(), Cause::Refused);
    bench.ask(Ask::Binding);
    assert_eq!(bench.sent.len(), 2, "a datagram socket can be asked again");
}

#[test]
fn an_answer_to_nothing_is_odd_and_harmless() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    let mut stranger = bench.request();
    stranger.transaction = [0xee; 12];
    for _ in 0..100 {
        bench.receive(&stranger.success(&[]));
    }
    assert_eq!(bench.client.odd(), 100);
    assert_eq!(bench.events.len(), 32, "no more than that is told");
    bench.events.clear();
    bench.answer(|request| request.success(&[(0x0020, request.xor(MAPPED))]));
    assert!(bench.finished().result.is_ok());
}

#[test]
fn an_answer_to_another_method_is_odd() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    let mut other = bench.request();
    other.kind = 0x0003;
    bench.receive(&allocated(&other));
    let Cause::Malformed { detail, .. } = bench.odd() else { panic!() };
    assert_eq!(detail, "an answer to another method");
}

#[test]
fn a_question_that_cannot_be_put_is_a_local_failure() {
    let mut bench = Bench::udp();
    let peers = |count: u16| (0..count).map(|port| SocketAddr::new([192, 0, 2, 1].into(), port)).collect();
    bench.ask(Ask::Permission(peers(65)));
    assert_eq!(bench.failure().code(), "local-failure");
    bench.ask(Ask::Permission(vec![]));
    assert_eq!(bench.failure().code(), "local-failure");
    bench.ask(Ask::Permission(peers(64)));
    assert_eq!(bench.request().attributes.len(), 64);
}

#[test]
fn a_reason_phrase_cannot_carry_more_than_words() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    let reason = format!("\x1b[31m{}", "x".repeat(700));
    bench.answer(|request| request.error(500, &reason, &[]));
    let Cause::StunError { reason, .. } = bench.failure() else { panic!() };
    assert_eq!(reason, format!("\u{fffd}[31m{}", "x".repeat(123)));
}

#[test]
fn a_flaw_in_the_form_is_a_fact() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    bench.answer(|request| [request.success(&[(0x0020, request.xor(MAPPED))]), vec![0, 0, 0]].concat());
    let finished = bench.finished();
    assert_eq!(finished.result, Ok(Answer::Bound { mapped: at(MAPPED) }));
    assert_eq!(finished.facts.get("flaw").unwrap(), "3 bytes after its end");
}
