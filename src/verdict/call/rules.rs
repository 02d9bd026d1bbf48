//! What only a call can show: one function for each stage of it.

mod connect;
mod upkeep;

pub use upkeep::upkeep_name;

use super::words::{cut_path, way_short};
use super::{Asked, carrier, is_ours, is_touched};
use crate::call::record::{CallRecord, CutRecord, DtlsRecord, PairRecord};
use crate::verdict::{Cite, Finding, Severity};
use raincheck_probes::evidence::Stage;
use raincheck_probes::ice::CandidateType;
use raincheck_probes::ice::stack::Client;
use std::collections::BTreeSet;

/// Codes of this room, those that are reasons first.
const CODES: [&str; 10] = [
    "call-not-signalled",
    "call-no-candidates",
    "call-no-pair",
    "call-no-relay",
    "call-no-answer",
    "dtls-fingerprint",
    "dtls-blocked",
    "dtls-failed",
    "call-no-failover",
    "call-dropped",
];

/// Whether a code is about the call itself rather than about a path to a server.
pub(super) fn is_of_call(code: &str) -> bool {
    CODES.contains(&code)
}

/// Everything that the call itself shows to be wrong.
pub(super) fn find(record: &CallRecord, asked: &Asked) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(connect::unconnected(record, asked));
    findings.extend(dtls(record));
    findings.extend(failover(record, asked));
    findings.extend(upkeep::dropped(record));
    findings
}

/// Adds the findings about paths, and says which of them explains that there was no relay.
pub(super) fn join(findings: &mut Vec<Finding>, paths: &[Finding], record: &CallRecord) {
    let root = paths.iter().find(|f| f.explained_by.is_none() && f.severity == Severity::Error);
    let explained = findings.iter_mut().find(|f| f.code == "call-no-relay" || f.code == "call-no-candidates");
    let mut added: Vec<Finding> = paths.to_vec();
    let ours = !record.near.paths.is_empty() && !has_relay(record);
    if let (Some(explained), Some(root), true) = (explained, root, ours) {
        explained.explained_by = Some(root.code);
        if let Some(root) = added.iter_mut().find(|f| f.code == root.code) {
            root.explains.push(explained.code);
        }
    }
    findings.append(&mut added);
}

fn has_relay(record: &CallRecord) -> bool {
    record.near.candidates.iter().any(|c| c.kind == CandidateType::Relay)
}

/// A finding about a call.
fn finding(code: &'static str, title: String, observed: String, advice: Vec<String>) -> Finding {
    Finding {
        code,
        severity: Severity::Error,
        title: capital(&title),
        observed,
        explains: Vec::new(),
        explained_by: None,
        evidence: Vec::new(),
        advice,
        reference: None,
        paths: BTreeSet::new(),
    }
}

/// A pair as evidence: what its checks showed.
fn cite(pair: &PairRecord, stage: Stage, text: String) -> Cite {
    let words = || format!("{} to {}", way_short(&pair.local), way_short(&pair.remote));
    Cite { path: pair.path.clone().unwrap_or_else(words), stage, text }
}

/// `12 of 12 checks answered`.
fn checks(pair: &PairRecord) -> String {
    format!("{} of {} checks answered", pair.checks_answered, pair.checks_sent)
}

/// STUN passes on the selected pair, DTLS does not.
fn dtls(record: &CallRecord) -> Option<Finding> {
    let dtls = record.dtls.as_ref().filter(|dtls| !dtls.ok && !is_ours(dtls, record))?;
    let why = dtls.failure.as_deref().map(|why| why.trim_end_matches('.').to_owned());
    let why = why.unwrap_or_else(|| "the handshake did not end".to_owned());
    let pair = carrier(record);
    let stun = pair.map_or(String::new(), |pair| format!("On the same pair {}.", checks(pair)));
    let observed = format!("{}. {stun}", capital(&why)).trim_end().to_owned();
    let (code, title, advice) = match dtls.failure_code.as_deref() {
        Some("fingerprint-mismatch") => mismatch(),
        _ if dtls.fingerprint_matches == Some(false) => mismatch(),
        Some("no-answer" | "stalled") => blocked(dtls),
        None if dtls.received == 0 => blocked(dtls),
        _ => (
            "dtls-failed",
            "the DTLS handshake fails".to_owned(),
            vec![
                "The two ends reach each other and do not agree: look at the other end's own log.".to_owned(),
            ],
        ),
    };
    let mut found = finding(code, title, observed, advice);
    found.reference = match (code, record.profile.client) {
        ("dtls-blocked", Client::Mobile | Client::Gateway | Client::GatewayTls) => Some("7.2"),
        ("dtls-blocked", _) => Some("4.1 note 2"),
        _ => None,
    };
    if let Some(pair) = pair {
        found.evidence = vec![cite(pair, Stage::Check, checks(pair)), cite(pair, Stage::Dtls, why)];
        found.paths.extend(pair.path.clone());
    }
    Some(found)
}

fn mismatch() -> (&'static str, String, Vec<String>) {
    let title = "the certificate on the path is not the one that was signalled".to_owned();
    let advice = vec![
        "Find out who answers in place of the other end: a box that takes DTLS apart, or another call whose line \
         was pasted."
            .to_owned(),
    ];
    ("dtls-fingerprint", title, advice)
}

fn blocked(dtls: &DtlsRecord) -> (&'static str, String, Vec<String>) {
    let title = "STUN passes on the selected path and DTLS does not".to_owned();
    let mut advice = vec![
        "Firewall: take this path out of inspection and application control, so that DTLS passes as STUN does."
            .to_owned(),
    ];
    // Something came back: the small flights pass, and what is missing may be the large ones.
    if dtls.received > 0 {
        advice.push("If only its full-size datagrams are lost, an MTU on the way is too small.".to_owned());
    }
    ("dtls-blocked", title, advice)
}

/// The path was cut, and the client stayed on it.
fn failover(record: &CallRecord, asked: &Asked) -> Option<Finding> {
    let cut: &CutRecord = record.cut.as_ref()?;
    if cut.switched.is_some() || !is_touched(cut, record, asked) || record.cut_short.is_some() {
        return None;
    }
    // What worked and what was left untried when the path went: an agent that has given up shows them as failed.
    let count = |fits: &dyn Fn(&PairRecord) -> bool| {
        let pairs = record.near.pairs.iter().enumerate();
        pairs.filter(|(at, pair)| Some(*at) != cut.before && !pair.cut && fits(pair)).count()
    };
    let (worked, untried) = (count(&|pair| pair.checks_answered > 0), count(&|pair| pair.checks_sent == 0));
    let observed = match (worked, untried) {
        (0, 0) => "No other pair worked.".to_owned(),
        (0, _) => "The client had not checked the pairs that were left, and did not begin to.".to_owned(),
        (1, _) => "1 other pair worked, and the client did not move to it.".to_owned(),
        (n, _) => format!("{n} other pairs worked, and the client did not move to one of them."),
    };
    let advice = match (worked, untried) {
        (0, 0) => "Open a second way for calls: another transport to the TURN servers, or a second server."
            .to_owned(),
        _ => "This client needs an ICE restart here, which its call has to ask for: expect the call to end."
            .to_owned(),
    };
    let title = format!("the call does not survive the loss of {}", cut_path(cut));
    let mut found = finding("call-no-failover", title, observed, vec![advice]);
    if let Some(pair) = cut.before.and_then(|at| record.near.pairs.get(at)) {
        found.evidence = vec![cite(pair, Stage::Check, format!("cut at {:.1} s", cut.at.as_ms() / 1000.0))];
    }
    Some(found)
}

/// The first letter of a sentence.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
