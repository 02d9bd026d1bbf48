//! One path: a server, reached over one transport and one route.

use super::{Cause, Route, Stage, Step};
use crate::machine::Offset;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// Requests that must go unanswered before silence is more than chance. With 10 % loss each way a request and its
/// answer both arrive 81 times in 100; nine fail less than once in a million times (0.19⁹ = 3·10⁻⁷).
const MANY_REQUESTS: u32 = 9;

/// The same where twenty packets passed beside them and none was lost.
const FEW_REQUESTS: u32 = 4;

/// How the client speaks to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A plain stream.
    Tcp,
    /// TLS on a stream.
    Tls,
}

/// The strongest thing that was shown of a path, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// A STUN answer came back: a Binding success, or the server's 401 with realm and nonce.
    Reachable,
    /// The server accepted the credentials and refused for another reason.
    Authenticated,
    /// An authenticated Allocate succeeded.
    Allocated,
    /// Bytes came back through the relay, unchanged.
    Media,
}

/// Round trips over a path, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rtt {
    /// The fastest.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// The 95th percentile, nearest rank.
    pub p95: f64,
    /// The slowest.
    pub max: f64,
    /// How many there are.
    pub samples: usize,
}

/// Media-sized packets sent from one allocation to another, and what came of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelayRun {
    /// The path whose allocation was the far end: this path itself, or one over another server.
    pub far_end: String,
    /// Packets sent towards the far end and back, both directions together.
    pub sent: u64,
    /// Packets that arrived unchanged.
    pub received: u64,
    /// Time from send to arrival of each packet that arrived, milliseconds, in order of arrival. When both
    /// allocations lie on one path this is one round trip of the path, since both ends are here.
    pub transit_ms: Vec<f64>,
    /// RFC 3550 interarrival jitter at the end, milliseconds.
    pub jitter_ms: Option<f64>,
}

/// One certificate of a chain, leaf first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The subject, RFC 4514 order.
    pub subject: String,
    /// The issuer.
    pub issuer: String,
    /// Names that it is valid for (DNS and IP), leaf only.
    pub names: Vec<String>,
    /// The start of its validity, RFC 3339.
    pub not_before: String,
    /// The end of its validity, RFC 3339.
    pub not_after: String,
    /// SHA-256 of the certificate, lower-case hex.
    pub sha256: String,
    /// SHA-256 of its public key (SubjectPublicKeyInfo), lower-case hex.
    pub key_sha256: String,
}

/// What the TLS layer showed, also when the certificate was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSeen {
    /// Protocol version, as in `TLS 1.3`; none before the handshake got that far.
    pub version: Option<String>,
    /// Cipher suite.
    pub cipher: Option<String>,
    /// ALPN protocol, when one was agreed.
    pub alpn: Option<String>,
    /// The chain as the server sent it, leaf first, at most 16.
    pub chain: Vec<Certificate>,
    /// Whether the roots in force accept the chain for this name; none when no chain was seen.
    pub trusted: Option<bool>,
    /// Why not.
    pub untrusted_because: Option<Cause>,
}

/// Everything that was seen of one path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathEvidence {
    /// A name that is unique and stable for the same question: `udp/turn1.example:3478`.
    pub id: String,
    /// The server's host, as in the URL.
    pub server: String,
    /// The URL that asked for the path.
    pub url: String,
    /// The server's port that is used.
    pub port: u16,
    /// The server address that was used, once known. Unknown when a proxy resolves the name.
    pub address: Option<SocketAddr>,
    /// How the server is spoken to.
    pub transport: Transport,
    /// The way there.
    pub route: Route,
    /// The local interface it is bound to, when it is.
    pub interface: Option<String>,
    /// Whether the emulated client would ever try this path.
    pub client_tries: bool,
    /// Whether the run had credentials for this server.
    pub has_credentials: bool,
    /// When the client would begin with it by its own pace, counted from the beginning of its gathering. The run
    /// itself does not wait for that.
    #[serde(default)]
    pub client_starts: Offset,
    /// The layers, in the order in which they began.
    pub steps: Vec<Step>,
    /// The strongest thing that was shown.
    pub proof: Option<Proof>,
    /// The relayed address, once allocated.
    pub relayed: Option<SocketAddr>,
    /// Our address as the server sees it.
    pub mapped: Option<SocketAddr>,
    /// Round trips of single STUN requests that were sent once, milliseconds.
    pub request_rtt_ms: Vec<f64>,
    /// Exchanges through the relay.
    pub relay_runs: Vec<RelayRun>,
    /// What TLS showed.
    pub tls: Option<TlsSeen>,
    /// When the path was proven or given up.
    pub decided: Option<Offset>,
}

impl PathEvidence {
    /// A path of which nothing has been seen yet.
    pub fn new(id: &str, server: &str, url: &str, port: u16, transport: Transport, route: Route) -> Self {
        Self {
            id: id.to_owned(),
            server: server.to_owned(),
            url: url.to_owned(),
            port,
            address: None,
            transport,
            route,
            interface: None,
            client_tries: false,
            has_credentials: false,
            client_starts: Offset::ZERO,
            steps: Vec::new(),
            proof: None,
            relayed: None,
            mapped: None,
            request_rtt_ms: Vec::new(),
            relay_runs: Vec::new(),
            tls: None,
            decided: None,
        }
    }

    /// The first step that failed for good: a failed step with no passed step of the same stage.
    pub fn first_failure(&self) -> Option<(&Step, &Cause)> {
        self.steps
            .iter()
            .filter(|step| !self.steps.iter().any(|s| s.stage == step.stage && s.passed()))
            .find_map(|step| step.cause().map(|cause| (step, cause)))
    }

    /// The last step of that stage that passed, or else the last of that stage.
    pub fn step(&self, stage: Stage) -> Option<&Step> {
        let of_stage = || self.steps.iter().rev().filter(|s| s.stage == stage);
        of_stage().find(|s| s.passed()).or_else(|| of_stage().next())
    }

    /// How long it took from the first layer to the relay, by which a client has its candidate; none before that.
    pub fn time_to_relay(&self) -> Option<Duration> {
        let ready = self.steps.iter().find(|step| step.stage == Stage::Allocate && step.passed())?.ended?;
        let began = self.steps.iter().map(|step| step.began).min()?;
        Some(ready.since(began))
    }

    /// The fastest round trip over the path: of packets that went through the relay and back over this path alone, or
    /// else of single STUN requests.
    pub fn fastest_round_trip(&self) -> Option<Duration> {
        let own = self.relay_runs.iter().filter(|run| run.far_end == self.id);
        let relayed = own.flat_map(|run| &run.transit_ms).copied().reduce(f64::min);
        let fastest = relayed.or_else(|| self.request_rtt_ms.iter().copied().reduce(f64::min))?;
        Duration::try_from_secs_f64(fastest / 1000.0).ok()
    }

    /// Whether the client's connectivity checks are answered through the path's relay: `None` when that is not known.
    ///
    /// Silence says no where it is more than chance: nine requests, or four where no packet at all was lost beside
    /// them. Checks between relays of two servers that fail do not say which of them eats them.
    pub fn checks_answered(&self) -> Option<bool> {
        let checks = || self.steps.iter().filter(|step| step.stage == Stage::Check);
        if checks().any(Step::passed) {
            return Some(true);
        }
        let own = |run: &&RelayRun| run.far_end == self.id;
        let lossless = self.relay_runs.iter().any(|run| own(&run) && run.sent > 0)
            && self.relay_runs.iter().filter(own).all(|run| run.received >= run.sent);
        let enough = if lossless { FEW_REQUESTS } else { MANY_REQUESTS };
        let unanswered = |step: &Step| {
            let own = step.facts.get("far_end").and_then(|far| far.as_str()) == Some(self.id.as_str());
            own && matches!(step.cause(), Some(Cause::NoAnswer { requests, .. }) if *requests >= enough)
        };
        checks().any(unanswered).then_some(false)
    }

    /// Whether a client would use the path: `None` when that is not known. A relay that carries packets and eats
    /// connectivity checks works, and no client uses it.
    pub fn usable(&self) -> Option<bool> {
        let works = self.works()?;
        Some(works && self.checks_answered() != Some(false))
    }

    /// Whether the path is a relay that works: `None` when that is not known.
    pub fn works(&self) -> Option<bool> {
        let relayed = self.relay_runs.iter().any(|run| run.received > 0);
        let tried_to_relay = self.relay_runs.iter().any(|run| run.sent > 0);
        let refused = self.step(Stage::Permission).is_some_and(|step| step.cause().is_some());
        match self.proof {
            Some(Proof::Media) => Some(true),
            Some(Proof::Allocated) => Some(relayed || !(tried_to_relay || refused)),
            _ if self.first_failure().is_some() => Some(false),
            _ => None,
        }
    }
}
