//! Candidates as a browser signals them: one `RTCIceCandidate.toJSON()` per line (W3C WebRTC, section
//! 4.8.1.3), an empty candidate as the last.

use super::GatherReport;
use serde::Serialize;
use std::io;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signalled<'a> {
    candidate: &'a str,
    sdp_mid: &'static str,
    sdp_m_line_index: u16,
    username_fragment: Option<&'a str>,
}

/// Writes the objects.
///
/// # Errors
/// What the writer says.
pub fn write(report: &GatherReport, out: &mut dyn io::Write) -> io::Result<()> {
    for candidate in report.candidates.iter().map(|c| c.sdp.as_str()).chain([""]) {
        let signalled = Signalled { candidate, sdp_mid: "0", sdp_m_line_index: 0, username_fragment: None };
        serde_json::to_writer(&mut *out, &signalled)?;
        writeln!(out)?;
    }
    Ok(())
}
