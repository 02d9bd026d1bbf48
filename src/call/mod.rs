//! Calls: two ICE agents, one of them ours or both, and what crosses the pair that they choose.
//!
//! | module | owns |
//! | --- | --- |
//! | [`record`] | what a call leaves behind: plain data for verdict and report |
//! | [`words`] | events and candidates in words |

pub mod record;
pub mod words;
