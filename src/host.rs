//! This host's networks, as far as a client would use them.

use crate::settings::InterfaceChoice;
use raincheck_probes::evidence::Interface;
use raincheck_probes::ice::network::{AdapterKind, Network};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// What was found of this host.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Every address that a client could bind to.
    pub networks: Vec<Network>,
    /// The interfaces, for the report.
    pub interfaces: Vec<Interface>,
}

impl Host {
    /// Asks the system. Takes some milliseconds and blocks: call it from a blocking task.
    pub fn look() -> Self {
        let defaults = [default_local(Family::V4), default_local(Family::V6)].into_iter().flatten().collect();
        Self::from_interfaces(&netdev::get_interfaces(), defaults)
    }

    /// A host whose only network is loopback, for servers that are on this very machine.
    pub fn loopback() -> Self {
        Self::wired("loopback", IpAddr::V4(Ipv4Addr::LOCALHOST), 8)
    }

    /// A host with one wired network.
    pub fn wired(name: &str, address: IpAddr, prefix: u8) -> Self {
        let network = Network {
            name: name.to_owned(),
            kind: AdapterKind::Ethernet,
            underlying: None,
            address,
            prefix,
            default_local: Some(address),
            default_route: true,
            speed: None,
        };
        let interface = Interface {
            name: name.to_owned(),
            kind: kind_name(AdapterKind::Ethernet).to_owned(),
            addresses: vec![address],
            default_route: true,
        };
        Self { networks: vec![network], interfaces: vec![interface] }
    }

    /// The networks that the client may use: all, or those of the interface or address that the user chose.
    pub fn networks_for(&self, choice: Option<&InterfaceChoice>) -> Vec<Network> {
        let chosen = |network: &&Network| match choice {
            None => true,
            Some(InterfaceChoice::Address(ip)) => network.address == *ip,
            Some(InterfaceChoice::Name(name)) => network.name == *name || self.shows(name, network.address),
        };
        let own = |network: &Network| match choice {
            None => network.clone(),
            Some(_) => Network { default_local: Some(network.address), ..network.clone() },
        };
        self.networks.iter().filter(chosen).map(own).collect()
    }

    /// The addresses of the interface or address that the user chose, loopback included; empty when this host has
    /// no such thing.
    pub fn addresses_of(&self, choice: &InterfaceChoice) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = self.networks_for(Some(choice)).iter().map(|n| n.address).collect();
        for interface in &self.interfaces {
            match choice {
                InterfaceChoice::Name(name) if interface.name == *name => {
                    addresses.extend(&interface.addresses)
                }
                InterfaceChoice::Address(ip) if interface.addresses.contains(ip) => addresses.push(*ip),
                InterfaceChoice::Name(_) | InterfaceChoice::Address(_) => {}
            }
        }
        addresses
    }

    /// Whether the interface that reports call `name` has this address.
    fn shows(&self, name: &str, address: IpAddr) -> bool {
        self.interfaces
            .iter()
            .any(|interface| interface.name == name && interface.addresses.contains(&address))
    }

    fn from_interfaces(found: &[netdev::Interface], defaults: Vec<IpAddr>) -> Self {
        let mut host = Self::default();
        for interface in found.iter().filter(|i| i.is_up()) {
            let kind = adapter_kind(interface);
            let v4 = interface.ipv4.iter().map(|net| (IpAddr::V4(net.addr()), net.prefix_len()));
            let v6 = interface.ipv6.iter().map(|net| (IpAddr::V6(net.addr()), net.prefix_len()));
            let addresses: Vec<(IpAddr, u8)> = v4.chain(v6).filter(|(ip, _)| is_usable(ip)).collect();
            let is_default = addresses.iter().any(|(ip, _)| defaults.contains(ip));
            if addresses.is_empty() {
                continue;
            }
            host.interfaces.push(Interface {
                name: shown_name(interface),
                kind: kind_name(kind).to_owned(),
                addresses: addresses.iter().map(|(ip, _)| *ip).collect(),
                default_route: is_default,
            });
            if kind != AdapterKind::Loopback {
                let network = |&(address, prefix): &(IpAddr, u8)| Network {
                    name: interface.name.clone(),
                    kind,
                    underlying: None,
                    address,
                    prefix,
                    default_local: defaults.iter().find(|d| d.is_ipv4() == address.is_ipv4()).copied(),
                    default_route: defaults.contains(&address),
                    speed: interface.transmit_speed,
                };
                host.networks.extend(addresses.iter().map(network));
            }
        }
        host
    }
}

/// An address family.
#[derive(Debug, Clone, Copy)]
enum Family {
    V4,
    V6,
}

/// The address that the default route leaves by. Connecting a datagram socket sends nothing; the clients
/// ask in the same way, with the same addresses (libwebrtc `BasicNetworkManager::QueryDefaultLocalAddress`).
fn default_local(family: Family) -> Option<IpAddr> {
    let (from, to): (SocketAddr, SocketAddr) = match family {
        Family::V4 => ((Ipv4Addr::UNSPECIFIED, 0).into(), (Ipv4Addr::new(8, 8, 8, 8), 53).into()),
        Family::V6 => {
            let to = Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888);
            ((Ipv6Addr::UNSPECIFIED, 0).into(), (to, 53).into())
        }
    };
    let socket = UdpSocket::bind(from).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

/// Link-local IPv6 addresses carry no media to the internet and need a scope; clients leave them out too.
fn is_usable(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_unicast_link_local(),
    }
}

/// The adapter's kind as libwebrtc would class it: by the system's type, else by its name
/// (`rtc_base/network.cc` `GetAdapterTypeFromName`).
fn adapter_kind(interface: &netdev::Interface) -> AdapterKind {
    use netdev::interface::types::InterfaceType;
    let name = interface.name.to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if interface.is_loopback() {
        AdapterKind::Loopback
    } else if interface.is_tun() || starts(&["tun", "tap", "utun", "ipsec", "ppp", "wg"]) {
        AdapterKind::Vpn
    } else {
        match interface.if_type {
            InterfaceType::Wireless80211 => AdapterKind::Wifi,
            InterfaceType::Ethernet | InterfaceType::GigabitEthernet | InterfaceType::FastEthernetT => {
                AdapterKind::Ethernet
            }
            InterfaceType::Wwanpp | InterfaceType::Wwanpp2 => AdapterKind::Cellular,
            _ if starts(&["eth", "en"]) => AdapterKind::Ethernet,
            _ if starts(&["wlan", "wl"]) => AdapterKind::Wifi,
            _ => AdapterKind::Unknown,
        }
    }
}

fn kind_name(kind: AdapterKind) -> &'static str {
    match kind {
        AdapterKind::Ethernet => "ethernet",
        AdapterKind::Wifi => "wifi",
        AdapterKind::Cellular => "cellular",
        AdapterKind::Vpn => "vpn",
        AdapterKind::Loopback => "loopback",
        AdapterKind::Unknown | AdapterKind::Any => "unknown",
    }
}

fn shown_name(interface: &netdev::Interface) -> String {
    interface.friendly_name.clone().unwrap_or_else(|| interface.name.clone())
}
