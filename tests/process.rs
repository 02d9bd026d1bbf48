//! The process ring: a command line in; standard output, standard error and the exit status out.
#![allow(clippy::expect_used, clippy::panic)]

#[path = "process/bad_input.rs"]
mod bad_input;
#[path = "process/call.rs"]
mod call;
#[path = "process/call_shape.rs"]
mod call_shape;
#[path = "process/help.rs"]
mod help;
#[path = "process/output.rs"]
mod output;
#[path = "process/signin.rs"]
mod signin;
#[path = "process/unreachable.rs"]
mod unreachable;

use assert_cmd::Command;
use std::time::Duration;

/// The program, with nothing of our own surroundings in its environment, and never for long.
pub(crate) fn raincheck() -> Command {
    let mut command = Command::cargo_bin("raincheck").expect("the binary is built");
    command.env_clear().timeout(Duration::from_secs(10));
    // Windows finds its own libraries through these.
    for kept in ["PATH", "SystemRoot", "TEMP", "TMP"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}
