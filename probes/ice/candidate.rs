//! Candidates as the contract and RFC 8839 write them.

use crate::evidence::Transport;
use crate::machine::Offset;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Which candidates a client may use (`iceTransportPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Every kind.
    All,
    /// Relayed candidates only.
    Relay,
}

/// The type of a candidate, RFC 8445 section 5.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CandidateType {
    /// A local address.
    Host,
    /// Our address as a STUN server sees it.
    Srflx,
    /// Our address as a peer sees it.
    Prflx,
    /// An address on a TURN server.
    Relay,
}

impl CandidateType {
    /// The `typ` of a candidate line, RFC 8839 section 5.1.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Srflx => "srflx",
            Self::Prflx => "prflx",
            Self::Relay => "relay",
        }
    }
}

/// The transport of a candidate itself (a relay candidate is always `udp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// UDP.
    Udp,
    /// TCP, RFC 6544.
    Tcp,
}

/// The `tcptype` of a TCP candidate, RFC 6544.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TcpType {
    /// Connects.
    Active,
    /// Listens.
    Passive,
    /// Simultaneous open.
    So,
}

impl TcpType {
    /// The `tcptype` of a candidate line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::So => "so",
        }
    }
}

/// A candidate with everything that the client would say of it, and what we know beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: CandidateType,
    /// Its transport.
    pub protocol: Protocol,
    /// Its TCP role.
    pub tcp_type: Option<TcpType>,
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// `raddr`, when the client signals one.
    pub related_address: Option<IpAddr>,
    /// `rport`.
    pub related_port: Option<u16>,
    /// RFC 8445 section 5.1.2, with the client's own preferences.
    pub priority: u32,
    /// The foundation, as the client computes it.
    pub foundation: String,
    /// The component, 1 with rtcp-mux.
    pub component: u8,
    /// libwebrtc's network id; 0 for the ANY network; none for clients that know no such thing.
    pub network_id: Option<u16>,
    /// libwebrtc's network cost.
    pub network_cost: Option<u16>,
    /// The server URL that made it.
    pub url: Option<String>,
    /// The client-to-server leg of a relay candidate.
    pub relay_protocol: Option<Transport>,
    /// The way to the server: `direct` or a proxy URL; none for host candidates.
    pub route: Option<String>,
    /// The local base; of a relay, the local socket to its server.
    pub base: Option<SocketAddr>,
    /// When it was found.
    pub at_ms: Offset,
    /// The `candidate:` line as this client writes it.
    pub sdp: String,
    /// The evidence path that it came over, for relay candidates.
    pub path: Option<String>,
}

impl Candidate {
    /// A relayed address as a textbook agent with one network would signal it: type preference 0, local preference
    /// 65535 (RFC 8445 sections 5.1.2.1 and 5.1.2.2).
    pub fn relayed(relayed: SocketAddr, transport: Transport) -> Self {
        Self {
            kind: CandidateType::Relay,
            protocol: Protocol::Udp,
            tcp_type: None,
            address: relayed.ip(),
            port: relayed.port(),
            related_address: None,
            related_port: None,
            priority: (65_535 << 8) + 255,
            foundation: "1".to_owned(),
            component: 1,
            network_id: None,
            network_cost: None,
            url: None,
            relay_protocol: Some(transport),
            route: None,
            base: None,
            at_ms: Offset::ZERO,
            sdp: String::new(),
            path: None,
        }
    }
}

/// An error that the client would report while gathering (`icecandidateerror`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatherError {
    /// The server URL, as the client names it.
    pub url: String,
    /// The layer that failed: a stage name.
    pub stage: String,
    /// The code as the client would report it: 701 for anything that is not a server's answer.
    pub code: u16,
    /// The STUN error code, when a server did answer with one.
    pub stun_code: Option<u16>,
    /// The client's words, which may be none at all; of a failed connection ours, where the client says no more.
    pub text: String,
    /// When.
    pub at_ms: Offset,
}
