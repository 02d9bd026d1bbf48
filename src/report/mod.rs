//! Reports: one model, one renderer per format.
//!
//! A [`Report`] is made from evidence, verdict and ranking, and owns shapes of its own, so that the engine
//! may change without changing what scripts read. Each renderer takes the model and a writer:
//!
//! | module | format |
//! | --- | --- |
//! | [`text`] | `check` for a person: verdict, what to change, paths in the client's order, details |
//! | [`json`] | all commands for scripts |
//! | [`call`] | `call`: its model, and its text for a person |
//! | [`nagios`] | `check` as one line of a monitoring plugin, with its exit status |
//! | [`gather_text`] | `gather` as a table like the one of the Trickle ICE page |
//! | [`sdp`] | `gather` as `a=candidate` lines |
//! | [`trickle`] | `gather` as the JSON objects that a browser signals |

pub mod call;
pub mod gather_text;
pub mod json;
mod make;
mod model;
pub mod nagios;
mod names;
pub mod sdp;
mod style;
#[cfg(test)]
mod tests;
pub mod text;
pub mod trickle;

pub use call::CallReport;
pub use model::{
    CandidateReport, CertificateReport, CheckReport, CiteReport, FindingReport, GatherErrorReport,
    GatherReport, IgnoredReport, InterfaceReport, NetworkReport, PathReport, RankReport, RttReport,
    ServerReport, StageOutcome, StageReport, TlsReport,
};
pub use style::{Style, Verbosity};

use crate::call::record::CallRecord;
use crate::verdict::Verdict;
use crate::verdict::call::{Asked, CallVerdict};
use raincheck_probes::evidence::Evidence;
use raincheck_probes::ice::rank::Rank;
use serde::Serialize;
use std::io;

/// What a command found, ready to be written in any of its formats.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Report {
    /// Of `raincheck check`.
    Check(Box<CheckReport>),
    /// Of `raincheck gather`.
    Gather(Box<GatherReport>),
    /// Of `raincheck call`.
    Call(Box<CallReport>),
}

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// For a person.
    Text,
    /// For a script.
    Json,
    /// A monitoring plugin's line; `check` only.
    Nagios,
    /// `a=candidate` lines; `gather` only.
    Sdp,
    /// Objects as a browser signals them; `gather` only.
    Trickle,
}

impl Report {
    /// The report of a `check`.
    pub fn check(evidence: &Evidence, verdict: &Verdict, ranking: &[Rank]) -> Self {
        Self::Check(Box::new(make::check(evidence, verdict, ranking)))
    }

    /// The report of a `gather`.
    pub fn gather(evidence: &Evidence) -> Self {
        Self::Gather(Box::new(make::gather(evidence)))
    }

    /// The report of a `call`.
    pub fn call(record: &CallRecord, verdict: &CallVerdict, asked: &Asked) -> Self {
        Self::Call(Box::new(call::call(record, verdict, asked)))
    }

    /// Writes the report.
    ///
    /// # Errors
    /// What the writer says; `InvalidInput` for a format that the command does not have.
    pub fn write(&self, format: Format, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        match (self, format) {
            (_, Format::Json) => json::write(self, out),
            (Self::Check(check), Format::Text) => text::write(check, style, out),
            (Self::Check(check), Format::Nagios) => nagios::write(check, out),
            (Self::Gather(gather), Format::Text) => gather_text::write(gather, style, out),
            (Self::Gather(gather), Format::Sdp) => sdp::write(gather, out),
            (Self::Gather(gather), Format::Trickle) => trickle::write(gather, out),
            (Self::Call(call), Format::Text) => call::text::write(call, style, out),
            (Self::Check(_), Format::Sdp | Format::Trickle)
            | (Self::Gather(_), Format::Nagios)
            | (Self::Call(_), Format::Nagios | Format::Sdp | Format::Trickle) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "this command has no such format"))
            }
        }
    }
}
