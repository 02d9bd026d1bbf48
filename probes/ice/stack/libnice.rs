//! The WebRTC gateway: libnice, with what the vendor's requirements document says of it in section 4.6.1.
//!
//! The document decides where the two differ. The gateway reaches TURN servers over UDP from ports 20000 to
//! 29999; once it is given a proxy it uses that instead, to TCP/80, or to TLS/443 where the proxy does not pass
//! TCP/80. libnice itself would take a `turns:` server for plain TCP; the document says TLS, so it is TLS here,
//! and only where the gateway is set up for it. Without a proxy nothing but UDP is tried.

use super::Stack;
use super::common::{TypePreferences, candidate_line, plain_complaint, priority, usable, weigh_by_position};
use super::facts::{
    ChannelUse, Ignored, Pacing, ProxyAuth, ProxyLookup, ProxyUse, Reading, Role, Schedule, TlsTrust,
    TunnelTraits, TurnTraits,
};
use crate::evidence::Transport;
use crate::ice::agent::checklist::{
    Checklist, Concluding, Counting, Failing, Freezing, Habits, Keepalive, Nomination, Retransmission,
    StreamWait,
};
use crate::ice::agent::conduct::{Conduct, Traits};
use crate::ice::gather::{Failure, Found, Foundations, GatherSetup, Kin, Plan, Server, SlotKind};
use crate::ice::network::{IceNetwork, Network};
use crate::ice::{Candidate, CandidateType, Policy, Protocol};
use crate::server::{IceUri, Scheme, UriTransport};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The ports of its media sockets, section 4.6.1 of the requirements document.
const SOURCE_PORTS: RangeInclusive<u16> = 20_000..=29_999;
/// Ta.
const STEP: Duration = Duration::from_millis(20);
/// NICE_CANDIDATE_MAX_TURN_SERVERS.
const MOST_RELAYS: usize = 8;
/// `stun/usages/timer.h`: 500 ms, three sends.
const OVER_UDP: Schedule = Schedule { sends_ms: &[0, 500, 1500], gives_up_ms: 2000 };
const OVER_STREAM: Schedule = Schedule { sends_ms: &[0], gives_up_ms: 2000 };
/// `agent/candidate-priv.h`, halved for TCP.
const TYPES: TypePreferences = TypePreferences { host: [120, 60], srflx: [100, 50], relay: [30, 20, 20] };

/// The gateway.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gateway {
    /// Whether it is set up to go through its proxy by TLS/443.
    pub(super) tls: bool,
}

impl Stack for Gateway {
    fn reading(&self, uri: &IceUri) -> Result<Reading, Ignored> {
        let (role, transport, default) = match (uri.scheme, uri.transport) {
            (Scheme::Stuns, _) => {
                return Err(Ignored("the gateway asks STUN servers over UDP only".to_owned()));
            }
            (Scheme::Stun, _) => (Role::Stun, Transport::Udp, 3478),
            (Scheme::Turn, None | Some(UriTransport::Udp)) => (Role::Turn, Transport::Udp, 3478),
            (Scheme::Turn, Some(UriTransport::Tcp)) => (Role::Turn, Transport::Tcp, 3478),
            (Scheme::Turns, _) if !self.tls => {
                let reason = "the gateway uses TLS only where it is set up for it: profile gateway-tls";
                return Err(Ignored(reason.to_owned()));
            }
            (Scheme::Turns, _) => (Role::Turn, Transport::Tls, 5349),
        };
        Ok(Reading { role, transport, port: uri.port.unwrap_or(default) })
    }

    fn proxy_use(&self, transport: Transport) -> ProxyUse {
        match (transport, self.tls) {
            (Transport::Udp, _) => ProxyUse::OnlyDirect,
            (Transport::Tcp, false) | (Transport::Tls, true) => ProxyUse::OnlyThrough,
            (Transport::Tcp, true) | (Transport::Tls, false) => ProxyUse::NotUsed,
        }
    }

    /// `socket/http.c`. The vendor's document asks for a proxy that speaks HTTP/1.1.
    fn tunnel(&self) -> Option<TunnelTraits> {
        Some(TunnelTraits {
            http: "HTTP/1.0",
            by_name: false,
            alpn: None,
            lookup: ProxyLookup::Explicit,
            auth: ProxyAuth::ConfiguredBasic,
        })
    }

    fn source_ports(&self) -> Option<RangeInclusive<u16>> {
        Some(SOURCE_PORTS)
    }

    fn schedule(&self, transport: Transport) -> Schedule {
        if transport == Transport::Udp { OVER_UDP } else { OVER_STREAM }
    }

    fn pacing(&self) -> Pacing {
        Pacing::EachServer(STEP)
    }

    /// libnice's own TLS relay type is plain TCP in RFC mode. What a gateway trusts that does speak TLS is not known; the
    /// system's roots are assumed.
    fn trust(&self) -> TlsTrust {
        if self.tls { TlsTrust::System } else { TlsTrust::NoTls }
    }

    fn turn(&self) -> TurnTraits {
        TurnTraits {
            lifetime: None,
            retries_438_on_allocate: true,
            retries_437: 0,
            follows_300: true,
            accepts_unauthenticated: true,
            channels: ChannelUse::Always,
        }
    }

    /// `agent/interfaces.c`: public addresses before private ones. The index counts as preference, so the later
    /// address is preferred.
    fn networks(&self, setup: &GatherSetup) -> Vec<IceNetwork> {
        let mut used: Vec<&Network> =
            setup.networks.iter().filter(|network| usable(network, setup)).collect();
        used.sort_by_key(|network| is_private(network.address));
        let numbered = used.into_iter().zip((0..63).chain(std::iter::repeat(63)));
        let mut networks: Vec<IceNetwork> = numbered
            .map(|(network, index)| IceNetwork {
                network: network.clone(),
                addresses: vec![network.address],
                id: None,
                cost: None,
                preference: index,
            })
            .collect();
        networks.reverse();
        networks
    }

    /// The position in the list of relays; one STUN server.
    fn weigh(&self, servers: &mut Vec<Server>, _policy: Policy) {
        weigh_by_position(servers);
        servers.retain(|server| (server.weight as usize) < if server.is_relay() { MOST_RELAYS } else { 1 });
    }

    fn plan(&self, setup: &GatherSetup, networks: &[IceNetwork], servers: &[Server]) -> Plan {
        let mut plan = Plan::paced(networks, servers, setup.policy == Policy::All, STEP);
        for slot in &mut plan.slots {
            if matches!(slot.kind, SlotKind::Host | SlotKind::Srflx | SlotKind::Relay(Transport::Udp)) {
                slot.source_ports = Some(SOURCE_PORTS);
            }
        }
        plan
    }

    /// `agent/candidate.c`, nice_candidate_ice_local_preference_full.
    fn priority(&self, found: &Found<'_>) -> u32 {
        let relay = found.server.filter(|_| found.relay.is_some()).map_or(0, |server| server.weight);
        let local = (1 << 13) + (relay << 6) + u32::from(found.network.preference);
        priority(TYPES.of(found), local)
    }

    fn check_priority(&self, local: &Candidate) -> u32 {
        let type_preference = if local.protocol == Protocol::Tcp { 55 } else { 110 };
        // The local preference without the relay's place in it.
        (type_preference << 24) | (local.priority & 0x00E0_3FFF)
    }

    /// `agent/discovery.c`, priv_assign_foundation: a counter from 1.
    fn foundation(&self, names: &mut Foundations, found: &Found<'_>) -> String {
        let base = found.local.unwrap_or(found.socket).ip();
        let relayed = found.relay.map(|_| found.address.ip());
        let kin = Kin { kind: found.kind, protocol: found.protocol, base, server: None, relayed };
        (names.number(kin) + 1).to_string()
    }

    fn related(&self, found: &Found<'_>, _policy: Policy) -> SocketAddr {
        found.local.unwrap_or(found.socket)
    }

    fn url(&self, found: &Found<'_>) -> Option<String> {
        found.server.map(|server| server.uri.text.clone())
    }

    fn sdp(&self, candidate: &Candidate) -> String {
        candidate_line(candidate, "UDP", "TCP")
    }

    fn redundant(&self, new: &Candidate, old: &Candidate) -> bool {
        new.kind != CandidateType::Relay
            && new.protocol == old.protocol
            && new.base == old.base
            && (new.address, new.port) == (old.address, old.port)
    }

    /// libnice reports no errors; these are for the report.
    fn complaint(
        &self,
        _kind: SlotKind,
        _network: &IceNetwork,
        server: &Server,
        failure: &Failure,
    ) -> Option<(String, String)> {
        Some(plain_complaint(server, failure))
    }

    fn network_bits(&self) -> u32 {
        0x0000_3F00
    }

    fn server_order(&self) -> [&'static str; 2] {
        [
            "its server comes later in the list, which the gateway prefers",
            "its server comes earlier in the list, which the gateway does not prefer",
        ]
    }

    fn conduct(&self) -> Box<dyn Conduct> {
        Box::new(Checklist::new(habits()))
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

/// libnice as Janus uses it: aggressive, without consent, so that it never notices a path that went silent.
fn habits() -> Habits {
    let ms = Duration::from_millis;
    Habits {
        // `stun/usages/ice.c`: a tie is decided as the RFC does. NICE_STREAM_DEF_UFRAG, NICE_STREAM_DEF_PWD.
        traits: Traits {
            credential_lengths: [4, 22],
            hex_credentials: false,
            yields_on_tie: false,
            refuses_on_controlled_tie: false,
            network_info: false,
            renews_tie_breaker: false,
        },
        check_priority: |local| Gateway { tls: false }.check_priority(local),
        consent_priority: |local| Gateway { tls: false }.check_priority(local),
        ta: STEP,
        // priv_compute_conncheck_timer; `stun/usages/timer.h`: the last wait is half of its turn.
        retransmission: Retransmission {
            floor: ms(500),
            counting: Counting::Unsettled,
            sends: 3,
            last_wait: 1,
            stream: StreamWait::Fixed(ms(2_000)),
        },
        // NICE_AGENT_MAX_CONNECTIVITY_CHECKS_DEFAULT
        pair_limit: Some(100),
        freezing: Freezing::Libnice,
        families_take_turns: false,
        triggers_once: false,
        nomination: Nomination::Aggressive,
        concluding: Concluding::Lesser,
        consent: None,
        // NICE_AGENT_TIMER_TR_DEFAULT
        keepalive: Some(Keepalive { interval: ms(25_000), always: true }),
        // DEFAULT_IDLE_TIMEOUT
        failing: Failing::Idle(ms(5_000)),
        completes: true,
    }
}
