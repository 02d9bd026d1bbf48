//! Who is nominated, who is selected, and what becomes of the rest.

use super::wire::*;
use crate::ice::agent::conduct::Criterion;
use crate::ice::agent::{AgentState, EventKind, IceRole, PairState, Peer, Successor};
use crate::ice::{Candidate, CandidateType};
use crate::machine::{IdSource, Offset};
use std::time::Duration;

/// Both ends know each other; the second says of itself what is given.
fn with_peer(wire: &mut Wire, lite: bool, ice2: bool) {
    for end in [0, 1] {
        let credentials = wire.sides[1 - end].agent.credentials().clone();
        let (lite, ice2) = if end == 0 { (lite, ice2) } else { (false, true) };
        wire.sides[end].agent.on_peer(Peer { credentials, lite, ice2 }, wire.now);
        wire.settle();
    }
}

fn nominations(wire: &Wire, end: usize) -> Vec<f64> {
    let nominated =
        wire.sides[end].events.iter().filter(|event| matches!(event.kind, EventKind::Nominated(..)));
    nominated.map(|event| event.at.as_ms()).collect()
}

fn selections(wire: &Wire, end: usize) -> Vec<(f64, Criterion)> {
    let selected = wire.sides[end].events.iter().filter_map(|event| match event.kind {
        EventKind::Selected { because, .. } => Some((event.at.as_ms(), because)),
        _ => None,
    });
    selected.collect()
}

#[test]
fn regular_nomination_takes_a_second_check_of_a_pair_that_works() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    assert!(wire.connect());
    let checks = &wire.sides[0].agent.pairs()[0].checks;
    let nominating: Vec<(f64, bool)> =
        checks.iter().map(|check| (check.began.as_ms(), check.use_candidate)).collect();
    assert_eq!(nominating[0], (0.0, false));
    assert!(nominating.last().unwrap().1, "{nominating:?}");
    assert_eq!(nominating.iter().filter(|check| check.1).count(), 1);
    assert_eq!(nominations(&wire, 0).len(), 1);
    assert_eq!(selections(&wire, 0)[0].1, Criterion::Nominated);
}

#[test]
fn a_relayed_pair_waits_two_seconds_for_a_better_one_that_may_still_come() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, relay("203.0.113.1:5000", RELAY_UDP));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal_credentials(0);
    wire.signal_credentials(1);
    // Nobody says that these are all.
    wire.sides[0].agent.on_remote(host("192.0.2.2:2000"), wire.now);
    wire.sides[1].agent.on_remote(relay("203.0.113.1:5000", RELAY_UDP), wire.now);
    wire.settle();
    assert!(wire.connect());
    let nominating = wire.sides[0].agent.pairs()[0].checks.iter().find(|check| check.use_candidate).unwrap();
    assert_eq!(nominating.began, Offset::from_ms(2_000));
}

#[test]
fn a_relayed_pair_is_nominated_at_once_when_nothing_better_can_come() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, relay("203.0.113.1:5000", RELAY_UDP));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    assert!(wire.connect());
    assert!(wire.now < Offset::from_ms(300), "{}", wire.now);
}

#[test]
fn a_better_pair_that_answers_within_the_patience_wins() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(0, relay("203.0.113.1:5000", RELAY_UDP));
    wire.base(1, host("192.0.2.2:2000"));
    // The host's first checks are lost, both ways.
    wire.lost = Box::new(|packet| {
        let relayed = packet.from.port() == 5000 || packet.to.port() == 5000;
        !relayed && packet.sent < Offset::from_ms(450)
    });
    wire.signal();
    assert!(wire.connect());
    assert_eq!(wire.selected(0).unwrap().0, "192.0.2.1:1100");
    assert_eq!(nominations(&wire, 0).len(), 1, "the relay was never nominated");
}

#[test]
fn the_next_best_is_nominated_when_the_nominating_check_goes_unanswered() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(0, relay("203.0.113.1:5000", RELAY_UDP));
    wire.base(1, host("192.0.2.2:2000"));
    // The direct path dies as soon as it has answered.
    wire.lost = Box::new(|packet| {
        let relayed = packet.from.port() == 5000 || packet.to.port() == 5000;
        !relayed && packet.sent > Offset::from_ms(20)
    });
    wire.signal();
    assert!(wire.connect());
    assert_eq!(wire.selected(0).unwrap().0, "203.0.113.1:5000");
    assert_eq!(wire.sides[0].agent.pairs()[0].state, PairState::Failed);
}

#[test]
fn once_a_pair_is_selected_the_others_are_given_up() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    for n in 0..20_u16 {
        let silent = Candidate {
            foundation: n.to_string(),
            ..candidate(CandidateType::Relay, &format!("198.51.100.1:{}", 1100 + n), RELAY_UDP)
        };
        wire.sides[0].agent.on_remote(silent, wire.now);
    }
    wire.signal();
    assert!(wire.connect());
    wire.run_for(Duration::from_secs(3));
    let sent = wire.checks(0).iter().filter(|check| check.1.starts_with("198.51")).count();
    assert!(sent < 20, "{sent}");
    let states: Vec<PairState> = wire.sides[0].agent.pairs().iter().map(|pair| pair.state).collect();
    assert_eq!(states.iter().filter(|state| **state == PairState::Pruned).count(), 20, "{states:?}");
    assert_eq!(wire.sides[0].agent.state(), AgentState::Completed);
}

#[test]
fn an_ice_lite_peer_makes_us_control_and_gets_one_nomination() {
    let mut wire =
        Wire::of([setup("rfc8445", IceRole::Controlled, 1), setup("rfc8445", IceRole::Controlled, 2)]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    // The lite end only answers.
    wire.lost = Box::new(|packet| packet.end == 1 && packet.is_check());
    with_peer(&mut wire, true, true);
    assert_eq!(wire.sides[0].agent.role(), IceRole::Controlling);
    wire.signal_candidates(0);
    let selected = |wire: &Wire| wire.sides[0].agent.selected().is_some();
    assert!(wire.run_till(Offset::from_ms(1_000), selected));
    assert_eq!(wire.sides[0].agent.pairs()[0].checks.iter().filter(|check| check.use_candidate).count(), 1);
}

#[test]
fn a_peer_that_nominates_everything_gets_the_best_of_what_it_nominated() {
    for ice2 in [false, true] {
        // Firefox controls: every check of it nominates. The relayed pair answers first.
        let mut wire = Wire::new(["rfc8445", "firefox"]);
        wire.sides.reverse();
        let mut wire =
            Wire::of([setup("rfc8445", IceRole::Controlled, 1), setup("firefox", IceRole::Controlling, 2)]);
        wire.base(0, host("192.0.2.1:1100"));
        wire.base(1, host("192.0.2.2:2000"));
        wire.base(1, relay("203.0.113.1:5000", RELAY_UDP));
        wire.lost = Box::new(|packet| {
            let relayed = packet.from.port() == 5000 || packet.to.port() == 5000;
            !relayed && packet.sent < Offset::from_ms(250)
        });
        with_peer(&mut wire, false, ice2);
        wire.signal_candidates(0);
        wire.signal_candidates(1);
        wire.run_until(Offset::from_ms(5_000));
        let because: Vec<Criterion> = selections(&wire, 0).iter().map(|selection| selection.1).collect();
        assert_eq!(because, [Criterion::Nominated, Criterion::Priority], "ice2 {ice2}");
        assert_eq!(wire.selected(0).unwrap().1, "192.0.2.2:2000", "ice2 {ice2}");
        assert_eq!(wire.selected(1).unwrap().1, "192.0.2.1:1100", "ice2 {ice2}");
    }
}

#[test]
fn a_survey_checks_every_pair_to_its_end_and_nominates_none() {
    let survey = |role, seed| {
        let mut setup = setup("rfc8445", role, seed);
        setup.survey = true;
        setup
    };
    let mut wire = Wire::of([survey(IceRole::Controlling, 1), survey(IceRole::Controlled, 2)]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(0, relay("203.0.113.1:5000", RELAY_UDP));
    wire.base(1, host("192.0.2.2:2000"));
    wire.base(1, relay("203.0.113.2:5000", RELAY_TCP));
    wire.sides[0].agent.on_remote(host("198.51.100.9:9"), wire.now);
    wire.signal();
    wire.run_until(Offset::from_ms(60_000));
    assert_eq!(wire.next(), None);
    for end in [0, 1] {
        let agent = &wire.sides[end].agent;
        let worked = agent.pairs().iter().filter(|pair| pair.state == PairState::Succeeded).count();
        assert_eq!(worked, 4);
        assert!(agent.pairs().iter().all(|pair| !pair.nominated && pair.outstanding().count() == 0));
        assert_eq!((agent.selected(), agent.state()), (None, AgentState::Completed));
    }
    let failed = wire.sides[0].agent.pairs().iter().filter(|pair| pair.state == PairState::Failed).count();
    assert_eq!(failed, 2);
}

#[test]
fn the_order_of_preference_is_total_and_says_why() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(0, relay("203.0.113.1:5000", RELAY_UDP));
    wire.base(0, relay("203.0.113.1:5001", RELAY_TCP));
    wire.base(1, host("192.0.2.2:2000"));
    wire.sides[0].agent.on_remote(host("198.51.100.9:9"), wire.now);
    wire.signal();
    assert!(wire.connect());
    wire.run_for(Duration::from_secs(60));
    let agent = &wire.sides[0].agent;
    let order = agent.preference();
    assert_eq!(order.len(), agent.pairs().len());
    assert_eq!(Some(order[0].pair), agent.selected());
    assert_eq!(order[0].below, None);
    assert!(order[1..].iter().all(|chosen| chosen.below.is_some()));
    let rank = |state| match state {
        PairState::Succeeded => 0,
        PairState::Failed => 2,
        _ => 1,
    };
    let ranks: Vec<u8> = order.iter().map(|chosen| rank(agent.pairs()[chosen.pair.0].state)).collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
}

#[test]
fn when_the_path_dies_a_restart_would_find_the_best_that_is_left() {
    for client in ["rfc8445", "firefox", "gateway"] {
        let mut wire = Wire::new([client, client]);
        let direct = wire.base(0, host("192.0.2.1:1100"));
        let udp = wire.base(0, relay("203.0.113.1:5000", RELAY_UDP));
        let tcp = wire.base(0, relay("203.0.113.1:5001", RELAY_TCP));
        wire.base(1, host("192.0.2.2:2000"));
        wire.signal();
        assert!(wire.connect(), "{client}");
        let agent = &wire.sides[0].agent;
        let best = wire.pair(0, udp, "192.0.2.2:2000").unwrap();
        assert_eq!(agent.without(&[direct]), Successor::Restart(best), "{client}");
        let last = wire.pair(0, tcp, "192.0.2.2:2000").unwrap();
        assert_eq!(agent.without(&[direct, udp]), Successor::Restart(last), "{client}");
        assert_eq!(agent.without(&[direct, udp, tcp]), Successor::Nothing, "{client}");
    }
}

/// Two ends with three bases each, of which only some pairs carry anything, and a tenth of all packets lost.
fn lossy(clients: [&str; 2], seed: u64) -> Wire {
    let mut wire = Wire::of([
        setup(clients[0], IceRole::Controlling, seed),
        setup(clients[1], IceRole::Controlled, seed + 1_000_000),
    ]);
    for end in [0, 1] {
        wire.base(end, host(&format!("192.0.2.{}:1100", 1 + end)));
        wire.base(end, relay(&format!("203.0.113.{}:5000", 1 + end), RELAY_UDP));
        wire.base(end, relay(&format!("203.0.113.{}:5001", 1 + end), RELAY_TLS));
    }
    let mut ids = IdSource::new(seed);
    let direct = seed.is_multiple_of(3);
    wire.lost = Box::new(move |packet| {
        let relayed = packet.from.port() >= 5000 || packet.to.port() >= 5000;
        ids.next_u64().is_multiple_of(10) || (!relayed && !direct)
    });
    wire.signal();
    wire
}

#[test]
fn with_a_tenth_of_all_packets_lost_every_call_comes_up_and_both_ends_agree() {
    for clients in [
        ["rfc8445", "rfc8445"],
        ["gateway", "rfc8445"],
        ["rfc8445", "gateway"],
        ["rfc8445", "firefox"],
        ["firefox", "rfc8445"],
    ] {
        for seed in 0..60 {
            let mut wire = lossy(clients, seed);
            assert!(wire.connect(), "{clients:?} {seed}");
            wire.run_for(Duration::from_secs(45));
            let [near, far] = [wire.selected(0), wire.selected(1)];
            let swapped = far.map(|(local, remote)| (remote, local));
            // Firefox in control gives up the triggered check of a better pair whose nomination has reached the peer
            // already, when a lesser one is nominated (nr_ice_component_nominated_pair): both paths work, and the
            // ends may stay on different ones.
            assert!(near == swapped || clients[0] == "firefox", "{clients:?} {seed}: {near:?} {swapped:?}");
        }
    }
}
