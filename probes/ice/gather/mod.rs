//! What a client would try, and the candidates that come of it.
//!
//! A [`Gathering`] is a ledger: it says which [`Slot`]s the client fills, is told what was [`Learned`] of each,
//! and answers with the candidates that the real client would signal at that moment. It opens no socket.

mod found;
mod slot;

pub use found::{Failure, Learned};
pub(super) use found::{Found, Foundations, Kin};
pub(super) use slot::{Plan, Server, unspecified};
pub use slot::{Slot, SlotKind};

use super::network::{IceNetwork, Network};
use super::stack::{Ignored, Profile, Stack};
use super::{Candidate, CandidateType, GatherError, Policy, Protocol, TcpType};
use crate::evidence::Transport;
use crate::machine::{IdSource, Offset};
use crate::server::IceServer;
use std::net::SocketAddr;

/// What a client is given.
#[derive(Debug, Clone)]
pub struct GatherSetup {
    /// The client.
    pub profile: Profile,
    /// Which candidates it may use.
    pub policy: Policy,
    /// Whether it holds camera or microphone, and with it sees the host's networks.
    pub media_permission: bool,
    /// Whether UDP may leave without a proxy. False stands for Chromium's IP handling policy `disable_non_proxied_udp`
    /// (`blink/renderer/platform/p2p/port_allocator.cc`), which takes UDP away altogether; other clients have none such.
    pub udp: bool,
    /// Whether IPv4 is used.
    pub ipv4: bool,
    /// Whether IPv6 is used.
    pub ipv6: bool,
    /// The host's networks, in the system's order.
    pub networks: Vec<Network>,
    /// The ICE servers, one per URI.
    pub servers: Vec<IceServer>,
    /// Whether a proxy is configured.
    pub proxied: bool,
    /// Whether servers beyond the client's own limit are asked too, as its least preferred ones. The client would
    /// not; a tester that was given them does.
    pub beyond_limit: bool,
    /// Where random parts come from.
    pub seed: u64,
}

/// One client gathering candidates.
#[derive(Debug)]
pub struct Gathering {
    stack: Box<dyn Stack>,
    policy: Policy,
    networks: Vec<IceNetwork>,
    servers: Vec<Server>,
    ignored: Vec<(usize, Ignored)>,
    slots: Vec<Slot>,
    names: Foundations,
    candidates: Vec<(usize, Candidate)>,
    errors: Vec<GatherError>,
}

impl Gathering {
    /// Works out what the client would try.
    pub fn new(setup: &GatherSetup) -> Self {
        let stack = setup.profile.stack();
        let networks = stack.networks(setup);
        let (servers, ignored) = read_servers(stack.as_ref(), setup);
        let Plan { slots, errors } = stack.plan(setup, &networks, &servers);
        let mut gathering = Self {
            stack,
            policy: setup.policy,
            networks,
            servers,
            ignored,
            slots,
            names: Foundations::new(&mut IdSource::new(setup.seed)),
            candidates: Vec::new(),
            errors,
        };
        gathering.name_in_order();
        gathering
    }

    /// The networks that the client gathers on, best first.
    pub fn networks(&self) -> &[IceNetwork] {
        &self.networks
    }

    /// Everything that the client would try.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The servers that the client leaves out, as indices into [`GatherSetup::servers`], and why.
    pub fn ignored(&self) -> &[(usize, Ignored)] {
        &self.ignored
    }

    /// Every candidate that the client has signalled so far, in order.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().map(|(_, candidate)| candidate)
    }

    /// Every error that the client has reported so far, in order.
    pub fn errors(&self) -> &[GatherError] {
        &self.errors
    }

    /// Takes note of what became of a slot and returns the candidates that the client signals because of it.
    pub fn learned(&mut self, slot: usize, learned: Learned, at: Offset) -> Vec<Candidate> {
        let Some(slot) = self.slots.get(slot).cloned() else { return Vec::new() };
        match (slot.kind, learned) {
            (SlotKind::Host, Learned::Bound(socket)) => {
                let draft = Draft { protocol: Protocol::Udp, ..Draft::host(socket) };
                self.signal(&slot, draft, at).into_iter().collect()
            }
            (SlotKind::HostTcp(tcp_type), Learned::Bound(socket)) => {
                // RFC 6544 section 4.5: an active candidate has the discard port.
                let port = if tcp_type == TcpType::Active { 9 } else { socket.port() };
                let socket = SocketAddr::new(socket.ip(), port);
                let draft =
                    Draft { protocol: Protocol::Tcp, tcp_type: Some(tcp_type), ..Draft::host(socket) };
                self.signal(&slot, draft, at).into_iter().collect()
            }
            (SlotKind::Srflx, Learned::Mapped { base, mapped }) => {
                self.signal(&slot, Draft::srflx(base, mapped), at).into_iter().collect()
            }
            (SlotKind::Relay(transport), Learned::Relayed { base, mapped, relayed, path, route }) => {
                if self.left_by_another_network(&slot, base) {
                    self.complain(&slot, &Failure::WrongNetwork, at);
                    return Vec::new();
                }
                let reflexive = mapped
                    .filter(|_| transport == Transport::Udp && self.stack.srflx_from_allocate())
                    .and_then(|mapped| self.signal(&slot, Draft::srflx(base, mapped), at));
                let draft =
                    Draft { mapped, relay: Some(transport), path, route, ..Draft::relay(base, relayed) };
                reflexive.into_iter().chain(self.signal(&slot, draft, at)).collect()
            }
            (_, Learned::Failed(failure)) => {
                self.complain(&slot, &failure, at);
                Vec::new()
            }
            (_, Learned::Bound(_) | Learned::Mapped { .. } | Learned::Relayed { .. }) => Vec::new(),
        }
    }

    /// Gives out foundations in the order of creation, which is when a client that numbers them does so.
    fn name_in_order(&mut self) {
        for slot in &self.slots {
            let network = &self.networks[slot.network];
            let socket = SocketAddr::new(network.network.address, 0);
            let server = slot.server.and_then(|index| self.servers.iter().find(|s| s.index == index));
            let names = &mut self.names;
            let stack = self.stack.as_ref();
            let mut reserve = |draft: Draft| stack.reserve(names, &draft.found(network, server));
            match slot.kind {
                SlotKind::Host => reserve(Draft::host(socket)),
                SlotKind::HostTcp(_) => {
                    reserve(Draft { protocol: Protocol::Tcp, ..Draft::host(socket) });
                }
                SlotKind::Srflx => reserve(Draft::srflx(socket, socket)),
                SlotKind::Relay(transport) => {
                    if transport == Transport::Udp && self.policy == Policy::All {
                        reserve(Draft::srflx(socket, socket));
                    }
                    reserve(Draft { relay: Some(transport), ..Draft::relay(socket, socket) });
                }
            }
        }
    }

    /// A TCP socket that the system sent out by another network than the slot's: libwebrtc discards it, unless
    /// the address is loopback (a local proxy) or the network is ANY (`p2p/base/turn_port.cc`, OnSocketConnect).
    fn left_by_another_network(&self, slot: &Slot, socket: SocketAddr) -> bool {
        let network = &self.networks[slot.network];
        slot.binds.is_unspecified()
            && !network.is_any()
            && !socket.ip().is_loopback()
            && !network.addresses.contains(&socket.ip())
    }

    fn signal(&mut self, slot: &Slot, draft: Draft, at: Offset) -> Option<Candidate> {
        let network = &self.networks[slot.network];
        let server = slot.server.and_then(|index| self.servers.iter().find(|s| s.index == index));
        let found = draft.found(network, server);
        if found.address.ip().is_unspecified() || (self.policy == Policy::Relay && found.relay.is_none()) {
            return None;
        }
        let related = (found.kind != CandidateType::Host).then(|| self.stack.related(&found, self.policy));
        let mut candidate = Candidate {
            kind: found.kind,
            protocol: found.protocol,
            tcp_type: found.tcp_type,
            address: found.address.ip(),
            port: found.address.port(),
            related_address: related.map(|related| related.ip()),
            related_port: related.map(|related| related.port()),
            priority: self.stack.priority(&found),
            foundation: self.stack.foundation(&mut self.names, &found),
            component: 1,
            network_id: network.id,
            network_cost: network.cost,
            url: self.stack.url(&found),
            relay_protocol: found.relay,
            route: draft.route.or_else(|| Some("direct".to_owned())),
            base: Some(found.local.unwrap_or(found.socket)),
            at_ms: at,
            sdp: String::new(),
            path: draft.path,
        };
        let same_network = |(other, _): &&(usize, Candidate)| *other == slot.network;
        if self.candidates.iter().filter(same_network).any(|(_, old)| self.stack.redundant(&candidate, old)) {
            return None;
        }
        // One that was signalled before and now says less is dropped, so that the list is that of a client
        // whose servers answered in their order.
        self.candidates
            .retain(|(network, old)| *network != slot.network || !self.stack.redundant(old, &candidate));
        candidate.sdp = self.stack.sdp(&candidate);
        self.candidates.push((slot.network, candidate.clone()));
        Some(candidate)
    }

    fn complain(&mut self, slot: &Slot, failure: &Failure, at: Offset) {
        let network = &self.networks[slot.network];
        let server = slot.server.and_then(|index| self.servers.iter().find(|s| s.index == index));
        let Some(server) = server else { return };
        let Some((url, words)) = self.stack.complaint(slot.kind, network, server, failure) else { return };
        let stage = match (failure, slot.kind) {
            (Failure::NoAddress | Failure::LookupFailed, _) => "resolve",
            (Failure::ConnectFailed(_) | Failure::WrongNetwork, _) => "connect",
            (Failure::TimedOut | Failure::StunError { .. }, SlotKind::Relay(_)) => "allocate",
            (Failure::TimedOut | Failure::StunError { .. }, _) => "binding",
        };
        let (code, stun_code) = match failure {
            Failure::StunError { code, .. } => (*code, Some(*code)),
            _ => (UNREACHABLE, None),
        };
        let text = match failure {
            Failure::ConnectFailed(ours) if words.is_empty() => ours.clone(),
            _ => words,
        };
        self.errors.push(GatherError { url, stage: stage.to_owned(), code, stun_code, text, at_ms: at });
    }
}

/// The code of an `icecandidateerror` that no server's answer stands behind (W3C WebRTC, section 4.8.1.2).
pub(super) const UNREACHABLE: u16 = 701;

/// Reads the list as the client does and gives each server that is left its weight.
fn read_servers(stack: &dyn Stack, setup: &GatherSetup) -> (Vec<Server>, Vec<(usize, Ignored)>) {
    let mut servers = Vec::new();
    let mut ignored = Vec::new();
    for (index, server) in setup.servers.iter().enumerate() {
        match stack.reading(&server.uri) {
            Err(reason) => ignored.push((index, reason)),
            Ok(reading) => {
                let server = Server { index, uri: server.uri.clone(), reading, weight: 0 };
                let proxy_use = stack.proxy_use(reading.transport);
                if server.is_relay() && !proxy_use.tried(setup.proxied) {
                    let given = if setup.proxied { "with a proxy" } else { "without a proxy" };
                    ignored.push((index, Ignored(format!("{given} the client does not use this transport"))));
                } else {
                    servers.push(server);
                }
            }
        }
    }
    let given = servers.clone();
    stack.weigh(&mut servers, setup.policy);
    for left_out in given {
        if servers.iter().any(|server| server.index == left_out.index) {
            continue;
        }
        if setup.beyond_limit {
            servers.push(Server { weight: stack.spare_weight(), ..left_out });
        } else {
            let reason = Ignored("the client's list of servers is full".to_owned());
            ignored.push((left_out.index, reason));
        }
    }
    (servers, ignored)
}

/// What was learned, before the client's rules have been applied.
struct Draft {
    kind: CandidateType,
    protocol: Protocol,
    tcp_type: Option<TcpType>,
    socket: SocketAddr,
    /// None for host candidates: their address is the local one.
    address: Option<SocketAddr>,
    mapped: Option<SocketAddr>,
    relay: Option<Transport>,
    path: Option<String>,
    route: Option<String>,
}

impl Draft {
    fn host(socket: SocketAddr) -> Self {
        Self {
            kind: CandidateType::Host,
            protocol: Protocol::Udp,
            tcp_type: None,
            socket,
            address: None,
            mapped: None,
            relay: None,
            path: None,
            route: None,
        }
    }

    fn srflx(socket: SocketAddr, mapped: SocketAddr) -> Self {
        Self { kind: CandidateType::Srflx, address: Some(mapped), mapped: Some(mapped), ..Self::host(socket) }
    }

    fn relay(socket: SocketAddr, relayed: SocketAddr) -> Self {
        Self { kind: CandidateType::Relay, address: Some(relayed), ..Self::host(socket) }
    }

    fn found<'a>(&self, network: &'a IceNetwork, server: Option<&'a Server>) -> Found<'a> {
        let local = if self.socket.ip().is_unspecified() {
            network.network.default_local.map(|ip| SocketAddr::new(ip, self.socket.port()))
        } else {
            Some(self.socket)
        };
        Found {
            kind: self.kind,
            protocol: self.protocol,
            tcp_type: self.tcp_type,
            address: self.address.or(local).unwrap_or(self.socket),
            socket: self.socket,
            local,
            mapped: self.mapped,
            network,
            server,
            relay: self.relay,
        }
    }
}

#[cfg(test)]
mod replay;
#[cfg(test)]
mod tests;
