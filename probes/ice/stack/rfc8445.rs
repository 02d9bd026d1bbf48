//! A textbook agent: RFC 8445 with its recommended values, TURN by RFC 8656.
//!
//! Local preferences are unique as section 5.1.2.1 asks for: one for each network, and within it one for each
//! server in the order of the list.

use super::Stack;
use super::common::{TypePreferences, candidate_line, plain_complaint, priority, usable, weigh_by_position};
use super::facts::{
    ChannelUse, Ignored, Pacing, ProxyAuth, ProxyLookup, ProxyUse, Reading, Role, Schedule, TunnelTraits,
    TurnTraits,
};
use crate::evidence::Transport;
use crate::ice::agent::checklist::{
    Checklist, Concluding, Consent, Counting, Failing, Freezing, Habits, Keepalive, Nomination, Patience,
    Retransmission, StreamWait,
};
use crate::ice::agent::conduct::{Conduct, Traits};
use crate::ice::gather::{Failure, Found, Foundations, GatherSetup, Kin, Plan, Server, SlotKind};
use crate::ice::network::{IceNetwork, Network};
use crate::ice::{Candidate, CandidateType, Policy, Protocol};
use crate::server::{Host, IceUri, Scheme, UriTransport};
use std::net::SocketAddr;
use std::time::Duration;

/// Ta, RFC 8445 section 14.2.
const STEP: Duration = Duration::from_millis(50);
/// RFC 8489 section 6.2.1: RTO 500 ms, Rc 7, Rm 16.
const OVER_UDP: Schedule =
    Schedule { sends_ms: &[0, 500, 1500, 3500, 7500, 15_500, 31_500], gives_up_ms: 39_500 };
/// RFC 8489 section 6.2.2: Ti.
const OVER_STREAM: Schedule = Schedule { sends_ms: &[0], gives_up_ms: 39_500 };
/// RFC 8445 section 5.1.2.2.
const TYPES: TypePreferences = TypePreferences { host: [126, 126], srflx: [100, 100], relay: [0, 0, 0] };
/// Servers that fit into one network's share of the local preference.
const SHARE: u32 = 256;

/// The agent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Textbook;

impl Stack for Textbook {
    /// RFC 7064 and RFC 7065. STUN and TURN over DTLS, and STUN over streams, are left out.
    fn reading(&self, uri: &IceUri) -> Result<Reading, Ignored> {
        let (role, transport, default) = match (uri.scheme, uri.transport) {
            (Scheme::Stuns, _) => return Err(Ignored("STUN over TLS yields no candidate".to_owned())),
            (Scheme::Turns, Some(UriTransport::Udp)) => {
                return Err(Ignored("TURN over DTLS is not supported".to_owned()));
            }
            (Scheme::Stun, _) => (Role::Stun, Transport::Udp, 3478),
            (Scheme::Turn, None | Some(UriTransport::Udp)) => (Role::Turn, Transport::Udp, 3478),
            (Scheme::Turn, Some(UriTransport::Tcp)) => (Role::Turn, Transport::Tcp, 3478),
            (Scheme::Turns, None | Some(UriTransport::Tcp)) => (Role::Turn, Transport::Tls, 5349),
        };
        Ok(Reading { role, transport, port: uri.port.unwrap_or(default) })
    }

    fn proxy_use(&self, transport: Transport) -> ProxyUse {
        if transport == Transport::Udp { ProxyUse::Never } else { ProxyUse::Through }
    }

    fn tunnel(&self) -> Option<TunnelTraits> {
        Some(TunnelTraits {
            http: "HTTP/1.1",
            by_name: true,
            alpn: None,
            lookup: ProxyLookup::AsHttps,
            auth: ProxyAuth::MayAsk,
        })
    }

    fn schedule(&self, transport: Transport) -> Schedule {
        if transport == Transport::Udp { OVER_UDP } else { OVER_STREAM }
    }

    fn pacing(&self) -> Pacing {
        Pacing::EachServer(STEP)
    }

    fn turn(&self) -> TurnTraits {
        TurnTraits {
            lifetime: None,
            retries_438_on_allocate: true,
            retries_437: 1,
            follows_300: true,
            accepts_unauthenticated: true,
            channels: ChannelUse::Always,
        }
    }

    /// IPv6 before IPv4 (RFC 8421), else in the system's order; no loopback (section 5.1.1.1).
    fn networks(&self, setup: &GatherSetup) -> Vec<IceNetwork> {
        let mut used: Vec<&Network> =
            setup.networks.iter().filter(|network| usable(network, setup)).collect();
        used.sort_by_key(|network| network.address.is_ipv4());
        let numbered = used.into_iter().zip((0..=u16::from(u8::MAX)).rev());
        numbered
            .map(|(network, preference)| IceNetwork {
                network: network.clone(),
                addresses: vec![network.address],
                id: None,
                cost: None,
                preference,
            })
            .collect()
    }

    fn weigh(&self, servers: &mut Vec<Server>, _policy: Policy) {
        weigh_by_position(servers);
        servers.retain(|server| server.weight < SHARE);
    }

    fn plan(&self, setup: &GatherSetup, networks: &[IceNetwork], servers: &[Server]) -> Plan {
        Plan::paced(networks, servers, setup.policy == Policy::All, STEP)
    }

    fn priority(&self, found: &Found<'_>) -> u32 {
        let server =
            found.server.filter(|_| found.kind != CandidateType::Host).map_or(0, |server| server.weight);
        let local = u32::from(found.network.preference) * SHARE + (SHARE - 1 - server);
        priority(TYPES.of(found), local)
    }

    fn check_priority(&self, local: &Candidate) -> u32 {
        (110 << 24) | (local.priority & 0x00FF_FFFF)
    }

    /// Section 5.1.1.3: type, base, protocol, and the server's address.
    fn foundation(&self, names: &mut Foundations, found: &Found<'_>) -> String {
        let base = found.local.unwrap_or(found.socket).ip();
        let protocol = match found.relay {
            Some(Transport::Tcp | Transport::Tls) => Protocol::Tcp,
            _ => found.protocol,
        };
        let server = found.server.and_then(|server| match server.uri.host {
            Host::Ip(ip) => Some(ip),
            Host::Name(_) => None,
        });
        let relayed = found.relay.map(|_| found.address.ip());
        (names.number(Kin { kind: found.kind, protocol, base, server, relayed }) + 1).to_string()
    }

    /// RFC 8839 section 5.1: the base of srflx, the mapped address of relay.
    fn related(&self, found: &Found<'_>, _policy: Policy) -> SocketAddr {
        let local = found.local.unwrap_or(found.socket);
        if found.relay.is_some() { found.mapped.unwrap_or(local) } else { local }
    }

    fn url(&self, found: &Found<'_>) -> Option<String> {
        found.server.map(|server| server.uri.text.clone())
    }

    fn sdp(&self, candidate: &Candidate) -> String {
        candidate_line(candidate, "UDP", "TCP")
    }

    fn complaint(
        &self,
        _kind: SlotKind,
        _network: &IceNetwork,
        server: &Server,
        failure: &Failure,
    ) -> Option<(String, String)> {
        Some(plain_complaint(server, failure))
    }

    fn conduct(&self) -> Box<dyn Conduct> {
        Box::new(Checklist::new(habits()))
    }
}

/// RFC 8445 with its recommended values; the patience of its nomination is pion's, for the RFC names none.
fn habits() -> Habits {
    let ms = Duration::from_millis;
    Habits {
        traits: Traits {
            credential_lengths: [4, 22],
            hex_credentials: false,
            yields_on_tie: false,
            refuses_on_controlled_tie: false,
            network_info: false,
            renews_tie_breaker: true,
        },
        check_priority: |local| Textbook.check_priority(local),
        consent_priority: |local| Textbook.check_priority(local),
        ta: STEP,
        // Section 14.3, with the Rc and Rm of RFC 8489.
        retransmission: Retransmission {
            floor: ms(500),
            counting: Counting::Unsettled,
            sends: 7,
            last_wait: 16,
            stream: StreamWait::Fixed(ms(39_500)),
        },
        pair_limit: Some(100),
        freezing: Freezing::Rfc8445,
        families_take_turns: true,
        triggers_once: false,
        nomination: Nomination::Regular(Patience {
            host: Duration::ZERO,
            srflx: ms(500),
            prflx: ms(1_000),
            relay: ms(2_000),
        }),
        concluding: Concluding::All,
        consent: Some(Consent { interval: ms(5_000), expiry: ms(30_000), revoked_by_403: false }),
        keepalive: Some(Keepalive { interval: ms(15_000), always: false }),
        failing: Failing::AtTheEnd,
        completes: true,
    }
}
