//! The interop ring: raincheck against coturn, squid, tinyproxy and real browsers, in a network of namespaces.
//!
//! All cases share one [`world::World`], one after the other, so the ring has a harness of its own. It takes
//! the same filter words as any test binary, and `--list`. Where the network cannot be built it says so and
//! lets the run pass, except in continuous integration (`CI=true`), where a ring that did not run has failed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test ring: a panic is a failed case, and its output is for the person who runs it"
)]

mod ask;
mod browser;
mod harness;
mod leave;
mod matrix;
mod network;
mod own;
mod recordings;
mod trouble;
mod two;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cases =
        [network::cases(), matrix::cases(), trouble::cases(), recordings::cases(), leave::cases()].concat();
    let calls = [browser::cases(), two::cases(), own::cases()].concat();
    harness::run(&[cases, calls].concat())
}
