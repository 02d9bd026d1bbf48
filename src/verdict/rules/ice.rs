//! What the client's ICE makes of relays that work.

use super::{Claim, Judgement};
use crate::verdict::Cite;
use crate::verdict::view::{View, flow};
use crate::verdict::words::{cite, destinations, flows, list, servers};
use raincheck_probes::evidence::{Cause, PathEvidence, Stage, Step, Transport};
use std::collections::BTreeSet;
use std::time::Duration;

/// How much later than the other a preferred path must be: less is a matter of chance, and of nobody's concern.
const NOTABLE: Duration = Duration::from_millis(250);

/// Packets come back through the relay and connectivity checks do not.
pub(super) fn checks_blocked(view: &View) -> Judgement {
    let blocked = |p: &&PathEvidence| p.works() == Some(true) && p.checks_answered() == Some(false);
    let met: Vec<&PathEvidence> = view.paths().filter(blocked).collect();
    if met.is_empty() {
        let mut proven = view.paths().filter(|p| p.works() == Some(true)).peekable();
        let known = proven.peek().is_some() && proven.all(|p| p.checks_answered().is_some());
        return if known { Judgement::Fails } else { Judgement::Unknown };
    }
    let names = servers(met.iter().copied());
    let (flow, to) = (flows(met.iter().copied()), list(&names));
    // Nothing on the way reads what TLS carries: where it happens there too, the server itself is left.
    let within_tls: BTreeSet<&str> = servers(met.iter().copied().filter(|p| p.transport == Transport::Tls));
    let advice = if within_tls == names {
        format!(
            "Server: find out why {to} drops STUN messages that it is to relay (a filter, its peer rules)."
        )
    } else {
        format!(
            "Firewall: let {flow} to {} pass without inspection; STUN inside TURN is dropped.",
            destinations(view, &names)
        )
    };
    let asked: u32 = met.iter().flat_map(|p| &p.steps).filter_map(unanswered).fold(0, u32::saturating_add);
    Claim {
        title: format!("Nothing answers connectivity checks over {flow} to {to}"),
        observed: format!(
            "Packets come back through the relay, and none of {asked} connectivity checks (STUN) is answered: \
             no client uses such a path."
        ),
        evidence: cite(met.iter().copied(), |stage, _| stage == Stage::Check),
        advice: vec![advice],
        ..Claim::default()
    }
    .into()
}

fn unanswered(step: &Step) -> Option<u32> {
    match step.cause() {
        Some(Cause::NoAnswer { requests, .. }) if step.stage == Stage::Check => Some(*requests),
        _ => None,
    }
}

/// In a call that it answers, the client has stopped gathering before its preferred path is ready, and takes one of
/// another kind.
pub(super) fn stops_early(view: &View) -> Judgement {
    let Some(preferred) = view.selected() else { return Judgement::Unknown };
    let Some(overlooked) = view.overlooked() else { return Judgement::Fails };
    let Some(taken) = view.taken_answering() else { return Judgement::Unknown };
    let late = |p: &PathEvidence| p.client_starts.as_duration() + p.time_to_relay().unwrap_or_default();
    let alike = taken.transport == preferred.transport && taken.route == preferred.route;
    if alike || late(preferred) < late(taken) + NOTABLE {
        return Judgement::Fails;
    }
    let name = |p: &PathEvidence| format!("{} to {}", flow(p.transport, p.port), p.server);
    let Some(step) = preferred.step(Stage::Allocate) else { return Judgement::Unknown };
    let ready = preferred.time_to_relay().unwrap_or_default();
    Claim {
        title: format!("Calls that this client answers do not use {}", name(preferred)),
        observed: format!("{}: {overlooked}; it takes {} instead.", name(preferred), name(taken)),
        evidence: vec![Cite {
            path: preferred.id.clone(),
            stage: step.stage,
            text: format!("the relay was there after {} ms", ready.as_millis()),
        }],
        advice: vec![format!(
            "Server or network: find out why {} takes so long to give a relay.",
            name(preferred)
        )],
        ..Claim::default()
    }
    .into()
}
