//! The order in which a client prefers its working paths.

use super::stack::{Profile, Stack};
use super::{Candidate, CandidateType};
use crate::evidence::Transport;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// The priority of the remote candidate in every pair: a host candidate of a textbook agent.
const REMOTE_PRIORITY: u32 = 2_130_706_431;

/// One path in the client's order of preference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rank {
    /// From 1, best first.
    pub position: usize,
    /// The evidence path.
    pub path: String,
    /// The relay candidate that the path gives.
    pub candidate: Option<Candidate>,
    /// The pair priority (RFC 8445 section 6.1.2.3), the client controlling, with a remote host candidate of
    /// priority 2130706431. Decimal digits: it does not fit a double.
    pub pair_priority: String,
    /// Whether the client would use this one.
    pub selected: bool,
    /// Why it stands where it stands.
    pub because: String,
}

/// Pair priority, RFC 8445 section 6.1.2.3, of the controlling and the controlled side's candidates.
pub const fn pair_priority(controlling: u32, controlled: u32) -> u64 {
    let (low, high) =
        if controlling < controlled { (controlling, controlled) } else { (controlled, controlling) };
    ((low as u64) << 32) + 2 * high as u64 + (controlling > controlled) as u64
}

/// Orders relay candidates as the client's ICE stack would prefer their pairs.
///
/// Each candidate must carry its `path`; others are left out, and of several candidates of one path the best is
/// taken. libwebrtc looks at network cost before pair priority (`basic_ice_controller.cc`, CompareConnections);
/// every client takes the first to complete among equals. The first is marked as selected.
pub fn rank(profile: &Profile, candidates: &[Candidate]) -> Vec<Rank> {
    let stack = profile.stack();
    let relays = candidates.iter().filter(|candidate| candidate.kind == CandidateType::Relay);
    let mut ordered: Vec<(&str, &Candidate)> =
        relays.filter_map(|relay| relay.path.as_deref().map(|path| (path, relay))).collect();
    ordered.sort_by_key(|(_, relay)| {
        let cost = if stack.cost_first() { cost(relay) } else { 0 };
        (cost, Reverse(pair_priority(relay.priority, REMOTE_PRIORITY)), relay.at_ms)
    });
    let mut seen = Vec::new();
    ordered.retain(|(path, _)| {
        let new = !seen.contains(path);
        seen.push(path);
        new
    });
    (0..ordered.len()).map(|place| ranked(stack.as_ref(), &ordered, place)).collect()
}

fn ranked(stack: &dyn Stack, ordered: &[(&str, &Candidate)], place: usize) -> Rank {
    let (path, relay) = ordered[place];
    Rank {
        position: place + 1,
        path: path.to_owned(),
        candidate: Some(relay.clone()),
        pair_priority: pair_priority(relay.priority, REMOTE_PRIORITY).to_string(),
        selected: place == 0,
        because: because(stack, ordered, place),
    }
}

/// One sentence: why the first is first, and why each other stands below the one before it.
fn because(stack: &dyn Stack, ordered: &[(&str, &Candidate)], place: usize) -> String {
    let (path, this) = ordered[place];
    let peers = ordered.iter().filter(|(other, relay)| {
        *other != path && Difference::between(stack, this, relay) == Difference::None
    });
    let ties: Vec<&str> = peers.map(|(other, _)| *other).collect();
    if !ties.is_empty() {
        return format!("ties with {}; the first to complete wins", ties.join(", "));
    }
    match place.checked_sub(1).map(|above| ordered[above].1) {
        Some(above) => below(stack, above, this),
        None => above_all(stack, this, &ordered[1..]),
    }
}

fn above_all(stack: &dyn Stack, best: &Candidate, others: &[(&str, &Candidate)]) -> String {
    let Some((_, next)) = others.first() else { return "the only relay that works".to_owned() };
    if Difference::between(stack, best, next) == Difference::Cost {
        return "its network costs less, which counts before the priority".to_owned();
    }
    let mut reasons = Vec::new();
    let mut lesser: Vec<&str> = Vec::new();
    for (_, other) in others {
        let by_transport = Difference::between(stack, best, other) == Difference::Transport;
        if by_transport && !lesser.contains(&transport(other)) {
            lesser.push(transport(other));
        }
    }
    if !lesser.is_empty() {
        reasons.push(format!("{} ranks above {}", transport(best), lesser.join(" and ")));
    }
    match Difference::between(stack, best, next) {
        Difference::Network => reasons.push("its network is preferred".to_owned()),
        Difference::Server => reasons.push(stack.server_order()[0].to_owned()),
        Difference::None | Difference::Cost | Difference::Transport => {}
    }
    reasons.join("; ")
}

fn below(stack: &dyn Stack, above: &Candidate, this: &Candidate) -> String {
    let same = if transport(above) == transport(this) { "same transport, but " } else { "" };
    match Difference::between(stack, above, this) {
        Difference::Cost => "its network costs more, which counts before the priority".to_owned(),
        Difference::Transport => format!("{} ranks below {}", transport(this), transport(above)),
        Difference::Network => format!("{same}another network is preferred"),
        Difference::Server | Difference::None => format!("{same}{}", stack.server_order()[1]),
    }
}

/// What decides between two relays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    None,
    Cost,
    Transport,
    Network,
    Server,
}

impl Difference {
    fn between(stack: &dyn Stack, one: &Candidate, other: &Candidate) -> Self {
        let differing = one.priority ^ other.priority;
        if stack.cost_first() && cost(one) != cost(other) {
            Self::Cost
        } else if differing >> 24 != 0 {
            Self::Transport
        } else if differing & stack.network_bits() != 0 {
            Self::Network
        } else if differing != 0 {
            Self::Server
        } else {
            Self::None
        }
    }
}

fn cost(candidate: &Candidate) -> u16 {
    candidate.network_cost.unwrap_or(0)
}

fn transport(candidate: &Candidate) -> &'static str {
    match candidate.relay_protocol {
        Some(Transport::Tcp) => "TCP",
        Some(Transport::Tls) => "TLS",
        Some(Transport::Udp) | None => "UDP",
    }
}

#[cfg(test)]
mod tests;
