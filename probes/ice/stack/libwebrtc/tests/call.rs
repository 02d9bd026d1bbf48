//! What is pruned, when gathering stops, what errors do, and how the call stands.

use super::*;
use crate::evidence::Cause;
use crate::ice::agent::tests::wire::*;
use crate::ice::agent::{AgentState, Criterion, IceRole, PairId, PairState, Successor};
use crate::ice::{CandidateType, TcpType};
use crate::stun::raw::Writer;
use crate::stun::{Class, Key, codec};
use std::time::Duration;
use stun_rs::attributes::stun::ErrorCode;

fn states(wire: &Wire, end: usize) -> Vec<PairState> {
    wire.sides[end].agent.pairs().iter().map(|pair| pair.state).collect()
}

/// One near end with three bases on these networks.
fn three_bases(networks: [u16; 3]) -> Wire {
    let mut wire = chromiums();
    let cost = |network| if network == 0 { 999 } else { 0 };
    wire.base(0, on(networks[0], cost(networks[0]), host("192.0.2.1:1100")));
    wire.base(0, on(networks[1], cost(networks[1]), relay("198.51.100.1:1100", RELAY_UDP)));
    wire.base(0, on(networks[2], cost(networks[2]), relay("198.51.100.1:1001", RELAY_TCP)));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.run_until(at(5_000));
    wire
}

#[test]
fn a_strong_pair_prunes_what_is_no_better_on_its_network_and_leaves_other_networks_one_each() {
    let wire = three_bases([1, 1, 1]);
    assert_eq!(states(&wire, 0), [PairState::Succeeded, PairState::Pruned, PairState::Pruned]);
    assert_eq!(times(&wire, 0, |kind| matches!(kind, EventKind::Pruned(_))), [40.0, 40.0]);
    assert!(checked(&wire, 0, BaseId(1)).is_empty(), "what is pruned is pinged no more");
    let wire = three_bases([1, 2, 2]);
    assert_eq!(states(&wire, 0), [PairState::Succeeded, PairState::Succeeded, PairState::Pruned]);
    assert_eq!(wire.sides[0].agent.state(), AgentState::Completed);
}

#[test]
fn pairs_of_an_any_network_are_pruned_for_the_selected_one_wherever_that_is() {
    assert_eq!(states(&three_bases([0, 0, 0]), 0)[1..], [PairState::Pruned; 2]);
    // The selected one is on a network of its own, and costs less.
    assert_eq!(states(&three_bases([1, 0, 0]), 0)[1..], [PairState::Pruned; 2]);
}

#[test]
fn better_pairs_are_not_pruned_and_the_call_is_not_complete_until_they_have_failed() {
    let mut wire = chromiums();
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(0, Candidate { priority: HOST + 1_000, ..host("192.0.2.1:5000") });
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|packet| packet.from.port() == 5000 || packet.to.port() == 5000);
    wire.signal();
    wire.run_until(at(30_000));
    assert_eq!(wire.became(0, AgentState::Checking), Some(at(0)));
    assert_eq!(wire.became(0, AgentState::Connected), Some(at(88)));
    let complete = wire.became(0, AgentState::Completed).unwrap();
    assert!(complete > at(15_000) && complete <= at(15_250), "{complete}");
    assert_eq!(states(&wire, 0), [PairState::Succeeded, PairState::Failed]);
}

#[test]
fn the_first_strong_pair_stops_gathering_on_both_ends_unless_it_has_ended() {
    let mut wire = chromiums();
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    for end in [0, 1] {
        wire.signal_credentials(end);
        let known = wire.sides[1 - end].candidates[0].clone();
        wire.sides[end].agent.on_remote(known, at(0));
    }
    wire.settle();
    wire.run_until(at(39));
    assert_eq!(wire.sides[0].stopped_gathering, None);
    wire.run_until(at(5_000));
    assert_eq!(wire.sides[0].stopped_gathering, Some(at(40)));
    assert_eq!(wire.sides[1].stopped_gathering, Some(at(40)));
    assert_eq!(times(&wire, 0, |kind| *kind == EventKind::GatheringStopped).len(), 1);
    let wire = three_bases([1, 1, 1]);
    assert_eq!(wire.sides[0].stopped_gathering, None, "it had ended");
}

#[test]
fn a_direct_pair_turns_from_host_to_srflx_and_its_priority_with_it() {
    let mut wire = chromiums();
    wire.base_with_srflx(0, host("10.0.0.2:1100"), "203.0.113.2:1100");
    wire.base(1, Candidate { priority: 2_130_706_431, ..host("192.0.2.2:2000") });
    wire.signal();
    let agent = &wire.sides[0].agent;
    assert_eq!(agent.priority(PairId(0)), 9_115_038_255_648_079_870);
    wire.run_until(at(40));
    let agent = &wire.sides[0].agent;
    assert_eq!(agent.local(PairId(0)).unwrap().kind, CandidateType::Srflx);
    assert_eq!(agent.priority(PairId(0)), 7_241_540_810_661_953_534);
}

#[test]
fn without_a_stun_server_it_turns_to_prflx_with_the_priority_of_the_check() {
    let mut wire = chromiums();
    wire.base_behind(0, host("10.0.0.2:1100"), "203.0.113.2:61000".parse().unwrap());
    wire.base(1, Candidate { priority: 2_130_706_431, ..host("192.0.2.2:2000") });
    wire.signal();
    wire.run_until(at(40));
    let agent = &wire.sides[0].agent;
    let local = agent.local(PairId(0)).unwrap();
    assert_eq!((local.kind, local.priority, local.port), (CandidateType::Prflx, 1_853_824_767, 61000));
    assert_eq!(agent.priority(PairId(0)), 7_962_116_751_041_232_894);
}

/// Answers the first check of the near end with an error.
fn refused_with(code: u16, signed: bool) -> Wire {
    let mut wire = chromiums();
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|_| true);
    wire.signal();
    wire.run_until(at(10));
    let id = Message::parse(&wire.sent.iter().find(|p| p.end == 0).unwrap().bytes).unwrap().transaction();
    let error = ErrorCode::from(stun_rs::ErrorCode::new(code, "No").unwrap());
    let bytes = codec::encode(Class::Error, attr::BINDING, &id, [error.into()], 200).unwrap();
    let pwd = wire.sides[1].agent.credentials().pwd.expose().as_bytes().to_vec();
    let writer = Writer::continuing(bytes);
    let writer = if signed { writer.integrity_sha1(&Key::new(pwd)) } else { writer };
    wire.inject(0, BaseId(0), "192.0.2.2:2000", &writer.fingerprint().finish().unwrap());
    wire.run_until(at(100));
    wire
}

#[test]
fn errors_401_420_and_500_are_tried_again_and_others_end_the_pair() {
    for (code, signed) in [(401, false), (420, true), (500, true), (400, false)] {
        let wire = refused_with(code, signed);
        assert_eq!(checked(&wire, 0, BaseId(0)), [0.0, 48.0, 96.0], "{code}");
        assert_eq!(states(&wire, 0), [PairState::InProgress], "{code}");
    }
    for code in [403, 404, 600] {
        let wire = refused_with(code, true);
        assert_eq!(checked(&wire, 0, BaseId(0)), [0.0], "{code}");
        assert_eq!(states(&wire, 0), [PairState::Failed], "{code}");
        assert_eq!(wire.sides[0].agent.state(), AgentState::Failed);
        assert!(
            matches!(&wire.sides[0].agent.pairs()[0].cause, Some(Cause::StunError { stun_code, .. }) if *stun_code == code)
        );
    }
}

#[test]
fn a_role_conflict_answer_turns_the_role_and_the_pair_goes_on() {
    let wire = refused_with(487, true);
    assert_eq!(wire.sides[0].agent.role(), IceRole::Controlled);
    assert_eq!(checked(&wire, 0, BaseId(0)), [0.0, 48.0, 96.0]);
}

#[test]
fn a_permission_that_is_refused_fails_its_pair_alone() {
    let mut wire = chromiums();
    let base = wire.base(0, relay("198.51.100.1:1100", RELAY_UDP));
    wire.base(0, on(2, 0, relay("198.51.100.1:1001", RELAY_TCP)));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.run_until(at(10));
    let cause = Cause::StunError { stun_code: 403, reason: "Forbidden".into(), unknown_attributes: vec![] };
    let peer = "192.0.2.2:2000".parse().unwrap();
    wire.sides[0].agent.on_refused(base, peer, &cause, at(10));
    wire.run_until(at(20_000));
    assert_eq!(states(&wire, 0), [PairState::Failed, PairState::Succeeded]);
    assert_eq!(wire.sides[0].agent.pairs()[0].cause, Some(cause));
    assert_eq!(wire.sides[0].agent.selected(), Some(PairId(1)));
    assert_eq!(checked(&wire, 0, base), [0.0], "it is pinged no more");
}

#[test]
fn an_icmp_error_changes_nothing() {
    let mut wire = chromiums();
    let base = wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.sides[0].agent.on_refused(base, "192.0.2.2:2000".parse().unwrap(), &Cause::Refused, at(0));
    assert!(wire.connect());
    assert_eq!(wire.now, at(40));
}

/// Chromium and a native peer that listens on TCP.
fn over_tcp() -> Wire {
    let mut wire = Wire::new(["chromium", "mobile"]);
    wire.base(0, tcp("192.0.2.1:9", TcpType::Active));
    wire.base(1, tcp("192.0.2.2:2000", TcpType::Passive));
    wire.signal();
    wire
}

#[test]
fn a_tcp_pair_connects_at_once_is_pinged_when_it_is_open_and_becomes_prflx() {
    let mut wire = over_tcp();
    wire.sides[0].public[0] = "192.0.2.1:49152".parse().unwrap();
    assert!(wire.connect());
    assert_eq!(checked(&wire, 0, BaseId(0))[0], 40.0, "the handshake took one round trip");
    let local = wire.sides[0].agent.local(PairId(0)).unwrap();
    assert_eq!((local.kind, local.port, local.priority >> 24), (CandidateType::Prflx, 49152, 80));
}

#[test]
fn a_tcp_connection_that_breaks_has_5_s_to_come_back() {
    for comes_back in [true, false] {
        let mut wire = over_tcp();
        wire.sides[0].public[0] = "192.0.2.1:49152".parse().unwrap();
        assert!(wire.connect());
        wire.run_until(at(5_000));
        wire.connects = comes_back;
        let reset = Cause::Reset { received: 1_000 };
        let near = "192.0.2.1:49152".parse().unwrap();
        wire.sides[1].agent.on_refused(BaseId(0), near, &reset, at(5_000));
        if !comes_back {
            wire.lost = Box::new(|_| true);
        }
        wire.sides[0].agent.on_refused(BaseId(0), "192.0.2.2:2000".parse().unwrap(), &reset, at(5_000));
        wire.run_until(at(9_999));
        assert_eq!(wire.sides[0].agent.selected(), Some(PairId(0)), "it pretends");
        wire.run_until(at(10_000));
        assert_eq!(wire.sides[0].agent.selected().is_some(), comes_back);
        if !comes_back {
            assert_eq!(wire.sides[0].agent.state(), AgentState::Failed);
            assert_eq!(wire.sides[0].agent.pairs()[0].cause, Some(reset));
        }
    }
}

#[test]
fn a_tcp_connection_that_never_opens_ends_its_pair() {
    let mut wire = over_tcp();
    wire.connects = false;
    wire.run_until(at(1_000));
    assert_eq!(states(&wire, 0), [PairState::Failed]);
    let asked = times(&wire, 0, |kind| matches!(kind, EventKind::FirstCheck(_)));
    assert!(asked.is_empty());
}

#[test]
fn the_peers_checks_tell_what_its_network_costs() {
    let mut wire = chromiums();
    wire.base(0, host("192.0.2.1:1100"));
    // The peer's checks come before any of ours is answered.
    wire.lost = Box::new(|packet| packet.end == 0 && packet.is_check() && packet.sent < at(150));
    // Not signalled, as Chromium's candidates say neither id nor cost.
    for (address, cost) in [("192.0.2.2:2000", 10), ("192.0.2.3:2000", 0)] {
        wire.base(1, on(1 + cost, cost, host(address)));
    }
    wire.signal_credentials(0);
    wire.signal_credentials(1);
    for candidate in wire.sides[1].candidates.clone() {
        let untold = Candidate { network_cost: None, network_id: None, ..candidate };
        wire.sides[0].agent.on_remote(untold, at(0));
    }
    wire.settle();
    wire.signal_candidates(1);
    wire.run_until(at(3_000));
    // Equal in everything but the cost, which only the checks told.
    assert_eq!(wire.selected(0).unwrap().1, "192.0.2.3:2000");
    let preference = wire.sides[0].agent.preference();
    assert_eq!(preference[0].pair, wire.sides[0].agent.selected().unwrap());
}

#[test]
fn a_peer_reflexive_candidate_has_the_cost_of_its_check() {
    let mut wire = chromiums();
    wire.base(0, host("192.0.2.1:1100"));
    wire.base_behind(1, on(3, 50, host("10.0.0.3:2000")), "203.0.113.3:2000".parse().unwrap());
    wire.signal_credentials(0);
    wire.signal_credentials(1);
    wire.signal_candidates(1);
    assert!(wire.connect());
    let agent = &wire.sides[0].agent;
    let remote = agent.remote(agent.selected().unwrap()).unwrap();
    assert_eq!(
        (remote.kind, remote.network_id, remote.network_cost),
        (CandidateType::Prflx, Some(3), Some(50))
    );
}

#[test]
fn the_controlled_end_follows_the_data_among_what_was_nominated() {
    let mut wire = chromiums();
    // Two checks leave before one is answered, and both nominate.
    wire.delay = Duration::from_millis(50);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, on(1, 0, host("192.0.2.2:2000")));
    let other = wire.base(1, on(2, 0, relay("198.51.100.1:2000", RELAY_UDP)));
    wire.signal();
    wire.run_until(at(5_000));
    let before = wire.sides[1].agent.selected().unwrap();
    assert_eq!(wire.sides[1].agent.pairs().iter().filter(|pair| pair.nominated).count(), 2);
    wire.inject(1, other, "192.0.2.1:1100", b"\x80 data");
    assert_ne!(wire.sides[1].agent.selected(), Some(before));
    let because = wire.sides[1].events.iter().rev().find_map(|event| match event.kind {
        EventKind::Selected { because, .. } => Some(because),
        _ => None,
    });
    assert_eq!(because, Some(Criterion::LastData));
}

/// A textbook agent controls and nominates one pair, late and by priority alone; the far end's pair of the higher priority
/// is the dearer one.
fn nominated_against_the_cost() -> Wire {
    let mut wire = Wire::new(["rfc8445", "chromium"]);
    wire.base(0, Candidate { network_cost: None, ..host("192.0.2.1:1100") });
    wire.base(1, on(1, 999, host("192.0.2.2:2000")));
    wire.base(1, on(2, 0, Candidate { priority: HOST - 1_000, ..host("192.0.2.3:2000") }));
    wire.base(1, on(2, 0, relay("198.51.100.1:2000", RELAY_UDP)));
    // The nomination comes when every pair has been answered.
    wire.delays = Some(Box::new(|packet| {
        let nominates = Message::parse(&packet.bytes).unwrap().value(attr::USE_CANDIDATE).is_some();
        Duration::from_millis(if nominates { 500 } else { 20 })
    }));
    wire.signal();
    wire.run_until(at(5_000));
    wire
}

#[test]
fn the_controlled_end_moves_to_what_is_nominated_at_once_whatever_it_costs() {
    let wire = nominated_against_the_cost();
    assert_eq!(wire.selected(0).unwrap().1, "192.0.2.2:2000");
    assert_eq!(wire.selected(1).unwrap().0, "192.0.2.2:2000");
    let nominated = times(&wire, 1, |kind| matches!(kind, EventKind::Nominated(..)));
    let moved = |kind: &EventKind| {
        matches!(kind, EventKind::Selected { before: Some(_), because: Criterion::Nominated, .. })
    };
    assert_eq!(times(&wire, 1, moved), nominated);
}

#[test]
fn the_controlled_end_prunes_nothing_before_its_pair_is_nominated() {
    let wire = nominated_against_the_cost();
    let selected = times(&wire, 1, |kind| matches!(kind, EventKind::Selected { .. }));
    let nominated = times(&wire, 1, |kind| matches!(kind, EventKind::Nominated(..)));
    let pruned = times(&wire, 1, |kind| matches!(kind, EventKind::Pruned(_)));
    assert!(selected[0] < nominated[0], "{selected:?} {nominated:?}");
    assert!(!pruned.is_empty() && pruned[0] >= nominated[0], "{pruned:?} {nominated:?}");
}

#[test]
fn equal_tie_breakers_make_the_controlling_end_yield() {
    let same = |seed| setup("chromium", IceRole::Controlling, seed);
    let mut wire = Wire::of([same(5), same(5)]);
    assert_ne!(wire.sides[0].agent.role(), IceRole::Controlled);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal_credentials(0);
    wire.signal_credentials(1);
    // Only the far end checks.
    wire.signal_candidates(1);
    wire.lost = Box::new(|packet| packet.end == 0 && packet.is_check());
    wire.run_until(at(20));
    assert_eq!(wire.sides[0].agent.role(), IceRole::Controlled);
    assert_eq!(times(&wire, 0, |kind| *kind == EventKind::RoleChanged(IceRole::Controlled)), [20.0]);
}

#[test]
fn credentials_have_4_and_24_characters() {
    let wire = chromiums();
    let credentials = wire.sides[0].agent.credentials();
    assert_eq!((credentials.ufrag.len(), credentials.pwd.expose().len()), (4, 24));
}

#[test]
fn a_restart_keeps_the_old_pair_alive_until_one_of_the_new_session_works() {
    let mut wire = chromiums();
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.run_until(at(5_000));
    for end in [0, 1] {
        let now = wire.now;
        wire.sides[end].agent.restart(now);
    }
    wire.settle();
    wire.run_until(at(30_000));
    assert_eq!(wire.sides[0].agent.selected(), Some(PairId(0)));
    assert_eq!(wire.sides[0].agent.state(), AgentState::Completed, "checks with the old passwords go on");
    wire.signal();
    wire.run_for(Duration::from_secs(1));
    assert_eq!(wire.sides[0].agent.selected(), Some(PairId(1)));
    let moved = wire.sides[0].events.iter().any(|event| {
        matches!(event.kind, EventKind::Selected { because: Criterion::Session, before: Some(PairId(0)), .. })
    });
    assert!(moved);
}

#[test]
fn what_comes_after_the_selected_path_is_told_with_its_reason() {
    let wire = three_bases([1, 1, 1]);
    let agent = &wire.sides[0].agent;
    let order: Vec<_> = agent.preference().iter().map(|chosen| (chosen.pair, chosen.below)).collect();
    let by_priority = Some(Criterion::Priority);
    assert_eq!(order, [(PairId(0), None), (PairId(1), by_priority), (PairId(2), by_priority)]);
    // Nothing was checked: which is next is known, and that nobody tried it.
    assert_eq!(agent.without(&[BaseId(0)]), Successor::Untried(PairId(1)));
    assert_eq!(agent.without(&[BaseId(0), BaseId(1)]), Successor::Untried(PairId(2)));
    assert_eq!(agent.without(&[BaseId(0), BaseId(1), BaseId(2)]), Successor::Nothing);
}
