//! What raincheck asks of a network, and how it reads the answers.
//!
//! Everything here is pure: bytes and time come in, bytes and deadlines go out. There is no clock, no
//! socket, no runtime and no randomness of our own, so every schedule and every cause can be tested in
//! virtual time. The package `raincheck` owns the I/O around these machines.
//!
//! | module | owns |
//! | --- | --- |
//! | [`evidence`] | stages, outcomes, causes, facts: what a run saw, as plain data |
//! | [`machine`] | the one contract of every protocol machine, and time and randomness as arguments |
//! | [`server`] | `stun:`/`turn:` URIs and ICE servers, as every client writes them |
//! | [`stun`] | messages, the raw layer, retransmission schedules, transactions, stream framing |
//! | [`turn`] | the TURN client: allocate, permit, bind, relay, refresh, release |
//! | [`tunnel`] | the HTTP CONNECT handshake with a proxy, and its authentication |
//! | [`ice`] | candidates, the agent, signalling, and one file per client that says how it gathers, ranks and holds a call |
//! | [`catalog`] | the vendor's network requirements as data |
//! | [`secret`] | bytes that never reach an output |
#![forbid(unsafe_code)]

pub mod catalog;
pub mod evidence;
pub mod ice;
pub mod machine;
pub mod secret;
pub mod server;
pub mod stun;
pub mod tunnel;
pub mod turn;
