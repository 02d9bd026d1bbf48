//! What several clients have in common.

use crate::evidence::Transport;
use crate::ice::gather::{Failure, Found, GatherSetup, Server};
use crate::ice::network::{AdapterKind, Network};
use crate::ice::{Candidate, CandidateType, Protocol};
use crate::server::{Host, IceUri};
use std::net::{IpAddr, SocketAddr};

/// A priority from its parts, RFC 8445 section 5.1.2.1, component 1.
pub(super) const fn priority(type_preference: u32, local_preference: u32) -> u32 {
    (type_preference << 24) | (local_preference << 8) | 255
}

/// `host:port` as URIs write it.
pub(super) fn host_port(uri: &IceUri, port: u16) -> String {
    match &uri.host {
        Host::Name(name) => format!("{name}:{port}"),
        Host::Ip(ip) => SocketAddr::new(*ip, port).to_string(),
    }
}

/// The part of a candidate line that all clients share, RFC 8839 section 5.1, with their own spelling of the
/// transports.
pub(super) fn candidate_line(candidate: &Candidate, udp: &str, tcp: &str) -> String {
    let protocol = match candidate.protocol {
        Protocol::Udp => udp,
        Protocol::Tcp => tcp,
    };
    let mut line = format!(
        "candidate:{} {} {protocol} {} {} {} typ {}",
        candidate.foundation,
        candidate.component,
        candidate.priority,
        candidate.address,
        candidate.port,
        candidate.kind.as_str(),
    );
    if let (Some(address), Some(port)) = (candidate.related_address, candidate.related_port) {
        line.push_str(&format!(" raddr {address} rport {port}"));
    }
    if let Some(tcp_type) = candidate.tcp_type {
        line.push_str(" tcptype ");
        line.push_str(tcp_type.as_str());
    }
    line
}

/// The type preference table of one client: over UDP and over TCP.
pub(super) struct TypePreferences {
    pub(super) host: [u32; 2],
    pub(super) srflx: [u32; 2],
    /// Over UDP, TCP and TLS to the server.
    pub(super) relay: [u32; 3],
}

impl TypePreferences {
    /// The type preference of a candidate.
    pub(super) fn of(&self, found: &Found<'_>) -> u32 {
        let stream = usize::from(found.protocol == Protocol::Tcp);
        match found.kind {
            CandidateType::Host => self.host[stream],
            CandidateType::Srflx | CandidateType::Prflx => self.srflx[stream],
            CandidateType::Relay => match found.relay {
                None | Some(Transport::Udp) => self.relay[0],
                Some(Transport::Tcp) => self.relay[1],
                Some(Transport::Tls) => self.relay[2],
            },
        }
    }
}

/// Whether a network can be gathered on at all: a real adapter, a family that is wanted, no link-local address
/// of IPv6.
pub(super) fn usable(network: &Network, setup: &GatherSetup) -> bool {
    let wanted = match network.address {
        IpAddr::V4(_) => setup.ipv4,
        IpAddr::V6(ip) => setup.ipv6 && !ip.is_unicast_link_local(),
    };
    let real = !matches!(network.kind, AdapterKind::Loopback | AdapterKind::Any);
    wanted && real && !network.address.is_unspecified()
}

/// Weighs STUN servers and relays by their position, each counted from 0.
pub(super) fn weigh_by_position(servers: &mut [Server]) {
    let (mut stun, mut relays) = (0, 0);
    for server in servers {
        let count = if server.is_relay() { &mut relays } else { &mut stun };
        server.weight = *count;
        *count += 1;
    }
}

/// An error in our own words, for clients that report none.
pub(super) fn plain_complaint(server: &Server, failure: &Failure) -> (String, String) {
    let target = host_port(&server.uri, server.reading.port);
    let text = match failure {
        Failure::NoAddress => format!("no address of this family for {target}"),
        Failure::LookupFailed => format!("no answer to the lookup of {target}"),
        Failure::TimedOut => format!("no answer from {target}"),
        Failure::ConnectFailed(_) => String::new(),
        Failure::StunError { reason, .. } => reason.clone(),
        Failure::WrongNetwork => format!("{target} was reached over another network"),
    };
    (server.uri.text.clone(), text)
}
