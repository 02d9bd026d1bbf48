//! Candidates as a table like the one of WebRTC's Trickle ICE sample page; errors below it.

use super::model::{CandidateReport, GatherReport};
use super::style::{Ink, Line, Style, Verbosity, columns, wrapped};
use raincheck_probes::evidence::Transport;
use raincheck_probes::ice::{CandidateType, Protocol};
use std::io;

const COLUMNS: [&str; 7] = ["Time", "Type", "Proto", "Address", "Port", "Priority", "Foundation"];

/// Writes the table.
///
/// # Errors
/// What the writer says.
pub fn write(report: &GatherReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let style = &style.page();
    let rows: Vec<[String; 7]> = report.candidates.iter().map(row).collect();
    if style.verbosity > Verbosity::Quiet && !rows.is_empty() {
        table(report, &rows, style, out)?;
        writeln!(out)?;
    }
    let mut line = Line::default();
    line.put(Ink::Head, &total(report));
    line.write(style, out)?;
    if let Some(why) = &report.cut_short {
        wrapped(Line::default(), Ink::Warn, &format!("Cut short: {why}."), (0, style.width), style, out)?;
    }
    if style.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    for error in &report.errors {
        let mut line = Line::default();
        line.put(Ink::Plain, &format!("{:8.1}  ", error.at_ms)).put(Ink::Bad, &format!("{}  ", error.code));
        let stun = error.stun_code.map_or(String::new(), |code| format!(" (STUN {code})"));
        let words = if error.text.is_empty() { String::new() } else { format!(": {}", error.text) };
        let text = format!("{} {}{words}{stun}", error.url, error.stage);
        wrapped(line, Ink::Plain, &text, (15, style.width), style, out)?;
    }
    for ignored in &report.ignored {
        let text = format!("The client takes no notice of {}: {}.", ignored.url, ignored.text);
        wrapped(Line::default(), Ink::Plain, &text, (0, style.width), style, out)?;
    }
    Ok(())
}

fn total(report: &GatherReport) -> String {
    let (candidates, errors) = (report.candidates.len(), report.errors.len());
    let word = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    format!(
        "{} in {:.1} ms, {}{}",
        word(candidates, "candidate"),
        report.elapsed_ms,
        word(errors, "error"),
        if errors == 0 { "." } else { ":" }
    )
}

fn table(
    report: &GatherReport,
    rows: &[[String; 7]],
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let head = COLUMNS.map(str::to_owned);
    let widest = |at: usize| {
        rows.iter().chain([&head]).filter_map(|row| row.get(at)).map(|cell| columns(cell)).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..COLUMNS.len()).map(widest).collect();
    // With IPv6 the last columns have no room: they go below.
    while widths.iter().sum::<usize>() + 2 * widths.len() > style.width + 2 {
        widths.pop();
    }
    cells(&head, &widths, Ink::Faint).write(style, out)?;
    for (candidate, row) in report.candidates.iter().zip(rows) {
        cells(row, &widths, Ink::Plain).write(style, out)?;
        let named = COLUMNS.iter().zip(row).skip(widths.len());
        let mut more: Vec<String> =
            named.map(|(name, cell)| format!("{} {cell}", name.to_lowercase())).collect();
        more.extend(candidate.url.clone());
        more.extend(candidate.relay_protocol.map(|t| format!("relay over {}", transport(t))));
        more.extend(candidate.route.as_deref().filter(|r| *r != "direct").map(|r| format!("via {r}")));
        if !more.is_empty() {
            wrapped(Line::default(), Ink::Faint, &more.join(", "), (10, style.width), style, out)?;
        }
    }
    Ok(())
}

/// Times and ports to the right, everything else to the left.
fn cells(row: &[String; 7], widths: &[usize], ink: Ink) -> Line {
    let mut line = Line::default();
    let mut column = 0;
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        let pad = if matches!(at, 0 | 4) { width.saturating_sub(columns(cell)) } else { 0 };
        line.tab(column + pad).put(ink, cell);
        column += width + 2;
    }
    line
}

fn row(candidate: &CandidateReport) -> [String; 7] {
    // Type preference, local preference, 256 minus the component: RFC 8445 section 5.1.2.1.
    let [kind, high, low, component] = candidate.priority.to_be_bytes();
    [
        format!("{:.1}", candidate.at_ms),
        match candidate.kind {
            CandidateType::Host => "host",
            CandidateType::Srflx => "srflx",
            CandidateType::Prflx => "prflx",
            CandidateType::Relay => "relay",
        }
        .to_owned(),
        match candidate.protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
        }
        .to_owned(),
        candidate.address.to_string(),
        candidate.port.to_string(),
        format!("{kind} | {} | {component}", u16::from_be_bytes([high, low])),
        candidate.foundation.clone(),
    ]
}

fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    }
}
