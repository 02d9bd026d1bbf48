//! What the network and the credentials allow: proof, causes and findings of each path.

use crate::world::World;
use raincheck::plan::Purpose;
use raincheck::settings::ServerSource;
use raincheck::verdict::{Answer, Kind};
use raincheck_probes::evidence::{Cause, Outcome, PathEvidence, Proof, SkipReason, Stage, Transport};
use raincheck_probes::ice::{CandidateType, Policy};

/// The paths of the desktop client in the lab, in the plan's order.
const PATHS: [&str; 6] = [
    "udp/turn1.lab.test:3478",
    "tcp/turn1.lab.test:80",
    "tls/turn1.lab.test:443",
    "udp/turn2.lab.test:3478",
    "tcp/turn2.lab.test:80",
    "tls/turn2.lab.test:443",
];

fn all(proof: Proof) -> Vec<(&'static str, Option<Proof>)> {
    PATHS.map(|path| (path, Some(proof))).to_vec()
}

fn stages(path: &PathEvidence) -> Vec<Stage> {
    path.steps.iter().filter(|step| step.passed()).map(|step| step.stage).collect()
}

#[tokio::test]
async fn in_an_open_network_media_comes_back_over_every_path() {
    let world = World::named("open").await;
    let seen = world.check(&world.settings()).await;
    assert_eq!(seen.proofs(), all(Proof::Media));
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Works, vec![]));
    for path in &seen.evidence.paths {
        let layers: &[Stage] = match path.transport {
            Transport::Udp => &[Stage::Resolve, Stage::Binding],
            Transport::Tcp => &[Stage::Resolve, Stage::Connect],
            Transport::Tls => &[Stage::Resolve, Stage::Connect, Stage::Tls],
        };
        let relay = [Stage::Allocate, Stage::Permission, Stage::Channel, Stage::Relay, Stage::Release];
        let passed = stages(path);
        for stage in layers.iter().chain(&relay) {
            assert!(passed.contains(stage), "{}: {stage:?} is not in {passed:?}", path.id);
        }
        assert!(path.steps.iter().all(|step| step.passed()), "{}: {:#?}", path.id, path.steps);
        let own = path.relay_runs.iter().find(|run| run.far_end == path.id).unwrap();
        assert_eq!((own.sent, own.received), (20, 20));
    }
    let crossed =
        seen.evidence.paths.iter().flat_map(|path| path.relay_runs.iter().map(move |run| (path, run)));
    let servers = |(path, run): (&PathEvidence, &raincheck_probes::evidence::RelayRun)| {
        run.far_end.contains("turn1") != path.id.contains("turn1")
    };
    assert!(crossed.into_iter().any(servers), "no packet went from one server to the other");
}

#[tokio::test]
async fn both_ends_of_a_path_are_allocated_once_each() {
    let world = World::named("open").await;
    world.run(&world.settings(), Purpose::Check).await.unwrap();
    assert_eq!(world.shows_nothing_left_behind().await, 12);
    world.run(&world.settings(), Purpose::Gather).await.unwrap();
    assert_eq!(world.shows_nothing_left_behind().await, 12 + 6);
}

#[tokio::test]
async fn without_credentials_the_servers_are_reachable_and_nothing_is_allocated() {
    let world = World::inline("[client]\ncredentials = \"none\"").await;
    let seen = world.check(&world.settings()).await;
    assert_eq!(seen.proofs(), all(Proof::Reachable));
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Reachable, vec![]));
    assert_eq!(world.lab.allocations().opened, 0);
    for path in &seen.evidence.paths {
        let allocate = path.step(Stage::Allocate).unwrap();
        assert_eq!(allocate.outcome, Outcome::Skipped(SkipReason::NoCredentials), "{}", path.id);
        assert_eq!(allocate.facts.get("realm").unwrap(), "lab.test");
        assert_eq!(path.works(), None);
    }
    let kinds: Vec<_> = seen.evidence.candidates.iter().map(|candidate| candidate.kind).collect();
    assert_eq!(kinds, [CandidateType::Host, CandidateType::Host, CandidateType::Srflx]);
}

#[tokio::test]
async fn a_wrong_password_is_rejected_over_every_path() {
    let world = World::named("bad-credentials").await;
    let seen = world.check(&world.settings()).await;
    assert_eq!(seen.proofs(), all(Proof::Reachable));
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Fails, vec!["turn-credentials-rejected"]));
    assert_eq!(world.lab.allocations().opened, 0);
    for path in ["udp/turn1", "tcp/turn1", "tls/turn2"] {
        assert_eq!(seen.causes(path), [(Stage::Allocate, "credentials-rejected")]);
        let (cause, step) = seen.failed(path, Stage::Allocate);
        assert!(matches!(cause, Cause::CredentialsRejected { stun_code: 401, .. }), "{cause:?}");
        assert_eq!(step.facts.get("username_expires"), None);
    }
    let codes: Vec<_> = seen.evidence.gather_errors.iter().map(|error| error.stun_code).collect();
    assert_eq!(codes, [Some(401); 6]);
}

#[tokio::test]
async fn credentials_whose_time_is_over_are_told_from_a_wrong_password() {
    let world = World::inline("[client]\ncredentials = \"expired\"").await;
    // The lab makes such names up from the time of day: the one that was used is in the settings.
    let settings = world.settings();
    let ServerSource::Named { servers, .. } = &settings.source else { panic!("{:?}", settings.source) };
    let username = servers[0].credentials.as_ref().unwrap().username.clone();
    let seen = world.check(&settings).await;
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Fails, vec!["turn-credentials-expired"]));
    let (_, step) = seen.failed("tcp/turn2", Stage::Allocate);
    let expires = step.facts.get("username_expires").unwrap().as_str().unwrap();
    let expires =
        time::OffsetDateTime::parse(expires, &time::format_description::well_known::Rfc3339).unwrap();
    assert_eq!(username, format!("{}:lab", expires.unix_timestamp()));
}

#[tokio::test]
async fn time_limited_credentials_work_while_their_time_lasts() {
    let world = World::inline("[client]\ncredentials = \"time-limited\"").await;
    let seen = world.check(&world.settings()).await;
    assert_eq!(seen.proofs(), all(Proof::Media));
    let allocate = seen.path("udp/turn1").step(Stage::Allocate).unwrap();
    assert!(allocate.facts.get("username_expires").is_some());
}

#[tokio::test]
async fn a_silent_server_is_told_from_a_closed_network_by_the_other_one() {
    let world = World::named("one-server-down").await;
    let seen = world.check(&world.settings()).await;
    let (up, down) = (Some(Proof::Media), None);
    let proofs: Vec<_> = seen.proofs().into_iter().map(|(_, proof)| proof).collect();
    assert_eq!(proofs, [up, up, up, down, down, down]);
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Degraded, vec!["turn-server-down"]));
    assert_eq!(seen.causes("udp/turn2"), [(Stage::Binding, "no-answer"), (Stage::Allocate, "no-answer")]);
    assert_eq!(seen.causes("tcp/turn2"), [(Stage::Connect, "connect-timeout")]);
    assert_eq!(seen.causes("tls/turn2"), [(Stage::Connect, "connect-timeout")]);
    let (cause, _) = seen.failed("udp/turn2", Stage::Binding);
    assert!(matches!(cause, Cause::NoAnswer { requests: 9.., waited_ms: ..3000 }), "{cause:?}");
    assert_eq!(seen.order(), PATHS[..3]);
}

#[tokio::test]
async fn with_udp_dropped_the_client_falls_back_to_tcp_of_the_first_server() {
    let world = World::named("udp-blocked").await;
    let seen = world.check(&world.settings()).await;
    assert_eq!(seen.order(), [PATHS[1], PATHS[4], PATHS[2], PATHS[5]]);
    assert_eq!(seen.findings(), ["udp-blocked"]);
}

#[tokio::test]
async fn under_the_relay_policy_only_relays_are_signalled_and_no_direct_way_is_asked_for() {
    let world = World::named("open").await;
    let mut settings = world.settings();
    settings.policy = Policy::Relay;
    let seen = world.check(&settings).await;
    assert_eq!(seen.proofs(), all(Proof::Media));
    let mut candidates = seen.candidates();
    candidates.sort();
    let relays = ["tcp turn1", "tcp turn2", "tls turn1", "tls turn2", "udp turn1", "udp turn2"];
    assert_eq!(candidates, relays.map(|relay| format!("relay/{relay}")));
    assert!(seen.evidence.candidates.iter().all(|candidate| candidate.kind == CandidateType::Relay));
    assert_eq!(seen.verdict.capabilities.direct_udp, Answer::NotAsked);
    assert_eq!(seen.verdict.kind, Kind::Works);
}
