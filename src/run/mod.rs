//! The run: the only owner of clock, randomness and tasks.

mod clock;
mod journal;

pub use clock::Clock;
pub use journal::{Journal, OpenStep, PathLog};
