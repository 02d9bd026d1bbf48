//! The loopback ring: the engine against the embedded lab, both in one runtime, with real bytes on loopback sockets.
//!
//! Evidence is looked at here, before any report is made of it: which candidates, which proof, which cause; and that
//! the servers hold nothing when a run is over, however it ended.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ring: a panic is a failed case")]

#[path = "loopback/call.rs"]
mod call;
#[path = "loopback/calls.rs"]
mod calls;
#[path = "loopback/client.rs"]
mod client;
#[path = "loopback/ends.rs"]
mod ends;
#[path = "loopback/faults.rs"]
mod faults;
#[path = "loopback/leave.rs"]
mod leave;
#[path = "loopback/networks.rs"]
mod networks;
#[path = "loopback/signin.rs"]
mod signin;
#[path = "loopback/two.rs"]
mod two;
#[path = "loopback/world.rs"]
mod world;
