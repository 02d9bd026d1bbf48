//! Which addresses of the other end are checked.
//!
//! A description makes us send STUN to addresses that somebody else chose, before that address has said a word. ICE
//! bounds what this can do (a check is small, and nothing else is sent until it was answered with the right password:
//! RFC 8826 section 4.2.1), but leaves the flood of checks to the agent (RFC 8445 section 19.5.1, STUN amplification;
//! RFC 8839 section 9.2.1, voice hammer) and the scan of ports on this host and its network. So:
//!
//! - nothing that is not one host: unspecified, multicast, broadcast and reserved addresses, and addresses of IPv6
//!   that carry such an address of IPv4 inside;
//! - this host and this link only where our own host candidates are of the same kind, as in the lab. RFC 8445 section
//!   5.1.1.1 keeps loopback addresses out of candidates;
//! - no port below 1024, but for 80 and 443 of public addresses: the services that are reachable only from here are on
//!   such ports. This is libwebrtc's VerifyCandidate (`p2p/base/ice_transport_internal.cc`). TURN's own 3478 and 5349
//!   are above;
//! - at most [`Reach::MAX_ADDRESSES`] addresses and [`Reach::MAX_PORTS`] ports of each. A client with three networks
//!   and eight servers names fewer than 30 addresses, and one relay has six ports for each network.

use crate::ice::{Candidate, CandidateType, Protocol, TcpType};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use thiserror::Error;

/// The addresses that were admitted so far, and what may still be.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    loopback: bool,
    link_local: bool,
    admitted: BTreeMap<IpAddr, BTreeSet<u16>>,
}

/// Why an address is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Refusal {
    /// 0.0.0.0/8 or `::`.
    #[error("the unspecified address")]
    Unspecified,
    /// Of a group.
    #[error("a multicast address")]
    Multicast,
    /// 240.0.0.0/4, with the broadcast address in it.
    #[error("a broadcast or reserved address")]
    Reserved,
    /// Of the host that asks itself.
    #[error("a loopback address, and our own candidates are none")]
    Loopback,
    /// Of the link.
    #[error("a link-local address, and our own candidates are none")]
    LinkLocal,
    /// None at all.
    #[error("port 0")]
    NoPort,
    /// Below 1024.
    #[error("port {0}: below 1024 only 80 and 443 of public addresses are checked")]
    Port(u16),
    /// One more than [`Reach::MAX_ADDRESSES`].
    #[error("more than {} addresses", Reach::MAX_ADDRESSES)]
    Addresses,
    /// One more than [`Reach::MAX_PORTS`].
    #[error("more than {} ports of one address", Reach::MAX_PORTS)]
    Ports,
}

impl Reach {
    /// The most addresses of one far end.
    pub const MAX_ADDRESSES: usize = 32;
    /// The most ports of one address.
    pub const MAX_PORTS: usize = 32;

    /// What may be reached from these candidates of ours. Their host candidates decide whether loopback and
    /// link-local addresses may be; a server cannot open them with the address that it tells us.
    pub fn from<'a>(own: impl IntoIterator<Item = &'a Candidate>) -> Self {
        let mut reach = Self::default();
        own.into_iter().for_each(|candidate| reach.add_own(candidate));
        reach
    }

    /// One more candidate of ours, found later.
    pub fn add_own(&mut self, own: &Candidate) {
        if own.kind == CandidateType::Host {
            self.loopback |= own.address.to_canonical().is_loopback();
            self.link_local |= is_link_local(own.address.to_canonical());
        }
    }

    /// Whether this candidate of the other end may be checked; counts it if so. An active TCP candidate is never
    /// connected to (RFC 6544 section 6.2), so its port, 9 by custom, does not matter: only the address is judged.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn admit(&mut self, remote: &Candidate) -> Result<(), Refusal> {
        if remote.protocol == Protocol::Tcp && remote.tcp_type == Some(TcpType::Active) {
            return self.judge(remote.address);
        }
        self.admit_address(SocketAddr::new(remote.address, remote.port))
    }

    /// The same of an address that a check came from, before a check is sent there.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn admit_address(&mut self, remote: SocketAddr) -> Result<(), Refusal> {
        let ip = remote.ip().to_canonical();
        self.judge(ip)?;
        match remote.port() {
            0 => return Err(Refusal::NoPort),
            80 | 443 if is_public(ip) => {}
            port @ 1..1024 => return Err(Refusal::Port(port)),
            _ => {}
        }
        let full = self.admitted.len() >= Self::MAX_ADDRESSES;
        match self.admitted.get_mut(&ip) {
            None if full => return Err(Refusal::Addresses),
            None => drop(self.admitted.insert(ip, BTreeSet::from([remote.port()]))),
            Some(ports) if ports.contains(&remote.port()) => {}
            Some(ports) if ports.len() >= Self::MAX_PORTS => return Err(Refusal::Ports),
            Some(ports) => drop(ports.insert(remote.port())),
        }
        Ok(())
    }

    /// The address alone.
    fn judge(&self, ip: IpAddr) -> Result<(), Refusal> {
        match ip.to_canonical() {
            IpAddr::V4(ip) => self.judge_v4(ip),
            IpAddr::V6(ip) => {
                if let Some(inside) = embedded(ip) {
                    self.judge_v4(inside)?;
                }
                match () {
                    () if ip.is_unspecified() => Err(Refusal::Unspecified),
                    () if ip.is_multicast() => Err(Refusal::Multicast),
                    () if ip.is_loopback() && !self.loopback => Err(Refusal::Loopback),
                    () if ip.is_unicast_link_local() && !self.link_local => Err(Refusal::LinkLocal),
                    () => Ok(()),
                }
            }
        }
    }

    fn judge_v4(&self, ip: Ipv4Addr) -> Result<(), Refusal> {
        match ip.octets()[0] {
            0 => Err(Refusal::Unspecified),
            224..=239 => Err(Refusal::Multicast),
            240..=255 => Err(Refusal::Reserved),
            127 if !self.loopback => Err(Refusal::Loopback),
            169 if ip.is_link_local() && !self.link_local => Err(Refusal::LinkLocal),
            _ => Ok(()),
        }
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Not of a private network, as libwebrtc's IPIsPrivate and IPIsSharedNetwork (`rtc_base/ip_address.cc`) tell them.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared)
        }
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local()),
    }
}

/// The address of IPv4 that a translator or a tunnel would take out of it: NAT64's 64:ff9b::/96 (RFC 6052), 6to4's
/// 2002::/16 (RFC 3056) and the old `::a.b.c.d`.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let word = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(word(high, low)),
        [0x2002, high, low, ..] => Some(word(high, low)),
        // Not :: and ::1, which are judged as what they are.
        [0, 0, 0, 0, 0, 0, high, low] if high > 0 => Some(word(high, low)),
        _ => None,
    }
}
