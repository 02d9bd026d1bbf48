//! Each rule holds and does not hold; the verdict is pure and cites only what is there.

use super::sample::*;
use super::*;
use raincheck_probes::evidence::{
    Cause, FirstBytes, Outcome, PathEvidence, Proof, RelayRun, Route, SkipReason, Transport,
};
use raincheck_probes::ice::Policy;
use raincheck_probes::tunnel::AuthScheme;

mod ice;
mod quality;
mod rules;

fn verdict(evidence: &Evidence) -> Verdict {
    judge(evidence, &ranking(evidence))
}

/// Root causes of a run, and what they account for in brackets.
fn told(evidence: &Evidence) -> Vec<String> {
    let tell = |f: &Finding| match f.explained_by {
        None => f.code.to_owned(),
        Some(by) => format!("({} by {by})", f.code),
    };
    verdict(evidence).findings.iter().map(tell).collect()
}

#[test]
fn each_named_run_is_told_by_its_root_causes() {
    let expected: &[(&str, Kind, &[&str])] = &[
        ("open", Kind::Works, &[]),
        ("udp-blocked", Kind::Degraded, &["udp-blocked"]),
        ("only-443", Kind::Degraded, &["udp-blocked", "tcp-80-blocked"]),
        ("nothing-works", Kind::Fails, &["udp-blocked", "tls-443-blocked", "tcp-80-blocked"]),
        ("bad-credentials", Kind::Fails, &["turn-credentials-rejected"]),
        ("no-credentials", Kind::Reachable, &[]),
        ("one-server-down", Kind::Degraded, &["turn-server-down"]),
        ("tls-intercepted", Kind::Degraded, &["tls-intercepted", "(tls-untrusted by tls-intercepted)"]),
        ("http-inspection", Kind::Degraded, &["dpi-http-inspection"]),
        (
            "proxy-only",
            Kind::Degraded,
            &[
                "udp-blocked",
                "proxy-required",
                "(tls-443-blocked by proxy-required)",
                "(tcp-80-blocked by proxy-required)",
            ],
        ),
        (
            "proxy-auth",
            Kind::Fails,
            &[
                "proxy-auth-required",
                "udp-blocked",
                "proxy-required",
                "(tls-443-blocked by proxy-required)",
                "(tcp-80-blocked by proxy-required)",
            ],
        ),
        ("checks-blocked", Kind::Degraded, &["ice-checks-blocked"]),
    ];
    for ((name, evidence), (expected_name, kind, codes)) in all().iter().zip(expected) {
        assert_eq!(name, expected_name);
        assert_eq!(verdict(evidence).kind, *kind, "{name}");
        assert_eq!(told(evidence), *codes, "{name}");
    }
}

#[test]
fn the_order_of_paths_and_steps_changes_nothing() {
    for (name, evidence) in all() {
        let expected = verdict(&evidence);
        let ranks = ranking(&evidence);
        for turn in 1..evidence.paths.len() {
            let mut other = evidence.clone();
            other.paths.rotate_left(turn);
            for path in &mut other.paths {
                path.steps.reverse();
            }
            assert_eq!(judge(&other, &ranks), expected, "{name} turned by {turn}");
        }
    }
}

#[test]
fn a_skipped_step_changes_nothing() {
    for (name, evidence) in all() {
        let expected = verdict(&evidence);
        let mut other = evidence.clone();
        for path in &mut other.paths {
            let why = Outcome::Skipped(SkipReason::NotAsked);
            path.steps.insert(0, step(Stage::Tls, why.clone(), 0, 0));
            path.steps.push(step(Stage::Tunnel, why, 900, 900));
        }
        assert_eq!(verdict(&other), expected, "{name}");
    }
}

#[test]
fn every_cite_names_a_path_and_a_stage_that_are_there() {
    for (name, evidence) in all() {
        cites_exist(name, &evidence, &verdict(&evidence));
    }
}

fn cites_exist(name: &str, evidence: &Evidence, verdict: &Verdict) {
    for finding in &verdict.findings {
        assert!(!finding.evidence.is_empty(), "{name}: {} stands on nothing", finding.code);
        for cite in &finding.evidence {
            let path = evidence.paths.iter().find(|p| p.id == cite.path);
            let has_stage = path.is_some_and(|p| p.steps.iter().any(|s| s.stage == cite.stage));
            assert!(has_stage, "{name}: {} cites {} {:?}", finding.code, cite.path, cite.stage);
        }
    }
}

/// Every cause that a layer may meet with.
fn causes() -> Vec<Cause> {
    let first_bytes = || FirstBytes::of(b"\x00\xff\x1b[31m|");
    let text = || "what the \x1b far end | said".to_owned();
    vec![
        Cause::NameNotFound,
        Cause::ResolveTimeout { waited_ms: 1 },
        Cause::ResolveFailed { detail: text() },
        timeout(),
        Cause::Refused,
        Cause::Unreachable { detail: text() },
        Cause::LocalRefusal { detail: text() },
        Cause::Reset { received: 0 },
        Cause::Closed { received: 7 },
        Cause::ProxyStatus { status: 403, reason: text() },
        Cause::ProxyStatus { status: 503, reason: text() },
        Cause::ProxyAuthRequired { schemes: vec![AuthScheme::Other(text())] },
        Cause::ProxyAuthRejected { scheme: AuthScheme::Digest },
        Cause::ProxyAuthUnsupported { schemes: vec![] },
        Cause::ProxyNotHttp { first_bytes: first_bytes() },
        Cause::ProxyBadHead { detail: text() },
        Cause::TunnelTimeout { waited_ms: 1 },
        Cause::TlsUntrusted { issuer: text() },
        Cause::TlsNameMismatch { presented: vec![] },
        Cause::TlsExpired { not_after: text() },
        Cause::TlsNotYetValid { not_before: text() },
        Cause::TlsBadCertificate { detail: text() },
        Cause::TlsAlert { alert: text() },
        Cause::TlsNotTls { first_bytes: first_bytes() },
        Cause::TlsTimeout { waited_ms: 1 },
        Cause::TlsFailed { detail: text() },
        silent(),
        Cause::NoAnswer { requests: u32::MAX, waited_ms: u64::MAX },
        Cause::NotStun { first_bytes: first_bytes() },
        Cause::Malformed { detail: text(), first_bytes: first_bytes() },
        Cause::StunError { stun_code: 486, reason: text(), unknown_attributes: vec![1] },
        Cause::CredentialsNeeded { realm: text() },
        Cause::CredentialsRejected { stun_code: 441, reason: text() },
        Cause::StaleNonceLoop { rounds: 3 },
        Cause::BadRedirect { detail: text(), to: None },
        Cause::BadIntegrity { missing: true },
        Cause::BadFingerprint,
        Cause::UnknownRequired { attributes: vec![] },
        Cause::MissingAttribute { attribute: text() },
        Cause::RelayNoReturn { sent: 0 },
        Cause::RelayCorrupt { changed: 1 },
        Cause::LocalFailure { detail: text() },
    ]
}

#[test]
fn any_cause_at_any_stage_is_judged_soundly_and_in_any_order() {
    for cause in causes() {
        for at in 0..10 {
            let run = behind_proxy(|p| {
                let stage = p.steps[at.min(p.steps.len() - 1)].stage;
                broken(p, stage, cause.clone())
            });
            let found = verdict(&run);
            cites_exist("sweep", &run, &found);
            assert!(found.summary.ends_with('.') && found.summary.len() < 300, "{}", found.summary);
            let mut turned = run.clone();
            turned.paths.reverse();
            assert_eq!(judge(&turned, &ranking(&run)), found, "{cause:?} at {at}");
        }
    }
}

#[test]
fn an_address_that_another_overtook_leaves_nothing_open() {
    let mut run = world(|p| match p.transport {
        Transport::Tls => broken(p, Stage::Tls, Cause::TlsTimeout { waited_ms: 3000 }),
        Transport::Udp | Transport::Tcp => p,
    });
    for path in &mut run.paths {
        path.steps.insert(1, step(Stage::Connect, Outcome::Unfinished, 25, 25));
        path.steps[1].ended = None;
    }
    run.paths.retain(|p| p.transport != Transport::Udp);
    assert_eq!(verdict(&run).kind, Kind::Degraded);
    assert_eq!(told(&run), ["tls-failed"]);
}

#[test]
fn a_redirection_is_not_what_broke_the_path() {
    let mut path = broken(
        path(TURN1, Transport::Udp, Route::Direct),
        Stage::Allocate,
        Cause::StunError { stun_code: 300, reason: "Try Alternate".to_owned(), unknown_attributes: vec![] },
    );
    let last = Cause::StunError { stun_code: 486, reason: "Quota".to_owned(), unknown_attributes: vec![] };
    path.steps.push(step(Stage::Allocate, Outcome::Failed(last.clone()), 80, 90));
    assert_eq!(path_failure(&path).map(|(_, cause)| cause), Some(&last));
}

#[test]
fn evidence_that_was_saved_is_judged_the_same() {
    for (name, evidence) in all() {
        let saved = serde_json::to_string(&evidence).unwrap();
        let read: Evidence = serde_json::from_str(&saved).unwrap();
        assert_eq!(verdict(&read), verdict(&evidence), "{name}");
    }
}

#[test]
fn advice_is_at_most_two_short_sentences() {
    for (name, evidence) in all() {
        for finding in verdict(&evidence).findings {
            assert!(
                (1..=2).contains(&finding.advice.len()),
                "{name}: {} advises {:?}",
                finding.code,
                finding.advice
            );
            for text in &finding.advice {
                assert!(text.len() <= 160 && text.ends_with('.'), "{name}: {text}");
            }
        }
    }
}

#[test]
fn codes_are_unique_and_nothing_explains_in_a_circle() {
    for (at, rule) in RULES.iter().enumerate() {
        assert_eq!(RULES.iter().position(|r| r.code == rule.code), Some(at), "{} is there twice", rule.code);
        let mut seen = vec![rule.code];
        let mut next: Vec<&str> = rule.explained_by.to_vec();
        while let Some(code) = next.pop() {
            assert_ne!(code, rule.code, "{} explains itself", rule.code);
            let by = RULES.iter().find(|r| r.code == code).unwrap_or_else(|| panic!("{code} is no rule"));
            if !seen.contains(&code) {
                seen.push(code);
                next.extend(by.explained_by);
            }
        }
    }
}

#[test]
fn exit_status_follows_the_kind() {
    let mut verdict = verdict(&open());
    let statuses = [Kind::Works, Kind::Reachable, Kind::Degraded, Kind::Fails, Kind::Unknown].map(|kind| {
        verdict.kind = kind;
        verdict.exit_status()
    });
    assert_eq!(statuses, [0, 0, 1, 1, 3]);
}

fn capabilities(evidence: &Evidence) -> [Answer; 5] {
    let c = verdict(evidence).capabilities;
    [c.direct_udp, c.relay_udp, c.relay_tcp, c.relay_tls, c.relay_via_proxy]
}

#[test]
fn capabilities_say_works_fails_unknown_or_not_asked() {
    use Answer::{Fails, NotAsked, Unknown, Works};
    assert_eq!(capabilities(&open()), [Works, Works, Works, Works, NotAsked]);
    assert_eq!(capabilities(&udp_blocked()), [Fails, Fails, Works, Works, NotAsked]);
    assert_eq!(capabilities(&only_443()), [Fails, Fails, Fails, Works, NotAsked]);
    assert_eq!(capabilities(&bad_credentials()), [Works, Fails, Fails, Fails, NotAsked]);
    assert_eq!(capabilities(&no_credentials()), [Works, Unknown, Unknown, Unknown, NotAsked]);
    assert_eq!(capabilities(&proxy_only()), [Fails, Fails, Works, Works, Works]);
    assert_eq!(capabilities(&proxy_auth()), [Fails, Fails, Fails, Fails, Fails]);
    let mut relay_only = open();
    relay_only.asked.policy = Policy::Relay;
    assert_eq!(capabilities(&relay_only), [NotAsked, Works, Works, Works, NotAsked]);
    assert_eq!(capabilities(&evidence(Vec::new())), [NotAsked; 5]);
}

#[test]
fn a_run_that_was_cut_short_is_unknown_until_something_decides() {
    let unfinished = |mut p: PathEvidence| {
        for step in p.steps.iter_mut().filter(|s| s.stage >= Stage::Binding) {
            step.outcome = Outcome::Unfinished;
        }
        p.proof = None;
        p.mapped = None;
        p.relay_runs.clear();
        p
    };
    let mut nothing_decided = world(unfinished);
    nothing_decided.cut_short = Some("the deadline of 2 s came first".to_owned());
    let verdict_of_none = verdict(&nothing_decided);
    assert_eq!(verdict_of_none.kind, Kind::Unknown);
    assert_eq!(verdict_of_none.exit_status(), 3);
    assert_eq!(
        verdict_of_none.summary,
        "It is not known whether calls work: the deadline of 2 s came first, with 6 of 6 paths undecided; \
         nothing had answered until then."
    );
    let udp_works = world(|p| if p.transport == Transport::Udp { p } else { unfinished(p) });
    assert_eq!(verdict(&udp_works).kind, Kind::Unknown);
    let tcp_fails_too = world(|p| match p.transport {
        Transport::Udp => p,
        Transport::Tcp => broken(p, Stage::Connect, Cause::Refused),
        Transport::Tls => unfinished(p),
    });
    assert_eq!(verdict(&tcp_fails_too).kind, Kind::Degraded);
}

#[test]
fn silence_after_too_few_requests_decides_nothing() {
    let few = Cause::NoAnswer { requests: 3, waited_ms: 2000 };
    let udp = |server| broken(path(server, Transport::Udp, Route::Direct), Stage::Binding, few.clone());
    let run = evidence(vec![udp(TURN1), udp(TURN2)]);
    assert_eq!(verdict(&run).kind, Kind::Unknown);
    assert_eq!(told(&run), Vec::<String>::new());
}

#[test]
fn direct_paths_that_the_client_never_takes_do_not_degrade() {
    let mut run = proxy_only();
    for server in [TURN1, TURN2] {
        run.paths.retain(|p| p.transport != Transport::Udp || p.server != server);
        run.paths.push(path(server, Transport::Udp, Route::Direct));
    }
    assert_eq!(verdict(&run).kind, Kind::Works);
    assert_eq!(told(&run)[0], "proxy-required");
}

#[test]
fn without_credentials_something_blocked_degrades_and_everything_blocked_fails() {
    let open = |mut p: PathEvidence| {
        p.has_credentials = false;
        broken(p, Stage::Allocate, Cause::CredentialsNeeded { realm: "example.net".to_owned() })
    };
    let shut = |mut p: PathEvidence| {
        p.has_credentials = false;
        match p.transport {
            Transport::Udp => broken(p, Stage::Binding, silent()),
            Transport::Tcp | Transport::Tls => broken(p, Stage::Connect, timeout()),
        }
    };
    let part = world(|p| if p.transport == Transport::Udp { shut(p) } else { open(p) });
    assert_eq!(verdict(&part).kind, Kind::Degraded);
    assert_eq!(
        verdict(&part).summary,
        "Every server answers, but not on every path: UDP/3478 is blocked here."
    );
    let none = world(shut);
    assert_eq!(verdict(&none).kind, Kind::Fails);
    assert_eq!(
        verdict(&none).summary,
        "No server can be reached: UDP/3478, TLS/443 and TCP/80 get no answer."
    );
}

#[test]
fn a_stun_server_alone_is_reachable_when_it_answers() {
    let mut stun = path(TURN1, Transport::Udp, Route::Direct);
    stun.url = format!("stun:{TURN1}:3478");
    stun.steps.retain(|s| s.stage <= Stage::Binding);
    (stun.proof, stun.has_credentials) = (Some(Proof::Reachable), false);
    stun.relay_runs.clear();
    let mut run = open();
    run.paths = vec![stun];
    assert_eq!(verdict(&run).kind, Kind::Reachable);
    assert_eq!(verdict(&run).summary, "Every server answers on every path; no relay was asked for.");
    assert_eq!(capabilities(&run)[..2], [Answer::Works, Answer::NotAsked]);
}

#[test]
fn a_run_that_was_cut_short_works_only_when_every_path_was_proven() {
    let mut run = open();
    run.cut_short = Some("interrupted".to_owned());
    let mut media = step(Stage::Relay, Outcome::Passed, 300, 1500);
    media.facts = media.facts.with("media", true).with("sent", 120);
    run.paths[0].steps.push(media);
    assert_eq!(verdict(&run).kind, Kind::Works);
    assert!(
        verdict(&run).summary.ends_with("; interrupted after 1.2 s of media)."),
        "{}",
        verdict(&run).summary
    );
    run.paths[1].proof = Some(Proof::Allocated);
    run.paths[1].relay_runs.clear();
    assert_eq!(verdict(&run).kind, Kind::Unknown);
    assert_eq!(
        verdict(&run).summary,
        "Calls connect, but the rest is not known: the run was interrupted, with 1 of 6 paths undecided; \
         until then 5 had carried packets and 1 had a relay."
    );
    let mut degraded = udp_blocked();
    degraded.cut_short = Some("interrupted".to_owned());
    assert_eq!(verdict(&degraded).kind, Kind::Degraded);
    assert!(verdict(&degraded).summary.ends_with("blocked here (interrupted)."));
}

#[test]
fn a_relay_that_carried_nothing_does_not_prove_that_calls_work() {
    let run = world(|mut p| {
        p.steps.retain(|s| s.stage < Stage::Permission);
        let mut skipped = step(Stage::Permission, Outcome::Skipped(SkipReason::NoPeer), 200, 200);
        skipped.facts.set("second_allocation", "the server answered 486 Allocation Quota Reached");
        p.steps.push(skipped);
        p.relay_runs.clear();
        PathEvidence { proof: Some(Proof::Allocated), ..p }
    });
    assert_eq!(verdict(&run).kind, Kind::Unknown);
    assert_eq!(
        verdict(&run).summary,
        "The relay was allocated, but no packet could be sent through it: a second allocation to send from \
         could not be made (the server answered 486 Allocation Quota Reached)."
    );
}

#[test]
fn a_failure_without_a_finding_has_its_plain_cause_and_advice() {
    let mismatch = Cause::StunError {
        stun_code: 437,
        reason: "Allocation Mismatch".to_owned(),
        unknown_attributes: vec![],
    };
    let run = world(|p| broken(p, Stage::Allocate, mismatch.clone()));
    let found = verdict(&run);
    assert_eq!(told(&run), Vec::<String>::new());
    assert_eq!(found.advice, ["Ask whoever runs the TURN server; it answered 437 Allocation Mismatch."]);
    assert!(found.summary.contains("the server answered 437 Allocation Mismatch"), "{}", found.summary);
    assert_eq!(verdict(&nothing_works()).advice, Vec::<String>::new());
}

#[test]
fn poor_media_on_the_selected_path_degrades() {
    let run = world(|mut p| {
        p.relay_runs[0].transit_ms = vec![420.0; 50];
        p
    });
    assert_eq!(verdict(&run).kind, Kind::Degraded);
    assert_eq!(
        verdict(&run).summary,
        "Calls connect, but with poor quality: latency is 210.0 ms one way, above the limit of 150 ms."
    );
}

#[test]
fn summaries_name_the_cause_in_one_sentence() {
    let summary = |run: Evidence| verdict(&run).summary;
    assert_eq!(
        summary(open()),
        "Calls work on every path; the client will use UDP/3478 to turn1.example.net (40.5 ms round trip)."
    );
    assert_eq!(
        summary(udp_blocked()),
        "Calls connect, but not on the path they should: UDP/3478 is blocked here."
    );
    assert_eq!(
        summary(only_443()),
        "Calls connect, but not on the path they should: UDP/3478 and TCP/80 are blocked here."
    );
    assert_eq!(
        summary(bad_credentials()),
        "Only calls that need no relay can connect: \
         the credentials are rejected by turn1.example.net and turn2.example.net."
    );
    assert_eq!(
        summary(one_server_down()),
        "Calls connect, but not on every path they should: turn2.example.net does not answer."
    );
}
