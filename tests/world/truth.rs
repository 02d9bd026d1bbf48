//! What the network would carry, found without an agent.

use super::call::Call;
use raincheck_lab::net::{Impairment, Side};
use raincheck_probes::ice::agent::{BaseId, IceRole, PairId, PairState};
use raincheck_probes::ice::rank::pair_priority;
use raincheck_probes::ice::stack::Client;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// How often each pair is tried, by both sides at once.
const ROUNDS: u32 = 6;

/// The pairs of an end that carry packets both ways in this world when nothing is lost, with the end's own address as
/// the peer sees it. A copy of the world is asked: nothing happens to the call.
pub(crate) fn carrying(call: &Call, end: usize) -> BTreeMap<PairId, SocketAddr> {
    let mut world = call.world.clone();
    Side::BOTH.into_iter().for_each(|side| world.impair(side, Impairment::NONE, Impairment::NONE));
    let routes = [0, 1].map(|number| routes(call, number));
    let mut works = BTreeMap::new();
    for round in 0..ROUNDS {
        // What the call has sent arrives first: no link holds anything back for longer.
        let now = call.now + Duration::from_secs(2) + Duration::from_millis(50) * round;
        for side in Side::BOTH {
            for (_, from, to) in &routes[side as usize] {
                world.send(now, side, *from, *to, format!("ask {to}"));
            }
        }
        while let Some(due) = world.next_event().filter(|due| *due < now + Duration::from_millis(50)) {
            while let Some((side, got)) = world.deliver(due) {
                let text = std::str::from_utf8(&got.bytes).unwrap_or_default();
                if let Some(asked) = text.strip_prefix("ask ") {
                    world.send(due, side, got.to, got.from, format!("answer {asked} {}", got.from));
                } else if side as usize == end
                    && let Some(answer) = text.strip_prefix("answer ")
                    && let Some((asked, seen)) = answer.split_once(' ')
                    // RFC 8445 section 7.2.5.2.1: from where the check went to, not from elsewhere.
                    && asked == got.from.to_string()
                    && let Some((pair, ..)) =
                        routes[end].iter().find(|(_, from, to)| *from == got.to && *to == got.from)
                {
                    works.insert(*pair, seen.parse().unwrap());
                }
            }
        }
    }
    works
}

/// Whether an end that nominates aggressively gave up the path that the other end holds for the selected one: its check
/// nominated that path at the peer, but no answer came back in time, or came from another port, so that it never
/// learned of the nomination itself. libnice sends a check three times. nICEr cancels, at its first nomination, what was
/// not sent by then and what it was to send again because the peer had checked it, and takes nothing of that up again
/// (`ice_component.c`, nr_ice_component_nominated_pair; `ice_candidate_pair.c`,
/// nr_ice_candidate_pair_do_triggered_check), also where it is the one that follows. Both ends then send by different
/// paths, for good.
pub(crate) fn given_up(call: &Call) -> bool {
    [0, 1].into_iter().any(|number: usize| {
        let (end, other) = (&call.ends[number], &call.ends[1 - number]);
        let client = end.profile.client;
        let Some((theirs, _)) = other.selected() else { return false };
        let towards = |id: &usize| {
            let remote = end.agent.remote(PairId(*id));
            remote.is_some_and(|remote| remote.address == theirs.ip())
        };
        (0..end.agent.pairs().len()).filter(towards).any(|id| {
            let pair = &end.agent.pairs()[id];
            let nominated = pair.checks.iter().any(|check| check.use_candidate);
            let unanswered = pair.checks_answered == 0 && end.agent.selected() != Some(PairId(id));
            let cancelled = client == Client::Firefox && pair.state == PairState::Pruned;
            let missed = pair.state == PairState::Failed && nominated;
            let aggressive = matches!(client, Client::Firefox | Client::Gateway | Client::GatewayTls);
            aggressive && unanswered && (cancelled || missed)
        })
    })
}

/// An end's datagram pairs of this session, with where they send from and to.
fn routes(call: &Call, end: usize) -> Vec<(PairId, SocketAddr, SocketAddr)> {
    let end = &call.ends[end];
    let session = end.agent.pairs().iter().map(|pair| pair.session).max();
    let pairs = end.agent.pairs().iter().enumerate().filter(|(_, pair)| Some(pair.session) == session);
    pairs
        .filter_map(|(number, _)| {
            let (BaseId(base), to) = end.agent.route_of(PairId(number))?;
            let base = end.bases[base];
            (!base.stream).then_some((PairId(number), base.address, to))
        })
        .collect()
}

/// The priority of a pair of an end, with the local candidate that a check would show: all that counts between pairs
/// that work, on networks of one cost.
pub(crate) fn priority(call: &Call, end: usize, pair: PairId, seen: SocketAddr) -> u64 {
    let agent = &call.ends[end].agent;
    let local = call.ends[end].priority_of(agent.pairs()[pair.0].base, seen);
    let remote = agent.remote(pair).map_or(0, |remote| remote.priority);
    match agent.role() {
        IceRole::Controlling => pair_priority(local, remote),
        IceRole::Controlled => pair_priority(remote, local),
    }
}
