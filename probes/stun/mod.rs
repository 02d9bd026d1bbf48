//! STUN (RFC 8489): messages, retransmission schedules, transactions, stream framing.
//!
//! | item | owns |
//! | --- | --- |
//! | [`raw`] | what the bytes say: lenient walk, writer, integrity and fingerprint, ChannelData |
//! | [`Message`] | a received message through typed getters |
//! | [`codec`] | stun-rs: encoding, and a second opinion on what came in |
//! | [`Schedule`] | when a request is sent again and given up, as a value |
//! | [`Transaction`] | one request under way, and its round trip |
//! | [`Deframer`] | messages out of a stream |
//!
//! What we send is encoded by stun-rs and then finished by the raw layer, which adds what the server's own bytes must be
//! echoed in (realm, nonce, password algorithms) and signs. What we receive is read through [`Message`] on the raw layer
//! and not through stun-rs: that refuses a whole message for one odd attribute, compares integrities in variable time,
//! and checks them only where there are any. A server that says 401 with a nonce that breaks the grammar must still be
//! diagnosed. stun-rs is asked as well, and [`codec::refusal`] becomes a fact in the report.

pub mod codec;
mod frame;
mod message;
pub mod raw;
mod schedule;
mod transaction;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod vectors;

pub use frame::{Deframer, Frame};
pub use message::{ErrorCode, Message};
pub use raw::{Class, Integrity, Key, TransactionId, attr};
pub use schedule::{PROMPT_FALSE_ALARMS, PROMPT_LOSS, Schedule, sends_needed};
pub use transaction::{RoundTrip, Transaction};
