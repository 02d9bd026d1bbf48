//! `raincheck lab`: what surrounds it.

use super::args::GlobalArgs;
use super::exit::Failure;
use super::names;
use super::output::Output;
use crate::settings::SettingsError;
use clap::{Args, ValueEnum};

/// `raincheck lab`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LabArgs {
    /// What the network is like in it
    #[arg(value_name = "SCENARIO", default_value = "open")]
    pub scenario: String,
    /// Print how to reach it: flags for raincheck, or JSON for programs
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "flags")]
    pub print: Option<LabPrint>,
    /// List the scenarios and stop
    #[arg(long, conflicts_with = "print")]
    pub list: bool,
}

/// `lab --print`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LabPrint {
    /// Flags for another raincheck
    Flags,
    /// An object for programs
    Json,
}

/// A lab, ready to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabCommand {
    /// The scenario.
    pub scenario: String,
    /// What to print once it is up.
    pub print: Option<LabPrint>,
    /// Whether to say on standard error that it is up.
    pub quiet: bool,
}

impl LabCommand {
    /// Resolves the arguments.
    pub fn new(args: &LabArgs, global: &GlobalArgs) -> Result<Self, SettingsError> {
        let scenario = names::scenario("SCENARIO", &args.scenario)?;
        Ok(Self { scenario, print: args.print, quiet: global.quiet })
    }
}

/// Lists the scenarios, or starts the lab and returns when it was told to end (Ctrl-C). What the lab prints is
/// complete when it is up, so `run` completes the output itself.
pub fn run<R>(args: &LabArgs, global: &GlobalArgs, run: R) -> Result<u8, Failure>
where
    R: FnOnce(&LabCommand, Output) -> Result<(), Failure>,
{
    let command = LabCommand::new(args, global)?;
    let output = Output::open(global.output.as_deref())?;
    if args.list {
        names::list_scenarios(output)?;
    } else {
        run(&command, output)?;
    }
    Ok(0)
}

const EXAMPLES: &str = "\
Examples:
  A network where UDP is blocked, until Ctrl-C:
    raincheck lab udp-blocked --print
  Then, in another terminal, check with the flags that it printed.";
