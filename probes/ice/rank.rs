//! The order in which a client prefers its working paths.

use super::Candidate;
use super::stack::Profile;
use serde::{Deserialize, Serialize};

/// One path in the client's order of preference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rank {
    /// From 1, best first.
    pub position: usize,
    /// The evidence path.
    pub path: String,
    /// The relay candidate that the path gives.
    pub candidate: Option<Candidate>,
    /// The pair priority (RFC 8445 section 6.1.2.3), the client controlling, with a remote host candidate of
    /// priority 2130706431. Decimal digits: it does not fit a double.
    pub pair_priority: String,
    /// Whether the client would use this one.
    pub selected: bool,
    /// Why it stands where it stands.
    pub because: String,
}

/// Orders relay candidates as the client's ICE stack would prefer their pairs.
///
/// Each candidate must carry its `path`. The first is marked as selected.
pub fn rank(profile: &Profile, candidates: &[Candidate]) -> Vec<Rank> {
    let _ = (profile, candidates);
    Vec::new()
}
