//! HTTP proxies: whether they are there, whom they let through, where to.

use super::{Claim, Judgement, Severity};
use crate::verdict::view::{View, heard, touched};
use crate::verdict::words::{cite, destinations, flows, list, open_out, port_list, ports, servers};
use raincheck_probes::evidence::{Cause, Outcome, PathEvidence, Route, Stage, Step, Transport};
use raincheck_probes::tunnel::AuthScheme;
use std::collections::BTreeSet;

/// No connection to the proxy itself, or no TLS with a proxy that is spoken to over TLS.
pub(super) fn unreachable(view: &View) -> Judgement {
    let failing = failing(view, |stage, cause| match stage {
        Stage::Connect => !matches!(cause, Cause::LocalRefusal { .. } | Cause::LocalFailure { .. }),
        Stage::Tunnel => {
            is_tls(cause)
                || matches!(cause, Cause::ConnectTimeout { .. } | Cause::Refused | Cause::Unreachable { .. })
        }
        _ => false,
    });
    let Some(failing) = failing else { return undecided(view) };
    if failing.iter().all(|(_, step)| step.cause().is_some_and(is_tls)) {
        return claim(&failing, |proxies| {
            let advice = format!(
                "Proxy settings: check the scheme of {proxies}, and that its certificate is trusted."
            );
            (format!("TLS with the proxy {proxies} does not come up"), vec![advice])
        });
    }
    claim(&failing, |proxies| {
        let advice = format!(
            "Proxy: check that {proxies} is the right address and runs, and that this network may reach it."
        );
        (format!("The proxy {proxies} cannot be reached"), vec![advice])
    })
}

fn is_tls(cause: &Cause) -> bool {
    cause.code().starts_with("tls-")
}

/// What answers on the proxy's port is not a proxy.
pub(super) fn not_http(view: &View) -> Judgement {
    let failing =
        failing(view, |_, cause| matches!(cause, Cause::ProxyNotHttp { .. } | Cause::ProxyBadHead { .. }));
    let Some(failing) = failing else { return undecided(view) };
    claim(&failing, |proxies| {
        (
            format!("What answers at {proxies} is not an HTTP proxy"),
            vec![format!("Proxy settings: check the address, port and scheme of {proxies}.")],
        )
    })
}

/// The proxy asks for credentials and none were given.
pub(super) fn auth_required(view: &View) -> Judgement {
    let failing = failing(view, |_, cause| matches!(cause, Cause::ProxyAuthRequired { .. }));
    let Some(failing) = failing else { return undecided(view) };
    let to = destinations(view, &servers(failing.iter().map(|(p, _)| *p)));
    let mut advice = vec![format!("Proxy: let traffic to {to} pass without authentication.")];
    // ice-clients, 3.1: Chromium never prompts for a TURN connection.
    advice.push(match view.client() {
        "chromium" => {
            "The client does not ask the user for proxy credentials on media connections.".to_owned()
        }
        _ => "Or give this test credentials with --proxy-credential-file.".to_owned(),
    });
    claim(&failing, |proxies| (format!("The proxy {proxies} asks for credentials"), advice.clone()))
}

/// The proxy did not accept the credentials.
pub(super) fn auth_rejected(view: &View) -> Judgement {
    let failing = failing(view, |_, cause| matches!(cause, Cause::ProxyAuthRejected { .. }));
    let Some(failing) = failing else { return undecided(view) };
    claim(&failing, |proxies| {
        (
            format!("The proxy {proxies} rejects the credentials"),
            vec![
                "Proxy credentials: check the user name and password, and that the account may use CONNECT."
                    .to_owned(),
            ],
        )
    })
}

/// The proxy offers only schemes that are not spoken here.
pub(super) fn auth_unsupported(view: &View) -> Judgement {
    let failing = failing(view, |_, cause| matches!(cause, Cause::ProxyAuthUnsupported { .. }));
    let Some(failing) = failing else { return undecided(view) };
    let to = destinations(view, &servers(failing.iter().map(|(p, _)| *p)));
    let windows = |s: &AuthScheme| matches!(s, AuthScheme::Ntlm | AuthScheme::Negotiate);
    let single_sign_on = failing.iter().any(|(_, step)| {
        matches!(step.cause(), Some(Cause::ProxyAuthUnsupported { schemes }) if schemes.iter().any(windows))
    });
    let mut advice = vec![format!("Proxy: let traffic to {to} pass without authentication.")];
    if single_sign_on {
        advice.push("Clients that are signed in to the domain may still pass; this test cannot.".to_owned());
    }
    claim(&failing, |proxies| {
        (format!("The proxy {proxies} wants a sign-in that this test cannot do"), advice.clone())
    })
}

/// The proxy answers, and does not open the tunnel: by its policy, or because it cannot get there itself.
pub(super) fn connect_denied(view: &View) -> Judgement {
    let failing = failing(view, |stage, cause| match cause {
        Cause::ProxyStatus { .. } | Cause::TunnelTimeout { .. } => true,
        Cause::Reset { .. } | Cause::Closed { .. } => stage == Stage::Tunnel,
        _ => false,
    });
    let Some(failing) = failing else { return undecided(view) };
    let proxies = list(proxies(&failing));
    let own_failure: Vec<&PathEvidence> =
        failing.iter().filter(|(_, s)| cannot_get_there(s)).map(|(p, _)| *p).collect();
    let denied: Vec<&PathEvidence> =
        failing.iter().filter(|(_, s)| !cannot_get_there(s)).map(|(p, _)| *p).collect();
    let (title, advice) = if denied.is_empty() {
        let to = destinations(view, &servers(own_failure.iter().copied()));
        let ports = port_list(&ports(own_failure.iter().copied()));
        let advice = format!(
            "Proxy: let {proxies} itself out to TCP {ports} of {to}, and check that it can resolve the names."
        );
        (format!("The proxy {proxies} cannot reach {ports} of the servers"), advice)
    } else if denied.iter().all(|p| !is_denied(p)) {
        let to = destinations(view, &servers(denied.iter().copied()));
        let ports = port_list(&ports(denied.iter().copied()));
        let waited = failing.iter().any(|(_, s)| matches!(s.cause(), Some(Cause::TunnelTimeout { .. })));
        let what = if waited { "does not answer" } else { "closes the connection on" };
        let advice = format!(
            "Proxy: look up CONNECT to {to} {ports} in its log: it may be forbidden, or the proxy may not get there."
        );
        (format!("The proxy {proxies} {what} CONNECT to {ports}"), advice)
    } else {
        let denied: Vec<&PathEvidence> = denied.iter().copied().filter(|p| is_denied(p)).collect();
        let to = destinations(view, &servers(denied.iter().copied()));
        let ports = port_list(&ports(denied.iter().copied()));
        let advice = format!("Proxy: allow CONNECT to {to} {ports}, without inspection.");
        (format!("The proxy {proxies} denies CONNECT to {ports}"), advice)
    };
    let mut observed = each_cause(&failing);
    if !own_failure.is_empty() && denied.is_empty() {
        observed.push_str(" That is the proxy's own failure to get there, not a rule of it.");
    }
    let evidence = cites(&failing);
    Claim { title, observed, evidence, advice: vec![advice], ..Claim::default() }.into()
}

/// 500, 502, 503 and 504: the proxy tried, or broke.
fn cannot_get_there(step: &Step) -> bool {
    matches!(step.cause(), Some(Cause::ProxyStatus { status: 500 | 502..=504, .. }))
}

/// Whether the proxy said no on this path, rather than nothing.
fn is_denied(path: &PathEvidence) -> bool {
    path.steps.iter().any(|s| matches!(s.cause(), Some(Cause::ProxyStatus { .. })) && !cannot_get_there(s))
}

/// There is no way out over TCP but through the proxy.
pub(super) fn required(view: &View) -> Judgement {
    let direct: Vec<&PathEvidence> = view.direct(Transport::Tcp).chain(view.direct(Transport::Tls)).collect();
    let gave_up = |p: &&PathEvidence| {
        !touched(p)
            && p.steps.iter().any(|s| s.cause().is_some())
            && !p.steps.iter().any(|s| s.outcome == Outcome::Unfinished)
    };
    let proxy_answered = |p: &&PathEvidence| {
        p.steps
            .iter()
            .any(|s| s.stage == Stage::Tunnel && (s.passed() || s.cause().is_some_and(is_http_answer)))
    };
    let through: Vec<&PathEvidence> = view.proxied().filter(proxy_answered).collect();
    if direct.iter().any(|p| touched(p)) {
        return Judgement::Fails;
    }
    if direct.is_empty() || through.is_empty() || !direct.iter().all(gave_up) {
        return Judgement::Unknown;
    }
    let proxies = list(through.iter().map(|p| p.route.to_string()).collect::<BTreeSet<_>>());
    let client_can = view.proxied().any(|p| p.client_tries);
    let excepted = super::stream::past_the_proxy(view, &direct);
    let flows = flows(direct.iter().copied());
    let works = view.proxied().any(heard);
    let advice = if client_can && !works {
        vec![format!("Repair the way through {proxies}, or open the firewall for {flows}.")]
    } else if client_can {
        vec![format!("Keep {proxies} set on every computer that makes calls.")]
    } else if excepted {
        let to = destinations(view, &servers(direct.iter().copied()));
        vec![
            format!("Proxy settings: take {to} out of the exception list (NO_PROXY)."),
            format!("Or open the firewall for {flows}."),
        ]
    } else {
        // Section 4.2: no proxy for media of the mobile clients.
        let direct_udp = view.direct(Transport::Udp).filter(|p| p.client_tries);
        let asked: Vec<&PathEvidence> = direct.iter().copied().filter(|p| p.client_tries).collect();
        let mut rules = Vec::new();
        if direct_udp.clone().any(|p| !touched(p)) {
            rules.push(open_out(view, direct_udp));
        }
        if !asked.is_empty() {
            rules.push(open_out(view, asked));
        }
        rules
    };
    let mut evidence = cite(direct.iter().copied(), |_, _| true);
    evidence.extend(through.iter().flat_map(|p| super::tunnel_cites(p)));
    Claim {
        title: if client_can {
            "TCP gets out through the proxy only".to_owned()
        } else if excepted {
            "TCP gets out through the proxy only, and the proxy's exception list (NO_PROXY) sends this client past it"
                .to_owned()
        } else {
            "TCP gets out through the proxy only, and this client sends no media through proxies".to_owned()
        },
        observed: format!("{flows} straight to the servers opened nowhere; {proxies} answered."),
        evidence,
        advice,
        severity: (!client_can).then_some(Severity::Error),
        covers: direct.iter().map(|p| p.id.clone()).collect(),
        unasked: false,
    }
    .into()
}

fn is_http_answer(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::ProxyStatus { .. }
            | Cause::ProxyAuthRequired { .. }
            | Cause::ProxyAuthRejected { .. }
            | Cause::ProxyAuthUnsupported { .. }
    )
}

/// The proxy speaks HTTP/1.0.
pub(super) fn http10(view: &View) -> Judgement {
    let version = |s: &Step| s.facts.get("http_version").and_then(|v| v.as_str().map(str::to_owned));
    let tunnels: Vec<(&PathEvidence, &Step)> = view
        .proxied()
        .flat_map(|p| p.steps.iter().filter(|s| s.stage == Stage::Tunnel).map(move |s| (p, s)))
        .filter(|(_, step)| version(step).is_some())
        .collect();
    let old: Vec<(&PathEvidence, &Step)> = tunnels
        .iter()
        .copied()
        .filter(|(_, s)| version(s).as_deref().is_some_and(|v| v.trim_start_matches("HTTP/") == "1.0"))
        .collect();
    if old.is_empty() {
        return if tunnels.is_empty() { Judgement::Unknown } else { Judgement::Fails };
    }
    let proxies = list(proxies(&old));
    let gateway = view.client().starts_with("gateway");
    Claim {
        title: format!("The proxy {proxies} speaks HTTP/1.0"),
        observed: format!("{proxies} answered CONNECT with HTTP/1.0; the WebRTC gateway needs HTTP/1.1."),
        evidence: old
            .iter()
            .map(|(p, s)| super::Cite {
                path: p.id.clone(),
                stage: s.stage,
                text: "answered with HTTP/1.0".into(),
            })
            .collect(),
        advice: vec![format!("Proxy: turn on HTTP/1.1 on {proxies}.")],
        severity: gateway.then_some(Severity::Warning),
        ..Claim::default()
    }
    .into()
}

type Failing<'a> = Vec<(&'a PathEvidence, &'a Step)>;

/// Proxied paths that failed for good at a step whose cause is wanted.
fn failing(view: &View, wanted: impl Fn(Stage, &Cause) -> bool) -> Option<Failing<'_>> {
    let failing: Failing = view
        .proxied()
        .flat_map(|p| p.steps.iter().map(move |s| (p, s)))
        .filter(|(p, s)| !p.steps.iter().any(|other| other.stage == s.stage && other.passed()))
        .filter(|(_, s)| s.cause().is_some_and(|cause| wanted(s.stage, cause)))
        .collect();
    (!failing.is_empty()).then_some(failing)
}

fn undecided(view: &View) -> Judgement {
    let opened = |p: &PathEvidence| p.steps.iter().any(|s| s.stage == Stage::Tunnel && s.passed());
    let mut proxied = view.proxied().peekable();
    if proxied.peek().is_some() && proxied.all(opened) { Judgement::Fails } else { Judgement::Unknown }
}

fn claim(failing: &Failing, say: impl Fn(&str) -> (String, Vec<String>)) -> Judgement {
    let (title, advice) = say(&list(proxies(failing)));
    Claim { title, observed: each_cause(failing), evidence: cites(failing), advice, ..Claim::default() }
        .into()
}

fn cites(failing: &Failing) -> Vec<super::Cite> {
    failing
        .iter()
        .filter_map(|(path, step)| {
            let text = step.cause()?.to_string();
            Some(super::Cite { path: path.id.clone(), stage: step.stage, text })
        })
        .collect()
}

fn proxies(failing: &Failing) -> BTreeSet<String> {
    failing
        .iter()
        .filter_map(|(path, _)| match &path.route {
            Route::Proxy(url) => Some(url.clone()),
            Route::Direct => None,
        })
        .collect()
}

/// `TCP/80: the proxy answered 403 Forbidden.`
fn each_cause(failing: &Failing) -> String {
    let texts: BTreeSet<String> =
        failing.iter().filter_map(|(_, step)| step.cause().map(Cause::to_string)).collect();
    let with_flows = texts.iter().map(|text| {
        let of_text = failing.iter().filter(|(_, s)| s.cause().is_some_and(|c| c.to_string() == *text));
        format!("{}: {text}.", flows(of_text.map(|(p, _)| *p)))
    });
    with_flows.collect::<Vec<_>>().join(" ")
}
