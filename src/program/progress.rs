//! How far a run is, on standard error, for a person who waits.

use crate::run::{Phase, State};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// How often the line is brought up to date.
const REFRESH: Duration = Duration::from_millis(120);

/// A line that is kept up to date until this is dropped, and leaves nothing behind.
pub(super) struct Shown {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Shown {
    pub(super) fn start(watched: watch::Receiver<State>) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            let mut drawn = false;
            while !flag.load(Ordering::Relaxed) {
                let line = line(*watched.borrow());
                // While something is asked there, the terminal is left alone.
                if drawn || line.is_some() {
                    write(&format!("\r\x1b[K{}", line.as_deref().unwrap_or_default()));
                }
                drawn = line.is_some();
                std::thread::park_timeout(REFRESH);
            }
            if drawn {
                write("\r\x1b[K");
            }
        });
        Self { done, thread: Some(thread) }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A line that could not be cleared is no loss.
            let _ = thread.join();
        }
    }
}

fn line(state: State) -> Option<String> {
    Some(match state.phase {
        Phase::Choosing => "finding the servers to ask …".to_owned(),
        Phase::Probing { paths } => format!("{} of {paths} paths decided …", state.decided.min(paths)),
        Phase::Media { seconds } => format!("sending {seconds:.0} s of media over the selected path …"),
        Phase::Meeting => return None,
        Phase::Checking => "checking pairs of candidates …".to_owned(),
        Phase::Handshaking => "connected; shaking hands (DTLS) …".to_owned(),
        Phase::Cut => "path cut; waiting for the switch to another …".to_owned(),
        Phase::Soaking { began, asked } => {
            format!("connected, {} of {} …", clock(began.elapsed().min(asked)), clock(asked))
        }
    })
}

/// `mm:ss`, and hours before it when there are any.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

fn write(text: &str) {
    // A terminal that is gone needs no progress.
    let _ = io::stderr().write_all(text.as_bytes());
    let _ = io::stderr().flush();
}
