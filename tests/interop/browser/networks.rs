//! The NATs are what the calls take them for, as an independent probe sees them.

use super::wire::{Framing, Wire};
use crate::harness::Case;
use crate::world::{Nat, Place, Router, World};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// Two ports of one server, and another server.
const OBSERVERS: [&str; 3] = ["198.51.100.11:3478", "198.51.100.11:80", "198.51.100.12:3478"];
const LIMIT: Duration = Duration::from_secs(20);
/// Sends one datagram to `HOST:PORT`.
const SEND: &str = "import socket, sys; host, port = sys.argv[1].split(':'); \
                    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'unasked', (host, int(port)))";

pub(super) fn cases() -> Vec<Case> {
    let nats = [
        (Nat::PortRestricted, "port_restricted", true, false),
        (Nat::EndpointIndependent, "endpoint_independent", true, true),
        (Nat::AddressAndPortDependent, "address_and_port_dependent", false, false),
    ];
    let mut cases = Vec::new();
    for (router, inside) in [(Router::Branch, "client"), (Router::Home, "home")] {
        for (nat, word, one_mapping, lets_in) in nats {
            let name = format!("network::the_nat_before_the_{inside}_can_be_{word}");
            cases.push(Case::new(name, move |world| {
                behaves(world, router, inside, nat, one_mapping, lets_in)
            }));
        }
    }
    cases
}

fn behaves(world: &mut World, router: Router, inside: &str, nat: Nat, one_mapping: bool, lets_in: bool) {
    world.nat(router, nat);
    let mut probe = probe(&world.place(inside));
    let mapped = say(&probe);
    let mapped: Vec<&str> = mapped.iter().filter_map(Value::as_str).collect();
    let [first, other_port, other_server] = mapped[..] else { panic!("mappings: {mapped:?}") };
    if one_mapping {
        assert!(first == other_port && first == other_server, "{nat:?}: {mapped:?}");
    } else {
        assert!(
            first != other_port && first != other_server && other_port != other_server,
            "{nat:?}: {mapped:?}"
        );
    }
    let sent =
        world.place("peer").command("/usr/bin/python3", &["-c", SEND, first]).status().expect("python3");
    assert!(sent.success(), "sending to {first}: {sent}");
    // Both ways are in order, so the answer to a later request comes after what the NAT let in.
    probe.send("");
    let arrived = say(&probe);
    assert_eq!(!arrived.is_empty(), lets_in, "{nat:?}: {arrived:?}");
    assert!(arrived.iter().all(|from| from.as_str().is_some_and(|from| from.starts_with("198.51.100.30:"))));
    assert!(probe.finish(LIMIT).success());
}

fn probe(place: &Place) -> Wire {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/nat_probe.py");
    let script = script.display().to_string();
    let mut arguments = vec![script.as_str()];
    arguments.extend(OBSERVERS);
    Wire::start(place.command("/usr/bin/python3", &arguments), Framing::Line, "nat_probe.py")
}

fn say(probe: &Wire) -> Vec<Value> {
    let line = probe.next(Instant::now() + LIMIT).unwrap_or_else(|| panic!("nat_probe.py ended"));
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("nat_probe.py said {line}: {error}"))
}
