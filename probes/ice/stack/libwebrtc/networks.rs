//! Which networks libwebrtc gathers on, in which order, at which cost (`rtc_base/network.cc`).

use super::super::common::usable;
use crate::ice::gather::{GatherSetup, unspecified};
use crate::ice::network::{AdapterKind, Family, IceNetwork, Network};
use std::cmp::Reverse;
use std::net::IpAddr;

/// kHighestNetworkPreference.
const HIGHEST_PREFERENCE: u16 = 127;
/// kDefaultMaxIPv6Networks.
const MOST_IPV6: usize = 5;

/// The networks: enumerated ones where that is allowed and yields any, ANY networks otherwise.
pub(super) fn of(setup: &GatherSetup, enumerate: bool) -> Vec<IceNetwork> {
    let enumerated = if enumerate { enumerated(setup) } else { Vec::new() };
    if enumerated.is_empty() { any(setup) } else { enumerated }
}

/// BasicPortAllocatorSession::GetNetworks without enumeration: one network for each family, IPv4 first.
fn any(setup: &GatherSetup) -> Vec<IceNetwork> {
    let wanted = [(Family::V4, setup.ipv4), (Family::V6, setup.ipv6)];
    wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(family, _)| any_network(setup, family)).collect()
}

fn any_network(setup: &GatherSetup, family: Family) -> IceNetwork {
    let mut of_family = setup.networks.iter().filter(|network| Family::of(network.address) == family);
    let default_local = of_family
        .find(|network| network.default_route && !network.address.is_unspecified())
        .map(|network| network.address)
        .or_else(|| {
            setup.networks.iter().filter_map(|n| n.default_local).find(|ip| Family::of(*ip) == family)
        });
    let address = unspecified(family);
    let network = Network {
        name: "any".to_owned(),
        kind: AdapterKind::Any,
        underlying: None,
        address,
        prefix: 0,
        default_local,
        default_route: true,
        speed: None,
    };
    IceNetwork { network, addresses: vec![address], id: Some(0), cost: Some(999), preference: 0 }
}

fn enumerated(setup: &GatherSetup) -> Vec<IceNetwork> {
    let mut networks: Vec<IceNetwork> = Vec::new();
    for network in setup.networks.iter().filter(|network| usable(network, setup) && !is_mac_based(network)) {
        let known = networks.iter_mut().find(|known| key(&known.network) == key(network));
        if let Some(known) = known {
            known.addresses.push(network.address);
            continue;
        }
        let id = u16::try_from(networks.len() + 1).unwrap_or(u16::MAX);
        networks.push(IceNetwork {
            network: network.clone(),
            addresses: vec![network.address],
            id: Some(id),
            cost: Some(cost(network.kind, network.underlying)),
            preference: 0,
        });
    }
    networks.sort_by_key(|network| {
        let precedence = address_precedence(network.network.address);
        (network.network.kind, Reverse(precedence), key(&network.network))
    });
    for (place, network) in networks.iter_mut().enumerate() {
        network.preference = HIGHEST_PREFERENCE.saturating_sub(u16::try_from(place).unwrap_or(u16::MAX));
    }
    let mut ipv6 = 0;
    networks.retain(|network| {
        ipv6 += usize::from(network.family() == Family::V6);
        network.family() == Family::V4 || ipv6 <= MOST_IPV6
    });
    networks
}

/// IPv6 addresses that carry the MAC address are not used (IsIgnoredIPv6).
fn is_mac_based(network: &Network) -> bool {
    let IpAddr::V6(ip) = network.address else { return false };
    let octets = ip.octets();
    octets[8] & 0x02 != 0 && octets[11] == 0xFF && octets[12] == 0xFE
}

/// The key by which libwebrtc tells networks apart: `name%prefix/length`.
fn key(network: &Network) -> String {
    let prefix = match network.address {
        IpAddr::V4(ip) => {
            let keep = u32::from(network.prefix.min(32));
            let mask = u32::MAX.checked_shl(32 - keep).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & mask).into())
        }
        IpAddr::V6(ip) => {
            let keep = u32::from(network.prefix.min(128));
            let mask = u128::MAX.checked_shl(128 - keep).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & mask).into())
        }
    };
    format!("{}%{prefix}/{}", network.name, network.prefix)
}

/// ComputeNetworkCostByType; a VPN costs what lies under it.
fn cost(kind: AdapterKind, underlying: Option<AdapterKind>) -> u16 {
    match kind {
        AdapterKind::Ethernet | AdapterKind::Loopback => 0,
        AdapterKind::Wifi => 10,
        AdapterKind::Cellular => 900,
        AdapterKind::Any => 999,
        AdapterKind::Unknown => 50,
        AdapterKind::Vpn => match underlying {
            None | Some(AdapterKind::Vpn) => 50,
            Some(underlying) => cost(underlying, None),
        },
    }
}

/// `rtc_base/ip_address.cc`, IPAddressPrecedence.
pub(super) fn address_precedence(address: IpAddr) -> u32 {
    let IpAddr::V6(ip) = address else { return 30 };
    let segments = ip.segments();
    match segments {
        _ if ip.is_loopback() => 60,
        _ if ip.is_unique_local() => 50,
        _ if ip.to_ipv4_mapped().is_some() => 30,
        [0x2002, ..] => 20,
        [0x2001, 0, ..] => 10,
        [0x3FFE, ..] | [0, 0, 0, 0, 0, 0, _, _] => 1,
        [first, ..] if first & 0xFFC0 == 0xFEC0 => 1,
        _ => 40,
    }
}
