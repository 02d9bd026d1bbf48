//! Signalling: what two ends of a call say to each other, and in what words.
//!
//! [`Description`] is what one end says of itself: its ICE user name and password, its certificate's fingerprint and
//! its candidates. It travels in three forms, and all of them are read here with hard limits, since whoever wrote
//! them is not to be trusted:
//!
//! | form | type | for |
//! | --- | --- | --- |
//! | SDP | [`Sdp`] | browsers: one data channel, RFC 8829, 8839, 8841, 8842 |
//! | a line to paste | [`Envelope::to_line`], [`Envelope::read_offer`], [`Envelope::read_answer`] | two rainchecks and two people |
//! | JSON lines | [`Message`], [`Reader`] | two rainchecks with a channel between them |
//!
//! [`Remote`] is one candidate line. A candidate with a name for an address is told as [`Hidden`] and never resolved.
//! [`Reach`] decides which of the addresses that the other end named are checked at all.
//!
//! Nothing here encrypts: a paste line carries the ICE password by its nature, and the channel of the messages has to
//! be secret by itself. No `Debug` and no error shows a password.

mod candidate;
mod description;
mod envelope;
mod json;
mod live;
mod reach;
mod sdp;
mod text;

pub use candidate::{DropReason, Dropped, Hidden, Remote, What};
pub use description::{Added, Description, Fingerprint, Flaw, Hash, IceOptions, Setup};
pub use envelope::{CallId, Envelope, Kind, PasteError};
pub use json::JsonError;
pub use live::{LiveError, Message, Outcome, Reader, VERSION};
pub use reach::{Reach, Refusal};
pub use sdp::{Fate, Sdp, SdpError, Section};

/// The most candidates of one end that are kept. RFC 8445 section 6.1.2.5 recommends a limit of 100 pairs.
pub const MAX_CANDIDATES: usize = 100;
/// The longest candidate line, in bytes.
pub const MAX_CANDIDATE_LINE: usize = 512;
/// The most dropped candidate lines that are remembered; all are counted.
pub const MAX_DROPPED: usize = 32;
/// The most fingerprints of one end.
pub const MAX_FINGERPRINTS: usize = 8;
/// The longest `mid`, in bytes. Browsers write a digit or two, other stacks a name or a UUID.
pub const MAX_MID: usize = 64;
/// The largest SDP, in bytes.
pub const MAX_SDP: usize = 64 * 1024;
/// The longest line of an SDP, in bytes.
pub const MAX_SDP_LINE: usize = 4 * 1024;
/// The most media sections of an SDP.
pub const MAX_SECTIONS: usize = 128;
/// The longest line to paste, in characters.
pub const MAX_PASTE: usize = 192 * 1024;
/// The longest live message, in bytes.
pub const MAX_MESSAGE: usize = 128 * 1024;

#[cfg(test)]
mod tests;
