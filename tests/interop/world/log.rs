//! Server logs, read as they grow.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// A log file that is followed line by line.
pub(crate) struct LogTail {
    tail: Child,
    lines: Receiver<String>,
}

impl LogTail {
    /// Follows a file, which need not exist yet, from its first line.
    pub(crate) fn follow(file: &Path) -> Self {
        let mut tail = Command::new("tail")
            .args(["-n", "+1", "-s", "0.02", "-F"])
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("tail");
        let output = BufReader::new(tail.stdout.take().expect("stdout"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self { tail, lines }
    }

    /// Waits for a line with this in it.
    pub(crate) fn wait_for(&self, needle: &str, limit: Duration) -> Result<(), String> {
        let until = Instant::now() + limit;
        let mut seen = String::new();
        while let Some(line) = self.next(until) {
            if line.contains(needle) {
                return Ok(());
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        Err(format!("no `{needle}` in {limit:?}; the log says:\n{seen}"))
    }

    /// The next line, or none when there is none until then.
    pub(crate) fn next(&self, until: Instant) -> Option<String> {
        self.lines.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
    }
}

impl Drop for LogTail {
    fn drop(&mut self) {
        let _ = self.tail.kill();
        let _ = self.tail.wait();
    }
}

/// coturn's log, read for the allocations that it tells of.
pub(super) struct AllocationLog {
    tail: LogTail,
    opened: usize,
    /// Session, and the line that opened its allocation.
    open: BTreeMap<String, String>,
}

impl AllocationLog {
    pub(super) fn new(tail: LogTail) -> Self {
        Self { tail, opened: 0, open: BTreeMap::new() }
    }

    /// Reads on until then, or until nothing comes for a moment.
    fn read(&mut self, until: Instant) {
        while let Some(line) = self.tail.next(until) {
            self.take(&line);
        }
    }

    fn take(&mut self, line: &str) {
        let Some((session, event)) = line.split_once("session ").and_then(|(_, rest)| rest.split_once(": "))
        else {
            return;
        };
        if event.starts_with("new, realm=") {
            self.opened += 1;
            self.open.insert(session.to_owned(), line.to_owned());
        } else if event.starts_with("closed (") {
            self.open.remove(session);
        }
    }
}

/// The allocations of all servers together.
pub(crate) struct Allocations<'a> {
    logs: Vec<&'a mut AllocationLog>,
}

impl<'a> Allocations<'a> {
    pub(super) fn new(logs: Vec<&'a mut AllocationLog>) -> Self {
        let mut allocations = Self { logs };
        allocations.read(Duration::ZERO);
        allocations
    }

    /// How many were ever opened.
    pub(crate) fn opened(&self) -> usize {
        self.logs.iter().map(|log| log.opened).sum()
    }

    /// Those that are open, one line each.
    pub(crate) fn open(&self) -> Vec<String> {
        self.logs.iter().flat_map(|log| log.open.values().cloned()).collect()
    }

    /// Reads the logs until the predicate holds; whether it did in time.
    pub(crate) fn wait_until(&mut self, limit: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let until = Instant::now() + limit;
        loop {
            if holds(self) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            self.read(Duration::from_millis(10));
        }
    }

    fn read(&mut self, pause: Duration) {
        for log in &mut self.logs {
            log.read(Instant::now() + pause);
        }
    }
}
