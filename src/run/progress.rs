//! How far a run is, for whoever shows it.

use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What the run is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Phase {
    /// Finding out which servers to ask.
    Choosing,
    /// Asking them.
    Probing {
        /// How many paths there are.
        paths: usize,
    },
    /// Sending media over the selected path.
    Media {
        /// For how long.
        seconds: f64,
    },
    /// Of a call: the two ends are being brought together. The terminal belongs to what is asked there.
    Meeting,
    /// Of a call: pairs of candidates are being checked.
    Checking,
    /// Of a call: a pair is selected, and DTLS is shaking hands over it.
    Handshaking,
    /// Of a call: a path has been cut, and the switch is waited for.
    Cut,
    /// Of a call: it is kept up.
    Soaking {
        /// Since when.
        began: Instant,
        /// For how long.
        asked: Duration,
    },
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// What it is doing.
    pub phase: Phase,
    /// Paths that are decided.
    pub decided: usize,
}

/// The run's side: told, never asked.
#[derive(Debug, Clone)]
pub struct Progress(watch::Sender<State>);

impl Progress {
    /// A progress that somebody may watch.
    pub fn new() -> (Self, watch::Receiver<State>) {
        let (sender, receiver) = watch::channel(State { phase: Phase::Choosing, decided: 0 });
        (Self(sender), receiver)
    }

    /// The run goes on to this.
    pub fn phase(&self, phase: Phase) {
        self.0.send_modify(|state| state.phase = phase);
    }

    /// One more path is decided.
    pub fn decided(&self) {
        self.0.send_modify(|state| state.decided += 1);
    }
}
