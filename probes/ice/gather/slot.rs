//! What a client would try: one slot for each attempt.

use crate::evidence::Transport;
use crate::ice::network::{Family, IceNetwork};
use crate::ice::stack::{Reading, Role};
use crate::ice::{GatherError, TcpType};
use crate::server::{Host, IceUri};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// What a slot may yield.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SlotKind {
    /// A UDP socket: a host candidate.
    Host,
    /// A TCP address of the host's own. An active one needs no socket: it is bound as soon as it starts, port 9.
    HostTcp(TcpType),
    /// A Binding over the network's UDP socket.
    Srflx,
    /// An allocation; over UDP it uses the network's UDP socket.
    Relay(Transport),
}

/// One attempt of the client.
///
/// [`SlotKind::Host`], [`SlotKind::Srflx`] and [`SlotKind::Relay`] over UDP of one network share one socket; a
/// relay over TCP or TLS has a connection of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its number, counted from 0.
    pub id: usize,
    /// The network, as an index into [`super::Gathering::networks`].
    pub network: usize,
    /// The server, as an index into [`super::GatherSetup::servers`].
    pub server: Option<usize>,
    /// What it may yield.
    pub kind: SlotKind,
    /// How the client speaks to the server, and which port it takes; none without a server.
    pub reading: Option<Reading>,
    /// When the client begins it by its own pace, counted from the beginning of gathering.
    pub starts: Duration,
    /// The address that it is bound to; unspecified where the client leaves the choice to the system.
    pub binds: IpAddr,
    /// The ports that it is bound to; none where the system chooses.
    pub source_ports: Option<RangeInclusive<u16>>,
    /// The only family of addresses that the server's name may resolve to; none where any will do.
    pub resolve_family: Option<Family>,
}

/// A server that the client uses, with its place in the client's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Index into the setup's list.
    pub(crate) index: usize,
    pub(crate) uri: IceUri,
    pub(crate) reading: Reading,
    /// The client's own number for it: relay preference, STUN id, position.
    pub(crate) weight: u32,
}

impl Server {
    pub(crate) fn is_relay(&self) -> bool {
        self.reading.role == Role::Turn
    }

    pub(crate) fn is_udp(&self) -> bool {
        self.reading.transport == Transport::Udp
    }

    /// The family of an address literal.
    pub(crate) fn literal(&self) -> Option<Family> {
        match self.uri.host {
            Host::Ip(ip) => Some(Family::of(ip)),
            Host::Name(_) => None,
        }
    }

    /// Whether a socket of this family may reach it.
    pub(crate) fn fits(&self, family: Family) -> bool {
        self.literal().is_none_or(|literal| literal == family)
    }
}

/// The slots of one client, in the order in which it creates them.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) slots: Vec<Slot>,
    /// Errors that the client reports before it sends anything.
    pub(crate) errors: Vec<GatherError>,
}

impl Plan {
    /// Adds a slot that is bound to the network's address and resolves names to its family.
    pub(crate) fn push(
        &mut self,
        kind: SlotKind,
        starts: Duration,
        (number, network): (usize, &IceNetwork),
        server: Option<&Server>,
    ) -> &mut Slot {
        let slot = Slot {
            id: self.slots.len(),
            network: number,
            server: server.map(|server| server.index),
            kind,
            reading: server.map(|server| server.reading),
            starts,
            binds: network.network.address,
            source_ports: None,
            resolve_family: server.and_then(|server| match server.literal() {
                None => Some(network.family()),
                Some(_) => None,
            }),
        };
        self.slots.push(slot);
        let last = self.slots.len() - 1;
        &mut self.slots[last]
    }

    /// Sockets, STUN and relays over UDP first, then relays over streams, each server a step after the one
    /// before it: how every client but libwebrtc begins.
    pub(crate) fn paced(networks: &[IceNetwork], servers: &[Server], hosts: bool, step: Duration) -> Self {
        let mut plan = Self::default();
        let mut next = Duration::ZERO;
        for udp in [true, false] {
            for place in networks.iter().enumerate() {
                if hosts && udp {
                    plan.push(SlotKind::Host, Duration::ZERO, place, None);
                }
                let stun = servers.iter().filter(|server| hosts && !server.is_relay());
                let relays = servers.iter().filter(|server| server.is_relay());
                let family = place.1.family();
                for server in stun.chain(relays).filter(|s| s.is_udp() == udp && s.fits(family)) {
                    let kind = if server.is_relay() {
                        SlotKind::Relay(server.reading.transport)
                    } else {
                        SlotKind::Srflx
                    };
                    plan.push(kind, next, place, Some(server));
                    next += step;
                }
            }
        }
        plan
    }
}

/// The unspecified address of a family.
pub(crate) const fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
