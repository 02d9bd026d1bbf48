//! A description with what makes it part of one call (bodies follow).

use super::Description;
use crate::machine::Offset;
use thiserror::Error;

/// Which half of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The first.
    Offer,
    /// The second.
    Answer,
}

/// 64 random bits that name one end's part in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// A description with what makes it part of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Offer or answer.
    pub kind: Kind,
    /// Of the sender.
    pub id: CallId,
    /// The offer that it answers.
    pub answers: Option<CallId>,
    /// Unix seconds, by the sender's clock.
    pub made: u64,
    /// The description.
    pub description: Description,
}

/// Why a pasted line cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PasteError {
    /// Something else.
    #[error("this is not a raincheck line")]
    NotALine,
}

impl Envelope {
    /// The line to paste, without a newline.
    pub fn to_line(&self) -> String {
        String::new()
    }

    /// Reads an offer at `now`, Unix seconds.
    ///
    /// # Errors
    ///
    /// [`PasteError`].
    pub fn read_offer(_line: &str, _now: u64, _at: Offset) -> Result<Self, PasteError> {
        Err(PasteError::NotALine)
    }

    /// Reads the answer to `own` offer.
    ///
    /// # Errors
    ///
    /// [`PasteError`].
    pub fn read_answer(_line: &str, _own: CallId, _at: Offset) -> Result<Self, PasteError> {
        Err(PasteError::NotALine)
    }
}
