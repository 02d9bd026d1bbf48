//! The run: the only owner of clock, randomness and tasks.
//!
//! [`run`] takes settings to evidence. Each path of the plan is a task (`path`); each TURN client on its link is
//! another (`session`), so that asking, relaying and leaving do not wait for each other. Everything that is
//! seen goes into the [`Journal`] at once, and a run that is cut short reports what it has.

mod checks;
mod clock;
mod context;
mod ear;
mod engine;
mod exchange;
mod flavour;
mod ground;
mod journal;
mod link;
mod nearest;
mod note;
mod path;
mod progress;
mod rejection;
mod relay;
mod servers;
mod session;
mod signin;
mod sockets;
mod stop;
mod trickle;

pub use clock::Clock;
pub use engine::{RunError, Surroundings, run};
pub use ground::Ground;
pub use journal::{Journal, OpenStep, PathLog};
pub use progress::{Phase, Progress, State};
pub use stop::{Stop, StopReason, Stopper};

pub(crate) use ear::{Ears, Fate, Relayed, SessionId, UpkeepBook};
pub(crate) use session::Session;
pub(crate) use trickle::{News, Trickle};
