//! The drive of the CONNECT machine.
