//! A command line that clap refuses, as one clear line and hints.

use clap::error::{ContextKind, ContextValue, ErrorKind};

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
    /// Reads the parser's error. `coloured` is for help alone.
    pub fn of(error: &clap::Error, coloured: bool) -> Self {
        let rendered = error.render();
        let text = if coloured { rendered.ansi().to_string() } else { rendered.to_string() };
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Self::Asked(text),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Self::Missing(text),
            _ => Self::wrong(error, &rendered.to_string()),
        }
    }

    /// clap writes: `error: …`, sometimes a list below it, tips, the usage, and where help is.
    fn wrong(error: &clap::Error, text: &str) -> Self {
        let mut paragraphs = text.split("\n\n");
        let first = paragraphs.next().unwrap_or_default();
        let line = one_line(first.strip_prefix("error: ").unwrap_or(first));
        let mut hints: Vec<String> =
            text.lines().filter_map(|line| line.trim_start().strip_prefix("tip: ")).map(one_line).collect();
        if hints.is_empty() {
            hints.push(format!("try {}", help_command(error)));
        }
        Self::Wrong { line, hints }
    }
}

/// `raincheck check --help` for an error of `raincheck check`, as far as the usage line tells.
fn help_command(error: &clap::Error) -> String {
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let command: Vec<&str> = usage
        .split_whitespace()
        .skip_while(|word| *word != "raincheck")
        .take_while(|word| word.bytes().all(|b| b.is_ascii_lowercase()))
        .collect();
    format!("{} --help", if command.is_empty() { "raincheck".to_owned() } else { command.join(" ") })
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
