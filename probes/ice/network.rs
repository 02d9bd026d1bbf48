//! The host's networks as an ICE stack sees them.

use std::net::IpAddr;

/// The kind of an adapter, in libwebrtc's order of preference (`rtc_base/network_constants.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AdapterKind {
    /// Not known; sorts first.
    Unknown,
    /// Wired.
    Ethernet,
    /// Wireless LAN.
    Wifi,
    /// Mobile.
    Cellular,
    /// A tunnel.
    Vpn,
    /// Loopback.
    Loopback,
    /// The unspecified address, when interfaces are not enumerated.
    Any,
}

/// One address of one adapter. A NIC with IPv4 and IPv6 is two networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The system's name of the adapter.
    pub name: String,
    /// Its kind.
    pub kind: AdapterKind,
    /// What lies under a VPN, when that is known; libwebrtc takes its cost.
    pub underlying: Option<AdapterKind>,
    /// The address that the client binds to; unspecified for [`AdapterKind::Any`].
    pub address: IpAddr,
    /// The prefix length of the address.
    pub prefix: u8,
    /// The address of the default route's interface of this family, which stands for an ANY network's.
    pub default_local: Option<IpAddr>,
    /// Whether the default route of this family leaves by it.
    pub default_route: bool,
    /// The adapter's speed, bits per second, when known.
    pub speed: Option<u64>,
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// A network that the client gathers on, with what the client's own rules say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceNetwork {
    /// The network. Its address is the one that the client binds to.
    pub network: Network,
    /// Every address of the host that the client counts to this network, [`Network::address`] among them.
    pub addresses: Vec<IpAddr>,
    /// libwebrtc's network id: 1 for the first that was enumerated, 0 for an ANY network.
    pub id: Option<u16>,
    /// libwebrtc's network cost (`rtc_base/network.cc`, ComputeNetworkCostByType).
    pub cost: Option<u16>,
    /// The network's part of the local preference, in the client's own scale: higher is preferred.
    pub preference: u16,
}

impl IceNetwork {
    /// The family of the address.
    pub const fn family(&self) -> Family {
        Family::of(self.network.address)
    }

    /// Whether the client lets the system choose the interface.
    pub fn is_any(&self) -> bool {
        self.network.kind == AdapterKind::Any
    }
}
