//! `gather` in the network where real browsers were recorded: the same candidates, and the same errors.
//!
//! Types, transports, addresses, priorities, URLs, relay protocols and related addresses must be equal.
//! Foundations are salted and ports are random, so what must be equal of them is who shares one with whom.

use crate::ask::{Answer, Credentials, ask, ice_servers_for};
use crate::harness::Case;
use crate::world::{Firewall, SQUID, World};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A recording, the network it was made in, and the flags that ask for the same.
type Recorded = (&'static str, Firewall, &'static [&'static str]);

const DATA_CHANNEL_ONLY: [&str; 2] = ["--media-permission", "no"];
const RECORDINGS: [Recorded; 11] = [
    ("chromium-open", Firewall::Open, &DATA_CHANNEL_ONLY),
    ("chromium-relay-only", Firewall::Open, &DATA_CHANNEL_ONLY),
    ("chromium-one-url", Firewall::Open, &DATA_CHANNEL_ONLY),
    ("chromium-noudp", Firewall::UdpDropped, &DATA_CHANNEL_ONLY),
    ("chromium-proxy-only", Firewall::OnlyProxy, &DATA_CHANNEL_ONLY),
    ("chromium-media", Firewall::Open, &["--media-permission", "yes"]),
    ("firefox-open", Firewall::Open, &DATA_CHANNEL_ONLY),
    ("firefox-relay-only", Firewall::Open, &DATA_CHANNEL_ONLY),
    ("firefox-one-url", Firewall::Open, &DATA_CHANNEL_ONLY),
    ("firefox-noudp", Firewall::UdpDropped, &DATA_CHANNEL_ONLY),
    ("firefox-proxy-only", Firewall::OnlyProxy, &DATA_CHANNEL_ONLY),
];

/// When a recording was stopped, whether or not the browser was done.
const RECORDING_STOPPED_MS: u64 = 12_000;

pub(crate) fn cases() -> Vec<Case> {
    RECORDINGS
        .into_iter()
        .map(|recorded| {
            let name = recorded.0.replace('-', "_");
            Case::new(format!("recordings::{name}"), move |world| reproduces(world, recorded))
        })
        .collect()
}

fn reproduces(world: &mut World, (name, firewall, permission): Recorded) {
    let recording = load(name);
    world.firewall(firewall);
    let urls: Vec<String> =
        list(&recording["urls"]).iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let servers = ice_servers_for(world, &urls, Credentials::Right);
    let client = text(&recording["client"]);
    let policy = text(&recording["policy"]);
    let proxy = if recording["proxy"].is_null() { "none" } else { SQUID };
    let mut more = vec!["--profile", &client, "--policy", &policy, "--proxy", proxy];
    more.extend(permission);
    let answer = ask(world, "gather", &servers, &more);

    let recorded: Vec<Seen> = list(&recording["candidates"]).iter().map(Seen::recorded).collect();
    let knows_urls = recorded.iter().any(|seen| !seen.url.is_empty());
    let gathered: Vec<Seen> =
        answer.list("candidates").iter().map(|c| Seen::gathered(c, knows_urls)).collect();
    same("candidates", &names(&recorded), &names(&gathered), &answer);
    same(
        "foundations",
        &sharing(&recorded, |s| &s.foundation),
        &sharing(&gathered, |s| &s.foundation),
        &answer,
    );
    same("ports of the base", &related(&recorded), &related(&gathered), &answer);
    let mut complaints = errors(&answer.json["errors"]);
    complaints.retain(|error| !is_after_the_recording(&recording, error));
    same("errors", &errors(&recording["errors"]), &complaints, &answer);
}

fn load(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/recordings/{name}.json"));
    let content = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&content).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What a client says of a candidate.
#[derive(Debug)]
struct Seen {
    kind: String,
    protocol: String,
    tcp_type: String,
    address: String,
    port: String,
    priority: String,
    related_address: String,
    related_port: String,
    url: String,
    relay_protocol: String,
    foundation: String,
}

impl Seen {
    /// Reads a browser's `candidate:` line and what it said beside.
    fn recorded(candidate: &Value) -> Self {
        let line = text(&candidate["candidate"]);
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |name: &str| {
            let at = words.iter().position(|word| *word == name);
            at.and_then(|at| words.get(at + 1)).unwrap_or(&"").to_string()
        };
        Self {
            kind: after("typ"),
            protocol: words[2].to_lowercase(),
            tcp_type: after("tcptype"),
            address: words[4].to_owned(),
            port: words[5].to_owned(),
            priority: words[3].to_owned(),
            related_address: after("raddr"),
            related_port: after("rport"),
            url: text(&candidate["url"]),
            relay_protocol: text(&candidate["relay_protocol"]),
            foundation: words[0].trim_start_matches("candidate:").to_owned(),
        }
    }

    /// Reads a candidate of raincheck's; Firefox's recordings do not name URLs or relay protocols.
    fn gathered(candidate: &Value, knows_urls: bool) -> Self {
        let url = if knows_urls { text(&candidate["url"]) } else { String::new() };
        // Chromium leaves the protocol out when it is UDP.
        let relay_protocol = text(&candidate["relay_protocol"]);
        let told = knows_urls && relay_protocol != "udp";
        Self {
            kind: text(&candidate["type"]),
            protocol: text(&candidate["protocol"]),
            tcp_type: text(&candidate["tcp_type"]),
            address: text(&candidate["address"]),
            port: text(&candidate["port"]),
            priority: text(&candidate["priority"]),
            related_address: text(&candidate["related_address"]),
            related_port: text(&candidate["related_port"]),
            url,
            relay_protocol: if told { relay_protocol } else { String::new() },
            foundation: text(&candidate["foundation"]),
        }
    }

    /// Everything that does not change from run to run. Which server's answer came first decides whose URL a
    /// server-reflexive candidate carries, so that is left out.
    fn name(&self) -> String {
        let url = if self.kind == "srflx" { "" } else { &self.url };
        let Self { kind, protocol, tcp_type, address, priority, related_address, relay_protocol, .. } = self;
        format!(
            "{kind} {protocol} {tcp_type} {address} {priority} raddr {related_address} [{url}] {relay_protocol}"
        )
    }
}

fn names(all: &[Seen]) -> Vec<String> {
    sorted(all.iter().map(Seen::name))
}

/// The groups of candidates that have the same value of this, each by the names of its members.
fn sharing(all: &[Seen], value: impl Fn(&Seen) -> &String) -> Vec<String> {
    let mut groups: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for seen in all {
        groups.entry(value(seen)).or_default().push(seen.name());
    }
    sorted(groups.into_values().map(|group| sorted(group).join(" = ")))
}

/// Which candidates carry which other candidate's port, or their own, as `rport`.
fn related(all: &[Seen]) -> Vec<String> {
    let relation = |seen: &Seen| {
        let owner = all.iter().find(|other| other.port == seen.related_port && other.kind != "relay");
        let own = seen.port == seen.related_port;
        let port = match owner {
            _ if own => "its own".to_owned(),
            Some(owner) => format!("{} {}", owner.kind, owner.protocol),
            None if seen.related_port == "0" => "0".to_owned(),
            None => "another".to_owned(),
        };
        format!("{} rport {port}", seen.name())
    };
    sorted(all.iter().filter(|seen| !seen.related_port.is_empty()).map(relation))
}

fn errors(list_of: &Value) -> Vec<String> {
    let line =
        |error: &Value| format!("{} {} {}", text(&error["url"]), text(&error["code"]), text(&error["text"]));
    let mut all = sorted(list(list_of).iter().map(line));
    // A browser that asks twice for one thing reports it once or twice, as the timing has it.
    all.dedup();
    all
}

/// A recording was stopped before Chromium's requests over UDP time out, so it cannot hold those errors.
fn is_after_the_recording(recording: &Value, error: &str) -> bool {
    let stopped = recording["gather_total_ms"].as_u64().is_some_and(|ms| ms >= RECORDING_STOPPED_MS);
    stopped && error.ends_with(" timed out.")
}

fn same(what: &str, recorded: &[String], gathered: &[String], answer: &Answer) {
    let lines = |list: &[String]| list.iter().map(|line| format!("  {line}\n")).collect::<String>();
    assert!(
        recorded == gathered,
        "other {what} than the browser\nrecorded:\n{}gathered:\n{}\n{}",
        lines(recorded),
        lines(gathered),
        answer.finished.stderr
    );
}

fn sorted(all: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = all.into_iter().collect();
    all.sort();
    all
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Text or a number as text; nothing for what is not there.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
