//! From evidence, verdict and ranking to the model.

use super::model::*;
use crate::verdict::{self, Finding, Verdict};
use raincheck_probes::evidence::{Cause, Evidence, IgnoredUrl, Outcome, PathEvidence, Stage, Step, TlsSeen};
use raincheck_probes::ice::rank::Rank;
use raincheck_probes::ice::{Candidate, GatherError, Policy};
use serde_json::{Map, Value};
use std::net::IpAddr;

/// The model of a `check`.
pub(super) fn check(evidence: &Evidence, verdict: &Verdict, ranking: &[Rank]) -> CheckReport {
    CheckReport {
        schema: "raincheck.check/1",
        profile: evidence.asked.profile.clone(),
        started: evidence.started.clone(),
        elapsed_ms: evidence.elapsed.as_ms(),
        cut_short: evidence.cut_short.clone(),
        verdict: verdict.kind,
        summary: verdict.summary.clone(),
        servers: servers(evidence),
        paths: evidence.paths.iter().map(|path| path_report(evidence, path, verdict)).collect(),
        candidates: evidence.candidates.iter().map(candidate).collect(),
        ranking: ranking.iter().map(rank).collect(),
        capabilities: verdict.capabilities,
        findings: verdict.findings.iter().map(finding).collect(),
        network: network(evidence),
        servers_from: evidence.asked.servers_from.clone(),
        relays_alone: evidence.asked.policy == Policy::Relay,
        advice: verdict.advice.clone(),
    }
}

/// The model of a `gather`.
pub(super) fn gather(evidence: &Evidence) -> GatherReport {
    GatherReport {
        schema: "raincheck.gather/1",
        profile: evidence.asked.profile.clone(),
        started: evidence.started.clone(),
        elapsed_ms: evidence.elapsed.as_ms(),
        cut_short: evidence.cut_short.clone(),
        candidates: evidence.candidates.iter().map(candidate).collect(),
        errors: evidence.gather_errors.iter().map(gather_error).collect(),
        ignored: evidence.ignored.iter().map(ignored).collect(),
    }
}

fn servers(evidence: &Evidence) -> Vec<ServerReport> {
    let mut servers: Vec<ServerReport> = Vec::new();
    for path in &evidence.paths {
        let Some(server) = server_of(&mut servers, evidence, &path.server) else { continue };
        server.credentials |= path.has_credentials;
        if let Some(address) = path.address.filter(|a| !server.addresses.contains(&a.ip())) {
            server.addresses.push(address.ip());
        }
    }
    for url in &evidence.ignored {
        let Some(server) = server_of(&mut servers, evidence, &url.server) else { continue };
        server.credentials |= url.has_credentials;
        server.ignored.push(ignored(url));
    }
    servers
}

/// The server of this name in the list, put there if it is missing.
fn server_of<'s>(
    servers: &'s mut Vec<ServerReport>,
    evidence: &Evidence,
    name: &str,
) -> Option<&'s mut ServerReport> {
    let at = servers.iter().position(|server| server.name == name).unwrap_or_else(|| {
        let addresses = resolved(evidence, name);
        servers.push(ServerReport {
            name: name.to_owned(),
            addresses,
            credentials: false,
            ignored: Vec::new(),
        });
        servers.len() - 1
    });
    servers.get_mut(at)
}

fn ignored(url: &IgnoredUrl) -> IgnoredReport {
    IgnoredReport { url: url.url.clone(), text: url.because.clone() }
}

fn resolved(evidence: &Evidence, name: &str) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for resolution in evidence.resolutions.iter().filter(|r| r.name == name) {
        for address in &resolution.addresses {
            if !addresses.contains(address) {
                addresses.push(*address);
            }
        }
    }
    addresses
}

pub(super) fn path_report(evidence: &Evidence, path: &PathEvidence, verdict: &Verdict) -> PathReport {
    let state = verdict::path_state(evidence, path);
    PathReport {
        id: path.id.clone(),
        server: path.server.clone(),
        url: path.url.clone(),
        address: path.address,
        transport: path.transport,
        route: path.route.to_string(),
        works: match state {
            verdict::PathState::Works => Some(true),
            verdict::PathState::Fails => Some(false),
            verdict::PathState::Reachable | verdict::PathState::Undecided => None,
        },
        proof: path.proof,
        stages: path.steps.iter().map(stage).collect(),
        rtt_ms: verdict::rtt(path).map(|rtt| RttReport {
            min: rtt.min,
            median: rtt.median,
            p95: rtt.p95,
            max: rtt.max,
            samples: rtt.samples,
        }),
        loss: verdict::loss(path).map(verdict::Loss::share),
        jitter_ms: verdict::jitter_ms(path),
        mos: None,
        tls: path.tls.as_ref().map(tls),
        state,
        port: path.port,
        client_tries: path.client_tries,
        broken_by: broken_by(path, state),
        finding: verdict.finding_of(&path.id).map(|f| f.code),
    }
}

fn broken_by(path: &PathEvidence, state: verdict::PathState) -> Option<String> {
    match state {
        verdict::PathState::Works | verdict::PathState::Reachable => None,
        verdict::PathState::Fails | verdict::PathState::Undecided => {
            let failure = verdict::path_failure(path).map(|(step, cause)| match cause {
                Cause::NoAnswer { requests, .. } if step.stage == Stage::Check => {
                    format!("no answer to {requests} connectivity checks")
                }
                cause => cause.to_string(),
            });
            failure.or_else(|| Some(unfinished(path)))
        }
    }
}

fn unfinished(path: &PathEvidence) -> String {
    match path.steps.iter().find(|s| s.outcome == Outcome::Unfinished) {
        Some(step) => format!("not finished: {}", stage_name(step.stage)),
        None if path.steps.is_empty() => "not tried".to_owned(),
        None => "not tried to the end".to_owned(),
    }
}

/// The stage's name, as in JSON.
pub(super) fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Resolve => "resolve",
        Stage::Connect => "connect",
        Stage::Tunnel => "tunnel",
        Stage::Tls => "tls",
        Stage::Binding => "binding",
        Stage::Allocate => "allocate",
        Stage::Permission => "permission",
        Stage::Channel => "channel",
        Stage::Relay => "relay",
        Stage::Release => "release",
        Stage::Check => "check",
        Stage::Dtls => "dtls",
    }
}

fn stage(step: &Step) -> StageReport {
    let mut facts: Map<String, Value> = step.facts.0.clone().into_iter().collect();
    if let Some(address) = step.address {
        facts.insert("address".to_owned(), address.to_string().into());
    }
    if let Some(cause) = step.cause() {
        if let Ok(Value::Object(own)) = serde_json::to_value(cause) {
            facts.extend(own.into_iter().filter(|(key, _)| key != "code"));
        }
        facts.insert("detail".to_owned(), cause.to_string().into());
    }
    let outcome = match &step.outcome {
        Outcome::Passed => StageOutcome::Passed,
        Outcome::Failed(_) => StageOutcome::Failed,
        Outcome::Skipped(why) => {
            facts.insert("skipped".to_owned(), serde_json::to_value(why).unwrap_or_default());
            StageOutcome::Skipped
        }
        Outcome::Unfinished => StageOutcome::Unfinished,
    };
    let tried = outcome != StageOutcome::Skipped;
    StageReport {
        stage: step.stage,
        outcome,
        began_ms: tried.then(|| step.began.as_ms()),
        ended_ms: step.ended.filter(|_| tried).map(|ended| ended.as_ms()),
        cause: step.cause().map(|cause| cause.code()),
        facts,
    }
}

fn tls(seen: &TlsSeen) -> TlsReport {
    let chain = seen.chain.iter().map(|certificate| CertificateReport {
        subject: certificate.subject.clone(),
        issuer: certificate.issuer.clone(),
        not_after: certificate.not_after.clone(),
        sha256: certificate.sha256.clone(),
    });
    TlsReport {
        version: seen.version.clone(),
        cipher: seen.cipher.clone(),
        alpn: seen.alpn.clone(),
        chain: chain.collect(),
        trusted: seen.trusted,
    }
}

pub(super) fn candidate(candidate: &Candidate) -> CandidateReport {
    CandidateReport {
        kind: candidate.kind,
        protocol: candidate.protocol,
        tcp_type: candidate.tcp_type,
        address: candidate.address,
        port: candidate.port,
        related_address: candidate.related_address,
        related_port: candidate.related_port,
        priority: candidate.priority,
        foundation: candidate.foundation.clone(),
        component: candidate.component,
        network_id: candidate.network_id,
        network_cost: candidate.network_cost,
        url: candidate.url.clone(),
        relay_protocol: candidate.relay_protocol,
        route: candidate.route.clone(),
        base: candidate.base,
        at_ms: candidate.at_ms.as_ms(),
        sdp: candidate.sdp.clone(),
    }
}

pub(super) fn gather_error(error: &GatherError) -> GatherErrorReport {
    GatherErrorReport {
        url: error.url.clone(),
        stage: error.stage.clone(),
        code: error.code,
        stun_code: error.stun_code,
        text: error.text.clone(),
        at_ms: error.at_ms.as_ms(),
    }
}

fn rank(rank: &Rank) -> RankReport {
    RankReport {
        position: rank.position,
        path: rank.path.clone(),
        candidate: rank.candidate.as_ref().map(candidate),
        pair_priority: rank.pair_priority.clone(),
        selected: rank.selected,
        because: rank.because.clone(),
        selected_answering: rank.selected_answering,
        overlooked: rank.overlooked.clone(),
    }
}

pub(super) fn finding(finding: &Finding) -> FindingReport {
    let cite = |cite: &verdict::Cite| CiteReport {
        path: cite.path.clone(),
        stage: cite.stage,
        text: cite.text.clone(),
    };
    FindingReport {
        code: finding.code,
        severity: finding.severity,
        title: finding.title.clone(),
        explains: finding.explains.clone(),
        explained_by: finding.explained_by,
        evidence: finding.evidence.iter().map(cite).collect(),
        advice: finding.advice.clone(),
        reference: finding.reference,
        observed: finding.observed.clone(),
    }
}

fn network(evidence: &Evidence) -> NetworkReport {
    let interface = |i: &raincheck_probes::evidence::Interface| InterfaceReport {
        name: i.name.clone(),
        kind: i.kind.clone(),
        addresses: i.addresses.clone(),
        default_route: i.default_route,
    };
    NetworkReport {
        interfaces: evidence.interfaces.iter().map(interface).collect(),
        proxies: evidence.asked.proxies.clone(),
    }
}
