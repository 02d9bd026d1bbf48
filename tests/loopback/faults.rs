//! Servers that do not behave: what their answers are called, and what is concluded.

use crate::world::{Seen, World};
use raincheck::verdict::Kind;
use raincheck_probes::evidence::{Cause, Proof, Stage};

async fn with(servers: &str) -> Seen {
    let world = World::inline(servers).await;
    world.check(&world.settings()).await
}

/// A fault of both servers.
fn both(fault: &str) -> String {
    let server = |name| format!("[[server]]\nname = \"{name}.lab.test\"\n[[server.fault]]\n{fault}\n");
    server("turn1") + &server("turn2")
}

#[tokio::test]
async fn a_300_is_followed_and_media_comes_back_through_the_other_server() {
    let seen = with(
        r#"
        [[server]]
        name = "turn1.lab.test"
        [[server.fault]]
        on = "allocate"
        over = "udp"
        answer = 300
        alternate = "198.51.100.12:3478"
        "#,
    )
    .await;
    let path = seen.path("udp/turn1");
    let steps: Vec<_> = path.steps.iter().filter(|step| step.stage == Stage::Allocate).collect();
    assert!(matches!(steps[0].cause(), Some(Cause::StunError { stun_code: 300, .. })), "{steps:#?}");
    assert_eq!(steps[1].address.unwrap().to_string(), "198.51.100.12:3478");
    assert!(steps[1].passed() && steps.len() == 2, "{steps:#?}");
    assert_eq!(path.relayed.unwrap().ip().to_string(), "198.51.100.12");
    assert_eq!(path.proof, Some(Proof::Media), "{:#?}", path.steps);
    assert_eq!(seen.verdict.kind, Kind::Works);
}

#[tokio::test]
async fn a_300_over_tcp_is_followed_too() {
    let seen = with(
        r#"
        [[server]]
        name = "turn1.lab.test"
        [[server.fault]]
        on = "allocate"
        over = "tcp"
        answer = 300
        alternate = "198.51.100.12:80"
        "#,
    )
    .await;
    let path = seen.path("tcp/turn1");
    assert_eq!(path.relayed.unwrap().ip().to_string(), "198.51.100.12");
    assert_eq!(path.proof, Some(Proof::Media), "{:#?}", path.steps);
}

#[tokio::test]
async fn a_300_over_tls_to_an_address_that_the_certificate_does_not_name_is_not_believed() {
    let seen = with(
        r#"
        [[server]]
        name = "turn1.lab.test"
        [[server.fault]]
        on = "allocate"
        over = "tls"
        answer = 300
        alternate = "198.51.100.12:443"
        "#,
    )
    .await;
    let path = seen.path("tls/turn1");
    assert_eq!((path.relayed, path.works()), (None, Some(false)));
    let allocates: Vec<_> = path.steps.iter().filter(|step| step.stage == Stage::Allocate).collect();
    assert_eq!(allocates[1].cause().unwrap().code(), "tls-name-mismatch");
    assert_eq!(seen.verdict.kind, Kind::Degraded);
    assert!(
        seen.evidence.gather_errors.iter().any(|error| error.url.contains("turns:turn1")),
        "nobody says so"
    );
}

#[tokio::test]
async fn a_circle_of_300s_is_refused() {
    let seen = with(
        r#"
        [[server]]
        name = "turn1.lab.test"
        [[server.fault]]
        on = "allocate"
        answer = 300
        alternate = "198.51.100.12:3478"
        [[server]]
        name = "turn2.lab.test"
        [[server.fault]]
        on = "allocate"
        answer = 300
        alternate = "198.51.100.11:3478"
        "#,
    )
    .await;
    for path in ["udp/turn1", "udp/turn2"] {
        let allocates: Vec<_> =
            seen.causes(path).into_iter().filter(|(stage, _)| *stage == Stage::Allocate).collect();
        let codes: Vec<_> = allocates.iter().map(|(_, code)| *code).collect();
        assert_eq!(codes, ["stun-error", "stun-error", "bad-redirect"], "{path}");
        assert_eq!(seen.path(path).works(), Some(false));
    }
}

#[tokio::test]
async fn a_quota_shows_that_the_credentials_are_right() {
    let seen = with(&both("on = \"allocate\"\nanswer = 486")).await;
    for path in &seen.evidence.paths {
        assert_eq!(path.proof, Some(Proof::Authenticated), "{}", path.id);
    }
    let (cause, _) = seen.failed("tls/turn2", Stage::Allocate);
    assert!(matches!(cause, Cause::StunError { stun_code: 486, .. }), "{cause:?}");
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Fails, vec!["turn-quota"]));
}

#[tokio::test]
async fn a_server_without_ports_is_no_matter_of_credentials() {
    let seen = with(&both("on = \"allocate\"\nanswer = 508")).await;
    assert_eq!(seen.path("udp/turn1").proof, Some(Proof::Authenticated));
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Fails, vec!["turn-capacity"]));
}

#[tokio::test]
async fn a_forbidden_peer_is_told_from_silence() {
    let seen = with(&both("on = \"create-permission\"\nanswer = 403")).await;
    for path in &seen.evidence.paths {
        assert_eq!(path.proof, Some(Proof::Allocated), "{}", path.id);
    }
    let (cause, _) = seen.failed("udp/turn1", Stage::Permission);
    assert!(matches!(cause, Cause::StunError { stun_code: 403, .. }), "{cause:?}");
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Fails, vec!["turn-forbidden-peer"]));
}

#[tokio::test]
async fn a_nonce_that_is_stale_once_is_taken_up_and_one_that_always_is_ends_in_a_loop() {
    let once = with(&both("on = \"allocate\"\nanswer = 438\ntimes = 1")).await;
    assert_eq!((once.verdict.kind, once.findings()), (Kind::Works, vec![]));
    let always = with(&both("on = \"allocate\"\nanswer = 438")).await;
    for path in ["udp/turn1", "tcp/turn1", "tls/turn1"] {
        assert_eq!(always.causes(path), [(Stage::Allocate, "stale-nonce-loop")]);
    }
    assert_eq!((always.verdict.kind, always.findings()), (Kind::Fails, vec!["turn-stale-nonce-loop"]));
}

#[tokio::test]
async fn a_server_that_takes_its_time_shows_it_in_its_round_trips() {
    let seen = with("[[server]]\nname = \"turn2.lab.test\"\ndelay-ms = 120").await;
    let fastest = |path: &str| seen.path(path).request_rtt_ms.iter().copied().fold(f64::INFINITY, f64::min);
    for transport in ["udp", "tcp", "tls"] {
        let [near, far] = ["turn1", "turn2"].map(|server| fastest(&format!("{transport}/{server}")));
        assert!(near < 120.0 && far >= 120.0, "{transport}: {near} ms and {far} ms");
    }
    assert_eq!(seen.verdict.kind, Kind::Works);
}

#[tokio::test]
async fn relayed_packets_that_disappear_are_no_media() {
    let seen = with(&both("on = \"data\"\nanswer = \"drop\"")).await;
    let (cause, _) = seen.failed("tcp/turn1", Stage::Relay);
    assert_eq!(cause, &Cause::RelayNoReturn { sent: 20 });
    assert_eq!(seen.path("tcp/turn1").works(), Some(false));
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Fails, vec!["relay-no-return"]));
}

#[tokio::test]
async fn stun_that_is_eaten_inside_the_relay_is_seen_while_packets_pass() {
    let seen = with(&both("on = \"checks\"\nover = \"udp\"\nanswer = \"drop\"")).await;
    let (cause, step) = seen.failed("udp/turn1", Stage::Check);
    assert!(matches!(cause, Cause::NoAnswer { requests: 9.., .. }), "{cause:?}");
    assert_eq!(step.facts.get("answered"), Some(&0.into()));
    assert_eq!(seen.path("udp/turn1").proof, Some(Proof::Media));
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Degraded, vec!["ice-checks-blocked"]));
    assert!(seen.order().iter().all(|path| !path.starts_with("udp/")), "{:?}", seen.order());
}

#[tokio::test]
async fn media_that_is_eaten_inside_the_relay_is_seen_while_checks_pass() {
    let seen = with(&both("on = \"media\"\nanswer = \"drop\"")).await;
    let path = seen.path("tcp/turn2");
    assert_eq!((path.checks_answered(), path.works()), (Some(true), Some(false)), "{:#?}", path.steps);
    assert_eq!((seen.verdict.kind, seen.findings()), (Kind::Fails, vec!["relay-no-return"]));
}

#[tokio::test]
async fn every_client_has_its_checks_answered_on_every_path() {
    let world = World::inline("").await;
    for profile in ["chromium", "firefox", "mobile", "gateway", "rfc8445"] {
        let mut settings = world.settings();
        settings.profile = raincheck_probes::ice::stack::Profile::parse(profile).unwrap();
        let seen = world.check(&settings).await;
        for path in seen.evidence.paths.iter().filter(|path| path.relayed.is_some()) {
            assert_eq!(path.checks_answered(), Some(true), "{profile} {}: {:#?}", path.id, path.steps);
        }
        assert!(!seen.ranking.is_empty(), "{profile}");
    }
}
