//! The shapes of `raincheck.call/1`. Times are milliseconds since the run began; what is not known is `null`.

use crate::report::model::{CandidateReport, FindingReport, GatherErrorReport, PathReport};
use crate::verdict::Kind;
use raincheck_probes::ice::agent::PairState;
use serde::Serialize;

/// `raincheck.call/1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallReport {
    /// `raincheck.call/1`.
    pub schema: &'static str,
    /// The emulated client, as in `chromium@156`.
    pub profile: String,
    /// `offer`, `answer` or `self`.
    pub role: &'static str,
    /// RFC 3339, UTC.
    pub started: String,
    /// How long the run took.
    pub elapsed_ms: f64,
    /// Why the run ended before everything was done.
    pub cut_short: Option<String>,
    /// Whether everything asked for was done: `works`, `degraded`, `fails`, `unknown`.
    pub verdict: Kind,
    /// The same in one sentence.
    pub summary: String,
    /// `connected` or `failed`; `null` when it was not decided.
    pub state: Option<&'static str>,
    /// The pair that data takes.
    pub selected: Option<PairReport>,
    /// Our end's pairs in the client's order of preference.
    pub pairs: Vec<PairReport>,
    /// What the client would do if the selected path died.
    pub successor: Option<SuccessorReport>,
    /// What happened at our end.
    pub events: Vec<EventReport>,
    /// DTLS over the selected pair.
    pub dtls: Option<DtlsReport>,
    /// What `--fail` did.
    pub cut: Option<CutReport>,
    /// What `--soak` saw.
    pub soak: Option<SoakReport>,
    /// What `--matrix` saw; `null` when it was not asked for.
    pub matrix: Option<MatrixReport>,
    /// Why the two ends did not find each other.
    pub signalling: Option<String>,
    /// Remote candidates that are not checked.
    pub passed_over: Vec<PassedOverReport>,
    /// Our end's candidates.
    pub candidates: Vec<CandidateReport>,
    /// What the client would report as errors of gathering.
    pub errors: Vec<GatherErrorReport>,
    /// Our end's paths to the servers.
    pub paths: Vec<PathReport>,
    /// The far end, when it is ours too.
    pub far: Option<EndReport>,
    /// What is wrong.
    pub findings: Vec<FindingReport>,
    /// For the renderers: where the servers came from.
    #[serde(skip)]
    pub servers_from: String,
    /// For the renderers: what to do about failures without a finding.
    #[serde(skip)]
    pub advice: Vec<String>,
}

/// The far end of `call self`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndReport {
    /// `controlling` or `controlled`, when the call ended.
    pub ice_role: &'static str,
    /// `RTCIceTransportState`.
    pub state: String,
    /// The pair that its data takes.
    pub selected: Option<PairReport>,
    /// Its pairs in its order of preference.
    pub pairs: Vec<PairReport>,
    /// What happened there.
    pub events: Vec<EventReport>,
    /// Its candidates.
    pub candidates: Vec<CandidateReport>,
    /// What it would report as errors of gathering.
    pub errors: Vec<GatherErrorReport>,
    /// Its paths to the servers.
    pub paths: Vec<PathReport>,
}

/// One pair of candidates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairReport {
    /// From 1, in the order of preference. Other parts of the report name pairs by it.
    pub position: usize,
    /// Our candidate.
    pub local: CandidateReport,
    /// The other end's.
    pub remote: CandidateReport,
    /// The path to the TURN server that it runs over.
    pub path: Option<String>,
    /// RFC 8445 section 6.1.2.6, and `pruned`.
    pub state: PairState,
    /// Whether `--fail` cut it.
    pub cut: bool,
    /// Whether it was nominated.
    pub nominated: bool,
    /// Whether data takes it.
    pub selected: bool,
    /// Decimal digits.
    pub pair_priority: String,
    /// The shortest round trip.
    pub rtt_ms: Option<f64>,
    /// Checks that were sent.
    pub checks_sent: u64,
    /// Checks that were answered.
    pub checks_answered: u64,
    /// Why it failed, as a code.
    pub cause: Option<&'static str>,
    /// The same in words.
    pub detail: Option<String>,
    /// Why it stands where it stands.
    pub because: String,
    /// For the renderers: our candidate in words.
    #[serde(skip)]
    pub local_words: String,
    /// For the renderers: the other end's.
    #[serde(skip)]
    pub remote_words: String,
    /// For the renderers: the other end's path to a TURN server, when it is ours too.
    #[serde(skip)]
    pub remote_path: Option<String>,
}

/// What a client does when its path dies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuccessorReport {
    /// `switch`: it moves by itself. `restart`: the call needs an ICE restart. `none`: no other pair works.
    pub action: &'static str,
    /// Position of the pair it would use then.
    pub pair: Option<usize>,
    /// Why that one.
    pub because: Option<&'static str>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventReport {
    /// When.
    pub at_ms: f64,
    /// What.
    pub event: String,
}

/// DTLS over the selected pair.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DtlsReport {
    /// Whether it shook hands, with the certificate that was signalled.
    pub ok: bool,
    /// From our first flight, or the other end's first datagram, to the end. Where a flight had to be repeated before
    /// anything came, from a round trip before the other end's first datagram.
    pub handshake_ms: Option<f64>,
    /// What then lies before that: the other end had not begun yet, or flights were lost.
    pub unanswered_ms: Option<f64>,
    /// `DTLS 1.2` and such.
    pub version: Option<String>,
    /// The cipher suite.
    pub cipher: Option<String>,
    /// Whether the certificate is the one that was signalled.
    pub fingerprint_matches: Option<bool>,
    /// The longest datagram of ours that is proven to have arrived, bytes.
    pub largest_sent: Option<usize>,
    /// The longest that came, bytes.
    pub largest_received: Option<usize>,
    /// Flights that were sent.
    pub flights_sent: u32,
    /// Datagrams that came.
    pub datagrams_received: u64,
    /// Why it failed, as a code.
    pub cause: Option<String>,
    /// The same in words.
    pub detail: Option<String>,
}

/// A path that was cut on purpose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CutReport {
    /// As it was named.
    pub path: String,
    /// When.
    pub at_ms: f64,
    /// Whether it took the path away that carried the call.
    pub touched: bool,
    /// Position of the pair that data took before.
    pub before: Option<usize>,
    /// Position of the one that it moved to; `null` when it did not move.
    pub after: Option<usize>,
    /// From the cut to the switch.
    pub switched_ms: Option<f64>,
    /// From the last packet before to the first one after.
    pub gap_ms: Option<f64>,
}

/// A call that was kept up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SoakReport {
    /// How long was asked.
    pub asked_ms: f64,
    /// How long it held.
    pub held_ms: f64,
    /// Packets that were sent from the ends that are ours.
    pub sent: u64,
    /// Packets that came to them; `null` when the other end sends none.
    pub received: Option<u64>,
    /// The longest silence.
    pub longest_gap: Option<GapReport>,
    /// Timers that came due.
    pub upkeep: Vec<UpkeepReport>,
    /// What ended the call; `null` when nothing did.
    pub ended_by: Option<String>,
}

/// A silence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GapReport {
    /// When it began.
    pub at_ms: f64,
    /// How long it was.
    pub ms: f64,
}

/// One kind of upkeep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpkeepReport {
    /// `near` or `far`.
    pub end: &'static str,
    /// `allocation`, `permission`, `channel`, `consent`, `binding`.
    pub what: String,
    /// How often it was due.
    pub due: u64,
    /// How often it was answered.
    pub answered: u64,
    /// The last failure, as a code.
    pub cause: Option<&'static str>,
    /// The same in words.
    pub detail: Option<String>,
}

/// Every candidate of one end against every one of the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct MatrixReport(pub Vec<PairReport>);

/// A remote candidate that is not checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassedOverReport {
    /// The candidate.
    pub candidate: String,
    /// Why.
    pub because: String,
}
