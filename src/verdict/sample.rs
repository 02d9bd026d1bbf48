//! Runs made up by hand, for the tests of the verdict and of the reports.

use raincheck_probes::evidence::{
    AskedFor, Cause, Certificate, Evidence, Facts, FirstBytes, Interface, Outcome, PathEvidence, Proof,
    RelayRun, Route, SkipReason, Stage, Step, TlsSeen, Transport,
};
use raincheck_probes::ice::rank::Rank;
use raincheck_probes::ice::{Candidate, CandidateType, GatherError, Policy, Protocol};
use raincheck_probes::machine::Offset;
use raincheck_probes::tunnel::AuthScheme;
use std::net::SocketAddr;

pub(crate) const TURN1: &str = "turn1.example.net";
pub(crate) const TURN2: &str = "turn2.example.net";
pub(crate) const PROXY: &str = "http://proxy.corp.example:3128";

/// Three ways to each of two servers.
pub(crate) const TRANSPORTS: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

pub(crate) fn port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp => 3478,
        Transport::Tcp => 80,
        Transport::Tls => 443,
    }
}

/// The stages that a path has, up to the proof of relay.
fn stages(transport: Transport, route: &Route) -> Vec<Stage> {
    let mut stages = vec![Stage::Resolve];
    match transport {
        Transport::Udp => stages.push(Stage::Binding),
        Transport::Tcp | Transport::Tls => stages.push(Stage::Connect),
    }
    if *route != Route::Direct {
        stages.push(Stage::Tunnel);
    }
    if transport == Transport::Tls {
        stages.push(Stage::Tls);
    }
    stages.extend([Stage::Allocate, Stage::Permission, Stage::Channel, Stage::Relay, Stage::Release]);
    stages
}

pub(crate) fn step(stage: Stage, outcome: Outcome, began: u64, ended: u64) -> Step {
    let (began, ended) = (Offset::from_ms(began), Some(Offset::from_ms(ended)));
    Step { stage, address: None, outcome, began, ended, facts: Facts::default() }
}

/// A path on which everything works.
pub(crate) fn path(server: &str, transport: Transport, route: Route) -> PathEvidence {
    let word = format!("{transport:?}").to_lowercase();
    let port = port(transport);
    let via = if route == Route::Direct { String::new() } else { format!(" via {route}") };
    let id = format!("{word}/{server}:{port}{via}");
    let url = match transport {
        Transport::Udp => format!("turn:{server}:{port}?transport=udp"),
        Transport::Tcp => format!("turn:{server}:{port}?transport=tcp"),
        Transport::Tls => format!("turns:{server}:{port}?transport=tcp"),
    };
    let last = if server == TURN2 { 12 } else { 11 };
    let address = SocketAddr::from(([198, 51, 100, last], port));
    let steps = stages(transport, &route)
        .into_iter()
        .zip(0u64..)
        .map(|(stage, n)| {
            let mut step = step(stage, Outcome::Passed, n * 20, n * 20 + 20);
            step.address = (stage != Stage::Resolve).then_some(address);
            if stage == Stage::Tunnel {
                step.facts.set("http_version", "1.1");
            }
            step
        })
        .collect();
    let transit_ms: Vec<f64> = (0..50).map(|n| 40.0 + f64::from(n) / 50.0).collect();
    PathEvidence {
        relay_runs: vec![RelayRun {
            far_end: id.clone(),
            sent: 50,
            received: 50,
            transit_ms,
            jitter_ms: Some(0.4),
        }],
        id,
        server: server.to_owned(),
        url,
        port,
        address: Some(address),
        transport,
        route,
        interface: None,
        client_tries: true,
        has_credentials: true,
        client_starts: Offset::ZERO,
        steps,
        proof: Some(Proof::Media),
        relayed: Some(SocketAddr::from(([198, 51, 100, last], 50_000))),
        mapped: Some(SocketAddr::from(([203, 0, 113, 2], 40_000))),
        request_rtt_ms: vec![40.1, 40.2],
        tls: (transport == Transport::Tls).then(|| tls(server, "CN=Public CA", "cafe", true)),
        decided: Some(Offset::from_ms(300)),
    }
}

/// What a TLS server showed: one certificate for its own name, made a year before the run.
pub(crate) fn tls(server: &str, issuer: &str, key: &str, trusted: bool) -> TlsSeen {
    let leaf = Certificate {
        subject: format!("CN={server}"),
        issuer: issuer.to_owned(),
        names: vec![server.to_owned()],
        not_before: "2025-08-01T00:00:00Z".to_owned(),
        not_after: "2027-08-01T00:00:00Z".to_owned(),
        sha256: format!("{key}-{server}"),
        key_sha256: key.to_owned(),
    };
    TlsSeen {
        version: Some("TLS 1.3".to_owned()),
        cipher: Some("TLS13_AES_256_GCM_SHA384".to_owned()),
        alpn: None,
        chain: vec![leaf],
        trusted: Some(trusted),
        untrusted_because: (!trusted).then(|| Cause::TlsUntrusted { issuer: issuer.to_owned() }),
    }
}

/// The same path, broken at a stage; what follows is skipped.
pub(crate) fn broken(mut path: PathEvidence, stage: Stage, cause: Cause) -> PathEvidence {
    let waited = match cause {
        Cause::NoAnswer { waited_ms, .. } | Cause::ConnectTimeout { waited_ms, .. } => waited_ms,
        _ => 20,
    };
    let mut failed = false;
    for step in &mut path.steps {
        if failed {
            step.outcome = Outcome::Skipped(SkipReason::EarlierStageFailed);
            step.ended = None;
        } else if step.stage == stage {
            step.ended =
                Some(Offset::new(step.began.as_duration() + std::time::Duration::from_millis(waited)));
            step.outcome = Outcome::Failed(cause.clone());
            failed = true;
        }
    }
    assert!(failed, "{} has no {stage:?}", path.id);
    let bound = path.steps.iter().any(|s| s.stage == Stage::Binding && s.passed());
    let allocated = path.steps.iter().any(|s| s.stage == Stage::Allocate && s.passed());
    path.proof = if allocated { Some(Proof::Allocated) } else { bound.then_some(Proof::Reachable) };
    if matches!(cause, Cause::CredentialsNeeded { .. } | Cause::CredentialsRejected { .. }) {
        path.proof = Some(Proof::Reachable);
    }
    path.mapped = path.mapped.filter(|_| path.proof.is_some());
    path.relayed = path.relayed.filter(|_| allocated);
    path.request_rtt_ms.retain(|_| path.proof.is_some());
    path.relay_runs.clear();
    if !path.steps.iter().any(|s| s.stage == Stage::Tls && (s.passed() || s.cause().is_some())) {
        path.tls = None;
    }
    path
}

pub(crate) fn evidence(paths: Vec<PathEvidence>) -> Evidence {
    let candidates = paths.iter().filter(|p| p.works() == Some(true)).map(candidate).collect();
    Evidence {
        asked: AskedFor {
            profile: "chromium@156".to_owned(),
            policy: Policy::All,
            credentials: paths.iter().any(|p| p.has_credentials),
            servers_from: "the command line".to_owned(),
            vendor_servers: false,
            proxies: Vec::new(),
            proxy_credentials: false,
            ice_filtering: Vec::new(),
        },
        started: "2026-08-23T09:00:00Z".to_owned(),
        elapsed: Offset::from_ms(2600),
        cut_short: None,
        gather_errors: paths
            .iter()
            .filter(|p| p.client_tries && p.proof.is_none())
            .map(|p| GatherError {
                url: p.url.clone(),
                stage: "allocate".to_owned(),
                code: 701,
                stun_code: None,
                text: "TURN allocate request timed out.".to_owned(),
                at_ms: Offset::from_ms(2500),
            })
            .collect(),
        paths,
        ignored: Vec::new(),
        candidates,
        resolutions: Vec::new(),
        interfaces: vec![Interface {
            name: "eth0".to_owned(),
            kind: "ethernet".to_owned(),
            addresses: vec![[10, 10, 0, 2].into()],
            default_route: true,
        }],
    }
}

fn candidate(path: &PathEvidence) -> Candidate {
    let place = TRANSPORTS.iter().position(|t| *t == path.transport).unwrap_or(0) as u32;
    let priority =
        [58_662_911, 25_108_479, 8_331_263][place as usize] - u32::from(path.server == TURN2) * 256;
    let relayed = path.relayed.expect("a relay that works has an address");
    let mapped = path.mapped.expect("and knows ours");
    Candidate {
        kind: CandidateType::Relay,
        protocol: Protocol::Udp,
        tcp_type: None,
        address: relayed.ip(),
        port: relayed.port(),
        related_address: Some(mapped.ip()),
        related_port: Some(mapped.port()),
        priority,
        foundation: format!("9{place}"),
        component: 1,
        network_id: Some(1),
        network_cost: Some(0),
        url: Some(path.url.clone()),
        relay_protocol: Some(path.transport),
        route: Some(path.route.to_string()),
        base: Some(relayed),
        at_ms: Offset::from_ms(120),
        sdp: format!(
            "candidate:9{place} 1 udp {priority} {} {} typ relay raddr {} rport {} generation 0",
            relayed.ip(),
            relayed.port(),
            mapped.ip(),
            mapped.port()
        ),
        path: Some(path.id.clone()),
    }
}

/// The order in which Chromium would prefer what works: UDP, TCP, TLS, and in each the first server first.
pub(crate) fn ranking(evidence: &Evidence) -> Vec<Rank> {
    let mut working: Vec<&PathEvidence> =
        evidence.paths.iter().filter(|p| p.client_tries && p.usable() == Some(true)).collect();
    working.sort_by_key(|p| (p.transport, p.server.clone()));
    let rank = |(at, path): (usize, &PathEvidence)| Rank {
        position: at + 1,
        path: path.id.clone(),
        candidate: Some(candidate(path)),
        pair_priority: (251_960_786_052_710_398 - 100 * at as u64).to_string(),
        selected: at == 0,
        because: if at == 0 { "UDP ranks above TCP and TLS; first server" } else { "lower relay preference" }
            .to_owned(),
        selected_answering: at == 0,
        overlooked: None,
    };
    working.into_iter().enumerate().map(rank).collect()
}

pub(crate) fn silent() -> Cause {
    Cause::NoAnswer { requests: 9, waited_ms: 2400 }
}

pub(crate) fn timeout() -> Cause {
    Cause::ConnectTimeout { attempts: 2, waited_ms: 2500 }
}

/// Each transport of each server straight, changed as told.
pub(crate) fn world(change: impl Fn(PathEvidence) -> PathEvidence) -> Evidence {
    let paths = [TURN1, TURN2].iter().flat_map(|s| TRANSPORTS.map(|t| path(s, t, Route::Direct)));
    evidence(paths.map(change).collect())
}

pub(crate) fn open() -> Evidence {
    world(|p| p)
}

pub(crate) fn udp_blocked() -> Evidence {
    world(|p| match p.transport {
        Transport::Udp => broken(p, Stage::Binding, silent()),
        Transport::Tcp | Transport::Tls => p,
    })
}

pub(crate) fn only_443() -> Evidence {
    world(|p| match p.transport {
        Transport::Udp => broken(p, Stage::Binding, silent()),
        Transport::Tcp => broken(p, Stage::Connect, timeout()),
        Transport::Tls => p,
    })
}

pub(crate) fn nothing_works() -> Evidence {
    world(|p| match p.transport {
        Transport::Udp => broken(p, Stage::Binding, silent()),
        Transport::Tcp | Transport::Tls => broken(p, Stage::Connect, timeout()),
    })
}

pub(crate) fn bad_credentials() -> Evidence {
    world(|p| {
        let cause = Cause::CredentialsRejected { stun_code: 401, reason: "Unauthorized".to_owned() };
        broken(p, Stage::Allocate, cause)
    })
}

pub(crate) fn no_credentials() -> Evidence {
    world(|mut p| {
        p.has_credentials = false;
        broken(p, Stage::Allocate, Cause::CredentialsNeeded { realm: "example.net".to_owned() })
    })
}

pub(crate) fn one_server_down() -> Evidence {
    world(|p| match p.transport {
        _ if p.server == TURN1 => p,
        Transport::Udp => broken(p, Stage::Binding, silent()),
        Transport::Tcp | Transport::Tls => broken(p, Stage::Connect, timeout()),
    })
}

/// TLS to both servers answered by a box with one key and an authority of its own.
pub(crate) fn intercepted() -> Evidence {
    world(|p| match p.transport {
        Transport::Tls => {
            let seen = tls(&p.server, "CN=Branch Gateway CA", "beef", false);
            let cause = Cause::TlsUntrusted { issuer: "CN=Branch Gateway CA".to_owned() };
            PathEvidence { tls: Some(seen), ..broken(p, Stage::Tls, cause) }
        }
        Transport::Udp | Transport::Tcp => p,
    })
}

pub(crate) fn http_inspection() -> Evidence {
    world(|p| match p.transport {
        Transport::Tcp => {
            let first_bytes = FirstBytes::of(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            broken(p, Stage::Allocate, Cause::NotStun { first_bytes })
        }
        Transport::Udp | Transport::Tls => p,
    })
}

/// Only the proxy gets out. Straight TCP and TLS are tried too, though Chromium would not.
pub(crate) fn behind_proxy(change: impl Fn(PathEvidence) -> PathEvidence) -> Evidence {
    let mut evidence = nothing_works();
    for path in &mut evidence.paths {
        path.client_tries = path.transport == Transport::Udp;
    }
    for server in [TURN1, TURN2] {
        for transport in [Transport::Tcp, Transport::Tls] {
            evidence.paths.push(change(path(server, transport, Route::Proxy(PROXY.to_owned()))));
        }
    }
    let mut made = self::evidence(evidence.paths);
    made.asked.proxies = vec![PROXY.to_owned()];
    made
}

pub(crate) fn proxy_only() -> Evidence {
    behind_proxy(|p| p)
}

pub(crate) fn proxy_auth() -> Evidence {
    behind_proxy(|p| {
        broken(
            p,
            Stage::Tunnel,
            Cause::ProxyAuthRequired { schemes: vec![AuthScheme::Basic, AuthScheme::Digest] },
        )
    })
}

/// The same path with connectivity checks beside its packets, answered or not.
pub(crate) fn checked(mut path: PathEvidence, unanswered: Option<u32>) -> PathEvidence {
    let outcome = match unanswered {
        None => Outcome::Passed,
        Some(requests) => Outcome::Failed(Cause::NoAnswer { requests, waited_ms: 800 }),
    };
    let mut step = step(Stage::Check, outcome, 140, 940);
    step.facts.set("far_end", path.id.clone());
    let at = path.steps.iter().position(|step| step.stage == Stage::Release).unwrap_or(path.steps.len());
    path.steps.insert(at, step);
    path
}

/// STUN inside TURN gets through within TLS alone.
pub(crate) fn checks_blocked() -> Evidence {
    world(|p| {
        let blocked = p.transport != Transport::Tls;
        checked(p, blocked.then_some(34))
    })
}

/// Every named run, for tests that hold for all of them.
pub(crate) fn all() -> Vec<(&'static str, Evidence)> {
    vec![
        ("open", open()),
        ("udp-blocked", udp_blocked()),
        ("only-443", only_443()),
        ("nothing-works", nothing_works()),
        ("bad-credentials", bad_credentials()),
        ("no-credentials", no_credentials()),
        ("one-server-down", one_server_down()),
        ("tls-intercepted", intercepted()),
        ("http-inspection", http_inspection()),
        ("proxy-only", proxy_only()),
        ("proxy-auth", proxy_auth()),
        ("checks-blocked", checks_blocked()),
    ]
}
