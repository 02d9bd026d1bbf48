//! STUN: messages, the raw layer, schedules, transactions.

mod schedule;

pub use schedule::{PROMPT_FALSE_ALARMS, PROMPT_LOSS, Schedule, sends_needed};
