//! Messages over a channel (bodies follow).

use super::{Envelope, Remote};
use crate::machine::Offset;
use thiserror::Error;

/// The version of the messages.
pub const VERSION: u32 = 1;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The first of each end.
    Hello {
        /// [`VERSION`] of the sender.
        version: u32,
    },
    /// An offer or an answer.
    Description(Box<Envelope>),
    /// A candidate (trickle, RFC 8838).
    Candidate(Box<Remote>),
    /// No more candidates.
    EndOfCandidates,
    /// What became of the call at the sender's end.
    Outcome(Outcome),
    /// The sender leaves, and why.
    Bye(String),
}

/// What became of a call at one end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Whether a pair was selected and carried data.
    pub connected: bool,
    /// The selected local candidate's line.
    pub local: Option<String>,
    /// The selected remote candidate's line.
    pub remote: Option<String>,
    /// A sentence.
    pub text: Option<String>,
}

/// Why a channel's bytes cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LiveError {
    /// Not a message.
    #[error("the other end sent something that is not a raincheck message")]
    NotAMessage,
}

/// Takes bytes and gives messages.
#[derive(Default)]
pub struct Reader;

impl Reader {
    /// The next message out of `bytes`, which it shortens by what it took; none when more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`LiveError`], and the same again for ever.
    pub fn next(&mut self, _bytes: &mut &[u8], _at: Offset) -> Result<Option<Message>, LiveError> {
        Ok(None)
    }
}

impl Message {
    /// The message as a line with its newline.
    pub fn to_line(&self) -> Vec<u8> {
        Vec::new()
    }
}
