//! One line and an exit status for monitoring systems (Monitoring Plugins' development guidelines).

use super::CheckReport;
use super::style::clean;
use crate::verdict::Kind;
use std::io;

/// The plugin's exit status: 0 OK, 1 warning, 2 critical, 3 unknown.
pub fn exit_status(kind: Kind) -> u8 {
    match kind {
        Kind::Works | Kind::Reachable => 0,
        Kind::Degraded => 1,
        Kind::Fails => 2,
        Kind::Unknown => 3,
    }
}

/// Writes the line: state, summary, then round trip, jitter and loss of the path that the client would use
/// against the thresholds of section 6.2 (a round trip is twice the way), and how many paths work.
///
/// # Errors
/// What the writer says.
pub fn write(report: &CheckReport, out: &mut dyn io::Write) -> io::Result<()> {
    let state = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][usize::from(exit_status(report.verdict).min(3))];
    let summary = clean(&report.summary).replace('|', "/");
    let selected = report.ranking.iter().find(|rank| rank.selected);
    let path = selected.and_then(|rank| report.paths.iter().find(|path| path.id == rank.path));
    let mut perfdata = Vec::new();
    if let Some(path) = path {
        perfdata.extend(path.rtt_ms.map(|rtt| format!("rtt={:.1}ms;300;;0", rtt.median)));
        perfdata.extend(path.jitter_ms.map(|jitter| format!("jitter={jitter:.1}ms;30;;0")));
        perfdata.extend(path.loss.map(|loss| format!("loss={:.1}%;1;;0;100", loss * 100.0)));
    }
    let tried: Vec<_> = report.paths.iter().filter(|path| path.client_tries).collect();
    let working = tried.iter().filter(|path| path.works == Some(true)).count();
    perfdata.push(format!("paths={working};;;0;{}", tried.len()));
    writeln!(out, "RAINCHECK {state} - {summary} | {}", perfdata.join(" "))
}
