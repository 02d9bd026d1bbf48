//! What keeps a call up and what ends it: consent, keepalives, trickling, restarts.

use super::wire::*;
use crate::evidence::Cause;
use crate::ice::Candidate;
use crate::ice::agent::{AgentState, EventKind, PairState, Peer};
use crate::machine::Offset;
use crate::stun::{Class, Message};
use std::time::Duration;

fn connected(clients: [&str; 2]) -> Wire {
    let mut wire = Wire::new(clients);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    assert!(wire.connect(), "{clients:?}");
    wire
}

fn lost_at(wire: &Wire, end: usize) -> Option<Offset> {
    let lost = wire.sides[end].events.iter().find(|event| matches!(event.kind, EventKind::ConsentLost(_)));
    lost.map(|event| event.at)
}

#[test]
fn consent_is_asked_for_every_four_to_six_seconds() {
    for client in ["rfc8445", "firefox"] {
        let mut wire = connected([client, client]);
        let from = wire.now;
        wire.run_for(Duration::from_secs(600));
        let times: Vec<f64> =
            wire.checks(0).into_iter().map(|check| check.0).filter(|at| *at > from.as_ms()).collect();
        let gaps: Vec<f64> = times.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(gaps.iter().all(|gap| (4_000.0..=6_000.0).contains(gap)), "{client} {gaps:?}");
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((4_700.0..5_300.0).contains(&mean), "{client} {mean}");
        assert!(gaps.windows(2).any(|two| two[0] != two[1]), "{client}: they are spread");
        assert!(wire.sides[0].agent.selected().is_some());
    }
}

#[test]
fn silence_disconnects_first_and_ends_the_call_thirty_seconds_after_the_last_answer() {
    for client in ["rfc8445", "firefox"] {
        let mut wire = connected([client, client]);
        wire.run_for(Duration::from_secs(60));
        let last = wire.sides[0].agent.pairs()[0].last_answer.unwrap();
        let cut = wire.now;
        wire.lost = Box::new(move |packet| packet.sent >= cut);
        wire.run_for(Duration::from_secs(120));
        // What was on its way at the cut may still have come.
        let answered = wire.sides[0].agent.pairs()[0].last_answer.unwrap();
        assert!(answered.since(last) < Duration::from_secs(7));
        assert_eq!(lost_at(&wire, 0), Some(answered + Duration::from_secs(30)), "{client}");
        let silent = wire.became(0, AgentState::Disconnected).unwrap();
        assert!(silent < answered + Duration::from_secs(13), "{client} {silent}");
        assert_eq!(wire.sides[0].agent.state(), AgentState::Failed);
        assert_eq!((wire.sides[0].agent.selected(), wire.sides[0].agent.route()), (None, None));
        let cause = wire.sides[0].agent.pairs()[0].cause.clone();
        assert!(matches!(cause, Some(Cause::NoAnswer { waited_ms: 30_000, .. })), "{cause:?}");
        let sent = wire.checks(0).len();
        wire.run_for(Duration::from_secs(60));
        assert_eq!(wire.checks(0).len(), sent, "nothing is sent without consent");
    }
}

#[test]
fn data_that_comes_in_is_no_consent() {
    let mut wire = connected(["rfc8445", "rfc8445"]);
    let cut = wire.now;
    // Only data passes, and only towards us.
    wire.lost =
        Box::new(move |packet| packet.sent > cut && packet.bytes.first().is_some_and(|byte| *byte < 4));
    for _ in 0..400 {
        wire.run_for(Duration::from_millis(100));
        if wire.sides[1].agent.selected().is_some() {
            wire.send(1, b"\x80 media");
        }
    }
    assert!(lost_at(&wire, 0).is_some());
}

#[test]
fn a_path_that_comes_back_in_time_is_connected_again() {
    for client in ["rfc8445", "firefox"] {
        let mut wire = connected([client, client]);
        let cut = wire.now;
        wire.lost = Box::new(move |packet| packet.sent >= cut && packet.sent < cut + Duration::from_secs(20));
        wire.run_for(Duration::from_secs(60));
        assert!(wire.became(0, AgentState::Disconnected).is_some(), "{client}");
        assert!(
            matches!(wire.sides[0].agent.state(), AgentState::Connected | AgentState::Completed),
            "{client}"
        );
        let kinds: Vec<&EventKind> = wire.sides[0].events.iter().map(|event| &event.kind).collect();
        let silent = kinds.iter().position(|kind| matches!(kind, EventKind::Silent(_))).unwrap();
        assert!(kinds[silent..].iter().any(|kind| matches!(kind, EventKind::Works(_))), "{client}");
        assert_eq!(lost_at(&wire, 0), None, "{client}");
    }
}

#[test]
fn the_gateway_asks_for_no_consent_and_keeps_the_path_alive_every_25_seconds() {
    let mut wire = connected(["gateway", "gateway"]);
    let from = wire.now;
    wire.run_for(Duration::from_secs(101));
    let indication =
        |bytes: &[u8]| Message::parse(bytes).is_ok_and(|message| message.class() == Class::Indication);
    let mut alive = Vec::new();
    for packet in wire.sent.iter().filter(|packet| packet.end == 0 && indication(&packet.bytes)) {
        alive.push(packet.sent);
    }
    let gaps: Vec<Duration> = alive.windows(2).map(|two| two[1].since(two[0])).collect();
    assert_eq!(gaps, [Duration::from_secs(25); 4]);
    assert!(alive[0] <= from);
    let cut = wire.now;
    wire.lost = Box::new(move |packet| packet.sent >= cut);
    wire.run_for(Duration::from_secs(600));
    assert!(wire.sides[0].agent.selected().is_some(), "it never notices");
}

#[test]
fn a_base_that_is_gone_ends_the_call_at_once_with_its_cause() {
    for client in ["rfc8445", "firefox", "gateway"] {
        let mut wire = connected([client, client]);
        wire.sides[0].agent.on_base_gone(crate::ice::agent::BaseId(0), &Cause::Refused, wire.now);
        wire.settle();
        assert_eq!(wire.sides[0].agent.state(), AgentState::Failed, "{client}");
        assert_eq!(wire.sides[0].agent.pairs()[0].cause, Some(Cause::Refused), "{client}");
        let sent = wire.sent.len();
        wire.run_for(Duration::from_secs(60));
        let ours = wire.sent[sent..].iter().filter(|packet| packet.end == 0 && packet.is_check());
        assert_eq!(ours.count(), 0, "{client}: nothing is asked any more");
    }
}

#[test]
fn one_icmp_error_does_not_end_a_call_that_has_consent() {
    let mut wire = connected(["rfc8445", "rfc8445"]);
    let to = "192.0.2.2:2000".parse().unwrap();
    wire.sides[0].agent.on_refused(crate::ice::agent::BaseId(0), to, &Cause::Refused, wire.now);
    wire.settle();
    assert_eq!(wire.sides[0].agent.state(), AgentState::Disconnected);
    wire.run_for(Duration::from_secs(10));
    assert!(matches!(wire.sides[0].agent.state(), AgentState::Connected | AgentState::Completed));
}

#[test]
fn a_relay_that_may_not_reach_the_peer_keeps_its_403() {
    for client in ["rfc8445", "firefox", "gateway"] {
        let mut wire = Wire::new([client, client]);
        let relayed = wire.base(0, relay("203.0.113.1:5000", RELAY_UDP));
        wire.signal_credentials(0);
        wire.sides[0].agent.on_remote(host("192.0.2.2:2000"), wire.now);
        wire.settle();
        wire.run_for(Duration::from_millis(60));
        assert_eq!(wire.sides[0].permitted.len(), 1, "{client}");
        let refused =
            Cause::StunError { stun_code: 403, reason: "Forbidden".into(), unknown_attributes: Vec::new() };
        let to = "192.0.2.2:0".parse().unwrap();
        wire.sides[0].agent.on_refused(relayed, to, &refused, wire.now);
        wire.sides[0].agent.on_local_end(wire.now);
        wire.sides[0].agent.on_remote_end(wire.now);
        wire.settle();
        wire.run_for(Duration::from_secs(60));
        let pair = &wire.sides[0].agent.pairs()[0];
        assert_eq!((pair.state, pair.cause.as_ref()), (PairState::Failed, Some(&refused)), "{client}");
        assert_eq!(wire.sides[0].agent.state(), AgentState::Failed, "{client}");
    }
}

#[test]
fn candidates_that_trickle_in_late_are_checked_when_they_come() {
    for client in ["rfc8445", "firefox", "gateway"] {
        let mut wire = Wire::new([client, client]);
        wire.base(0, host("192.0.2.1:1100"));
        wire.base(1, host("192.0.2.2:2000"));
        wire.signal_credentials(0);
        wire.signal_credentials(1);
        let silent = Candidate { foundation: "silent".into(), ..host("198.51.100.1:9") };
        wire.sides[0].agent.on_remote(silent, wire.now);
        wire.settle();
        wire.run_until(Offset::from_ms(4_000));
        assert_ne!(wire.sides[0].agent.state(), AgentState::Failed, "{client}");
        wire.signal_candidates(0);
        wire.signal_candidates(1);
        let late = wire.now;
        assert!(wire.connect(), "{client}");
        assert!(wire.now < late + Duration::from_secs(1), "{client}: {}", wire.now);
    }
}

#[test]
fn nothing_has_failed_before_both_ends_said_that_there_is_no_more() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.signal_credentials(0);
    wire.sides[0].agent.on_remote(host("198.51.100.1:9"), wire.now);
    wire.settle();
    wire.run_until(Offset::from_ms(100_000));
    assert_eq!(wire.sides[0].agent.state(), AgentState::Checking);
    wire.sides[0].agent.on_remote_end(wire.now);
    assert_eq!(wire.sides[0].agent.state(), AgentState::Checking);
    wire.sides[0].agent.on_local_end(wire.now);
    assert_eq!(wire.sides[0].agent.state(), AgentState::Failed);
}

#[test]
fn firefox_gives_a_peer_without_candidates_five_seconds() {
    let mut wire = Wire::new(["firefox", "firefox"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.run_until(Offset::from_ms(1_000));
    wire.signal_credentials(0);
    wire.run_until(Offset::from_ms(60_000));
    assert_eq!(wire.became(0, AgentState::Failed), Some(Offset::from_ms(6_000)));
}

#[test]
fn a_restart_keeps_the_old_path_until_the_new_one_is_selected() {
    for client in ["rfc8445", "firefox", "gateway"] {
        let mut wire = connected([client, client]);
        wire.run_for(Duration::from_secs(10));
        let before = wire.sides[0].agent.selected();
        let old = wire.sides[0].agent.credentials().clone();
        let at = wire.now;
        wire.sides[0].agent.restart(at);
        assert_ne!(wire.sides[0].agent.credentials(), &old);
        wire.settle();
        assert_eq!(wire.sides[0].agent.selected(), before);
        assert!(wire.send(0, b"\x80 data"));
        // The peer takes its time; the old path's consent goes on under the old credentials.
        wire.run_for(Duration::from_secs(40));
        assert_eq!(wire.sides[0].agent.selected(), before, "{client}");
        assert_eq!(wire.sides[0].data.len() + wire.sides[1].data.len(), 1);
        // Our new credentials make the peer restart too.
        let credentials = wire.sides[0].agent.credentials().clone();
        wire.sides[1].agent.on_peer(Peer { credentials, lite: false, ice2: true }, wire.now);
        wire.signal_credentials(0);
        wire.signal_candidates(0);
        wire.signal_candidates(1);
        wire.run_for(Duration::from_secs(2));
        for end in [0, 1] {
            let agent = &wire.sides[end].agent;
            let selected = agent.selected().unwrap();
            assert_eq!(agent.pairs()[selected.0].session, 1, "{client} {end}");
            assert_eq!(lost_at(&wire, end), None, "{client}");
            let all: Vec<_> = wire.sides[end]
                .events
                .iter()
                .filter(|event| matches!(event.kind, EventKind::Selected { .. }))
                .collect();
            assert!(
                matches!(all.last().unwrap().kind, EventKind::Selected { before: Some(_), .. }),
                "{client}"
            );
        }
        wire.run_for(Duration::from_secs(60));
        assert!(
            matches!(wire.sides[0].agent.state(), AgentState::Connected | AgentState::Completed),
            "{client}"
        );
    }
}

#[test]
fn a_failed_call_lives_again_after_a_restart() {
    for client in ["rfc8445", "firefox"] {
        let mut wire = connected([client, client]);
        let cut = wire.now;
        wire.lost =
            Box::new(move |packet| packet.sent >= cut && packet.sent < cut + Duration::from_secs(100));
        wire.run_for(Duration::from_secs(100));
        assert_eq!(wire.sides[0].agent.state(), AgentState::Failed);
        wire.sides[0].agent.restart(wire.now);
        wire.sides[1].agent.restart(wire.now);
        wire.signal();
        assert!(wire.connect(), "{client}");
        assert!(
            matches!(wire.sides[0].agent.state(), AgentState::Connected | AgentState::Completed),
            "{client}"
        );
    }
}
