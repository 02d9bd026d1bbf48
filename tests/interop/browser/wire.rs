//! A process that is talked to over its standard input and output, message by message.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How one message ends and the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Every message ends with a zero byte, as in the pipe of the DevTools protocol.
    Zero,
    /// Every message begins with its length in decimal digits and a colon, as in Marionette.
    Length,
    /// Lines.
    Line,
    /// Every message begins with a carriage return, as in a line of progress that is written over and over.
    Return,
}

/// The process, which ends with its whole group when this is dropped.
pub(crate) struct Wire {
    child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<String>,
    framing: Framing,
    name: String,
}

impl Wire {
    /// Starts a command and reads its standard output from now on. Its standard error is left as the command has it.
    pub(crate) fn start(mut command: Command, framing: Framing, name: &str) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("stdout");
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            while let Some(message) = next_message(&mut reader, framing) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Self { child, stdin, messages, framing, name: name.to_owned() }
    }

    /// Sends one message.
    pub(crate) fn send(&mut self, message: &str) {
        let framed = match self.framing {
            Framing::Zero => format!("{message}\0"),
            Framing::Length => format!("{}:{message}", message.len()),
            Framing::Line | Framing::Return => format!("{message}\n"),
        };
        let name = &self.name;
        let stdin = self.stdin.as_mut().unwrap_or_else(|| panic!("the input of {name} is closed"));
        stdin
            .write_all(framed.as_bytes())
            .and_then(|()| stdin.flush())
            .unwrap_or_else(|error| panic!("{name} does not listen: {error}"));
    }

    /// Lets the process see the end of its input.
    pub(crate) fn end_of_input(&mut self) {
        self.stdin = None;
    }

    /// The next message, or none at the end of its output. Panics when there is neither in time.
    pub(crate) fn next(&self, until: Instant) -> Option<String> {
        match self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("{} said nothing in time", self.name),
        }
    }

    /// Waits for the end of its output and of itself.
    pub(crate) fn finish(mut self, limit: Duration) -> ExitStatus {
        self.end_of_input();
        let until = Instant::now() + limit;
        while self.next(until).is_some() {}
        self.child.wait().expect("wait")
    }

    /// Its name in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_up(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // Browsers are many processes; only while the first of them is not waited for is the group surely ours.
        if self.is_up() {
            let group = format!("-{}", self.child.id());
            let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).stderr(Stdio::null()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_message(reader: &mut impl BufRead, framing: Framing) -> Option<String> {
    let bytes = match framing {
        Framing::Zero => until_byte(reader, 0)?,
        Framing::Line => until_byte(reader, b'\n')?,
        Framing::Return => until_byte(reader, b'\r')?,
        Framing::Length => {
            let length = String::from_utf8(until_byte(reader, b':')?).ok()?.parse().ok()?;
            let mut bytes = Vec::new();
            reader.take(length).read_to_end(&mut bytes).ok()?;
            bytes
        }
    };
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn until_byte(reader: &mut impl BufRead, end: u8) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.read_until(end, &mut bytes).ok().filter(|count| *count > 0)?;
    if bytes.last() == Some(&end) {
        bytes.pop();
    }
    Some(bytes)
}
