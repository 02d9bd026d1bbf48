//! The binary: surroundings in, exit status out.

use raincheck::cli::{self, Answer, CheckCommand, Commands, Failure, GatherCommand, LabCommand, Output};
use raincheck::settings::System;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main_from(std::env::args_os().collect(), &System, &Runs)
}

/// The commands of this build.
struct Runs;

impl Commands for Runs {
    fn check(&self, _: &CheckCommand, _: &mut Output) -> Result<Answer, Failure> {
        Err(Failure::new("check is not wired to the engine in this build"))
    }

    fn gather(&self, _: &GatherCommand, _: &mut Output) -> Result<Answer, Failure> {
        Err(Failure::new("gather is not wired to the engine in this build"))
    }

    fn lab(&self, _: &LabCommand, _: Output) -> Result<(), Failure> {
        Err(Failure::new("lab is not wired to the engine in this build"))
    }
}
