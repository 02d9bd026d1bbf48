//! A description with what makes it part of one call, and the line to paste.
//!
//! The line is `raincheck1:` and base64url (RFC 4648 section 5, no padding) of four bytes of length, four of CRC-32
//! and compact JSON. The length stands first, so that a line that was cut is known as such and says how much of it is
//! there; the checksum tells a damaged one from one that was never ours. Neither is a protection: whoever can change
//! the line can make another. That is why an answer names the offer that it is for.

use super::json::{Json, JsonError};
use super::{Description, MAX_PASTE};
use crate::machine::Offset;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// The version of the JSON, and of the prefix.
const VERSION: u32 = 1;
const PREFIX: &str = "raincheck1:";
/// Length and checksum.
const HEAD: usize = 8;
/// A terminal keeps this much of a line that is typed or pasted into it (Linux, `N_TTY_BUF_SIZE` - 1).
const TERMINAL_LINE: usize = 4095;

/// The last character of a line that was cut has bits that no byte needs.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Which half of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The first.
    Offer,
    /// The second.
    Answer,
}

/// 64 random bits that name one end's part in one call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// Why a pasted line cannot be used, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PasteError {
    /// Something else, which is not repeated: it could be a password.
    #[error(
        "this is not a raincheck line, which begins with {PREFIX}… : paste the whole line that the other end printed"
    )]
    NotALine,
    /// More than [`MAX_PASTE`].
    #[error("the line is longer than {MAX_PASTE} characters: paste the one line that the other end printed")]
    TooLong,
    /// A character that base64url does not have.
    #[error(
        "character {column} of the line belongs to no raincheck line: copy it again, without anything around it"
    )]
    Garbled {
        /// From 1, spaces not counted.
        column: usize,
    },
    /// The end is missing, or a piece.
    #[error("the line was cut: {have} of {of} characters arrived{}: copy it again, or send it in a file", terminal(*.have))]
    Cut {
        /// Characters that came.
        have: usize,
        /// Characters that it should have.
        of: usize,
    },
    /// The checksum is another.
    #[error("the line was damaged on its way (its checksum is another): copy it again, or send it in a file")]
    Damaged,
    /// Made by a later raincheck.
    #[error(
        "the line is of version {0}, made by a newer raincheck, and this one reads version {VERSION}: update this raincheck"
    )]
    Newer(u32),
    /// The checksum is right, but the content is no description.
    #[error(
        "the line arrived whole but does not say what a raincheck line says: update raincheck on both ends"
    )]
    Shape,
    /// A value in it is out of bounds.
    #[error("the line's description cannot be used: {0}")]
    Description(#[from] JsonError),
    /// Ours.
    #[error(
        "this is your own offer: send it to the other end, and paste the line that its `call answer` prints"
    )]
    Own,
    /// An offer that is not ours, where an answer is expected.
    #[error(
        "this is an offer, and the answer to yours is expected: one end has to run `call offer`, the other `call answer`"
    )]
    AnswerExpected,
    /// An answer where an offer is expected.
    #[error(
        "this is an answer, and an offer is expected: paste the line that `call offer` printed at the other end"
    )]
    OfferExpected,
    /// Of another call, perhaps of an earlier one.
    #[error(
        "this answers another call, not the offer that was just made: let the other end answer the new offer, and paste that answer"
    )]
    OtherCall,
    /// More than [`Envelope::MAX_AGE`] ago.
    #[error(
        "the offer is {0} minutes old, and at most 15 are taken: ask for a new one; if it is new, the clock here or there is wrong"
    )]
    TooOld(u64),
    /// As far in the future.
    #[error(
        "the offer was made {0} minutes from now: the clock here or there is wrong; set both and ask for a new one"
    )]
    FromFuture(u64),
}

/// What stood in the way, when a line has just the length that a terminal keeps.
fn terminal(have: usize) -> &'static str {
    if have == TERMINAL_LINE { ", as much as a terminal takes of a line" } else { "" }
}

impl Envelope {
    /// How old an offer may be, in seconds; and how far from the future, since clocks differ.
    pub const MAX_AGE: u64 = 15 * 60;

    /// The line to paste, without a newline. It holds the ICE password, which whoever reads it could use to answer in
    /// place of the one it was meant for.
    pub fn to_line(&self) -> String {
        // Strings and numbers only: there is nothing that JSON cannot say.
        let json = Zeroizing::new(serde_json::to_vec(&Wire::of(self)).unwrap_or_default());
        wrap(&json)
    }

    /// Whether this is the beginning of a line and no more: the rest may still come.
    pub fn is_cut(text: &str, at: Offset) -> bool {
        matches!(Self::read(text, at), Err(PasteError::Cut { .. }))
    }

    /// Whether this is how a line begins, of whatever version.
    pub fn begins(text: &str) -> bool {
        text.strip_prefix("raincheck").is_some_and(|rest| rest.contains(':'))
    }

    /// Reads an offer. `now` is Unix seconds by our clock; `at` is when, for the candidates.
    ///
    /// # Errors
    ///
    /// [`PasteError`].
    pub fn read_offer(line: &str, now: u64, at: Offset) -> Result<Self, PasteError> {
        let envelope = Self::read(line, at)?;
        match envelope.kind {
            Kind::Answer => return Err(PasteError::OfferExpected),
            Kind::Offer => {}
        }
        let (age, ahead) = (now.saturating_sub(envelope.made), envelope.made.saturating_sub(now));
        match () {
            () if age > Self::MAX_AGE => Err(PasteError::TooOld(age / 60)),
            () if ahead > Self::MAX_AGE => Err(PasteError::FromFuture(ahead / 60)),
            () => Ok(envelope),
        }
    }

    /// Reads the answer to the offer with this id. Its age does not matter: it could not be made before the offer.
    ///
    /// # Errors
    ///
    /// [`PasteError`].
    pub fn read_answer(line: &str, own: CallId, at: Offset) -> Result<Self, PasteError> {
        let envelope = Self::read(line, at)?;
        match envelope.kind {
            Kind::Offer if envelope.id == own => Err(PasteError::Own),
            Kind::Offer => Err(PasteError::AnswerExpected),
            Kind::Answer if envelope.answers != Some(own) => Err(PasteError::OtherCall),
            Kind::Answer => Ok(envelope),
        }
    }

    /// Reads a line of either kind and any age.
    ///
    /// # Errors
    ///
    /// [`PasteError`], of what can be told from the line alone.
    pub fn read(line: &str, at: Offset) -> Result<Self, PasteError> {
        if line.len() > MAX_PASTE {
            return Err(PasteError::TooLong);
        }
        // Mail and chat break lines, and quote them.
        let quotes = |c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>');
        let text: String = line.trim_matches(quotes).chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let text = Zeroizing::new(text);
        let json = unwrap(&text)?;
        let Version { v } = serde_json::from_slice(&json).map_err(|_| PasteError::Shape)?;
        if v > VERSION {
            return Err(PasteError::Newer(v));
        }
        let wire: Wire<'_> = serde_json::from_slice(&json).map_err(|_| PasteError::Shape)?;
        Ok(wire.read(at)?)
    }
}

/// The line around some JSON.
pub(super) fn wrap(json: &[u8]) -> String {
    let mut bytes = Zeroizing::new(Vec::with_capacity(HEAD + json.len()));
    bytes.extend((json.len() as u32).to_be_bytes());
    bytes.extend(crc32fast::hash(json).to_be_bytes());
    bytes.extend_from_slice(json);
    let mut line = PREFIX.to_owned();
    BASE64.encode_string(&*bytes, &mut line);
    line
}

/// Takes prefix, base64 and frame off: the JSON, whole and undamaged.
fn unwrap(text: &str) -> Result<Zeroizing<Vec<u8>>, PasteError> {
    let body = match text.strip_prefix("raincheck").and_then(|rest| rest.split_once(':')) {
        Some(("1", body)) => body,
        Some((version, _)) => {
            let version = super::candidate::number(version).filter(|version| *version > VERSION);
            return Err(version.map_or(PasteError::NotALine, PasteError::Newer));
        }
        None => return Err(PasteError::NotALine),
    };
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if let Some(at) = body.bytes().position(|byte| !belongs(byte)) {
        return Err(PasteError::Garbled { column: PREFIX.len() + at + 1 });
    }
    // One character alone holds no byte.
    let whole = if body.len() % 4 == 1 { &body[..body.len() - 1] } else { body };
    let bytes = Zeroizing::new(BASE64.decode(whole).map_err(|_| PasteError::Damaged)?);
    let Some((head, json)) = bytes.split_first_chunk::<HEAD>() else {
        // The shortest that could follow.
        return Err(PasteError::Cut { have: text.len(), of: characters(0).max(text.len() + 1) });
    };
    let [a, b, c, d, sum @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if characters(length) > MAX_PASTE || json.len() > length {
        return Err(PasteError::Damaged);
    }
    if json.len() < length {
        return Err(PasteError::Cut { have: text.len(), of: characters(length) });
    }
    if crc32fast::hash(json) != u32::from_be_bytes(sum) {
        return Err(PasteError::Damaged);
    }
    Ok(Zeroizing::new(json.to_vec()))
}

/// How long the line for so much JSON is.
const fn characters(json: usize) -> usize {
    PREFIX.len() + json.saturating_add(HEAD).saturating_mul(4).div_ceil(3)
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

/// The JSON of an envelope.
#[derive(Serialize, Deserialize)]
pub(super) struct Wire<'a> {
    v: u32,
    kind: Kind,
    id: CallId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<CallId>,
    made: u64,
    #[serde(borrow)]
    description: Json<'a>,
}

impl<'a> Wire<'a> {
    pub(super) fn of(envelope: &'a Envelope) -> Self {
        let Envelope { kind, id, answers, made, ref description } = *envelope;
        Self { v: VERSION, kind, id, answers, made, description: Json::of(description) }
    }

    pub(super) fn read(self, at: Offset) -> Result<Envelope, JsonError> {
        let Self { kind, id, answers, made, description, .. } = self;
        Ok(Envelope { kind, id, answers, made, description: description.read(at)? })
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = digits.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        id.map(Self).ok_or_else(|| serde::de::Error::custom("not 16 hexadecimal digits"))
    }
}
