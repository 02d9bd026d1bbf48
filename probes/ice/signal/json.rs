//! Descriptions as JSON, in paste lines and live messages.

use super::{Description, Fingerprint, Flaw, IceOptions, MAX_CANDIDATES, MAX_FINGERPRINTS, Setup};
use crate::machine::Offset;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use thiserror::Error;

/// The JSON of a description. Candidates are their lines without `candidate:`.
#[derive(Serialize, Deserialize)]
pub(super) struct Json<'a> {
    ufrag: Cow<'a, str>,
    pwd: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "is_false")]
    lite: bool,
    /// Tags with spaces between them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    options: String,
    setup: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fingerprints: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_false")]
    end: bool,
    mid: Cow<'a, str>,
    #[serde(default)]
    session: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raincheck: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A description in a line of ours that cannot be used: what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JsonError {
    /// More than [`MAX_CANDIDATES`].
    #[error("it has {0} candidates, and at most {MAX_CANDIDATES} are taken")]
    TooManyCandidates(usize),
    /// Out of bounds.
    #[error("{0}")]
    Flaw(#[from] Flaw),
    /// Not as RFC 8122 writes it.
    #[error("a certificate fingerprint cannot be read (RFC 8122 section 5)")]
    Fingerprint,
    /// None of the three.
    #[error("setup is none of active, passive and actpass")]
    Setup,
}

impl<'a> Json<'a> {
    pub(super) fn of(description: &'a Description) -> Self {
        let lines = description.candidates.iter().map(|candidate| &candidate.sdp);
        let hidden = description.hidden.iter().map(|hidden| &hidden.sdp);
        let short = |line: &'a String| Cow::Borrowed(line.strip_prefix("candidate:").unwrap_or(line));
        let options: Vec<&str> = description.options.tags().collect();
        Self {
            ufrag: Cow::Borrowed(&description.ufrag),
            pwd: Cow::Borrowed(description.pwd.expose()),
            lite: description.lite,
            options: options.join(" "),
            setup: Cow::Borrowed(description.setup.as_str()),
            fingerprints: description.fingerprints.iter().map(ToString::to_string).collect(),
            candidates: lines.chain(hidden).take(MAX_CANDIDATES).map(short).collect(),
            end: description.end_of_candidates,
            mid: Cow::Borrowed(&description.mid),
            session: description.session_id,
            raincheck: description.raincheck.as_ref().map(ToString::to_string),
        }
    }

    pub(super) fn read(self, at: Offset) -> Result<Description, JsonError> {
        if self.candidates.len() > MAX_CANDIDATES {
            return Err(JsonError::TooManyCandidates(self.candidates.len()));
        }
        let setup = Setup::parse(&self.setup).ok_or(JsonError::Setup)?;
        let mut description =
            Description::new(self.ufrag.into_owned(), Secret::new(self.pwd.into_owned()), setup)?;
        description.lite = self.lite;
        description.options = IceOptions::parse(&self.options);
        if self.fingerprints.len() > MAX_FINGERPRINTS {
            return Err(Flaw::Fingerprints.into());
        }
        let fingerprints: Option<_> = self.fingerprints.iter().map(|text| Fingerprint::parse(text)).collect();
        description.fingerprints = fingerprints.ok_or(JsonError::Fingerprint)?;
        description.end_of_candidates = self.end;
        description.mid = self.mid.into_owned();
        description.session_id = self.session;
        description.raincheck = self.raincheck.and_then(|profile| profile.parse().ok());
        description.check()?;
        for line in &self.candidates {
            description.add_line(&format!("candidate:{line}"), at);
        }
        Ok(description)
    }
}
