//! This host's network and the resolver.

use super::{Claim, Judgement};
use crate::verdict::view::{PathState, View, is_stun_only};
use crate::verdict::words::{cite, count, destinations, list};
use crate::verdict::{Cite, Severity};
use raincheck_probes::evidence::{Cause, Interface, PathEvidence, Route, Stage, Step};
use raincheck_probes::ice::CandidateType;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// No address to speak from, or every send refused by this host itself.
pub(super) fn no_network(view: &View) -> Judgement {
    if view.anything_answered() {
        return Judgement::Fails;
    }
    let failed: Vec<(&PathEvidence, &Step, &Cause)> = view
        .paths()
        .flat_map(|p| p.steps.iter().filter_map(move |s| s.cause().map(|cause| (p, s, cause))))
        .collect();
    let to_loopback = |s: &Step| s.address.is_some_and(|a| a.ip().is_loopback());
    if failed.is_empty() || failed.iter().any(|(_, s, _)| to_loopback(s)) {
        return if failed.is_empty() { Judgement::Unknown } else { Judgement::Fails };
    }
    let interfaces = &view.evidence.interfaces;
    let no_address = !interfaces.is_empty() && !interfaces.iter().any(has_address);
    let refused_here = failed.iter().all(|(_, _, cause)| matches!(cause, Cause::LocalRefusal { .. }));
    let observed = match (no_address, refused_here) {
        (true, _) => format!(
            "None of {} has an address beyond loopback and link-local.",
            count(interfaces.len(), "interface")
        ),
        (false, true) => "This host refused to send every packet: no route, or a local firewall.".to_owned(),
        (false, false) if interfaces.is_empty() => return Judgement::Unknown,
        (false, false) => return Judgement::Fails,
    };
    let advice = if no_address {
        vec!["This computer: connect it to the network, then run this again.".to_owned()]
    } else {
        vec!["This computer: check its default route and its own firewall.".to_owned()]
    };
    Claim {
        title: "This computer has no network".to_owned(),
        observed,
        evidence: cite(view.paths(), |_, _| true),
        advice,
        covers: view.paths().map(|p| p.id.clone()).collect(),
        ..Claim::default()
    }
    .into()
}

fn has_address(interface: &Interface) -> bool {
    interface.kind != "loopback"
        && interface.addresses.iter().any(|address| match address {
            IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
            IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
        })
}

/// The resolver says that a name has no address.
pub(super) fn dns_not_found(view: &View) -> Judgement {
    let wanted = |stage, cause: &Cause| stage == Stage::Resolve && matches!(cause, Cause::NameNotFound);
    let family = if only_ipv6(view) { "IPv6 address" } else { "address" };
    unresolved(view, wanted, |names| Claim {
        title: format!("DNS has no {family} for {}", list(names)),
        observed: format!("The resolver answered that {} no {family}.", has(names)),
        advice: vec![
            format!("DNS: make this network's resolver answer for {}.", destinations(view, names)),
            "If a name was typed by hand, check its spelling.".to_owned(),
        ],
        ..Claim::default()
    })
}

/// Whether the client had IPv6 alone to speak with.
fn only_ipv6(view: &View) -> bool {
    let mut hosts = view.evidence.candidates.iter().filter(|c| c.kind == CandidateType::Host).peekable();
    hosts.peek().is_some() && hosts.all(|c| c.address.is_ipv6())
}

/// The resolver does not answer, or fails in a way that says nothing of the name.
pub(super) fn dns_timeout(view: &View) -> Judgement {
    let wanted = |stage, cause: &Cause| {
        stage == Stage::Resolve && matches!(cause, Cause::ResolveTimeout { .. } | Cause::ResolveFailed { .. })
    };
    unresolved(view, wanted, |names| {
        let seen: BTreeSet<String> = cite(view.paths(), wanted).into_iter().map(|c| c.text).collect();
        let silent = |_, cause: &Cause| matches!(cause, Cause::ResolveTimeout { .. });
        let to = destinations(view, names);
        let (title, advice) = if cite(view.paths(), silent).is_empty() {
            (
                format!("DNS could not look up {}", list(names)),
                format!(
                    "DNS: find out why this computer's resolver fails for {to} (SERVFAIL, REFUSED, or itself cut off)."
                ),
            )
        } else {
            (
                format!("DNS gives no answer for {}", list(names)),
                format!(
                    "DNS: make this computer's resolver reachable (UDP and TCP port 53), and able to answer for {to}."
                ),
            )
        };
        Claim {
            title,
            observed: format!("Looking up {}: {}.", list(names), list(seen)),
            advice: vec![advice],
            ..Claim::default()
        }
    })
}

/// The tenant's policy drops candidates of a type that works here.
pub(super) fn policy_filtered(view: &View) -> Judgement {
    let works = |path: &&PathEvidence| matches!(view.state(path), PathState::Works | PathState::Reachable);
    let relays = || view.paths().filter(|path| path.client_tries && !is_stun_only(path)).filter(works);
    let mapped = || view.paths().filter(|path| path.client_tries && path.mapped.is_some());
    let hosts = view.evidence.interfaces.iter().any(has_address);
    let types = [
        (CandidateType::Host, hosts),
        (CandidateType::Srflx, mapped().next().is_some()),
        (CandidateType::Relay, relays().next().is_some()),
    ];
    let working = || types.iter().filter(|(_, works)| *works).map(|(kind, _)| *kind);
    let dropped: Vec<CandidateType> = working().filter(|kind| view.forbids(*kind)).collect();
    if dropped.is_empty() {
        let known = view.evidence.asked.ice_filtering.is_empty() || working().count() == types.len();
        return if known { Judgement::Fails } else { Judgement::Unknown };
    }
    let needed = dropped.contains(&CandidateType::Relay) || dropped.len() == working().count();
    let names = list(dropped.iter().map(|kind| kind.as_str()));
    let paths: Vec<&PathEvidence> =
        if dropped.contains(&CandidateType::Relay) { relays().collect() } else { mapped().collect() };
    let cites = paths.iter().filter_map(|path| {
        let step = path.step(Stage::Allocate).or_else(|| path.step(Stage::Binding))?;
        let text = "answered; the company's policy drops what comes of it".to_owned();
        Some(Cite { path: path.id.clone(), stage: step.stage, text })
    });
    Claim {
        title: format!("The company's settings forbid candidates of type {names}"),
        observed: format!("The vendor's sign-in says so; candidates of type {names} work in this network."),
        evidence: cites.collect(),
        advice: vec![
            "Rainbow: ask the company administrator to change the ICE filtering in the company settings."
                .to_owned(),
        ],
        severity: (!needed).then_some(Severity::Info),
        ..Claim::default()
    }
    .into()
}

fn has(names: &BTreeSet<&str>) -> String {
    format!("{} {}", list(names), if names.len() == 1 { "has" } else { "have" })
}

fn unresolved(
    view: &View,
    wanted: impl Fn(Stage, &Cause) -> bool,
    claim: impl Fn(&BTreeSet<&str>) -> Claim,
) -> Judgement {
    let resolved = |p: &PathEvidence| p.steps.iter().any(|s| s.stage == Stage::Resolve && s.passed());
    let asked = |p: &PathEvidence| p.steps.iter().any(|s| s.stage == Stage::Resolve);
    let failing: Vec<&PathEvidence> = view
        .paths()
        .filter(|p| !resolved(p) && p.steps.iter().any(|s| s.cause().is_some_and(|c| wanted(s.stage, c))))
        .collect();
    if failing.is_empty() {
        return if view.paths().any(asked) { Judgement::Fails } else { Judgement::Unknown };
    }
    let names: BTreeSet<&str> = failing.iter().map(|p| name_asked(p)).collect();
    let evidence = cite(failing.iter().copied(), &wanted);
    Claim { evidence, ..claim(&names) }.into()
}

/// The name that the path's Resolve step failed on: as the step says, or else the proxy's on a proxied route.
fn name_asked(path: &PathEvidence) -> &str {
    let failed = path.steps.iter().filter(|s| s.stage == Stage::Resolve).find_map(|s| s.facts.get("failed"));
    if let Some(name) = failed.and_then(|name| name.as_str()) {
        return name;
    }
    match &path.route {
        Route::Direct => &path.server,
        Route::Proxy(url) => host_of(url),
    }
}

fn host_of(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or(authority);
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}
