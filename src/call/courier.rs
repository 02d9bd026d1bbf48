//! Who carries lines between a call and the person, or the script, at its side.

use raincheck_probes::secret::Secret;
use std::io;
use std::net::SocketAddr;
use tokio::sync::mpsc;

/// Something for the person at our side.
#[derive(Debug, Clone)]
pub enum Show {
    /// The line to paste at the other end. It holds the ICE password.
    Line(Secret),
    /// The session description for the other end; standard output carries nothing else.
    Sdp(Secret),
    /// Where we listen, and the code that the other end needs. It is shown once, to the person here.
    Listening {
        /// Where.
        at: SocketAddr,
        /// The code, in groups of four.
        code: Secret,
    },
    /// What is expected now.
    Ask(&'static str),
    /// Something went wrong and may be tried again.
    Notice(String),
}

/// The lines that come from our side, and the way to show something there.
pub struct Courier {
    /// Shows something.
    pub show: Box<dyn FnMut(Show) -> io::Result<()> + Send>,
    /// The lines that were typed or piped; closed at their end. Nothing is read before the first is asked for.
    pub lines: Box<dyn FnOnce() -> mpsc::Receiver<io::Result<String>> + Send>,
    /// Whether a person is there who can try again.
    pub interactive: bool,
}

impl Courier {
    /// For a call that needs nobody: both ends are ours.
    pub fn none() -> Self {
        Self { show: Box::new(|_| Ok(())), lines: Box::new(|| mpsc::channel(1).1), interactive: false }
    }
}
