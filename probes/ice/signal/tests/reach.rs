//! Which addresses may be checked.

use super::*;
use crate::ice::Candidate;
use std::net::SocketAddr;

fn candidate(address: &str, port: u16) -> Candidate {
    let mut far = own();
    far.candidates.clear();
    far.add_line(&HOST.replace("192.0.2.9", address).replace("40000", &port.to_string()), NOW);
    far.candidates.remove(0)
}

/// From an ordinary host.
fn outside() -> Reach {
    Reach::from([&candidate("192.0.2.1", 5000)])
}

fn lab() -> Reach {
    Reach::from([&candidate("127.0.0.1", 5000)])
}

#[test]
fn only_addresses_of_one_host_elsewhere_are_checked() {
    let table = [
        ("203.0.113.7", None),
        ("10.0.0.1", None),
        ("100.64.0.1", None),
        ("2001:db8::1", None),
        ("fd00::1", None),
        ("0.0.0.0", Some(Refusal::Unspecified)),
        ("0.1.2.3", Some(Refusal::Unspecified)),
        ("::", Some(Refusal::Unspecified)),
        ("224.0.0.251", Some(Refusal::Multicast)),
        ("ff02::fb", Some(Refusal::Multicast)),
        ("255.255.255.255", Some(Refusal::Reserved)),
        ("240.0.0.1", Some(Refusal::Reserved)),
        ("127.0.0.1", Some(Refusal::Loopback)),
        ("127.9.9.9", Some(Refusal::Loopback)),
        ("::1", Some(Refusal::Loopback)),
        ("169.254.169.254", Some(Refusal::LinkLocal)),
        ("fe80::1", Some(Refusal::LinkLocal)),
    ];
    for (address, refusal) in table {
        assert_eq!(outside().admit(&candidate(address, 5000)).err(), refusal, "{address}");
    }
}

#[test]
fn loopback_in_the_clothes_of_ipv6_was_checked() {
    for address in
        ["::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::1", "::127.0.0.1", "::ffff:7f00:1"]
    {
        assert_eq!(outside().admit(&candidate(address, 5000)), Err(Refusal::Loopback), "{address}");
    }
    assert_eq!(outside().admit(&candidate("::ffff:224.0.0.1", 5000)), Err(Refusal::Multicast));
    assert_eq!(outside().admit(&candidate("64:ff9b::203.0.113.7", 5000)), Ok(()));
}

#[test]
fn the_lab_on_loopback_reaches_loopback() {
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "192.0.2.1"] {
        assert_eq!(lab().admit(&candidate(address, 5000)), Ok(()), "{address}");
    }
    assert_eq!(lab().admit(&candidate("169.254.1.1", 5000)), Err(Refusal::LinkLocal));
    let mut link = outside();
    link.add_own(&candidate("fe80::2", 5000));
    assert_eq!(link.admit(&candidate("fe80::1", 5000)), Ok(()));
    assert_eq!(link.admit(&candidate("127.0.0.1", 5000)), Err(Refusal::Loopback));
}

#[test]
fn a_server_cannot_open_loopback_with_the_address_it_tells_us() {
    let mut told = candidate("127.0.0.1", 5000);
    told.kind = crate::ice::CandidateType::Srflx;
    assert_eq!(Reach::from([&told]).admit(&candidate("127.0.0.1", 5000)), Err(Refusal::Loopback));
}

#[test]
fn ports_of_services_are_not_checked() {
    let admit = |address: &str, port| outside().admit(&candidate(address, port));
    assert_eq!(admit("203.0.113.7", 0), Err(Refusal::NoPort));
    for port in [1, 22, 25, 53, 123, 445, 1023] {
        assert_eq!(admit("203.0.113.7", port), Err(Refusal::Port(port)));
    }
    for port in [80, 443, 1024, 3478, 5349, 65535] {
        assert_eq!(admit("203.0.113.7", port), Ok(()));
    }
    for private in ["10.0.0.1", "100.64.0.1", "fd00::1"] {
        assert_eq!(admit(private, 443), Err(Refusal::Port(443)), "{private}");
    }
    assert_eq!(lab().admit(&candidate("127.0.0.1", 80)), Err(Refusal::Port(80)));
}

#[test]
fn an_active_candidate_is_judged_by_its_address_alone() {
    let mut active = candidate("203.0.113.7", 9);
    active.protocol = crate::ice::Protocol::Tcp;
    active.tcp_type = Some(crate::ice::TcpType::Active);
    assert_eq!(outside().admit(&active), Ok(()));
    active.address = "127.0.0.1".parse().unwrap();
    assert_eq!(outside().admit(&active), Err(Refusal::Loopback));
}

#[test]
fn a_peer_cannot_point_us_at_many_hosts_or_many_ports() {
    let mut reach = outside();
    let at = |host: usize, port: usize| -> SocketAddr { format!("203.0.113.{host}:{port}").parse().unwrap() };
    let admitted = (1..=200).filter(|host| reach.admit_address(at(*host, 5000)).is_ok()).count();
    assert_eq!(admitted, Reach::MAX_ADDRESSES);
    assert_eq!(reach.admit_address(at(200, 5000)), Err(Refusal::Addresses));
    let ports = (5000..6000).filter(|port| reach.admit_address(at(1, *port)).is_ok()).count();
    assert_eq!(ports, Reach::MAX_PORTS);
    assert_eq!(reach.admit_address(at(1, 5999)), Err(Refusal::Ports));
    assert_eq!(reach.admit_address(at(1, 5000)), Ok(()), "what was admitted stays so");
    assert_eq!(reach.admit_address("[::ffff:203.0.113.1]:5000".parse().unwrap()), Ok(()), "the same host");
}
