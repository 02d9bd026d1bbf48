//! Candidate lines.

use super::*;
use crate::ice::stack::{Client, Profile};
use crate::ice::{Candidate, CandidateType, Protocol, TcpType};
use proptest::prelude::*;
use std::net::IpAddr;

fn read(line: &str) -> Candidate {
    match Remote::parse(line, NOW).unwrap().what {
        What::Address(candidate) => candidate,
        What::Name(hidden) => panic!("{hidden:?}"),
    }
}

fn refused(line: &str) -> DropReason {
    Remote::parse(line, NOW).unwrap_err()
}

#[test]
fn a_line_of_chromium_is_read_with_its_extensions() {
    let line = "candidate:842163049 1 udp 1686052607 203.0.113.7 46154 typ srflx raddr 10.0.0.17 rport 46153 \
                generation 2 ufrag EEtu network-id 3 network-cost 10";
    let remote = Remote::parse(line, NOW).unwrap();
    assert_eq!((remote.generation, remote.ufrag.as_deref()), (Some(2), Some("EEtu")));
    let expected = Candidate {
        kind: CandidateType::Srflx,
        protocol: Protocol::Udp,
        tcp_type: None,
        address: "203.0.113.7".parse().unwrap(),
        port: 46154,
        related_address: Some("10.0.0.17".parse().unwrap()),
        related_port: Some(46153),
        priority: 1_686_052_607,
        foundation: "842163049".to_owned(),
        component: 1,
        network_id: Some(3),
        network_cost: Some(10),
        url: None,
        relay_protocol: None,
        route: None,
        base: None,
        at_ms: NOW,
        sdp: line.to_owned(),
        path: None,
    };
    assert_eq!(remote.what, What::Address(expected));
    assert_eq!(read(&format!("a={line}\r\n")), read(line), "as it stands in SDP");
}

#[test]
fn network_cost_is_capped_as_libwebrtc_caps_it() {
    let cost = |cost: &str| read(&format!("{RELAY} network-cost {cost}")).network_cost;
    assert_eq!((cost("999"), cost("1000"), cost("65535")), (Some(999), Some(999), Some(999)));
    assert_eq!((cost("65536"), cost("-1"), cost("+5")), (None, None, None));
}

#[test]
fn tcp_candidates_need_no_tcptype_and_udp_ones_must_not_have_one() {
    assert_eq!(read(ACTIVE).tcp_type, Some(TcpType::Active));
    let old = "candidate:3 1 TCP 1518280447 192.0.2.9 3000 typ host";
    assert_eq!(read(old).tcp_type, Some(TcpType::Passive));
    assert_eq!(read(&format!("{old} tcptype so")).tcp_type, Some(TcpType::So));
    assert!(matches!(refused(&format!("{old} tcptype other")), DropReason::Malformed(_)));
    assert!(matches!(refused(&format!("{HOST} tcptype active")), DropReason::Malformed(_)));
}

#[test]
fn what_is_not_for_us_is_dropped_with_its_reason() {
    let with = |from: &str, to: &str| refused(&HOST.replacen(from, to, 1));
    assert_eq!(with(" 1 udp", " 2 udp"), DropReason::Component(2));
    assert_eq!(with(" udp ", " ssltcp "), DropReason::Transport("ssltcp".to_owned()));
    assert_eq!(with(" udp ", " tls "), DropReason::Transport("tls".to_owned()));
    assert_eq!(with("typ host", "typ token"), DropReason::Type("token".to_owned()));
    assert_eq!(refused(&format!("{HOST} x {}", "y".repeat(500))), DropReason::TooLong);
    assert!(with("typ host", "typ host\u{202e}").to_string().contains("ASCII"));
}

#[test]
fn a_line_that_breaks_the_grammar_is_dropped() {
    let breaks = [
        (" 1 udp", " 0 udp"),
        (" 1 udp", " 257 udp"),
        ("2122260223", "0"),
        ("2122260223", "2147483648"),
        ("2122260223", "-1"),
        ("40000", "65536"),
        ("40000", "+4"),
        ("192.0.2.9", "192.0.2.256"),
        ("192.0.2.9", "1.2.3"),
        ("192.0.2.9", "fe80::1%eth0"),
        ("candidate:1", "candidate:"),
        ("candidate:1", "candidate:a-b"),
        ("candidate:", "candidates:"),
        (" typ host", ""),
        ("network-id 1", "network-id"),
    ];
    for (from, to) in breaks {
        let line = HOST.replacen(from, to, 1);
        assert!(matches!(refused(&line), DropReason::Malformed(_)), "{line}: {}", refused(&line));
    }
}

#[test]
fn names_are_told_and_never_resolved() {
    let name = "6be5041e-989a-4ba8-a1ee-24e28ff38c58.local";
    let mut far = own();
    assert_eq!(far.add_line(&HOST.replace("192.0.2.9", name), NOW), Added::Hidden);
    assert_eq!(far.add_line(&HOST.replace("192.0.2.9", "sfu.example.org"), NOW), Added::Hidden);
    let [mdns, dns] = &far.hidden[..] else { panic!("{:?}", far.hidden) };
    assert_eq!((mdns.name.as_str(), mdns.port, mdns.is_mdns()), (name, 40000, true));
    assert_eq!((dns.name.as_str(), dns.is_mdns()), ("sfu.example.org", false));
    assert_eq!(far.candidates.len(), 3);
}

#[test]
fn a_candidate_of_another_generation_is_dropped() {
    let mut far = own();
    assert_eq!(far.add_line(&format!("{HOST} ufrag aB3+"), NOW), Added::Candidate);
    assert_eq!(far.add_line(&format!("{HOST} ufrag old1"), NOW), Added::Dropped);
    assert_eq!(far.dropped[0].reason, DropReason::OtherGeneration("old1".to_owned()));
}

#[test]
fn after_a_hundred_candidates_the_rest_is_only_counted() {
    let mut far = own();
    for port in 0..500 {
        far.add_line(&HOST.replace("40000", &(40_000 + port).to_string()), NOW);
    }
    assert_eq!((far.candidates.len(), far.dropped.len(), far.dropped_count), (100, MAX_DROPPED, 403));
    assert_eq!(far.dropped[0].reason, DropReason::BeyondLimit);
}

#[test]
fn a_password_in_a_candidate_line_was_shown_in_the_report() {
    let line = format!("{HOST} ufrag aB3+ pwd {PWD} network-cost 10");
    let candidate = read(&line);
    assert_eq!(candidate.network_cost, Some(10));
    assert_eq!(candidate.sdp, format!("{HOST} ufrag aB3+ network-cost 10"));
    let shifted = RELAY.replace("raddr 0.0.0.0 rport 0", "pwd raddr 0.0.0.0 rport");
    assert_eq!(read(&shifted), read(&read(&shifted).sdp), "what is kept of the line says the same");
    let mut far = own();
    far.add_line(&line.replace(" 1 udp", " 2 udp"), NOW);
    assert!(!format!("{far:?}").contains(PWD), "{:?}", far.dropped);
}

/// Any candidate that a client could write.
fn any_candidate() -> impl Strategy<Value = Candidate> {
    use CandidateType::{Host, Prflx, Relay, Srflx};
    let kind = prop::sample::select(vec![Host, Srflx, Prflx, Relay]);
    let tcp = prop::option::of(prop::sample::select(vec![TcpType::Active, TcpType::Passive, TcpType::So]));
    let related = prop::option::of((any::<IpAddr>(), any::<u16>()));
    let where_to = (kind, tcp, any::<IpAddr>(), any::<u16>(), related);
    let what =
        (1_u32..1 << 31, "[a-zA-Z0-9+/]{1,32}", prop::option::of(1_u16..), prop::option::of(1_u16..=999));
    (where_to, what).prop_map(
        |((kind, tcp_type, address, port, related), (priority, foundation, network_id, network_cost))| {
            Candidate {
                kind,
                protocol: if tcp_type.is_some() { Protocol::Tcp } else { Protocol::Udp },
                tcp_type,
                address,
                port,
                related_address: related.map(|(address, _)| address),
                related_port: related.map(|(_, port)| port),
                priority,
                foundation,
                component: 1,
                network_id,
                network_cost,
                url: None,
                relay_protocol: None,
                route: None,
                base: None,
                at_ms: NOW,
                sdp: String::new(),
                path: None,
            }
        },
    )
}

proptest! {
    #[test]
    fn what_each_of_our_clients_writes_is_read_as_it_was(candidate in any_candidate()) {
        for client in Client::ALL {
            let mut candidate = candidate.clone();
            // Only the native library says where it is.
            if client != Client::Mobile {
                (candidate.network_id, candidate.network_cost) = (None, None);
            }
            candidate.sdp = Profile { client, version: None }.stack().sdp(&candidate);
            prop_assert_eq!(read(&candidate.sdp), candidate);
        }
    }
}
