//! A call in words, for whoever looks into a failed one.

use super::call::Call;
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::agent::{EventKind, PairId};
use std::time::Duration;

/// Every event of both ends in order, and every pair that was checked or selected.
pub(crate) fn history(call: &Call) -> String {
    let mut lines: Vec<(Duration, String)> = Vec::new();
    for (number, end) in call.ends.iter().enumerate() {
        for event in &end.events {
            let at = event.at.as_duration();
            lines.push((at, format!("{at:>12.3?} {number} {}", words(call, number, &event.kind))));
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    let mut text: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    for (number, end) in call.ends.iter().enumerate() {
        text.push(format!("end {number}: {}, {}", end.agent.role().as_str(), end.agent.state()));
        for (id, pair) in end.agent.pairs().iter().enumerate().filter(|(_, pair)| pair.checks_sent > 0) {
            text.push(format!(
                "  {} {:?}, {} of {} checks answered, {} received, {}",
                name(call, number, PairId(id)),
                pair.state,
                pair.checks_answered,
                pair.checks_sent,
                pair.checks_received,
                end.agent.priority(PairId(id)),
            ));
        }
    }
    text.join("\n")
}

/// An event with its pairs by their addresses.
fn words(call: &Call, number: usize, kind: &EventKind) -> String {
    let mut text = format!("{kind:?}");
    for id in (0..call.ends[number].agent.pairs().len()).rev() {
        text = text.replace(&format!("PairId({id})"), &name(call, number, PairId(id)));
    }
    text
}

fn name(call: &Call, number: usize, pair: PairId) -> String {
    let agent = &call.ends[number].agent;
    let text = |candidate: Option<&Candidate>| {
        candidate.map_or("?".to_owned(), |c| format!("{} {}:{}", c.kind.as_str(), c.address, c.port))
    };
    format!("#{} [{} > {}]", pair.0, text(agent.local(pair)), text(agent.remote(pair)))
}
