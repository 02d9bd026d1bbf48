//! The lines of libwebrtc: Chromium and the native SDKs.

use crate::evidence::Transport::{self, Tcp, Tls, Udp};
use crate::ice::agent::tests::wire::{HOST, RELAY_TCP, RELAY_UDP, Wire, host, relay};
use crate::ice::agent::{AgentState, BaseId, Criterion, EventKind, PairId, PairState};
use crate::ice::gather::{GatherSetup, Gathering, Learned, SlotKind};
use crate::ice::network::{AdapterKind, Network};
use crate::ice::stack::{ChannelUse, Profile, ProxyAuth, ProxyLookup, ProxyUse, Reading, Role, TlsTrust};
use crate::ice::{Candidate, CandidateType, Policy};
use crate::machine::Offset;
use crate::server::{Host, IceServer, IceUri, Scheme, UriTransport};
use crate::stun::{Message, attr};
use std::net::SocketAddr;

fn profile(name: &str) -> Profile {
    Profile::parse(name).unwrap()
}

fn network(name: &str, kind: AdapterKind, address: &str) -> Network {
    Network {
        name: name.to_owned(),
        kind,
        underlying: None,
        address: address.parse().unwrap(),
        prefix: 24,
        default_local: None,
        default_route: true,
        speed: None,
    }
}

/// A TURN URI of a named server.
fn turn(host: &str, transport: Transport) -> IceUri {
    let (scheme, port, transport) = match transport {
        Udp => (Scheme::Turn, 3478, UriTransport::Udp),
        Tcp => (Scheme::Turn, 80, UriTransport::Tcp),
        Tls => (Scheme::Turns, 443, UriTransport::Tcp),
    };
    IceUri {
        text: format!("{host} {transport:?}"),
        scheme,
        host: Host::Name(host.to_owned()),
        port: Some(port),
        transport: Some(transport),
    }
}

/// The six URIs of servers A and B: UDP, TLS, TCP of each.
fn six() -> Vec<IceUri> {
    ["a.test", "b.test"].into_iter().flat_map(|host| [Udp, Tls, Tcp].map(|how| turn(host, how))).collect()
}

fn setup(client: &str, networks: Vec<Network>, uris: Vec<IceUri>) -> GatherSetup {
    GatherSetup {
        profile: profile(client),
        policy: Policy::All,
        media_permission: true,
        udp: true,
        ipv4: true,
        ipv6: true,
        networks,
        servers: uris.into_iter().map(|uri| IceServer { uri, credentials: None }).collect(),
        proxied: false,
        beyond_limit: false,
        seed: 3,
    }
}

fn one_nic() -> Vec<Network> {
    vec![network("eth0", AdapterKind::Ethernet, "10.0.0.2")]
}

/// Everything that the client gathers when every server answers.
fn gathered(setup: &GatherSetup) -> Vec<Candidate> {
    let mut gathering = Gathering::new(setup);
    for slot in gathering.slots().to_vec() {
        let v6 = slot.binds.is_ipv6();
        let own = if slot.binds.is_unspecified() { setup.networks[0].address } else { slot.binds };
        // A connection that is bound to nothing has the address that the system gave it.
        let stream = matches!(slot.kind, SlotKind::Relay(Tcp | Tls));
        let base = SocketAddr::new(if stream { own } else { slot.binds }, 5000);
        // Servers answer in the client's own family, with an address of the same kind.
        let far = if v6 { own } else { "198.51.100.7".parse().unwrap() };
        let port = 6000 + u16::try_from(slot.id).unwrap();
        let learned = match slot.kind {
            SlotKind::Host | SlotKind::HostTcp(_) => Learned::Bound(base),
            SlotKind::Srflx => Learned::Mapped { base, mapped: SocketAddr::new(far, port) },
            SlotKind::Relay(_) => Learned::Relayed {
                base,
                mapped: None,
                relayed: SocketAddr::new(far, port),
                path: None,
                route: None,
            },
        };
        gathering.learned(slot.id, learned, Offset::ZERO);
    }
    gathering.candidates().cloned().collect()
}

/// The priorities of the relays over one transport, in the order of the servers.
fn relays(candidates: &[Candidate], how: Transport) -> Vec<u32> {
    let over = |candidate: &&Candidate| {
        candidate.kind == CandidateType::Relay && candidate.relay_protocol == Some(how)
    };
    candidates.iter().filter(over).map(|candidate| candidate.priority).collect()
}

fn hosts(candidates: &[Candidate]) -> Vec<&Candidate> {
    let udp = |c: &&Candidate| c.kind == CandidateType::Host && c.tcp_type.is_none();
    candidates.iter().filter(udp).collect()
}

fn at(ms: u64) -> Offset {
    Offset::from_ms(ms)
}

fn on(network: u16, cost: u16, candidate: Candidate) -> Candidate {
    Candidate { network_id: Some(network), network_cost: Some(cost), ..candidate }
}

/// When an end checked from a base.
fn checked(wire: &Wire, base: BaseId) -> Vec<f64> {
    let sent = wire.sent.iter().filter(|p| p.end == 0 && p.base == base && p.is_check());
    sent.map(|packet| packet.sent.as_ms()).collect()
}

#[test]
fn line_01_type_preferences_and_the_relay_over_udp_by_version() {
    for (client, udp) in [("chromium", 3), ("mobile@146", 3), ("chromium@145", 2), ("mobile@142", 2)] {
        let all = gathered(&setup(client, one_nic(), six()));
        let preference = |kind, tcp: bool| {
            let fits = |c: &&Candidate| c.kind == kind && c.tcp_type.is_some() == tcp;
            all.iter().find(fits).map(|candidate| candidate.priority >> 24)
        };
        assert_eq!(preference(CandidateType::Host, false), Some(126), "{client}");
        assert_eq!(preference(CandidateType::Host, true), Some(90), "{client}");
        assert_eq!(preference(CandidateType::Srflx, false), Some(100), "{client}");
        let relay = [Udp, Tcp, Tls].map(|how| relays(&all, how)[0] >> 24);
        assert_eq!(relay, [udp, 1, 0], "{client}");
        let checks = |candidate: &Candidate| profile(client).check_priority(candidate) >> 24;
        let tcp = all.iter().find(|candidate| candidate.tcp_type.is_some()).unwrap();
        assert_eq!([checks(hosts(&all)[0]), checks(tcp)], [110, 80], "peer-reflexive");
    }
}

#[test]
fn line_02_the_local_preference_is_network_then_address_then_relay() {
    // As the system lists them; libwebrtc sorts by adapter, then address, then name.
    let networks = vec![
        network("wlan0", AdapterKind::Wifi, "10.0.1.2"),
        network("eth1", AdapterKind::Ethernet, "10.0.2.2"),
        network("eth0", AdapterKind::Ethernet, "10.0.0.2"),
        network("eth0", AdapterKind::Ethernet, "2001:db8::2"),
        network("eth1", AdapterKind::Ethernet, "fd00::2"),
    ];
    let all = gathered(&setup("chromium", networks, Vec::new()));
    let mut parts: Vec<(u32, u32, String)> = hosts(&all)
        .iter()
        .map(|c| ((c.priority >> 16) & 0xFF, (c.priority >> 8) & 0xFF, c.address.to_string()))
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.0));
    let expected = [
        (127, 50, "fd00::2"),
        (126, 40, "2001:db8::2"),
        (125, 30, "10.0.0.2"),
        (124, 30, "10.0.2.2"),
        (123, 30, "10.0.1.2"),
    ];
    assert_eq!(parts, expected.map(|(network, address, ip)| (network, address, ip.to_owned())));
}

#[test]
fn line_03_the_relay_preference_counts_the_urls_down_to_one() {
    let all = gathered(&setup("chromium", one_nic(), six()));
    let added = |how| relays(&all, how).iter().map(|p| ((p >> 8) & 0xFF) - 30).collect::<Vec<u32>>();
    assert_eq!([added(Udp), added(Tls), added(Tcp)], [[6, 3], [5, 2], [4, 1]]);
}

#[test]
fn line_04_without_media_permission_there_is_one_any_network() {
    for (permission, priority, cost) in [(true, 2_122_260_223, 0), (false, 2_113_937_151, 999)] {
        let mut setup = setup("chromium", one_nic(), six());
        (setup.media_permission, setup.ipv6) = (permission, false);
        let all = gathered(&setup);
        let host = hosts(&all)[0];
        assert_eq!((host.priority, host.network_cost), (priority, Some(cost)));
        assert_eq!(host.network_id, Some(u16::from(permission)));
    }
}

#[test]
fn line_05_what_networks_cost_and_a_peer_that_names_none_costs_nothing() {
    let costs = [
        (AdapterKind::Ethernet, 0),
        (AdapterKind::Wifi, 10),
        (AdapterKind::Unknown, 50),
        (AdapterKind::Cellular, 900),
    ];
    for (kind, cost) in costs {
        let all = gathered(&setup("mobile", vec![network("n0", kind, "10.0.0.2")], Vec::new()));
        assert_eq!(hosts(&all)[0].network_cost, Some(cost), "{kind:?}");
    }
    // Two candidates of one peer: the one that names its cost loses, whatever its priority.
    let mut wire = Wire::new(["chromium", "chromium"]);
    wire.lost = Box::new(|_| true);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, Candidate { network_cost: None, priority: RELAY_TCP, ..host("192.0.2.2:2000") });
    wire.base(1, on(1, 10, host("192.0.2.3:2000")));
    wire.signal();
    let agent = &wire.sides[0].agent;
    let order: Vec<_> = agent.preference().iter().map(|chosen| (chosen.pair, chosen.below)).collect();
    assert_eq!(order, [(PairId(0), None), (PairId(1), Some(Criterion::NetworkCost))]);
}

#[test]
fn line_06_all_turn_urls_of_a_network_start_together_at_50_ms() {
    for client in ["chromium", "mobile"] {
        let gathering = Gathering::new(&setup(client, one_nic(), six()));
        let starts: Vec<_> = gathering
            .slots()
            .iter()
            .filter(|slot| matches!(slot.kind, SlotKind::Relay(_)))
            .map(|slot| slot.starts.as_millis())
            .collect();
        assert_eq!(starts, [50; 6], "{client}");
    }
}

#[test]
fn line_07_nine_sends_in_31750_ms_and_given_up_at_39750_ms_over_streams_too() {
    for client in ["chromium", "mobile"] {
        for how in [Udp, Tcp, Tls] {
            let schedule = profile(client).schedule(how);
            let (mut gap, mut sent) = (250, vec![0]);
            while sent.len() < 9 {
                sent.push(sent[sent.len() - 1] + gap);
                gap = (gap * 2).min(8_000);
            }
            assert_eq!(schedule.sends_ms, sent, "{client} {how:?}");
            assert_eq!(schedule.gives_up_ms, sent[8] + 8_000);
        }
    }
}

#[test]
fn line_10_how_libwebrtc_allocates() {
    for client in ["chromium@146", "mobile@146", "chromium@150", "mobile"] {
        let turn = profile(client).turn_traits();
        assert_eq!(turn.lifetime, None, "REQUESTED-TRANSPORT and nothing else");
        assert!(!turn.retries_438_on_allocate, "fatal");
        assert_eq!((turn.retries_437, turn.follows_300), (2, true));
        assert_eq!(turn.channels, ChannelUse::FirstData);
        assert_eq!(turn.accepts_unauthenticated, client.ends_with("146"), "{client}: from M150 ignored");
    }
}

#[test]
fn line_11_how_chromium_reads_uris() {
    let read = |scheme, port, transport| {
        let host = Host::Name("a.test".to_owned());
        profile("chromium").reading(&IceUri { text: String::new(), scheme, host, port, transport })
    };
    let reading = |role, transport, port| Ok(Reading { role, transport, port });
    for transport in [None, Some(UriTransport::Udp), Some(UriTransport::Tcp)] {
        assert_eq!(read(Scheme::Turns, Some(443), transport), reading(Role::Turn, Tls, 443));
    }
    assert_eq!(read(Scheme::Turn, None, None), reading(Role::Turn, Udp, 3478));
    assert_eq!(read(Scheme::Stuns, None, None), reading(Role::Stun, Udp, 3478));
    let allowed = |port| read(Scheme::Turn, Some(port), None).is_ok();
    let ports =
        [(52, false), (53, true), (80, true), (443, true), (1023, false), (1024, true), (65535, true)];
    assert_eq!(ports.map(|(port, _)| (port, allowed(port))), ports);
    let many = (0..40).map(|number| turn(&format!("t{number}.test"), Udp)).collect();
    assert_eq!(relays(&gathered(&setup("chromium", one_nic(), many)), Udp).len(), 32);
}

#[test]
fn line_13_chromium_takes_turn_over_tcp_and_tls_through_the_proxy_for_https() {
    let chromium = profile("chromium");
    let uses = [Udp, Tcp, Tls].map(|how| chromium.proxy_use(how));
    assert_eq!(uses, [ProxyUse::Never, ProxyUse::Through, ProxyUse::Through]);
    let tunnel = chromium.tunnel_traits().unwrap();
    assert_eq!((tunnel.lookup, tunnel.http), (ProxyLookup::AsHttps, "HTTP/1.1"));
    assert_eq!((tunnel.auth, tunnel.by_name, tunnel.alpn), (ProxyAuth::CachedOnly, true, None));
    // UDP goes out as if there were none.
    let mut proxied = setup("chromium", one_nic(), six());
    let without = Gathering::new(&proxied).slots().to_vec();
    proxied.proxied = true;
    assert_eq!(Gathering::new(&proxied).slots(), without);
}

#[test]
fn line_15_native_libwebrtc_ignores_proxies() {
    let mobile = profile("mobile");
    assert_eq!([Udp, Tcp, Tls].map(|how| mobile.proxy_use(how)), [ProxyUse::Never; 3]);
    assert_eq!(mobile.tunnel_traits(), None);
}

#[test]
fn line_16_without_non_proxied_udp_only_relays_over_streams_are_left() {
    let mut setup = setup("chromium", one_nic(), six());
    setup.udp = false;
    for proxied in [false, true] {
        setup.proxied = proxied;
        let gathering = Gathering::new(&setup);
        assert!(gathering.networks().iter().all(|network| network.is_any()), "nothing is enumerated");
        let relays = |slot: &&crate::ice::gather::Slot| !matches!(slot.kind, SlotKind::Relay(Tcp | Tls));
        assert_eq!(gathering.slots().iter().filter(relays).count(), 0);
        // Two servers over TCP and TLS, for each of the two families.
        assert_eq!(gathering.slots().len(), 8);
    }
    for how in [Tcp, Tls] {
        let through = profile("chromium").proxy_use(how);
        assert!(through.tried(true) && through.tried(false), "direct when no proxy resolves");
    }
    // Native libwebrtc knows no such policy.
    let mobile = GatherSetup { profile: profile("mobile"), ..setup };
    assert!(Gathering::new(&mobile).slots().iter().any(|slot| slot.kind == SlotKind::Host));
}

#[test]
fn line_17_cost_comes_before_priority_and_the_round_trip_decides_ties_alone() {
    let mut wire = Wire::new(["chromium", "chromium"]);
    wire.base(0, on(1, 10, host("192.0.2.1:1100")));
    wire.base(0, on(2, 0, relay("198.51.100.1:1100", RELAY_UDP)));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire.run_until(at(3_000));
    let agent = &wire.sides[0].agent;
    assert_eq!(agent.selected(), Some(PairId(1)), "a relay on ethernet before a host on wifi");
    assert_eq!(agent.preference()[1].below, Some(Criterion::NetworkCost));
}

#[test]
fn line_17_a_shorter_round_trip_moves_the_call_by_10_ms_at_least() {
    for (slower, moves) in [(4, false), (20, true)] {
        let mut wire = Wire::new(["chromium", "chromium"]);
        // Equal in all but the way: two networks of one cost, two candidates of one priority. Of the two pairs that the
        // peer's candidate makes, that of the later base is tried first.
        wire.base(0, on(1, 0, host("192.0.2.4:1100")));
        let slow = wire.base(0, on(2, 0, host("192.0.2.1:1100")));
        wire.base(1, host("192.0.2.2:2000"));
        wire.delays = Some(Box::new(move |packet| {
            let on_slow = [packet.from, packet.to].contains(&"192.0.2.1:1100".parse().unwrap());
            std::time::Duration::from_millis(if on_slow { 20 + slower } else { 20 })
        }));
        wire.signal();
        wire.run_until(at(20_000));
        let agent = &wire.sides[0].agent;
        let base = agent.route().unwrap().0;
        assert_eq!(base != slow, moves, "{slower}");
    }
}

#[test]
fn line_18_first_round_in_order_48_ms_apart_then_900_and_2500_ms_for_a_writable_pair() {
    let mut wire = Wire::new(["chromium", "chromium"]);
    let bases = [
        wire.base(0, relay("198.51.100.1:1100", RELAY_TCP)),
        wire.base(0, host("192.0.2.1:1100")),
        wire.base(0, relay("198.51.100.1:1001", RELAY_UDP)),
    ];
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|packet| packet.sent < at(140));
    wire.signal();
    wire.run_until(at(140));
    assert_eq!(bases.map(|base| checked(&wire, base)), [vec![96.0], vec![0.0], vec![48.0]]);
    wire.run_until(at(12_000));
    let selected = checked(&wire, bases[1]);
    let gaps: Vec<f64> = selected.windows(2).map(|two| two[1] - two[0]).collect();
    // 900 and 2500 ms, seen when the loop turns, every 250 ms.
    assert!(gaps.contains(&1_000.0) && gaps.contains(&2_500.0), "{gaps:?}");
    assert!(gaps.iter().all(|gap| [48.0, 96.0, 144.0, 1_000.0, 1_048.0, 2_500.0].contains(gap)), "{gaps:?}");
}

#[test]
fn line_19_a_strong_pair_stops_gathering_and_prunes_what_is_no_better() {
    let mut wire = Wire::new(["chromium", "chromium"]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(0, relay("198.51.100.1:1100", RELAY_UDP));
    wire.base(0, Candidate { priority: HOST + 5, ..host("192.0.2.9:1100") });
    wire.base(0, on(2, 0, relay("198.51.100.1:1001", RELAY_UDP)));
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|packet| [packet.from, packet.to].contains(&"192.0.2.9:1100".parse().unwrap()));
    wire.signal_credentials(0);
    wire.signal_credentials(1);
    for end in [0, 1] {
        for candidate in wire.sides[1 - end].candidates.clone() {
            wire.sides[end].agent.on_remote(candidate, at(0));
        }
    }
    wire.settle();
    wire.run_until(at(2_000));
    let first =
        wire.sides[0].events.iter().find(|event| matches!(event.kind, EventKind::Works(_))).unwrap().at;
    assert_eq!(wire.sides[0].stopped_gathering, Some(first));
    let states: Vec<_> = wire.sides[0].agent.pairs().iter().map(|pair| pair.state).collect();
    let expected = [PairState::Succeeded, PairState::Pruned, PairState::InProgress, PairState::Succeeded];
    assert_eq!(states, expected, "worse, better, on another network");
}

#[test]
fn line_20_failover_at_2500_and_1000_ms_unwritable_at_5_s_timed_out_at_15_s() {
    let mut wire = Wire::new(["chromium", "chromium"]);
    let base = wire.base(0, on(1, 0, host("192.0.2.1:1100")));
    let backup = wire.base(0, on(2, 0, relay("198.51.100.1:1100", RELAY_UDP)));
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|packet| {
        packet.sent >= at(10_000) && [packet.from, packet.to].contains(&"192.0.2.1:1100".parse().unwrap())
    });
    wire.signal();
    while wire.now < at(60_000) {
        wire.inject(0, backup, "192.0.2.2:2000", b"\x80 data");
        wire.run_for(std::time::Duration::from_millis(500));
    }
    let agent = &wire.sides[0].agent;
    let received = agent.pairs()[0].last_received().unwrap().as_ms();
    let when = |kind: &EventKind| wire.sides[0].events.iter().find(|e| e.kind == *kind).unwrap().at.as_ms();
    let silent = when(&EventKind::Silent(PairId(0)));
    assert!((received + 2_500.0..received + 2_750.0).contains(&silent), "{received} {silent}");
    let because = Criterion::Receiving;
    let moved = EventKind::Selected { pair: PairId(1), before: Some(PairId(0)), because };
    assert_eq!(when(&moved), silent + 1_000.0);
    let unanswered = checked(&wire, base).into_iter().find(|sent| *sent >= 10_000.0).unwrap();
    let lost = when(&EventKind::ConsentLost(PairId(0)));
    assert!((unanswered + 15_000.0..unanswered + 15_250.0).contains(&lost), "{unanswered} {lost}");
}

#[test]
fn line_20_alone_a_pair_is_disconnected_at_5_s_and_failed_at_15_s() {
    let mut wire = Wire::new(["mobile", "mobile"]);
    let base = wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.lost = Box::new(|packet| packet.sent >= at(10_000));
    wire.signal();
    wire.run_until(at(60_000));
    let unanswered = checked(&wire, base).into_iter().find(|sent| *sent >= 10_000.0).unwrap();
    for (state, after) in [(AgentState::Disconnected, 5_000.0), (AgentState::Failed, 15_000.0)] {
        let became = wire.became(0, state).unwrap().as_ms() - unanswered;
        assert!((after..after + 50.0).contains(&became), "{state} {became}");
    }
}

#[test]
fn line_23_the_local_candidate_follows_what_the_peer_sees() {
    for (server, kind, preference) in [(true, CandidateType::Srflx, 100), (false, CandidateType::Prflx, 110)]
    {
        let mut wire = Wire::new(["chromium", "chromium"]);
        if server {
            wire.base_with_srflx(0, host("10.0.0.2:1100"), "203.0.113.2:1100");
        } else {
            wire.base_behind(0, host("10.0.0.2:1100"), "203.0.113.2:1100".parse().unwrap());
        }
        wire.base(1, host("192.0.2.2:2000"));
        wire.signal();
        let before = wire.sides[0].agent.local(PairId(0)).unwrap();
        assert_eq!((before.kind, before.priority >> 24), (CandidateType::Host, 126));
        assert!(wire.connect());
        let after = wire.sides[0].agent.local(PairId(0)).unwrap();
        assert_eq!((after.kind, after.priority >> 24), (kind, preference));
    }
}

#[test]
fn line_24_whose_certificates_each_client_takes() {
    let trusts = ["mobile", "chromium", "firefox"].map(|client| profile(client).tls_trust());
    assert_eq!(trusts, [TlsTrust::CompiledIn, TlsTrust::Browser, TlsTrust::Browser]);
}

#[test]
fn line_25_a_check_says_110_and_the_low_bits_of_its_candidate_for_relays_too() {
    for client in ["chromium", "mobile"] {
        let mut wire = Wire::new([client, client]);
        wire.base(0, host("192.0.2.1:1100"));
        wire.base(0, relay("198.51.100.1:1100", RELAY_UDP));
        wire.base(1, host("192.0.2.2:2000"));
        wire.lost = Box::new(|_| true);
        wire.signal();
        wire.run_until(at(48));
        let sent = wire.sent.iter().filter(|packet| packet.end == 0 && packet.is_check());
        let priorities: Vec<u32> =
            sent.map(|p| Message::parse(&p.bytes).unwrap().u32(attr::PRIORITY).unwrap()).collect();
        let expected = [HOST, RELAY_UDP].map(|priority| (110 << 24) | (priority & 0x00FF_FFFF));
        assert_eq!(priorities, expected, "{client}");
    }
}
