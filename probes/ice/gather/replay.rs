//! Every recording of a real client, replayed: the same candidates and the same errors must come out.

use super::*;
use crate::ice::network::{AdapterKind, Family};
use crate::ice::rank::rank;
use crate::ice::stack::Client;
use crate::server::{Host, IceUri, Scheme, UriTransport};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

#[derive(Deserialize)]
struct Recording {
    client: String,
    scenario: String,
    urls: Vec<String>,
    policy: Policy,
    proxy: Option<String>,
    gather_total_ms: u64,
    candidates: Vec<Recorded>,
    errors: Vec<RecordedError>,
}

#[derive(Deserialize)]
struct Recorded {
    at_ms: u64,
    candidate: String,
    url: Option<String>,
    relay_protocol: Option<String>,
}

#[derive(Deserialize, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RecordedError {
    url: String,
    code: u16,
    text: String,
}

/// A candidate line in its parts.
struct Line<'a> {
    words: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn of(text: &'a str) -> Self {
        Self { words: text.split(' ').collect() }
    }
    fn after(&self, key: &str) -> Option<&'a str> {
        self.words.iter().position(|word| *word == key).map(|at| self.words[at + 1])
    }
    fn foundation(&self) -> &'a str {
        self.words[0].strip_prefix("candidate:").unwrap()
    }
    fn address(&self) -> SocketAddr {
        SocketAddr::new(self.words[4].parse().unwrap(), self.words[5].parse().unwrap())
    }
    fn related(&self) -> Option<SocketAddr> {
        let ip = self.after("raddr")?.parse().unwrap();
        Some(SocketAddr::new(ip, self.after("rport")?.parse().unwrap()))
    }
    fn is(&self, kind: &str, protocol: &str) -> bool {
        self.after("typ") == Some(kind) && self.words[2].eq_ignore_ascii_case(protocol)
    }
    /// The line without its foundation, and without network id and cost, which were not recorded.
    fn rest(&self) -> String {
        let network = self.words.iter().position(|word| word.starts_with("network-"));
        self.words[1..network.unwrap_or(self.words.len())].join(" ")
    }
}

const NAT: &str = "203.0.113.2:40000";
const CLIENT: &str = "10.10.0.2";

/// What the lab answers to one client, taken from its recording.
struct Replay {
    recording: Recording,
    gathering: Gathering,
    taken: Vec<usize>,
    port: u16,
}

impl Replay {
    fn of(name: &str) -> Self {
        let path = format!("{}/../fixtures/recordings/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let recording: Recording = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let setup = GatherSetup {
            profile: Profile::parse(&recording.client).unwrap(),
            policy: recording.policy,
            media_permission: recording.scenario == "media",
            udp: true,
            ipv4: true,
            ipv6: true,
            networks: vec![Network {
                name: "eth0".to_owned(),
                kind: AdapterKind::Ethernet,
                underlying: None,
                address: CLIENT.parse().unwrap(),
                prefix: 24,
                default_local: None,
                default_route: true,
                speed: None,
            }],
            servers: recording
                .urls
                .iter()
                .map(|url| IceServer { uri: uri(url), credentials: None })
                .collect(),
            proxied: recording.proxy.is_some(),
            beyond_limit: false,
            seed: 7,
        };
        let own = recording.candidates.iter().map(|c| Line::of(&c.candidate)).find(|l| l.is("host", "udp"));
        let port = own.map_or(40_000, |line| line.address().port());
        Self { gathering: Gathering::new(&setup), recording, taken: Vec::new(), port }
    }

    /// Fills every slot as the recorded network did.
    fn run(mut self) -> Self {
        let mut slots = self.gathering.slots().to_vec();
        // The server whose Binding answer came first in the recording made the candidate.
        let first = self.recording.candidates.iter().find(|c| Line::of(&c.candidate).is("srflx", "udp"));
        let first = first.and_then(|c| c.url.clone()).unwrap_or_default();
        slots.sort_by_key(|slot| !(slot.kind == SlotKind::Srflx && first.contains(&self.host(slot))));
        for slot in slots {
            if let Some(learned) = self.learned(&slot) {
                self.gathering.learned(slot.id, learned, Offset::ZERO);
            }
        }
        self
    }

    fn learned(&mut self, slot: &Slot) -> Option<Learned> {
        let socket = SocketAddr::new(slot.binds, self.port);
        // The lab's names have no IPv6 address.
        if slot.resolve_family == Some(Family::V6) {
            return Some(Learned::Failed(Failure::NoAddress));
        }
        match slot.kind {
            SlotKind::Host | SlotKind::HostTcp(_) => Some(Learned::Bound(socket)),
            SlotKind::Srflx => self
                .reflexive()
                .map_or_else(|| self.silent(), |mapped| Some(Learned::Mapped { base: socket, mapped })),
            SlotKind::Relay(transport) => match self.take(slot, transport) {
                None => self.silent(),
                Some((relayed, mapped)) => {
                    let base = if transport == Transport::Udp {
                        socket
                    } else {
                        (CLIENT.parse::<IpAddr>().unwrap(), 50_000).into()
                    };
                    let path = Some(self.recording.urls[slot.server.unwrap()].clone());
                    Some(Learned::Relayed { base, mapped: Some(mapped), relayed, path, route: None })
                }
            },
        }
    }

    /// Where nothing answered: a timeout, if the client's patience ended within the recording.
    fn silent(&self) -> Option<Learned> {
        let profile = Profile::parse(&self.recording.client).unwrap();
        let gave_up = profile.schedule(Transport::Udp).gives_up_ms < self.recording.gather_total_ms;
        gave_up.then_some(Learned::Failed(Failure::TimedOut))
    }

    fn reflexive(&self) -> Option<SocketAddr> {
        let mut lines = self.recording.candidates.iter().map(|c| Line::of(&c.candidate));
        lines.find(|line| line.is("srflx", "udp")).map(|line| line.address())
    }

    /// The relayed and the mapped address of the next recorded relay that this slot may have made.
    fn take(&mut self, slot: &Slot, transport: Transport) -> Option<(SocketAddr, SocketAddr)> {
        let host = self.host(slot);
        let server: IpAddr =
            if host.contains("turn1") { "198.51.100.11" } else { "198.51.100.12" }.parse().unwrap();
        let chromium = self.recording.client == "chromium";
        let at = self.recording.candidates.iter().enumerate().position(|(at, recorded)| {
            let line = Line::of(&recorded.candidate);
            let fits = match (chromium, transport) {
                (true, Transport::Udp) => recorded.relay_protocol.is_none(),
                (true, Transport::Tcp) => recorded.relay_protocol.as_deref() == Some("tcp"),
                (true, Transport::Tls) => recorded.relay_protocol.as_deref() == Some("tls"),
                // Firefox does not say, but its relays over streams have a type preference of 0.
                (false, transport) => {
                    (line.words[3].parse::<u32>().unwrap() >> 24 > 0) == (transport == Transport::Udp)
                }
            };
            line.is("relay", "udp") && fits && line.address().ip() == server && !self.taken.contains(&at)
        })?;
        self.taken.push(at);
        assert!(
            u128::from(self.recording.candidates[at].at_ms) >= slot.starts.as_millis(),
            "not before its time"
        );
        let line = Line::of(&self.recording.candidates[at].candidate);
        // Firefox does not tell what the relay saw of it: over UDP it is what the STUN server saw.
        let mapped = line.related().filter(|related| chromium && related.port() > 0);
        Some((line.address(), mapped.or(self.reflexive()).unwrap_or(NAT.parse().unwrap())))
    }

    fn host(&self, slot: &Slot) -> String {
        let Some(server) = slot.server else { return String::new() };
        match &uri(&self.recording.urls[server]).host {
            Host::Name(name) => name.clone(),
            Host::Ip(ip) => ip.to_string(),
        }
    }
}

fn uri(text: &str) -> IceUri {
    let (scheme, rest) = text.split_once(':').unwrap();
    let (target, transport) = rest.split_once("?transport=").unwrap();
    let (host, port) = target.rsplit_once(':').unwrap();
    IceUri {
        text: text.to_owned(),
        scheme: if scheme == "turns" { Scheme::Turns } else { Scheme::Turn },
        host: Host::Name(host.to_owned()),
        port: Some(port.parse().unwrap()),
        transport: Some(if transport == "udp" { UriTransport::Udp } else { UriTransport::Tcp }),
    }
}

/// Replays one recording and compares everything.
fn replays_exactly(name: &str) {
    let replay = Replay::of(name).run();
    let chromium = replay.recording.client == "chromium";
    let ours: Vec<&Candidate> = replay.gathering.candidates().collect();

    // The lines, and what stands beside them. Chromium's interface shows "" for no URL and nothing for UDP.
    let recorded: BTreeMap<String, (String, Option<String>)> = replay
        .recording
        .candidates
        .iter()
        .map(|c| {
            (Line::of(&c.candidate).rest(), (c.url.clone().unwrap_or_default(), c.relay_protocol.clone()))
        })
        .collect();
    let replayed: BTreeMap<String, (String, Option<String>)> = ours
        .iter()
        .map(|c| {
            let relay = match c.relay_protocol {
                Some(Transport::Tcp) if chromium => Some("tcp".to_owned()),
                Some(Transport::Tls) if chromium => Some("tls".to_owned()),
                _ => None,
            };
            (Line::of(&c.sdp).rest(), (c.url.clone().unwrap_or_default(), relay))
        })
        .collect();
    assert_eq!(replayed, recorded, "{name}");
    assert_eq!(ours.len(), replay.recording.candidates.len(), "{name}: no line twice");

    // Each field says what the line says.
    for candidate in &ours {
        let line = Line::of(&candidate.sdp);
        assert_eq!(line.foundation(), candidate.foundation);
        assert_eq!(line.address(), SocketAddr::new(candidate.address, candidate.port));
        assert_eq!(line.words[3], candidate.priority.to_string());
        assert_eq!(line.related().map(|r| r.ip()), candidate.related_address);
        assert_eq!(line.related().map(|r| r.port()), candidate.related_port);
        assert_eq!(line.after("tcptype"), candidate.tcp_type.map(|t| t.as_str()));
    }

    compare_foundations(name, &replay, &ours);

    let mut errors: Vec<RecordedError> = replay
        .gathering
        .errors()
        .iter()
        .map(|e| RecordedError { url: e.url.clone(), code: e.code, text: e.text.clone() })
        .collect();
    errors.sort();
    let mut recorded = replay.recording.errors;
    recorded.sort();
    assert_eq!(errors, recorded, "{name}");
}

/// Firefox's foundations are equal. So are Chromium's for relays over streams; the others are salted, and equal
/// among each other where the recorded ones are.
fn compare_foundations(name: &str, replay: &Replay, ours: &[&Candidate]) {
    let pairs = named_alike(replay, ours);
    for (recorded, candidate) in &pairs {
        let salted = replay.recording.client == "chromium"
            && !matches!(candidate.relay_protocol, Some(Transport::Tcp | Transport::Tls));
        if !salted {
            assert_eq!(*recorded, candidate.foundation, "{name}: {}", candidate.sdp);
        }
        for (other_recorded, other) in &pairs {
            let equal = candidate.foundation == other.foundation;
            assert_eq!(recorded == other_recorded, equal, "{name}: {} and {}", candidate.sdp, other.sdp);
        }
    }
}

/// Each of our candidates with the recorded foundation of the same line.
fn named_alike<'a>(replay: &'a Replay, ours: &[&'a Candidate]) -> Vec<(&'a str, &'a Candidate)> {
    let recorded = |candidate: &Candidate| {
        let rest = Line::of(&candidate.sdp).rest();
        let mut lines = replay.recording.candidates.iter().map(|recorded| Line::of(&recorded.candidate));
        lines.find(|line| line.rest() == rest).unwrap().foundation()
    };
    ours.iter().map(|candidate| (recorded(candidate), *candidate)).collect()
}

#[test]
fn chromium_in_an_open_network() {
    replays_exactly("chromium-open");
}

#[test]
fn chromium_with_one_url() {
    replays_exactly("chromium-one-url");
}

#[test]
fn chromium_relay_only() {
    replays_exactly("chromium-relay-only");
}

#[test]
fn chromium_without_udp() {
    replays_exactly("chromium-noudp");
}

#[test]
fn chromium_with_nothing_but_a_proxy() {
    replays_exactly("chromium-proxy-only");
}

#[test]
fn chromium_with_the_microphone_sees_its_networks() {
    replays_exactly("chromium-media");
}

#[test]
fn firefox_in_an_open_network() {
    replays_exactly("firefox-open");
}

#[test]
fn firefox_with_one_url() {
    replays_exactly("firefox-one-url");
}

#[test]
fn firefox_relay_only() {
    replays_exactly("firefox-relay-only");
}

#[test]
fn firefox_without_udp() {
    replays_exactly("firefox-noudp");
}

#[test]
fn firefox_with_nothing_but_a_proxy() {
    replays_exactly("firefox-proxy-only");
}

#[test]
fn without_udp_the_first_server_over_tcp_80_is_chosen_by_chromium() {
    for name in ["chromium-noudp", "chromium-proxy-only"] {
        let replay = Replay::of(name).run();
        let candidates: Vec<Candidate> = replay.gathering.candidates().cloned().collect();
        let ranks = rank(&Profile::default(), &candidates);
        let order: Vec<&str> = ranks.iter().map(|rank| rank.path.as_str()).collect();
        let urls = &replay.recording.urls;
        assert_eq!(order, [&urls[2], &urls[5], &urls[1], &urls[4]], "{name}");
    }
}

#[test]
fn every_gathering_recording_is_replayed_and_names_a_client() {
    let files = std::fs::read_dir(format!("{}/../fixtures/recordings", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let gathering = names.filter(|name| name.ends_with(".json") && !name.contains("-call-"));
    let gathering: Vec<String> = gathering.collect();
    assert_eq!(gathering.len(), 11);
    for name in gathering {
        let replay = Replay::of(name.trim_end_matches(".json"));
        assert!(matches!(
            Profile::parse(&replay.recording.client).unwrap().client,
            Client::Chromium | Client::Firefox
        ));
    }
}

/// CRC-32 is linear: of two texts that end in the same tie-breaker, the difference of the sums depends on what
/// stands before it and on its length alone. So salted foundations can be compared after all.
#[test]
fn the_salted_foundations_of_chromium_hash_the_same_texts_as_ours() {
    for name in ["chromium-open", "chromium-media", "chromium-one-url", "chromium-relay-only"] {
        let fits = (0..20).filter(|digits| {
            let mut replay = Replay::of(name);
            replay.gathering.names.tie_breaker = 10_u64.pow(*digits);
            let replay = replay.run();
            let ours: Vec<&Candidate> = replay.gathering.candidates().collect();
            let sums: Vec<u32> = named_alike(&replay, &ours)
                .into_iter()
                .filter(|(_, ours)| !matches!(ours.relay_protocol, Some(Transport::Tcp | Transport::Tls)))
                .map(|(recorded, ours)| {
                    recorded.parse::<u32>().unwrap() ^ ours.foundation.parse::<u32>().unwrap()
                })
                .collect();
            assert!(sums.len() >= 2, "{name}");
            sums.windows(2).all(|pair| pair[0] == pair[1])
        });
        assert_eq!(fits.count(), 1, "{name}: the tie-breaker has one length");
    }
}
