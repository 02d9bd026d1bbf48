//! Which TCP connections open, straight to the servers.

use super::{Claim, Judgement};
use crate::verdict::view::View;
use crate::verdict::words::{
    any_listed, are, cite, destinations, flows, list, open_out, or_nobody_there, servers, shut_title,
};
use raincheck_probes::evidence::{Cause, Outcome, PathEvidence, Stage, Step, Transport};
use std::collections::BTreeSet;

/// No connection for TURN over TCP.
pub(super) fn tcp_80_blocked(view: &View) -> Judgement {
    blocked(view, Transport::Tcp)
}

/// No connection for TURN over TLS.
pub(super) fn tls_443_blocked(view: &View) -> Judgement {
    blocked(view, Transport::Tls)
}

/// Ports of this transport on which connections do not open: to every server, or to servers that answer
/// on something else.
fn blocked(view: &View, transport: Transport) -> Judgement {
    let down = view.down();
    let asked: Vec<&PathEvidence> =
        view.direct(transport).filter(|p| p.steps.iter().any(|s| s.stage == Stage::Connect)).collect();
    let shut: Vec<&PathEvidence> =
        asked.iter().copied().filter(|p| is_shut(p) && !down.contains(p.server.as_str())).collect();
    if shut.is_empty() {
        let decided = asked.iter().all(|p| is_shut(p) || connected(p));
        return if decided && !asked.is_empty() { Judgement::Fails } else { Judgement::Unknown };
    }
    let ports: BTreeSet<u16> = shut.iter().map(|p| p.port).collect();
    let others = asked.iter().filter(|p| ports.contains(&p.port) && !down.contains(p.server.as_str()));
    let everywhere = others.clone().all(|p| is_shut(p));
    let names = servers(shut.iter().copied());
    let flow = flows(shut.iter().copied());
    let to = if everywhere { String::new() } else { format!(" to {}", list(&names)) };
    let refused = shut.iter().all(|p| p.steps.iter().any(|s| s.cause() == Some(&Cause::Refused)));
    let heard_of = names.iter().any(|server| view.is_there(server));
    let evidence = cite(shut.iter().copied(), |stage, cause| stage == Stage::Connect && closes(cause));
    let mut advice = vec![open_out(view, shut.iter().copied())];
    if past_the_proxy(view, &shut) {
        let to = destinations(view, &names);
        advice.push(format!("Or take {to} out of the proxy's exception list (NO_PROXY)."));
    } else if refused {
        advice.push("If that rule is open, a firewall turns it away, or nothing listens there.".to_owned());
    } else if !heard_of {
        advice.push(or_nobody_there(names.len()).to_owned());
    } else if !everywhere {
        advice.push(format!("If the firewall allows it already, check that {} listens there.", list(&names)));
    }
    let title = if refused {
        format!("{flow}{to} {} refused here", are(ports.len()))
    } else {
        shut_title(&flow, &to, heard_of)
    };
    Claim {
        title,
        observed: format!("Connecting to {}: {}.", list(&names), seen(&shut)),
        evidence,
        advice,
        unasked: !any_listed(&shut),
        ..Claim::default()
    }
    .into()
}

/// Whether the client has a proxy and does not use it for these servers: the proxy's exception list.
pub(super) fn past_the_proxy(view: &View, direct: &[&PathEvidence]) -> bool {
    let proxied = |server: &str| view.proxied().any(|p| p.client_tries && p.server == server);
    matches!(view.client(), "chromium" | "firefox")
        && !view.evidence.asked.proxies.is_empty()
        && direct.iter().any(|p| p.client_tries && p.transport != Transport::Udp && !proxied(&p.server))
}

/// What the connections met with, each once: the attempts and times of the worst.
fn seen(shut: &[&PathEvidence]) -> String {
    let mut causes: Vec<&Cause> =
        shut.iter().flat_map(|p| p.steps.iter().filter_map(Step::cause)).filter(|c| closes(c)).collect();
    causes.sort_by_key(|c| match c {
        Cause::ConnectTimeout { waited_ms, attempts } => (c.code(), *waited_ms, *attempts),
        _ => (c.code(), 0, 0),
    });
    causes.reverse();
    causes.dedup_by_key(|c| c.code());
    list(causes.iter().map(|c| c.to_string()))
}

fn connected(path: &PathEvidence) -> bool {
    path.steps.iter().any(|s| s.stage == Stage::Connect && s.passed())
}

/// Whether every connection that was begun was refused or ignored by the network.
fn is_shut(path: &PathEvidence) -> bool {
    let mut of_connect = path.steps.iter().filter(|s| s.stage == Stage::Connect);
    of_connect.clone().any(|s| s.cause().is_some_and(closes))
        && of_connect.all(|s| !s.passed() && s.outcome != Outcome::Unfinished)
}

fn closes(cause: &Cause) -> bool {
    matches!(cause, Cause::ConnectTimeout { .. } | Cause::Refused | Cause::Unreachable { .. })
}
