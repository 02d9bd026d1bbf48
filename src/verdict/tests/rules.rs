//! Each rule: a run in which it holds and one in which it does not.

use super::*;
use raincheck_probes::evidence::Interface;

/// The finding of that code.
pub(super) fn finding(evidence: &Evidence, code: &str) -> Option<Finding> {
    verdict(evidence).findings.into_iter().find(|f| f.code == code)
}

fn holds(evidence: &Evidence, code: &str) -> bool {
    finding(evidence, code).is_some()
}

/// One transport of every server broken.
fn broken_on(transport: Transport, stage: Stage, cause: Cause) -> Evidence {
    world(|p| if p.transport == transport { broken(p, stage, cause.clone()) } else { p })
}

fn via_proxy(cause: Cause) -> Evidence {
    let stage = if matches!(cause, Cause::Refused) { Stage::Connect } else { Stage::Tunnel };
    behind_proxy(|p| broken(p, stage, cause.clone()))
}

#[test]
fn no_network_needs_no_address_or_every_send_refused_here() {
    let refused = Cause::LocalRefusal { detail: "Network is unreachable".to_owned() };
    let every_send = world(|p| {
        let stage = if p.transport == Transport::Udp { Stage::Binding } else { Stage::Connect };
        broken(p, stage, refused.clone())
    });
    assert!(holds(&every_send, "no-network"));
    let mut no_address = world(|p| broken(p, Stage::Resolve, Cause::ResolveTimeout { waited_ms: 5000 }));
    no_address.interfaces = vec![Interface {
        name: "lo".to_owned(),
        kind: "loopback".to_owned(),
        addresses: vec![[127, 0, 0, 1].into()],
        default_route: false,
    }];
    assert_eq!(told(&no_address), ["no-network", "(dns-timeout by no-network)"]);
    assert!(!holds(&nothing_works(), "no-network"));
    let mut answers_on_loopback = open();
    answers_on_loopback.interfaces = no_address.interfaces;
    assert!(!holds(&answers_on_loopback, "no-network"));
}

#[test]
fn a_policy_matters_when_it_drops_what_works() {
    use raincheck_probes::ice::CandidateType::{Host, Prflx, Relay, Srflx};
    let dropping = |evidence: Evidence, types: &[raincheck_probes::ice::CandidateType]| {
        let mut evidence = evidence;
        evidence.asked.ice_filtering = types.to_vec();
        evidence.candidates.retain(|candidate| !types.contains(&candidate.kind));
        evidence
    };
    let told_of = |evidence: &Evidence| {
        let verdict = verdict(evidence);
        let finding = verdict.findings.iter().find(|f| f.code == "policy-filtered");
        (verdict.kind, finding.map(|f| f.severity), verdict.summary.clone())
    };
    let (kind, severity, summary) = told_of(&dropping(open(), &[Relay]));
    assert_eq!((kind, severity), (Kind::Fails, Some(Severity::Error)));
    assert_eq!(
        summary,
        "Only calls that need no relay can connect: the company's settings forbid candidates of type relay."
    );
    let (kind, severity, summary) = told_of(&dropping(open(), &[Host, Srflx, Relay]));
    assert_eq!((kind, severity), (Kind::Fails, Some(Severity::Error)));
    assert!(summary.starts_with("Calls cannot connect: "), "{summary}");
    let (kind, severity, _) = told_of(&dropping(open(), &[Host, Srflx]));
    assert_eq!((kind, severity), (Kind::Works, Some(Severity::Info)));
    assert!(!holds(&open(), "policy-filtered"));
    assert!(!holds(&dropping(open(), &[Prflx]), "policy-filtered"));
    assert!(
        !holds(&dropping(nothing_works(), &[Relay]), "policy-filtered"),
        "no relay works that could be missed"
    );
    let mut relay_only = dropping(open(), &[Host, Srflx]);
    relay_only.asked.policy = Policy::Relay;
    assert!(!holds(&relay_only, "policy-filtered"), "under this policy the client uses relays alone anyway");
}

#[test]
fn dns_rules_tell_no_such_name_from_no_answer() {
    let not_found =
        world(|p| if p.server == TURN2 { broken(p, Stage::Resolve, Cause::NameNotFound) } else { p });
    assert_eq!(told(&not_found), ["dns-not-found"]);
    let timeout = world(|p| broken(p, Stage::Resolve, Cause::ResolveTimeout { waited_ms: 5000 }));
    assert_eq!(told(&timeout), ["dns-timeout"]);
    let failed = Cause::ResolveFailed { detail: "Temporary failure in name resolution".to_owned() };
    let failed = world(|p| broken(p, Stage::Resolve, failed.clone()));
    assert_eq!(
        verdict(&failed).summary,
        "Calls cannot connect: DNS could not look up turn1.example.net and turn2.example.net."
    );
    let mut only_ipv6 = not_found.clone();
    for candidate in &mut only_ipv6.candidates {
        candidate.kind = raincheck_probes::ice::CandidateType::Host;
        candidate.address = "2001:db8::2".parse().unwrap();
    }
    assert_eq!(
        finding(&only_ipv6, "dns-not-found").unwrap().title,
        "DNS has no IPv6 address for turn2.example.net"
    );
    assert!(!holds(&open(), "dns-not-found") && !holds(&open(), "dns-timeout"));
    let proxy_name = via_proxy(Cause::NameNotFound);
    assert!(!holds(&proxy_name, "dns-not-found"), "only the stage resolve counts");
    let proxy_name = behind_proxy(|p| broken(p, Stage::Resolve, Cause::NameNotFound));
    assert_eq!(
        finding(&proxy_name, "dns-not-found").unwrap().title,
        "DNS has no address for proxy.corp.example"
    );
}

#[test]
fn udp_blocked_cites_the_silence_and_the_control() {
    let found = finding(&udp_blocked(), "udp-blocked").unwrap();
    assert_eq!(found.title, "UDP/3478 is blocked here");
    assert_eq!(
        found.observed,
        "9 of 9 requests to each server unanswered in 2.4 s. TCP to the same servers took 20.0 ms."
    );
    assert_eq!(
        found.advice,
        ["Firewall: allow UDP out to turn1.example.net and turn2.example.net port 3478, and the replies."]
    );
    assert_eq!(found.reference, Some("4.1"));
    assert_eq!(found.paths.len(), 2, "the control is not explained by it");
    assert_eq!(found.evidence.len(), 6);
    let alone = finding(&nothing_works(), "udp-blocked").unwrap();
    assert!(alone.observed.ends_with("Nothing else answered either."), "{}", alone.observed);
    assert_eq!(alone.title, "UDP/3478 gets no answer");
    assert_eq!(alone.advice[1], "If these rules are open, the servers are down or the addresses wrong.");
    assert!(!holds(&open(), "udp-blocked") && !holds(&one_server_down(), "udp-blocked"));
}

#[test]
fn udp_blocked_names_the_vendors_domain_and_the_clients_section() {
    let mut run = udp_blocked();
    run.asked.vendor_servers = true;
    run.asked.profile = "mobile".to_owned();
    for path in &mut run.paths {
        path.server = path.server.replace("example.net", "openrainbow.com");
    }
    let found = finding(&run, "udp-blocked").unwrap();
    assert_eq!(found.advice, ["Firewall: allow UDP out to *.openrainbow.com port 3478, and the replies."]);
    assert_eq!(found.reference, Some("4.2"));
    run.asked.profile = "gateway".to_owned();
    let found = finding(&run, "udp-blocked").unwrap();
    assert_eq!(
        found.advice,
        ["Firewall: allow UDP out from ports 20000-29999 to *.openrainbow.com port 3478, and the replies."]
    );
    assert_eq!(found.reference, Some("4.6.1"));
}

#[test]
fn udp_port_blocked_needs_udp_that_passes_elsewhere() {
    let mut run = open();
    let mut other = path(TURN1, Transport::Udp, Route::Direct);
    (other.id, other.port) = ("udp/turn1.example.net:5349".to_owned(), 5349);
    run.paths.push(broken(other, Stage::Binding, silent()));
    assert_eq!(told(&run), ["udp-port-blocked"]);
    assert_eq!(finding(&run, "udp-port-blocked").unwrap().title, "UDP/5349 is blocked here");
    assert!(!holds(&udp_blocked(), "udp-port-blocked") && !holds(&open(), "udp-port-blocked"));
    let one_server = world(|p| match (p.transport, p.server.as_str()) {
        (Transport::Udp, TURN2) => broken(p, Stage::Binding, silent()),
        _ => p,
    });
    let found = finding(&one_server, "udp-port-blocked").unwrap();
    assert_eq!(found.title, "UDP/3478 to turn2.example.net is blocked here");
}

#[test]
fn udp_rejected_needs_a_refusal_that_came_back() {
    let run = broken_on(Transport::Udp, Stage::Binding, Cause::Refused);
    assert_eq!(told(&run), ["udp-rejected"]);
    assert!(!holds(&udp_blocked(), "udp-rejected"));
    let down = world(|p| match p.transport {
        _ if p.server == TURN1 => p,
        Transport::Udp => broken(p, Stage::Binding, Cause::Refused),
        Transport::Tcp | Transport::Tls => broken(p, Stage::Connect, Cause::Refused),
    });
    assert_eq!(told(&down), ["turn-server-down", "(udp-rejected by turn-server-down)"]);
}

#[test]
fn where_some_udp_is_refused_and_none_passes_the_silent_ones_count_with_it() {
    let mixed = world(|p| match (p.transport, p.server == TURN1) {
        (Transport::Udp, true) => broken(p, Stage::Binding, Cause::Refused),
        (Transport::Udp, false) => broken(p, Stage::Binding, silent()),
        _ => p,
    });
    assert_eq!(told(&mixed), ["udp-rejected"]);
    let finding = judge(&mixed, &[]).findings.remove(0);
    assert_eq!(finding.paths.len(), 2);
    assert!(finding.observed.contains("stayed silent"), "{}", finding.observed);
}

#[test]
fn tcp_and_tls_blocked_name_the_real_port() {
    let tcp = broken_on(Transport::Tcp, Stage::Connect, timeout());
    assert_eq!(finding(&tcp, "tcp-80-blocked").unwrap().title, "TCP/80 is blocked here");
    let mut odd = broken_on(Transport::Tls, Stage::Connect, Cause::Refused);
    for path in odd.paths.iter_mut().filter(|p| p.transport == Transport::Tls) {
        path.port = 5349;
    }
    let found = finding(&odd, "tls-443-blocked").unwrap();
    assert_eq!(found.title, "TLS/5349 is refused here");
    assert_eq!(
        found.advice,
        [
            "Firewall: allow TCP out to turn1.example.net and turn2.example.net port 5349.",
            "If that rule is open, a firewall turns it away, or nothing listens there."
        ]
    );
    assert_eq!((found.reference, finding(&tcp, "tcp-80-blocked").unwrap().reference), (None, Some("4.1")));
    assert!(!holds(&open(), "tcp-80-blocked") && !holds(&open(), "tls-443-blocked"));
    assert!(!holds(&one_server_down(), "tcp-80-blocked"), "that server is down");
}

#[test]
fn a_server_is_down_only_while_others_answer() {
    let found = finding(&one_server_down(), "turn-server-down").unwrap();
    assert_eq!(found.title, "turn2.example.net does not answer");
    assert_eq!(
        found.observed,
        "No answer from turn2.example.net over UDP, TCP and TLS; turn1.example.net answered."
    );
    assert!(!holds(&nothing_works(), "turn-server-down") && !holds(&open(), "turn-server-down"));
}

#[test]
fn not_a_turn_server_speaks_something_else_or_does_not_relay() {
    let odd = Cause::NotStun { first_bytes: FirstBytes::of(b"SSH-2.0-OpenSSH_9.6\r\n") };
    assert_eq!(told(&broken_on(Transport::Tcp, Stage::Allocate, odd)), ["not-a-turn-server"]);
    let bad_request =
        Cause::StunError { stun_code: 400, reason: "Bad Request".to_owned(), unknown_attributes: vec![] };
    assert_eq!(told(&broken_on(Transport::Udp, Stage::Allocate, bad_request.clone())), ["not-a-turn-server"]);
    let mut knows_allocate = broken_on(Transport::Udp, Stage::Allocate, bad_request);
    for step in knows_allocate.paths.iter_mut().flat_map(|p| &mut p.steps) {
        step.facts.set("realm", "example.net");
    }
    assert_eq!(told(&knows_allocate), Vec::<String>::new());
    assert_eq!(told(&broken_on(Transport::Udp, Stage::Allocate, silent())), ["not-a-turn-server"]);
    assert!(!holds(&http_inspection(), "not-a-turn-server") && !holds(&open(), "not-a-turn-server"));
}

#[test]
fn proxy_required_needs_direct_ways_that_failed_and_a_proxy_that_answered() {
    let found = finding(&proxy_only(), "proxy-required").unwrap();
    assert_eq!(found.severity, Severity::Info);
    assert_eq!(found.explains, ["tls-443-blocked", "tcp-80-blocked"]);
    assert!(!holds(&open(), "proxy-required") && !holds(&via_proxy(Cause::Refused), "proxy-required"));
    let mut excepted = proxy_only();
    for path in &mut excepted.paths {
        path.client_tries = path.route == Route::Direct;
    }
    let found = finding(&excepted, "proxy-required").unwrap();
    assert!(!found.title.contains("no media through proxies"), "{}", found.title);
    assert!(found.advice[0].ends_with("out of the exception list (NO_PROXY)."), "{:?}", found.advice);
    let mut mobile = proxy_only();
    mobile.asked.profile = "mobile".to_owned();
    for path in &mut mobile.paths {
        path.client_tries = path.route == Route::Direct;
    }
    let found = finding(&mobile, "proxy-required").unwrap();
    assert_eq!(found.severity, Severity::Error);
    assert_eq!(verdict(&mobile).kind, Kind::Fails);
}

#[test]
fn proxy_failures_are_told_apart() {
    let cases = [
        (Cause::Refused, "proxy-unreachable"),
        (Cause::ProxyAuthRequired { schemes: vec![AuthScheme::Basic] }, "proxy-auth-required"),
        (Cause::ProxyAuthRejected { scheme: AuthScheme::Basic }, "proxy-auth-rejected"),
        (Cause::ProxyAuthUnsupported { schemes: vec![AuthScheme::Ntlm] }, "proxy-auth-unsupported"),
        (Cause::ProxyStatus { status: 403, reason: "Forbidden".to_owned() }, "proxy-connect-denied"),
        (Cause::ProxyNotHttp { first_bytes: FirstBytes::of(b"\x05\xff") }, "proxy-not-http"),
    ];
    for (cause, code) in &cases {
        let roots = told(&via_proxy(cause.clone()));
        for (_, other) in &cases {
            assert_eq!(roots.iter().any(|c| c == other), code == other, "{cause:?}: {roots:?}");
        }
    }
    for (_, code) in cases {
        assert!(!holds(&proxy_only(), code));
    }
}

#[test]
fn tls_with_the_proxy_itself_is_told_from_a_proxy_that_is_not_there() {
    let run = via_proxy(Cause::TlsUntrusted { issuer: "CN=Own CA".to_owned() });
    let found = finding(&run, "proxy-unreachable").unwrap();
    assert_eq!(found.title, format!("TLS with the proxy {PROXY} does not come up"));
    assert!(!holds(&run, "tls-untrusted"));
}

#[test]
fn requests_of_stages_that_run_side_by_side_count_once() {
    let few = Cause::NoAnswer { requests: 5, waited_ms: 2000 };
    let run = world(|p| match p.transport {
        Transport::Udp => {
            let mut p = broken(p, Stage::Binding, few.clone());
            p.steps.push(step(Stage::Allocate, Outcome::Failed(few.clone()), 20, 2020));
            p
        }
        Transport::Tcp | Transport::Tls => p,
    });
    assert_eq!(told(&run), Vec::<String>::new());
    assert_eq!(verdict(&run).kind, Kind::Unknown);
}

#[test]
fn a_proxy_that_cannot_get_there_is_not_called_a_policy() {
    let denied = via_proxy(Cause::ProxyStatus { status: 403, reason: "Forbidden".to_owned() });
    let found = finding(&denied, "proxy-connect-denied").unwrap();
    assert_eq!(found.title, format!("The proxy {PROXY} denies CONNECT to ports 80 and 443"));
    let unable = via_proxy(Cause::ProxyStatus { status: 503, reason: "Service Unavailable".to_owned() });
    let found = finding(&unable, "proxy-connect-denied").unwrap();
    assert_eq!(found.title, format!("The proxy {PROXY} cannot reach ports 80 and 443 of the servers"));
    assert!(found.observed.ends_with("not a rule of it."), "{}", found.observed);
    let mute = via_proxy(Cause::TunnelTimeout { waited_ms: 6000 });
    let found = finding(&mute, "proxy-connect-denied").unwrap();
    assert_eq!(found.title, format!("The proxy {PROXY} does not answer CONNECT to ports 80 and 443"));
    assert_eq!(found.observed, "TCP/80 and TLS/443: the proxy did not answer the CONNECT in 6.0 s.");
    let cut = via_proxy(Cause::Closed { received: 0 });
    let found = finding(&cut, "proxy-connect-denied").unwrap();
    assert_eq!(
        found.title,
        format!("The proxy {PROXY} closes the connection on CONNECT to ports 80 and 443")
    );
    assert_eq!(found.observed, "TCP/80 and TLS/443: closed without an answer.");
}

#[test]
fn http_1_0_is_worth_knowing_and_matters_to_the_gateway() {
    let mut run = behind_proxy(|mut p| {
        p.steps
            .iter_mut()
            .filter(|s| s.stage == Stage::Tunnel)
            .for_each(|s| s.facts.set("http_version", "1.0"));
        p
    });
    assert_eq!(finding(&run, "proxy-http10").unwrap().severity, Severity::Info);
    run.asked.profile = "gateway".to_owned();
    assert_eq!(finding(&run, "proxy-http10").unwrap().severity, Severity::Warning);
    assert!(!holds(&proxy_only(), "proxy-http10"));
}

/// TLS to each server refused for a cause, with what was seen.
fn tls_world(seen: impl Fn(&PathEvidence) -> (raincheck_probes::evidence::TlsSeen, Cause)) -> Evidence {
    world(|p| {
        if p.transport != Transport::Tls {
            return p;
        }
        let (tls, cause) = seen(&p);
        PathEvidence { tls: Some(tls), ..broken(p, Stage::Tls, cause) }
    })
}

#[test]
fn interception_is_known_by_comparison_only() {
    let untrusted = Cause::TlsUntrusted { issuer: "CN=Own CA".to_owned() };
    let own_keys =
        tls_world(|p| (tls(&p.server, "CN=Own CA", &format!("key-{}", p.server), false), untrusted.clone()));
    assert_eq!(told(&own_keys), ["tls-untrusted"], "two servers with certificates of their own authority");
    let mut fresh = tls_world(|p| {
        let mut seen = tls(&p.server, "CN=Own CA", &format!("key-{}", p.server), false);
        seen.chain[0].not_before = "2026-08-23T08:59:58Z".to_owned();
        (seen, untrusted.clone())
    });
    assert_eq!(told(&fresh), ["tls-untrusted"], "new certificates of one's own authority");
    fresh.asked.vendor_servers = true;
    assert_eq!(told(&fresh), ["tls-intercepted", "(tls-untrusted by tls-intercepted)"]);
    let shared = tls_world(|p| {
        let mut seen = tls(&p.server, "CN=Own CA", "one", false);
        seen.chain[0].names = vec!["*.example.net".to_owned()];
        seen.chain[0].sha256 = "same".to_owned();
        (seen, untrusted.clone())
    });
    assert_eq!(told(&shared), ["tls-untrusted"], "one certificate for all servers of a company");
    assert!(holds(&intercepted(), "tls-intercepted") && !holds(&open(), "tls-intercepted"));
}

#[test]
fn a_trusted_chain_by_another_route_gives_the_interceptor_away() {
    let mut run = open();
    let proxied = path(TURN1, Transport::Tls, Route::Proxy(PROXY.to_owned()));
    let cause = Cause::TlsUntrusted { issuer: "CN=Proxy CA".to_owned() };
    let seen = tls(TURN1, "CN=Proxy CA", "beef", false);
    run.paths.push(PathEvidence { tls: Some(seen), ..broken(proxied, Stage::Tls, cause) });
    let found = finding(&run, "tls-intercepted").unwrap();
    assert_eq!(found.advice[0], format!("Proxy {PROXY}: exempt turn1.example.net from TLS inspection."));
}

#[test]
fn tls_causes_have_a_finding_each() {
    let cases = [
        (Cause::TlsNameMismatch { presented: vec!["portal.example".to_owned()] }, "tls-name-mismatch"),
        (Cause::TlsExpired { not_after: "2026-01-01T00:00:00Z".to_owned() }, "tls-expired"),
        (Cause::TlsAlert { alert: "handshake_failure".to_owned() }, "tls-failed"),
        (Cause::Reset { received: 0 }, "tls-failed"),
        (Cause::TlsTimeout { waited_ms: 3000 }, "tls-failed"),
    ];
    for (cause, code) in cases {
        assert_eq!(told(&broken_on(Transport::Tls, Stage::Tls, cause)), [code]);
        assert!(!holds(&open(), code));
    }
    let own_name = tls_world(|p| {
        (
            tls(&p.server, "CN=Own CA", &p.server, false),
            Cause::TlsUntrusted { issuer: "CN=Own CA".to_owned() },
        )
    });
    assert_eq!(told(&own_name), ["tls-untrusted"]);
    assert!(!holds(&open(), "tls-untrusted"));
}

#[test]
fn http_inspection_is_an_http_answer_to_stun() {
    let found = finding(&http_inspection(), "dpi-http-inspection").unwrap();
    assert_eq!(found.reference, Some("4.1 note 2"));
    assert!(found.observed.ends_with("HTTP/1.1 400 Bad Request."), "{}", found.observed);
    assert_eq!(found.advice.len(), 1, "the servers speak STUN elsewhere");
    assert!(!holds(&open(), "dpi-http-inspection"));
}

#[test]
fn dpi_reset_needs_the_same_server_to_answer_elsewhere() {
    let cut = broken_on(Transport::Tcp, Stage::Allocate, Cause::Reset { received: 0 });
    assert_eq!(told(&cut), ["dpi-reset"]);
    let mut alone = cut.clone();
    alone.paths.retain(|p| p.transport == Transport::Tcp);
    assert_eq!(told(&alone), ["not-a-turn-server"]);
    let title = finding(&alone, "not-a-turn-server").unwrap().title;
    assert_eq!(
        title,
        "TCP/80 to turn1.example.net and turn2.example.net opens, and nothing there speaks TURN"
    );
    assert_eq!(told(&broken_on(Transport::Tls, Stage::Allocate, silent())), ["dpi-reset"]);
    let later = broken_on(Transport::Tcp, Stage::Allocate, Cause::Reset { received: 120 });
    assert!(!holds(&later, "dpi-reset") && !holds(&open(), "dpi-reset"));
}

#[test]
fn expired_credentials_explain_their_rejection() {
    let expires = |when: &str| {
        let mut run = bad_credentials();
        for step in run.paths.iter_mut().flat_map(|p| &mut p.steps) {
            step.facts.set("username_expires", when);
        }
        run
    };
    assert_eq!(
        told(&expires("2026-08-23T08:00:00Z")),
        ["turn-credentials-expired", "(turn-credentials-rejected by turn-credentials-expired)"]
    );
    assert_eq!(told(&expires("2026-08-24T08:00:00Z")), ["turn-credentials-rejected"]);
    assert!(!holds(&open(), "turn-credentials-rejected"));
}

#[test]
fn turn_errors_have_a_finding_each() {
    let error =
        |stun_code| Cause::StunError { stun_code, reason: "no".to_owned(), unknown_attributes: vec![] };
    let cases = [
        (Stage::Allocate, error(486), "turn-quota"),
        (Stage::Allocate, error(508), "turn-capacity"),
        (Stage::Allocate, error(443), "turn-wrong-family"),
        (Stage::Allocate, Cause::BadIntegrity { missing: true }, "stun-forged"),
        (Stage::Allocate, Cause::StaleNonceLoop { rounds: 3 }, "turn-stale-nonce-loop"),
        (Stage::Permission, error(403), "turn-forbidden-peer"),
        (Stage::Relay, Cause::RelayNoReturn { sent: 50 }, "relay-no-return"),
    ];
    for (stage, cause, code) in cases {
        let run = world(|p| {
            let mut p = broken(p, stage, cause.clone());
            if code == "relay-no-return" {
                let far_end = p.id.clone();
                p.relay_runs =
                    vec![RelayRun { far_end, sent: 50, received: 0, transit_ms: vec![], jitter_ms: None }];
            }
            p
        });
        assert_eq!(told(&run), [code]);
        assert!(!holds(&open(), code));
    }
}
