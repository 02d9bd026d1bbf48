//! Which check leaves when: pacing, repetition, freezing, triggered checks, limits.

use super::wire::*;
use crate::evidence::Cause;
use crate::ice::agent::{AgentState, CheckEnd, EventKind, PairId, PairState};
use crate::ice::{Candidate, CandidateType};
use crate::machine::Offset;
use std::time::Duration;

const QUIET: [&str; 3] = ["rfc8445", "firefox", "gateway"];

/// An end with one base that checks so many silent host candidates, each of a foundation of its own.
fn against_silence(client: &str, remotes: u16) -> Wire {
    let mut wire = Wire::new([client, client]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.signal_credentials(0);
    for n in 0..remotes {
        let silent = Candidate {
            priority: HOST - u32::from(n),
            foundation: n.to_string(),
            ..host(&format!("198.51.100.{}:{}", 1 + n % 250, 1100 + n))
        };
        wire.sides[0].agent.on_remote(silent, wire.now);
    }
    wire.sides[0].agent.on_remote_end(wire.now);
    wire.sides[0].agent.on_local_end(wire.now);
    wire.settle();
    wire
}

/// When the first check of each pair left, in ms.
fn first_checks(wire: &Wire, end: usize) -> Vec<f64> {
    let mut checks: Vec<f64> = (wire.sides[end].agent.pairs().iter())
        .filter_map(|pair| pair.checks.first().map(|check| check.began.as_ms()))
        .collect();
    checks.sort_by(f64::total_cmp);
    checks
}

#[test]
fn checks_leave_one_ta_apart_to_the_millisecond_best_first() {
    for (client, ta) in [("rfc8445", 50.0), ("firefox", 20.0), ("gateway", 20.0)] {
        let mut wire = against_silence(client, 5);
        wire.run_until(Offset::from_ms(450));
        let expected: Vec<f64> = (0..5).map(|n| f64::from(n) * ta).collect();
        assert_eq!(first_checks(&wire, 0), expected, "{client}");
        let order: Vec<String> = (0..5).map(|n| format!("198.51.100.{}:{}", 1 + n, 1100 + n)).collect();
        let mut seen: Vec<String> = Vec::new();
        for (_, to) in wire.checks(0) {
            if !seen.contains(&to) {
                seen.push(to);
            }
        }
        assert_eq!(seen, order, "{client}");
    }
}

#[test]
fn a_late_driver_gets_no_burst_of_checks() {
    let mut wire = against_silence("rfc8445", 5);
    let sent = wire.checks(0).len();
    wire.now = Offset::from_ms(200);
    wire.sides[0].agent.on_tick(wire.now);
    wire.sides[0].agent.on_tick(wire.now);
    wire.settle();
    assert_eq!([sent, wire.checks(0).len()], [1, 2]);
}

#[test]
fn a_silent_pair_is_asked_again_on_the_clients_schedule_and_fails_at_its_end() {
    for (client, sends, end) in [
        ("rfc8445", &[0.0, 500.0, 1500.0, 3500.0, 7500.0, 15_500.0, 31_500.0][..], 39_500),
        ("firefox", &[0.0, 100.0, 300.0, 700.0, 1500.0, 3100.0, 6300.0][..], 11_100),
        ("gateway", &[0.0, 500.0, 1500.0][..], 2000),
    ] {
        let mut wire = against_silence(client, 1);
        wire.run_until(Offset::from_ms(60_000));
        let sent: Vec<f64> = wire.checks(0).iter().map(|check| check.0).collect();
        assert_eq!(sent, sends, "{client}");
        let pair = &wire.sides[0].agent.pairs()[0];
        let cause = Cause::NoAnswer { requests: sends.len() as u32, waited_ms: end };
        assert_eq!((pair.state, pair.cause.as_ref()), (PairState::Failed, Some(&cause)), "{client}");
        assert_eq!(pair.checks.len(), 1);
        assert_eq!(pair.checks[0].end, Some(CheckEnd::Failed(cause)), "{client}");
    }
}

#[test]
fn the_more_pairs_wait_the_longer_is_the_time_to_the_second_send() {
    // 30 pairs at Ta 50 ms: 30 unsettled when the first check leaves.
    let mut wire = against_silence("rfc8445", 30);
    wire.run_until(Offset::from_ms(1_600));
    let first = wire.checks(0)[0].1.clone();
    let sent: Vec<f64> =
        wire.checks(0).iter().filter(|check| check.1 == first).map(|check| check.0).collect();
    assert_eq!(sent, [0.0, 1500.0]);
}

#[test]
fn a_call_with_nothing_but_silence_fails_after_the_clients_time() {
    for (client, failed) in [("rfc8445", 39_500), ("firefox", 11_100), ("gateway", 7_000)] {
        let mut wire = against_silence(client, 1);
        wire.run_until(Offset::from_ms(120_000));
        assert_eq!(wire.became(0, AgentState::Failed), Some(Offset::from_ms(failed)), "{client}");
        assert_eq!(wire.next(), None, "{client}: nothing is left to wait for");
    }
}

/// Two pairs of one foundation, the better one silent.
fn kin(client: &str) -> Wire {
    let mut wire = Wire::new([client, client]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.signal_credentials(0);
    wire.signal_credentials(1);
    for (n, port) in [(0, 3000), (1, 2000)] {
        let remote =
            Candidate { priority: HOST - n, foundation: "same".into(), ..host(&format!("192.0.2.2:{port}")) };
        wire.sides[0].agent.on_remote(remote, wire.now);
    }
    wire.sides[0].agent.on_remote_end(wire.now);
    wire.sides[0].agent.on_local_end(wire.now);
    wire.settle();
    wire
}

#[test]
fn a_pair_stays_frozen_while_another_of_its_foundation_is_checked() {
    let mut wire = kin("rfc8445");
    wire.run_until(Offset::from_ms(39_499));
    let state = |wire: &Wire, n: usize| wire.sides[0].agent.pairs()[n].state;
    assert_eq!([state(&wire, 0), state(&wire, 1)], [PairState::InProgress, PairState::Frozen]);
    wire.run_until(Offset::from_ms(39_500));
    assert_eq!([state(&wire, 0), state(&wire, 1)], [PairState::Failed, PairState::InProgress]);
}

#[test]
fn a_pair_thaws_when_another_of_its_foundation_succeeds() {
    let mut wire = kin("rfc8445");
    wire.base(1, host("192.0.2.2:3000"));
    wire.lost = Box::new(|packet| packet.end == 1 && packet.is_check());
    wire.run_until(Offset::from_ms(39));
    assert_eq!(wire.sides[0].agent.pairs()[1].state, PairState::Frozen);
    // The better one works: the other is not needed any more, and was not checked before.
    wire.run_until(Offset::from_ms(40));
    let thawed = wire.sides[0].agent.pairs()[1].state;
    assert!(matches!(thawed, PairState::Waiting | PairState::Pruned), "{thawed:?}");
    assert_eq!(wire.checks(0).iter().filter(|check| check.1 == "192.0.2.2:2000").count(), 0);
}

#[test]
fn firefox_and_libnice_check_frozen_pairs_when_none_waits() {
    for client in ["firefox", "gateway"] {
        let mut wire = kin(client);
        wire.run_until(Offset::from_ms(100));
        assert_eq!(first_checks(&wire, 0), [0.0, 20.0], "{client}");
    }
}

#[test]
fn a_check_of_the_peer_triggers_ours_at_once_and_before_better_pairs() {
    for client in QUIET {
        let mut wire = Wire::new([client, client]);
        wire.base(0, host("192.0.2.1:1100"));
        wire.base(1, host("192.0.2.2:2000"));
        wire.signal_credentials(0);
        wire.signal_credentials(1);
        // The far end knows us; we know only silent, better candidates.
        for n in 0..40_u16 {
            let silent = Candidate {
                priority: HOST + 9,
                foundation: n.to_string(),
                ..host(&format!("198.51.100.9:{}", 1100 + n))
            };
            wire.sides[0].agent.on_remote(silent, wire.now);
        }
        wire.sides[1].agent.on_remote(host("192.0.2.1:1100"), wire.now);
        wire.settle();
        wire.run_until(Offset::from_ms(90));
        let ta = if client == "rfc8445" { 50.0 } else { 20.0 };
        let triggered = wire.checks(0).into_iter().find(|check| check.1 == "192.0.2.2:2000").unwrap();
        // It arrives at 20 ms and takes the next turn.
        assert_eq!(triggered.0, if ta == 50.0 { 50.0 } else { 20.0 }, "{client}");
        let reflexive =
            wire.sides[0].events.iter().any(|event| matches!(event.kind, EventKind::PeerReflexive { .. }));
        assert!(reflexive, "{client}");
    }
}

#[test]
fn a_check_under_way_is_replaced_by_the_triggered_one_and_its_answer_still_counts() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    // Our first check is lost, the peer's comes through.
    let mut lost = false;
    wire.lost =
        Box::new(move |packet| packet.end == 0 && packet.is_check() && !std::mem::replace(&mut lost, true));
    wire.signal();
    wire.run_until(Offset::from_ms(120));
    let pair = &wire.sides[0].agent.pairs()[0];
    assert_eq!(pair.state, PairState::Succeeded);
    let began: Vec<f64> = pair.checks.iter().map(|check| check.began.as_ms()).collect();
    assert_eq!(began[..2], [0.0, 50.0], "no wait for the repetition at 500 ms");
    wire.run_until(Offset::from_ms(6_000));
    assert_eq!(wire.sides[0].agent.pairs()[0].checks[0].end, Some(CheckEnd::Cancelled));
}

#[test]
fn a_failed_pair_comes_back_when_the_peer_checks_it() {
    for client in QUIET {
        let mut wire = against_silence(client, 1);
        wire.run_until(Offset::from_ms(40_000));
        assert_eq!(wire.sides[0].agent.pairs()[0].state, PairState::Failed, "{client}");
        wire.base(1, host("198.51.100.1:1100"));
        wire.signal_credentials(1);
        wire.sides[1].agent.on_remote(host("192.0.2.1:1100"), wire.now);
        wire.settle();
        wire.run_until(Offset::from_ms(43_000));
        let back = wire.sides[0].agent.pairs()[0].state == PairState::Succeeded;
        // nICEr's stream has failed by then, and that is for good.
        assert_eq!(back, client != "firefox", "{client}");
    }
}

#[test]
fn no_more_than_a_hundred_pairs_are_listed_and_the_least_go() {
    for client in ["rfc8445", "gateway"] {
        let mut wire = Wire::new([client, client]);
        for n in 0..3 {
            wire.base(0, Candidate { foundation: n.to_string(), ..host(&format!("192.0.2.{}:1100", 1 + n)) });
        }
        wire.signal_credentials(0);
        for n in 0..50_u16 {
            let remote = Candidate {
                priority: HOST - u32::from(n),
                foundation: n.to_string(),
                ..host(&format!("198.51.100.1:{}", 1100 + n))
            };
            wire.sides[0].agent.on_remote(remote, wire.now);
        }
        let pruned: Vec<usize> =
            (0..150).filter(|n| wire.sides[0].agent.pairs()[*n].state == PairState::Pruned).collect();
        assert_eq!(pruned.len(), 50, "{client}");
        let least = pruned.iter().map(|n| wire.sides[0].agent.priority(PairId(*n))).max().unwrap();
        let kept = (0..150)
            .filter(|n| !pruned.contains(n))
            .map(|n| wire.sides[0].agent.priority(PairId(n)))
            .min()
            .unwrap();
        assert!(least <= kept, "{client}");
    }
}

#[test]
fn ipv6_and_ipv4_take_turns_so_that_a_broken_family_delays_the_other_by_one_check() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("[2001:db8::1]:1100"));
    wire.base(0, Candidate { priority: HOST - 1000, ..host("192.0.2.1:1100") });
    wire.signal_credentials(0);
    for n in 0..3_u16 {
        let of = |address: String, less: u32| Candidate {
            priority: HOST - less - u32::from(n),
            foundation: format!("{n}"),
            ..host(&address)
        };
        wire.sides[0].agent.on_remote(of(format!("[2001:db8::2]:{}", 2000 + n), 0), wire.now);
        wire.sides[0].agent.on_remote(of(format!("198.51.100.2:{}", 2000 + n), 1000), wire.now);
    }
    wire.settle();
    wire.run_until(Offset::from_ms(300));
    let families: Vec<bool> = wire.checks(0).iter().map(|check| check.1.starts_with('[')).collect();
    assert_eq!(families, [true, false, true, false, true, false]);
}

#[test]
fn a_candidate_of_the_other_transport_family_or_component_makes_no_pair() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.signal_credentials(0);
    let mut other = host("192.0.2.2:2000");
    other.component = 2;
    for remote in [host("[2001:db8::2]:2000"), tcp("192.0.2.2:2000", crate::ice::TcpType::Passive), other] {
        wire.sides[0].agent.on_remote(remote, wire.now);
    }
    assert!(wire.sides[0].agent.pairs().is_empty());
}

#[test]
fn the_same_candidate_twice_makes_one_pair() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    for kind in [CandidateType::Host, CandidateType::Srflx, CandidateType::Host] {
        wire.sides[0].agent.on_remote(candidate(kind, "192.0.2.2:2000", HOST), wire.now);
    }
    assert_eq!(wire.sides[0].agent.pairs().len(), 1);
}

#[test]
fn a_pair_keeps_every_check_with_its_time_and_its_end() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    assert!(wire.connect());
    wire.run_for(Duration::from_secs(60));
    let pair = &wire.sides[0].agent.pairs()[0];
    assert_eq!(pair.checks.len() as u64, pair.checks_sent);
    assert!(pair.checks_sent > 10, "consent checks are checks: {}", pair.checks_sent);
    let under_way = pair.outstanding().count() as u64;
    assert_eq!(pair.checks_answered + under_way, pair.checks_sent);
    assert!(pair.checks.windows(2).all(|two| two[0].began <= two[1].began));
    assert_eq!(pair.best_round_trip(), Some(Duration::from_millis(40)));
}
