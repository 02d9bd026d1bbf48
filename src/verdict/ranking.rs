//! The client's order of the paths that work, as its own ICE stack decides it over what was measured.

use super::metrics::rtt;
use raincheck_probes::evidence::{Evidence, PathEvidence};
use raincheck_probes::ice::elect::Contender;
use raincheck_probes::ice::rank::{Rank, rank_measured};
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::ice::{Candidate, CandidateType};
use std::time::Duration;

/// The client's order of the paths that work.
///
/// A call is held in virtual time over what the run measured: each relay is ready when the client's pace and the time
/// that its layers took say so, and each packet takes as long as the path's fastest round trip.
pub fn ranking(profile: &Profile, evidence: &Evidence) -> Vec<Rank> {
    let contenders: Vec<Contender> =
        evidence.candidates.iter().filter_map(|candidate| contender(candidate, evidence)).collect();
    rank_measured(profile, &contenders)
}

fn contender(candidate: &Candidate, evidence: &Evidence) -> Option<Contender> {
    let id = candidate.path.as_deref().filter(|_| candidate.kind == CandidateType::Relay)?;
    let path = evidence.paths.iter().find(|path| path.id == id && path.works() == Some(true))?;
    Some(Contender { candidate: candidate.clone(), ready: ready(path), round_trip: round_trip(path) })
}

fn ready(path: &PathEvidence) -> Duration {
    path.client_starts.as_duration() + path.time_to_relay().unwrap_or_default()
}

fn round_trip(path: &PathEvidence) -> Duration {
    let fastest = rtt(path).map(|rtt| rtt.min / 1000.0).filter(|seconds| seconds.is_finite());
    Duration::try_from_secs_f64(fastest.unwrap_or(0.0)).unwrap_or_default()
}
