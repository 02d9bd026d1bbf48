//! Calls made up by hand, for the tests of the verdict and of the report.

use super::Asked;
use crate::call::record::*;
use crate::verdict::sample::{TRANSPORTS, TURN1, TURN2, broken, path, silent};
use raincheck_probes::evidence::{Cause, PathEvidence, Route, Stage, Transport};
use raincheck_probes::ice::agent::{AgentState, Criterion, IceRole, PairId, PairState};
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::ice::{Candidate, CandidateType, Policy, Protocol};
use raincheck_probes::machine::Offset;
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A candidate without a server.
pub(crate) fn candidate(kind: CandidateType, at: &str) -> Candidate {
    let at: SocketAddr = at.parse().expect("an address");
    let priority = match kind {
        CandidateType::Host => 2_122_260_223,
        CandidateType::Srflx => 1_686_052_607,
        CandidateType::Prflx => 1_853_824_767,
        CandidateType::Relay => 58_662_911,
    };
    Candidate {
        kind,
        protocol: Protocol::Udp,
        tcp_type: None,
        address: at.ip(),
        port: at.port(),
        related_address: None,
        related_port: None,
        priority,
        foundation: "1".to_owned(),
        component: 1,
        network_id: Some(1),
        network_cost: Some(0),
        url: None,
        relay_protocol: None,
        route: None,
        base: Some(at),
        at_ms: Offset::from_ms(20),
        sdp: format!("candidate:1 1 udp {priority} {} {} typ {}", at.ip(), at.port(), kind.as_str()),
        path: None,
    }
}

/// A relay of ours.
pub(crate) fn relay(server: &str, transport: Transport, at: &str) -> Candidate {
    let path = path(server, transport, Route::Direct);
    Candidate {
        relay_protocol: Some(transport),
        route: Some("direct".to_owned()),
        url: Some(path.url),
        path: Some(path.id),
        ..candidate(CandidateType::Relay, at)
    }
}

/// A pair that works.
pub(crate) fn works(local: Candidate, remote: Candidate, rtt: f64, below: Option<Criterion>) -> PairRecord {
    let (high, low) = (local.priority.max(remote.priority), local.priority.min(remote.priority));
    PairRecord {
        id: PairId(0),
        path: local.path.clone(),
        priority: (u64::from(low) << 32) + 2 * u64::from(high),
        local,
        remote,
        state: PairState::Succeeded,
        nominated: false,
        rtt: Some(Duration::from_secs_f64(rtt / 1000.0)),
        checks_sent: 12,
        checks_answered: 12,
        requests_sent: 12,
        checks_received: 12,
        cause: None,
        below,
        cut: false,
    }
}

/// A pair on which nothing came.
pub(crate) fn fails(local: Candidate, remote: Candidate, cause: Cause) -> PairRecord {
    PairRecord {
        state: PairState::Failed,
        rtt: None,
        checks_sent: 9,
        checks_answered: 0,
        requests_sent: 9,
        checks_received: 0,
        cause: Some(cause),
        ..works(local, remote, 0.0, Some(Criterion::Works))
    }
}

/// A pair that was never checked.
pub(crate) fn unchecked(local: Candidate, remote: Candidate) -> PairRecord {
    PairRecord {
        state: PairState::Waiting,
        rtt: None,
        checks_sent: 0,
        checks_answered: 0,
        requests_sent: 0,
        checks_received: 0,
        ..works(local, remote, 0.0, Some(Criterion::Works))
    }
}

pub(crate) fn events(told: &[(u64, &str)]) -> Vec<EventRecord> {
    told.iter().map(|(at, text)| EventRecord { at: Offset::from_ms(*at), text: (*text).to_owned() }).collect()
}

/// An end with these pairs, in this order; the first is selected when it works.
pub(crate) fn end(role: IceRole, mut pairs: Vec<PairRecord>) -> EndRecord {
    for (at, pair) in pairs.iter_mut().enumerate() {
        pair.id = PairId(at);
    }
    let mut candidates: Vec<Candidate> = Vec::new();
    for pair in &pairs {
        if !candidates.contains(&pair.local) {
            candidates.push(pair.local.clone());
        }
    }
    let selected = pairs.first().filter(|pair| pair.state == PairState::Succeeded).map(|_| 0);
    if let (Some(0), Some(first)) = (selected, pairs.first_mut()) {
        (first.nominated, first.below) = (true, None);
    }
    EndRecord {
        role,
        state: if selected.is_some() { AgentState::Connected } else { AgentState::Failed },
        selected,
        successor: None,
        pairs,
        events: Vec::new(),
        candidates,
        gather_errors: Vec::new(),
        paths: Vec::new(),
    }
}

pub(crate) fn dtls_ok() -> DtlsRecord {
    DtlsRecord {
        ok: true,
        handshake: Some(ms(43)),
        unanswered: None,
        version: Some("DTLS 1.2".to_owned()),
        cipher: Some("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned()),
        fingerprint_matches: Some(true),
        largest: [Some(1200), Some(1180)],
        flights_sent: 2,
        received: 5,
        failure: None,
        failure_code: None,
    }
}

pub(crate) fn record(role: CallRole, near: EndRecord) -> CallRecord {
    CallRecord {
        profile: Profile::default(),
        role,
        started: "2026-08-23T09:00:00Z".to_owned(),
        elapsed: Offset::from_ms(1900),
        cut_short: None,
        connected: near.selected.is_some(),
        dtls: near.selected.map(|_| dtls_ok()),
        near,
        far: None,
        cut: None,
        soak: None,
        matrix: Vec::new(),
        signalling: None,
        passed_over: Vec::new(),
    }
}

pub(crate) fn asked() -> Asked {
    Asked {
        policy: Policy::All,
        servers_from: "servers.json".to_owned(),
        vendor_servers: false,
        proxies: Vec::new(),
        proxy_credentials: false,
        matrix: false,
        fail: None,
        soak: None,
    }
}

fn host() -> Candidate {
    candidate(CandidateType::Host, "10.10.0.2:40000")
}

fn srflx() -> Candidate {
    Candidate { base: host().base, ..candidate(CandidateType::Srflx, "203.0.113.2:40000") }
}

fn far_relay() -> Candidate {
    relay(TURN1, Transport::Udp, "198.51.100.11:51000")
}

/// Each way to the first server; UDP to it is blocked.
fn relays() -> [Candidate; 2] {
    [relay(TURN1, Transport::Tcp, "198.51.100.11:50001"), relay(TURN1, Transport::Tls, "198.51.100.11:50002")]
}

/// Both ends here; UDP is blocked, so that the call takes a relay over TCP.
pub(crate) fn by_relay() -> CallRecord {
    let [tcp, tls] = relays();
    let near = end(
        IceRole::Controlling,
        vec![
            works(tcp, far_relay(), 41.2, None),
            works(tls, far_relay(), 42.0, Some(Criterion::Priority)),
            fails(host(), far_relay(), silent()),
        ],
    );
    let mut paths: Vec<PathEvidence> = TRANSPORTS.map(|t| path(TURN1, t, Route::Direct)).into();
    paths[0] = broken(paths[0].clone(), Stage::Binding, silent());
    let successor = Some(SuccessorRecord::Switch { pair: 1, because: Criterion::Priority });
    let events = events(&[
        (120, "checking"),
        (121, "first check: host 10.10.0.2:40000 to relay 198.51.100.11:51000"),
        (165, "works: relay TCP 198.51.100.11:50001 to relay 198.51.100.11:51000"),
        (
            165,
            "selected: relay TCP 198.51.100.11:50001 to relay 198.51.100.11:51000 (the first pair that worked)",
        ),
        (166, "connected"),
        (2600, "failed: host 10.10.0.2:40000 to relay 198.51.100.11:51000: no answer to 9 requests in 2.4 s"),
    ]);
    let far = end(IceRole::Controlled, vec![works(far_relay(), relays()[0].clone(), 41.5, None)]);
    let near = EndRecord { successor, events, paths, ..near };
    CallRecord { far: Some(far), ..record(CallRole::Own, near) }
}

/// An offer to somebody outside: straight through the NAT.
pub(crate) fn direct() -> CallRecord {
    let remote = candidate(CandidateType::Srflx, "192.0.2.77:61000");
    let inside = candidate(CandidateType::Host, "192.168.1.5:61000");
    let udp = relay(TURN1, Transport::Udp, "198.51.100.11:50000");
    let near = end(
        IceRole::Controlling,
        vec![
            works(Candidate { base: host().base, ..srflx() }, remote.clone(), 18.4, None),
            works(udp.clone(), remote, 60.1, Some(Criterion::Priority)),
            fails(host(), inside.clone(), silent()),
            fails(
                udp,
                inside,
                Cause::StunError {
                    stun_code: 403,
                    reason: "Forbidden IP".to_owned(),
                    unknown_attributes: Vec::new(),
                },
            ),
        ],
    );
    let successor = Some(SuccessorRecord::Restart(1));
    let paths = vec![path(TURN1, Transport::Udp, Route::Direct)];
    let mut record = record(CallRole::Offer, EndRecord { successor, paths, ..near });
    record.passed_over = vec![(
        "candidate:7 1 udp 2122260223 6f1c.local 61000 typ host".to_owned(),
        "a name of multicast DNS, which is not looked up".to_owned(),
    )];
    record
}

/// An answer whose every check stays unanswered.
pub(crate) fn unanswered() -> CallRecord {
    let udp = relay(TURN2, Transport::Udp, "198.51.100.12:50000");
    let remotes = [
        candidate(CandidateType::Host, "192.168.1.5:61000"),
        candidate(CandidateType::Srflx, "192.0.2.77:61000"),
        candidate(CandidateType::Relay, "198.51.100.99:52000"),
    ];
    let pairs = [udp, host()]
        .into_iter()
        .flat_map(|local| remotes.clone().map(|remote| fails(local.clone(), remote, silent())));
    let mut near = end(IceRole::Controlled, pairs.collect());
    near.paths = vec![path(TURN2, Transport::Udp, Route::Direct)];
    near.events = events(&[(90, "checking"), (30_100, "failed")]);
    record(CallRole::Answer, near)
}

/// Nobody has a relay: this end's TURN server is not reached.
pub(crate) fn without_relays() -> CallRecord {
    let remote = candidate(CandidateType::Srflx, "192.0.2.77:61000");
    let mut near = end(
        IceRole::Controlling,
        vec![fails(srflx(), remote.clone(), silent()), fails(host(), remote, silent())],
    );
    near.paths = TRANSPORTS.map(|t| path(TURN1, t, Route::Direct)).into();
    near.paths[0] = broken(near.paths[0].clone(), Stage::Binding, silent());
    for path in near.paths.iter_mut().skip(1) {
        let cause = Cause::CredentialsRejected { stun_code: 401, reason: "Unauthorized".to_owned() };
        *path = broken(path.clone(), Stage::Allocate, cause);
    }
    record(CallRole::Offer, near)
}

/// STUN passes, DTLS does not.
pub(crate) fn dtls_eaten() -> CallRecord {
    let mut record = direct();
    record.dtls = Some(DtlsRecord {
        ok: false,
        handshake: None,
        unanswered: None,
        version: None,
        cipher: None,
        fingerprint_matches: None,
        largest: [None, None],
        flights_sent: 5,
        received: 0,
        failure: Some("no answer to 5 DTLS flights in 15.0 s".to_owned()),
        failure_code: Some("no-answer".to_owned()),
    });
    record.passed_over.clear();
    record
}

/// UDP is cut in the middle of the call.
pub(crate) fn switched() -> (CallRecord, Asked) {
    let mut record = by_relay();
    let udp = relay(TURN1, Transport::Udp, "198.51.100.11:50000");
    record.near.pairs.insert(2, PairRecord { cut: true, ..fails(udp, far_relay(), silent()) });
    record.near.paths = TRANSPORTS.map(|t| path(TURN1, t, Route::Direct)).into();
    record.near.events = events(&[
        (5200, "the path is cut: udp"),
        (7700, "silent: relay UDP 198.51.100.11:50000 to relay 198.51.100.11:51000"),
        (
            8700,
            "selected: relay TCP 198.51.100.11:50001 to relay 198.51.100.11:51000 (the pair before it died)",
        ),
    ]);
    record.cut = Some(CutRecord {
        path: "udp".to_owned(),
        at: Offset::from_ms(5200),
        before: Some(2),
        after: Some(0),
        switched: Some(ms(3500)),
        gap: Some(ms(3620)),
    });
    (record, Asked { fail: "udp".parse().ok(), ..asked() })
}

/// A soak that ends in silence.
pub(crate) fn soaked() -> (CallRecord, Asked) {
    let mut record = direct();
    record.passed_over.clear();
    let upkeep = |what: &str, due, answered, failure| UpkeepRecord {
        far: false,
        what: what.to_owned(),
        due,
        answered,
        failure,
    };
    record.soak = Some(SoakRecord {
        asked: Duration::from_secs(300),
        held: ms(92_300),
        sent: 4615,
        received: Some(3105),
        broken: Some(1),
        longest_gap: Some((Offset::from_ms(62_000), ms(30_300))),
        upkeep: vec![upkeep("allocation", 0, 0, None), upkeep("consent", 19, 12, Some(silent()))],
        ended_by: Some(
            "nothing came any more for 30 s, without an error of a server or of this host".to_owned(),
        ),
    });
    record.near.selected = None;
    record.cut = None;
    (record, Asked { soak: Some(Duration::from_secs(300)), ..asked() })
}

/// Four candidates against four.
pub(crate) fn surveyed() -> (CallRecord, Asked) {
    let mut record = by_relay();
    let [tcp, tls] = relays();
    let near = [host(), srflx(), tcp, tls];
    let far = [
        candidate(CandidateType::Host, "10.10.0.2:45000"),
        candidate(CandidateType::Srflx, "203.0.113.2:45000"),
        far_relay(),
        relay(TURN2, Transport::Tls, "198.51.100.12:51002"),
    ];
    let mut rtt = 0.4;
    for (row, local) in near.iter().enumerate() {
        for (column, remote) in far.iter().enumerate() {
            rtt += 5.2;
            record.matrix.push(match (row, column) {
                (0, 1) | (1, 0) | (2, 0) | (3, 0) => fails(local.clone(), remote.clone(), silent()),
                (3, 3) => unchecked(local.clone(), remote.clone()),
                _ => works(local.clone(), remote.clone(), rtt, None),
            });
        }
    }
    (record, Asked { matrix: true, ..asked() })
}

/// The user ended it while checks were under way.
pub(crate) fn cut_short() -> CallRecord {
    let mut record = unanswered();
    for pair in &mut record.near.pairs {
        (pair.state, pair.cause, pair.checks_sent) = (PairState::InProgress, None, 3);
        pair.requests_sent = 3;
    }
    record.near.state = AgentState::Checking;
    record.near.events.truncate(1);
    record.cut_short = Some("interrupted".to_owned());
    record
}

/// The other end's offer did not come.
pub(crate) fn unsignalled() -> CallRecord {
    let mut record = unanswered();
    record.near.pairs.clear();
    record.near.events.clear();
    record.near.state = AgentState::New;
    record.cut_short = Some("the deadline of 600 s came".to_owned());
    record.signalling = Some("no answer was pasted in 600 s".to_owned());
    record
}

/// Every named call, for tests that hold for all of them.
pub(crate) fn all() -> Vec<(&'static str, CallRecord, Asked)> {
    let with = |(record, asked): (CallRecord, Asked), name| (name, record, asked);
    vec![
        ("call-by-relay", by_relay(), asked()),
        ("call-direct", direct(), asked()),
        ("call-unanswered", unanswered(), asked()),
        ("call-without-relays", without_relays(), asked()),
        ("call-dtls-eaten", dtls_eaten(), asked()),
        with(switched(), "call-switched"),
        with(soaked(), "call-soaked"),
        with(surveyed(), "call-matrix"),
        ("call-cut-short", cut_short(), asked()),
        ("call-unsignalled", unsignalled(), asked()),
    ]
}
