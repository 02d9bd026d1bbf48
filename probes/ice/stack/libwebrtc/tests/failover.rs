//! The selected path dies in the middle of a call.

use super::*;
use crate::evidence::Cause;
use crate::ice::agent::tests::wire::*;
use crate::ice::agent::{AgentState, Criterion, PairId, PairState, Successor};

/// Two networks at the near end; from `dies` on nothing passes on the first. The far end answers from one.
fn two_networks(dies: u64) -> (Wire, BaseId, BaseId) {
    let mut wire = chromiums();
    let first = wire.base(0, on(1, 0, host("192.0.2.1:1100")));
    let second = wire.base(0, on(2, 0, relay("198.51.100.1:1100", RELAY_UDP)));
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(move |packet| packet.sent >= at(dies) && touches(packet, "192.0.2.1"));
    wire.signal();
    (wire, first, second)
}

/// Whether a packet comes from or goes to an address.
fn touches(packet: &Packet, ip: &str) -> bool {
    [packet.from.ip(), packet.to.ip()].contains(&ip.parse().unwrap())
}

fn selections(wire: &Wire, end: usize) -> Vec<(f64, PairId, Criterion)> {
    let events = wire.sides[end].events.iter();
    events
        .filter_map(|event| match event.kind {
            EventKind::Selected { pair, because, .. } => Some((event.at.as_ms(), pair, because)),
            _ => None,
        })
        .collect()
}

/// When the first pair was told to be silent, after it was checked that this is 2500 ms after it last received.
fn silent(wire: &Wire) -> f64 {
    let last = wire.sides[0].agent.pairs()[0].last_received().unwrap().as_ms();
    let silent = times(wire, 0, |kind| *kind == EventKind::Silent(PairId(0)));
    assert_eq!(silent.len(), 1);
    // Told in the first turn of the loop after that, which is at most 250 ms later.
    assert!(silent[0] > last + 2_500.0 && silent[0] <= last + 2_750.0, "{last} {silent:?}");
    silent[0]
}

#[test]
fn the_call_moves_1000_ms_after_its_pair_stopped_receiving_when_another_receives() {
    let (mut wire, _, second) = two_networks(10_000);
    while wire.now < at(30_000) {
        // The peer's data keeps coming on the other pair.
        wire.inject(0, second, "192.0.2.2:2000", b"\x80 data");
        wire.run_for(std::time::Duration::from_millis(500));
    }
    let silent = silent(&wire);
    let expected = [(40.0, PairId(0), Criterion::First), (silent + 1_000.0, PairId(1), Criterion::Receiving)];
    assert_eq!(selections(&wire, 0), expected);
    assert_eq!(wire.sides[0].agent.state(), AgentState::Completed);
}

#[test]
fn a_quiet_backup_must_answer_first_and_receive_for_1000_ms_then() {
    let (mut wire, _, second) = two_networks(10_000);
    wire.run_until(at(30_000));
    let silent = silent(&wire);
    let pinged = checked(&wire, 0, second).into_iter().find(|sent| *sent >= silent).unwrap();
    assert!(pinged < silent + 48.0, "it is pinged as soon as the channel is weak");
    // With an answer due it no more counts as receiving, until the answer is there.
    assert_eq!(selections(&wire, 0)[1..], [(pinged + 40.0 + 1_000.0, PairId(1), Criterion::Receiving)]);
}

#[test]
fn a_dearer_pair_that_receives_nothing_either_is_not_moved_to() {
    let mut wire = chromiums();
    wire.base(0, on(1, 0, host("192.0.2.1:1100")));
    wire.base(0, on(2, 10, relay("198.51.100.1:1100", RELAY_UDP)));
    wire.base(1, host("192.0.2.2:2000"));
    // Both die. The cheaper one is called unreliable a little before the other.
    wire.lost = Box::new(|packet| packet.sent >= at(10_000));
    wire.signal();
    wire.run_until(at(60_000));
    assert_eq!(selections(&wire, 0).len(), 1, "{:?}", selections(&wire, 0));
    assert_eq!(wire.sides[0].agent.state(), AgentState::Failed);
}

#[test]
fn the_pair_that_was_left_times_out_15_s_after_its_first_unanswered_ping() {
    let (mut wire, base, _) = two_networks(10_000);
    wire.run_until(at(60_000));
    let unanswered = checked(&wire, 0, base).into_iter().find(|sent| *sent >= 10_000.0).unwrap();
    let lost = times(&wire, 0, |kind| *kind == EventKind::ConsentLost(PairId(0)));
    assert_eq!(lost.len(), 1);
    assert!(lost[0] > unanswered + 15_000.0 && lost[0] <= unanswered + 15_250.0, "{unanswered} {lost:?}");
    let pair = &wire.sides[0].agent.pairs()[0];
    assert_eq!(pair.state, PairState::Failed);
    assert!(
        matches!(pair.cause, Some(Cause::NoAnswer { waited_ms, .. }) if (15_001..=15_250).contains(&waited_ms))
    );
    let last = checked(&wire, 0, base).pop().unwrap();
    assert!(last <= lost[0], "it is pinged no more: {last}");
}

#[test]
fn with_one_pair_the_call_is_disconnected_after_5_s_and_failed_after_15_s() {
    let mut wire = chromiums();
    let base = wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|packet| packet.sent >= at(10_000));
    wire.signal();
    wire.run_until(at(60_000));
    let unanswered = checked(&wire, 0, base).into_iter().find(|sent| *sent >= 10_000.0).unwrap();
    let became = |state| wire.became(0, state).unwrap().as_ms();
    let disconnected = became(AgentState::Disconnected);
    // The loop turns every 48 ms while the channel is weak.
    assert!(disconnected > unanswered + 5_000.0 && disconnected <= unanswered + 5_048.0, "{disconnected}");
    let failed = became(AgentState::Failed);
    assert!(failed > unanswered + 15_000.0 && failed <= unanswered + 15_048.0, "{unanswered} {failed}");
    assert_eq!(wire.sides[0].agent.selected(), None);
    // And the silence before, at 2500 ms.
    assert_eq!(times(&wire, 0, |kind| *kind == EventKind::Silent(PairId(0))).len(), 1);
}

#[test]
fn a_pair_that_comes_back_within_15_s_works_again() {
    let mut wire = chromiums();
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|packet| packet.sent >= at(10_000) && packet.sent < at(20_000));
    wire.signal();
    wire.run_until(at(40_000));
    assert_eq!(wire.sides[0].agent.state(), AgentState::Completed);
    let works = times(&wire, 0, |kind| *kind == EventKind::Works(PairId(0)));
    assert_eq!(works.len(), 2);
    assert!((20_000.0..20_100.0).contains(&works[1]), "{works:?}");
    assert_eq!(selections(&wire, 0).len(), 1, "it stayed selected");
}

#[test]
fn pruned_pairs_are_pinged_again_when_the_channel_becomes_weak_and_destroyed_after_10_s() {
    for (dies, revives) in [(5_000, true), (60_000, false)] {
        let mut wire = chromiums();
        wire.base(0, host("192.0.2.1:1100"));
        let relay = wire.base(0, relay("198.51.100.1:1100", RELAY_UDP));
        wire.base(1, host("192.0.2.2:2000"));
        wire.lost = Box::new(move |packet| {
            packet.sent >= at(dies)
                && [packet.from.ip(), packet.to.ip()].contains(&"192.0.2.1".parse().unwrap())
        });
        wire.signal();
        wire.run_until(at(dies - 1));
        let before = checked(&wire, 0, relay);
        assert_eq!(before.iter().filter(|sent| **sent > 100.0).count(), 0, "{before:?}");
        let expected = if revives { Successor::Untried(PairId(1)) } else { Successor::Restart(PairId(1)) };
        assert_eq!(wire.sides[0].agent.without(&[BaseId(0)]), expected);
        wire.run_until(at(dies + 9_000));
        let moved = selections(&wire, 0).iter().any(|(_, pair, _)| *pair == PairId(1));
        assert_eq!(moved, revives, "{:?}", selections(&wire, 0));
    }
}

#[test]
fn a_dead_pair_is_forgotten_after_30_s_and_made_anew_by_the_peers_check() {
    let mut wire = chromiums();
    wire.base(0, on(1, 0, host("192.0.2.1:1100")));
    wire.base(0, on(2, 0, relay("198.51.100.1:1100", RELAY_UDP)));
    let far = wire.base(1, host("192.0.2.2:2000"));
    // From 10 s to 50 s the near end hears nothing on its first pair, and from then on nothing passes on the second.
    wire.lost = Box::new(|packet| match packet.sent {
        sent if sent >= at(50_000) => touches(packet, "198.51.100.1"),
        sent if sent >= at(10_000) => packet.end == 1 && touches(packet, "192.0.2.1"),
        _ => false,
    });
    wire.signal();
    let lost = |wire: &Wire| wire.sides[0].agent.without(&[BaseId(1)]);
    wire.run_until(at(39_900));
    assert!(matches!(lost(&wire), Successor::Switch { pair: PairId(0), .. }), "not yet: {:?}", lost(&wire));
    while wire.now < at(60_000) {
        // What the far end hears on that pair keeps its half alive; it checks it when it needs another.
        wire.inject(1, far, "192.0.2.1:1100", b"\x80 data");
        wire.run_for(std::time::Duration::from_secs(1));
        if wire.now > at(45_000) && wire.now < at(50_000) {
            assert_eq!(lost(&wire), Successor::Restart(PairId(0)), "{}", wire.now);
        }
    }
    let works = times(&wire, 0, |kind| *kind == EventKind::Works(PairId(0)));
    assert!(works.len() == 2 && works[1] > 50_000.0, "{works:?}");
    assert_eq!(wire.sides[0].agent.selected(), Some(PairId(0)));
    let lost = times(&wire, 1, |kind| matches!(kind, EventKind::ConsentLost(PairId(0))));
    assert_eq!(lost.len(), 1, "data on a pair that is silent otherwise brings no second loss");
}

#[test]
fn a_base_that_is_gone_takes_its_pair_with_it_at_once() {
    let (mut wire, first, _) = two_networks(1_000_000);
    wire.run_until(at(5_000));
    wire.sides[0].agent.on_base_gone(first, &Cause::LocalFailure { detail: "gone".to_owned() }, at(5_000));
    wire.settle();
    let moves = selections(&wire, 0);
    assert_eq!(moves[1], (5_000.0, PairId(1), Criterion::Lost));
    assert_eq!(wire.sides[0].agent.pairs()[0].state, PairState::Failed);
}

#[test]
fn an_allocation_that_ended_moves_the_call_at_once_too() {
    let mut wire = chromiums();
    let relay = wire.base(0, on(1, 0, relay("198.51.100.1:1100", RELAY_UDP)));
    wire.base(0, on(2, 0, Candidate { priority: RELAY_TLS, ..host("192.0.2.1:1100") }));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.run_until(at(5_000));
    assert_eq!(wire.selected(0).unwrap().0, "198.51.100.1:1100");
    let cause = Cause::StunError { stun_code: 437, reason: String::new(), unknown_attributes: Vec::new() };
    wire.sides[0].agent.on_base_gone(relay, &cause, at(5_000));
    wire.settle();
    let moves = selections(&wire, 0);
    assert_eq!((moves[1].0, moves[1].1), (5_000.0, PairId(1)), "{moves:?}");
}
