//! Names and addresses to allow: the two tables of section 5.

use super::named::named;
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

named! {
    /// A service that addresses are listed for: section 5, second table.
    Service, "service" {
        Misc = "misc", "Misc services";
        LoadBalancers = "load-balancers", "Main load balancers";
        Turn = "turn", "TURN media relays";
        Conference = "conference", "Conferencing media servers";
        Mail = "mail", "Mail";
        CloudPbx = "cloud-pbx", "Cloud PBX (Rainbow Hub)";
        DeviceDiscovery = "device-discovery", "Device discovery (Rainbow Hub SIP devices)";
        Connectors = "connectors", "Connector endpoints";
        CallbackProxy = "callback-proxy", "Callback proxy";
    }
}

/// Addresses of one service in one region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressRow {
    /// The service. [`Service::Misc`] blocks may serve any other service, now or later.
    pub service: Service,
    /// The id of the region.
    pub region: String,
    /// The region as the document prints it.
    pub as_written: String,
    /// Addresses and blocks in the document's order, duplicates included; may be empty.
    pub networks: Vec<Network>,
    /// Oddities of the document about this row.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Names to allow for one purpose: section 5, first table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainRow {
    /// Our id for the row: that of the [`Service`] that the names belong to, where there is one.
    pub id: String,
    /// Who connects to these names.
    pub used_by: String,
    /// What for.
    pub purpose: String,
    /// Names and wildcards (`*` anywhere in the first part), wildcards first where there are any.
    pub names: Vec<String>,
    /// Oddities of the document about this row.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Conference hosts whose country is printed alike, a run of the list: section 5.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConferenceHosts {
    /// The id of the region.
    pub region: String,
    /// Their names.
    pub names: Vec<String>,
    /// Oddities of the document about these hosts.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// An address, or a block of them in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// What is wrong with the text of a [`Network`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a block: {0:?}")]
pub struct NotANetwork(String);

impl Network {
    /// The first address of the block.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits all addresses share: 32 or 128 for a single address.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether it is one address only.
    pub const fn is_single(self) -> bool {
        self.prefix == full_length(self.address)
    }

    /// Whether the address lies in it.
    pub fn contains(self, ip: IpAddr) -> bool {
        full_length(self.address) == full_length(ip) && masked(ip, self.prefix) == bits(self.address)
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotANetwork(text.chars().take(64).collect());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let prefix = match prefix {
            Some(digits) => digits.parse().map_err(|_| wrong())?,
            None => full_length(address),
        };
        let begins_the_block = prefix <= full_length(address) && masked(address, prefix) == bits(address);
        if begins_the_block { Ok(Self { address, prefix }) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() {
            f.pad(&self.address.to_string())
        } else {
            f.pad(&format!("{}/{}", self.address, self.prefix))
        }
    }
}

const fn full_length(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address as a number, an IPv4 address in the upper bits, so that prefixes count from the top.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The first `prefix` bits of the address.
fn masked(ip: IpAddr, prefix: u8) -> u128 {
    let host_bits = 128_u32.saturating_sub(u32::from(prefix));
    bits(ip) & u128::MAX.checked_shl(host_bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_block_contains_its_first_and_last_address_and_not_its_neighbours() {
        let block = network("51.75.103.64/27");
        for (ip, inside) in [("51.75.103.63", false), ("51.75.103.64", true), ("51.75.103.95", true)] {
            assert_eq!(block.contains(ip.parse().unwrap()), inside, "{ip}");
        }
        assert!(!block.contains("51.75.103.96".parse().unwrap()));
        assert!(!block.contains("::ffff:51.75.103.64".parse().unwrap()));
    }

    #[test]
    fn a_single_address_contains_itself_only() {
        let one = network("1.2.3.4");
        assert!(one.is_single() && one.contains("1.2.3.4".parse().unwrap()));
        assert!(!one.contains("1.2.3.5".parse().unwrap()));
    }

    #[test]
    fn the_whole_space_and_ipv6_blocks_work() {
        assert!(network("0.0.0.0/0").contains("255.255.255.255".parse().unwrap()));
        assert!(!network("0.0.0.0/0").contains("::1".parse().unwrap()));
        assert!(network("2001:db8::/32").contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.5/30", "1.2.3.4/-1", "::/129"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_is_written_as_it_was_read() {
        for text in ["1.2.3.4", "54.39.227.80/28", "2001:db8::/32"] {
            assert_eq!(network(text).to_string(), text);
        }
    }
}
