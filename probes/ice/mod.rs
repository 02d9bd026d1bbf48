//! Candidates, and how each client gathers and ranks them.
//!
//! [`Candidate`] and its kin are the plain data; [`gather`] turns a client's [`stack`], the host's networks and the
//! servers into slots to fill, and what was learned into the candidates that the real client would signal;
//! [`rank`] orders working paths as the client would prefer them, and [`elect`] holds the call that decides among them;
//! [`pairing`] checks one pair of relays.
//!
//! [`signal`] is what two ends of a call say to each other.

pub mod agent;
mod candidate;
pub mod elect;
pub mod gather;
pub mod network;
pub mod pairing;
pub mod rank;
pub mod signal;
pub mod stack;

pub use candidate::{Candidate, CandidateType, GatherError, Policy, Protocol, TcpType};
