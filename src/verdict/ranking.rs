//! The client's order of the paths that work, as its own ICE stack decides it over what was measured.

use raincheck_probes::evidence::Evidence;
use raincheck_probes::ice::elect::Contender;
use raincheck_probes::ice::rank::{Rank, rank_measured};
use raincheck_probes::ice::stack::Profile;

/// The client's order of the paths that it would use. One that answers no connectivity check is not among them.
///
/// Calls are held in virtual time over what the run measured (see [`Contender::of`]).
pub fn ranking(profile: &Profile, evidence: &Evidence) -> Vec<Rank> {
    let path = |id: &str| evidence.paths.iter().find(|path| path.id == id);
    let contenders = evidence
        .candidates
        .iter()
        .filter_map(|candidate| Contender::of(candidate, path(candidate.path.as_deref()?)?));
    rank_measured(profile, &contenders.collect::<Vec<_>>())
}
