//! The exit status, and what a command ends with.

use crate::settings::SettingsError;
use std::fmt;

/// What a probing run came to, in the words of the contract's `verdict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Everything asked for is proven.
    Works,
    /// The same as far as it can be shown without credentials.
    Reachable,
    /// Calls would connect, but not as they should.
    Degraded,
    /// No path that a call could use.
    Fails,
    /// The evidence does not decide.
    Unknown,
}

/// How the exit status is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codes {
    /// The contract's: 0 works, 1 does not, 2 could not be asked, 3 not decided.
    Own,
    /// Those of monitoring plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    Plugin,
}

/// Our own inability: the question could not be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// From one clear line. Ends of lines and other control characters in it are replaced.
    pub fn new(line: impl fmt::Display) -> Self {
        let line = line.to_string();
        Self(line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::new(error)
    }
}

impl Codes {
    /// The exit status of an answer.
    pub fn of(self, answer: Answer) -> u8 {
        match (self, answer) {
            (_, Answer::Works | Answer::Reachable) => 0,
            (_, Answer::Degraded) | (Self::Own, Answer::Fails) => 1,
            (Self::Plugin, Answer::Fails) => 2,
            (_, Answer::Unknown) => 3,
        }
    }

    /// The exit status when the question could not be put.
    pub fn of_failure(self) -> u8 {
        match self {
            Self::Own => 2,
            Self::Plugin => 3,
        }
    }

    /// Reads the wish for plugin codes off a command line that may be wrong otherwise, so that a mistyped
    /// check shows as UNKNOWN and not as an alarm.
    pub fn wanted(args: &[std::ffi::OsString]) -> Self {
        let mut words = args.iter().map(|word| word.to_string_lossy());
        let mut found = false;
        while let Some(word) = words.next() {
            match word.as_ref() {
                "--format=nagios" => found = true,
                "--format" => found |= words.next().is_some_and(|value| value == "nagios"),
                _ => {}
            }
        }
        if found { Self::Plugin } else { Self::Own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_status_of_the_contract_or_of_plugins() {
        use Answer::{Degraded, Fails, Reachable, Unknown, Works};
        let all = [Works, Reachable, Degraded, Fails, Unknown];
        assert_eq!(all.map(|answer| Codes::Own.of(answer)), [0, 0, 1, 1, 3]);
        assert_eq!(all.map(|answer| Codes::Plugin.of(answer)), [0, 0, 1, 2, 3]);
        assert_eq!((Codes::Own.of_failure(), Codes::Plugin.of_failure()), (2, 3));
    }

    #[test]
    fn plugin_codes_are_wanted_even_where_the_rest_is_wrong() {
        let wanted = |line: &str| {
            let args: Vec<_> = line.split(' ').map(std::ffi::OsString::from).collect();
            Codes::wanted(&args)
        };
        assert_eq!(wanted("raincheck check --format nagios --nonsense"), Codes::Plugin);
        assert_eq!(wanted("raincheck check --format=nagios"), Codes::Plugin);
        assert_eq!(wanted("raincheck check --format json nagios"), Codes::Own);
        assert_eq!(wanted("raincheck check --format"), Codes::Own);
    }

    #[test]
    fn a_failure_is_one_line() {
        assert_eq!(Failure::new("a\nb\u{1b}[31m\n").to_string(), "a b [31m");
    }
}
