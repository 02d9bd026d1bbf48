//! ICE over TCP, RFC 6544.

use super::wire::*;
use crate::evidence::Cause;
use crate::ice::TcpType::{Active, Passive};
use crate::ice::agent::{AgentState, PairState};
use crate::machine::Offset;
use std::time::Duration;

/// The first end connects, the second listens.
fn streams(client: &str) -> Wire {
    let mut wire = Wire::new([client, client]);
    wire.base_behind(0, tcp("192.0.2.1:9", Active), "192.0.2.1:50123".parse().unwrap());
    wire.base(1, tcp("192.0.2.2:2000", Passive));
    wire
}

#[test]
fn an_active_candidate_connects_to_a_passive_one() {
    for client in ["rfc8445", "firefox", "gateway"] {
        let mut wire = streams(client);
        wire.signal();
        assert!(wire.connect(), "{client}");
        assert_eq!(wire.selected(0).unwrap().1, "192.0.2.2:2000", "{client}");
        assert_eq!(wire.selected(1).unwrap().1, "192.0.2.1:50123", "{client}");
        // The passive end sent nothing before the connection was there: two delays, then the check's own.
        let first = wire.sent.iter().find(|packet| packet.end == 1).unwrap();
        assert_eq!(first.sent, Offset::from_ms(60), "{client}");
    }
}

#[test]
fn a_check_on_a_stream_is_sent_once() {
    for (client, end) in [("rfc8445", 39_500), ("firefox", 12_800), ("gateway", 2_000)] {
        let mut wire = streams(client);
        wire.lost = Box::new(|_| true);
        wire.signal();
        wire.run_until(Offset::from_ms(60_000));
        assert_eq!(wire.checks(0).len(), 1, "{client}");
        let cause = Cause::NoAnswer { requests: 1, waited_ms: end };
        assert_eq!(wire.sides[0].agent.pairs()[0].cause, Some(cause), "{client}");
    }
}

#[test]
fn a_connection_that_is_refused_fails_its_pair_and_the_call() {
    for client in ["rfc8445", "firefox", "gateway"] {
        let mut wire = streams(client);
        wire.connects = false;
        wire.signal();
        wire.run_until(Offset::from_ms(60_000));
        let pair = &wire.sides[0].agent.pairs()[0];
        assert_eq!((pair.state, pair.cause.as_ref()), (PairState::Failed, Some(&Cause::Refused)), "{client}");
        assert_eq!(pair.checks_sent, 0, "{client}");
        assert_eq!(wire.sides[0].agent.state(), AgentState::Failed, "{client}");
        assert_eq!(wire.sides[1].agent.state(), AgentState::Failed, "{client}: nobody ever came");
    }
}

#[test]
fn a_connection_that_breaks_ends_its_call_at_once() {
    let mut wire = streams("rfc8445");
    wire.signal();
    assert!(wire.connect());
    let (base, to) = wire.sides[0].agent.route().unwrap();
    let reset = Cause::Refused;
    wire.sides[0].agent.on_refused(base, to, &reset, wire.now);
    wire.settle();
    assert_eq!(wire.sides[0].agent.state(), AgentState::Failed);
}

#[test]
fn two_connections_are_not_opened_in_one_turn() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base_behind(0, tcp("192.0.2.1:9", Active), "192.0.2.1:50123".parse().unwrap());
    wire.signal_credentials(0);
    for port in [2000, 2001, 2002] {
        let mut remote = tcp(&format!("192.0.2.2:{port}"), Passive);
        remote.foundation = port.to_string();
        wire.sides[0].agent.on_remote(remote, wire.now);
    }
    let mut opened = Vec::new();
    while let Some(at) = wire.next().filter(|at| *at < Offset::from_ms(200)) {
        wire.now = at;
        wire.sides[0].agent.on_tick(at);
        loop {
            match wire.sides[0].agent.poll() {
                crate::ice::agent::Action::Connect { to, .. } => opened.push((at.as_ms(), to.port())),
                crate::ice::agent::Action::WaitUntil(_) | crate::ice::agent::Action::Idle => break,
                _ => {}
            }
        }
    }
    assert_eq!(opened, [(0.0, 2000), (50.0, 2001), (100.0, 2002)]);
}

#[test]
fn udp_is_preferred_to_tcp_between_the_same_two_ends() {
    for client in ["rfc8445", "firefox", "gateway"] {
        let mut wire = streams(client);
        wire.base(0, host("192.0.2.1:1100"));
        wire.base(1, host("192.0.2.2:2001"));
        wire.signal();
        assert!(wire.connect(), "{client}");
        wire.run_for(Duration::from_secs(2));
        let agent = &wire.sides[0].agent;
        let local = agent.local(agent.selected().unwrap()).unwrap();
        assert_eq!(local.tcp_type, None, "{client}");
    }
}
