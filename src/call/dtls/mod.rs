//! DTLS over the path that ICE chose: what a softphone sends next, and what a middlebox may eat although STUN passed.
//!
//! | module | owns |
//! | --- | --- |
//! | `conn` | [`PathConn`]: the path as a [`webrtc_util::conn::Conn`] |
//! | `identity` | the call's certificate and its fingerprint (RFC 8122) |
//! | `end` | [`DtlsEnd`]: one handshake, with its deadline |
//! | `session` | [`Session`]: data and echoes after the handshake, and the goodbye |
//! | `outcome` | [`DtlsOutcome`] and [`DtlsCause`]: what is told of it |
//! | `engine` | the protocol itself (crate `dimpl`, DTLS 1.2 and 1.3), asked without I/O |
//! | `tap`, `record` | what can be read of the datagrams on their way: flights, sizes, repeats, cipher suite |
//!
//! A path's failure is a [`DtlsOutcome`] with a cause; [`DtlsError`] is for what this host could not do.

mod conn;
mod end;
mod engine;
mod identity;
mod outcome;
mod record;
mod session;
mod tap;
#[cfg(test)]
mod tests;

pub use conn::{ConnCounters, PathConn, PathEnd, PathFeed};
pub use end::{DtlsEnd, Handshake, Schedule, Setup, Versions};
pub use identity::{Fingerprint, Hash, Identity};
pub use outcome::{DtlsCause, DtlsError, DtlsOutcome, DtlsVersion, Flow};
pub use session::{Echo, Ended, Session};

/// Whether a datagram is for DTLS, by its first byte (RFC 7983 section 7: 20 to 63).
pub fn is_dtls(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| (20..=63).contains(first))
}

/// The largest datagram of a handshake that we make, bytes: the size that WebRTC stacks keep to on every path.
pub const MTU: usize = 1200;
