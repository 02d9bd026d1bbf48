//! raincheck: which media paths work here, which layer of which path broke, what to change.
#![forbid(unsafe_code)]

pub mod report;
pub mod run;
pub mod settings;
pub mod verdict;
