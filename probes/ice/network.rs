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
