//! Firefox: nICEr and what stands around it.
//!
//! Two things are simplified: of the interface order, Firefox's fixed list of interface names is left out; and
//! servers start at their place in the list, where Firefox takes them as their names are resolved.

use super::Stack;
use super::common::{TypePreferences, candidate_line, host_port, priority, usable};
use super::facts::{
    ChannelUse, Ignored, Pacing, ProxyAuth, ProxyLookup, ProxyUse, Reading, Role, Schedule, TlsTrust,
    TunnelTraits, TurnTraits,
};
use crate::evidence::Transport;
use crate::ice::agent::checklist::{
    Checklist, Concluding, Consent, Counting, Failing, Freezing, Habits, Nomination, Retransmission,
    StreamWait,
};
use crate::ice::agent::conduct::{Conduct, Traits};
use crate::ice::gather::{Failure, Found, Foundations, GatherSetup, Kin, Plan, Server, Slot, SlotKind};
use crate::ice::network::{AdapterKind, Family, IceNetwork, Network};
use crate::ice::{Candidate, CandidateType, Policy, Protocol, TcpType};
use crate::server::{Host, IceUri, Scheme, UriTransport};
use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The pace of STUN and TURN requests, accumulated over all servers (`ice_candidate.c`, stun_delay).
const STEP: Duration = Duration::from_millis(20);
/// The priority keeps five bits for the server.
const MOST_SERVERS: u32 = 31;
/// The weight of a server beyond them.
const NO_ROOM: u32 = u32::MAX;
/// `stun_client_ctx.c`: 100 ms, doubling, seven sends, then 16 more of the first.
const OVER_UDP: Schedule = Schedule { sends_ms: &[0, 100, 300, 700, 1500, 3100, 6300], gives_up_ms: 11_100 };
const OVER_STREAM: Schedule = Schedule { sends_ms: &[0], gives_up_ms: 12_800 };
/// `nricectx.cpp`, InitializeGlobals.
const TYPES: TypePreferences = TypePreferences { host: [126, 125], srflx: [100, 99], relay: [5, 0, 0] };

/// Firefox on a desktop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Firefox;

impl Stack for Firefox {
    /// `MediaTransportHandler.cpp`.
    fn reading(&self, uri: &IceUri) -> Result<Reading, Ignored> {
        let (role, transport, default) = match (uri.scheme, uri.transport) {
            (Scheme::Stuns, _) => return Err(Ignored("Firefox ignores stuns: URIs".to_owned())),
            (Scheme::Stun, Some(UriTransport::Tcp)) => {
                return Err(Ignored("Firefox asks STUN servers over UDP only".to_owned()));
            }
            (Scheme::Stun, None | Some(UriTransport::Udp)) => (Role::Stun, Transport::Udp, 3478),
            (Scheme::Turn, None | Some(UriTransport::Udp)) => (Role::Turn, Transport::Udp, 3478),
            (Scheme::Turn, Some(UriTransport::Tcp)) => (Role::Turn, Transport::Tcp, 3478),
            (Scheme::Turns, _) => (Role::Turn, Transport::Tls, 5349),
        };
        if transport == Transport::Tls && matches!(uri.host, Host::Ip(_)) {
            return Err(Ignored("Firefox needs a name, not an address, in a turns: URI".to_owned()));
        }
        Ok(Reading { role, transport, port: uri.port.unwrap_or(default) })
    }

    fn proxy_use(&self, transport: Transport) -> ProxyUse {
        if transport == Transport::Udp { ProxyUse::Never } else { ProxyUse::Through }
    }

    /// `WebrtcTCPSocket.cpp`, nsHttpConnection::MakeConnectString.
    fn tunnel(&self) -> Option<TunnelTraits> {
        Some(TunnelTraits {
            http: "HTTP/1.1",
            by_name: true,
            alpn: Some("webrtc,c-webrtc"),
            lookup: ProxyLookup::ByTransport,
            auth: ProxyAuth::MayAsk,
        })
    }

    fn schedule(&self, transport: Transport) -> Schedule {
        if transport == Transport::Udp { OVER_UDP } else { OVER_STREAM }
    }

    fn pacing(&self) -> Pacing {
        Pacing::EachServer(STEP)
    }

    /// PSM, `WebrtcTCPSocket.cpp`.
    fn trust(&self) -> TlsTrust {
        TlsTrust::Browser
    }

    /// `turn_client_ctx.c`.
    fn turn(&self) -> TurnTraits {
        TurnTraits {
            lifetime: Some(3600),
            retries_438_on_allocate: true,
            retries_437: 0,
            follows_300: true,
            accepts_unauthenticated: false,
            channels: ChannelUse::Never,
        }
    }

    /// `nrinterfaceprioritizer.cpp`: every address gets its place; without permission only the default
    /// routes' addresses are used.
    fn networks(&self, setup: &GatherSetup) -> Vec<IceNetwork> {
        let mut all: Vec<&Network> = setup
            .networks
            .iter()
            .filter(|network| usable(network, setup) && !is_link_local(network))
            .collect();
        all.sort_by_key(|network| interface_order(network));
        let places = (0..=127_u16).rev().chain(std::iter::repeat(0));
        let every = all.into_iter().zip(places).map(|(network, preference)| IceNetwork {
            network: network.clone(),
            addresses: vec![network.address],
            id: None,
            cost: None,
            preference,
        });
        every.filter(|network| setup.media_permission || network.network.default_route).collect()
    }

    /// Server ids, as weights of id + 1; 0 is a server without one, which counts as id 0. A name stands for two
    /// entries, IPv4 and IPv6. STUN servers come first; TURN servers count on, whatever their transport, but
    /// only those over UDP get their id, and only when the policy is not relay-only (`ice_component.c`,
    /// nr_ice_component_initialize_udp).
    fn weigh(&self, servers: &mut Vec<Server>, policy: Policy) {
        let mut next = 0;
        for relays in [false, true] {
            for server in servers.iter_mut().filter(|server| server.is_relay() == relays) {
                let id = next;
                next += if server.literal().is_none() { 2 } else { 1 };
                let keeps_id = server.is_udp() && policy == Policy::All;
                server.weight = match id {
                    MOST_SERVERS.. => NO_ROOM,
                    _ if keeps_id => id + 1,
                    _ => 0,
                };
            }
        }
        servers.retain(|server| server.weight != NO_ROOM);
    }

    fn spare_weight(&self) -> u32 {
        MOST_SERVERS + 1
    }

    /// `ice_component.c`. The passive TCP candidate of the source needs a listening socket, which Firefox's
    /// content processes are not given: it is in no recording.
    fn plan(&self, setup: &GatherSetup, networks: &[IceNetwork], servers: &[Server]) -> Plan {
        let hosts = setup.policy == Policy::All;
        let mut plan = Plan::paced(networks, servers, hosts, STEP);
        if hosts {
            // Each network's own candidate is created before its relays over streams.
            let over_stream = |slot: &Slot| matches!(slot.kind, SlotKind::Relay(t) if t != Transport::Udp);
            let streams: Vec<Slot> = plan.slots.iter().filter(|slot| over_stream(slot)).cloned().collect();
            plan.slots.retain(|slot| !over_stream(slot));
            for place in networks.iter().enumerate() {
                plan.push(SlotKind::HostTcp(TcpType::Active), Duration::ZERO, place, None);
                let own = streams.iter().filter(|slot| slot.network == place.0);
                for slot in own {
                    let id = plan.slots.len();
                    plan.slots.push(Slot { id, ..slot.clone() });
                }
            }
        }
        plan
    }

    /// `ice_candidate.c`, nr_ice_candidate_compute_priority.
    fn priority(&self, found: &Found<'_>) -> u32 {
        let server = match (found.kind, found.server) {
            (CandidateType::Host, _) | (_, None) => 0,
            (_, Some(server)) => 31_u32.saturating_sub(id(server, found.network.family())),
        };
        let direction = match found.tcp_type {
            None => 0,
            Some(TcpType::Active) => 6,
            Some(TcpType::Passive) => 4,
            Some(TcpType::So) => 2,
        };
        let interface = u32::from(found.network.preference);
        priority(TYPES.of(found), (interface << 8) | (direction << 5) | server)
    }

    /// The formula for peer-reflexive candidates; a relay sends its own priority (`ice_candidate_pair.c`).
    fn check_priority(&self, local: &Candidate) -> u32 {
        if local.kind == CandidateType::Relay {
            return local.priority;
        }
        let type_preference = if local.protocol == Protocol::Tcp { 109 } else { 110 };
        (type_preference << 24) | (local.priority & 0x00FF_E0FF)
    }

    /// `ice_candidate.c`, nr_ice_get_foundation: numbers by base, type and server address. A server that is
    /// written as a name has no address yet when the number is given.
    fn foundation(&self, names: &mut Foundations, found: &Found<'_>) -> String {
        let protocol = match found.relay {
            Some(Transport::Tcp | Transport::Tls) => Protocol::Tcp,
            _ => found.protocol,
        };
        let server = found.server.and_then(|server| match server.uri.host {
            Host::Ip(ip) => Some(ip),
            Host::Name(_) => None,
        });
        let base = found.network.network.address;
        names.number(Kin { kind: found.kind, protocol, base, server, relayed: None }).to_string()
    }

    fn reserve(&self, names: &mut Foundations, found: &Found<'_>) {
        let _ = self.foundation(names, found);
    }

    /// The base, which of a relay is the relayed address itself.
    fn related(&self, found: &Found<'_>, _policy: Policy) -> SocketAddr {
        if found.relay.is_some() { found.address } else { found.local.unwrap_or(found.socket) }
    }

    fn url(&self, _found: &Found<'_>) -> Option<String> {
        None
    }

    fn sdp(&self, candidate: &Candidate) -> String {
        candidate_line(candidate, "UDP", "TCP")
    }

    /// As recorded for a silent server over UDP: one error for each TURN server, no words, no transport in the
    /// URL. For other failures and transports there is no recording; a server's own error keeps its reason, and
    /// a missing address of one family is taken as no error.
    fn complaint(
        &self,
        kind: SlotKind,
        _network: &IceNetwork,
        server: &Server,
        failure: &Failure,
    ) -> Option<(String, String)> {
        let words = match failure {
            Failure::NoAddress => return None,
            Failure::StunError { reason, .. } => reason.clone(),
            _ => String::new(),
        };
        let target = host_port(&server.uri, server.reading.port);
        let url = match kind {
            SlotKind::Relay(Transport::Udp) => format!("turn:{target}"),
            SlotKind::Relay(Transport::Tcp) => format!("turn:{target}?transport=tcp"),
            SlotKind::Relay(Transport::Tls) => format!("turns:{target}"),
            SlotKind::Host | SlotKind::HostTcp(_) | SlotKind::Srflx => format!("stun:{target}"),
        };
        Some((url, words))
    }

    fn conduct(&self) -> Box<dyn Conduct> {
        Box::new(Checklist::new(habits()))
    }
}

/// The id of a server's entry for one family: the IPv6 entry of a name follows its IPv4 one.
fn id(server: &Server, family: Family) -> u32 {
    let second = server.literal().is_none() && family == Family::V6;
    server.weight.checked_sub(1).map_or(0, |id| id + u32::from(second))
}

/// Firefox leaves out link-local addresses of IPv4 too.
fn is_link_local(network: &Network) -> bool {
    matches!(network.address, IpAddr::V4(ip) if ip.is_link_local())
}

/// Wired, Wi-Fi, mobile, other; no VPN before VPN; the faster first; IPv6 first; then by name and address.
fn interface_order(network: &Network) -> (u8, bool, Reverse<u64>, bool, String, IpAddr) {
    let kind = match network.kind {
        AdapterKind::Vpn => network.underlying.unwrap_or(AdapterKind::Unknown),
        kind => kind,
    };
    let teredo = matches!(network.address, IpAddr::V6(ip) if ip.segments()[..2] == [0x2001, 0]);
    let class = match kind {
        _ if teredo => 5,
        AdapterKind::Ethernet => 1,
        AdapterKind::Wifi => 2,
        AdapterKind::Cellular => 3,
        AdapterKind::Unknown | AdapterKind::Vpn | AdapterKind::Loopback | AdapterKind::Any => 4,
    };
    let vpn = network.kind == AdapterKind::Vpn;
    let speed = Reverse(network.speed.unwrap_or(0));
    (class, vpn, speed, network.address.is_ipv4(), network.name.clone(), network.address)
}

/// nICEr. Left out: it turns its role once only, and copies a pair for its triggered check.
fn habits() -> Habits {
    let ms = Duration::from_millis;
    Habits {
        // `ice_component.c`, nr_ice_component_process_incoming_check: a tie is answered with 487 either way.
        traits: Traits {
            credential_lengths: [8, 32],
            hex_credentials: true,
            yields_on_tie: false,
            refuses_on_controlled_tie: true,
            network_info: false,
            renews_tie_breaker: false,
        },
        check_priority: |local| Firefox.check_priority(local),
        // nr_ice_component_consent_timer_cb: the local candidate's own.
        consent_priority: |local| local.priority,
        ta: STEP,
        // `ice_candidate_pair.c`, nr_ice_candidate_pair_create; `stun_client_ctx.c`.
        retransmission: Retransmission {
            floor: ms(100),
            counting: Counting::WaitingAtFirst,
            sends: 7,
            last_wait: 48,
            stream: StreamWait::Rtos(128),
        },
        pair_limit: None,
        freezing: Freezing::Nicer,
        families_take_turns: false,
        triggers_once: true,
        nomination: Nomination::Aggressive,
        concluding: Concluding::Unsent,
        consent: Some(Consent { interval: ms(5_000), expiry: ms(30_000), revoked_by_403: true }),
        keepalive: None,
        // `nricectx.cpp`: ice.trickle_grace_period.
        failing: Failing::Grace(ms(5_000)),
        completes: false,
    }
}
