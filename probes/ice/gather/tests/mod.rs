//! The tables of what each client gathers, and the rules around them.

use super::*;
use crate::evidence::Transport::{Tcp, Tls, Udp};
use crate::ice::network::AdapterKind::{self, Cellular, Ethernet, Loopback, Unknown, Vpn, Wifi};
use crate::ice::network::Family;
use crate::server::{Host, IceUri, Scheme, UriTransport};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

mod rules;

fn network(name: &str, kind: AdapterKind, address: &str, prefix: u8) -> Network {
    Network {
        name: name.to_owned(),
        kind,
        underlying: None,
        address: address.parse().unwrap(),
        prefix,
        default_local: None,
        default_route: true,
        speed: None,
    }
}

fn ethernet() -> Network {
    network("eth0", Ethernet, "10.0.0.1", 24)
}

/// `udp A`, `tcp A`, `tls A` or `stun A`, where A is a label or an address.
fn server(text: &str) -> IceServer {
    let (how, host) = text.split_once(' ').unwrap();
    let host = match host.parse() {
        Ok(ip) => Host::Ip(ip),
        Err(_) => Host::Name(format!("{host}.test")),
    };
    let (scheme, port, transport) = match how {
        "udp" => (Scheme::Turn, 3478, Some(UriTransport::Udp)),
        "tcp" => (Scheme::Turn, 80, Some(UriTransport::Tcp)),
        "tls" => (Scheme::Turns, 443, Some(UriTransport::Tcp)),
        _ => (Scheme::Stun, 3478, None),
    };
    let uri = IceUri { text: text.to_owned(), scheme, host, port: Some(port), transport };
    IceServer { uri, credentials: None }
}

const SIX: [&str; 6] = ["udp a", "tls a", "tcp a", "udp b", "tls b", "tcp b"];

fn setup(client: &str, networks: Vec<Network>, servers: &[&str]) -> GatherSetup {
    GatherSetup {
        profile: Profile::parse(client).unwrap(),
        policy: Policy::All,
        media_permission: true,
        udp: true,
        ipv4: true,
        ipv6: true,
        networks,
        servers: servers.iter().map(|text| server(text)).collect(),
        proxied: false,
        beyond_limit: false,
        seed: 1,
    }
}

/// Lets everything succeed that can; returns the priorities by what made them: `relay udp a`, `srflx b`, `host`.
fn priorities(setup: &GatherSetup) -> BTreeMap<String, u32> {
    let mut gathering = Gathering::new(setup);
    let mut found = BTreeMap::new();
    for slot in gathering.slots().to_vec() {
        let local = gathering.networks()[slot.network].network.address;
        let port = if matches!(slot.kind, SlotKind::Relay(Tcp | Tls)) { 6000 } else { 5000 };
        let base = SocketAddr::new(local, port);
        let server = slot.server.map_or(String::new(), |index| setup.servers[index].uri.text.clone());
        let number = u16::try_from(slot.id).unwrap();
        let family = |v4: &str, v6: &str| -> IpAddr { if base.is_ipv4() { v4 } else { v6 }.parse().unwrap() };
        // A relayed address of the client's own kind of IPv6, so that its precedence is known.
        let relayed = SocketAddr::new(family("198.51.100.9", &local.to_string()), 7000 + number);
        let mapped = SocketAddr::new(family("203.0.113.9", &local.to_string()), 8000 + number);
        let learned = match slot.kind {
            SlotKind::Host | SlotKind::HostTcp(_) => Learned::Bound(base),
            SlotKind::Srflx => Learned::Mapped { base, mapped },
            SlotKind::Relay(_) => {
                Learned::Relayed { base, mapped: Some(mapped), relayed, path: None, route: None }
            }
        };
        for candidate in gathering.learned(slot.id, learned, Offset::ZERO) {
            let kind = candidate.kind.as_str();
            let tcp = candidate.tcp_type.map_or("", |tcp_type| tcp_type.as_str());
            let name = match candidate.kind {
                CandidateType::Host => format!("{kind} {tcp}"),
                CandidateType::Srflx => format!("{kind} {}", server.split(' ').nth(1).unwrap()),
                _ => format!("{kind} {server}"),
            };
            found.insert(format!("{} {}", slot.network, name.trim()), candidate.priority);
        }
    }
    found
}

/// The expected table of one network.
fn table(expected: &[(&str, u32)]) -> BTreeMap<String, u32> {
    expected.iter().map(|(name, priority)| (format!("0 {name}"), *priority)).collect()
}

#[test]
fn lines_1_to_3_the_priorities_of_libwebrtc_from_146() {
    let expected = [
        ("host", 2_122_260_223),
        ("host active", 1_518_280_447),
        ("srflx a", 1_686_052_607),
        ("srflx b", 1_686_052_607),
        ("relay udp a", 58_664_191),
        ("relay udp b", 58_663_423),
        ("relay tcp a", 25_109_247),
        ("relay tcp b", 25_108_479),
        ("relay tls a", 8_332_287),
        ("relay tls b", 8_331_519),
    ];
    for client in ["chromium", "chromium@146"] {
        assert_eq!(priorities(&setup(client, vec![ethernet()], &SIX)), table(&expected), "{client}");
    }
}

#[test]
fn line_1_relays_over_udp_weigh_less_up_to_145() {
    let all = priorities(&setup("chromium@145", vec![ethernet()], &SIX));
    assert_eq!((all["0 relay udp a"], all["0 relay udp b"]), (41_886_975, 41_886_207));
    assert_eq!((all["0 relay tcp a"], all["0 relay tls a"]), (25_109_247, 8_332_287));
    let mobile = priorities(&setup("mobile@145", vec![ethernet()], &SIX));
    assert_eq!((mobile["0 relay udp a"], mobile["0 host passive"]), (41_886_975, 1_518_280_447));
}

#[test]
fn line_4_without_the_microphone_chromium_sees_no_networks() {
    let without = |version: &str, servers: &[&str]| {
        let mut setup = setup(version, vec![ethernet()], servers);
        setup.media_permission = false;
        setup.ipv6 = false;
        setup
    };
    let gathering = Gathering::new(&without("chromium", &SIX));
    let any = &gathering.networks()[0];
    assert_eq!((any.id, any.cost, any.preference, any.is_any()), (Some(0), Some(999), 0, true));
    assert_eq!(any.network.default_local, Some("10.0.0.1".parse().unwrap()));
    let expected = [
        ("host", 2_113_937_151),
        ("srflx a", 1_677_729_535),
        ("srflx b", 1_677_729_535),
        ("relay udp a", 50_341_119),
        ("relay udp b", 50_340_351),
        ("relay tcp a", 16_786_175),
        ("relay tcp b", 16_785_407),
        ("relay tls a", 9215),
        ("relay tls b", 8447),
    ];
    assert_eq!(priorities(&without("chromium", &SIX)), table(&expected));
    let old = priorities(&without("chromium@145", &SIX));
    assert_eq!((old["0 relay udp a"], old["0 relay udp b"]), (33_563_903, 33_563_135));
    for (servers, priority) in [(["udp a"], 50_339_839), (["tcp a"], 16_785_407), (["tls a"], 8191)] {
        assert_eq!(priorities(&without("chromium", &servers))[&format!("0 relay {}", servers[0])], priority);
    }
    assert_eq!(priorities(&without("chromium@145", &["udp a"]))["0 relay udp a"], 33_562_623);
}

#[test]
fn without_the_microphone_the_mobile_sdk_sees_its_networks_all_the_same() {
    let mut setup = setup("mobile", vec![ethernet()], &SIX);
    setup.media_permission = false;
    assert_eq!(priorities(&setup)["0 host"], 2_122_260_223);
}

#[test]
fn line_2_a_second_network_and_ipv6_count_in_the_local_preference() {
    let one = |networks: Vec<Network>| priorities(&setup("chromium", networks, &["udp a"]));
    let row = |all: &BTreeMap<String, u32>, at: usize| {
        [format!("{at} host"), format!("{at} srflx a"), format!("{at} relay udp a")].map(|name| all[&name])
    };
    let two = one(vec![network("wlan0", Wifi, "10.1.0.1", 24), ethernet()]);
    assert_eq!(row(&two, 0), [2_122_260_223, 1_686_052_607, 58_662_911]);
    assert_eq!(row(&two, 1), [2_122_194_687, 1_685_987_071, 58_597_375]);
    let global = one(vec![ethernet(), network("eth0", Ethernet, "2001:db8::1", 64)]);
    assert_eq!(global["0 host"], 2_122_262_783);
    assert_eq!((global["0 relay udp a"], global["1 host"]), (58_665_471, 2_122_194_687));
    let ula = one(vec![network("eth0", Ethernet, "fd00::1", 64)]);
    assert_eq!((ula["0 host"], ula["0 relay udp a"]), (2_122_265_343, 58_668_031));
    let mut reflexive = setup("chromium", vec![network("eth0", Ethernet, "2001:db8::1", 64)], &["udp a"]);
    reflexive.policy = Policy::All;
    let mut gathering = Gathering::new(&reflexive);
    let slot = gathering.slots().iter().position(|slot| slot.kind == SlotKind::Srflx).unwrap();
    let base = "[2001:db8::1]:5000".parse().unwrap();
    let mapped = "[2001:db8:1::1]:5000".parse().unwrap();
    let made = gathering.learned(slot, Learned::Mapped { base, mapped }, Offset::ZERO);
    assert_eq!(made[0].priority, 1_686_055_167);
}

#[test]
fn line_3_the_relay_preference_counts_urls_down_to_one() {
    for (servers, priority) in [(["udp a"], 58_662_911), (["tcp a"], 25_108_479), (["tls a"], 8_331_263)] {
        let all = priorities(&setup("chromium", vec![ethernet()], &servers));
        assert_eq!(all[&format!("0 relay {}", servers[0])], priority);
    }
    assert_eq!(priorities(&setup("chromium@145", vec![ethernet()], &["udp a"]))["0 relay udp a"], 41_885_695);
}

#[test]
fn line_5_the_cost_of_networks_and_their_order() {
    let mut vpn = network("tun0", Vpn, "10.8.0.2", 24);
    vpn.underlying = Some(Wifi);
    let networks = vec![
        network("lo", Loopback, "127.0.0.1", 8),
        network("rmnet0", Cellular, "10.3.0.1", 24),
        vpn,
        network("wlan0", Wifi, "10.2.0.1", 24),
        network("tun1", Vpn, "10.9.0.2", 24),
        ethernet(),
        network("eth0", Ethernet, "fe80::1", 64),
        network("odd0", Unknown, "10.4.0.1", 24),
    ];
    let gathering = Gathering::new(&setup("chromium", networks, &[]));
    let seen: Vec<_> = gathering
        .networks()
        .iter()
        .map(|n| (n.network.name.as_str(), n.id.unwrap(), n.cost.unwrap(), n.preference))
        .collect();
    assert_eq!(
        seen,
        [
            ("odd0", 6, 50, 127),
            ("eth0", 5, 0, 126),
            ("wlan0", 3, 10, 125),
            ("rmnet0", 1, 900, 124),
            ("tun0", 2, 10, 123),
            ("tun1", 4, 50, 122),
        ]
    );
}

#[test]
fn line_6_libwebrtc_starts_all_relays_of_a_network_together() {
    let networks = vec![ethernet(), network("wlan0", Wifi, "10.2.0.1", 24)];
    let gathering = Gathering::new(&setup("chromium", networks, &SIX));
    assert_eq!(gathering.slots().len(), 2 * (1 + 2 + 6 + 1));
    for slot in gathering.slots() {
        let expected = match slot.kind {
            SlotKind::Host | SlotKind::Srflx => 0,
            SlotKind::Relay(_) => 50,
            SlotKind::HostTcp(_) => 100,
        };
        assert_eq!(slot.starts, Duration::from_millis(expected), "{slot:?}");
    }
}

#[test]
fn line_11_the_33rd_turn_server_is_left_out() {
    let names: Vec<String> = (0..34).map(|n| format!("udp s{n}")).collect();
    let servers: Vec<&str> = names.iter().map(String::as_str).collect();
    let gathering = Gathering::new(&setup("chromium", vec![ethernet()], &servers));
    assert_eq!(gathering.ignored().iter().map(|(index, _)| *index).collect::<Vec<_>>(), [32, 33]);
    assert!(gathering.slots().iter().all(|slot| slot.server.is_none_or(|server| server < 32)));
    let all = priorities(&setup("chromium", vec![ethernet()], &servers));
    assert_eq!(all["0 relay udp s31"], 58_662_911, "the last counts 1");
    // A name is two servers to Firefox, and there is room for 31.
    let firefox = Gathering::new(&setup("firefox", vec![ethernet()], &servers));
    assert_eq!(firefox.ignored().len(), 34 - 16);
}

#[test]
fn line_21_the_priorities_of_firefox_and_the_gaps_between_its_ids() {
    let expected = [
        ("host", 2_122_252_543),
        ("host active", 2_105_524_479),
        ("srflx a", 1_686_052_863),
        ("srflx b", 1_686_051_327),
        ("relay udp a", 92_217_343),
        ("relay udp b", 92_215_807),
        ("relay tcp a", 8_331_263),
        ("relay tcp b", 8_331_263),
        ("relay tls a", 8_331_263),
        ("relay tls b", 8_331_263),
    ];
    assert_eq!(priorities(&setup("firefox", vec![ethernet()], &SIX)), table(&expected));
    let literal = ["udp 192.0.2.1", "tls 192.0.2.1", "tcp 192.0.2.1", "udp 192.0.2.2", "tcp 192.0.2.2"];
    let literal = priorities(&setup("firefox", vec![ethernet()], &literal));
    assert_eq!(literal["0 relay udp 192.0.2.2"], 92_216_831, "turns: of an address takes no place");
    assert!(!literal.contains_key("0 relay tls 192.0.2.1"));
    let mut stun = vec!["stun c"];
    stun.extend(SIX);
    let stun = priorities(&setup("firefox", vec![ethernet()], &stun));
    assert_eq!((stun["0 relay udp a"], stun["0 relay udp b"]), (92_216_831, 92_215_295));
    assert_eq!(stun["0 relay tls a"], 8_331_263);
    let mut relay_only = setup("firefox", vec![ethernet()], &SIX);
    relay_only.policy = Policy::Relay;
    let relay_only = priorities(&relay_only);
    assert_eq!(relay_only.len(), 6);
    assert_eq!((relay_only["0 relay udp a"], relay_only["0 relay udp b"]), (92_217_343, 92_217_343));
}

#[test]
fn firefox_gives_ipv6_entries_the_next_id() {
    let all = priorities(&setup("firefox", vec![network("eth0", Ethernet, "2001:db8::1", 64)], &["udp a"]));
    assert_eq!(all["0 relay udp a"], 92_217_343 - (1 << 8));
}

#[test]
fn firefox_sorts_by_kind_vpn_speed_and_family() {
    let mut fast = network("eth1", Ethernet, "10.5.0.1", 24);
    fast.speed = Some(1_000_000_000);
    let mut vpn = network("tun0", Vpn, "10.8.0.2", 24);
    vpn.underlying = Some(Ethernet);
    let networks = vec![
        network("wlan0", Wifi, "10.1.0.1", 24),
        vpn,
        ethernet(),
        fast,
        network("eth0", Ethernet, "2001:db8::1", 64),
    ];
    let mut setup = setup("firefox", networks, &[]);
    let order = |setup: &GatherSetup| -> Vec<(String, u16)> {
        let gathering = Gathering::new(setup);
        gathering.networks().iter().map(|n| (n.network.address.to_string(), n.preference)).collect()
    };
    let named = |pairs: &[(&str, u16)]| pairs.iter().map(|(a, p)| ((*a).to_owned(), *p)).collect::<Vec<_>>();
    assert_eq!(
        order(&setup),
        named(&[
            ("10.5.0.1", 127),
            ("2001:db8::1", 126),
            ("10.0.0.1", 125),
            ("10.8.0.2", 124),
            ("10.1.0.1", 123)
        ])
    );
    // Without permission only the default route's address is used, but it keeps its place.
    setup.media_permission = false;
    for network in &mut setup.networks {
        network.default_route = network.name == "wlan0";
    }
    assert_eq!(order(&setup), named(&[("10.1.0.1", 123)]));
}

#[test]
fn firefox_spreads_its_servers_over_time_and_allocates_for_its_srflx() {
    let gathering = Gathering::new(&setup("firefox", vec![ethernet()], &["stun c", "udp a", "tcp a"]));
    let seen: Vec<_> =
        gathering.slots().iter().map(|slot| (slot.id, slot.kind, slot.starts.as_millis())).collect();
    assert_eq!(
        seen,
        [
            (0, SlotKind::Host, 0),
            (1, SlotKind::Srflx, 0),
            (2, SlotKind::Relay(Udp), 20),
            (3, SlotKind::HostTcp(TcpType::Active), 0),
            (4, SlotKind::Relay(Tcp), 40),
        ]
    );
}

#[test]
fn line_22_the_gateway_goes_direct_by_udp_or_by_its_proxy_but_not_both() {
    let direct = priorities(&setup("gateway", vec![ethernet()], &SIX));
    let expected = [
        ("host", 2_015_363_327),
        ("srflx a", 1_679_819_007),
        ("srflx b", 1_679_819_007),
        ("relay udp a", 505_413_887),
        ("relay udp b", 505_430_271),
    ];
    assert_eq!(direct, table(&expected));
    let relays = |client: &str| -> Vec<String> {
        let mut setup = setup(client, vec![ethernet()], &SIX);
        setup.proxied = true;
        priorities(&setup).into_keys().filter(|name| name.contains("relay")).collect()
    };
    assert_eq!(relays("gateway"), ["0 relay tcp a", "0 relay tcp b"]);
    assert_eq!(relays("gateway-tls"), ["0 relay tls a", "0 relay tls b"]);
    let gathering = Gathering::new(&setup("gateway", vec![ethernet()], &SIX));
    assert!(gathering.slots().iter().all(|slot| slot.source_ports == Some(20_000..=29_999)));
    assert_eq!(gathering.ignored().len(), 4);
}

#[test]
fn a_textbook_agent_has_unique_priorities_in_the_order_of_the_list() {
    let all = priorities(&setup("rfc8445", vec![ethernet()], &SIX));
    assert_eq!(
        (all["0 host"], all["0 srflx a"], all["0 relay udp a"]),
        (2_130_706_431, 1_694_498_815, 16_777_215)
    );
    let relays =
        ["udp a", "tls a", "tcp a", "udp b", "tls b", "tcp b"].map(|name| all[&format!("0 relay {name}")]);
    assert!(relays.is_sorted_by(|one, next| one > next));
    let two = priorities(&setup("rfc8445", vec![ethernet(), network("wlan0", Wifi, "10.1.0.1", 24)], &SIX));
    let mut values: Vec<u32> = two.into_values().collect();
    let count = values.len();
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), count);
}
