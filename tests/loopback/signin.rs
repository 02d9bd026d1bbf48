//! Servers and policy by the vendor's sign-in.

use crate::world::World;
use raincheck::plan::Purpose;
use raincheck::run::RunError;
use raincheck::settings::{RainbowLogin, ServerSource, Settings};
use raincheck::verdict::{Kind, Severity};
use raincheck_probes::evidence::Proof;
use raincheck_probes::ice::CandidateType;
use raincheck_probes::secret::Secret;
use std::time::Duration;

/// A lab whose tenant drops these types, and the settings of a user who signs in there.
async fn dropping(types: &str) -> (World, Settings) {
    let world = World::inline(&format!("[rest]\nice-filtering = [{types}]")).await;
    let (mut settings, client) = (world.settings(), world.lab.client());
    settings.source = ServerSource::Rainbow(RainbowLogin {
        host: client.rest_host,
        login: client.rest_login.username,
        password: Secret::new(client.rest_login.password),
        application: None,
    });
    (world, settings)
}

#[tokio::test]
async fn signing_in_gives_the_vendors_servers_with_credentials_that_work() {
    let (world, settings) = dropping("").await;
    let seen = world.check(&settings).await;
    let servers: Vec<_> = seen.evidence.paths.iter().map(|path| path.server.as_str()).collect();
    assert_eq!(servers, [["turn1.lab.test"; 3], ["turn2.lab.test"; 3]].concat());
    assert!(seen.evidence.paths.iter().all(|path| path.proof == Some(Proof::Media)), "{:?}", seen.proofs());
    assert!(seen.evidence.asked.vendor_servers && seen.evidence.asked.credentials);
    assert_eq!(seen.evidence.asked.servers_from, "rainbow.lab.test for user@lab.test");
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Works, vec![]));
}

#[tokio::test]
async fn a_policy_without_relays_leaves_working_relays_unused() {
    let (world, mut settings) = dropping("\"relay\"").await;
    settings.media = Duration::from_secs(60);
    let seen = world.check(&settings).await;
    assert_eq!(seen.evidence.asked.ice_filtering, [CandidateType::Relay]);
    assert!(seen.evidence.paths.iter().all(|path| path.proof == Some(Proof::Media)), "{:?}", seen.proofs());
    assert!(seen.evidence.candidates.iter().all(|candidate| candidate.kind != CandidateType::Relay));
    assert!(seen.ranking.is_empty(), "{:?}", seen.order());
    assert!(seen.evidence.cut_short.is_none(), "media was sent over a path that the client does not use");
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Fails, vec!["policy-filtered"]));
    assert_eq!(seen.verdict.findings[0].severity, Severity::Error);
}

#[tokio::test]
async fn a_policy_of_relays_alone_is_good_to_know() {
    let (world, settings) = dropping("\"host\", \"srflx\", \"prflx\"").await;
    let seen = world.check(&settings).await;
    assert!(seen.evidence.candidates.iter().all(|candidate| candidate.kind == CandidateType::Relay));
    assert_eq!(seen.evidence.candidates.len(), 6);
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Works, vec!["policy-filtered"]));
    assert_eq!(seen.verdict.findings[0].severity, Severity::Info);
}

#[tokio::test]
async fn a_wrong_password_ends_the_run_before_any_server_is_asked() {
    let (world, mut settings) = dropping("").await;
    let ServerSource::Rainbow(login) = &mut settings.source else { panic!("no sign-in") };
    login.password = Secret::new("not-the-password");
    let refused = world.run(&settings, Purpose::Check).await;
    assert!(matches!(refused, Err(RunError::SignIn(_))), "{refused:?}");
    assert!(!format!("{refused:?}").contains("not-the-password"));
    assert_eq!(world.lab.allocations().opened, 0);
}
