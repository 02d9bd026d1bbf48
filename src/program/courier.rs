//! Lines between a call and the person, or the script, at its side: standard input, output and error.

use crate::call::courier::{Courier, Show};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use tokio::sync::mpsc;

/// Lines that may wait.
const LINES: usize = 64;
/// The longest line that is printed to be pasted. In its usual mode a terminal keeps 1,024 bytes of one on macOS
/// (`MAX_CANON`), and 4,095 on Linux.
const WIDEST: usize = 1000;
/// The longest line that is read, bytes: no line to paste is longer.
const LONGEST: u64 = 256 * 1024;

/// A courier over the standard streams. A session description goes to standard output; everything for a person goes to
/// standard error, so that a result on standard output stays alone.
pub(super) fn standard() -> Courier {
    Courier {
        show: Box::new(show),
        lines: Box::new(lines),
        interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
    }
}

fn show(what: Show) -> io::Result<()> {
    let mut person = io::stderr().lock();
    match what {
        Show::Sdp(sdp) => {
            let mut out = io::stdout().lock();
            out.write_all(sdp.expose().as_bytes())?;
            // The empty line says that the description is whole, for whoever reads from a pipe.
            out.write_all(b"\r\n")?;
            out.flush()
        }
        Show::Line(line) => {
            let lines = in_lines(line.expose());
            let what = if lines.len() == 1 {
                "this line".to_owned()
            } else {
                format!("these {} lines", lines.len())
            };
            writeln!(person, "Send {what} to the other end. The password of this one call is in it.\n")?;
            lines.iter().try_for_each(|line| writeln!(person, "{line}"))?;
            writeln!(person)
        }
        Show::Listening { at, code } => {
            writeln!(person, "Listening on {at}. At the other end, with --connect to this host:")?;
            writeln!(person, "  code  {}", code.expose())
        }
        Show::Ask(what) => writeln!(person, "Paste {what}, then Enter:"),
        Show::Notice(text) => writeln!(person, "raincheck: {text}"),
    }
}

/// A line of letters and digits as lines that a terminal takes when they are pasted.
fn in_lines(line: &str) -> Vec<&str> {
    (0..line.len()).step_by(WIDEST).filter_map(|at| line.get(at..line.len().min(at + WIDEST))).collect()
}

/// Reads standard input in a thread of its own: a read that waits cannot be called off, and ends with the program.
fn lines() -> mpsc::Receiver<io::Result<String>> {
    let (sender, receiver) = mpsc::channel(LINES);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = input.by_ref().take(LONGEST).read_until(b'\n', &mut line);
            let line = match read {
                Ok(0) => return,
                Ok(_) => Ok(String::from_utf8_lossy(&line).into_owned()),
                Err(error) => Err(error),
            };
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                return;
            }
        }
    });
    receiver
}
