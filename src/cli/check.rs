//! `raincheck check`: what surrounds the run.

use super::args::{CheckArgs, CheckFormat, GlobalArgs};
use super::exit::{Answer, Codes, Failure};
use super::names;
use super::output::Output;
use super::resolve::{self, Times};
use super::view::View;
use crate::settings::{Inputs, Settings, SettingsError};

/// A check, ready to run.
#[derive(Debug, Clone)]
pub struct CheckCommand {
    /// What to ask.
    pub settings: Settings,
    /// The lab's scenario to ask it in, when there is one.
    pub lab: Option<String>,
    /// How to print the answer.
    pub format: CheckFormat,
    /// How much of it, and in what colours.
    pub view: View,
}

impl CheckCommand {
    /// Resolves the arguments.
    pub fn new(args: &CheckArgs, global: &GlobalArgs, inputs: &dyn Inputs) -> Result<Self, SettingsError> {
        let media = resolve::media(&args.media)?;
        let deadline = global.deadline.as_deref().map(|text| resolve::seconds("--deadline", text, false));
        let times = Times {
            media,
            deadline: deadline.transpose()?.unwrap_or(resolve::deadline(&args.probe.run) + media),
        };
        let lab = resolve::lab(&args.probe.servers).map(|name| names::scenario("--lab", name)).transpose()?;
        let view = View::of(global, global.output.is_none(), inputs);
        let settings = resolve::settings(&args.probe, times, inputs)?;
        Ok(Self { settings, lab, format: args.format, view })
    }

    /// Whose exit codes are used.
    pub fn codes(&self) -> Codes {
        if self.format == CheckFormat::Nagios { Codes::Plugin } else { Codes::Own }
    }
}

/// Opens the output, runs, completes the output; the exit status.
pub fn run<R>(command: &CheckCommand, global: &GlobalArgs, run: R) -> Result<u8, Failure>
where
    R: FnOnce(&CheckCommand, &mut Output) -> Result<Answer, Failure>,
{
    let mut output = Output::open(global.output.as_deref())?;
    let answer = run(command, &mut output)?;
    output.finish()?;
    Ok(command.codes().of(answer))
}
