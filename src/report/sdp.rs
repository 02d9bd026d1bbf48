//! Candidates as lines of a session description (RFC 8839 section 5.1).

use super::GatherReport;
use super::style::clean;
use std::io;

/// Writes one `a=candidate` line per candidate, and `a=end-of-candidates` (RFC 8840 section 8.2).
///
/// # Errors
/// What the writer says.
pub fn write(report: &GatherReport, out: &mut dyn io::Write) -> io::Result<()> {
    for candidate in &report.candidates {
        writeln!(out, "a={}", clean(&candidate.sdp))?;
    }
    writeln!(out, "a=end-of-candidates")
}
