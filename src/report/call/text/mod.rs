//! `call` for a person, read from the top: the verdict, what to change, the pairs in the order in which the client
//! prefers them, what was measured over the selected one, and what happened when.

mod events;
mod matrix;
mod pairs;

use super::model::{CallReport, CutReport, DtlsReport, PairReport, SoakReport, UpkeepReport};
use crate::report::names::Names;
use crate::report::style::{Ink, Line, Style, Verbosity, wrapped};
use crate::report::text::{client, findings, head, path_stages, verdict_line};
use crate::settings::call::{in_words, server_of_path};
use crate::verdict::Kind;
use crate::verdict::call::upkeep_name;
use std::io;
use std::time::Duration;

/// Where the text beside a label begins.
const BESIDE: usize = 13;
/// Candidates that are not checked and shown without `-v`.
const PASSED_OVER: usize = 4;

/// Writes the report as text.
///
/// # Errors
/// What the writer says.
pub fn write(report: &CallReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let style = &style.page();
    let hosts = hosts(report);
    let names = Names::of(hosts.iter().map(String::as_str));
    verdict_line((report.verdict, &report.summary), &names, style, out)?;
    if style.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    let verbose = style.verbosity == Verbosity::Verbose;
    if let Some(why) = &report.cut_short {
        wrapped(Line::default(), Ink::Warn, &format!("Cut short: {why}."), (2, style.width), style, out)?;
    }
    if verbose || report.servers_from.starts_with("the shipped catalog") {
        let text = format!("Servers: {}", report.servers_from);
        wrapped(Line::default(), Ink::Faint, &text, (2, style.width), style, out)?;
    }
    let title = if report.verdict == Kind::Works { "What else was seen" } else { "What to change" };
    findings(title, &report.findings, &report.advice, &names, style, out)?;
    let title = format!("Pairs in the order the client prefers them ({})", client(&report.profile));
    pairs::write(&title, &report.pairs, &names, style, out)?;
    if let (true, Some(far)) = (verbose, &report.far) {
        pairs::write("The far end's pairs in its order", &far.pairs, &names, style, out)?;
    }
    showed(report, &names, style, out)?;
    if let Some(found) = &report.matrix {
        matrix::write(&found.0, &names, style, out)?;
    }
    passed_over(report, style, out)?;
    events::write(report, &names, style, out)?;
    if verbose {
        path_stages(&report.paths, style, out)?;
        head("Candidates", style, out)?;
        let far = report.far.iter().flat_map(|far| &far.candidates);
        for candidate in report.candidates.iter().chain(far) {
            wrapped(Line::default(), Ink::Plain, &candidate.sdp, (2, style.width), style, out)?;
        }
    }
    Ok(())
}

/// Every server that a text may name.
fn hosts(report: &CallReport) -> Vec<String> {
    let far = report.far.iter().flat_map(|far| far.paths.iter());
    let of_paths = report.paths.iter().chain(far).map(|path| path.server.clone());
    let matrix = report.matrix.iter().flat_map(|matrix| &matrix.0);
    let pairs = report.pairs.iter().chain(matrix).flat_map(|pair| [&pair.path, &pair.remote_path]);
    let of_pairs =
        pairs.filter_map(|path| path.as_deref()).filter_map(server_of_path).map(|(host, _)| host.to_owned());
    of_paths.chain(of_pairs).collect()
}

/// What the call showed beside its pairs: DTLS, the way on, the cut, the soak.
fn showed(report: &CallReport, names: &Names, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut rows: Vec<(&str, Ink, String)> = Vec::new();
    if report.state == Some("connected") {
        let (ink, text) = dtls(report.dtls.as_ref());
        rows.push(("DTLS", ink, text));
        let next = successor(report).filter(|_| report.selected.is_some());
        rows.extend(next.map(|text| ("If it died", Ink::Plain, text)));
    }
    rows.extend(
        report.cut.iter().map(|found| cut(found, &report.pairs)).map(|(ink, text)| ("Cut", ink, text)),
    );
    if let Some(soak) = &report.soak {
        let ink = if soak.ended_by.is_some() { Ink::Bad } else { Ink::Good };
        rows.push(("Soak", ink, held(soak, report.far.is_some())));
        rows.extend(soak.ended_by.clone().map(|why| ("Ended by", Ink::Bad, why)));
        for (end, label) in [("near", "Upkeep"), ("far", "At far end")] {
            rows.extend(upkeep(soak, end).map(|text| (label, Ink::Plain, text)));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    head("What the call showed", style, out)?;
    for (label, ink, text) in rows {
        let mut line = Line::default();
        line.tab(2).put(Ink::Faint, label);
        wrapped(line, ink, &names.shorten(&text), (BESIDE, style.width), style, out)?;
    }
    Ok(())
}

fn dtls(dtls: Option<&DtlsReport>) -> (Ink, String) {
    let Some(dtls) = dtls else { return (Ink::Warn, "not tried".to_owned()) };
    let mut parts: Vec<String> = Vec::new();
    if dtls.ok {
        let after = dtls.unanswered_ms.map(|waited| format!(", after {} without an answer", short(waited)));
        let after = after.unwrap_or_default();
        parts.extend(dtls.handshake_ms.map(|took| format!("{}{after}", short(took))));
        parts.extend(dtls.version.clone());
        parts.extend(dtls.cipher.clone());
    } else {
        parts.push(dtls.detail.clone().unwrap_or_else(|| "the handshake did not end".to_owned()));
        parts.extend(match dtls.datagrams_received {
            0 => None,
            1 => Some("1 datagram came".to_owned()),
            n => Some(format!("{n} datagrams came")),
        });
    }
    parts.extend(dtls.fingerprint_matches.map(|same| match same {
        true => "certificate as signalled".to_owned(),
        false => "certificate is not the one that was signalled".to_owned(),
    }));
    if let (Some(out), Some(back)) = (dtls.largest_sent, dtls.largest_received) {
        parts.push(format!("datagrams of {out} bytes out and {back} bytes in pass"));
    }
    (if dtls.ok { Ink::Good } else { Ink::Bad }, parts.join(", "))
}

/// What the client would do if the selected path died.
fn successor(report: &CallReport) -> Option<String> {
    let successor = report.successor.as_ref()?;
    let to = successor.pair.map(|position| named(position, &report.pairs));
    Some(match (successor.action, to, successor.because) {
        ("switch", Some(to), Some(because)) => format!("the client would move to {to} by itself: {because}"),
        ("switch", Some(to), None) => format!("the client would move to {to} by itself"),
        ("look", Some(to), _) => format!(
            "the client would look for another by itself, first at {to}; nothing is known of it from this call"
        ),
        ("restart", Some(to), _) => format!("the call would need an ICE restart, which would find {to}"),
        _ => "the call would end: no other pair works".to_owned(),
    })
}

/// `2 (relay TCP/80 turn1)`: a pair by its place and what is ours of it.
fn named(position: usize, pairs: &[PairReport]) -> String {
    match position.checked_sub(1).and_then(|at| pairs.get(at)) {
        Some(pair) => format!("{position} ({})", pair.local_words),
        None => position.to_string(),
    }
}

fn cut(cut: &CutReport, pairs: &[PairReport]) -> (Ink, String) {
    let at = format!("{} at {}", cut.path, seconds(cut.at_ms));
    let of = |position: Option<usize>| position.map_or("no pair".to_owned(), |at| named(at, pairs));
    let gap = cut.gap_ms.map_or(String::new(), |gap| format!("; nothing was heard for {}", seconds(gap)));
    match (cut.after, cut.switched_ms) {
        (Some(_), Some(took)) => {
            let (before, after) = (of(cut.before), of(cut.after));
            (Ink::Good, format!("{at}: the call moved from {before} to {after} in {}{gap}", seconds(took)))
        }
        _ if !cut.touched => (
            Ink::Good,
            format!(
                "{at}: the call ran on {} and was not touched: only this end's own paths are cut{gap}",
                of(cut.before)
            ),
        ),
        _ => (Ink::Bad, format!("{at}: the call ran on {} and did not move on{gap}", of(cut.before))),
    }
}

/// `both`: what was sent at one end came to the other, which is ours too.
fn held(soak: &SoakReport, both: bool) -> String {
    let time = |ms: f64| in_words(Duration::from_secs_f64(ms / 1000.0));
    let arrived = match (soak.received, both) {
        (Some(received), true) => format!(", {} lost", soak.sent.saturating_sub(received)),
        (Some(received), false) => format!(", {received} received"),
        (None, _) => String::new(),
    };
    let gap = soak.longest_gap.map_or(String::new(), |gap| {
        format!("; longest silence {}, from {}", seconds(gap.ms), seconds(gap.at_ms))
    });
    let held = if soak.held_ms >= soak.asked_ms {
        format!("held {}", time(soak.asked_ms))
    } else {
        format!("held {} of {}", time(soak.held_ms), time(soak.asked_ms))
    };
    format!("{held}; {} packets sent{arrived}{gap}", soak.sent)
}

/// What came due at one end.
fn upkeep(soak: &SoakReport, end: &str) -> Option<String> {
    let kind = |kind: &UpkeepReport| {
        let why = kind.detail.as_ref().map_or(String::new(), |why| format!(" ({why})"));
        let name = upkeep_name(&kind.what);
        match (kind.what.as_str(), kind.answered) {
            // Most bindings are kept with indications, which nobody answers.
            ("binding", 0) => format!("{} {name}s sent{why}", kind.due),
            _ => format!("{} of {} {name}s answered{why}", kind.answered, kind.due),
        }
    };
    let due = soak.upkeep.iter().filter(|kind| kind.end == end && kind.due > 0);
    let told: Vec<String> = due.map(kind).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn passed_over(report: &CallReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    if report.passed_over.is_empty() {
        return Ok(());
    }
    head("Candidates of the other end that are not checked", style, out)?;
    let all = style.verbosity == Verbosity::Verbose;
    let shown = if all { report.passed_over.len() } else { PASSED_OVER };
    for passed in report.passed_over.iter().take(shown) {
        let text = format!("{}: {}", passed.candidate, passed.because);
        wrapped(Line::default(), Ink::Plain, &text, (2, style.width), style, out)?;
    }
    match report.passed_over.len().saturating_sub(shown) {
        0 => Ok(()),
        more => more_below(&format!("and {more} more; -v shows them"), style, out),
    }
}

/// A faint note about what is left out.
fn more_below(text: &str, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    wrapped(Line::default(), Ink::Faint, text, (4, style.width), style, out)
}

/// `41.2 ms`, `1.07 s`, out of milliseconds.
fn short(ms: f64) -> String {
    if ms >= 1000.0 { seconds(ms) } else { format!("{ms:.1} ms") }
}

/// `3.50 s`, out of milliseconds.
fn seconds(ms: f64) -> String {
    format!("{:.2} s", ms / 1000.0)
}
