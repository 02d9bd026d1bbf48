//! Every kind of NAT with every other, 16 × 16, against the oracle: the clients find a direct path exactly when there
//! is one, and a relayed one otherwise.

use super::call::Call;
use super::scene::{ONE, STUN, Scene, Signalling};
use super::truth;
use raincheck_lab::net::{Mapping, NatKind, Side};
use raincheck_probes::ice::stack::Client;
use std::time::Duration;

/// By then every client has connected or failed.
const BOUND: Duration = Duration::from_secs(120);
/// How long a client may take from its first selection to its last one.
const SETTLED: Duration = Duration::from_secs(10);

/// Holds the call of each of the 256 and collects what is wrong with them.
fn all(
    profiles: [&'static str; 2],
    servers: &'static [&'static str],
    wrong: impl Fn(&mut Call) -> Option<String>,
) {
    let mut failures = Vec::new();
    for a in NatKind::all() {
        for b in NatKind::all() {
            let mut call = Call::new(
                &Scene { signalling: Signalling::AtOnce, ..Scene::new(profiles, servers) }.behind(a, b),
            );
            if let Some(what) = wrong(&mut call) {
                failures.push(format!("{what}: {}", call.story()));
            }
        }
    }
    assert!(failures.is_empty(), "{} of 256 are wrong:\n{}", failures.len(), failures.join("\n"));
}

/// With relays every call connects; directly exactly when the oracle says that a direct path exists.
fn with_relays(profiles: [&'static str; 2]) {
    all(profiles, ONE, |call| {
        let direct = call.world.direct_path_possible();
        if !call.run_till(BOUND, Call::is_decided) {
            return Some("undecided".to_owned());
        }
        call.run_for(SETTLED);
        let excused = direct && nominated_first(call);
        if call.is_direct() != direct && !excused {
            return Some(format!("the oracle says direct: {direct}"));
        }
        if !(call.agree() || excused) {
            return Some("the ends do not agree".to_owned());
        }
        (!call.talks(Duration::from_secs(1))).then(|| "data does not pass".to_owned())
    });
}

/// Firefox nominates aggressively, and what was not sent by the first nomination never is (nICEr `ice_component.c`,
/// nr_ice_component_nominated_pair). A direct path that only peer-reflexive candidates make takes longer to be known
/// than a relayed one: where a NAT shifts its port, one end or both had no answer to a check of the direct path by then.
fn nominated_first(call: &Call) -> bool {
    let shifts = |side| {
        call.world.site(side).stack.0.iter().any(|nat| nat.kind.mapping > Mapping::EndpointIndependent)
    };
    let known = call.ends.iter().filter(|end| end.works_directly(&call.world.servers)).count();
    Side::BOTH.into_iter().any(shifts)
        && (known == 0 || (known == 1 && truth::given_up(call)))
        && call.ends.iter().any(|end| end.profile.client == Client::Firefox)
}

/// Without relays a call connects exactly when the oracle says that a direct path exists, and fails otherwise.
fn without_relays(profiles: [&'static str; 2]) {
    all(profiles, STUN, |call| {
        let direct = call.world.direct_path_possible();
        if !call.run_till(BOUND, Call::is_decided) {
            return Some("undecided".to_owned());
        }
        if !direct {
            let failed = call.ends.iter().all(|end| end.agent.selected().is_none());
            return (!failed).then(|| "connected where nothing can".to_owned());
        }
        call.run_for(SETTLED);
        if !call.agree() {
            return Some("the ends do not agree".to_owned());
        }
        (!call.talks(Duration::from_secs(1))).then(|| "data does not pass".to_owned())
    });
}

#[test]
fn chromium_with_relays_connects_everywhere_and_directly_where_it_can() {
    with_relays(["chromium", "chromium"]);
}

#[test]
fn firefox_with_relays_connects_everywhere_and_directly_where_it_can() {
    with_relays(["firefox", "firefox"]);
}

#[test]
fn the_gateway_with_relays_connects_everywhere_and_directly_where_it_can() {
    with_relays(["gateway", "chromium"]);
}

#[test]
fn the_textbook_with_relays_connects_everywhere_and_directly_where_it_can() {
    with_relays(["rfc8445", "rfc8445"]);
}

#[test]
fn chromium_without_relays_connects_where_it_can_and_fails_elsewhere() {
    without_relays(["chromium", "chromium"]);
}

#[test]
fn firefox_without_relays_connects_where_it_can_and_fails_elsewhere() {
    without_relays(["firefox", "firefox"]);
}

#[test]
fn the_gateway_without_relays_connects_where_it_can_and_fails_elsewhere() {
    without_relays(["gateway", "chromium"]);
}

#[test]
fn the_textbook_without_relays_connects_where_it_can_and_fails_elsewhere() {
    without_relays(["rfc8445", "rfc8445"]);
}

/// The oracle itself: how many of the 256 have a direct path.
#[test]
fn the_matrix_has_both_answers() {
    let direct = NatKind::all()
        .flat_map(|a| NatKind::all().map(move |b| (a, b)))
        .filter(|(a, b)| raincheck_lab::net::direct_path_possible(&(*a).into(), &(*b).into()))
        .count();
    assert_eq!(direct, 64 + 96 + 24);
}
