//! Every stage of every path, what the client would signal, this host: what `-v` adds.

use super::head;
use crate::report::make::stage_name;
use crate::report::model::{CheckReport, PathReport, StageOutcome, StageReport};
use crate::report::names::Names;
use crate::report::style::{Ink, Line, Style, columns, wrapped};
use crate::verdict::Answer;
use serde_json::Value;
use std::io;

/// Where the facts of a stage begin when they have room beside it.
const FACTS_AT: usize = 46;

/// Writes the details.
pub(super) fn write(
    report: &CheckReport,
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    head("Findings", style, out)?;
    if report.findings.is_empty() {
        writeln!(out, "  none")?;
    }
    for finding in &report.findings {
        let by = finding.explained_by.map_or(String::new(), |by| format!(" (explained by {by})"));
        let text = format!("{}: {}{by}", finding.code, names.shorten(&finding.title));
        wrapped(Line::default(), Ink::Plain, &text, (2, style.width), style, out)?;
    }
    paths(&report.paths, style, out)?;
    head("Candidates", style, out)?;
    if report.candidates.is_empty() {
        writeln!(out, "  none")?;
    }
    for candidate in &report.candidates {
        wrapped(Line::default(), Ink::Plain, &candidate.sdp, (2, style.width), style, out)?;
    }
    network(report, style, out)
}

/// Every stage of these paths.
pub(in crate::report) fn paths(
    paths: &[PathReport],
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    head("Stages: when each began, how long it took (ms)", style, out)?;
    paths.iter().try_for_each(|path| stages(path, style, out))
}

fn stages(path: &PathReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let address = path.address.map_or(String::new(), |address| format!("  {address}"));
    wrapped(Line::default(), Ink::Head, &format!("{}{address}", path.id), (2, style.width), style, out)?;
    if let Some(tls) = &path.tls {
        let facts = [tls.version.as_deref(), tls.cipher.as_deref(), tls.alpn.as_deref()];
        let mut text = facts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        for certificate in &tls.chain {
            text.push_str(&format!(
                "; {} from {}, until {}",
                certificate.subject, certificate.issuer, certificate.not_after
            ));
        }
        wrapped(Line::default(), Ink::Faint, &text, (6, style.width), style, out)?;
    }
    for run in path.stages.chunk_by(|a, b| skipped(a).is_some() && skipped(a) == skipped(b)) {
        let Some(stage) = run.first() else { continue };
        let mut line = Line::default();
        if let Some(why) = skipped(stage) {
            let stages: Vec<&str> = run.iter().map(|s| stage_name(s.stage)).collect();
            let text = format!("skipped ({why}): {}", stages.join(", "));
            wrapped(line, Ink::Faint, &text, (4, style.width), style, out)?;
            continue;
        }
        line.tab(4).put(Ink::Plain, stage_name(stage.stage)).tab(16);
        let (word, ink) = match stage.outcome {
            StageOutcome::Passed => ("passed", Ink::Good),
            StageOutcome::Failed => ("failed", Ink::Bad),
            StageOutcome::Skipped => ("skipped", Ink::Faint),
            StageOutcome::Unfinished => ("unfinished", Ink::Warn),
        };
        line.put(ink, word).tab(27);
        let began = stage.began_ms.map_or(String::new(), |ms| format!("{ms:.1}"));
        let took = stage.began_ms.zip(stage.ended_ms).map_or(String::new(), |(b, e)| format!("{:.1}", e - b));
        line.put(Ink::Plain, &format!("{began:>8}{took:>9}  "));
        let facts = facts(stage);
        if FACTS_AT + columns(&facts) <= style.width {
            line.put(Ink::Faint, &facts);
            line.write(style, out)?;
        } else {
            line.write(style, out)?;
            wrapped(Line::default(), Ink::Faint, &facts, (16, style.width), style, out)?;
        }
    }
    Ok(())
}

/// Why the stage was skipped, if it was.
fn skipped(stage: &StageReport) -> Option<&str> {
    stage.facts.get("skipped").filter(|_| stage.outcome == StageOutcome::Skipped)?.as_str()
}

/// The cause in words, or the facts of a stage without one: a cause's own facts are in its words already.
fn facts(stage: &StageReport) -> String {
    if stage.cause.is_some() {
        return stage.facts.get("detail").map(text).unwrap_or_default();
    }
    let facts = stage.facts.iter().filter(|(key, _)| *key != "address");
    facts.map(|(key, value)| format!("{key}={}", text(value))).collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn network(report: &CheckReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    head("What gets through", style, out)?;
    let c = &report.capabilities;
    let rows = [
        ("direct UDP", c.direct_udp),
        ("relay over UDP", c.relay_udp),
        ("relay over TCP", c.relay_tcp),
        ("relay over TLS", c.relay_tls),
        ("relay via proxy", c.relay_via_proxy),
    ];
    for (name, answer) in rows {
        let (word, ink) = match answer {
            Answer::Works => ("works", Ink::Good),
            Answer::Fails => ("fails", Ink::Bad),
            Answer::Unknown => ("unknown", Ink::Warn),
            Answer::NotAsked => ("not asked", Ink::Faint),
        };
        let mut line = Line::default();
        line.tab(2).put(Ink::Plain, name).tab(20).put(ink, word);
        line.write(style, out)?;
    }
    head("This computer", style, out)?;
    for interface in &report.network.interfaces {
        let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
        let default = if interface.default_route { ", default route" } else { "" };
        let text = format!("{} ({}{default}): {}", interface.name, interface.kind, addresses.join(", "));
        wrapped(Line::default(), Ink::Plain, &text, (2, style.width), style, out)?;
    }
    for proxy in &report.network.proxies {
        wrapped(Line::default(), Ink::Plain, &format!("proxy {proxy}"), (2, style.width), style, out)?;
    }
    Ok(())
}
