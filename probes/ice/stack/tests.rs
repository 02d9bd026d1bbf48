use super::*;

use crate::evidence::Transport::{Tcp, Tls, Udp};
use crate::ice::network::{AdapterKind, Network};
use crate::ice::{CandidateType, Protocol};
use crate::server::{Host, Scheme, UriTransport};

fn profile(text: &str) -> Profile {
    Profile::parse(text).unwrap()
}

/// A URI from its parts: `scheme host port transport`, with `-` for what is not written.
fn uri(text: &str) -> IceUri {
    let words: Vec<&str> = text.split(' ').collect();
    IceUri {
        text: text.to_owned(),
        scheme: match words[0] {
            "stun" => Scheme::Stun,
            "stuns" => Scheme::Stuns,
            "turn" => Scheme::Turn,
            _ => Scheme::Turns,
        },
        host: words[1].parse().map_or_else(|_| Host::Name(words[1].to_owned()), Host::Ip),
        port: words[2].parse().ok(),
        transport: match words[3] {
            "udp" => Some(UriTransport::Udp),
            "tcp" => Some(UriTransport::Tcp),
            _ => None,
        },
    }
}

fn reading(client: &str, text: &str) -> Result<(Role, Transport, u16), String> {
    let reading = profile(client).reading(&uri(text));
    reading.map(|r| (r.role, r.transport, r.port)).map_err(|ignored| ignored.0)
}

#[test]
fn a_profile_is_read_and_written_alike() {
    for text in ["chromium", "chromium@145", "firefox", "mobile@146", "gateway", "gateway-tls", "rfc8445"] {
        assert_eq!(profile(text).to_string(), text);
    }
    assert_eq!(profile("chromium@145.0.7632.46").version, Some(145));
    assert_eq!(Profile::default(), profile("chromium"));
    assert_eq!("firefox".parse(), Ok(profile("firefox")));
}

#[test]
fn an_unknown_profile_or_version_is_refused_with_the_names() {
    for text in ["safari", "", "chromium@", "chromium@new", "Chromium", "chromium@-1"] {
        let error = Profile::parse(text).unwrap_err().to_string();
        assert!(error.contains("chromium, firefox, mobile, gateway, gateway-tls, rfc8445"), "{error}");
    }
}

#[test]
fn line_11_libwebrtc_reads_uris_its_own_way() {
    for client in ["chromium", "mobile"] {
        assert_eq!(reading(client, "turn a.test - -"), Ok((Role::Turn, Udp, 3478)));
        assert_eq!(reading(client, "turn a.test 80 tcp"), Ok((Role::Turn, Tcp, 80)));
        assert_eq!(reading(client, "turns a.test - -"), Ok((Role::Turn, Tls, 5349)));
        assert_eq!(reading(client, "turns a.test 443 udp"), Ok((Role::Turn, Tls, 443)));
        assert_eq!(reading(client, "turns 192.0.2.1 443 tcp"), Ok((Role::Turn, Tls, 443)));
        assert_eq!(reading(client, "stun a.test - -"), Ok((Role::Stun, Udp, 3478)));
        assert_eq!(reading(client, "stuns a.test - -"), Ok((Role::Stun, Udp, 3478)));
        assert!(reading(client, "stun a.test - udp").is_err());
        for (port, allowed) in [(53, true), (80, true), (443, true), (1024, true), (22, false), (1023, false)]
        {
            assert_eq!(reading(client, &format!("turn a.test {port} -")).is_ok(), allowed, "{port}");
        }
    }
}

#[test]
fn line_12_firefox_refuses_tls_to_an_address_and_ignores_stuns() {
    assert!(reading("firefox", "turns 192.0.2.1 443 tcp").unwrap_err().contains("name"));
    assert!(reading("firefox", "stuns a.test - -").is_err());
    assert_eq!(reading("firefox", "turns a.test - udp"), Ok((Role::Turn, Tls, 5349)));
    assert_eq!(reading("firefox", "turn 192.0.2.1 80 tcp"), Ok((Role::Turn, Tcp, 80)));
    assert_eq!(reading("firefox", "turn a.test - -"), Ok((Role::Turn, Udp, 3478)));
}

#[test]
fn the_gateway_uses_tls_only_where_it_is_set_up_for_it() {
    assert!(reading("gateway", "turns a.test 443 tcp").unwrap_err().contains("gateway-tls"));
    assert_eq!(reading("gateway-tls", "turns a.test 443 tcp"), Ok((Role::Turn, Tls, 443)));
    assert_eq!(reading("gateway", "turn a.test 80 tcp"), Ok((Role::Turn, Tcp, 80)));
}

#[test]
fn a_textbook_agent_tells_dtls_from_tls() {
    assert!(reading("rfc8445", "turns a.test - udp").is_err());
    assert_eq!(reading("rfc8445", "turns a.test - -"), Ok((Role::Turn, Tls, 5349)));
}

#[test]
fn lines_7_to_9_each_client_keeps_its_own_schedule() {
    let udp = |client: &str| profile(client).schedule(Udp);
    let stream = |client: &str| profile(client).schedule(Tls);
    assert_eq!(udp("chromium").sends_ms, [0, 250, 750, 1750, 3750, 7750, 15_750, 23_750, 31_750]);
    assert_eq!(udp("chromium").gives_up_ms, 39_750);
    assert_eq!(stream("mobile"), udp("mobile"));
    assert_eq!(udp("firefox").sends_ms, [0, 100, 300, 700, 1500, 3100, 6300]);
    assert_eq!((udp("firefox").gives_up_ms, stream("firefox").gives_up_ms), (11_100, 12_800));
    assert_eq!((udp("gateway").sends_ms, udp("gateway").gives_up_ms), (&[0, 500, 1500][..], 2000));
    assert_eq!(udp("rfc8445").gives_up_ms, 39_500);
    for client in ["firefox", "gateway", "rfc8445"] {
        assert_eq!(stream(client).sends_ms, [0], "a stream is not retransmitted");
    }
}

#[test]
fn line_10_libwebrtc_fails_on_438_and_ignores_odd_first_answers_from_m150() {
    let traits = profile("chromium@149").turn_traits();
    assert_eq!((traits.lifetime, traits.retries_438_on_allocate, traits.retries_437), (None, false, 2));
    assert!(traits.follows_300 && traits.accepts_unauthenticated);
    assert_eq!(traits.channels, ChannelUse::FirstData);
    assert!(!profile("chromium@150").turn_traits().accepts_unauthenticated);
    assert!(!profile("mobile").turn_traits().accepts_unauthenticated);
    let firefox = profile("firefox").turn_traits();
    assert_eq!((firefox.lifetime, firefox.retries_438_on_allocate), (Some(3600), true));
    assert_eq!(firefox.channels, ChannelUse::Never);
}

#[test]
fn line_13_chromium_takes_streams_through_the_proxy_and_udp_never() {
    let chromium = profile("chromium");
    let uses = [Udp, Tcp, Tls].map(|transport| chromium.proxy_use(transport));
    assert_eq!(uses, [ProxyUse::Never, ProxyUse::Through, ProxyUse::Through]);
    let tunnel = chromium.tunnel_traits().unwrap();
    assert_eq!((tunnel.http, tunnel.by_name, tunnel.alpn), ("HTTP/1.1", true, None));
    assert_eq!((tunnel.lookup, tunnel.auth), (ProxyLookup::AsHttps, ProxyAuth::CachedOnly));
}

#[test]
fn line_14_firefox_asks_for_its_tunnel_with_alpn_and_looks_up_by_transport() {
    let tunnel = profile("firefox").tunnel_traits().unwrap();
    assert_eq!((tunnel.alpn, tunnel.lookup), (Some("webrtc,c-webrtc"), ProxyLookup::ByTransport));
}

#[test]
fn line_15_mobile_knows_no_proxy_and_the_gateway_only_an_explicit_one() {
    let mobile = profile("mobile");
    assert_eq!([Udp, Tcp, Tls].map(|t| mobile.proxy_use(t)), [ProxyUse::Never; 3]);
    assert_eq!(mobile.tunnel_traits(), None);
    let tunnel = profile("gateway").tunnel_traits().unwrap();
    assert_eq!((tunnel.http, tunnel.by_name, tunnel.lookup), ("HTTP/1.0", false, ProxyLookup::Explicit));
    // Tried without a proxy, and with one.
    let tried = |client: &str, t| [false, true].map(|proxied| profile(client).proxy_use(t).tried(proxied));
    assert_eq!([Udp, Tcp, Tls].map(|t| tried("gateway", t)), [[true, false], [false, true], [false, false]]);
    assert_eq!(
        [Udp, Tcp, Tls].map(|t| tried("gateway-tls", t)),
        [[true, false], [false, false], [false, true]]
    );
    assert!(profile("gateway").proxy_use(Tcp).through() && !profile("gateway").proxy_use(Udp).through());
}

#[test]
fn only_the_gateway_has_source_ports_of_its_own() {
    assert_eq!(profile("gateway").source_ports(), Some(20_000..=29_999));
    assert_eq!(profile("gateway-tls").source_ports(), Some(20_000..=29_999));
    assert_eq!(profile("chromium").source_ports(), None);
}

#[test]
fn line_25_the_priority_of_checks() {
    let check = |client: &str, kind, protocol, priority| {
        profile(client).check_priority(&candidate(kind, protocol, priority))
    };
    let (host, relay) = (CandidateType::Host, CandidateType::Relay);
    assert_eq!(check("chromium", host, Protocol::Udp, 2_122_260_223), 1_853_824_767);
    assert_eq!(check("chromium", host, Protocol::Udp, 2_113_937_151), 1_845_501_695);
    assert_eq!(check("chromium", host, Protocol::Tcp, 1_518_280_447) >> 24, 80);
    assert_eq!(check("mobile", relay, Protocol::Udp, 58_664_191), (110 << 24) | (58_664_191 & 0xFF_FFFF));
    assert_eq!(check("firefox", host, Protocol::Udp, 2_122_252_543), 1_853_817_087);
    assert_eq!(check("firefox", relay, Protocol::Udp, 92_217_343), 92_217_343);
    assert_eq!(check("gateway", host, Protocol::Udp, 2_015_363_327), 1_847_591_167);
    assert_eq!(check("gateway", relay, Protocol::Udp, 505_463_039), 1_847_591_167);
    assert_eq!(check("rfc8445", host, Protocol::Udp, 2_130_706_431), 1_862_270_975);
}

#[test]
fn line_22_libnice_weighs_the_later_relay_higher() {
    // Six relays in the list: UDP, TLS, TCP of A, then of B.
    let stack = libnice::Gateway { tls: true };
    let network = IceNetwork {
        network: Network {
            name: "eth0".to_owned(),
            kind: AdapterKind::Ethernet,
            underlying: None,
            address: "10.0.0.1".parse().unwrap(),
            prefix: 24,
            default_local: None,
            default_route: true,
            speed: None,
        },
        addresses: Vec::new(),
        id: None,
        cost: None,
        preference: 0,
    };
    let address: SocketAddr = "192.0.2.1:5000".parse().unwrap();
    let priority = |kind, protocol, tcp_type, relay: Option<(Transport, u32)>| {
        let server = relay.map(|(transport, weight)| Server {
            index: 0,
            uri: uri("turn a.test - -"),
            reading: Reading { role: Role::Turn, transport, port: 3478 },
            weight,
        });
        stack.priority(&Found {
            kind,
            protocol,
            tcp_type,
            address,
            socket: address,
            local: Some(address),
            mapped: None,
            network: &network,
            server: server.as_ref(),
            relay: relay.map(|(transport, _)| transport),
        })
    };
    let relay =
        |transport, weight| priority(CandidateType::Relay, Protocol::Udp, None, Some((transport, weight)));
    assert_eq!(priority(CandidateType::Host, Protocol::Udp, None, None), 2_015_363_327);
    assert_eq!(priority(CandidateType::Srflx, Protocol::Udp, None, None), 1_679_819_007);
    assert_eq!([relay(Udp, 0), relay(Udp, 3)], [505_413_887, 505_463_039]);
    assert_eq!([relay(Tcp, 2), relay(Tcp, 5)], [337_674_495, 337_723_647]);
    assert_eq!([relay(Tls, 1), relay(Tls, 4)], [337_658_111, 337_707_263]);
}

fn candidate(kind: CandidateType, protocol: Protocol, priority: u32) -> Candidate {
    Candidate {
        kind,
        protocol,
        tcp_type: None,
        address: "192.0.2.1".parse().unwrap(),
        port: 5000,
        related_address: None,
        related_port: None,
        priority,
        foundation: "1".to_owned(),
        component: 1,
        network_id: None,
        network_cost: None,
        url: None,
        relay_protocol: None,
        route: None,
        base: None,
        at_ms: crate::machine::Offset::ZERO,
        sdp: String::new(),
        path: None,
    }
}
