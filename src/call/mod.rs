//! Calls: two ICE agents, one of them ours or both, and what crosses the pair that they choose.
//!
//! | module | owns |
//! | --- | --- |
//! | [`channel`] | the live signalling channel of two rainchecks: TLS 1.3 and a one-time code |
//! | [`courier`] | lines that a person or a script carries |
//! | [`dtls`] | DTLS over the chosen path: handshake, fingerprints, full-size datagrams |
//! | [`end`] | one end of a call: gathering on real sockets, the agent, data over the selected pair |
//! | `ending` | why a call that was up ended |
//! | `party` | an end that is watched |
//! | [`record`] | what a call leaves behind: plain data for verdict and report |
//! | `run` | a call from settings to record; `own` with both ends here, `two` with one |
//! | [`run`](fn@run) | a call from settings to record; `own` with both ends here, `two` with one |
//! | `secure`, `traffic`, `up` | DTLS over the selected pair; media packets; cutting a path, keeping a call up |
//! | [`words`] | events and candidates in words |

pub mod channel;
pub mod courier;
pub mod dtls;
pub mod end;
mod ending;
mod own;
mod party;
pub mod record;
mod run;
mod secure;
mod traffic;
mod two;
mod up;
pub mod words;

pub use courier::Courier;
pub use run::{CallError, run};
