//! Two agents in virtual time.

mod basic;
pub(crate) mod wire;
