//! Which UDP gets out, and whether a server is there at all.

use super::{Claim, Judgement};
use crate::verdict::Cite;
use crate::verdict::view::{ENOUGH_REQUESTS, UdpFate, View, touched, udp_fate, unanswered};
use crate::verdict::words::{
    any_listed, are, cite, destinations, flows, list, open_out, or_nobody_there, seconds, servers, shut_title,
};
use raincheck_probes::evidence::{Cause, Outcome, PathEvidence, Route, Stage, Transport};
use std::collections::BTreeSet;

/// UDP to every server stays silent on every port.
pub(super) fn udp_blocked(view: &View) -> Judgement {
    let asked: Vec<&PathEvidence> = view
        .direct(Transport::Udp)
        .filter(|p| has_step(p, Stage::Binding) || has_step(p, Stage::Allocate))
        .collect();
    if asked.iter().any(|p| matches!(udp_fate(p), UdpFate::Answered | UdpFate::Rejected)) {
        return Judgement::Fails;
    }
    let silent_enough = |server: &&str| view.unanswered(server) >= ENOUGH_REQUESTS;
    let all_silent = asked.iter().all(|p| matches!(udp_fate(p), UdpFate::Silent(_)));
    if asked.is_empty() || !all_silent || !servers(asked.iter().copied()).iter().all(silent_enough) {
        return Judgement::Unknown;
    }
    let control = control(view, &asked);
    let open = view.paths().flat_map(|p| &p.steps).any(|s| s.outcome == Outcome::Unfinished);
    let whole = match view.anything_answered() {
        true => "",
        false if open => " Nothing else had answered when the run ended.",
        false => " Nothing else answered either.",
    };
    let flow = flows(asked.iter().copied());
    let names = servers(asked.iter().copied());
    let heard_of = names.iter().any(|server| view.is_there(server));
    let mut advice = vec![open_out(view, asked.iter().copied())];
    if !heard_of {
        advice.push(or_nobody_there(names.len()).to_owned());
    }
    Claim {
        title: shut_title(&flow, "", heard_of),
        observed: format!(
            "{}{}{whole}",
            silence(&asked),
            control.as_ref().map_or("", |(text, _)| text.as_str())
        ),
        evidence: silent_cites(&asked).into_iter().chain(control.into_iter().flat_map(|(_, c)| c)).collect(),
        advice,
        covers: asked.iter().map(|p| p.id.clone()).collect(),
        unasked: !any_listed(&asked),
        severity: None,
    }
    .into()
}

/// Some UDP passes, and this port of this server does not.
pub(super) fn udp_port_blocked(view: &View) -> Judgement {
    let down = view.down();
    let asked: Vec<&PathEvidence> =
        view.direct(Transport::Udp).filter(|p| !down.contains(p.server.as_str())).collect();
    let enough = |p: &&PathEvidence| matches!(udp_fate(p), UdpFate::Silent(n) if n >= ENOUGH_REQUESTS);
    let silent: Vec<&PathEvidence> = asked.iter().copied().filter(enough).collect();
    let passing: Vec<&PathEvidence> =
        asked.iter().copied().filter(|p| udp_fate(p) == UdpFate::Answered).collect();
    if silent.is_empty() {
        let decided = asked.iter().all(|p| matches!(udp_fate(p), UdpFate::Answered | UdpFate::Rejected));
        return if decided && !asked.is_empty() { Judgement::Fails } else { Judgement::Unknown };
    }
    if passing.is_empty() {
        return Judgement::Fails;
    }
    let ports: BTreeSet<u16> = silent.iter().map(|p| p.port).collect();
    let whole_port = !passing.iter().any(|p| ports.contains(&p.port));
    let flow = flows(silent.iter().copied());
    let to =
        if whole_port { String::new() } else { format!(" to {}", list(servers(silent.iter().copied()))) };
    let other =
        if whole_port { flows(passing.iter().copied()) } else { list(servers(passing.iter().copied())) };
    Claim {
        title: format!("{flow}{to} {} blocked here", are(flow.matches('/').count())),
        observed: format!("{} UDP to {other} is answered.", silence(&silent)),
        evidence: silent_cites(&silent),
        advice: vec![open_out(view, silent.iter().copied())],
        unasked: !any_listed(&silent),
        ..Claim::default()
    }
    .into()
}

/// UDP is answered by a refusal.
pub(super) fn udp_rejected(view: &View) -> Judgement {
    let asked: Vec<&PathEvidence> = view.direct(Transport::Udp).collect();
    let rejected: Vec<&PathEvidence> =
        asked.iter().copied().filter(|p| udp_fate(p) == UdpFate::Rejected).collect();
    if rejected.is_empty() {
        let undecided = asked.is_empty() || asked.iter().any(|p| udp_fate(p) == UdpFate::Undecided);
        return if undecided { Judgement::Unknown } else { Judgement::Fails };
    }
    let evidence = cite(rejected.iter().copied(), |stage, cause| {
        stage >= Stage::Binding && matches!(cause, Cause::Refused | Cause::Unreachable { .. })
    });
    // Routers limit how often they send such errors, so where some are refused and nothing passes, the silent ones
    // beside them are taken to have met the same.
    let nothing_passes = asked.iter().all(|p| matches!(udp_fate(p), UdpFate::Rejected | UdpFate::Silent(_)));
    let shown = list(servers(rejected.iter().copied()));
    let only_some = nothing_passes && rejected.len() < asked.len();
    let rejected = if nothing_passes { asked.clone() } else { rejected };
    let all = rejected.len() == asked.len();
    let to = list(servers(rejected.iter().copied()));
    let flow = flows(rejected.iter().copied());
    let heard_of = rejected.iter().any(|p| view.is_there(&p.server));
    let advice = if all && heard_of {
        open_out(view, rejected.iter().copied())
    } else {
        format!(
            "{} If the firewall allows it already, the server does not listen there.",
            open_out(view, rejected.iter().copied())
        )
    };
    Claim {
        title: format!(
            "{flow}{} {} refused",
            if all { String::new() } else { format!(" to {to}") },
            are(flow.matches('/').count())
        ),
        observed: format!(
            "An ICMP error came back for {flow} to {shown}: a firewall or the server turns it away.{}",
            if only_some { " The others stayed silent, as routers limit such errors." } else { "" }
        ),
        covers: rejected.iter().map(|p| p.id.clone()).collect(),
        evidence,
        advice: vec![advice],
        unasked: !any_listed(&rejected),
        ..Claim::default()
    }
    .into()
}

/// One server is silent on everything, and others answer.
pub(super) fn turn_server_down(view: &View) -> Judgement {
    let down = view.down();
    if down.is_empty() {
        let names = servers(view.paths());
        let one_answers = |server: &&str| view.paths().any(|p| p.server == **server && touched(p));
        return if names.len() > 1 && names.iter().all(one_answers) {
            Judgement::Fails
        } else {
            Judgement::Unknown
        };
    }
    let own: Vec<&PathEvidence> = view.paths().filter(|p| down.contains(p.server.as_str())).collect();
    let answering: BTreeSet<&str> = servers(view.paths().filter(|p| touched(p)));
    let tried = list(
        own.iter()
            .map(|p| p.transport)
            .collect::<BTreeSet<_>>()
            .iter()
            .map(|t| format!("{t:?}").to_uppercase()),
    );
    let names = list(&down);
    let (verb, them) = if down.len() == 1 { ("does", "it") } else { ("do", "them") };
    let advice = if view.evidence.asked.vendor_servers {
        format!(
            "Firewall: check that {} is allowed by name, with all its addresses. If it is, tell Rainbow support.",
            destinations(view, &down)
        )
    } else {
        format!(
            "Server: start {names} or repair its network. If it runs, check the firewall's rules for {them}."
        )
    };
    Claim {
        title: format!("{names} {verb} not answer"),
        observed: format!("No answer from {names} over {tried}; {} answered.", list(answering)),
        evidence: cite(own.iter().copied(), |_, _| true),
        advice: vec![advice],
        ..Claim::default()
    }
    .into()
}

fn has_step(path: &PathEvidence, stage: Stage) -> bool {
    path.steps.iter().any(|s| s.stage == stage)
}

fn silent_cites(paths: &[&PathEvidence]) -> Vec<Cite> {
    cite(paths.iter().copied(), |_, cause| matches!(cause, Cause::NoAnswer { .. }))
}

/// `9 of 9 requests to each server unanswered in 2.4 s.`
fn silence(paths: &[&PathEvidence]) -> String {
    let waited = |p: &PathEvidence| {
        let waits = p.steps.iter().filter_map(|s| match s.cause() {
            Some(Cause::NoAnswer { waited_ms, .. }) => Some(*waited_ms),
            _ => None,
        });
        waits.max().unwrap_or(0)
    };
    let counts: Vec<(u32, u64)> = paths.iter().map(|p| (unanswered(p), waited(p))).collect();
    let waited = seconds(counts.iter().map(|(_, ms)| *ms).max().unwrap_or(0));
    let least = counts.iter().map(|(n, _)| *n).min().unwrap_or(0);
    let most = counts.iter().map(|(n, _)| *n).max().unwrap_or(0);
    let requests = if least == most {
        format!("{least} of {least} requests")
    } else {
        format!("All of {least} to {most} requests")
    };
    match servers(paths.iter().copied()).len() {
        1 => format!("{requests} unanswered in {waited}."),
        _ => format!("{requests} to each server unanswered in {waited}."),
    }
}

/// What else got through to the same servers, so that they are known to be there.
fn control(view: &View, silent: &[&PathEvidence]) -> Option<(String, Vec<Cite>)> {
    let names = servers(silent.iter().copied());
    let ways = [(true, Stage::Connect), (false, Stage::Tunnel)];
    ways.into_iter().find_map(|(direct, stage)| {
        let opened: Vec<(&PathEvidence, f64)> = view
            .paths()
            .filter(|p| p.transport != Transport::Udp && names.contains(p.server.as_str()))
            .filter(|p| (p.route == Route::Direct) == direct)
            .filter_map(|p| {
                let step = p.steps.iter().find(|s| s.stage == stage && s.passed())?;
                Some((p, step.ended?.since(step.began).as_secs_f64() * 1e3))
            })
            .collect();
        let of_all = servers(opened.iter().map(|(p, _)| *p)).len() == names.len();
        let same = if of_all { "the same servers" } else { "some of the same servers" };
        let slowest = opened.iter().map(|(_, ms)| *ms).reduce(f64::max)?;
        let text = if direct {
            format!(" TCP to {same} took {slowest:.1} ms.")
        } else {
            format!(" A proxy reached {same} in {slowest:.1} ms.")
        };
        let cite = |(p, ms): &(&PathEvidence, f64)| Cite {
            path: p.id.clone(),
            stage,
            text: format!("opened in {ms:.1} ms"),
        };
        Some((text, opened.iter().map(cite).collect()))
    })
}
