//! Messages over a channel between two rainchecks: one JSON object on each line.
//!
//! Each end begins with [`Message::Hello`]. The channel gives secrecy and says who is there; here are the words, and
//! bounds for an end that does not keep to them.

use super::envelope::Wire;
use super::json::JsonError;
use super::text::shown;
use super::{Envelope, Kind, MAX_CANDIDATE_LINE, MAX_MESSAGE};
use crate::machine::Offset;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

/// The version of the messages.
pub const VERSION: u32 = 1;
/// The most messages of one end: its candidates, and some.
const MAX_MESSAGES: usize = 256;
/// The longest sentence, in characters.
const MAX_TEXT: usize = 300;

/// What one end says to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The first of each end.
    Hello {
        /// [`VERSION`] of the sender.
        version: u32,
        /// What the sender will send: an offer or an answer.
        role: Kind,
    },
    /// An offer or an answer.
    Description(Box<Envelope>),
    /// A candidate line, found since (RFC 8838), for [`Description::add_line`](super::Description::add_line).
    Candidate(String),
    /// There will be no more (RFC 8838 section 13).
    EndOfCandidates,
    /// What became of the call at the sender's end.
    Outcome(Outcome),
    /// The sender leaves, and why: printable, at most 300 characters.
    Bye(String),
}

/// What became of a call at one end. Texts are printable and bounded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether a pair was selected.
    pub connected: bool,
    /// The line of the selected local candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// The line of the selected remote candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Why the bytes of a channel cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LiveError {
    /// No newline within [`MAX_MESSAGE`].
    #[error("message {0} of the other end is longer than {MAX_MESSAGE} bytes: is it a raincheck?")]
    TooLong(usize),
    /// Not JSON, or not one of ours.
    #[error(
        "message {0} of the other end is not a raincheck message: is it a raincheck, and of the same version?"
    )]
    NotAMessage(usize),
    /// Something else came first.
    #[error("the other end did not begin with hello: is it a raincheck?")]
    NoHello,
    /// Twice.
    #[error("message {0} of the other end is a second hello")]
    SecondHello(usize),
    /// Made by a later raincheck.
    #[error(
        "the other end speaks version {0} of the messages, and this raincheck version {VERSION}: update this one"
    )]
    Newer(u32),
    /// A value is out of bounds.
    #[error("the description in message {0} of the other end cannot be used: {1}")]
    Description(usize, JsonError),
    /// More than 256.
    #[error("the other end sent more than {MAX_MESSAGES} messages")]
    TooMany,
    /// The channel ended inside a message.
    #[error("the connection ended in the middle of message {0} of the other end")]
    Cut(usize),
}

/// The JSON of a message.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Json<'a> {
    Hello {
        version: u32,
        role: Kind,
    },
    #[serde(borrow)]
    Description(Wire<'a>),
    Candidate {
        candidate: String,
    },
    EndOfCandidates,
    Outcome(Outcome),
    Bye {
        reason: String,
    },
}

impl Message {
    /// The message as a line with its newline. It holds the ICE password if it is a description.
    pub fn to_line(&self) -> Zeroizing<Vec<u8>> {
        let json = match self {
            Self::Hello { version, role } => Json::Hello { version: *version, role: *role },
            Self::Description(envelope) => Json::Description(Wire::of(envelope)),
            Self::Candidate(line) => Json::Candidate { candidate: line.clone() },
            Self::EndOfCandidates => Json::EndOfCandidates,
            Self::Outcome(outcome) => Json::Outcome(outcome.clone()),
            Self::Bye(reason) => Json::Bye { reason: shown(reason, MAX_TEXT) },
        };
        // Strings and numbers only: there is nothing that JSON cannot say.
        let mut line = serde_json::to_vec(&json).unwrap_or_default();
        line.push(b'\n');
        Zeroizing::new(line)
    }
}

/// Takes the bytes of a channel and gives messages. Keeps at most one message.
#[derive(Default)]
pub struct Reader {
    line: Zeroizing<Vec<u8>>,
    /// Lines that were begun.
    count: usize,
    greeted: bool,
    failed: Option<LiveError>,
}

impl Reader {
    /// A reader before the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next message out of `bytes`, from which it takes away what it has read; none when all is read and more is
    /// needed. `at` is when, for candidates.
    ///
    /// # Errors
    ///
    /// [`LiveError`]; after that the same for ever.
    pub fn next(&mut self, bytes: &mut &[u8], at: Offset) -> Result<Option<Message>, LiveError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let next = self.advance(bytes, at);
        if let Err(error) = &next {
            self.failed = Some(error.clone());
            self.line = Zeroizing::default();
        }
        next
    }

    /// The channel has ended.
    ///
    /// # Errors
    ///
    /// The error there was, or [`LiveError::Cut`] when a message is not complete.
    pub fn finish(self) -> Result<(), LiveError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.line.is_empty() => Ok(()),
            None => Err(LiveError::Cut(self.count + 1)),
        }
    }

    fn advance(&mut self, bytes: &mut &[u8], at: Offset) -> Result<Option<Message>, LiveError> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (taken, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        *bytes = rest.strip_prefix(b"\n").unwrap_or(rest);
        if self.line.len() + taken.len() > MAX_MESSAGE {
            return Err(LiveError::TooLong(self.count + 1));
        }
        self.line.extend_from_slice(taken);
        if end.is_none() {
            return Ok(None);
        }
        let line = std::mem::take(&mut self.line);
        self.count += 1;
        if self.count > MAX_MESSAGES {
            return Err(LiveError::TooMany);
        }
        self.message(&line, at).map(Some)
    }

    fn message(&mut self, line: &[u8], at: Offset) -> Result<Message, LiveError> {
        let json = serde_json::from_slice(line).map_err(|_| LiveError::NotAMessage(self.count));
        let hello = !std::mem::replace(&mut self.greeted, true);
        if let (true, Ok(Json::Hello { version, .. })) = (hello, &json)
            && *version > VERSION
        {
            return Err(LiveError::Newer(*version));
        }
        let message = match json? {
            Json::Hello { .. } if !hello => return Err(LiveError::SecondHello(self.count)),
            Json::Hello { version, role } => return Ok(Message::Hello { version, role }),
            Json::Description(wire) => {
                let envelope = wire.read(at).map_err(|error| LiveError::Description(self.count, error))?;
                Message::Description(Box::new(envelope))
            }
            Json::Candidate { candidate } if candidate.len() > MAX_CANDIDATE_LINE => {
                return Err(LiveError::NotAMessage(self.count));
            }
            Json::Candidate { candidate } => Message::Candidate(candidate),
            Json::EndOfCandidates => Message::EndOfCandidates,
            Json::Outcome(outcome) => Message::Outcome(outcome.bounded()),
            Json::Bye { reason } => Message::Bye(shown(&reason, MAX_TEXT)),
        };
        if hello { Err(LiveError::NoHello) } else { Ok(message) }
    }
}

impl Outcome {
    fn bounded(self) -> Self {
        let bounded = |text: Option<String>| text.map(|text| shown(&text, MAX_TEXT));
        Self {
            connected: self.connected,
            local: bounded(self.local),
            remote: bounded(self.remote),
            text: bounded(self.text),
        }
    }
}
