//! Keeping things alive, and giving them back.

use super::server::{allocated, allocation, challenge, done, md5_key, refused, sign, stale};
use super::*;

const PEER: &str = "192.0.2.10:4000";

fn seconds_from_start(at: Offset) -> f64 {
    (at.as_ms() - 1_000.0) / 1_000.0
}

fn upkept(bench: &mut Bench) -> Finished {
    match bench.run_to_event() {
        Event::Upkeep(finished) => finished,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_allocation_is_refreshed_a_minute_before_its_end_again_and_again() {
    let mut bench = Bench::allocated(Framing::Datagram);
    for round in 1..=5 {
        let answered = bench.now;
        bench.tick();
        assert_eq!(bench.now - answered, Duration::from_secs(540), "round {round}");
        assert_eq!(bench.request().get(0x000d), Some(&600u32.to_be_bytes()[..]));
        assert!(bench.request().signed_sha1(&md5_key()));
        bench.answer(done);
        assert_eq!(upkept(&mut bench).result, Ok(Answer::Refreshed(Duration::from_secs(600))));
    }
}

#[test]
fn lifetimes_are_planned_as_each_client_does() {
    let (ours, firefox) = (Flavour::thorough(), Flavour::firefox());
    let after = |flavour: &Flavour, lifetime| flavour.refresh_after(Duration::from_secs(lifetime)).as_secs();
    assert_eq!([119, 120, 600, 3_600, 86_400].map(|s| after(&ours, s)), [59, 60, 540, 3_540, 3_540]);
    assert_eq!([600, 3_600, 86_400].map(|s| after(&firefox, s)), [590, 3_590, 3_590]);
    assert_eq!(ours.refresh_after(Duration::ZERO), Duration::from_secs(1), "never at once");
}

#[test]
fn permissions_and_channels_are_renewed_in_time() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.ask(Ask::Permission(vec![at(PEER), at("192.0.2.11:1")]));
    bench.answer(done);
    bench.finished();
    bench.ask(Ask::Channel(at(PEER)));
    bench.answer(done);
    bench.finished();
    let mut renewed = Vec::new();
    while bench.wake.is_some_and(|wake| wake < Offset::from_ms(1_120_000)) {
        bench.tick();
        while bench.events.is_empty() {
            let kind = bench.request().kind;
            renewed.push((kind, seconds_from_start(bench.now).round()));
            let sent = bench.sent.len();
            bench.answer(done);
            assert!(bench.sent.len() == sent, "one at a time in this schedule");
        }
        assert!(bench.events.drain(..).all(|event| matches!(event, Event::Upkeep(f) if f.result.is_ok())));
    }
    let of = |kind| renewed.iter().filter(|(k, _)| *k == kind).map(|(_, at)| *at).collect::<Vec<_>>();
    assert_eq!(of(0x0008), [240.0, 480.0, 720.0, 960.0]);
    assert_eq!(of(0x0009), [540.0, 1_080.0]);
    assert_eq!(of(0x0004), [540.0, 1_080.0]);
}

#[test]
fn upkeep_goes_on_after_a_stale_nonce() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.tick();
    bench.answer(stale(b"nonce-two"));
    bench.answer(done);
    let finished = upkept(&mut bench);
    assert_eq!(Bench::codes(&finished), [Some(438), None]);
    assert!(bench.wake.is_some());
}

#[test]
fn upkeep_that_is_not_answered_is_told_and_tried_again() {
    let mut bench = Bench::allocated(Framing::Datagram);
    let finished = upkept(&mut bench);
    assert_eq!(finished.result, Err(Cause::NoAnswer { requests: 9, waited_ms: 2_700 }));
    let failed = bench.now;
    bench.tick();
    assert_eq!(bench.now - failed, Duration::from_secs(15));
    assert_eq!(bench.request().kind, 0x0004);
}

#[test]
fn an_allocation_that_the_server_lost_is_not_kept_alive() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.tick();
    bench.answer(refused(437, "Allocation Mismatch"));
    assert_eq!(upkept(&mut bench).result.unwrap_err().code(), "stun-error");
    assert_eq!(bench.client.poll(), Action::Idle);
    assert!(!bench.client.may_hold_allocation());
}

#[test]
fn nothing_is_kept_alive_when_that_is_not_wanted() {
    let mut bench = Bench::new(Config { upkeep: false, ..config(Framing::Datagram) });
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    bench.answer(allocated);
    bench.finished();
    assert_eq!(bench.client.poll(), Action::Idle);
}

#[test]
fn after_the_release_nothing_is_kept_alive() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.ask(Ask::Release);
    bench.answer(|request| sign(request.success(&[]), &md5_key()));
    assert_eq!(bench.finished().result, Ok(Answer::Released));
    assert_eq!(bench.client.poll(), Action::Idle);
    assert_eq!(bench.client.release_bytes(), None);
}

#[test]
fn a_refresh_to_nothing_is_a_release() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.ask(Ask::Refresh(Duration::ZERO));
    bench.answer(|request| sign(request.success(&[(0x000d, vec![0; 4])]), &md5_key()));
    assert_eq!(bench.finished().result, Ok(Answer::Refreshed(Duration::ZERO)));
    assert!(!bench.client.may_hold_allocation());
    assert_eq!(bench.client.poll(), Action::Idle);
}

#[test]
fn a_permission_without_an_allocation_is_not_kept() {
    let mut bench = Bench::allocated(Framing::Datagram);
    bench.ask(Ask::Release);
    bench.answer(done);
    bench.finished();
    bench.ask(Ask::Permission(vec![at(PEER)]));
    bench.answer(done);
    assert_eq!(bench.finished().result, Ok(Answer::Permitted), "some servers are that generous");
    assert_eq!(bench.client.poll(), Action::Idle);
}

#[test]
fn the_emergency_release_is_one_signed_refresh() {
    let mut bench = Bench::allocated(Framing::Datagram);
    let bytes = bench.client.release_bytes().unwrap();
    let request = Request::read(&bytes);
    assert_eq!((request.kind, request.get(0x000d)), (0x0004, Some(&[0; 4][..])));
    assert!(request.signed_sha1(&md5_key()));
    bench.receive(&done(&request));
    assert_eq!((bench.events.len(), bench.client.odd()), (0, 0), "its answer is nothing odd");
    assert_eq!(bench.client.poll(), Action::Idle);
    assert_eq!(bench.client.release_bytes(), None, "once is enough");
}

#[test]
fn an_allocate_that_is_still_under_way_is_released_as_well() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    assert_eq!(bench.client.release_bytes(), None, "the server cannot have granted that one");
    bench.answer(challenge);
    let request = Request::read(&bench.client.release_bytes().unwrap());
    assert!(request.signed_sha1(&md5_key()));
}

#[test]
fn an_allocate_that_was_not_answered_is_released_as_well() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    assert_eq!(bench.failure().code(), "no-answer");
    assert!(bench.client.release_bytes().is_some());
}

#[test]
fn a_closed_stream_holds_nothing() {
    let mut bench = Bench::allocated(Framing::Stream);
    bench.client.handle(Input::Closed, bench.now);
    bench.settle();
    assert_eq!(bench.client.release_bytes(), None);
    assert_eq!(bench.client.poll(), Action::Idle);
}

#[test]
fn an_allocation_of_no_lifetime_does_not_spin() {
    let mut bench = Bench::udp();
    bench.ask(Ask::Allocate(Families::V4));
    bench.answer(challenge);
    bench.answer(|request| {
        let mut attributes = allocation(request);
        attributes[2].1 = vec![0; 4];
        sign(request.success(&attributes), &md5_key())
    });
    bench.finished();
    assert_eq!(bench.wake, Some(bench.now + Duration::from_secs(1)));
}
