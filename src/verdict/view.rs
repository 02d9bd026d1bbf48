//! The evidence as the rules look at it: in one order, without steps that say nothing, with the questions that
//! several rules ask.

use super::{Capabilities, Finding, Kind};
use raincheck_probes::evidence::{
    Cause, Evidence, Outcome, PathEvidence, Proof, Route, SkipReason, Stage, Step, Transport,
};
use raincheck_probes::ice::rank::Rank;
use raincheck_probes::ice::{CandidateType, Policy};
use std::collections::BTreeSet;

/// Requests that must go unanswered before silence over UDP is more than chance.
///
/// With 10 % loss each way a request and its answer both arrive 81 times in 100; nine independent requests
/// all fail to bring an answer less than once in a million runs (0.19⁹ = 3·10⁻⁷).
pub(crate) const ENOUGH_REQUESTS: u32 = 9;

/// How a path stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathState {
    /// A relay that works, or a STUN server that answers.
    Works,
    /// The server answers, and there are no credentials to go further.
    Reachable,
    /// It does not work.
    Fails,
    /// Not finished, not tried, or asked too little to tell.
    Undecided,
}

/// How a path of this evidence stands. Silence over UDP that was not asked for long enough, over all paths
/// to the same server, decides nothing.
pub fn path_state(evidence: &Evidence, path: &PathEvidence) -> PathState {
    let state = state_alone(path);
    let unheard =
        |step: &Step, cause: &Cause| step.stage != Stage::Check && matches!(cause, Cause::NoAnswer { .. });
    let silent = path.transport == Transport::Udp
        && path_failure(path).is_some_and(|(step, cause)| unheard(step, cause));
    let too_few = || unanswered_by(&evidence.paths, &path.server) < ENOUGH_REQUESTS;
    if state == PathState::Fails && silent && too_few() { PathState::Undecided } else { state }
}

/// Requests straight to this server over UDP that nothing answered, over all its paths.
fn unanswered_by(paths: &[PathEvidence], server: &str) -> u32 {
    let udp = paths.iter().filter(|p| p.route == Route::Direct && p.transport == Transport::Udp);
    udp.filter(|p| p.server == server).map(unanswered).fold(0, u32::saturating_add)
}

/// How a path stands, as far as the path alone shows.
fn state_alone(path: &PathEvidence) -> PathState {
    if is_stun_only(path) {
        if path.steps.iter().any(|s| s.stage == Stage::Binding && s.passed()) {
            return PathState::Works;
        }
    } else if path.usable() == Some(true) {
        return PathState::Works;
    }
    if path.steps.iter().any(|step| is_open(path, step)) {
        return PathState::Undecided;
    }
    match path_failure(path) {
        Some((_, Cause::LocalFailure { .. })) => PathState::Undecided,
        Some(_) => PathState::Fails,
        None if path.proof.is_some() && !path.has_credentials => PathState::Reachable,
        // An allocation through which nothing came back is a failure even where no step says so.
        None if path.works() == Some(false) => PathState::Fails,
        None => PathState::Undecided,
    }
}

/// Whether the step still stands between the path and an answer. An attempt that another address overtook
/// does not, and neither does a release.
fn is_open(path: &PathEvidence, step: &Step) -> bool {
    step.outcome == Outcome::Unfinished
        && step.stage != Stage::Release
        && !path.steps.iter().any(|s| s.stage == step.stage && s.passed())
}

/// What broke the path: its first failure for good, in the order of time, unless it worked in spite of it.
///
/// A server that asked for credentials that nobody gave is not broken.
pub fn path_failure(path: &PathEvidence) -> Option<(&Step, &Cause)> {
    let mut failed: Vec<(&Step, &Cause)> = path
        .steps
        .iter()
        .filter(|step| step.stage != Stage::Release)
        .filter(|step| !path.steps.iter().any(|s| s.stage == step.stage && s.passed()))
        .filter_map(|step| step.cause().map(|cause| (step, cause)))
        .filter(|(_, cause)| path.has_credentials || !matches!(cause, Cause::CredentialsNeeded { .. }))
        .collect();
    failed.sort_by_key(|(step, cause)| (step.stage, weakness(cause), step.began, step.address));
    failed.into_iter().next()
}

/// Where a stage was tried several times, the cause that says most comes first: an address family that this
/// host does not have says least, and a redirection (300) only leads to the next try.
fn weakness(cause: &Cause) -> u8 {
    match cause {
        Cause::LocalRefusal { .. } | Cause::StunError { stun_code: 300, .. } => 2,
        Cause::Unreachable { .. } => 1,
        _ => 0,
    }
}

/// Whether the path asks for a mapped address only (a `stun:` URL).
pub(crate) fn is_stun_only(path: &PathEvidence) -> bool {
    path.url.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("stun"))
}

/// `UDP/3478`, `TCP/80`, `TLS/443`.
pub(crate) fn flow(transport: Transport, port: u16) -> String {
    let name = match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
    };
    format!("{name}/{port}")
}

/// Whether a cause is a STUN message from the far end, whatever it said.
fn is_stun_answer(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Malformed { .. }
            | Cause::StunError { .. }
            | Cause::CredentialsNeeded { .. }
            | Cause::CredentialsRejected { .. }
            | Cause::StaleNonceLoop { .. }
            | Cause::BadRedirect { .. }
            | Cause::BadIntegrity { .. }
            | Cause::BadFingerprint
            | Cause::UnknownRequired { .. }
            | Cause::MissingAttribute { .. }
            | Cause::RelayNoReturn { .. }
            | Cause::RelayCorrupt { .. }
    )
}

/// Whether a STUN message of any kind came back on this path.
pub(crate) fn heard(path: &PathEvidence) -> bool {
    path.proof.is_some()
        || path.steps.iter().any(|step| {
            step.stage >= Stage::Binding && step.stage < Stage::Release && step.passed()
                || step.cause().is_some_and(is_stun_answer)
        })
}

/// Whether anything came back from beyond this host and its proxy: a connection, a tunnel, or bytes.
pub(crate) fn touched(path: &PathEvidence) -> bool {
    let opened = if path.route == Route::Direct { Stage::Connect } else { Stage::Tunnel };
    heard(path)
        || path.steps.iter().any(|step| step.stage == opened && step.passed())
        || path.steps.iter().any(|step| matches!(step.cause(), Some(Cause::NotStun { .. })))
}

/// What UDP to one port of one server did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UdpFate {
    /// Something came back.
    Answered,
    /// A refusal came back: ICMP, or the system's word that there is no way.
    Rejected,
    /// This many requests, and nothing came back.
    Silent(u32),
    /// Not asked, or not to the end.
    Undecided,
}

/// What UDP on this path did.
pub(crate) fn udp_fate(path: &PathEvidence) -> UdpFate {
    let asked = || path.steps.iter().filter(|s| matches!(s.stage, Stage::Binding | Stage::Allocate));
    if touched(path) {
        return UdpFate::Answered;
    }
    if asked().any(|s| matches!(s.cause(), Some(Cause::Refused))) {
        return UdpFate::Rejected;
    }
    let unanswered = unanswered(path);
    if unanswered > 0 {
        if unanswered < ENOUGH_REQUESTS && asked().any(|s| s.outcome == Outcome::Unfinished) {
            return UdpFate::Undecided;
        }
        return UdpFate::Silent(unanswered);
    }
    let unreachable = |s: &Step| matches!(s.cause(), Some(Cause::Unreachable { .. }));
    if asked().any(unreachable) { UdpFate::Rejected } else { UdpFate::Undecided }
}

/// Requests on this path that nothing answered: of the stage that sent most, because stages that run side
/// by side send at the same moments, and one burst of loss takes both.
pub(crate) fn unanswered(path: &PathEvidence) -> u32 {
    let of_stage = |stage| {
        let steps = path.steps.iter().filter(move |s| s.stage == stage);
        let requests = steps.filter_map(|step| match step.cause() {
            Some(Cause::NoAnswer { requests, .. }) => Some(*requests),
            _ => None,
        });
        requests.fold(0, u32::saturating_add)
    };
    of_stage(Stage::Binding).max(of_stage(Stage::Allocate))
}

/// Whether a finding is about the quality of media.
pub(crate) fn is_of_media(code: &str) -> bool {
    matches!(code, "latency-high" | "jitter-high" | "loss-high")
}

/// The evidence in one order.
#[derive(Debug)]
pub(crate) struct View {
    /// Paths by id, steps by time. Of skipped steps only those for want of a peer, which say why.
    pub(crate) evidence: Evidence,
    selected: Option<String>,
    overlooked: Option<String>,
    taken_answering: Option<String>,
}

impl View {
    /// Puts the evidence into one order.
    pub(crate) fn new(evidence: &Evidence, ranking: &[Rank]) -> Self {
        let mut evidence = evidence.clone();
        for path in &mut evidence.paths {
            let says_why = |skipped| skipped == SkipReason::NoPeer;
            path.steps.retain(|step| !matches!(step.outcome, Outcome::Skipped(why) if !says_why(why)));
            path.steps.sort_by_key(|s| (s.began, s.stage, s.address, s.cause().map(Cause::code), s.ended));
        }
        evidence.paths.sort_by(|a, b| a.id.cmp(&b.id));
        let selected = ranking.iter().find(|rank| rank.selected);
        let taken_answering = ranking.iter().find(|rank| rank.selected_answering);
        Self {
            evidence,
            selected: selected.map(|rank| rank.path.clone()),
            overlooked: selected.and_then(|rank| rank.overlooked.clone()),
            taken_answering: taken_answering.map(|rank| rank.path.clone()),
        }
    }

    /// Every path.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathEvidence> + Clone {
        self.evidence.paths.iter()
    }

    /// Paths of a transport straight to the server.
    pub(crate) fn direct(&self, transport: Transport) -> impl Iterator<Item = &PathEvidence> + Clone {
        self.paths().filter(move |p| p.route == Route::Direct && p.transport == transport)
    }

    /// Paths through a proxy.
    pub(crate) fn proxied(&self) -> impl Iterator<Item = &PathEvidence> + Clone {
        self.paths().filter(|p| p.route != Route::Direct)
    }

    /// Whether the tenant's policy takes candidates of this type away from the client, which else would use them.
    pub(crate) fn forbids(&self, kind: CandidateType) -> bool {
        let asked = &self.evidence.asked;
        asked.ice_filtering.contains(&kind) && (kind == CandidateType::Relay || asked.policy == Policy::All)
    }

    /// The path that the client would use.
    pub(crate) fn selected(&self) -> Option<&PathEvidence> {
        let id = self.selected.as_ref()?;
        self.paths().find(|p| p.id == *id)
    }

    /// Why a call that the client answers does not look at that path, when it does not.
    pub(crate) fn overlooked(&self) -> Option<&str> {
        self.overlooked.as_deref()
    }

    /// The path that a call takes which the client answers.
    pub(crate) fn taken_answering(&self) -> Option<&PathEvidence> {
        let id = self.taken_answering.as_ref()?;
        self.paths().find(|p| p.id == *id)
    }

    /// The name of the emulated client, without its version.
    pub(crate) fn client(&self) -> &str {
        let profile = self.evidence.asked.profile.as_str();
        profile.split_once('@').map_or(profile, |(name, _)| name)
    }

    /// Requests over UDP to this server that nothing answered, over all its paths.
    pub(crate) fn unanswered(&self, server: &str) -> u32 {
        unanswered_by(&self.evidence.paths, server)
    }

    /// Whether anything at all came from this server, over any path.
    pub(crate) fn is_there(&self, server: &str) -> bool {
        self.paths().any(|p| p.server == server && touched(p))
    }

    /// Whether the path has a relay that no packet was seen to pass.
    pub(crate) fn is_unproven(&self, path: &PathEvidence) -> bool {
        !is_stun_only(path) && path.proof != Some(Proof::Media) && self.state(path) == PathState::Works
    }

    /// How the path stands.
    pub(crate) fn state(&self, path: &PathEvidence) -> PathState {
        path_state(&self.evidence, path)
    }

    /// Servers that answer on nothing, while others answer where these were asked too.
    ///
    /// A transport on which nobody answers says nothing about one server. A server whose name has no
    /// address, or that was not asked to the end, is not called down.
    pub(crate) fn down(&self) -> BTreeSet<&str> {
        let gave_up = |p: &PathEvidence| match path_failure(p) {
            Some((_, Cause::NoAnswer { .. })) => self.unanswered(&p.server) >= ENOUGH_REQUESTS,
            Some((_, Cause::ConnectTimeout { .. } | Cause::Refused | Cause::Unreachable { .. })) => {
                p.route == Route::Direct
            }
            Some((_, Cause::ProxyStatus { status, .. })) => matches!(status, 502..=504),
            _ => false,
        };
        let names: BTreeSet<&str> = self.paths().map(|p| p.server.as_str()).collect();
        let is_down = |server: &&str| {
            let own = || self.paths().filter(|p| p.server == *server);
            own().all(|p| !touched(p) && self.state(p) == PathState::Fails && gave_up(p))
                && own().any(|p| {
                    self.paths().any(|o| o.transport == p.transport && o.route == p.route && touched(o))
                })
        };
        names.into_iter().filter(is_down).collect()
    }

    /// Whether anything at all answered, a proxy included.
    pub(crate) fn anything_answered(&self) -> bool {
        self.paths().any(|p| touched(p) || p.steps.iter().any(|s| s.stage == Stage::Connect && s.passed()))
    }

    /// The answer in one word.
    pub(crate) fn kind(&self, findings: &[Finding]) -> Kind {
        let tried: Vec<(&PathEvidence, PathState)> =
            self.paths().filter(|p| p.client_tries).map(|p| (p, self.state(p))).collect();
        let relays_asked = tried.iter().any(|(p, _)| !is_stun_only(p));
        if relays_asked && self.forbids(CandidateType::Relay) {
            return Kind::Fails;
        }
        let good = |(path, state): &(&PathEvidence, PathState)| {
            (!relays_asked || !is_stun_only(path)) && matches!(state, PathState::Works | PathState::Reachable)
        };
        let any = |wanted: PathState| tried.iter().any(|(_, state)| *state == wanted);
        let direct_udp = Capabilities::direct_udp(self, tried.iter().map(|(p, _)| *p));
        let held_back = findings.iter().any(|f| is_of_media(f.code) || f.code == "turn-forbidden-peer");
        if !tried.iter().any(good) {
            return if tried.is_empty() || any(PathState::Undecided) { Kind::Unknown } else { Kind::Fails };
        }
        if any(PathState::Fails) || direct_udp == super::Answer::Fails || held_back {
            Kind::Degraded
        } else if any(PathState::Undecided) || tried.iter().any(|(p, _)| self.is_unproven(p)) {
            Kind::Unknown
        } else if any(PathState::Reachable) || !relays_asked {
            Kind::Reachable
        } else {
            Kind::Works
        }
    }
}
