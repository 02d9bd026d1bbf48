//! One thing wrong at a time: the finding that names it, and nothing claimed beyond it.

use crate::ask::{Answer, Credentials, arguments, ask, ice_servers, urls};
use crate::harness::Case;
use crate::world::{Firewall, ProxyAuth, SERVERS, SHARED_SECRET, SQUID, TurnAuth, USER, World};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("trouble::wrong_credentials_are_told_from_no_credentials", wrong_credentials),
        Case::new("trouble::a_killed_server_is_down_and_the_other_serves", killed_server),
        Case::new("trouble::a_silent_server_is_down_and_the_other_serves", silent_server),
        Case::new("trouble::rejected_udp_is_told_from_dropped_udp", rejected_udp),
        Case::new("trouble::a_certificate_of_an_unknown_authority_is_untrusted", unknown_authority),
        Case::new("trouble::a_dead_proxy_is_unreachable", dead_proxy),
        Case::new("trouble::a_proxy_for_443_alone_denies_port_80", proxy_for_443_alone),
        Case::new("trouble::proxy_basic_right_password", |world| {
            proxy_password_is_right(world, ProxyAuth::Basic)
        }),
        Case::new("trouble::proxy_digest_right_password", |world| {
            proxy_password_is_right(world, ProxyAuth::Digest)
        }),
        Case::new("trouble::proxy_basic_wrong_password", |world| {
            proxy_password_is_wrong(world, ProxyAuth::Basic)
        }),
        Case::new("trouble::proxy_digest_wrong_password", |world| {
            proxy_password_is_wrong(world, ProxyAuth::Digest)
        }),
        Case::new("trouble::proxy_basic_no_password", |world| {
            proxy_password_is_missing(world, ProxyAuth::Basic)
        }),
        Case::new("trouble::proxy_digest_no_password", |world| {
            proxy_password_is_missing(world, ProxyAuth::Digest)
        }),
        Case::new("trouble::time_limited_credentials_from_a_shared_secret", shared_secret),
    ]
}

fn check(world: &World, credentials: Credentials, more: &[&str]) -> Answer {
    let servers = ice_servers(world, credentials);
    let mut all = vec!["--media", "0"];
    all.extend(more);
    ask(world, "check", &servers, &all)
}

fn wrong_credentials(world: &mut World) {
    let answer = check(world, Credentials::Wrong, &["--proxy", "none"]);
    assert!(answer.finding("turn-credentials-rejected").is_some(), "{}", answer.pretty());
    for blocked in ["udp-blocked", "tcp-80-blocked", "tls-443-blocked"] {
        assert!(answer.finding(blocked).is_none(), "{}", answer.pretty());
    }
    for transport in ["udp", "tcp", "tls"] {
        let path = answer.path(SERVERS[0], transport, "direct").expect("path");
        assert_eq!(path["proof"], "reachable", "{path:#}");
        assert_eq!(path["works"], false, "{path:#}");
    }
    assert_eq!((answer.text("verdict"), answer.status()), ("fails", 1), "{}", answer.pretty());
}

fn killed_server(world: &mut World) {
    world.kill_turn(1);
    first_server_is_down(&check(world, Credentials::Right, &["--proxy", "none"]));
}

fn silent_server(world: &mut World) {
    world.firewall(Firewall::FirstServerSilent);
    first_server_is_down(&check(world, Credentials::Right, &["--proxy", "none"]));
}

fn first_server_is_down(answer: &Answer) {
    assert!(answer.finding("turn-server-down").is_some(), "{}", answer.pretty());
    for transport in ["udp", "tcp", "tls"] {
        let path = |server| answer.path(server, transport, "direct").expect("path");
        assert_eq!(path(SERVERS[0])["works"], false, "{}", answer.pretty());
        assert_eq!(path(SERVERS[1])["works"], true, "{}", answer.pretty());
    }
    let selected = answer.selected().expect("a selected path");
    assert_eq!((&selected["server"], &selected["transport"]), (&SERVERS[1].into(), &"udp".into()));
    assert_eq!((answer.text("verdict"), answer.status()), ("degraded", 1), "{}", answer.pretty());
}

fn rejected_udp(world: &mut World) {
    world.firewall(Firewall::UdpRejected);
    let answer = check(world, Credentials::Right, &["--proxy", "none"]);
    assert!(answer.finding("udp-rejected").is_some(), "{}", answer.pretty());
    assert!(answer.finding("udp-blocked").is_none(), "{}", answer.pretty());
    assert_eq!((answer.text("verdict"), answer.status()), ("degraded", 1), "{}", answer.pretty());
}

fn unknown_authority(world: &mut World) {
    let servers = ice_servers(world, Credentials::Right);
    let mut all = arguments(world, "check", &servers, &["--media", "0", "--proxy", "none"]);
    let at = all.iter().position(|argument| argument == "--ca-file").expect("--ca-file");
    all.drain(at..at + 2);
    let answer = Answer::of(world, &all);
    assert!(answer.finding("tls-untrusted").is_some(), "{}", answer.pretty());
    let path = answer.path(SERVERS[0], "tls", "direct").expect("path");
    assert_eq!(path["works"], false, "{path:#}");
    assert_eq!(path["tls"]["trusted"], false, "{path:#}");
    assert_eq!(answer.path(SERVERS[0], "tcp", "direct").expect("path")["works"], true, "{}", answer.pretty());
}

fn dead_proxy(world: &mut World) {
    world.kill_squid();
    world.firewall(Firewall::OnlyProxy);
    let answer = check(world, Credentials::Right, &["--proxy", SQUID]);
    assert!(answer.finding("proxy-unreachable").is_some(), "{}", answer.pretty());
    assert_eq!((answer.text("verdict"), answer.status()), ("fails", 1), "{}", answer.pretty());
}

fn proxy_for_443_alone(world: &mut World) {
    let proxy = world.start_squid(ProxyAuth::OnlyTo443);
    world.firewall(Firewall::OnlyProxy);
    let answer = check(world, Credentials::Right, &["--proxy", &proxy]);
    assert!(answer.finding("proxy-connect-denied").is_some(), "{}", answer.pretty());
    let selected = answer.selected().expect("a selected path");
    assert_eq!((&selected["server"], &selected["transport"]), (&SERVERS[0].into(), &"tls".into()));
}

fn proxy_password_is_right(world: &mut World, auth: ProxyAuth) {
    let (proxy, file) = authenticating_proxy(world, auth, USER.password);
    let answer = check(world, Credentials::Right, &["--proxy", &proxy, "--proxy-credential-file", &file]);
    for transport in ["tcp", "tls"] {
        let path = answer.path(SERVERS[0], transport, &proxy).expect("path");
        assert_eq!(path["proof"], "media", "{path:#}");
    }
    assert_eq!(answer.json["capabilities"]["relay_via_proxy"], "works", "{}", answer.pretty());
}

fn proxy_password_is_wrong(world: &mut World, auth: ProxyAuth) {
    let (proxy, file) = authenticating_proxy(world, auth, "not the password");
    let answer = check(world, Credentials::Right, &["--proxy", &proxy, "--proxy-credential-file", &file]);
    assert!(answer.finding("proxy-auth-rejected").is_some(), "{}", answer.pretty());
    assert_eq!((answer.text("verdict"), answer.status()), ("fails", 1), "{}", answer.pretty());
}

fn proxy_password_is_missing(world: &mut World, auth: ProxyAuth) {
    let (proxy, _) = authenticating_proxy(world, auth, "");
    let answer = check(world, Credentials::Right, &["--proxy", &proxy]);
    assert!(answer.finding("proxy-auth-required").is_some(), "{}", answer.pretty());
    assert_eq!((answer.text("verdict"), answer.status()), ("fails", 1), "{}", answer.pretty());
}

/// A squid that asks for a password, as the only way out, and a file with credentials for it.
fn authenticating_proxy(world: &mut World, auth: ProxyAuth, password: &str) -> (String, String) {
    let proxy = world.start_squid(auth);
    world.firewall(Firewall::OnlyProxy);
    let file = world.file("proxy-credential", &format!("{}:{password}\n", USER.name));
    (proxy, file)
}

fn shared_secret(world: &mut World) {
    for number in [1, 2] {
        world.start_turn(number, TurnAuth::SharedSecret);
    }
    let secret = world.file("turn-secret", &format!("{SHARED_SECRET}\n"));
    let all: Vec<String> = SERVERS.iter().flat_map(|server| urls(server)).collect();
    let ca_file = world.ca_file();
    let mut arguments = vec!["check", "--format", "json", "--no-progress", "--media", "0", "--proxy", "none"];
    arguments.extend(["--ca-file", &ca_file, "--turn-secret-file", &secret]);
    for url in &all {
        arguments.extend(["--turn", url]);
    }
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    let answer = Answer::of(world, &arguments);
    assert_eq!((answer.text("verdict"), answer.status()), ("works", 0), "{}", answer.pretty());
}
