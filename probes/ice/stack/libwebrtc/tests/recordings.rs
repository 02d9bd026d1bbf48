//! Two Chromiums in the same network as the recorded ones: the same pairs are checked and the same one is selected.
//!
//! Both ends' candidates are rebuilt from a recording. The network is the recorded one: the client behind a NAT that keeps
//! ports and lets in only what was sent to, a WAN of 20 ms each way, everything else on the internet. Candidates become
//! known as they did there, hosts before relays; the recordings do not tell when to the millisecond, so that is chosen.

use super::*;
use crate::evidence::Transport;
use crate::ice::CandidateType;
use crate::ice::agent::tests::wire::{Packet, candidate};
use crate::ice::agent::{PairId, Peer};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

#[derive(Deserialize)]
struct Recording {
    client: End,
    peer: End,
}

#[derive(Deserialize)]
struct End {
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    selected: bool,
    state: String,
    nominated: bool,
    priority: String,
    local: Recorded,
    remote: Recorded,
}

#[derive(Deserialize, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Recorded {
    #[serde(rename = "type")]
    kind: String,
    relay_protocol: Option<String>,
    address: IpAddr,
    port: u16,
    priority: u32,
    url: Option<String>,
}

impl Recorded {
    fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    fn candidate(&self, v6: bool) -> Candidate {
        let kind = match self.kind.as_str() {
            "host" => CandidateType::Host,
            "srflx" => CandidateType::Srflx,
            _ => CandidateType::Relay,
        };
        let relay_protocol = self.relay_protocol.as_deref().map(|protocol| match protocol {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            _ => Transport::Tls,
        });
        let base = if v6 { "[::]:0" } else { "0.0.0.0:0" };
        let base = (kind == CandidateType::Relay).then(|| base.parse().unwrap());
        // Nobody had the microphone: every network is an ANY network.
        let known = candidate(kind, &self.socket().to_string(), self.priority);
        Candidate { relay_protocol, url: self.url.clone(), base, ..on(0, 999, known) }
    }
}

/// The pairs of an end in a form that our own can be compared with: base and remote address.
type Named = BTreeSet<(SocketAddr, SocketAddr)>;

impl End {
    /// What it had of its own: sockets and relays, and the reflexive one.
    fn locals(&self) -> (Vec<Recorded>, Option<Recorded>) {
        let all: BTreeSet<Recorded> = self.pairs.iter().map(|pair| pair.local.clone()).collect();
        let (reflexive, mut own): (Vec<_>, Vec<_>) = all.into_iter().partition(|local| local.kind == "srflx");
        own.sort_by_key(|local| std::cmp::Reverse(local.priority));
        (own, reflexive.into_iter().next())
    }

    fn host(&self) -> SocketAddr {
        let host = self.pairs.iter().find(|pair| pair.local.kind == "host");
        host.map_or("0.0.0.0:0".parse().unwrap(), |pair| pair.local.socket())
    }

    /// The pairs that were ever checked.
    fn checked(&self) -> Named {
        let host = self.host();
        let base = |local: &Recorded| if local.kind == "srflx" { host } else { local.socket() };
        let checked = self.pairs.iter().filter(|pair| pair.state != "waiting");
        checked.map(|pair| (base(&pair.local), pair.remote.socket())).collect()
    }

    fn selected(&self) -> &Pair {
        self.pairs.iter().find(|pair| pair.selected).unwrap()
    }
}

/// When something of one end becomes known to itself and to the other, in milliseconds.
struct Pace {
    /// One way.
    delay: u64,
    /// The client hears of the peer's candidates; the peer has heard of the client's host at 0.
    answered: u64,
    /// Until its own relays are there the client knows so many candidates of the peer, the best ones.
    heard: usize,
    /// The client's relays are ready, and signalled at the same time.
    relays: u64,
}

struct Replay {
    recording: Recording,
    wire: Wire,
}

const CLIENT: usize = 0;
const PEER: usize = 1;

impl Replay {
    fn of(text: &str, pace: &Pace) -> Self {
        let recording: Recording = serde_json::from_str(text).unwrap();
        let mut wire = chromiums();
        wire.delay = Duration::from_millis(pace.delay);
        wire.lost = network(&recording, at(pace.answered) + wire.delay);
        let mut replay = Self { recording, wire };
        replay.play(pace);
        replay
    }

    fn play(&mut self, pace: &Pace) {
        for end in [CLIENT, PEER] {
            let credentials = self.wire.sides[1 - end].agent.credentials().clone();
            self.wire.sides[end].agent.on_peer(Peer { credentials, lite: false, ice2: false }, at(0));
        }
        let (peers, _) = self.recording.peer.locals();
        let (clients, reflexive) = self.recording.client.locals();
        for own in &peers {
            self.own(PEER, own, None);
        }
        let mut relays = Vec::new();
        for own in clients {
            if own.kind == "host" {
                self.own(CLIENT, &own, reflexive.clone());
            } else {
                relays.push(own);
            }
        }
        self.signal(PEER, usize::MAX);
        if pace.answered == 0 {
            self.signal(CLIENT, pace.heard);
        }
        // Of two that tie the first to be ready wins. The recording does not tell which that was, but by what it took.
        let taken = self.recording.client.selected().local.clone();
        relays.sort_by_key(|relay| (std::cmp::Reverse(relay.priority), *relay != taken));
        self.wire.run_until(at(pace.relays));
        for relay in &relays {
            self.own(CLIENT, relay, None);
            self.signal(PEER, usize::MAX);
        }
        if pace.answered > 0 {
            self.wire.run_until(at(pace.answered));
        }
        self.signal(CLIENT, usize::MAX);
        self.wire.run_until(at(2_000));
    }

    fn own(&mut self, end: usize, own: &Recorded, reflexive: Option<Recorded>) {
        // Of two equal relays over a stream one came over the ANY network of IPv6.
        let twins = self.wire.sides[end].candidates.iter();
        let v6 = twins.filter(|known| known.url == own.url && known.url.is_some()).count() > 0;
        let base = match &reflexive {
            Some(reflexive) => self.wire.base_behind(end, own.candidate(v6), reflexive.socket()),
            None => self.wire.base(end, own.candidate(v6)),
        };
        if let Some(reflexive) = reflexive {
            let reflexive = reflexive.candidate(false);
            self.wire.sides[end].candidates.push(reflexive.clone());
            self.wire.sides[end].agent.on_reflexive(reflexive, base);
        }
    }

    /// Tells an end so many candidates of the other, the best first.
    fn signal(&mut self, end: usize, count: usize) {
        let now = self.wire.now;
        for candidate in self.wire.sides[1 - end].candidates.clone().into_iter().take(count) {
            let signalled = Candidate { url: None, relay_protocol: None, base: None, ..candidate };
            self.wire.sides[end].agent.on_remote(signalled, now);
        }
        self.wire.settle();
    }

    fn end(&self, end: usize) -> &End {
        if end == CLIENT { &self.recording.client } else { &self.recording.peer }
    }

    fn checked(&self, end: usize) -> Named {
        let agent = &self.wire.sides[end].agent;
        let checked = agent.pairs().iter().enumerate().filter(|(_, pair)| pair.checks_sent > 0);
        checked
            .map(|(id, _)| {
                let (base, remote) = agent.route_of(PairId(id)).unwrap();
                let own = self.wire.sides[end].candidates.iter().filter(|c| c.kind != CandidateType::Srflx);
                let own = own.map(|c| SocketAddr::new(c.address, c.port)).nth(base.0).unwrap();
                (own, remote)
            })
            .collect()
    }

    /// Selected pair, its priority as a double, nomination.
    fn same_selection(&self) {
        for end in [CLIENT, PEER] {
            let expected = self.end(end).selected();
            let agent = &self.wire.sides[end].agent;
            let selected = agent.selected().expect("a pair is selected");
            let (local, remote) = (agent.local(selected).unwrap(), agent.remote(selected).unwrap());
            let kinds = [local.kind.as_str(), remote.kind.as_str()];
            assert_eq!(kinds, [&expected.local.kind[..], &expected.remote.kind[..]], "end {end}");
            assert_eq!(local.relay_protocol, expected.local.candidate(false).relay_protocol, "end {end}");
            assert_eq!(local.url, expected.local.url, "end {end}");
            // Of twins either will do.
            assert_eq!(local.address, expected.local.address, "end {end}");
            assert_eq!(remote.address, expected.remote.address, "end {end}");
            assert_eq!(
                agent.priority(selected) as f64,
                expected.priority.parse::<f64>().unwrap(),
                "end {end}"
            );
            let nominated = agent.pairs()[selected.0].nominated;
            assert!(nominated && expected.nominated && expected.state == "succeeded", "end {end}");
        }
    }

    /// The pairs that only the recorded end checked, and those that only ours did.
    fn differing(&self, end: usize) -> [Vec<(SocketAddr, SocketAddr)>; 2] {
        let (recorded, ours) = (self.end(end).checked(), self.checked(end));
        [recorded.difference(&ours).copied().collect(), ours.difference(&recorded).copied().collect()]
    }

    /// Every pair that the recording has is there with the same priority.
    fn same_pairs(&self, end: usize) {
        let agent = &self.wire.sides[end].agent;
        let host = self.end(end).host();
        let ours: BTreeMap<(SocketAddr, SocketAddr), f64> = (0..agent.pairs().len())
            .map(PairId)
            .map(|id| {
                let (base, remote) = agent.route_of(id).unwrap();
                let own = self.wire.sides[end].candidates.iter().filter(|c| c.kind != CandidateType::Srflx);
                let own = own.map(|c| SocketAddr::new(c.address, c.port)).nth(base.0).unwrap();
                ((own, remote), agent.priority(id) as f64)
            })
            .collect();
        for pair in &self.end(end).pairs {
            let own = if pair.local.kind == "srflx" { host } else { pair.local.socket() };
            let priority = ours.get(&(own, pair.remote.socket())).copied();
            assert_eq!(
                priority,
                Some(pair.priority.parse::<f64>().unwrap()),
                "{own} {}",
                pair.remote.socket()
            );
        }
        assert_eq!(ours.len(), self.end(end).pairs.len(), "end {end}");
    }
}

/// What does not arrive: what has a private address on the internet, what a NAT lets in from nowhere, and what comes to the
/// client's relays before they are told to let the peer in.
fn network(recording: &Recording, permitted: Offset) -> Box<dyn FnMut(&Packet) -> bool> {
    let (_, reflexive) = recording.client.locals();
    let behind = reflexive.map(|reflexive| reflexive.socket());
    let host = recording.client.host();
    let (own, _) = recording.client.locals();
    let relays: Vec<SocketAddr> = own.iter().filter(|o| o.kind == "relay").map(Recorded::socket).collect();
    let mut let_in: HashSet<SocketAddr> = HashSet::new();
    Box::new(move |packet| match behind {
        _ if packet.from == host || packet.to == host => true,
        _ if relays.contains(&packet.to) && packet.sent < permitted => true,
        Some(nat) if packet.from == nat => {
            let_in.insert(packet.to);
            false
        }
        Some(nat) if packet.to == nat => !let_in.contains(&packet.from),
        _ => false,
    })
}

const OPEN: &str = include_str!("../../../../../fixtures/recordings/chromium-call-open.json");
const NOUDP: &str = include_str!("../../../../../fixtures/recordings/chromium-call-noudp.json");
const RELAYS: &str = include_str!("../../../../../fixtures/recordings/chromium-call-relay-relay.json");

#[test]
fn the_recorded_call_in_an_open_network() {
    let replay = Replay::of(OPEN, &Pace { delay: 20, answered: 0, heard: usize::MAX, relays: 0 });
    replay.same_selection();
    for end in [CLIENT, PEER] {
        replay.same_pairs(end);
        assert_eq!(replay.differing(end), [vec![], vec![]], "end {end}");
    }
}

/// The client's relays come 400 ms after checks began; it was connected 480 ms after. Until then the client knows of the
/// peer what it checked, and the peer knows the client's host alone.
#[test]
fn the_recorded_call_without_udp() {
    let pace = Pace { delay: 20, answered: 0, heard: 5, relays: 400 };
    let replay = Replay::of(NOUDP, &pace);
    replay.same_selection();
    for end in [CLIENT, PEER] {
        replay.same_pairs(end);
        assert_eq!(replay.differing(end), [vec![], vec![]], "end {end}");
    }
}

/// The peer has checked three pairs before the client hears of it. The first round trip took longer than the others
/// there: connected came 77 ms after checking, so a second check had left.
#[test]
fn the_recorded_call_between_relays() {
    let replay = Replay::of(RELAYS, &Pace { delay: 25, answered: 100, heard: 0, relays: 0 });
    replay.same_selection();
    for end in [CLIENT, PEER] {
        replay.same_pairs(end);
        assert_eq!(replay.differing(end), [vec![], vec![]], "end {end}");
    }
}
