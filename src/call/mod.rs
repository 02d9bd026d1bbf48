//! Calls: two ICE agents, one of them ours or both, and what crosses the pair that they choose.
//!
//! | module | owns |
//! | --- | --- |
//! | [`channel`] | the live signalling channel of two rainchecks: TLS 1.3 and a one-time code |
//! | [`dtls`] | DTLS over the chosen path: handshake, fingerprints, full-size datagrams |

pub mod channel;
pub mod dtls;
