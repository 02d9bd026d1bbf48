//! A call from settings to record.

use super::channel::ChannelError;
use super::courier::Courier;
use super::dtls::DtlsError;
use super::record::{CallRecord, CallRole};
use super::{own, two};
use crate::run::{Ground, RunError, Surroundings};
use crate::settings::call::CallSettings;
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::signal::{LiveError, PasteError, SdpError};
use std::io;

/// Why the question could not be put. A call that does not come about is no error.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There are no servers to be had.
    #[error("{0}")]
    Run(#[from] RunError),
    /// This host gives no certificate.
    #[error("{0}")]
    Dtls(#[from] DtlsError),
    /// What was pasted is not what was expected.
    #[error("{0}")]
    Paste(#[from] PasteError),
    /// What came is no session description that a call can be made from.
    #[error("{0}")]
    Sdp(#[from] SdpError),
    /// The other end does not speak as it should.
    #[error("{0}")]
    Live(#[from] LiveError),
    /// The channel to the other end did not come about, or broke.
    #[error("{0}")]
    Channel(#[from] ChannelError),
    /// Standard input or output.
    #[error("{what}: {error}")]
    Io {
        /// Which.
        what: &'static str,
        /// The system's words.
        error: io::Error,
    },
    /// Standard input ended before the other end's line came.
    #[error("standard input ended before {0} came: paste it, or pipe it in")]
    NoLine(&'static str),
    /// Both ends want to do the same.
    #[error("both ends run `call {0}`: one has to run `call offer`, the other `call answer`")]
    SameRole(&'static str),
    /// The other end left.
    #[error("the other end left: {0}")]
    Left(String),
    /// One of our own tasks did not end in time.
    #[error("this end did not come to an end in time: please report it, with the command")]
    EndLost,
}

/// Makes the call, until everything is done, the deadline comes or the user interrupts.
///
/// # Errors
/// When the question could not be put. A network that does not let a call through is no error.
pub async fn run(
    settings: &CallSettings,
    around: Surroundings,
    courier: Courier,
) -> Result<CallRecord, CallError> {
    let mut ground = Ground::lay(&settings.run, around).await?;
    let record = match settings.role {
        CallRole::Own => own::own(settings, &ground).await,
        CallRole::Offer | CallRole::Answer => two::two(settings, &ground, courier).await,
    };
    ground.close().await;
    record
}

/// A candidate as it is told to the other end: what it stands on here is nobody's business there.
pub(super) fn signalled(candidate: &Candidate) -> Candidate {
    Candidate { url: None, relay_protocol: None, route: None, base: None, path: None, ..candidate.clone() }
}
