//! One file per client: how it reads servers, gathers, ranks and reports.
//!
//! [`Profile`] is what everyone else sees. Behind it each client implements `Stack`; the statements follow
//! the clients' sources, which every rule names, and the recordings in `fixtures/recordings`.

mod common;
mod facts;
mod firefox;
mod libnice;
mod libwebrtc;
mod rfc8445;

pub use facts::{
    ChannelUse, Ignored, Pacing, ProxyAuth, ProxyLookup, ProxyUse, Reading, Role, Schedule, TlsTrust,
    TunnelTraits, TurnTraits,
};

use super::agent::conduct::Conduct;
use super::gather::{Failure, Found, Foundations, GatherSetup, Plan, Server, SlotKind};
use super::network::IceNetwork;
use super::{Candidate, Policy};
use crate::evidence::Transport;
use crate::server::IceUri;
use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// An emulated client and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Which client.
    pub client: Client,
    /// The version, where the client's behaviour depends on it. None stands for the newest.
    pub version: Option<u32>,
}

/// The clients that can be emulated (contract: Profiles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// Rainbow Desktop, Web, Web SDK, Teams and Google connectors: Chromium's libwebrtc.
    Chromium,
    /// Rainbow Web in Firefox.
    Firefox,
    /// Android, iOS, Room: native libwebrtc.
    Mobile,
    /// The WebRTC gateway: libnice, UDP 20000-29999, TCP/80 through a proxy.
    Gateway,
    /// The WebRTC gateway where the proxy only passes TLS/443.
    GatewayTls,
    /// A textbook agent.
    Rfc8445,
}

impl Client {
    /// Every client, in the order in which help lists them.
    pub const ALL: [Self; 6] =
        [Self::Chromium, Self::Firefox, Self::Mobile, Self::Gateway, Self::GatewayTls, Self::Rfc8445];

    /// The name as it is written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::Mobile => "mobile",
            Self::Gateway => "gateway",
            Self::GatewayTls => "gateway-tls",
            Self::Rfc8445 => "rfc8445",
        }
    }
}

/// No client goes by this name, or its version is not a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown profile `{given}`: use one of {}, with a version if it matters, as in chromium@145",
    names()
)]
pub struct UnknownProfile {
    /// What was written.
    pub given: String,
}

fn names() -> String {
    Client::ALL.map(Client::name).join(", ")
}

impl Default for Profile {
    /// The desktop client, newest version.
    fn default() -> Self {
        Self { client: Client::Chromium, version: None }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.client.name())?;
        self.version.map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        Self::parse(text)
    }
}

impl Profile {
    /// Reads `NAME` or `NAME@VERSION`. Of a dotted version the first number counts; for `mobile` it is the
    /// libwebrtc milestone.
    ///
    /// # Errors
    ///
    /// [`UnknownProfile`], which lists the names.
    pub fn parse(text: &str) -> Result<Self, UnknownProfile> {
        let unknown = || UnknownProfile { given: text.chars().take(80).collect() };
        let (name, version) = match text.split_once('@') {
            None => (text, None),
            Some((name, version)) => {
                let major = version.split('.').next().unwrap_or(version);
                (name, Some(major.parse().map_err(|_| unknown())?))
            }
        };
        let client = Client::ALL.into_iter().find(|client| client.name() == name).ok_or_else(unknown)?;
        Ok(Self { client, version })
    }

    /// What the client makes of a server URI.
    ///
    /// # Errors
    ///
    /// [`Ignored`] when it takes no notice of it, and why.
    pub fn reading(&self, uri: &IceUri) -> Result<Reading, Ignored> {
        self.stack().reading(uri)
    }

    /// What a configured proxy means for this transport to a TURN server.
    pub fn proxy_use(&self, transport: Transport) -> ProxyUse {
        self.stack().proxy_use(transport)
    }

    /// How the client asks a proxy for a tunnel; none for clients that know no proxy.
    pub fn tunnel_traits(&self) -> Option<TunnelTraits> {
        self.stack().tunnel()
    }

    /// Whose certificates the client takes from a TURN server over TLS.
    pub fn tls_trust(&self) -> TlsTrust {
        self.stack().trust()
    }

    /// The UDP ports that the client binds to; none where the system chooses.
    pub fn source_ports(&self) -> Option<RangeInclusive<u16>> {
        self.stack().source_ports()
    }

    /// When a STUN or TURN transaction of the client sends and gives up.
    pub fn schedule(&self, transport: Transport) -> Schedule {
        self.stack().schedule(transport)
    }

    /// How the client spreads its first requests.
    pub fn pacing(&self) -> Pacing {
        self.stack().pacing()
    }

    /// How the client speaks TURN.
    pub fn turn_traits(&self) -> TurnTraits {
        self.stack().turn()
    }

    /// The PRIORITY attribute of a connectivity check from this local candidate (RFC 8445 section 7.1.1): the
    /// priority that a peer-reflexive candidate found by it would have.
    pub fn check_priority(&self, local: &Candidate) -> u32 {
        self.stack().check_priority(local)
    }

    /// Whether the client signals `a=ice-options:ice2`: that it nominates by RFC 8445, one pair once. The others do not.
    pub fn is_ice2(&self) -> bool {
        self.client == Client::Rfc8445
    }

    /// What the client decides while a call is up.
    pub(super) fn conduct(&self) -> Box<dyn Conduct> {
        self.stack().conduct()
    }

    pub(super) fn stack(&self) -> Box<dyn Stack> {
        let version = self.version.unwrap_or(u32::MAX);
        match self.client {
            Client::Chromium => Box::new(libwebrtc::Libwebrtc { native: false, version }),
            Client::Mobile => Box::new(libwebrtc::Libwebrtc { native: true, version }),
            Client::Firefox => Box::new(firefox::Firefox),
            Client::Gateway => Box::new(libnice::Gateway { tls: false }),
            Client::GatewayTls => Box::new(libnice::Gateway { tls: true }),
            Client::Rfc8445 => Box::new(rfc8445::Textbook),
        }
    }
}

/// What sets one client apart from another.
pub(super) trait Stack: fmt::Debug + Send + Sync {
    fn reading(&self, uri: &IceUri) -> Result<Reading, Ignored>;
    fn proxy_use(&self, transport: Transport) -> ProxyUse;
    fn tunnel(&self) -> Option<TunnelTraits>;
    fn source_ports(&self) -> Option<RangeInclusive<u16>> {
        None
    }
    fn schedule(&self, transport: Transport) -> Schedule;
    fn pacing(&self) -> Pacing;
    fn turn(&self) -> TurnTraits;
    /// Which authorities it trusts.
    fn trust(&self) -> TlsTrust {
        TlsTrust::System
    }

    /// The networks that the client gathers on, best first.
    fn networks(&self, setup: &GatherSetup) -> Vec<IceNetwork>;
    /// Cuts the list at the client's limit and gives each server its weight.
    fn weigh(&self, servers: &mut Vec<Server>, policy: Policy);
    /// The weight of a server that the client would leave out: preferred less than any that it takes.
    fn spare_weight(&self) -> u32 {
        0
    }
    /// Everything the client would try, in the order in which it creates it.
    fn plan(&self, setup: &GatherSetup, networks: &[IceNetwork], servers: &[Server]) -> Plan;
    /// Whether the mapped address of an Allocate over UDP makes a server-reflexive candidate.
    fn srflx_from_allocate(&self) -> bool {
        true
    }

    fn priority(&self, found: &Found<'_>) -> u32;
    fn check_priority(&self, local: &Candidate) -> u32;
    fn foundation(&self, names: &mut Foundations, found: &Found<'_>) -> String;
    /// Gives a foundation to a candidate that is only planned, for clients that number them at creation.
    fn reserve(&self, _names: &mut Foundations, _found: &Found<'_>) {}
    /// `raddr` and `rport` of a reflexive or relay candidate.
    fn related(&self, found: &Found<'_>, policy: Policy) -> SocketAddr;
    /// The server URL as the client names it beside a candidate.
    fn url(&self, found: &Found<'_>) -> Option<String>;
    fn sdp(&self, candidate: &Candidate) -> String;
    /// Whether a new candidate says no more than one that is there on the same network.
    fn redundant(&self, new: &Candidate, old: &Candidate) -> bool {
        // RFC 8445 section 5.1.3.
        new.protocol == old.protocol
            && new.base == old.base
            && (new.address, new.port) == (old.address, old.port)
            && new.priority <= old.priority
    }
    /// The error that the client reports: URL and words. None where it keeps silent.
    fn complaint(
        &self,
        kind: SlotKind,
        network: &IceNetwork,
        server: &Server,
        failure: &Failure,
    ) -> Option<(String, String)>;

    /// What the client decides while a call is up.
    fn conduct(&self) -> Box<dyn Conduct>;

    /// Whether network cost ranks above pair priority.
    fn cost_first(&self) -> bool {
        false
    }
    /// The bits of a priority that the network decides.
    fn network_bits(&self) -> u32 {
        0x00FF_0000
    }
    /// How a list of servers counts, in words: of the preferred server, and of the other.
    fn server_order(&self) -> [&'static str; 2] {
        ["its server comes earlier in the list", "its server comes later in the list"]
    }
}

#[cfg(test)]
mod checklist;
#[cfg(test)]
mod tests;
