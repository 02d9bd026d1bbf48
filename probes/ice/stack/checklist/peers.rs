//! The lines of Firefox, and of libnice in the gateway.

use crate::evidence::Transport;
use crate::ice::agent::conduct::Criterion;
use crate::ice::agent::tests::wire::{Wire, candidate, host};
use crate::ice::agent::{AgentState, EventKind, IceRole, PairState};
use crate::ice::gather::{Found, Server};
use crate::ice::network::{AdapterKind, IceNetwork, Network};
use crate::ice::stack::{ChannelUse, Profile, ProxyLookup, ProxyUse, Reading, Role, Stack};
use crate::ice::{Candidate, CandidateType, Policy, Protocol};
use crate::machine::Offset;
use crate::server::{Host, IceUri, Scheme, UriTransport};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

fn profile(name: &str) -> Profile {
    Profile::parse(name).unwrap()
}

fn uri(scheme: Scheme, host: &str, transport: Option<UriTransport>) -> IceUri {
    IceUri {
        text: host.to_owned(),
        scheme,
        host: host.parse().map_or_else(|_| Host::Name(host.to_owned()), Host::Ip),
        port: None,
        transport,
    }
}

/// The TURN servers `a` and `b`, each over UDP, TLS and TCP, as the client reads and weighs them.
fn servers(stack: &dyn Stack, hosts: [&str; 2], policy: Policy) -> Vec<Server> {
    let mut servers = Vec::new();
    for host in hosts {
        for (scheme, transport) in [
            (Scheme::Turn, UriTransport::Udp),
            (Scheme::Turns, UriTransport::Tcp),
            (Scheme::Turn, UriTransport::Tcp),
        ] {
            let uri = uri(scheme, host, Some(transport));
            if let Ok(reading) = stack.reading(&uri) {
                servers.push(Server { index: servers.len(), uri, reading, weight: 0 });
            }
        }
    }
    stack.weigh(&mut servers, policy);
    servers
}

fn network() -> IceNetwork {
    IceNetwork {
        network: Network {
            name: "eth0".to_owned(),
            kind: AdapterKind::Ethernet,
            underlying: None,
            address: Ipv4Addr::new(10, 0, 0, 1).into(),
            prefix: 24,
            default_local: None,
            default_route: true,
            speed: None,
        },
        addresses: Vec::new(),
        id: None,
        cost: None,
        preference: 127,
    }
}

fn priority(stack: &dyn Stack, kind: CandidateType, preference: u16, server: Option<&Server>) -> u32 {
    let address: SocketAddr = "192.0.2.1:5000".parse().unwrap();
    let network = IceNetwork { preference, ..network() };
    let relay = server.filter(|_| kind == CandidateType::Relay).map(|server| server.reading.transport);
    stack.priority(&Found {
        kind,
        protocol: Protocol::Udp,
        tcp_type: None,
        address,
        socket: address,
        local: Some(address),
        mapped: None,
        network: &network,
        server,
        relay,
    })
}

/// The relays' priorities in the order of the servers.
fn relays(stack: &dyn Stack, preference: u16, servers: &[Server]) -> Vec<(Transport, u32)> {
    let of = |server: &Server| {
        (server.reading.transport, priority(stack, CandidateType::Relay, preference, Some(server)))
    };
    servers.iter().map(of).collect()
}

/// One check into silence: when it is sent, and when its pair is given up.
fn into_silence(client: &str) -> (Vec<f64>, f64) {
    let mut wire = Wire::new([client, client]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.signal_credentials(0);
    wire.sides[0].agent.on_remote(host("198.51.100.1:9"), wire.now);
    wire.settle();
    wire.run_until(Offset::from_ms(60_000));
    let failed = wire.sides[0].events.iter().find(|event| matches!(event.kind, EventKind::Failed(..)));
    let sent = wire.checks(0).into_iter().map(|check| check.0).collect();
    (sent, failed.map_or(f64::NAN, |event| event.at.as_ms()))
}

#[test]
fn line_08_firefox_sends_seven_times_in_6300_ms_and_gives_up_at_11100_ms() {
    let sends = [0, 100, 300, 700, 1500, 3100, 6300];
    let firefox = profile("firefox");
    let udp = firefox.schedule(Transport::Udp);
    assert_eq!((udp.sends_ms, udp.gives_up_ms), (&sends[..], 11_100));
    for stream in [Transport::Tcp, Transport::Tls] {
        let stream = firefox.schedule(stream);
        assert_eq!((stream.sends_ms, stream.gives_up_ms), (&[0][..], 12_800));
    }
    // A check of a pair keeps the same schedule, with an RTO of 100 ms as long as few pairs wait.
    assert_eq!(into_silence("firefox"), (sends.map(|at| at as f64).to_vec(), 11_100.0));
    let turn = firefox.turn_traits();
    assert_eq!((turn.lifetime, turn.retries_438_on_allocate), (Some(3600), true));
    assert_eq!((turn.retries_437, turn.channels), (0, ChannelUse::Never));
}

#[test]
fn line_09_the_gateway_sends_three_times_and_gives_up_at_2000_ms() {
    for name in ["gateway", "gateway-tls"] {
        let udp = profile(name).schedule(Transport::Udp);
        assert_eq!((udp.sends_ms, udp.gives_up_ms), (&[0, 500, 1500][..], 2_000));
        assert_eq!(profile(name).schedule(Transport::Tcp).sends_ms, [0]);
        assert_eq!(into_silence(name), (vec![0.0, 500.0, 1500.0], 2_000.0));
    }
}

#[test]
fn line_12_firefox_rejects_turns_to_an_address_and_ignores_stuns() {
    let read = |scheme, host| profile("firefox").reading(&uri(scheme, host, None));
    assert!(read(Scheme::Turns, "192.0.2.1").unwrap_err().0.contains("name"));
    assert!(read(Scheme::Turns, "2001:db8::1").is_err());
    assert!(read(Scheme::Stuns, "stun.test").unwrap_err().0.contains("stuns"));
    let turns = Reading { role: Role::Turn, transport: Transport::Tls, port: 5349 };
    assert_eq!(read(Scheme::Turns, "turn.test"), Ok(turns));
    assert_eq!(read(Scheme::Turn, "192.0.2.1").map(|reading| reading.transport), Ok(Transport::Udp));
}

#[test]
fn line_14_firefox_asks_its_proxy_with_alpn_and_looks_it_up_by_transport() {
    let firefox = profile("firefox");
    let tunnel = firefox.tunnel_traits().unwrap();
    assert_eq!(tunnel.alpn, Some("webrtc,c-webrtc"));
    assert_eq!(tunnel.lookup, ProxyLookup::ByTransport);
    // TLS goes through the tunnel: both legs are taken through the proxy, UDP never is.
    let uses = [Transport::Udp, Transport::Tcp, Transport::Tls].map(|leg| firefox.proxy_use(leg));
    assert_eq!(uses, [ProxyUse::Never, ProxyUse::Through, ProxyUse::Through]);
}

#[test]
fn line_15_the_gateway_knows_an_explicit_proxy_only_and_names_the_server_by_address() {
    for (name, leg) in [("gateway", Transport::Tcp), ("gateway-tls", Transport::Tls)] {
        let gateway = profile(name);
        let tunnel = gateway.tunnel_traits().unwrap();
        assert_eq!((tunnel.http, tunnel.by_name, tunnel.alpn), ("HTTP/1.0", false, None));
        assert_eq!(tunnel.lookup, ProxyLookup::Explicit);
        assert_eq!(gateway.proxy_use(leg), ProxyUse::OnlyThrough);
        assert_eq!(gateway.proxy_use(Transport::Udp), ProxyUse::OnlyDirect);
    }
}

#[test]
fn line_21_firefox_ties_tcp_and_tls_relays_and_counts_a_name_twice() {
    let profile = profile("firefox");
    let stack = profile.stack();
    let of = |hosts, policy| relays(stack.as_ref(), 127, &servers(stack.as_ref(), hosts, policy));
    let names = of(["a.test", "b.test"], Policy::All);
    let udp = |relays: &[(Transport, u32)]| -> Vec<u32> {
        relays.iter().filter(|relay| relay.0 == Transport::Udp).map(|relay| relay.1).collect()
    };
    let streams = |relays: &[(Transport, u32)]| -> Vec<u32> {
        relays.iter().filter(|relay| relay.0 != Transport::Udp).map(|relay| relay.1).collect()
    };
    // Three entries of a lie before b's first, each of two ids.
    assert_eq!(udp(&names), [92_217_343, 92_215_807]);
    assert_eq!(streams(&names), [8_331_263; 4]);
    // Addresses count once, and their TLS entries are not there at all.
    let addresses = of(["192.0.2.1", "192.0.2.2"], Policy::All);
    assert_eq!((udp(&addresses), streams(&addresses)), (vec![92_217_343, 92_216_831], vec![8_331_263; 2]));
    let relay_only = of(["a.test", "b.test"], Policy::Relay);
    assert_eq!(udp(&relay_only), [92_217_343; 2]);
}

/// The controlled end follows Firefox's nominations of these relays of ours, which answer in this order.
fn selections(client: &str, role: IceRole, relays: &[(u32, u64)]) -> (Wire, Vec<Criterion>) {
    let mut wire = Wire::of([
        crate::ice::agent::tests::wire::setup(client, role, 1),
        crate::ice::agent::tests::wire::setup(client, role.other(), 2),
    ]);
    for (n, (priority, _)) in relays.iter().enumerate() {
        let address = format!("203.0.113.1:{}", 5000 + n);
        wire.base(
            0,
            Candidate { foundation: n.to_string(), ..candidate(CandidateType::Relay, &address, *priority) },
        );
    }
    wire.base(1, host("192.0.2.2:2000"));
    let open: Vec<Offset> = relays.iter().map(|relay| Offset::from_ms(relay.1)).collect();
    wire.lost = Box::new(move |packet| {
        let relay = if packet.end == 0 { packet.base.0 } else { usize::from(packet.to.port() - 5000) };
        packet.sent < open[relay]
    });
    wire.signal();
    wire.run_for(Duration::from_secs(10));
    let selected = wire.sides[0].events.iter().filter_map(|event| match event.kind {
        EventKind::Selected { because, .. } => Some(because),
        _ => None,
    });
    let selected = selected.collect();
    (wire, selected)
}

#[test]
fn line_21_firefox_selects_by_nominated_priority_alone() {
    let (udp, tied) = (92_217_343, 8_331_263);
    // A relay over TCP that answers first is left for the better one over UDP, which was under way.
    let (wire, because) = selections("firefox", IceRole::Controlling, &[(udp, 250), (tied, 0)]);
    assert_eq!(because, [Criterion::Nominated, Criterion::Priority]);
    assert_eq!(wire.selected(0).unwrap().0, "203.0.113.1:5000");
    // Among equals the first to complete stays, whatever its round trip.
    for (relays, first) in [([(tied, 250), (tied, 0)], 5001), ([(tied, 0), (tied, 250)], 5000)] {
        let (wire, because) = selections("firefox", IceRole::Controlling, &relays);
        assert_eq!(because, [Criterion::Nominated]);
        assert_eq!(wire.selected(0).unwrap().0, format!("203.0.113.1:{first}"));
    }
}

#[test]
fn line_21_firefox_gives_up_what_it_had_not_sent_when_a_pair_is_nominated() {
    // The answer takes 40 ms, two turns; the second turn goes to the check that the peer's own check triggered.
    let relays: Vec<(u32, u64)> = (0..8).map(|n| (92_217_343 - n, 0)).collect();
    let (wire, _) = selections("firefox", IceRole::Controlling, &relays);
    let pruned = wire.sides[0].agent.pairs().iter().filter(|pair| pair.state == PairState::Pruned).count();
    let worked = wire.sides[0].agent.pairs().iter().filter(|pair| pair.state == PairState::Succeeded).count();
    assert_eq!([worked, pruned], [1, 7]);
    assert_eq!(wire.sides[0].agent.state(), AgentState::Connected);
}

#[test]
fn line_22_libnice_prefers_the_later_relay_and_udp() {
    let profile = profile("gateway-tls");
    let stack = profile.stack();
    let servers = servers(stack.as_ref(), ["a.test", "b.test"], Policy::All);
    let mut ranked: Vec<(u32, &str, Transport)> = relays(stack.as_ref(), 0, &servers)
        .into_iter()
        .zip(&servers)
        .map(|((transport, priority), server)| (priority, server.uri.text.as_str(), transport))
        .collect();
    ranked.sort_by_key(|relay| std::cmp::Reverse(relay.0));
    let order: Vec<(&str, Transport)> = ranked.iter().map(|relay| (relay.1, relay.2)).collect();
    use Transport::{Tcp, Tls, Udp};
    let expected = [
        ("b.test", Udp),
        ("a.test", Udp),
        ("b.test", Tcp),
        ("b.test", Tls),
        ("a.test", Tcp),
        ("a.test", Tls),
    ];
    assert_eq!(order, expected);
    assert_eq!(ranked[0].0, 505_463_039);
    assert_eq!(priority(stack.as_ref(), CandidateType::Host, 0, None), 2_015_363_327);
}

#[test]
fn line_22_libnice_nominates_with_every_check_and_keeps_the_highest() {
    let (wire, because) =
        selections("gateway", IceRole::Controlling, &[(505_463_039, 400), (505_413_887, 0)]);
    let checks = wire.sides[0].agent.pairs().iter().flat_map(|pair| &pair.checks);
    assert!(checks.clone().count() > 1 && checks.clone().all(|check| check.use_candidate));
    assert_eq!(because, [Criterion::Nominated, Criterion::Priority]);
    assert_eq!(wire.selected(0).unwrap().0, "203.0.113.1:5000");
    // The other end, which follows, comes to the same pair.
    assert_eq!(wire.selected(1).unwrap().1, "203.0.113.1:5000");
    // Nothing of lower priority takes its place.
    let (wire, because) = selections("gateway", IceRole::Controlled, &[(505_463_039, 0), (505_413_887, 400)]);
    assert_eq!((because.len(), wire.selected(0).unwrap().0.as_str()), (1, "203.0.113.1:5000"));
}

#[test]
fn line_25_firefox_sends_the_relays_own_priority_and_the_peer_reflexive_one_else() {
    for (kind, own, expected) in [
        (CandidateType::Relay, 92_217_343, 92_217_343),
        (CandidateType::Relay, 8_331_263, 8_331_263),
        (CandidateType::Host, 2_122_252_543, 1_853_817_087),
    ] {
        let mut wire = Wire::new(["firefox", "firefox"]);
        wire.base(0, candidate(kind, "192.0.2.1:1100", own));
        wire.signal_credentials(0);
        wire.sides[0].agent.on_remote(host("192.0.2.2:2000"), wire.now);
        wire.settle();
        wire.run_for(Duration::from_millis(100));
        let sent: Vec<u32> =
            wire.sides[0].agent.pairs()[0].checks.iter().map(|check| check.priority).collect();
        assert_eq!(sent, [expected], "{kind:?}");
    }
}
