//! The outside world as the options need it: files, standard input, environment, a person, the wall clock.

use hyper_util::client::proxy::matcher::Matcher;
use raincheck_probes::secret::Secret;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::time::SystemTime;
use zeroize::Zeroizing;

/// Where options come from beside the command line. One real implementation, [`System`]; tests bring their own.
pub trait Inputs {
    /// Reads at most `limit` bytes of a file.
    fn file(&self, path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>>;
    /// Reads at most `limit` bytes of standard input.
    fn stdin(&self, limit: usize) -> io::Result<Zeroizing<Vec<u8>>>;
    /// An environment variable; one that is not Unicode counts as unset.
    fn env(&self, name: &str) -> Option<Zeroizing<String>>;
    /// Asks a person at the terminal for a secret; `None` when there is no terminal.
    fn prompt(&self, question: &str) -> io::Result<Option<Secret>>;
    /// The wall clock.
    fn now(&self) -> SystemTime;
    /// The proxy that the system's settings name for `https://host`, as a URL. Never the environment's.
    fn system_proxy(&self, host: &str) -> Option<String>;
    /// Whether standard output is a terminal.
    fn stdout_is_terminal(&self) -> bool;
    /// Whether standard error is a terminal.
    fn stderr_is_terminal(&self) -> bool;
}

/// This process's own surroundings.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Inputs for System {
    fn file(&self, path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        read(File::open(path)?, limit)
    }

    fn stdin(&self, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        read(io::stdin().lock(), limit)
    }

    fn env(&self, name: &str) -> Option<Zeroizing<String>> {
        std::env::var(name).ok().map(Zeroizing::new)
    }

    fn prompt(&self, question: &str) -> io::Result<Option<Secret>> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(None);
        }
        rpassword::prompt_password(question).map(|text| Some(Secret::new(text)))
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn system_proxy(&self, host: &str) -> Option<String> {
        // Elsewhere the matcher knows the environment only, which has been asked before.
        if !cfg!(any(windows, target_os = "macos")) {
            return None;
        }
        let target = format!("https://{host}/").parse().ok()?;
        let proxy = Matcher::from_system().intercept(&target)?;
        Some(proxy.uri().to_string())
    }

    fn stdout_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    fn stderr_is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }
}

fn read(from: impl Read, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
