//! What every client's agent does.

use super::wire::*;
use crate::ice::CandidateType;
use crate::ice::agent::{CheckEnd, PairState};

const CLIENTS: [&str; 4] = ["chromium", "firefox", "gateway", "rfc8445"];

#[test]
fn two_ends_of_any_two_clients_connect_host_to_host() {
    for near in CLIENTS {
        for far in CLIENTS {
            let mut wire = Wire::new([near, far]);
            wire.base(0, host("192.0.2.1:1100"));
            wire.base(1, host("192.0.2.2:2000"));
            wire.signal();
            assert!(wire.connect(), "{near} and {far}");
            assert_eq!(
                wire.selected(0),
                Some(("192.0.2.1:1100".into(), "192.0.2.2:2000".into())),
                "{near} {far}"
            );
            assert_eq!(
                wire.selected(1),
                Some(("192.0.2.2:2000".into(), "192.0.2.1:1100".into())),
                "{near} {far}"
            );
            let pair = &wire.sides[0].agent.pairs()[0];
            assert_eq!(pair.state, PairState::Succeeded);
            assert!(matches!(pair.checks[0].end, Some(CheckEnd::Answered { .. })));
            assert!(wire.send(0, b"\x80 data") && wire.send(1, b"\x80 back"));
            wire.run_for(wire.delay);
            assert_eq!(wire.sides[1].data.len() + wire.sides[0].data.len(), 2);
        }
    }
}

#[test]
fn an_end_behind_a_nat_is_known_by_the_address_that_the_peer_sees() {
    for client in CLIENTS {
        let mut wire = Wire::new([client, client]);
        wire.base_with_srflx(0, host("10.0.0.2:1100"), "203.0.113.2:1100");
        wire.base(1, host("192.0.2.2:2000"));
        wire.signal();
        assert!(wire.connect(), "{client}");
        let agent = &wire.sides[0].agent;
        let local = agent.local(agent.selected().unwrap()).unwrap();
        assert_eq!((local.kind, local.port), (CandidateType::Srflx, 1100), "{client}");
    }
}

#[test]
fn an_end_behind_a_nat_without_a_server_becomes_peer_reflexive_on_both_ends() {
    for client in CLIENTS {
        let mut wire = Wire::new([client, client]);
        wire.base_behind(0, host("10.0.0.2:1100"), "203.0.113.2:61000".parse().unwrap());
        wire.base(1, host("192.0.2.2:2000"));
        wire.signal();
        assert!(wire.connect(), "{client}");
        let near = &wire.sides[0].agent;
        assert_eq!(near.local(near.selected().unwrap()).unwrap().kind, CandidateType::Prflx, "{client}");
        let far = &wire.sides[1].agent;
        let remote = far.remote(far.selected().unwrap()).unwrap();
        assert_eq!((remote.kind, remote.port), (CandidateType::Prflx, 61000), "{client}");
    }
}
