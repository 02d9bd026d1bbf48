//! raincheck: which media paths work here, which layer of which path broke, what to change.
#![forbid(unsafe_code)]

pub mod cli;
pub mod host;
#[cfg(feature = "lab")]
pub mod lab;
pub mod path;
pub mod plan;
pub mod platform;
pub mod program;
pub mod rainbow;
pub mod report;
pub mod run;
pub mod settings;
pub mod verdict;
