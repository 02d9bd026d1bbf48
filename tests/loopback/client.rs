//! What each emulated client would signal in an open network, and which path it would use.

use crate::world::{Seen, World};
use raincheck::verdict::Kind;
use raincheck_probes::evidence::Proof;
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::stack::Profile;
use std::cmp::Reverse;

async fn as_client(profile: &str) -> Seen {
    let world = World::named("open").await;
    let mut settings = world.settings();
    settings.profile = Profile::parse(profile).unwrap();
    let seen = world.check(&settings).await;
    assert!(seen.evidence.paths.iter().all(|path| path.proof == Some(Proof::Media)), "{:?}", seen.proofs());
    assert_eq!(seen.verdict.kind, Kind::Works);
    seen
}

/// Type, protocol to the server, type preference and local preference of each candidate, highest priority first.
fn priorities(seen: &Seen) -> Vec<String> {
    let mut sorted: Vec<&Candidate> = seen.evidence.candidates.iter().collect();
    sorted.sort_by_key(|candidate| Reverse(candidate.priority));
    let text = |candidate: &Candidate| {
        let (preference, local) = (candidate.priority >> 24, candidate.priority >> 8 & 0xFFFF);
        let relay = candidate.relay_protocol.map(|transport| format!("/{transport:?}").to_lowercase());
        format!("{}{} {preference} {local}", candidate.kind.as_str(), relay.unwrap_or_default())
    };
    sorted.into_iter().map(text).collect()
}

/// Without the part that depends on which of two equals was first.
fn transports(seen: &Seen) -> Vec<&str> {
    seen.order().into_iter().filter_map(|path| path.split('/').next()).collect()
}

#[tokio::test]
async fn chromium_prefers_udp_then_tcp_then_tls_and_within_each_the_first_server() {
    for (profile, udp) in [("chromium", 3), ("mobile", 3), ("chromium@145", 2)] {
        let seen = as_client(profile).await;
        let udp = ["32548", "32545"].map(|local| format!("relay/udp {udp} {local}"));
        let mut expected = vec!["host 126 32542", "srflx 100 32542", "host 90 32542"];
        expected.extend(udp.iter().map(String::as_str));
        expected.extend(["relay/tcp 1 32547", "relay/tcp 1 32544", "relay/tls 0 32546", "relay/tls 0 32543"]);
        assert_eq!(priorities(&seen), expected, "{profile}");
        let servers: Vec<_> =
            seen.order().iter().map(|path| path.split(['/', '.']).nth(1).unwrap()).collect();
        assert_eq!(servers, ["turn1", "turn2", "turn1", "turn2", "turn1", "turn2"], "{profile}");
        assert_eq!(transports(&seen), ["udp", "udp", "tcp", "tcp", "tls", "tls"], "{profile}");
    }
}

#[tokio::test]
async fn firefox_has_a_reflexive_candidate_of_each_server() {
    let seen = as_client("firefox").await;
    let [udp1, udp2] = [32543, 32537];
    let mut expected = vec!["host 126 32512".to_owned(), "host 125 32704".to_owned()];
    expected.extend([udp1, udp2].map(|local| format!("srflx 100 {local}")));
    expected.extend([udp1, udp2].map(|local| format!("relay/udp 5 {local}")));
    let streams = ["tcp", "tcp", "tls", "tls"].map(|transport| format!("relay/{transport} 0 32543"));
    let mut found = priorities(&seen);
    found[6..].sort();
    expected.extend(streams);
    assert_eq!(found, expected);
    assert_eq!(transports(&seen)[..2], ["udp", "udp"]);
}

#[tokio::test]
async fn the_gateway_relays_over_udp_from_its_own_ports_when_there_is_no_proxy() {
    for profile in ["gateway", "gateway-tls"] {
        let seen = as_client(profile).await;
        let expected = ["host 120 8192", "srflx 100 8192", "relay/udp 30 8256", "relay/udp 30 8192"];
        assert_eq!(priorities(&seen), expected, "{profile}");
        let bases = seen.evidence.candidates.iter().filter_map(|candidate| candidate.base);
        assert!(bases.clone().all(|base| (20000..=29999).contains(&base.port())), "{bases:?}");
    }
}

#[tokio::test]
async fn a_textbook_agent_takes_the_servers_in_their_order() {
    let seen = as_client("rfc8445").await;
    let relays: Vec<_> = priorities(&seen).into_iter().filter(|line| line.starts_with("relay")).collect();
    let locals = [65535, 65534, 65533, 65532, 65531, 65530];
    let expected = ["udp", "tcp", "tls", "udp", "tcp", "tls"].into_iter().zip(locals);
    let expected: Vec<_> =
        expected.map(|(transport, local)| format!("relay/{transport} 0 {local}")).collect();
    assert_eq!(relays, expected);
    assert!(seen.order()[0].starts_with("udp/turn1"));
}
