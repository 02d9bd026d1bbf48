//! The order in which a client prefers its working paths.

use super::elect::{self, Contender, Election};
use super::stack::{Profile, Stack};
use super::{Candidate, CandidateType};
use crate::evidence::Transport;
use crate::machine::Offset;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// Whether a call that the client answers takes this one: a client that stops gathering early may have another by
    /// then than the one that it prefers. Known where the paths were measured.
    pub selected_answering: bool,
    /// Why a call that the client answers does not look at this one, when it does not: one clause.
    pub overlooked: Option<String>,
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
/// taken. The order is the client's own agent's, before it has sent anything (see [`elect::order`]); among equals the
/// first that was there comes first. The first is marked as selected.
pub fn rank(profile: &Profile, candidates: &[Candidate]) -> Vec<Rank> {
    let stack = profile.stack();
    let ordered = ordered(profile, candidates.to_vec());
    (0..ordered.len()).map(|place| ranked(stack.as_ref(), &ordered, place)).collect()
}

/// Orders relays that were measured, and holds the calls that decide among them (see [`elect`]).
///
/// The one selected is that of a call which the client offers. Where the client's priorities leave a tie, the call tells
/// which one completes first. What a call that the client answers takes, and what it does not look at any more, is
/// marked.
pub fn rank_measured(profile: &Profile, contenders: &[Contender]) -> Vec<Rank> {
    let candidates: Vec<Candidate> = contenders.iter().map(|contender| contender.candidate.clone()).collect();
    let mut ranks = rank(profile, &candidates);
    let path = |index: usize| contenders.get(index).and_then(|of| of.candidate.path.clone());
    let outgoing = elect::outgoing(profile, contenders);
    if let Some(selected) = outgoing.selected.and_then(path) {
        put_first_among_equals(profile, &mut ranks, &selected);
        mark_selected(&mut ranks, &selected, &outgoing);
    }
    let incoming = elect::incoming(profile, contenders);
    let taken = incoming.selected.and_then(path);
    for rank in &mut ranks {
        rank.selected_answering = taken.as_ref() == Some(&rank.path);
        let of_path = |index: &&usize| path(**index).as_ref() == Some(&rank.path);
        let missed = incoming.never_looked.iter().find(of_path).and_then(|index| contenders.get(*index));
        if let (Some(contender), Some(stopped)) = (missed, incoming.stopped_gathering)
            && contender.ready.saturating_sub(stopped.as_duration()) >= NOTABLE
        {
            rank.overlooked = Some(overlooked(contender.ready, stopped));
        }
    }
    ranks
}

/// A path that is later than the client by less may be earlier the next time: nothing is said of it.
pub const NOTABLE: Duration = Duration::from_millis(250);

/// One clause: when it was ready, and when the client had stopped.
fn overlooked(ready: Duration, stopped: Offset) -> String {
    format!(
        "a call that this client answers does not look at it: ready after {}, and the client stops gathering after {}",
        words(ready),
        words(stopped.as_duration())
    )
}

/// `140 ms`, `2.0 s`.
fn words(time: Duration) -> String {
    match time.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// Every path once, by its best candidate, in the client's order.
fn ordered(profile: &Profile, mut relays: Vec<Candidate>) -> Vec<(String, Candidate)> {
    relays.retain(|candidate| candidate.kind == CandidateType::Relay && candidate.path.is_some());
    relays.sort_by_key(|relay| relay.at_ms);
    let mut seen = Vec::new();
    let order = elect::order(profile, &relays);
    let in_order = order.iter().filter_map(|(index, _)| relays.get(*index));
    in_order
        .filter_map(|relay| {
            let path = relay.path.clone().filter(|path| !seen.contains(path))?;
            seen.push(path.clone());
            Some((path, relay.clone()))
        })
        .collect()
}

/// The one that completes first stands first among those that tie with it.
fn put_first_among_equals(profile: &Profile, ranks: &mut [Rank], selected: &str) {
    let stack = profile.stack();
    let candidate = |rank: &Rank| rank.candidate.clone();
    let Some(at) = ranks.iter().position(|rank| rank.path == selected) else { return };
    let Some(own) = ranks.get(at).and_then(candidate) else { return };
    let equal = |rank: &Rank| {
        candidate(rank)
            .is_some_and(|other| Difference::between(stack.as_ref(), &own, &other) == Difference::None)
    };
    if let Some(first) = ranks.iter().position(equal).filter(|first| *first < at) {
        ranks[first..=at].rotate_right(1);
        ranks.iter_mut().enumerate().for_each(|(place, rank)| rank.position = place + 1);
    }
}

fn mark_selected(ranks: &mut [Rank], selected: &str, elected: &Election) {
    for rank in ranks.iter_mut() {
        rank.selected = rank.path == selected;
        if let (true, true, Some(because)) = (rank.selected, rank.position > 1, elected.because) {
            rank.because = format!("the call takes it all the same: {}", because.words());
        }
    }
}

fn ranked(stack: &dyn Stack, ordered: &[(String, Candidate)], place: usize) -> Rank {
    let (path, relay) = &ordered[place];
    Rank {
        position: place + 1,
        path: path.clone(),
        candidate: Some(relay.clone()),
        pair_priority: pair_priority(relay.priority, REMOTE_PRIORITY).to_string(),
        selected: place == 0,
        because: because(stack, ordered, place),
        selected_answering: false,
        overlooked: None,
    }
}

/// One sentence: why the first is first, and why each other stands below the one before it.
fn because(stack: &dyn Stack, ordered: &[(String, Candidate)], place: usize) -> String {
    let (path, this) = &ordered[place];
    let peers = ordered.iter().filter(|(other, relay)| {
        other != path && Difference::between(stack, this, relay) == Difference::None
    });
    let ties: Vec<&str> = peers.map(|(other, _)| other.as_str()).collect();
    if !ties.is_empty() {
        return format!("ties with {}; the first to complete wins", ties.join(", "));
    }
    match place.checked_sub(1).map(|above| &ordered[above].1) {
        Some(above) => below(stack, above, this),
        None => above_all(stack, this, &ordered[1..]),
    }
}

fn above_all(stack: &dyn Stack, best: &Candidate, others: &[(String, Candidate)]) -> String {
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
