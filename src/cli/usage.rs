//! A command line that clap refuses, as one clear line and hints.

use super::args::Cli;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// What to do about an error of the parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// Help or the version was asked for: print this on standard output.
    Asked(String),
    /// Nothing was asked for: print this help on standard error.
    Missing(String),
    /// The command line is wrong.
    Wrong {
        /// One line: what is wrong.
        line: String,
        /// One line each: what to do.
        hints: Vec<String>,
    },
}

impl Usage {
    /// Reads the parser's error about these arguments. `coloured` is for help alone.
    pub fn of(error: &clap::Error, args: &[OsString], coloured: bool) -> Self {
        let rendered = error.render();
        let text = if coloured { rendered.ansi().to_string() } else { rendered.to_string() };
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Self::Asked(text),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Self::Missing(text),
            _ => Self::wrong(error, args, &rendered.to_string()),
        }
    }

    /// clap writes: `error: …`, sometimes a list below it, tips, the usage, and where help is.
    fn wrong(error: &clap::Error, args: &[OsString], text: &str) -> Self {
        let mut paragraphs = text.split("\n\n");
        let first = paragraphs.next().unwrap_or_default();
        let line = one_line(first.strip_prefix("error: ").unwrap_or(first));
        let mut hints: Vec<String> =
            text.lines().filter_map(|line| line.trim_start().strip_prefix("tip: ")).map(one_line).collect();
        if let Some(scenario) = stray_scenario(error, args) {
            hints = vec![format!("write --lab={scenario}")];
        }
        if hints.is_empty() {
            hints.push(format!("try {}", help_command(args)));
        }
        Self::Wrong { line, hints }
    }
}

/// The word after `--lab`, when that is what stands there for no reason.
fn stray_scenario(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(stray)) = error.get(ContextKind::InvalidArg) else { return None };
    let after_lab =
        args.windows(2).any(|pair| matches!(pair, [lab, word] if lab == "--lab" && word == stray.as_str()));
    let plain = stray.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !stray.starts_with('-');
    (error.kind() == ErrorKind::UnknownArgument && after_lab && plain).then(|| stray.clone())
}

/// `raincheck check --help` when the command line names `check`.
fn help_command(args: &[OsString]) -> String {
    let cli = Cli::command();
    let named = args.iter().skip(1).find_map(|word| cli.find_subcommand(word));
    match named {
        Some(command) => format!("raincheck {} --help", command.get_name()),
        None => "raincheck --help".to_owned(),
    }
}

fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
