//! The live signalling channel of two rainchecks: lines of bytes over TLS 1.3, opened by a code that is good once.
//!
//! ```text
//! listener, shows CODE                                    connector, was told CODE
//!   <──────────── TLS 1.3, ALPN raincheck-call/1, certificate made for this listener ────────────>
//!   <── "proof HMAC(CODE, "connector", exporter)"
//!       "proof HMAC(CODE, "listener", exporter)" ──>          or "wrong-code", or "barred"
//!   <───────────────────────────────────── lines of bytes ──────────────────────────────────────>
//! ```
//!
//! The certificate proves nothing; the proofs do. They cover the exporter of the TLS session (RFC 8446 section 7.5,
//! label of RFC 9266), so one that was recorded, or passed on by somebody in between, fits no other session. A code has
//! 80 random bits: nobody finds it from a proof, nor by trying.
//!
//! A listener serves whom nobody vouches for yet: connections at once, bytes and time are bounded; garbage and silence
//! cost their sender only its own connection; a wrong proof is answered after a delay, and after three the source has to
//! wait. None of it ends the wait for the right peer.
//!
//! | module | owns |
//! | --- | --- |
//! | `code` | [`Code`] |
//! | `listen`, `bar` | [`Listener`]: admits one peer; who has to wait |
//! | `connect` | [`connect()`] |
//! | `line` | [`Channel`]: bounded lines |
//! | `proof` | who knows the code |
//! | `tls`, `first` | the session's settings; how a stream began that is not ours |
//! | `error` | [`ChannelError`] |

mod bar;
mod code;
mod connect;
mod error;
mod first;
mod line;
mod listen;
mod proof;
#[cfg(test)]
mod tests;
mod tls;

pub use code::Code;
pub use connect::{connect, connect_over};
pub use error::{ChannelError, TurnedAway};
pub use line::{Channel, ChannelReceiver, ChannelSender, MAX_BYTES, MAX_LINE, MAX_LINES};
pub use listen::{Limits, Listener, Notice};
