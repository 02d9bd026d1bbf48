//! libwebrtc, as Chromium and the mobile SDKs carry it.
//!
//! Chromium differs from the native SDKs in what its sandbox allows: without camera or microphone it sees no
//! networks, its TCP sockets are not bound to one and look for a proxy, and it does not listen on TCP. Chromium
//! hides host addresses behind mDNS names while it sees no networks; the addresses themselves are kept here,
//! since they are what an administrator can use.

mod conduct;
mod link;
mod networks;
mod ping;
mod prune;
mod select;

use super::Stack;
use super::common::{TypePreferences, candidate_line, host_port, priority};
use super::facts::{
    ChannelUse, Ignored, Pacing, ProxyAuth, ProxyLookup, ProxyUse, Reading, Role, Schedule, TlsTrust,
    TunnelTraits, TurnTraits,
};
use crate::evidence::Transport;
use crate::ice::agent::conduct::Conduct;
use crate::ice::gather::{
    Failure, Found, Foundations, GatherSetup, Plan, Server, SlotKind, UNREACHABLE, unspecified,
};
use crate::ice::network::{Family, IceNetwork};
use crate::ice::{Candidate, CandidateType, GatherError, Policy, Protocol, TcpType};
use crate::machine::Offset;
use crate::server::{IceUri, Scheme, UriTransport};
use std::net::SocketAddr;
use std::time::Duration;

/// `pc/peer_connection.cc`, kMinimumStepDelay: sockets and STUN, then relays, then ICE-TCP.
const STEP: Duration = Duration::from_millis(50);
/// `api/candidate.h`, kMaxTurnServers.
const MOST_RELAYS: usize = 32;
/// `p2p/base/stun_request.cc`: 250 ms, doubling, at most 8 s, nine sends; streams the same.
const SCHEDULE: Schedule =
    Schedule { sends_ms: &[0, 250, 750, 1750, 3750, 7750, 15_750, 23_750, 31_750], gives_up_ms: 39_750 };

/// libwebrtc, with its milestone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Libwebrtc {
    /// The SDKs for Android and iOS, rather than Chromium.
    pub(super) native: bool,
    pub(super) version: u32,
}

impl Libwebrtc {
    /// `p2p/base/p2p_constants.h`, IcePriorityValue. Relays over UDP rose from 2 to 3 in M146.
    fn type_preferences(self) -> TypePreferences {
        let relay_udp = if self.version >= 146 { 3 } else { 2 };
        TypePreferences { host: [126, 90], srflx: [100, 100], relay: [relay_udp, 1, 0] }
    }
}

impl Stack for Libwebrtc {
    /// `pc/ice_server_parsing.cc` and TurnPort::AllowedTurnPort.
    fn reading(&self, uri: &IceUri) -> Result<Reading, Ignored> {
        let (role, transport, default) = match (uri.scheme, uri.transport) {
            (Scheme::Stun | Scheme::Stuns, Some(_)) => {
                return Err(Ignored("a stun: URI with a transport is an error to libwebrtc".to_owned()));
            }
            (Scheme::Stun | Scheme::Stuns, None) => (Role::Stun, Transport::Udp, 3478),
            (Scheme::Turn, None | Some(UriTransport::Udp)) => (Role::Turn, Transport::Udp, 3478),
            (Scheme::Turn, Some(UriTransport::Tcp)) => (Role::Turn, Transport::Tcp, 3478),
            // Whatever the transport says.
            (Scheme::Turns, _) => (Role::Turn, Transport::Tls, 5349),
        };
        let port = uri.port.unwrap_or(default);
        if role == Role::Turn && port < 1024 && ![53, 80, 443].contains(&port) {
            return Err(Ignored(format!(
                "libwebrtc refuses port {port} for TURN: only 53, 80, 443 and 1024 up"
            )));
        }
        Ok(Reading { role, transport, port })
    }

    /// UDP is never proxied. Chromium's TCP sockets all look for a proxy (`services/network/p2p/socket_tcp.cc`);
    /// native libwebrtc has no proxy support.
    fn proxy_use(&self, transport: Transport) -> ProxyUse {
        if self.native || transport == Transport::Udp { ProxyUse::Never } else { ProxyUse::Through }
    }

    fn tunnel(&self) -> Option<TunnelTraits> {
        (!self.native).then_some(TunnelTraits {
            http: "HTTP/1.1",
            by_name: true,
            alpn: None,
            lookup: ProxyLookup::AsHttps,
            auth: ProxyAuth::CachedOnly,
        })
    }

    fn schedule(&self, _transport: Transport) -> Schedule {
        SCHEDULE
    }

    fn pacing(&self) -> Pacing {
        Pacing::Phases(STEP)
    }

    /// `p2p/base/turn_port.cc`. Since commit aa54326daa (in M150) an answer to the first Allocate other than 401
    /// and 300 is ignored.
    fn turn(&self) -> TurnTraits {
        TurnTraits {
            lifetime: None,
            retries_438_on_allocate: false,
            retries_437: 2,
            follows_300: true,
            accepts_unauthenticated: self.version < 150,
            channels: ChannelUse::FirstData,
        }
    }

    fn networks(&self, setup: &GatherSetup) -> Vec<IceNetwork> {
        let policy_allows = setup.udp && setup.media_permission;
        networks::of(setup, self.native || policy_allows)
    }

    /// The relay preference: N for the first TURN URL, 1 for the last (AllocationSequence::CreateRelayPorts).
    fn weigh(&self, servers: &mut Vec<Server>, _policy: Policy) {
        let mut relays = 0;
        servers.retain(|server| {
            relays += usize::from(server.is_relay());
            !server.is_relay() || relays <= MOST_RELAYS
        });
        let mut left = servers.iter().filter(|server| server.is_relay()).count() as u32;
        for server in servers.iter_mut().filter(|server| server.is_relay()) {
            server.weight = left;
            left -= 1;
        }
    }

    /// `p2p/client/basic_port_allocator.cc`, AllocationSequence::Process, one sequence for each network.
    fn plan(&self, setup: &GatherSetup, networks: &[IceNetwork], servers: &[Server]) -> Plan {
        let mut plan = Plan::default();
        for place in networks.iter().enumerate() {
            // The policy clears the flags of UDP sockets, STUN and relays over UDP; those over streams stay.
            let udp = self.native || setup.udp;
            if udp {
                plan.push(SlotKind::Host, Duration::ZERO, place, None);
                self.plan_stun(&mut plan, place, servers);
            }
            self.plan_relays(&mut plan, place, servers, udp);
            // On an ANY network the candidate would be 0.0.0.0, which is never signalled.
            if !place.1.is_any() {
                let tcp_type = if self.native { TcpType::Passive } else { TcpType::Active };
                plan.push(SlotKind::HostTcp(tcp_type), STEP * 2, place, None);
            }
        }
        plan
    }

    /// The STUN port does that by a Binding of its own.
    fn srflx_from_allocate(&self) -> bool {
        false
    }

    /// `api/candidate.cc`, Candidate::GetPriority.
    fn priority(&self, found: &Found<'_>) -> u32 {
        let address = networks::address_precedence(found.address.ip());
        let relay = found.server.filter(|_| found.relay.is_some()).map_or(0, |server| server.weight);
        let local = ((u32::from(found.network.preference) << 8) | address) + relay;
        priority(self.type_preferences().of(found), local)
    }

    fn check_priority(&self, local: &Candidate) -> u32 {
        check_priority(local)
    }

    /// `api/candidate.cc`, Candidate::ComputeFoundation. Ports that do not share the UDP socket are created
    /// without the tie-breaker, so the foundation of a relay over TCP or TLS is the same in every call.
    fn foundation(&self, names: &mut Foundations, found: &Found<'_>) -> String {
        let base = match found.kind {
            CandidateType::Host => found.address.ip(),
            CandidateType::Srflx | CandidateType::Prflx => found.socket.ip(),
            CandidateType::Relay => found.address.ip(),
        };
        let protocol = if found.protocol == Protocol::Udp { "udp" } else { "tcp" };
        let (relay, tie_breaker) = match found.relay {
            None => ("", names.tie_breaker),
            Some(Transport::Udp) => ("udp", names.tie_breaker),
            Some(Transport::Tcp) => ("tcp", 0),
            Some(Transport::Tls) => ("tls", 0),
        };
        let text = format!("{}{base}{protocol}{relay}{tie_breaker}", found.kind.as_str());
        crc32fast::hash(text.as_bytes()).to_string()
    }

    /// The local address for srflx, the mapped one for relay. The relay-only policy empties it
    /// (PortAllocator::SanitizeCandidate).
    fn related(&self, found: &Found<'_>, policy: Policy) -> SocketAddr {
        let known = match (found.kind, policy) {
            (CandidateType::Relay, Policy::Relay) => None,
            (CandidateType::Relay, Policy::All) => found.mapped,
            _ => found.local,
        };
        known.unwrap_or_else(|| SocketAddr::new(unspecified(Family::of(found.address.ip())), 0))
    }

    fn url(&self, found: &Found<'_>) -> Option<String> {
        let server = found.server?;
        Some(if found.relay.is_some() { turn_url(server) } else { stun_url(server) })
    }

    /// `pc/webrtc_sdp.cc`, BuildCandidate. A peer counts the cost before the priority.
    fn sdp(&self, candidate: &Candidate) -> String {
        let mut line = candidate_line(candidate, "udp", "tcp");
        line.push_str(" generation 0");
        for (name, value) in [("network-id", candidate.network_id), ("network-cost", candidate.network_cost)]
        {
            if let Some(value) = value.filter(|value| *value > 0) {
                line.push_str(&format!(" {name} {value}"));
            }
        }
        line
    }

    /// `p2p/base/stun_port.cc`, OnStunBindingRequestSucceeded: not the socket's own address, which on an ANY
    /// network is 0.0.0.0 and so never the same, and not one that another server has said already.
    fn redundant(&self, new: &Candidate, old: &Candidate) -> bool {
        let same_address = (new.address, new.port) == (old.address, old.port);
        let own = old.kind == CandidateType::Host
            && old.protocol == Protocol::Udp
            && new.network_id.is_some_and(|id| id > 0);
        new.kind == CandidateType::Srflx && same_address && (own || old.kind == CandidateType::Srflx)
    }

    /// `p2p/base/stun_port.cc` and `p2p/base/turn_port.cc`.
    fn complaint(
        &self,
        kind: SlotKind,
        _network: &IceNetwork,
        server: &Server,
        failure: &Failure,
    ) -> Option<(String, String)> {
        let turn = matches!(kind, SlotKind::Relay(_));
        // Chromium leaves the lookup to the connection, native libwebrtc falls back to that.
        let by_connection = matches!(kind, SlotKind::Relay(Transport::Tcp | Transport::Tls));
        let words = match failure {
            Failure::LookupFailed if by_connection => "",
            Failure::NoAddress | Failure::LookupFailed if turn => "TURN host lookup received error.",
            Failure::NoAddress | Failure::LookupFailed => "STUN host lookup received error.",
            Failure::TimedOut if turn => "TURN allocate request timed out.",
            Failure::TimedOut => "STUN binding request timed out.",
            Failure::ConnectFailed(_) => "",
            Failure::StunError { reason, .. } => reason,
            Failure::WrongNetwork => "Address not associated with the desired network interface.",
        };
        Some((if turn { turn_url(server) } else { stun_url(server) }, words.to_owned()))
    }

    fn cost_first(&self) -> bool {
        true
    }

    /// `rtc_base/openssl_adapter.cc` with `rtc_base/openssl_utility.cc`, LoadBuiltinSSLRootCertificates; Chromium's TLS is
    /// its network service's.
    fn trust(&self) -> TlsTrust {
        if self.native { TlsTrust::CompiledIn } else { TlsTrust::Browser }
    }

    fn conduct(&self) -> Box<dyn Conduct> {
        Box::new(conduct::Channel::default())
    }
}

impl Libwebrtc {
    /// One Binding for each address of the set: the STUN servers, and every TURN server over UDP beside them.
    fn plan_stun(&self, plan: &mut Plan, place: (usize, &IceNetwork), servers: &[Server]) {
        let mut asked = Vec::new();
        for server in servers.iter().filter(|server| server.is_udp()) {
            let url = stun_url(server);
            if asked.contains(&url) {
                continue;
            }
            if server.fits(place.1.family()) {
                plan.push(SlotKind::Srflx, Duration::ZERO, place, Some(server));
            } else {
                plan.errors.push(GatherError {
                    url: url.clone(),
                    stage: "binding".to_owned(),
                    code: UNREACHABLE,
                    stun_code: None,
                    text: "STUN server address is incompatible.".to_owned(),
                    at_ms: Offset::ZERO,
                });
            }
            asked.push(url);
        }
    }

    fn plan_relays(&self, plan: &mut Plan, place: (usize, &IceNetwork), servers: &[Server], udp: bool) {
        let fits = |server: &&Server| {
            server.is_relay() && server.fits(place.1.family()) && (udp || !server.is_udp())
        };
        for server in servers.iter().filter(fits) {
            let kind = SlotKind::Relay(server.reading.transport);
            let slot = plan.push(kind, STEP, place, Some(server));
            if !self.native && !server.is_udp() {
                // The browser's network service resolves and binds as it likes.
                slot.binds = unspecified(place.1.family());
                slot.resolve_family = None;
            }
        }
    }
}

/// `p2p/base/connection.cc`, Connection::prflx_priority.
fn check_priority(local: &Candidate) -> u32 {
    let type_preference = if local.protocol == Protocol::Tcp { 80 } else { 110 };
    (type_preference << 24) | (local.priority & 0x00FF_FFFF)
}

fn stun_url(server: &Server) -> String {
    format!("stun:{}", host_port(&server.uri, server.reading.port))
}

/// TurnPort::ReconstructServerUrl.
fn turn_url(server: &Server) -> String {
    let (scheme, transport) = match server.reading.transport {
        Transport::Udp => ("turn", "udp"),
        Transport::Tcp => ("turn", "tcp"),
        Transport::Tls => ("turns", "tcp"),
    };
    format!("{scheme}:{}?transport={transport}", host_port(&server.uri, server.reading.port))
}

#[cfg(test)]
mod tests;
