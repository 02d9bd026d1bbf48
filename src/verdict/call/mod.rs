//! The verdict on a call: whether it came about, whether everything asked of it held, and what to change.
//!
//! Paths to TURN servers are judged by the same rules as those of a check; what only a call can show has rules of its
//! own in `rules`. Like all verdicts this is a pure function of what was seen.

mod rules;
#[cfg(test)]
pub(crate) mod sample;
mod summary;
#[cfg(test)]
mod tests;
mod words;

pub use rules::upkeep_name;
pub use words::{way, way_short};

use super::{Finding, Kind, Verdict, judge};
use crate::call::record::{CallRecord, CutRecord, DtlsRecord, EndRecord, PairRecord, SoakRecord};
use crate::settings::ServerSource;
use crate::settings::call::{CallSettings, PathSelector};
use raincheck_probes::evidence::{AskedFor, Evidence, Stage};
use raincheck_probes::ice::Policy;
use raincheck_probes::ice::agent::{AgentState, PairState};
use std::time::Duration;

/// What was asked of a call, as far as a verdict needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Which candidates the client may use.
    pub policy: Policy,
    /// Where the servers came from, in words.
    pub servers_from: String,
    /// Whether the servers are the vendor's, so that its document applies to them.
    pub vendor_servers: bool,
    /// Proxies, without credentials.
    pub proxies: Vec<String>,
    /// Whether there are credentials for a proxy.
    pub proxy_credentials: bool,
    /// `--matrix`
    pub matrix: bool,
    /// `--fail`
    pub fail: Option<PathSelector>,
    /// `--soak`
    pub soak: Option<Duration>,
}

impl Asked {
    /// Out of the settings.
    pub fn of(settings: &CallSettings) -> Self {
        let (run, proxies) = (&settings.run, settings.run.proxies());
        let (servers_from, vendor_servers) = match &run.source {
            ServerSource::Named { from, .. } => (from.clone(), false),
            ServerSource::Catalog { .. } => ("the shipped catalog".to_owned(), true),
            ServerSource::Rainbow(login) => (login.host.clone(), true),
        };
        Self {
            policy: run.policy,
            servers_from,
            vendor_servers,
            proxy_credentials: proxies.iter().any(|proxy| proxy.credentials.is_some()),
            proxies: proxies.iter().map(|proxy| proxy.url()).collect(),
            matrix: settings.matrix,
            fail: settings.fail.clone(),
            soak: settings.soak,
        }
    }
}

/// What a call comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct CallVerdict {
    /// [`Works`](Kind::Works): it connected and everything asked of it held. [`Degraded`](Kind::Degraded): it connected,
    /// and something did not. [`Fails`](Kind::Fails): it did not connect. [`Unknown`](Kind::Unknown): it was cut short
    /// before that was decided. Never [`Reachable`](Kind::Reachable).
    pub kind: Kind,
    /// The answer in one sentence.
    pub summary: String,
    /// Root causes first, most severe first; then what they account for.
    pub findings: Vec<Finding>,
    /// What to do about failures that no finding accounts for.
    pub advice: Vec<String>,
    /// What the rules of a check say of our end's paths to the servers.
    pub paths: Verdict,
}

/// How one part of what was asked stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Not asked, or done.
    Well,
    /// It did not work.
    Badly,
    /// It was not decided.
    Open,
}

/// Judges a call.
pub fn judge_call(record: &CallRecord, asked: &Asked) -> CallVerdict {
    let paths = judge(&evidence_of(&record.near, record, asked), &[]);
    let mut findings = rules::find(record, asked);
    rules::join(&mut findings, &paths.findings, record);
    findings.sort_by_key(|f| (f.explained_by.is_some(), std::cmp::Reverse(f.severity)));
    let kind = kind(record, asked);
    let summary = summary::summary(record, asked, kind, &findings);
    let advice = if kind == Kind::Works { Vec::new() } else { paths.advice.clone() };
    CallVerdict { kind, summary, findings, advice, paths }
}

/// The paths of one end as the evidence of a check. A call's permissions are for its peers, and a server that refuses a
/// private address does right: those are told with the pairs.
pub fn evidence_of(end: &EndRecord, record: &CallRecord, asked: &Asked) -> Evidence {
    let mut paths = end.paths.clone();
    for path in &mut paths {
        path.steps.retain(|step| step.stage < Stage::Permission || step.stage == Stage::Release);
    }
    Evidence {
        asked: AskedFor {
            profile: record.profile.to_string(),
            policy: asked.policy,
            credentials: paths.iter().any(|path| path.has_credentials),
            servers_from: asked.servers_from.clone(),
            vendor_servers: asked.vendor_servers,
            proxies: asked.proxies.clone(),
            proxy_credentials: asked.proxy_credentials,
            ice_filtering: Vec::new(),
        },
        started: record.started.clone(),
        elapsed: record.elapsed,
        cut_short: record.cut_short.clone(),
        paths,
        ignored: Vec::new(),
        candidates: end.candidates.clone(),
        gather_errors: end.gather_errors.clone(),
        resolutions: Vec::new(),
        interfaces: Vec::new(),
    }
}

fn kind(record: &CallRecord, asked: &Asked) -> Kind {
    if !record.connected {
        return if is_decided(record) { Kind::Fails } else { Kind::Unknown };
    }
    let parts = [dtls(record), cut(record, asked), soak(record, asked), matrix(record, asked)];
    if parts.contains(&Part::Badly) {
        Kind::Degraded
    } else if parts.contains(&Part::Open) {
        Kind::Unknown
    } else {
        Kind::Works
    }
}

/// Whether a call that did not connect had its chance: its agent gave up, or nothing is left that could still answer. A
/// client may be more patient than a run, so what went unanswered often enough counts as answered with no.
fn is_decided(record: &CallRecord) -> bool {
    let pairs = &record.near.pairs;
    let over = record.near.state == AgentState::Failed
        || (!pairs.is_empty() && pairs.iter().all(PairRecord::is_spent));
    record.signalling.is_none() && (record.cut_short.is_none() || over)
}

fn dtls(record: &CallRecord) -> Part {
    match &record.dtls {
        Some(dtls) if dtls.ok => Part::Well,
        // An end without DTLS signals no fingerprint, and nothing was to be tried. The text says so.
        Some(dtls) if dtls.failure_code.as_deref() == Some("no-fingerprint") => Part::Well,
        Some(dtls) if is_ours(dtls, record) => Part::Open,
        Some(_) => Part::Badly,
        None if record.cut_short.is_some() => Part::Open,
        // There was no pair left to try it on.
        None => Part::Badly,
    }
}

/// Whether the handshake ended with us rather than with the network: it could not be tried, or our own end of the run cut
/// it off.
fn is_ours(dtls: &DtlsRecord, record: &CallRecord) -> bool {
    match dtls.failure_code.as_deref() {
        Some("not-tried") => true,
        Some("closed") | None => record.cut_short.is_some() && dtls.fingerprint_matches != Some(false),
        Some(_) => false,
    }
}

/// Whether the cut took the path away that carried the call.
pub fn is_touched(cut: &CutRecord, record: &CallRecord, asked: &Asked) -> bool {
    let before = cut.before.and_then(|at| record.near.pairs.get(at)).map(|pair| &pair.local);
    match (&asked.fail, before) {
        (Some(selector), Some(local)) => selector.cuts(local, Some(local)),
        _ => true,
    }
}

fn cut(record: &CallRecord, asked: &Asked) -> Part {
    match (&asked.fail, &record.cut) {
        (None, _) => Part::Well,
        (Some(_), None) => Part::Open,
        (Some(_), Some(cut)) if cut.switched.is_some() || !is_touched(cut, record, asked) => Part::Well,
        (Some(_), Some(_)) if record.cut_short.is_some() => Part::Open,
        (Some(_), Some(_)) => Part::Badly,
    }
}

fn soak(record: &CallRecord, asked: &Asked) -> Part {
    match (asked.soak, &record.soak) {
        (None, _) => Part::Well,
        (Some(_), Some(soak)) if soak.ended_by.is_some() => Part::Badly,
        (Some(_), Some(soak)) if held(soak) => Part::Well,
        (Some(_), _) => Part::Open,
    }
}

fn matrix(record: &CallRecord, asked: &Asked) -> Part {
    use PairState::{Failed, Pruned, Succeeded};
    let open = |pair: &PairRecord| !matches!(pair.state, Succeeded | Failed | Pruned);
    let cut_short = record.cut_short.is_some() && record.matrix.iter().any(open);
    let unfinished = record.matrix.is_empty() || cut_short;
    if asked.matrix && unfinished { Part::Open } else { Part::Well }
}

fn held(soak: &SoakRecord) -> bool {
    soak.held >= soak.asked
}

/// The pair that data takes, or that it took before the call ended.
fn carrier(record: &CallRecord) -> Option<&PairRecord> {
    let near = &record.near;
    let before = || record.cut.as_ref().and_then(|cut| cut.after.or(cut.before));
    let nominated = || near.pairs.iter().position(|pair| pair.nominated);
    near.selected.or_else(before).or_else(nominated).and_then(|at| near.pairs.get(at))
}
