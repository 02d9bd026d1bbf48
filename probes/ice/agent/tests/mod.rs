//! Two agents in virtual time.

mod basic;
mod checks;
mod roles;
pub(crate) mod wire;
