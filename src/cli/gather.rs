//! `raincheck gather`: what surrounds the run.

use super::args::{GatherArgs, GatherFormat, GlobalArgs};
use super::exit::{Answer, Codes, Failure};
use super::names;
use super::output::Output;
use super::resolve::{self, Times};
use super::view::View;
use crate::settings::{Inputs, Settings, SettingsError};
use std::time::Duration;

/// A gathering, ready to run.
#[derive(Debug, Clone)]
pub struct GatherCommand {
    /// What to ask.
    pub settings: Settings,
    /// The lab's scenario to ask it in, when there is one.
    pub lab: Option<String>,
    /// How to print the candidates.
    pub format: GatherFormat,
    /// How much beside them, and in what colours.
    pub view: View,
}

impl GatherCommand {
    /// Resolves the arguments.
    pub fn new(args: &GatherArgs, global: &GlobalArgs, inputs: &dyn Inputs) -> Result<Self, SettingsError> {
        let deadline = global.deadline.as_deref().map(|text| resolve::seconds("--deadline", text, false));
        let times = Times {
            media: Duration::ZERO,
            deadline: deadline.transpose()?.unwrap_or(resolve::deadline(&args.probe.run)),
        };
        let lab = resolve::lab(&args.probe.servers).map(|name| names::scenario("--lab", name)).transpose()?;
        let view = View::of(global, global.output.is_none(), inputs);
        let settings = resolve::settings(&args.probe, times, inputs)?;
        Ok(Self { settings, lab, format: args.format, view })
    }
}

/// Opens the output, runs, completes the output; the exit status.
pub fn run<R>(command: &GatherCommand, global: &GlobalArgs, run: R) -> Result<u8, Failure>
where
    R: FnOnce(&GatherCommand, &mut Output) -> Result<Answer, Failure>,
{
    let mut output = Output::open(global.output.as_deref())?;
    let answer = run(command, &mut output)?;
    output.finish()?;
    Ok(Codes::Own.of(answer))
}
