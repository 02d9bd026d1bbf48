//! Connectivity checks, and paths that a client never looks at.

use super::*;

fn finding(evidence: &Evidence, code: &str) -> Option<Finding> {
    verdict(evidence).findings.into_iter().find(|f| f.code == code)
}

#[test]
fn a_path_that_carries_packets_and_eats_checks_is_no_path_for_a_client() {
    let run = checks_blocked();
    let found = verdict(&run);
    let answers = [found.capabilities.relay_udp, found.capabilities.relay_tcp, found.capabilities.relay_tls];
    assert_eq!(answers, [Answer::Fails, Answer::Fails, Answer::Works]);
    assert!(run.paths.iter().all(|path| path.proof == Some(Proof::Media)), "bytes remain what they prove");
    let finding = finding(&run, "ice-checks-blocked").unwrap();
    assert_eq!((finding.severity, finding.paths.len()), (Severity::Error, 4));
    assert!(finding.advice[0].starts_with("Firewall: let UDP/3478 and TCP/80 to "), "{:?}", finding.advice);
    let ranked = ranking::ranking(&raincheck_probes::ice::stack::Profile::default(), &run);
    let selected: Vec<&str> =
        ranked.iter().filter(|rank| rank.selected).map(|rank| rank.path.as_str()).collect();
    assert_eq!((ranked.len(), selected), (2, vec!["tls/turn1.example.net:443"]));
}

#[test]
fn checks_that_fail_everywhere_leave_no_call_and_point_to_the_server() {
    let run = world(|p| checked(p, Some(9)));
    let found = verdict(&run);
    assert_eq!(found.kind, Kind::Fails);
    let udp_only = |p: &PathEvidence| p.transport != Transport::Tls;
    let mut tls_alone = world(|p| checked(p, Some(9)));
    tls_alone.paths.retain(|p| !udp_only(p));
    let finding = finding(&tls_alone, "ice-checks-blocked").unwrap();
    assert!(finding.advice[0].starts_with("Server: "), "nothing on the way reads TLS: {:?}", finding.advice);
}

#[test]
fn checks_that_are_answered_or_too_few_accuse_nobody() {
    assert_eq!(told(&world(|p| checked(p, None))), [""; 0]);
    let three = world(|p| checked(p, Some(3)));
    assert_eq!((verdict(&three).kind, told(&three)), (Kind::Works, vec![]));
    let lossy = world(|mut p| {
        p.relay_runs[0].received = 49;
        checked(p, Some(8))
    });
    assert!(finding(&lossy, "ice-checks-blocked").is_none(), "eight may be lost where packets are");
}

#[test]
fn checks_across_two_servers_say_not_which_of_them_eats_them() {
    let run = world(|p| {
        let mut p = checked(p, Some(34));
        p.steps
            .iter_mut()
            .filter(|s| s.stage == Stage::Check)
            .for_each(|s| s.facts.set("far_end", "elsewhere"));
        p
    });
    assert_eq!((verdict(&run).kind, told(&run)), (Kind::Works, vec![]));
}

#[test]
fn a_relay_that_carries_stun_alone_is_told_as_such() {
    let run = world(|p| {
        let far_end = p.id.clone();
        let mut p = checked(broken(p, Stage::Relay, Cause::RelayNoReturn { sent: 20 }), None);
        p.relay_runs = vec![RelayRun { far_end, sent: 20, received: 0, transit_ms: vec![], jitter_ms: None }];
        p
    });
    let finding = finding(&run, "relay-no-return").unwrap();
    assert!(finding.observed.ends_with("a call would connect and stay silent."), "{}", finding.observed);
    assert_eq!((verdict(&run).kind, told(&run)), (Kind::Fails, vec!["relay-no-return".to_owned()]));
}

/// UDP gives its relays that late; everything else is there after 100 ms.
fn slow_udp(late_ms: u64) -> Evidence {
    world(|mut p| {
        let late = if p.transport == Transport::Udp { late_ms } else { 100 };
        for step in p.steps.iter_mut().filter(|step| step.stage == Stage::Allocate) {
            step.ended = Some(raincheck_probes::machine::Offset::from_ms(late));
        }
        p
    })
}

fn measured(profile: &str, evidence: &Evidence) -> Verdict {
    let profile = raincheck_probes::ice::stack::Profile::parse(profile).unwrap();
    judge(evidence, &ranking::ranking(&profile, evidence))
}

#[test]
fn a_preferred_path_that_an_answered_call_overlooks_is_good_to_know() {
    let found = measured("chromium", &slow_udp(2_000));
    let finding = found.findings.iter().find(|f| f.code == "client-stops-early").unwrap();
    assert_eq!((found.kind, finding.severity), (Kind::Works, Severity::Info));
    assert!(
        finding.observed.ends_with("; it takes TCP/80 to turn1.example.net instead."),
        "{}",
        finding.observed
    );
    cites_exist("slow-udp", &slow_udp(2_000), &found);
}

#[test]
fn nobody_is_told_of_a_path_that_is_hardly_late_or_of_a_client_that_waits() {
    for (profile, late_ms) in [("chromium", 100), ("chromium", 240), ("firefox", 2_000), ("gateway", 2_000)] {
        let codes: Vec<&str> =
            measured(profile, &slow_udp(late_ms)).findings.iter().map(|f| f.code).collect();
        assert!(codes.is_empty(), "{profile} {late_ms}: {codes:?}");
    }
}
