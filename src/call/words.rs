//! Events and candidates in words.

use super::record::EndRecord;
use raincheck_probes::evidence::{Cause, Transport};
use raincheck_probes::ice::agent::{Agent, EventKind, IceRole, PairId};
use raincheck_probes::ice::{Candidate, CandidateType, Protocol};
use std::collections::{BTreeMap, BTreeSet};

/// One sentence for an event.
pub fn event(agent: &Agent, kind: &EventKind) -> String {
    match kind {
        EventKind::PeerReflexive { pair: id } => {
            format!("the peer's check showed an address that it had not signalled: {}", pair(agent, *id))
        }
        EventKind::Reflexive { pair: id, mapped } => {
            format!("the peer sees us as {mapped}, which no server had said: {}", pair(agent, *id))
        }
        EventKind::FirstCheck(id) => format!("first check: {}", pair(agent, *id)),
        EventKind::Works(id) => format!("works: {}", pair(agent, *id)),
        EventKind::Silent(id) => format!("silent: {}", pair(agent, *id)),
        EventKind::Failed(id, cause) => format!("failed: {}: {cause}", pair(agent, *id)),
        EventKind::Nominated(id, IceRole::Controlling) => format!("nominated: {}", pair(agent, *id)),
        EventKind::Nominated(id, IceRole::Controlled) => {
            format!("nominated by the peer: {}", pair(agent, *id))
        }
        EventKind::Selected { pair: id, because, .. } => {
            format!("selected: {} ({})", pair(agent, *id), because.words())
        }
        EventKind::Pruned(id) => format!("given up for a better one: {}", pair(agent, *id)),
        EventKind::RoleChanged(role) => format!("role conflict: we are {} now", role.as_str()),
        EventKind::RoleKept(role) => format!("role conflict: we stay {}, the peer gives way", role.as_str()),
        EventKind::State(state) => format!("{state}"),
        EventKind::GatheringStopped => "the client gathers no further: a pair is strong enough".to_owned(),
        EventKind::ConsentLost(id) => format!("the peer's consent ran out: {}", pair(agent, *id)),
        EventKind::Restarted => "ICE restart".to_owned(),
    }
}

/// A pair by its candidates.
pub fn pair(agent: &Agent, id: PairId) -> String {
    match (agent.local(id), agent.remote(id)) {
        (Some(local), Some(remote)) => format!("{} to {}", candidate(local), candidate(remote)),
        _ => "a pair that is gone".to_owned(),
    }
}

/// `tcp/turn1.example:80, tls/turn1.example:443 were reset`; none when no stream to a server ended.
pub fn ended_streams<'a>(ends: impl IntoIterator<Item = &'a EndRecord>) -> Option<String> {
    let mut ways: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for (path, cause) in ends.into_iter().flat_map(EndRecord::ended_streams) {
        let how = if matches!(cause, Cause::Reset { .. }) { "reset" } else { "closed" };
        // Which of several paths to one place it was says nothing.
        let place = path.split('#').next().unwrap_or(path);
        ways.entry(how).or_default().insert(place.to_owned());
    }
    let told = ways.iter().map(|(how, paths)| {
        let verb = if paths.len() == 1 { "was" } else { "were" };
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        format!("{} {verb} {how}", paths.join(", "))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// A candidate in few words: `relay TCP turn1.example 198.51.100.1:4000`.
pub fn candidate(candidate: &Candidate) -> String {
    let kind = candidate.kind.as_str();
    let address = std::net::SocketAddr::new(candidate.address, candidate.port);
    let leg = match (candidate.kind, candidate.relay_protocol, candidate.protocol) {
        (CandidateType::Relay, Some(Transport::Udp), _) => " UDP",
        (CandidateType::Relay, Some(Transport::Tcp), _) => " TCP",
        (CandidateType::Relay, Some(Transport::Tls), _) => " TLS",
        (_, _, Protocol::Tcp) => " TCP",
        _ => "",
    };
    format!("{kind}{leg} {address}")
}
