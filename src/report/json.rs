//! JSON for scripts: one object, indented, and a newline.

use super::Report;
use std::io;

/// Writes the report as JSON.
///
/// # Errors
/// What the writer says.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
