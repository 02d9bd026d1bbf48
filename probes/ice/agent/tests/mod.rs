//! Two agents in virtual time.
