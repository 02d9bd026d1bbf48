//! What the network lets through.

use super::view::{PathState, View, is_stun_only};
use raincheck_probes::evidence::{PathEvidence, Route, Transport};
use raincheck_probes::ice::Policy;
use serde::Serialize;

/// Whether something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It was proven.
    Works,
    /// Everything that was tried failed.
    Fails,
    /// It was tried, and what was seen does not decide: not finished, or no credentials to prove it with.
    Unknown,
    /// The run was not to try it.
    NotAsked,
}

/// What the network lets through, over all paths that the run tried, whether or not the client would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// A STUN server answered over UDP with the address that it sees us at: what direct media starts from.
    /// Not asked under the policy `relay`, whose clients do not use such addresses.
    pub direct_udp: Answer,
    /// Some relay over UDP works.
    pub relay_udp: Answer,
    /// Some relay over TCP works, over any route.
    pub relay_tcp: Answer,
    /// Some relay over TLS works, over any route.
    pub relay_tls: Answer,
    /// Some relay through a proxy works, over TCP or TLS.
    pub relay_via_proxy: Answer,
}

impl Capabilities {
    pub(super) fn of(view: &View) -> Self {
        let relay = |wanted: &dyn Fn(&PathEvidence) -> bool| {
            weigh(view.paths().filter(|p| !is_stun_only(p) && wanted(p)).map(|p| view.state(p)))
        };
        Self {
            direct_udp: Self::direct_udp(view, view.paths()),
            relay_udp: relay(&|p| p.transport == Transport::Udp),
            relay_tcp: relay(&|p| p.transport == Transport::Tcp),
            relay_tls: relay(&|p| p.transport == Transport::Tls),
            relay_via_proxy: relay(&|p| p.route != Route::Direct),
        }
    }

    pub(super) fn direct_udp<'a>(view: &View, paths: impl Iterator<Item = &'a PathEvidence>) -> Answer {
        if view.evidence.asked.policy == Policy::Relay {
            return Answer::NotAsked;
        }
        let udp = paths.filter(|p| p.transport == Transport::Udp && p.route == Route::Direct);
        weigh(udp.map(|path| mapped(view, path)))
    }
}

fn mapped(view: &View, path: &PathEvidence) -> PathState {
    if path.mapped.is_some() {
        PathState::Works
    } else if path.proof.is_none() && view.state(path) == PathState::Fails {
        PathState::Fails
    } else {
        PathState::Undecided
    }
}

fn weigh(states: impl Iterator<Item = PathState>) -> Answer {
    let states: Vec<PathState> = states.collect();
    if states.is_empty() {
        Answer::NotAsked
    } else if states.contains(&PathState::Works) {
        Answer::Works
    } else if states.iter().all(|s| *s == PathState::Fails) {
        Answer::Fails
    } else {
        Answer::Unknown
    }
}
