//! raincheck: which media paths work here, which layer of which path broke, what to change.
#![forbid(unsafe_code)]

pub mod cli;
pub mod rainbow;
pub mod run;
pub mod settings;
