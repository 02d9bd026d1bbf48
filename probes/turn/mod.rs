//! The TURN client (RFC 8656, on STUN by RFC 8489), made to say what failed.
//!
//! [`Client`] is pure: it is told asks, bytes and time, and answers with bytes, events and the time of its next
//! wake-up. Asks run side by side and are told apart by transaction id. Each ends in one [`Finished`] with its result,
//! every transaction it took, and what was seen on the way; every error answer is a [`Cause`](crate::evidence::Cause)
//! with the server's own code and words.
//!
//! | module | owns |
//! | --- | --- |
//! | `ask` | what can be asked, and what comes out |
//! | `config` | framing, schedule, and the habits of the client that is emulated |
//! | `client` | asks under way, paired with what comes in |
//! | `judge` | what one answer means |
//! | `auth` | challenges, keys, signing |
//! | `request` | the bytes of a request before it is signed |
//! | `relay` | allocation, permissions, channels and their upkeep |
//! | `redirect` | where a 300 may lead |
//!
//! An unsigned error answer is taken for what it says, since a diagnosis must show it, but only a valid integrity sets
//! [`Finished::authenticated`]. A success that is not signed although its request was is not believed.

mod ask;
mod auth;
mod client;
mod config;
mod judge;
mod pending;
mod redirect;
mod relay;
mod request;

#[cfg(test)]
mod tests;

pub use ask::{Action, AddressError, Answer, Ask, AskId, Event, Families, Finished, Round};
pub use client::Client;
pub use config::{Config, Flavour, Framing};
pub use redirect::Redirects;
