//! Calls: two ICE agents, one of them ours or both, and what crosses the pair that they choose.
//!
//! | module | owns |
//! | --- | --- |
