//! libwebrtc's conduct: its timers one by one, and calls between two of it on a wire in virtual time.

mod call;
mod failover;
mod order;
mod ping;
mod recordings;
mod timers;

use crate::ice::Candidate;
use crate::ice::agent::tests::wire::Wire;
use crate::ice::agent::{BaseId, Event, EventKind};
use crate::machine::Offset;
use crate::stun::{Message, attr};

/// Two ends of the newest Chromium.
fn chromiums() -> Wire {
    Wire::new(["chromium", "chromium"])
}

/// A candidate on a network of this id and cost.
fn on(network: u16, cost: u16, candidate: Candidate) -> Candidate {
    Candidate { network_id: Some(network), network_cost: Some(cost), ..candidate }
}

/// When an end checked from a base, in whole milliseconds.
fn checked(wire: &Wire, end: usize, base: BaseId) -> Vec<f64> {
    let sent =
        wire.sent.iter().filter(|packet| packet.end == end && packet.base == base && packet.is_check());
    sent.map(|packet| packet.sent.as_ms()).collect()
}

/// Whether each check of an end from a base nominates.
fn nominations(wire: &Wire, end: usize, base: BaseId) -> Vec<bool> {
    let sent =
        wire.sent.iter().filter(|packet| packet.end == end && packet.base == base && packet.is_check());
    let nominates = |bytes: &[u8]| Message::parse(bytes).unwrap().value(attr::USE_CANDIDATE).is_some();
    sent.map(|packet| nominates(&packet.bytes)).collect()
}

/// When things of a kind happened at an end.
fn times(wire: &Wire, end: usize, kind: impl Fn(&EventKind) -> bool) -> Vec<f64> {
    let events = wire.sides[end].events.iter().filter(|event: &&Event| kind(&event.kind));
    events.map(|event| event.at.as_ms()).collect()
}

fn at(ms: u64) -> Offset {
    Offset::from_ms(ms)
}
