//! Two agents in virtual time.

mod alive;
mod basic;
mod checks;
mod hostile;
mod mutation;
mod nominate;
mod reflexive;
mod roles;
mod streams;
pub(crate) mod wire;
