//! Plans as lists of questions: nothing is sent.

use super::*;
use raincheck_probes::ice::Policy;
use raincheck_probes::ice::gather::GatherSetup;
use raincheck_probes::ice::network::{AdapterKind, Network};
use raincheck_probes::server::IceUri;

const URLS: [&str; 3] =
    ["turn:a.test:3478?transport=udp", "turns:a.test:443", "turn:a.test:80?transport=tcp"];

fn network(name: &str, address: &str) -> Network {
    let address: IpAddr = address.parse().unwrap();
    Network {
        name: name.to_owned(),
        kind: AdapterKind::Ethernet,
        underlying: None,
        address,
        prefix: 24,
        default_local: Some(address),
        default_route: true,
        speed: None,
    }
}

fn proxy(except: &[&str]) -> ProxyServer {
    ProxyServer {
        tls: false,
        host: "proxy.test".to_owned(),
        port: 3128,
        credentials: None,
        except: except.iter().map(|&name| name.to_owned()).collect(),
    }
}

struct Ask<'a> {
    profile: &'a str,
    urls: &'a [&'a str],
    networks: &'a [Network],
    media_permission: bool,
    proxies: &'a [ProxyServer],
    purpose: Purpose,
}

fn probes(ask: &Ask<'_>) -> Vec<Probe> {
    let profile = Profile::parse(ask.profile).unwrap();
    let uris = ask.urls.iter().map(|url| IceUri::parse(url).unwrap());
    let servers: Vec<IceServer> = uris.map(|uri| IceServer { uri, credentials: None }).collect();
    let gathering = Gathering::new(&GatherSetup {
        profile: profile.clone(),
        policy: Policy::All,
        media_permission: ask.media_permission,
        udp: true,
        ipv4: true,
        ipv6: true,
        networks: ask.networks.to_vec(),
        servers: servers.clone(),
        proxied: !ask.proxies.is_empty(),
        beyond_limit: true,
        seed: 1,
    });
    plan(&gathering, &servers, &profile, ask.proxies, ask.purpose)
}

/// The ids of a plan, those that the client does not try in parentheses.
fn ids(ask: &Ask<'_>) -> Vec<String> {
    let id = |probe: &Probe| if probe.client_tries { probe.id.clone() } else { format!("({})", probe.id) };
    probes(ask).iter().map(id).collect()
}

fn chromium<'a>(networks: &'a [Network], proxies: &'a [ProxyServer], purpose: Purpose) -> Ask<'a> {
    Ask { profile: "chromium", urls: &URLS, networks, media_permission: true, proxies, purpose }
}

#[test]
fn one_probe_for_each_url_in_the_order_of_the_list() {
    let networks = [network("eth0", "10.0.0.2")];
    let expected = ["udp/a.test:3478", "tls/a.test:443", "tcp/a.test:80"];
    assert_eq!(ids(&chromium(&networks, &[], Purpose::Check)), expected);
    assert_eq!(ids(&chromium(&networks, &[], Purpose::Gather)), expected);
}

#[test]
fn chromium_takes_the_proxy_for_streams_and_a_check_compares_with_the_direct_way() {
    let networks = [network("eth0", "10.0.0.2")];
    let proxies = [proxy(&[])];
    let gathered =
        ["udp/a.test:3478", "tls/a.test:443@http://proxy.test:3128", "tcp/a.test:80@http://proxy.test:3128"];
    assert_eq!(ids(&chromium(&networks, &proxies, Purpose::Gather)), gathered);
    let mut checked = gathered.map(str::to_owned).to_vec();
    checked.insert(2, "(tls/a.test:443)".to_owned());
    checked.push("(tcp/a.test:80)".to_owned());
    checked.sort();
    let mut found = ids(&chromium(&networks, &proxies, Purpose::Check));
    found.sort();
    assert_eq!(found, checked);
}

#[test]
fn a_server_that_needs_no_proxy_is_reached_directly() {
    let networks = [network("eth0", "10.0.0.2")];
    let found = ids(&chromium(&networks, &[proxy(&["a.test"])], Purpose::Gather));
    assert_eq!(found, ["udp/a.test:3478", "tls/a.test:443", "tcp/a.test:80"]);
}

#[test]
fn every_network_asks_over_udp_and_streams_are_opened_once() {
    let networks = [network("eth0", "10.0.0.2"), network("wlan0", "10.0.1.2")];
    let found = probes(&chromium(&networks, &[], Purpose::Check));
    let names: Vec<&str> = found.iter().map(|probe| probe.id.as_str()).collect();
    assert_eq!(names, ["udp/a.test:3478", "udp/a.test:3478%10.0.1.2", "tls/a.test:443", "tcp/a.test:80"]);
    assert_eq!(
        found.iter().map(|probe| probe.also_elsewhere).collect::<Vec<_>>(),
        [false, true, false, false]
    );
    assert_eq!(found[2].relay_slots.len(), 2, "one connection fills the slots of both networks");
}

#[test]
fn in_a_call_every_network_opens_its_own_streams_as_the_client_does() {
    let networks = [network("eth0", "10.0.0.2"), network("wlan0", "10.0.1.2")];
    let found = probes(&chromium(&networks, &[], Purpose::Call));
    assert_eq!(found.len(), 6);
    for probe in &found {
        assert_eq!(probe.relay_slots.len(), 1, "{}: one allocation for one candidate", probe.id);
    }
    let names: std::collections::HashSet<&str> = found.iter().map(|probe| probe.id.as_str()).collect();
    assert_eq!(names.len(), 6);
}

#[test]
fn without_permission_a_gathering_shows_both_any_networks_and_a_check_opens_streams_once() {
    let networks = [network("eth0", "10.0.0.2")];
    let count = |purpose| {
        let ask = Ask { media_permission: false, ..chromium(&networks, &[], purpose) };
        probes(&ask).iter().filter(|probe| probe.transport != Transport::Udp).count()
    };
    assert_eq!((count(Purpose::Gather), count(Purpose::Check)), (4, 2));
}

#[test]
fn a_stun_url_beside_the_turn_url_of_the_same_server_is_one_binding() {
    let networks = [network("eth0", "10.0.0.2")];
    for urls in [["stun:a.test:3478", "turn:a.test:3478"], ["turn:a.test:3478", "stun:a.test:3478"]] {
        let found = probes(&Ask { urls: &urls, ..chromium(&networks, &[], Purpose::Check) });
        assert_eq!(found.len(), 1, "{urls:?}");
        assert_eq!((found[0].role, found[0].server.uri.text.as_str()), (Role::Turn, "turn:a.test:3478"));
        assert!(!found[0].mapped_slots.is_empty() && !found[0].relay_slots.is_empty());
    }
}

#[test]
fn servers_beyond_the_clients_limit_are_asked_too() {
    let networks = [network("eth0", "10.0.0.2")];
    let urls: Vec<String> = (1..=40).map(|n| format!("turn:t{n}.test")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    assert_eq!(probes(&Ask { urls: &urls, ..chromium(&networks, &[], Purpose::Check) }).len(), 40);
}

#[test]
fn a_mobile_client_never_takes_the_proxy() {
    let networks = [network("eth0", "10.0.0.2")];
    let proxies = [proxy(&[])];
    let ask = Ask { profile: "mobile", ..chromium(&networks, &proxies, Purpose::Gather) };
    assert_eq!(ids(&ask), ["udp/a.test:3478", "tls/a.test:443", "tcp/a.test:80"]);
}
