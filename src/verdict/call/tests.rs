//! Each rule where it holds and where it does not.

use super::sample::*;
use super::*;
use crate::call::record::{CallRole, CutRecord, DtlsRecord, SuccessorRecord};
use crate::call::words;
use crate::verdict::sample::silent;
use raincheck_probes::evidence::Cause;
use raincheck_probes::ice::CandidateType;
use raincheck_probes::ice::agent::IceRole;
use raincheck_probes::machine::Offset;

fn codes(record: &CallRecord, asked: &Asked) -> Vec<&'static str> {
    judge_call(record, asked).findings.iter().filter(|f| f.explained_by.is_none()).map(|f| f.code).collect()
}

fn kind_of(record: &CallRecord, asked: &Asked) -> Kind {
    judge_call(record, asked).kind
}

fn told(record: &CallRecord, asked: &Asked) -> (Kind, Vec<&'static str>) {
    (kind_of(record, asked), codes(record, asked))
}

#[test]
fn each_named_call_has_its_verdict_and_its_root_causes() {
    let told: Vec<(&str, Kind, Vec<&str>)> = all()
        .iter()
        .map(|(name, record, asked)| (*name, kind_of(record, asked), codes(record, asked)))
        .collect();
    assert_eq!(
        told,
        [
            ("call-by-relay", Kind::Works, vec!["udp-blocked"]),
            ("call-direct", Kind::Works, vec![]),
            ("call-unanswered", Kind::Fails, vec!["call-no-answer"]),
            ("call-without-relays", Kind::Fails, vec!["udp-blocked", "turn-credentials-rejected"]),
            ("call-dtls-eaten", Kind::Degraded, vec!["dtls-blocked"]),
            ("call-switched", Kind::Works, vec![]),
            ("call-soaked", Kind::Degraded, vec!["call-dropped"]),
            ("call-matrix", Kind::Works, vec!["udp-blocked"]),
            ("call-cut-short", Kind::Unknown, vec![]),
            ("call-unsignalled", Kind::Unknown, vec!["call-not-signalled"]),
        ]
    );
}

#[test]
fn what_explains_and_what_is_explained_name_each_other() {
    for (name, record, asked) in all() {
        let findings = judge_call(&record, &asked).findings;
        for finding in &findings {
            let code_of = |code: &str| findings.iter().find(|f| f.code == code);
            if let Some(by) = finding.explained_by {
                assert!(
                    code_of(by).is_some_and(|f| f.explains.contains(&finding.code)),
                    "{name}: {}",
                    finding.code
                );
            }
            assert!(finding.explains.iter().all(|code| code_of(code).is_some()), "{name}: {}", finding.code);
        }
    }
}

#[test]
fn a_call_without_relays_names_what_kept_the_relay_away() {
    let findings = judge_call(&without_relays(), &asked()).findings;
    let no_relay = findings.iter().find(|f| f.code == "call-no-relay").expect("it is told");
    assert!(no_relay.explained_by.is_some());
    // Where no server was asked at all, nothing else explains it.
    let mut bare = without_relays();
    bare.near.paths.clear();
    assert_eq!(told(&bare, &asked()), (Kind::Fails, vec!["call-no-relay"]));
}

#[test]
fn a_call_that_never_had_a_pair_says_whose_candidates_are_missing() {
    let mut none = unanswered();
    none.near.pairs.clear();
    none.passed_over = vec![("candidate:1 1 udp 1 a.local 1 typ host".to_owned(), "a name".to_owned())];
    assert_eq!(codes(&none, &asked()), ["call-no-candidates"]);
    none.passed_over.clear();
    assert_eq!(codes(&none, &asked()), ["call-no-pair"]);
    none.near.candidates.clear();
    let found = judge_call(&none, &Asked { policy: Policy::Relay, ..asked() }).findings;
    assert_eq!(found[0].code, "call-no-candidates");
    assert!(found[0].observed.contains("--policy relay"), "{}", found[0].observed);
}

#[test]
fn a_far_end_of_ours_without_candidates_is_not_told_of_as_one_that_fits_none() {
    let mut none = CallRecord { role: CallRole::Own, ..without_relays() };
    none.near.pairs.clear();
    none.far = Some(end(IceRole::Controlled, Vec::new()));
    let found = judge_call(&none, &asked()).findings;
    let own = found.iter().find(|f| f.code.starts_with("call-")).expect("it is told");
    assert_eq!((own.code, own.title.as_str()), ("call-no-candidates", "The far end has no relay"));
    // What kept the relay away is the reason.
    assert!(own.explained_by.is_some());
}

#[test]
fn dtls_that_fails_is_told_by_what_failed() {
    let with = |change: &dyn Fn(&mut DtlsRecord)| {
        let mut record = dtls_eaten();
        change(record.dtls.as_mut().expect("it was tried"));
        told(&record, &asked())
    };
    let degraded = |code| (Kind::Degraded, vec![code]);
    assert_eq!(with(&|_| {}), degraded("dtls-blocked"));
    assert_eq!(with(&|d| d.failure_code = Some("stalled".to_owned())), degraded("dtls-blocked"));
    assert_eq!(with(&|d| d.fingerprint_matches = Some(false)), degraded("dtls-fingerprint"));
    assert_eq!(
        with(&|d| d.failure_code = Some("fingerprint-mismatch".to_owned())),
        degraded("dtls-fingerprint")
    );
    assert_eq!(with(&|d| d.failure_code = Some("alert".to_owned())), degraded("dtls-failed"));
    assert_eq!(with(&|d| d.ok = true), (Kind::Works, vec![]));
}

#[test]
fn a_handshake_that_our_own_end_cut_off_decides_nothing() {
    let mut record = dtls_eaten();
    record.cut_short = Some("interrupted".to_owned());
    let dtls = record.dtls.as_mut().expect("it was tried");
    (dtls.failure, dtls.failure_code) = (None, None);
    assert_eq!(told(&record, &asked()), (Kind::Unknown, vec![]));
    record.dtls = None;
    assert_eq!(kind_of(&record, &asked()), Kind::Unknown);
}

#[test]
fn a_handshake_that_could_not_be_tried_is_no_fault_of_the_network() {
    let mut record = dtls_eaten();
    let dtls = record.dtls.as_mut().expect("it is there");
    (dtls.failure, dtls.failure_code) = (Some("no certificate".to_owned()), Some("not-tried".to_owned()));
    assert_eq!(told(&record, &asked()), (Kind::Unknown, vec![]));
    let summary = judge_call(&record, &asked()).summary;
    assert!(summary.ends_with("the rest is not known: DTLS was not tried: no certificate."), "{summary}");
}

#[test]
fn a_deadline_after_enough_unanswered_checks_is_a_failure() {
    let mut record = cut_short();
    record.cut_short = Some("the deadline of 30 s came".to_owned());
    for pair in &mut record.near.pairs {
        pair.requests_sent = 9;
    }
    assert_eq!(told(&record, &asked()), (Kind::Fails, vec!["call-no-answer"]));
    // One pair that has not had its chance leaves it open.
    record.near.pairs[0].requests_sent = 8;
    assert_eq!(told(&record, &asked()), (Kind::Unknown, vec![]));
}

#[test]
fn a_cut_counts_as_survived_only_when_the_call_goes_on() {
    let (record, fail) = switched();
    let with = |change: &dyn Fn(&mut CutRecord)| {
        let mut record = record.clone();
        change(record.cut.as_mut().expect("it was cut"));
        told(&record, &fail)
    };
    let lost = (Kind::Degraded, vec!["call-no-failover"]);
    assert_eq!(with(&|_| {}), (Kind::Works, vec![]));
    assert_eq!(with(&|cut| (cut.after, cut.switched) = (None, None)), lost);
    // The call ran over TCP, which a cut of UDP does not touch.
    assert_eq!(
        with(&|cut| (cut.before, cut.after, cut.switched) = (Some(0), None, None)),
        (Kind::Works, vec![])
    );
    let uncut = CallRecord { cut: None, ..record.clone() };
    assert_eq!(told(&uncut, &fail), (Kind::Unknown, vec![]));
    let summary = judge_call(&uncut, &fail).summary;
    assert!(summary.contains("no path of this call is \"udp\", so nothing was cut"), "{summary}");
}

#[test]
fn a_cut_short_before_the_switch_is_not_called_a_failure() {
    let (mut record, fail) = switched();
    record.cut_short = Some("interrupted".to_owned());
    let cut = record.cut.as_mut().expect("it was cut");
    (cut.after, cut.switched) = (None, None);
    assert_eq!(told(&record, &fail), (Kind::Unknown, vec![]));
}

#[test]
fn a_soak_is_told_by_what_ended_it() {
    let (record, asked) = soaked();
    let with = |what: &str, failure: Option<Cause>| {
        let mut record = record.clone();
        let soak = record.soak.as_mut().expect("it was kept up");
        soak.upkeep.truncate(1);
        soak.broken = failure.as_ref().map(|_| 0);
        soak.upkeep[0].due = 2;
        (soak.upkeep[0].what, soak.upkeep[0].failure) = (what.to_owned(), failure);
        judge_call(&record, &asked)
    };
    let expired = Cause::CredentialsRejected { stun_code: 401, reason: "Unauthorized".to_owned() };
    let found = with("allocation", Some(expired));
    assert_eq!((found.kind, found.findings[0].code), (Kind::Degraded, "call-dropped"));
    assert!(found.findings[0].advice[0].contains("live longer"), "{:?}", found.findings[0].advice);
    let found = with("consent", None);
    assert!(!found.findings[0].observed.contains("answered"), "{:?}", found.findings[0].observed);
    assert!(found.findings[0].advice[0].starts_with("Firewall or NAT"), "{:?}", found.findings[0].advice);
}

#[test]
fn a_nat_was_blamed_when_the_servers_had_ended_their_connections() {
    let (mut record, asked) = soaked();
    record.soak.as_mut().expect("it was kept up").upkeep.truncate(2);
    let mut advised = |path: &str| {
        let relayed = record.near.pairs.last_mut().expect("a pair");
        (relayed.path, relayed.cause) = (Some(path.to_owned()), Some(Cause::Reset { received: 364 }));
        judge_call(&record, &asked).findings[0].advice[0].clone()
    };
    assert!(advised("tcp/turn1.example:80").starts_with("TURN servers:"));
    assert!(advised("tcp/turn1.example:80@proxy.example:3128").starts_with("Proxy:"));
    let told = words::ended_streams(std::iter::once(&record.near));
    assert_eq!(told.as_deref(), Some("tcp/turn1.example:80@proxy.example:3128 was reset"));
}

#[test]
fn a_soak_that_held_works_and_one_that_we_ended_is_open() {
    let (mut record, asked) = soaked();
    let soak = record.soak.as_mut().expect("it was kept up");
    (soak.held, soak.ended_by) = (soak.asked, None);
    soak.upkeep.clear();
    assert_eq!(told(&record, &asked), (Kind::Works, vec![]));
    record.soak.as_mut().expect("it was kept up").held = ms(20_000);
    record.cut_short = Some("interrupted".to_owned());
    assert_eq!(told(&record, &asked), (Kind::Unknown, vec![]));
    record.soak = None;
    assert_eq!(kind_of(&record, &asked), Kind::Unknown);
}

#[test]
fn a_matrix_that_was_asked_and_is_not_there_is_open() {
    let (mut record, asked) = surveyed();
    record.matrix.clear();
    assert_eq!(kind_of(&record, &asked), Kind::Unknown);
}

#[test]
fn a_peer_whose_private_address_the_server_refuses_is_no_fault_of_the_path() {
    let mut record = direct();
    for path in &mut record.near.paths {
        for step in path.steps.iter_mut().filter(|step| step.stage == Stage::Permission) {
            let cause = Cause::StunError {
                stun_code: 403,
                reason: "Forbidden IP".to_owned(),
                unknown_attributes: vec![],
            };
            step.outcome = raincheck_probes::evidence::Outcome::Failed(cause);
        }
        path.relay_runs.clear();
    }
    assert_eq!(told(&record, &asked()), (Kind::Works, vec![]));
}

#[test]
fn sentences_say_the_way_and_what_was_asked_of_it() {
    let said = |(record, asked): (CallRecord, Asked)| judge_call(&record, &asked).summary;
    assert_eq!(
        said((by_relay(), asked())),
        "Calls connect: relay TCP/80 via turn1.example.net, 41.2 ms round trip; DTLS in 43.0 ms."
    );
    assert_eq!(
        said((direct(), asked())),
        "Calls connect: direct (srflx to srflx), 18.4 ms round trip; DTLS in 43.0 ms."
    );
    assert_eq!(
        said(switched()),
        "Calls connect: relay UDP/3478 via turn1.example.net; DTLS in 43.0 ms; 3.50 s after the cut of udp it went \
         on over relay TCP/80 via turn1.example.net."
    );
    assert_eq!(
        said((dtls_eaten(), asked())),
        "A call connects (direct (srflx to srflx), 18.4 ms round trip), but STUN passes on the selected path and \
         DTLS does not."
    );
    assert_eq!(
        said((cut_short(), asked())),
        "It is not known whether calls connect: the run was interrupted."
    );
    assert_eq!(
        said((unsignalled(), asked())),
        "It is not known whether calls connect: no answer was pasted in 600 s."
    );
}

#[test]
fn odd_records_are_judged_without_a_panic() {
    let (mut record, asked) = switched();
    record.near.selected = Some(99);
    record.near.successor = Some(SuccessorRecord::Restart(99));
    let cut =
        CutRecord { before: Some(99), after: Some(99), at: Offset::ZERO, ..record.cut.clone().expect("cut") };
    record.cut = Some(cut);
    record.matrix = vec![fails(
        candidate(CandidateType::Prflx, "[2001:db8::1]:1"),
        candidate(CandidateType::Relay, "[2001:db8::2]:2"),
        silent(),
    )];
    let verdict = judge_call(&record, &asked);
    assert_eq!(verdict.kind, Kind::Works);
    assert!(!verdict.summary.is_empty());
}
