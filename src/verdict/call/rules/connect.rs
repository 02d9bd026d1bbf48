//! Why no call came about.

use super::super::{Asked, is_decided};
use super::{capital, cite, finding, has_relay};
use crate::call::record::{CallRecord, PairRecord};
use crate::verdict::Finding;
use crate::verdict::words::{count, list};
use raincheck_probes::evidence::Stage;
use raincheck_probes::ice::{Candidate, CandidateType, Policy, Protocol};
use std::collections::BTreeMap;

/// Causes that are told one by one.
const CAUSES: usize = 3;
/// Pairs that are cited.
const CITES: usize = 8;
/// Remote candidates that are told one by one.
const PASSED_OVER: usize = 3;

/// The one reason why the call did not connect.
pub(super) fn unconnected(record: &CallRecord, asked: &Asked) -> Option<Finding> {
    if record.connected {
        return None;
    }
    if let Some(why) = &record.signalling {
        return Some(not_signalled(why));
    }
    if !is_decided(record) {
        return None;
    }
    let near = &record.near;
    if near.pairs.is_empty() {
        return Some(match near.candidates.is_empty() {
            true => no_local(asked),
            false => no_pair(record),
        });
    }
    Some(if reach_each_other_only_directly(record) { no_relay(record, asked) } else { no_answer(record) })
}

fn not_signalled(why: &str) -> Finding {
    let observed = format!("{}.", capital(why.trim_end_matches('.')));
    let advice = vec!["Start both ends again: an offer and its answer belong together.".to_owned()];
    finding("call-not-signalled", "the two ends did not find each other".to_owned(), observed, advice)
}

fn no_local(asked: &Asked) -> Finding {
    let (observed, advice) = match asked.policy {
        Policy::Relay => (
            "Only relays may be used (--policy relay), and no TURN server gave one.",
            "Make a TURN server reachable, or allow other candidates.",
        ),
        Policy::All => (
            "This host gave no address, and no server gave one.",
            "Connect this computer to a network; raincheck gather shows what it finds there.",
        ),
    };
    let title = "this end has no candidate".to_owned();
    finding("call-no-candidates", title, observed.to_owned(), vec![advice.to_owned()])
}

/// There are candidates, and no pair of them.
fn no_pair(record: &CallRecord) -> Finding {
    let ours = kinds(record.near.candidates.iter());
    if record.far.as_ref().is_some_and(|far| far.candidates.is_empty()) {
        // Nothing but a relay may be used there: it stands for somebody outside.
        let observed = "The far end of this call may use its relay alone, and no TURN server gave it one.";
        let advice = "Make a TURN server reachable; raincheck check says what stands in the way.";
        let title = "the far end has no relay".to_owned();
        return finding("call-no-candidates", title, observed.to_owned(), vec![advice.to_owned()]);
    }
    if record.passed_over.is_empty() {
        let title = "no candidate of the other end fits one of ours".to_owned();
        let observed = format!(
            "This end has {ours}; nothing that the other end gave is of the same family and \
                                transport."
        );
        let advice =
            vec!["Give both ends a TURN server: its relays speak to either family's peers.".to_owned()];
        return finding("call-no-pair", title, observed, advice);
    }
    let told = record.passed_over.iter().take(PASSED_OVER).map(|(what, why)| format!("{what}: {why}"));
    let mut told: Vec<String> = told.collect();
    match record.passed_over.len().saturating_sub(PASSED_OVER) {
        0 => {}
        more => told.push(format!("and {more} more")),
    }
    let title = "the other end gave no candidate that can be checked".to_owned();
    let advice =
        vec!["Other end: let it gather a relay; raincheck gather shows there what it finds.".to_owned()];
    finding("call-no-candidates", title, format!("{}.", told.join("; ")), advice)
}

/// Neither end has a relay in any pair.
fn reach_each_other_only_directly(record: &CallRecord) -> bool {
    let relayed = |candidate: &Candidate| candidate.kind == CandidateType::Relay;
    !has_relay(record) && !record.near.pairs.iter().any(|pair| relayed(&pair.local) || relayed(&pair.remote))
}

fn no_relay(record: &CallRecord, asked: &Asked) -> Finding {
    let pairs = &record.near.pairs;
    let title = "no direct path between the two ends works, and neither has a relay".to_owned();
    let observed = format!(
        "This end has {}, the other {}; {}.",
        kinds(record.near.candidates.iter()),
        kinds(remotes(pairs).into_iter()),
        what_came(pairs)
    );
    let servers = record.near.paths.iter().any(|path| !path.url.starts_with("stun"));
    let advice = match (servers, asked.policy) {
        (true, _) => "Make a TURN server reachable from at least one end, with credentials that it takes.",
        (false, _) => "Give at least one end a TURN server, with credentials: --ice-servers or --turn.",
    };
    let mut found = finding("call-no-relay", title, observed, vec![advice.to_owned()]);
    found.evidence = cites(pairs);
    found
}

fn no_answer(record: &CallRecord) -> Finding {
    let pairs = &record.near.pairs;
    let relayed = |candidate: &Candidate| candidate.kind == CandidateType::Relay;
    let theirs = pairs.iter().any(|pair| relayed(&pair.remote));
    let title = "nothing answers on any pair of candidates".to_owned();
    let observed = format!(
        "This end has {}, the other {}; {}.",
        kinds(record.near.candidates.iter()),
        kinds(remotes(pairs).into_iter()),
        what_came(pairs)
    );
    let mut advice = Vec::new();
    if record.far.is_none() {
        advice.push(
            "Make sure that the other end was still there: it has to wait while this one checks.".to_owned(),
        );
    }
    advice.push(match (has_relay(record), theirs) {
        (true, true) => {
            "TURN servers: their relayed ports (UDP 49152-65535 unless set otherwise) must reach each \
                         other, and no rule of theirs may deny the other's address."
                .to_owned()
        }
        (true, false) => {
            "Other end: let it gather a relay; raincheck gather shows there what it finds.".to_owned()
        }
        (false, _) => {
            "This end: let it gather a relay; raincheck check says what stands in the way.".to_owned()
        }
    });
    let mut found = finding("call-no-answer", title, observed, advice);
    found.evidence = cites(pairs);
    found
}

/// `84 checks on 12 pairs in 9.5 s: no answer (10 pairs); the server answered 403 Forbidden (2 pairs)`.
fn what_came(pairs: &[PairRecord]) -> String {
    let checked: Vec<&PairRecord> = pairs.iter().filter(|pair| pair.checks_sent > 0).collect();
    let sent: u64 = checked.iter().map(|pair| pair.checks_sent).sum();
    let mut causes: BTreeMap<&'static str, (usize, String)> = BTreeMap::new();
    for cause in pairs.iter().filter_map(|pair| pair.cause.as_ref()) {
        let words = match cause.code() {
            "no-answer" => "no answer".to_owned(),
            _ => cause.to_string(),
        };
        causes.entry(cause.code()).or_insert((0, words)).0 += 1;
    }
    let mut causes: Vec<(usize, String)> = causes.into_values().collect();
    causes.sort_by_key(|(times, _)| std::cmp::Reverse(*times));
    let why = causes.iter().take(CAUSES).map(|(times, words)| format!("{words} ({})", count(*times, "pair")));
    let why: Vec<String> = why.collect();
    let number = usize::try_from(sent).unwrap_or(usize::MAX);
    let what = format!("{} on {}", count(number, "check"), count(checked.len(), "pair"));
    if why.is_empty() { format!("{what}, and no answer") } else { format!("{what}: {}", why.join("; ")) }
}

/// `2 host and 1 relay candidates`.
fn kinds<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> String {
    let mut numbers: BTreeMap<(CandidateType, bool), usize> = BTreeMap::new();
    for candidate in candidates {
        *numbers.entry((candidate.kind, candidate.protocol == Protocol::Tcp)).or_default() += 1;
    }
    let total: usize = numbers.values().sum();
    let named = numbers
        .iter()
        .map(|((kind, tcp), n)| format!("{n} {}{}", kind.as_str(), if *tcp { " TCP" } else { "" }));
    match total {
        0 => "no candidate".to_owned(),
        1 => format!("{} candidate", list(named)),
        _ => format!("{} candidates", list(named)),
    }
}

/// The remote candidates of the pairs, each once.
fn remotes(pairs: &[PairRecord]) -> Vec<&Candidate> {
    let mut remotes: Vec<&Candidate> = Vec::new();
    for remote in pairs.iter().map(|pair| &pair.remote) {
        let same = |other: &&Candidate| {
            (other.kind, other.protocol, other.address, other.port)
                == (remote.kind, remote.protocol, remote.address, remote.port)
        };
        if !remotes.iter().any(same) {
            remotes.push(remote);
        }
    }
    remotes
}

fn cites(pairs: &[PairRecord]) -> Vec<crate::verdict::Cite> {
    let failed = pairs.iter().filter_map(|pair| pair.cause.as_ref().map(|cause| (pair, cause)));
    failed.take(CITES).map(|(pair, cause)| cite(pair, Stage::Check, cause.to_string())).collect()
}
