//! The shapes that scripts read (contract: JSON). Times are milliseconds since the run began; what is not
//! known is `null`.

use crate::verdict::{Capabilities, Kind, PathState, Severity};
use raincheck_probes::evidence::{Proof, Stage, Transport};
use raincheck_probes::ice::{CandidateType, Protocol, TcpType};
use serde::Serialize;
use serde_json::{Map, Value};
use std::net::{IpAddr, SocketAddr};

/// `raincheck.check/1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// `raincheck.check/1`.
    pub schema: &'static str,
    /// The emulated client, as in `chromium@156`.
    pub profile: String,
    /// RFC 3339, UTC.
    pub started: String,
    /// How long the run took.
    pub elapsed_ms: f64,
    /// Why the run ended before everything was answered; `null` when it did not.
    pub cut_short: Option<String>,
    /// The answer in one word.
    pub verdict: Kind,
    /// The answer in one sentence.
    pub summary: String,
    /// The servers, in the plan's order.
    pub servers: Vec<ServerReport>,
    /// The paths, in the plan's order.
    pub paths: Vec<PathReport>,
    /// What the client would signal.
    pub candidates: Vec<CandidateReport>,
    /// The client's order of preference.
    pub ranking: Vec<RankReport>,
    /// What the network lets through.
    pub capabilities: Capabilities,
    /// What is wrong.
    pub findings: Vec<FindingReport>,
    /// This host's side.
    pub network: NetworkReport,
    /// For the renderers: where the servers came from, in words.
    #[serde(skip)]
    pub servers_from: String,
    /// For the renderers: whether the client uses relays alone.
    #[serde(skip)]
    pub relays_alone: bool,
    /// For the renderers: what to do about failures without a finding.
    #[serde(skip)]
    pub advice: Vec<String>,
}

/// `raincheck.gather/1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GatherReport {
    /// `raincheck.gather/1`.
    pub schema: &'static str,
    /// The emulated client.
    pub profile: String,
    /// RFC 3339, UTC.
    pub started: String,
    /// How long the run took.
    pub elapsed_ms: f64,
    /// Why the run ended before everything was answered; `null` when it did not.
    pub cut_short: Option<String>,
    /// What the client would signal.
    pub candidates: Vec<CandidateReport>,
    /// What the client would report as errors.
    pub errors: Vec<GatherErrorReport>,
    /// URLs that the client takes no notice of.
    pub ignored: Vec<IgnoredReport>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerReport {
    /// The host, as in the URL.
    pub name: String,
    /// Addresses that the name has or that were used, each once.
    pub addresses: Vec<IpAddr>,
    /// Whether there were credentials for it.
    pub credentials: bool,
    /// Its URLs that the client takes no notice of.
    pub ignored: Vec<IgnoredReport>,
}

/// A URL that the client takes no notice of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IgnoredReport {
    /// The URL.
    pub url: String,
    /// Why.
    pub text: String,
}

/// One path.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathReport {
    /// The path's name.
    pub id: String,
    /// The server's host.
    pub server: String,
    /// The URL that asked for it.
    pub url: String,
    /// The server's address.
    pub address: Option<SocketAddr>,
    /// How the server is spoken to.
    pub transport: Transport,
    /// `direct` or the proxy's URL.
    pub route: String,
    /// Whether it is a relay that works; `null` when that is not known.
    pub works: Option<bool>,
    /// The strongest thing that was shown.
    pub proof: Option<Proof>,
    /// The layers.
    pub stages: Vec<StageReport>,
    /// Round trips.
    pub rtt_ms: Option<RttReport>,
    /// 0 to 1.
    pub loss: Option<f64>,
    /// RFC 3550.
    pub jitter_ms: Option<f64>,
    /// Listening quality, 1 to 4.5.
    pub mos: Option<f64>,
    /// What TLS showed.
    pub tls: Option<TlsReport>,
    /// For the renderers: how it stands.
    #[serde(skip)]
    pub state: PathState,
    /// For the renderers: the server's port.
    #[serde(skip)]
    pub port: u16,
    /// For the renderers: whether the client would try it.
    #[serde(skip)]
    pub client_tries: bool,
    /// For the renderers: what broke it, in words.
    #[serde(skip)]
    pub broken_by: Option<String>,
    /// For the renderers: the finding that accounts for it.
    #[serde(skip)]
    pub finding: Option<&'static str>,
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StageOutcome {
    /// It worked.
    Passed,
    /// It did not.
    Failed,
    /// It was not tried.
    Skipped,
    /// The run ended before it did.
    Unfinished,
}

/// One attempt at one layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageReport {
    /// The layer.
    pub stage: Stage,
    /// How it ended.
    pub outcome: StageOutcome,
    /// When it began; `null` when it was skipped.
    pub began_ms: Option<f64>,
    /// When it ended.
    pub ended_ms: Option<f64>,
    /// What happened on the wire, as a code.
    pub cause: Option<&'static str>,
    /// What else was seen, the cause's own facts and its words (`detail`) among it.
    pub facts: Map<String, Value>,
}

/// Round trips, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RttReport {
    /// The fastest.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// The 95th percentile, nearest rank.
    pub p95: f64,
    /// The slowest.
    pub max: f64,
    /// How many.
    pub samples: usize,
}

/// What TLS showed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TlsReport {
    /// Protocol version.
    pub version: Option<String>,
    /// Cipher suite.
    pub cipher: Option<String>,
    /// ALPN protocol.
    pub alpn: Option<String>,
    /// The chain as it was sent, leaf first.
    pub chain: Vec<CertificateReport>,
    /// Whether the chain is trusted for the name.
    pub trusted: Option<bool>,
}

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateReport {
    /// Subject.
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// End of validity, RFC 3339.
    pub not_after: String,
    /// Of the whole certificate, hex.
    pub sha256: String,
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateReport {
    /// host, srflx, prflx or relay.
    #[serde(rename = "type")]
    pub kind: CandidateType,
    /// Its transport.
    pub protocol: Protocol,
    /// RFC 6544.
    pub tcp_type: Option<TcpType>,
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// `raddr`.
    pub related_address: Option<IpAddr>,
    /// `rport`.
    pub related_port: Option<u16>,
    /// RFC 8445 section 5.1.2.
    pub priority: u32,
    /// Foundation.
    pub foundation: String,
    /// Component.
    pub component: u8,
    /// libwebrtc's.
    pub network_id: Option<u16>,
    /// libwebrtc's.
    pub network_cost: Option<u16>,
    /// The server URL that made it.
    pub url: Option<String>,
    /// The leg to the TURN server.
    pub relay_protocol: Option<Transport>,
    /// `direct` or a proxy's URL; `null` for host candidates.
    pub route: Option<String>,
    /// The local base.
    pub base: Option<SocketAddr>,
    /// When it was found.
    pub at_ms: f64,
    /// The `candidate:` line.
    pub sdp: String,
}

/// One error of gathering.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GatherErrorReport {
    /// The server URL.
    pub url: String,
    /// The layer.
    pub stage: String,
    /// As the client would report it.
    pub code: u16,
    /// The server's own code.
    pub stun_code: Option<u16>,
    /// In words.
    pub text: String,
    /// When.
    pub at_ms: f64,
}

/// One place in the client's order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankReport {
    /// From 1.
    pub position: usize,
    /// The path.
    pub path: String,
    /// Its relay candidate.
    pub candidate: Option<CandidateReport>,
    /// Decimal digits.
    pub pair_priority: String,
    /// Whether the client would use it.
    pub selected: bool,
    /// Why it stands there.
    pub because: String,
    /// Whether a call that the client answers takes this one.
    pub selected_answering: bool,
    /// Why a call that the client answers does not look at it, when it does not.
    pub overlooked: Option<String>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingReport {
    /// The stable code.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub title: String,
    /// What it accounts for.
    pub explains: Vec<&'static str>,
    /// What accounts for it.
    pub explained_by: Option<&'static str>,
    /// The stages that it stands on.
    pub evidence: Vec<CiteReport>,
    /// What to change.
    pub advice: Vec<String>,
    /// The section of the requirements document.
    pub reference: Option<&'static str>,
    /// For the renderers: what shows it, in one line.
    #[serde(skip)]
    pub observed: String,
}

/// A stage that a finding stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CiteReport {
    /// The path.
    pub path: String,
    /// The layer.
    pub stage: Stage,
    /// What was seen.
    pub text: String,
}

/// This host's side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkReport {
    /// Local interfaces.
    pub interfaces: Vec<InterfaceReport>,
    /// Proxies that were used, without credentials.
    pub proxies: Vec<String>,
}

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InterfaceReport {
    /// The system's name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether the default route leaves by it.
    pub default_route: bool,
}
