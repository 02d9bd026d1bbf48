//! The network is what the other cases take it for, as an independent probe sees it.

use crate::ask::urls;
use crate::harness::Case;
use crate::world::{Firewall, Probe, SERVERS, World};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("network::one_round_trip_takes_twice_the_delay", round_trip),
        Case::new("network::both_servers_allocate_over_every_transport", every_transport),
        Case::new("network::both_proxies_tunnel_to_both_ports", through_proxies),
        Case::new("network::each_firewall_stops_what_it_says", firewalls),
        Case::new("network::the_servers_log_tells_of_every_allocation", log_of_allocations),
    ]
}

fn round_trip(world: &mut World) {
    let times: Vec<f64> = (0..5)
        .map(|_| world.probe(&urls(SERVERS[0])[2], None).step("connect").expect("a TCP connection"))
        .collect();
    let fastest = times.iter().copied().fold(f64::MAX, f64::min);
    assert!((40.0..43.0).contains(&fastest), "connecting took {times:?} ms");
}

fn every_transport(world: &mut World) {
    for url in SERVERS.iter().flat_map(|server| urls(server)) {
        allocates(&world.probe(&url, None));
    }
}

fn through_proxies(world: &mut World) {
    world.firewall(Firewall::OnlyProxy);
    for proxy in ["proxy.lab.test:3128", "tinyproxy.lab.test:8888"] {
        for url in &urls(SERVERS[0])[1..] {
            allocates(&world.probe(url, Some(proxy)));
        }
    }
}

fn firewalls(world: &mut World) {
    let [udp, tls, tcp] = urls(SERVERS[0]);
    for (firewall, passing) in [
        (Firewall::UdpDropped, [false, true, true]),
        (Firewall::Only443, [false, true, false]),
        (Firewall::OnlyProxy, [false, false, false]),
    ] {
        world.firewall(firewall);
        let passed = [&udp, &tls, &tcp].map(|url| world.probe_briefly(url).step("challenge").is_some());
        assert_eq!(passed, passing, "{firewall:?}: UDP, TLS/443, TCP/80");
    }
}

fn log_of_allocations(world: &mut World) {
    let before = world.allocations().opened();
    allocates(&world.probe(&urls(SERVERS[1])[0], None));
    let limit = std::time::Duration::from_secs(5);
    let told =
        world.allocations().wait_until(limit, |seen| seen.opened() == before + 1 && seen.open().is_empty());
    assert!(
        told,
        "{} opened, still open: {:?}",
        world.allocations().opened() - before,
        world.allocations().open()
    );
}

fn allocates(probe: &Probe) {
    assert!(probe.step("allocate").is_some(), "{probe:?}");
}
