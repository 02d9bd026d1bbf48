//! A call in one sentence.

use super::words::{cut_path, way};
use super::{Asked, carrier, held, is_decided, is_touched};
use crate::call::record::{CallRecord, SoakRecord};
use crate::settings::call::in_words;
use crate::verdict::summary::in_sentence;
use crate::verdict::{Finding, Kind, Severity};
use std::time::Duration;

/// One sentence for an administrator.
pub(super) fn summary(record: &CallRecord, asked: &Asked, kind: Kind, findings: &[Finding]) -> String {
    match kind {
        Kind::Works | Kind::Reachable => {
            let parts: Vec<String> = [Some(connects(record)), dtls(record), cut(record, asked), soak(record)]
                .into_iter()
                .flatten()
                .collect();
            format!("Calls connect: {}.", parts.join("; "))
        }
        Kind::Degraded => {
            format!("A call connects ({}), but {}.", connects(record), root(findings, record))
        }
        Kind::Fails => format!("Calls cannot connect: {}.", root(findings, record)),
        Kind::Unknown => unknown(record, asked),
    }
}

/// `relay TCP via turn1.example, 41.2 ms round trip`.
fn connects(record: &CallRecord) -> String {
    let moved = record.cut.as_ref().filter(|cut| cut.switched.is_some());
    let before = moved.and_then(|cut| record.near.pairs.get(cut.before?));
    let Some(pair) = before.or(carrier(record)) else { return "on no path that is left".to_owned() };
    let rtt = pair.rtt.map_or(String::new(), |rtt| format!(", {} round trip", milliseconds(rtt)));
    format!("{}{rtt}", way(pair))
}

fn dtls(record: &CallRecord) -> Option<String> {
    let Some(dtls) = &record.dtls else { return Some("DTLS was not tried".to_owned()) };
    let took = dtls.handshake.map_or(String::new(), |took| format!(" in {}", milliseconds(took)));
    dtls.ok.then(|| format!("DTLS{took}"))
}

fn cut(record: &CallRecord, asked: &Asked) -> Option<String> {
    let cut = record.cut.as_ref()?;
    let after = cut.after.and_then(|at| record.near.pairs.get(at));
    Some(match (cut.switched, after) {
        (Some(took), Some(after)) => {
            format!("{} after the cut of {} it went on over {}", seconds(took), cut_path(cut), way(after))
        }
        _ if is_touched(cut, record, asked) => return None,
        _ => format!("the cut of {} did not touch it", cut_path(cut)),
    })
}

fn soak(record: &CallRecord) -> Option<String> {
    let soak = record.soak.as_ref()?;
    held(soak).then(|| format!("it held {}", in_words(soak.asked)))
}

/// The root causes, or what is left to say without one.
fn root(findings: &[Finding], record: &CallRecord) -> String {
    // What only a call shows comes before the state of paths that it may not need.
    let of_call = |f: &&Finding| f.explained_by.is_none() && f.severity == Severity::Error;
    let mut roots: Vec<String> = Vec::new();
    let own = findings.iter().filter(of_call).filter(|f| super::rules::is_of_call(f.code));
    let all = findings.iter().filter(of_call);
    let told: Vec<&Finding> = if record.connected { own.collect() } else { all.collect() };
    for title in told.iter().map(|f| in_sentence(&f.title)) {
        if !roots.contains(&title) {
            roots.push(title);
        }
    }
    let more = roots.len().saturating_sub(2);
    roots.truncate(2);
    match (roots.is_empty(), more) {
        (true, _) => "no pair of candidates works".to_owned(),
        (false, 0) => roots.join("; "),
        (false, more) => format!("{}; and {more} more", roots.join("; ")),
    }
}

fn unknown(record: &CallRecord, asked: &Asked) -> String {
    let cut_short = record.cut_short.as_deref().map(|why| match why.contains(' ') {
        true => why.to_owned(),
        false => format!("the run was {why}"),
    });
    if !record.connected {
        let why = record.signalling.clone().or(cut_short).unwrap_or_else(|| "nothing was checked".to_owned());
        debug_assert!(!is_decided(record));
        return format!("It is not known whether calls connect: {}.", why.trim_end_matches('.'));
    }
    let why = cut_short.unwrap_or_else(|| nothing_done(record, asked));
    let held = record.soak.as_ref().map_or(String::new(), |soak: &SoakRecord| {
        format!(", after {} of {}", in_words(soak.held), in_words(soak.asked))
    });
    format!("A call connects ({}), but the rest is not known: {why}{held}.", connects(record))
}

fn nothing_done(record: &CallRecord, asked: &Asked) -> String {
    match &asked.fail {
        Some(path) if record.cut.is_none() => {
            format!("no path of this call is \"{path}\", so nothing was cut")
        }
        _ if record.dtls.as_ref().is_some_and(|dtls| !dtls.ok) => {
            let why = record.dtls.as_ref().and_then(|dtls| dtls.failure.as_deref());
            format!("DTLS was not tried: {}", why.unwrap_or("no reason is known").trim_end_matches('.'))
        }
        _ => "not everything was tried".to_owned(),
    }
}

/// `41.2 ms`, `43 ms`.
pub(crate) fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms >= 1000.0 { seconds(time) } else { format!("{ms:.1} ms") }
}

/// `3.50 s`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
