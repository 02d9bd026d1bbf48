//! Addresses that only a check shows.

use super::wire::*;
use crate::ice::agent::{EventKind, PairId};
use crate::ice::{Candidate, CandidateType};
use crate::machine::Offset;
use std::time::Duration;

const CLIENTS: [&str; 3] = ["rfc8445", "firefox", "gateway"];

#[test]
fn an_address_that_no_one_signalled_has_the_priority_of_the_check() {
    for client in CLIENTS {
        let mut wire = Wire::new([client, client]);
        wire.base_behind(0, host("10.0.0.2:1100"), "203.0.113.2:61000".parse().unwrap());
        wire.base(1, host("192.0.2.2:2000"));
        wire.signal();
        assert!(wire.connect(), "{client}");
        let near = &wire.sides[0].agent;
        let sent = near.pairs()[0].checks[0].priority;
        let local = near.local(near.selected().unwrap()).unwrap();
        let far = &wire.sides[1].agent;
        let remote = far.remote(far.selected().unwrap()).unwrap();
        assert_eq!((local.kind, remote.kind), (CandidateType::Prflx, CandidateType::Prflx), "{client}");
        assert_eq!((local.priority, remote.priority), (sent, sent), "{client}");
        assert_eq!(local.related_port, Some(1100));
        // Both ends see the same pair, so they see the same priority.
        assert_eq!(
            near.priority(near.selected().unwrap()),
            far.priority(far.selected().unwrap()),
            "{client}"
        );
    }
}

#[test]
fn both_ends_behind_nats_that_map_alike_meet_through_the_holes() {
    for client in CLIENTS {
        let mut wire = Wire::new([client, client]);
        wire.base_with_srflx(0, host("10.0.0.2:1100"), "203.0.113.2:1100");
        wire.base_with_srflx(1, host("10.1.0.2:2000"), "203.0.113.9:2000");
        wire.signal();
        assert!(wire.connect(), "{client}");
        for end in [0, 1] {
            let agent = &wire.sides[end].agent;
            let pair = agent.selected().unwrap();
            assert_eq!(agent.local(pair).unwrap().kind, CandidateType::Srflx, "{client}");
            assert_eq!(agent.remote(pair).unwrap().kind, CandidateType::Srflx, "{client}");
        }
    }
}

#[test]
fn a_better_reflexive_candidate_of_the_same_address_takes_the_place_of_the_first() {
    for client in CLIENTS {
        let mut wire = Wire::new([client, client]);
        let base = wire.base_with_srflx(0, host("10.0.0.2:1100"), "203.0.113.2:1100");
        wire.base(1, host("192.0.2.2:2000"));
        // A server that stands before the first in the client's list answers later, and the gathering drops the first.
        let better = candidate(CandidateType::Srflx, "203.0.113.2:1100", SRFLX + 256);
        wire.sides[0].agent.on_reflexive(better, base);
        wire.signal();
        assert!(wire.connect(), "{client}");
        let agent = &wire.sides[0].agent;
        let local = agent.local(agent.selected().unwrap()).unwrap();
        assert_eq!((local.kind, local.priority), (CandidateType::Srflx, SRFLX + 256), "{client}");
    }
}

#[test]
fn a_signalled_candidate_takes_the_place_of_what_a_check_had_shown() {
    for client in CLIENTS {
        let mut wire = Wire::new([client, client]);
        wire.base(0, host("192.0.2.1:1100"));
        wire.base(1, host("192.0.2.2:2000"));
        wire.signal_credentials(0);
        wire.signal_credentials(1);
        wire.sides[0].agent.on_remote(host("192.0.2.2:2000"), wire.now);
        wire.settle();
        wire.run_until(Offset::from_ms(25));
        let far = &mut wire.sides[1].agent;
        assert_eq!(far.remote(PairId(0)).unwrap().kind, CandidateType::Prflx, "{client}");
        far.on_remote(host("192.0.2.1:1100"), wire.now);
        assert_eq!(far.remote(PairId(0)).unwrap().kind, CandidateType::Host, "{client}");
        assert_eq!(far.pairs().len(), 1, "{client}");
    }
}

#[test]
fn a_check_that_comes_before_the_answer_is_answered_and_made_good_later() {
    for client in CLIENTS {
        let mut wire = Wire::new([client, client]);
        wire.base(0, host("192.0.2.1:1100"));
        wire.base(1, host("192.0.2.2:2000"));
        wire.signal_credentials(0);
        wire.sides[0].agent.on_remote(host("192.0.2.2:2000"), wire.now);
        wire.settle();
        wire.run_until(Offset::from_ms(300));
        let far = wire.sides[1].agent.pairs();
        assert!(far.len() == 1 && far[0].checks_sent == 0, "{client}: no password, no check");
        wire.signal_credentials(1);
        assert!(wire.connect(), "{client}");
        assert!(wire.now < Offset::from_ms(1_500), "{client}");
    }
}

#[test]
fn a_relayed_candidate_stays_relayed_whatever_the_peer_sees() {
    let mut wire = Wire::new(["rfc8445", "rfc8445"]);
    wire.base_behind(0, relay("10.9.9.9:5000", RELAY_UDP), "203.0.113.1:5000".parse().unwrap());
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    assert!(wire.connect());
    let agent = &wire.sides[0].agent;
    assert_eq!(agent.local(agent.selected().unwrap()).unwrap().kind, CandidateType::Relay);
}

#[test]
fn firefox_says_the_priority_of_its_relay_in_checks_and_the_rfc_does_not() {
    for (client, expected) in [("firefox", 92_217_343), ("rfc8445", (110 << 24) | (92_217_343 & 0xFF_FFFF))] {
        let mut wire = Wire::new([client, client]);
        wire.base(0, relay("203.0.113.1:5000", 92_217_343));
        wire.base(1, host("192.0.2.2:2000"));
        wire.signal_credentials(0);
        wire.signal_credentials(1);
        wire.signal_candidates(0);
        wire.run_for(Duration::from_millis(100));
        let far = &wire.sides[1];
        let shown = far.events.iter().find_map(|event| match event.kind {
            EventKind::PeerReflexive { pair } => far.agent.remote(pair),
            _ => None,
        });
        assert_eq!(shown.map(|candidate: &Candidate| candidate.priority), Some(expected), "{client}");
    }
}
