//! `check` for a person, read from the top: the verdict, what to change and what shows it, the paths in the
//! order in which the client prefers them, and with `-v` every stage, candidate and fact.

mod detail;
mod paths;

pub(super) use detail::paths as path_stages;
pub(super) use paths::client;

use super::model::{CheckReport, FindingReport, ServerReport};
use super::names::Names;
use super::style::{Ink, Line, Style, Verbosity, columns, wrap, wrapped};
use crate::verdict::{Kind, Severity};
use std::io;

/// Servers with ignored URLs that are shown without `-v`.
const SERVERS_SHOWN: usize = 6;

/// Writes the report as text.
///
/// # Errors
/// What the writer says.
pub fn write(report: &CheckReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let style = &style.page();
    let names = Names::of(report.servers.iter().map(|server| server.name.as_str()));
    verdict_line((report.verdict, &report.summary), &names, style, out)?;
    if style.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    about(report, style, out)?;
    findings("What to change", &report.findings, &report.advice, &names, style, out)?;
    paths::write(report, &names, style, out)?;
    ignored(report, &names, style, out)?;
    if style.verbosity == Verbosity::Verbose {
        detail::write(report, &names, style, out)?;
    }
    Ok(())
}

/// The root causes and what to do about each; then what is good to know.
pub(super) fn findings(
    title: &str,
    findings: &[FindingReport],
    advice: &[String],
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let roots = || findings.iter().filter(|f| f.explained_by.is_none());
    let to_change: Vec<&FindingReport> = roots().filter(|f| f.severity > Severity::Info).collect();
    let to_know: Vec<&FindingReport> = roots().filter(|f| f.severity == Severity::Info).collect();
    if !to_change.is_empty() || !advice.is_empty() {
        head(title, style, out)?;
        for (n, finding) in (1..).zip(&to_change) {
            change(&n.to_string(), finding, names, style, out)?;
        }
        for (n, advice) in (to_change.len() + 1..).zip(advice) {
            let (mut line, number) = (Line::default(), n.to_string());
            line.tab(3usize.saturating_sub(columns(&number))).put(Ink::Head, &number);
            wrapped(line, Ink::Plain, advice, (4, style.width), style, out)?;
        }
    }
    if !to_know.is_empty() {
        head("Good to know", style, out)?;
        for finding in &to_know {
            change("-", finding, names, style, out)?;
        }
    }
    Ok(())
}

/// What the client leaves out: one line for each server.
fn ignored(report: &CheckReport, names: &Names, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let leaving: Vec<&ServerReport> = report.servers.iter().filter(|s| !s.ignored.is_empty()).collect();
    if leaving.is_empty() {
        return Ok(());
    }
    head("Server URLs that this client takes no notice of", style, out)?;
    let shown = if style.verbosity == Verbosity::Verbose { leaving.len() } else { SERVERS_SHOWN };
    for server in leaving.iter().take(shown) {
        for same in server.ignored.chunk_by(|a, b| a.text == b.text) {
            let urls: Vec<&str> = same.iter().map(|ignored| ignored.url.as_str()).collect();
            let text = same.first().map_or("", |ignored| ignored.text.as_str());
            let line = format!("{}: {text}", names.shorten(&urls.join(", ")));
            wrapped(Line::default(), Ink::Plain, &line, (4, style.width), style, out)?;
        }
    }
    match leaving.len().saturating_sub(shown) {
        0 => Ok(()),
        more => wrapped(
            Line::default(),
            Ink::Faint,
            &format!("and {more} more; -v shows them"),
            (4, style.width),
            style,
            out,
        ),
    }
}

/// The mark, the sentence, and the word to its right or before it.
pub(super) fn verdict_line(
    (verdict, summary): (Kind, &str),
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let (mark, ink) = match verdict {
        Kind::Works | Kind::Reachable => ("✓", Ink::Good),
        Kind::Degraded => ("!", Ink::Warn),
        Kind::Fails => ("✗", Ink::Bad),
        Kind::Unknown => ("?", Ink::Warn),
    };
    let word = verdict.word();
    let summary = names.shorten(summary);
    let right = style.width.saturating_sub(columns(word));
    let mut line = Line::default();
    line.put(ink, mark).tab(2);
    if columns(&summary) + 4 <= right {
        line.put(Ink::Head, &summary).tab(right).put(ink, word);
        return line.write(style, out);
    }
    // The word would stand in the middle of the sentence: it goes before it.
    let from = 2 + columns(word) + 2;
    line.put(ink, &format!("{word}:"));
    for (at, text) in wrap_after(&summary, style.width, from).iter().enumerate() {
        line.tab(if at == 0 { from } else { 2 }).put(Ink::Head, text);
        std::mem::take(&mut line).write(style, out)?;
    }
    Ok(())
}

/// The text in lines from column 2, the first of which begins at `from`.
fn wrap_after(text: &str, width: usize, from: usize) -> Vec<String> {
    let first = wrap(text, width.saturating_sub(from)).into_iter().next().unwrap_or_default();
    let rest = text.strip_prefix(&first).unwrap_or_default().trim_start();
    let rest = wrap(rest, width.saturating_sub(2));
    std::iter::once(first).chain(rest.into_iter().filter(|line| !line.is_empty())).collect()
}

/// That the run was cut short; that direct paths are none of its matter; and whose servers these are, where the program
/// chose them.
fn about(report: &CheckReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    if let Some(why) = &report.cut_short {
        wrapped(Line::default(), Ink::Warn, &format!("Cut short: {why}."), (2, style.width), style, out)?;
    }
    if report.relays_alone {
        let text = "Policy relay: this client looks at no direct path, so none is judged.";
        wrapped(Line::default(), Ink::Faint, text, (2, style.width), style, out)?;
    }
    let chosen = report.servers_from.starts_with("the shipped catalog");
    if chosen || style.verbosity == Verbosity::Verbose {
        let text = format!("Servers: {}", report.servers_from);
        wrapped(Line::default(), Ink::Faint, &text, (2, style.width), style, out)?;
    }
    Ok(())
}

/// A blank line and a title.
pub(super) fn head(text: &str, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out)?;
    let mut line = Line::default();
    line.put(Ink::Head, text);
    line.write(style, out)
}

/// The change, the section that asks for it, and below what shows it.
fn change(
    number: &str,
    finding: &FindingReport,
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let section = finding.reference.map_or(String::new(), |section| format!("section {section}"));
    let right = style.width.saturating_sub(columns(&section));
    let gap = if section.is_empty() { 0 } else { 2 };
    for (at, text) in wrap(&finding.advice.join(" "), right.saturating_sub(4 + gap)).iter().enumerate() {
        let mut line = Line::default();
        if at == 0 {
            line.tab(3usize.saturating_sub(columns(number))).put(Ink::Head, number);
        }
        line.tab(4).put(Ink::Plain, text);
        if at == 0 {
            line.tab(right).put(Ink::Faint, &section);
        }
        line.write(style, out)?;
    }
    let seen = format!("{}: {}", finding.code, names.shorten(&finding.observed));
    wrapped(Line::default(), Ink::Faint, &seen, (4, style.width), style, out)
}
