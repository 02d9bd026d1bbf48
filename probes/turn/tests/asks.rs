//! Asks that go well, and what they look like on the wire.

use super::server::{MAPPED, NONCE, REALM, RELAYED, RELAYED_V6, allocated, challenge, done, md5_key, sign};
use super::*;

#[test]
fn a_binding_is_one_bare_request_and_gives_our_address() {
    let mut bench = Bench::udp();
    let id = bench.ask(Ask::Binding);
    assert_eq!(bench.sent[0].1[..8], [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    assert_eq!(bench.sent[0].1.len(), 20);
    bench.answer(|request| request.success(&[(0x0020, request.xor(MAPPED))]));
    let finished = bench.finished();
    assert_eq!((finished.id, finished.ask.clone()), (id, Ask::Binding));
    assert_eq!(finished.result, Ok(Answer::Bound { mapped: at(MAPPED) }));
    assert_eq!((finished.began.as_ms(), finished.ended.as_ms()), (1_000.0, 1_020.0));
    assert_eq!(finished.rtts_ms().collect::<Vec<_>>(), [20.0]);
    assert!(!finished.authenticated);
    assert_eq!(bench.client.poll(), Action::Idle);
}

#[test]
fn an_old_server_gives_our_address_unmasked() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    bench.answer(|request| request.success(&[(0x0001, vec![0, 1, 0xee, 0x48, 203, 0, 113, 9])]));
    assert_eq!(bench.finished().result, Ok(Answer::Bound { mapped: at(MAPPED) }));
}

#[test]
fn a_rewritten_plain_address_is_shown_beside_the_masked_one() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    let plain = vec![0, 1, 0xee, 0x48, 10, 0, 0, 1];
    bench.answer(|request| request.success(&[(0x0001, plain.clone()), (0x0020, request.xor(MAPPED))]));
    let facts = bench.finished().facts;
    assert_eq!(facts.get("mapped").unwrap(), MAPPED);
    assert_eq!(facts.get("mapped_plain").unwrap(), "10.0.0.1:61000");
}

#[test]
fn an_allocation_takes_two_rounds_and_is_authenticated() {
    for transport in [Framing::Datagram, Framing::Stream] {
        let mut bench = Bench::new(config(transport));
        bench.ask(Ask::Allocate(Families::V4));
        assert_eq!(bench.request().kind, 0x0003);
        assert_eq!(bench.request().attributes, [(0x0019, vec![17, 0, 0, 0])]);
        bench.answer(challenge);
        let request = bench.request();
        assert_eq!(request.kinds(), [0x0019, 0x0006, 0x0014, 0x0015, 0x0008]);
        assert_eq!(request.get(0x0006), Some(&b"ann"[..]));
        assert_eq!((request.get(0x0014), request.get(0x0015)), (Some(REALM), Some(NONCE)));
        assert!(request.signed_sha1(&md5_key()));
        bench.answer(allocated);
        let finished = bench.finished();
        let expected = Answer::Allocated {
            relayed: vec![at(RELAYED)],
            mapped: at(MAPPED),
            lifetime: Duration::from_secs(600),
            address_errors: vec![],
        };
        assert_eq!(finished.result, Ok(expected));
        assert!(finished.authenticated);
        assert_eq!(Bench::codes(&finished), [Some(401), None]);
        assert_eq!(finished.sends(), 2);
        assert_eq!(finished.rtts_ms().collect::<Vec<_>>(), [20.0, 20.0]);
        let fact = |key| finished.facts.get(key).cloned().unwrap();
        assert_eq!(fact("software"), "lab 1");
        assert_eq!(fact("realm"), "example.org");
        assert_eq!(fact("integrity"), "valid");
        assert_eq!(fact("algorithm"), "md5, sha1");
        assert_eq!(fact("relayed"), serde_json::json!([RELAYED]));
        assert_eq!((fact("sends"), fact("rtt_ms")), (2.into(), 20.0.into()));
        assert_eq!(finished.facts.get("codec_refusal"), None);
    }
}

#[test]
fn an_ipv6_allocation_asks_for_the_family() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V6));
    assert_eq!(bench.request().attributes, [(0x0019, vec![17, 0, 0, 0]), (0x0017, vec![2, 0, 0, 0])]);
}

#[test]
fn a_dual_allocation_gives_both_addresses() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::Dual));
    assert_eq!(bench.request().attributes, [(0x0019, vec![17, 0, 0, 0]), (0x8000, vec![2, 0, 0, 0])]);
    bench.answer(challenge);
    bench.answer(|request| {
        let mut attributes = server::allocation(request);
        attributes.insert(1, (0x0016, request.xor(RELAYED_V6)));
        sign(request.success(&attributes), &md5_key())
    });
    let Ok(Answer::Allocated { relayed, .. }) = bench.finished().result else { panic!() };
    assert_eq!(relayed, [at(RELAYED), at(RELAYED_V6)]);
}

#[test]
fn a_dual_allocation_that_gives_one_address_says_why() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::Dual));
    bench.answer(challenge);
    bench.answer(|request| {
        let mut attributes = server::allocation(request);
        attributes.push((0x8001, b"\x02\0\x04\x28no IPv6".to_vec()));
        sign(request.success(&attributes), &md5_key())
    });
    let Ok(Answer::Allocated { relayed, address_errors, .. }) = bench.finished().result else { panic!() };
    assert_eq!(relayed, [at(RELAYED)]);
    assert_eq!(address_errors, [AddressError { ipv6: true, stun_code: 440, reason: "no IPv6".into() }]);
}

#[test]
fn later_asks_use_the_nonce_that_is_known() {
    let mut bench = Bench::allocated(Framing::Datagram);
    let (one, two) = ("192.0.2.10:4000", "[2001:db8::10]:4001");
    let asks = [
        (Ask::Permission(vec![at(one), at(two)]), 0x0008, Answer::Permitted),
        (Ask::Channel(at(one)), 0x0009, Answer::Channel(0x4000)),
        (Ask::Channel(at(two)), 0x0009, Answer::Channel(0x4001)),
        (Ask::Channel(at(one)), 0x0009, Answer::Channel(0x4000)),
        (Ask::Refresh(Duration::from_secs(300)), 0x0004, Answer::Refreshed(Duration::from_secs(600))),
        (Ask::Release, 0x0004, Answer::Released),
    ];
    for (ask, kind, expected) in asks {
        bench.ask(ask);
        let request = bench.request();
        assert_eq!(request.kind, kind);
        assert_eq!(request.get(0x0015), Some(NONCE));
        assert!(request.signed_sha1(&md5_key()));
        bench.answer(done);
        let finished = bench.finished();
        assert_eq!(finished.result, Ok(expected));
        assert_eq!(Bench::codes(&finished), [None], "one round is enough");
    }
}

#[test]
fn requests_carry_their_peers_numbers_and_lifetimes() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.ask(Ask::Permission(vec![at("192.0.2.10:4000"), at("192.0.2.11:4000")]));
    let request = bench.request();
    let masked = [request.xor("192.0.2.10:4000"), request.xor("192.0.2.11:4000")];
    assert_eq!(request.attributes[..2], masked.map(|value| (0x0012, value)));
    bench.ask(Ask::Channel(at("192.0.2.10:4000")));
    assert_eq!(bench.request().get(0x000c), Some(&[0x40, 0, 0, 0][..]));
    bench.ask(Ask::Refresh(Duration::from_secs(300)));
    assert_eq!(bench.request().get(0x000d), Some(&[0, 0, 1, 44][..]));
    bench.ask(Ask::Release);
    assert_eq!(bench.request().get(0x000d), Some(&[0, 0, 0, 0][..]));
}

#[test]
fn asks_run_side_by_side_and_may_be_answered_in_any_order() {
    let mut bench = Bench::allocated(Framing::Stream);
    let first = bench.ask(Ask::Binding);
    let second = bench.ask(Ask::Permission(vec![at("192.0.2.10:4000")]));
    let [one, two] = [2, 3].map(|index| Request::read(&bench.sent[index].1));
    assert_eq!(bench.client.unfinished().map(|(id, _)| id).collect::<Vec<_>>(), [first, second]);
    // Both answers in one chunk of the stream, the later one first.
    bench.receive(&[done(&two), one.success(&[(0x0020, one.xor(MAPPED))])].concat());
    assert_eq!(bench.finished().id, second);
    assert_eq!(bench.finished().result, Ok(Answer::Bound { mapped: at(MAPPED) }));
    assert_eq!(bench.client.unfinished().count(), 0);
}

#[test]
fn clients_differ_in_what_they_ask_for() {
    let attributes = |flavour: Flavour| {
        let mut bench = Bench::new(Config { flavour, ..config(Framing::Datagram) });
        bench.ask(Ask::Allocate(Families::V4));
        bench.request().attributes
    };
    let transport = (0x0019, vec![17, 0, 0, 0]);
    assert_eq!(attributes(Flavour::chromium(None)), std::slice::from_ref(&transport));
    assert_eq!(attributes(Flavour::libnice()), std::slice::from_ref(&transport));
    assert_eq!(attributes(Flavour::firefox()), [transport.clone(), (0x000d, vec![0, 0, 14, 16])]);
    let named = Flavour { software: Some("raincheck"), fingerprint: true, ..Flavour::thorough() };
    let named = attributes(named);
    assert_eq!(named[..2], [transport, (0x8022, b"raincheck".to_vec())]);
    assert_eq!(named[2].0, 0x8028);
}

#[test]
fn an_answer_to_a_retransmission_leaves_the_round_trip_open() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Binding);
    bench.tick();
    let (first, second) = (bench.sent[0].clone(), bench.sent[1].clone());
    assert_eq!((first.1.clone(), second.0.as_ms()), (second.1, 1_100.0));
    bench.answer(|request| request.success(&[(0x0020, request.xor(MAPPED))]));
    let finished = bench.finished();
    assert_eq!(finished.rounds[0].rtt, None);
    assert_eq!(finished.facts.get("rtt_ms"), None);
    assert_eq!(finished.facts.get("rtt_ms_between"), Some(&serde_json::json!([20.0, 120.0])));
    // The answer to the other transmission is nothing odd.
    bench.receive(&Request::read(&first.1).success(&[]));
    assert_eq!((bench.events.len(), bench.client.odd()), (0, 0));
}

#[test]
fn every_client_gives_up_when_it_really_does() {
    for (schedule, requests, waited_ms) in [
        (Schedule::chromium(), 9, 39_750),
        (Schedule::firefox(), 7, 11_100),
        (Schedule::firefox_reliable(), 1, 12_800),
        (Schedule::libnice(), 3, 2_000),
        (Schedule::rfc8489(), 7, 39_500),
        (Schedule::prompt(1), 9, 2_700),
        (Schedule::prompt(28), 11, 2_700),
    ] {
        let mut bench = Bench::new(Config { schedule: schedule.clone(), ..config(Framing::Datagram) });
        bench.ask(Ask::Allocate(Families::V4));
        assert_eq!(bench.failure(), Cause::NoAnswer { requests, waited_ms });
        let sent: Vec<_> = bench.sent.iter().map(|(when, _)| *when - Offset::from_ms(1_000)).collect();
        assert_eq!(sent, schedule.sends());
        assert!(!bench.client.may_hold_allocation());
    }
}
