//! Pairs and candidates in a few words.

use crate::call::record::{CutRecord, PairRecord};
use crate::settings::call::server_of_path;
use raincheck_probes::evidence::Transport;
use raincheck_probes::ice::{Candidate, CandidateType, Protocol};
use std::net::SocketAddr;

/// The way that a pair takes, inside a sentence: `relay TCP/80 via turn1.example`, `direct (host to srflx)`.
pub fn way(pair: &PairRecord) -> String {
    way_of(&pair.local, &pair.remote)
}

/// A candidate in a few words: `relay TCP/80 turn1.example`, `srflx 203.0.113.2:40000`.
pub fn way_short(candidate: &Candidate) -> String {
    let kind = candidate.kind.as_str();
    let tcp = if candidate.protocol == Protocol::Tcp { " TCP" } else { "" };
    match (candidate.kind, relay(candidate)) {
        (CandidateType::Relay, Some(relay)) => format!("{kind} {relay}"),
        _ => format!("{kind}{tcp} {}", SocketAddr::new(candidate.address, candidate.port)),
    }
}

/// What was cut, in a sentence.
pub(super) fn cut_path(cut: &CutRecord) -> &str {
    if cut.path == "selected" { "the selected path" } else { &cut.path }
}

fn way_of(local: &Candidate, remote: &Candidate) -> String {
    let tcp = if local.protocol == Protocol::Tcp { " over TCP" } else { "" };
    match (local.kind, remote.kind) {
        (CandidateType::Relay, _) => {
            let via = server(local).map_or(String::new(), |server| format!(" via {server}"));
            let leg = leg(local).map_or(String::new(), |leg| format!(" {leg}"));
            let proxy = if is_proxied(local) { " through the proxy" } else { "" };
            format!("relay{leg}{via}{proxy}")
        }
        (_, CandidateType::Relay) => {
            let whose = server(remote).map_or(String::new(), |server| format!(" on {server}"));
            format!("straight to the far end's relay{whose}")
        }
        (one, other) => format!("direct{tcp} ({} to {})", one.as_str(), other.as_str()),
    }
}

/// `TCP/80 turn1.example`, of a relay of ours.
fn relay(candidate: &Candidate) -> Option<String> {
    let leg = leg(candidate)?;
    let proxy = if is_proxied(candidate) { " (proxy)" } else { "" };
    server(candidate).map(|server| format!("{leg} {server}{proxy}"))
}

fn is_proxied(candidate: &Candidate) -> bool {
    candidate.route.as_deref().is_some_and(|route| route != "direct")
}

/// The host of the TURN server.
fn server(candidate: &Candidate) -> Option<&str> {
    candidate.path.as_deref().and_then(server_of_path).map(|(host, _)| host)
}

/// `TCP/80`: how the TURN server is spoken to.
fn leg(candidate: &Candidate) -> Option<String> {
    let name = match candidate.relay_protocol? {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
    };
    let port = candidate.path.as_deref().and_then(server_of_path).map(|(_, port)| format!("/{port}"));
    Some(format!("{name}{}", port.unwrap_or_default()))
}
