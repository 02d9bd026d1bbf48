//! The command line: arguments, settings, dispatch, exit status.
//!
//! ```text
//! argv ─▶ Cli (args) ─▶ CheckCommand … (resolve, Inputs) ─▶ Commands ─▶ Output, exit status
//! ```
//!
//! Parsing ([`args`]) does nothing. Resolving ([`resolve`]) reads files, environment and at most one answer of
//! a person, all through [`Inputs`]. What a command then does is behind [`Commands`], so that all of this is
//! tested without a network. Whatever is wrong before or beside a run ends in one line on standard error.

pub mod args;
pub mod call;
pub mod catalog;
pub mod check;
pub mod exit;
pub mod gather;
#[cfg(feature = "lab")]
pub mod lab;
mod names;
pub mod output;
pub mod resolve;
pub mod usage;
pub mod view;

pub use call::CallCommand;
pub use check::CheckCommand;
pub use exit::{Answer, Failure};
pub use gather::GatherCommand;
#[cfg(feature = "lab")]
pub use lab::LabCommand;
pub use output::Output;

use crate::settings::Inputs;
use args::{Cli, Command};
use clap::Parser;
use exit::Codes;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use usage::Usage;

/// What the commands do once their settings stand.
///
/// A run writes its result to the output it is given, which is a file or standard output, and answers what it
/// came to. [`Failure`] is for our own inability: it is shown as one line, and nothing of the output is kept.
pub trait Commands {
    /// `raincheck check`
    fn check(&self, command: &CheckCommand, output: &mut Output) -> Result<Answer, Failure>;
    /// `raincheck gather`
    fn gather(&self, command: &GatherCommand, output: &mut Output) -> Result<Answer, Failure>;
    /// `raincheck call`
    fn call(&self, command: &CallCommand, output: &mut Output) -> Result<Answer, Failure>;
    /// `raincheck lab`: returns when the lab was told to end.
    #[cfg(feature = "lab")]
    fn lab(&self, command: &LabCommand, output: Output) -> Result<(), Failure>;
}

/// The whole program: reads the command line, does what it asks, and gives the exit status.
pub fn main_from(args: Vec<OsString>, inputs: &dyn Inputs, commands: &dyn Commands) -> ExitCode {
    let codes = Codes::wanted(&args);
    let args = help_as_flag(args);
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return show_usage(&error, &args, codes, inputs),
    };
    match dispatch(&cli, inputs, commands) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => fail(codes, &failure.to_string(), &[]),
    }
}

/// `raincheck help check` is `raincheck check --help`: clap's own would show its long form.
fn help_as_flag(mut args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_some_and(|word| word == "help") {
        args.remove(1);
        args.push("--help".into());
    }
    args
}

fn dispatch(cli: &Cli, inputs: &dyn Inputs, commands: &dyn Commands) -> Result<u8, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Check(args) => {
            let command = CheckCommand::new(args, global, inputs)?;
            check::run(&command, global, |command, output| commands.check(command, output))
        }
        Command::Gather(args) => {
            let command = GatherCommand::new(args, global, inputs)?;
            gather::run(&command, global, |command, output| commands.gather(command, output))
        }
        Command::Call(args) => {
            let command = CallCommand::new(args, global, inputs)?;
            call::run(&command, global, |command, output| commands.call(command, output))
        }
        Command::Catalog(args) => print_catalog(args, global),
        #[cfg(feature = "lab")]
        Command::Lab(args) => lab::run(args, global, |command, output| commands.lab(command, output)),
    }
}

fn print_catalog(args: &catalog::CatalogArgs, global: &args::GlobalArgs) -> Result<u8, Failure> {
    let mut output = Output::open(global.output.as_deref())?;
    catalog::run(args, args.format == catalog::CatalogFormat::Json, &mut output).map_err(Failure::new)?;
    output.finish()?;
    Ok(0)
}

fn show_usage(error: &clap::Error, args: &[OsString], codes: Codes, inputs: &dyn Inputs) -> ExitCode {
    match Usage::of(error, args, inputs.stdout_is_terminal()) {
        Usage::Asked(text) => {
            // A reader who stops reading help has read enough of it.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Usage::Missing(text) => {
            let _ = io::stderr().write_all(text.as_bytes());
            ExitCode::from(codes.of_failure())
        }
        Usage::Wrong { line, hints } => fail(codes, &line, &hints),
    }
}

/// One line on standard error and a hint below it; monitoring reads standard output, so plugins say it there.
fn fail(codes: Codes, line: &str, hints: &[String]) -> ExitCode {
    let mut text = format!("raincheck: {line}\n");
    for hint in hints {
        text.push_str(&format!("hint: {hint}\n"));
    }
    let _ = match codes {
        Codes::Own => io::stderr().write_all(text.as_bytes()),
        Codes::Plugin => io::stdout().write_all(format!("RAINCHECK UNKNOWN - {line}\n").as_bytes()),
    };
    ExitCode::from(codes.of_failure())
}
