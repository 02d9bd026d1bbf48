//! When each pair is pinged, and which is next.

use super::*;
use crate::ice::agent::tests::wire::*;
use crate::ice::agent::{IceRole, PairState, Peer};

/// The bases of an end's checks, in order, with their times.
fn sequence(wire: &Wire, end: usize) -> Vec<(f64, usize)> {
    let checks = wire.sent.iter().filter(|packet| packet.end == end && packet.is_check());
    checks.map(|packet| (packet.sent.as_ms(), packet.base.0)).collect()
}

#[test]
fn the_first_round_goes_in_order_of_preference_48_ms_apart_and_the_next_one_too() {
    let mut wire = chromiums();
    wire.lost = Box::new(|_| true);
    wire.base(0, relay("198.51.100.1:1100", RELAY_TLS));
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(0, relay("198.51.100.1:1001", RELAY_UDP));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.run_until(at(240));
    let expected = [(0.0, 1), (48.0, 2), (96.0, 0), (144.0, 1), (192.0, 2), (240.0, 0)];
    assert_eq!(sequence(&wire, 0), expected);
}

#[test]
fn cost_comes_before_priority_in_the_first_round() {
    let mut wire = chromiums();
    wire.lost = Box::new(|_| true);
    wire.base(0, on(1, 10, host("192.0.2.1:1100")));
    wire.base(0, on(2, 0, relay("198.51.100.1:1100", RELAY_TLS)));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.run_until(at(48));
    assert_eq!(sequence(&wire, 0), [(0.0, 1), (48.0, 0)], "a relay on ethernet before a host on wifi");
}

#[test]
fn a_candidate_that_comes_later_is_pinged_before_the_others_are_pinged_again() {
    let mut wire = chromiums();
    wire.lost = Box::new(|_| true);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(0, relay("198.51.100.1:1001", RELAY_UDP));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.run_until(at(100));
    wire.base(0, relay("198.51.100.1:1100", RELAY_TLS));
    wire.run_until(at(200));
    let expected = [(0.0, 0), (48.0, 1), (96.0, 0), (144.0, 2), (192.0, 1)];
    assert_eq!(sequence(&wire, 0), expected);
}

#[test]
fn three_pings_are_fast_then_900_ms_until_stable_then_2500_ms() {
    let mut wire = chromiums();
    let base = wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.run_until(at(10_000));
    // The loop turns every 250 ms when the channel is strong: what is due in between waits for it.
    assert_eq!(checked(&wire, 0, base), [0.0, 48.0, 96.0, 1_144.0, 2_144.0, 4_644.0, 7_144.0, 9_644.0]);
}

#[test]
fn a_strong_channel_pings_the_others_480_ms_apart() {
    let mut wire = chromiums();
    wire.base(0, host("192.0.2.1:1100"));
    // Better ones that no packet comes through: they are not pruned.
    let dead: Vec<BaseId> = (0..2)
        .map(|n| {
            let candidate = host(&format!("192.0.2.1:{}", 5000 + n));
            wire.base(0, Candidate { priority: HOST + 1_000 + n, ..candidate })
        })
        .collect();
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|packet| [packet.from.port(), packet.to.port()].iter().any(|port| *port >= 5000));
    wire.signal();
    wire.run_until(at(4_000));
    let mut checks: Vec<f64> = dead.iter().flat_map(|base| checked(&wire, 0, *base)).collect();
    checks.sort_by(f64::total_cmp);
    let strong: Vec<f64> = checks.into_iter().filter(|time| *time > 1_000.0).collect();
    assert!(strong.len() >= 3, "{strong:?}");
    for gap in strong.windows(2).map(|two| two[1] - two[0]) {
        assert!(gap >= 480.0, "{strong:?}");
    }
}

#[test]
fn a_check_is_sent_once_and_a_pair_that_nobody_answers_fails_after_15_s() {
    let mut wire = chromiums();
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|packet| packet.end == 1);
    wire.signal();
    wire.run_until(at(20_000));
    let pair = &wire.sides[0].agent.pairs()[0];
    assert_eq!(pair.state, PairState::Failed);
    assert!(pair.checks.iter().all(|check| check.sends == 1));
    assert!(
        pair.last_sent.is_some_and(|last| last > at(14_900) && last <= at(15_048)),
        "{:?}",
        pair.last_sent
    );
}

#[test]
fn an_answer_after_10_s_still_counts() {
    let mut wire = chromiums();
    wire.delay = std::time::Duration::from_secs(5);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    assert!(wire.connect());
    assert_eq!(wire.now, at(10_000));
}

#[test]
fn the_peers_check_is_answered_by_one_of_ours_before_others_are_tried() {
    let mut wire = chromiums();
    wire.base(0, host("192.0.2.1:1100"));
    // The far end has many better pairs that lead nowhere.
    let better = |n: u32| Candidate { priority: HOST + 100 + n, ..host(&format!("192.0.2.9:{}", 3000 + n)) };
    for n in 0..8 {
        wire.sides[0].candidates.push(better(n));
    }
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal_credentials(0);
    wire.signal_credentials(1);
    wire.signal_candidates(1);
    wire.run_until(at(100));
    wire.signal_candidates(0);
    wire.run_until(at(400));
    let checks = wire.checks(1);
    let to_near: Vec<f64> =
        checks.iter().filter(|check| check.1 == "192.0.2.1:1100").map(|check| check.0).collect();
    // Told at 100, checked there at 120, and the next turn of the far end's loop is at 144.
    assert_eq!(to_near[0], 144.0, "{checks:?}");
}

#[test]
fn a_backup_is_pinged_every_25_s_when_the_channel_is_complete() {
    let mut wire = chromiums();
    wire.base(0, on(1, 0, host("192.0.2.1:1100")));
    let backup = wire.base(0, on(2, 0, relay("198.51.100.1:1100", RELAY_UDP)));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.run_until(at(80_000));
    let pings: Vec<f64> = checked(&wire, 0, backup).into_iter().filter(|time| *time > 1_000.0).collect();
    let gaps: Vec<f64> = pings.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(gaps.len() >= 2 && gaps.iter().all(|gap| (25_000.0..25_600.0).contains(gap)), "{pings:?}");
    let backup = &wire.sides[0].agent.pairs()[1];
    assert_eq!(backup.state, PairState::Succeeded, "{backup:?}");
}

#[test]
fn until_something_is_selected_every_check_nominates_and_then_only_better_pairs() {
    let mut wire = chromiums();
    let good = wire.base(0, host("192.0.2.1:1100"));
    let better = wire.base(0, Candidate { priority: HOST + 1_000, ..host("192.0.2.1:5000") });
    let worse = wire.base(0, on(2, 10, host("192.0.2.1:6000")));
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|packet| packet.from.port() >= 5000 || packet.to.port() >= 5000);
    wire.signal();
    wire.run_until(at(3_000));
    assert_eq!(wire.selected(0).unwrap().0, "192.0.2.1:1100");
    let all = |wire: &Wire, base, expected| {
        let nominations = nominations(wire, 0, base);
        assert!(nominations.len() >= 3 && nominations.iter().all(|n| *n == expected), "{nominations:?}");
    };
    all(&wire, good, true);
    all(&wire, better, true);
    // Selected at 88 ms, the good one is pinged three times before any other.
    assert_eq!(checked(&wire, 0, good)[..3], [48.0, 96.0, 144.0]);
    assert_eq!(checked(&wire, 0, worse)[0], 192.0);
    all(&wire, worse, false);
    assert!(
        nominations(&wire, 1, BaseId(0)).iter().all(|nominates| !nominates),
        "the controlled end never does"
    );
}

#[test]
fn towards_a_lite_peer_only_the_selected_pair_is_nominated() {
    let mut wire = chromiums();
    let base = wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    let credentials = wire.sides[1].agent.credentials().clone();
    wire.sides[0].agent.on_peer(Peer { credentials, lite: true, ice2: false }, at(0));
    wire.signal_credentials(1);
    wire.signal_candidates(0);
    wire.run_until(at(2_000));
    let nominations = nominations(&wire, 0, base);
    // Selected at 40 ms.
    assert_eq!(nominations[..3], [false, true, true]);
    assert_eq!(wire.sides[0].agent.role(), IceRole::Controlling);
}

#[test]
fn the_priority_of_a_check_is_110_and_the_low_bits_of_the_local_candidate() {
    let mut wire = chromiums();
    let bases = [wire.base(0, host("192.0.2.1:1100")), wire.base(0, relay("198.51.100.1:1100", RELAY_UDP))];
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|_| true);
    wire.signal();
    wire.run_until(at(100));
    let priority = |base: BaseId| {
        let packet = wire.sent.iter().find(|p| p.end == 0 && p.base == base && p.is_check()).unwrap();
        Message::parse(&packet.bytes).unwrap().u32(attr::PRIORITY).unwrap()
    };
    assert_eq!(bases.map(priority), [1_853_824_767, (110 << 24) | (RELAY_UDP & 0xFF_FFFF)]);
}
