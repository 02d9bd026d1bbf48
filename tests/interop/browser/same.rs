//! raincheck selects what a real Chromium selects in its place: in the networks of the recordings, against a real
//! Chromium, and beside two real Chromiums that call each other in the same case.

use super::browsers::{Browsers, Kind};
use super::calls::{close_both, echoes};
use super::connection::{Connection, End, Pair, Settings, Stats, Wanted};
use super::introduce;
use super::program::{Client, EndedCall, Role};
use super::table::{LIMIT, all_allocations_end, selected_as_wanted, settings};
use crate::harness::Case;
use crate::world::{Firewall, World};
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::Path;

pub(super) fn cases(browsers: &Browsers) -> Vec<Case> {
    let networks =
        [("open", Firewall::Open), ("noudp", Firewall::UdpDropped), ("relay-relay", Firewall::Open)];
    let mut cases = Vec::new();
    for (name, firewall) in networks {
        let browsers = browsers.clone();
        let word = name.replace('-', "_");
        let name_of_case = format!("calls::two_chromiums_and_then_raincheck_select_as_recorded::{word}");
        cases.push(Case::new(name_of_case, move |world| {
            world.firewall(firewall);
            Call::read(name).comes_again(world, &browsers);
        }));
    }
    cases
}

/// A file of `fixtures/recordings/chromium-call-*`, and the settings of both ends in it.
struct Call {
    recording: Recording,
    relay_only: bool,
}

#[derive(Deserialize)]
struct Recording {
    client: Side,
    peer: Side,
}

#[derive(Deserialize)]
struct Side {
    pairs: Vec<Pair>,
}

/// What of a selected pair must come again. Ports are random.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    local: EndFacts,
    remote: EndFacts,
    /// As browsers tell it, rounded to a double.
    pair_priority: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct EndFacts {
    kind: Option<String>,
    protocol: Option<String>,
    relay_protocol: Option<String>,
    /// Of a relay. Whichever server answers first gives its URL to a reflexive candidate.
    url: Option<String>,
    /// Not of a peer-reflexive one: pages are not told of an address that nobody signalled.
    address: Option<String>,
    priority: Option<u64>,
}

impl Call {
    fn read(name: &str) -> Self {
        let file = format!("fixtures/recordings/chromium-call-{name}.json");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let recording = serde_json::from_str(&text).expect("a recording of a call");
        Self { recording, relay_only: name.contains("relay") }
    }

    fn settings(&self) -> Settings {
        Settings { relay_only: self.relay_only, ..settings(None) }
    }

    /// Two Chromiums select what was recorded; gives what the client's end and the peer's say of it.
    fn two_chromiums(&self, world: &mut World, browsers: &Browsers) -> [Facts; 2] {
        let mut client = Connection::new(browsers, world, Kind::Chromium, "client", &self.settings());
        let mut peer = Connection::new(browsers, world, Kind::Chromium, "peer", &self.settings());
        introduce(&mut client, &mut peer);
        let facts = [(&mut client, &self.recording.client), (&mut peer, &self.recording.peer)]
            .map(|(end, side)| side.comes_again(end));
        echoes(&mut client);
        close_both(world, client, peer);
        facts
    }

    /// Two Chromiums, and then raincheck in the place of one of them.
    fn comes_again(&self, world: &mut World, browsers: &Browsers) {
        let [from_client, from_peer] = self.two_chromiums(world, browsers);
        let mut peer = Connection::new(browsers, world, Kind::Chromium, "peer", &self.settings());
        let client = Client { relay_only: self.relay_only, ..Client::default() };
        let mut call = client.call(world, "client", Role::Offer);
        introduce(&mut call, &mut peer);
        assert_eq!(self.recording.peer.comes_again(&mut peer), from_peer, "what the peer says");
        let ended = selected_as_wanted(call, Wanted::default());
        let facts = Facts::told(&ended);
        assert_eq!(facts, from_client, "raincheck and the live Chromium");
        assert_eq!(facts, self.recording.client.facts(), "raincheck and the recording");
        peer.close();
        all_allocations_end(world);
    }
}

impl Side {
    fn selected(&self) -> &Pair {
        self.pairs.iter().find(|pair| pair.selected).expect("a selected pair in the recording")
    }

    fn facts(&self) -> Facts {
        Facts::of(self.selected())
    }

    /// Waits until a browser selects what this side did in the recording.
    fn comes_again(&self, end: &mut Connection) -> Facts {
        end.wait_connected(LIMIT);
        let recorded = self.selected();
        let kind: Vec<&str> = recorded.local.kind.as_deref().into_iter().collect();
        let local = &recorded.local;
        let wanted = Wanted {
            local: &kind,
            relay_protocol: local.relay_protocol.as_deref(),
            url: local.url.as_deref().filter(|_| kind == ["relay"]),
            remote: recorded.remote.kind.as_deref(),
            priorities: self.facts().priorities(),
        };
        let stats = end.wait_selected(&wanted, LIMIT);
        let facts = Facts::seen(&stats);
        assert_eq!(facts, self.facts());
        assert_eq!(stats.dtls.as_deref(), Some("connected"));
        facts
    }
}

impl Facts {
    /// What a browser uses now.
    pub(super) fn seen(stats: &Stats) -> Self {
        let pair = stats.selected().expect("a selected pair");
        assert!(pair.nominated, "{pair:#?}");
        Self::of(pair)
    }

    fn of(pair: &Pair) -> Self {
        Self {
            local: EndFacts::of(&pair.local),
            remote: EndFacts::of(&pair.remote),
            pair_priority: pair.priority.parse().expect("a pair priority"),
        }
    }

    /// What raincheck's result says.
    pub(super) fn told(ended: &EndedCall) -> Self {
        let pair = &ended.json["selected"];
        let priority = pair["pair_priority"].as_str().expect("decimal digits");
        Self {
            local: EndFacts::told(&pair["local"]),
            remote: EndFacts::told(&pair["remote"]),
            pair_priority: priority.parse().expect("decimal digits"),
        }
    }
}

impl Facts {
    /// Of the local and the remote candidate, where both are known.
    pub(super) fn priorities(&self) -> Option<[u64; 2]> {
        Some([self.local.priority?, self.remote.priority?])
    }

    /// The same without what a client is free to choose among relays of one priority.
    pub(super) fn but_for_ties(mut self) -> Self {
        (self.local.relay_protocol, self.local.url, self.local.address) = (None, None, None);
        self
    }
}

impl EndFacts {
    fn of(end: &End) -> Self {
        Self {
            kind: end.kind.clone(),
            protocol: end.protocol.clone(),
            relay_protocol: end.relay_protocol.clone(),
            url: end.url.clone().filter(|_| end.kind.as_deref() == Some("relay")),
            address: end.address.clone().filter(|_| end.kind.as_deref() != Some("prflx")),
            priority: end.priority,
        }
    }

    fn told(candidate: &Value) -> Self {
        let text = |name: &str| candidate[name].as_str().map(str::to_owned);
        Self {
            kind: text("type"),
            protocol: text("protocol"),
            relay_protocol: text("relay_protocol"),
            url: text("url").filter(|_| candidate["type"] == "relay"),
            address: text("address").filter(|_| candidate["type"] != "prflx"),
            priority: candidate["priority"].as_u64(),
        }
    }
}
