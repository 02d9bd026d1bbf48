//! The binary: surroundings in, exit status out.

use raincheck::cli;
use raincheck::program::Program;
use raincheck::settings::System;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main_from(std::env::args_os().collect(), &System, &Program)
}
