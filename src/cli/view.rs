//! How much is shown, and in what colours.

use super::args::{GlobalArgs, When};
use crate::settings::Inputs;

/// How a result is shown to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// `-v`, counted.
    pub verbose: u8,
    /// `-q`: the verdict only.
    pub quiet: bool,
    /// Whether the result may have colours.
    pub color: bool,
    /// Whether to show progress on standard error.
    pub progress: bool,
}

impl View {
    /// Resolves the flags against the terminal and the environment. `to_stdout` is false with `-o FILE`.
    pub fn of(args: &GlobalArgs, to_stdout: bool, inputs: &dyn Inputs) -> Self {
        Self {
            verbose: args.verbose,
            quiet: args.quiet,
            color: match args.color {
                When::Always => true,
                When::Never => false,
                When::Auto => to_stdout && inputs.stdout_is_terminal() && !refuses_color(inputs),
            },
            progress: !args.no_progress && !args.quiet && inputs.stderr_is_terminal(),
        }
    }
}

/// `NO_COLOR` set to anything (no-color.org), or a terminal that has none.
fn refuses_color(inputs: &dyn Inputs) -> bool {
    inputs.env("NO_COLOR").is_some_and(|value| !value.is_empty())
        || inputs.env("TERM").is_some_and(|value| value.as_str() == "dumb")
}
