//! One `RTCPeerConnection` with one data channel in a page of a browser, and what its statistics say.

use super::browsers::{Browsers, Held, Kind};
use super::{Browser, PageOptions, Party};
use crate::world::{USER, World};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

const PAGE: &str = include_str!("page.js");
/// For what needs no network.
const SOON: Duration = Duration::from_secs(20);
/// The first candidate comes within that time.
const GATHERING: Duration = Duration::from_secs(10);
/// Gathering that is not over after so long without a candidate waits for a silent server.
const QUIET: Duration = Duration::from_secs(2);

/// How a connection is made.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The URLs of its ICE servers, all with the credentials of [`USER`].
    pub(crate) urls: Vec<String>,
    /// Whether `iceTransportPolicy` is `relay`.
    pub(crate) relay_only: bool,
    /// Whether mDNS names stand in the place of host addresses.
    pub(crate) hide_addresses: bool,
    /// The page.
    pub(crate) page: PageOptions,
}

/// One end of a pair, as the browser's statistics name it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct End {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) protocol: Option<String>,
    /// How the TURN server is reached; of local relays alone.
    pub(crate) relay_protocol: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) priority: Option<u64>,
    pub(crate) url: Option<String>,
}

/// A candidate pair.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Pair {
    pub(crate) selected: bool,
    pub(crate) state: String,
    pub(crate) nominated: bool,
    /// Decimal digits. A browser rounds it to a double.
    pub(crate) priority: String,
    pub(crate) rtt_s: Option<f64>,
    pub(crate) local: End,
    pub(crate) remote: End,
}

/// A server that could not be used, as `icecandidateerror` tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct GatherError {
    pub(crate) at_ms: f64,
    pub(crate) url: String,
    pub(crate) code: i64,
    pub(crate) text: String,
}

/// What the browser says of the connection.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Stats {
    pub(crate) at_ms: f64,
    pub(crate) pairs: Vec<Pair>,
    /// `connectionState`.
    pub(crate) connection: String,
    /// `iceConnectionState`.
    pub(crate) ice: String,
    /// `dtlsState`; Firefox tells it only once it has a data channel.
    pub(crate) dtls: Option<String>,
    /// `readyState` of the data channel, when there is one.
    pub(crate) channel: Option<String>,
    /// Messages that the other page sent, and answers of its to ours.
    pub(crate) pings: usize,
    pub(crate) pongs: usize,
    /// Milliseconds after the connection was made, and `iceConnectionState`, or `pc:` and `connectionState`.
    pub(crate) events: Vec<(f64, String)>,
    pub(crate) errors: Vec<GatherError>,
}

impl Stats {
    /// The pair that is used now.
    pub(crate) fn selected(&self) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.selected)
    }
}

/// What a selected pair is expected to look like from one end. What is `None` may be anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted<'a> {
    /// Types of the local candidate, any of them; none means any at all.
    pub(crate) local: &'a [&'a str],
    /// How the local candidate's TURN server is reached: `udp`, `tcp` or `tls`.
    pub(crate) relay_protocol: Option<&'a str>,
    /// The URL of that server.
    pub(crate) url: Option<&'a str>,
    /// Type of the remote candidate.
    pub(crate) remote: Option<&'a str>,
    /// Priorities of the local and the remote candidate.
    pub(crate) priorities: Option<[u64; 2]>,
}

/// The connection. The page goes with it.
pub(crate) struct Connection {
    held: Held,
    name: String,
}

impl Connection {
    /// Makes one in a browser of that kind in that place.
    pub(crate) fn new(
        browsers: &Browsers,
        world: &World,
        kind: Kind,
        place: &'static str,
        settings: &Settings,
    ) -> Self {
        let mut held = browsers.take(world, kind, place, settings.hide_addresses);
        // A page from a file may hold the microphone; one from nowhere may not.
        let page = format!("<!doctype html><meta charset=utf-8><title>ring</title><script>{PAGE}</script>");
        let file = world.file("page.html", &page);
        held.browser().open(&format!("file://{}", Path::new(&file).display()), &settings.page);
        let mut connection = Self { held, name: format!("{} in {place}", kind.word()) };
        let servers: Vec<Value> = settings
            .urls
            .iter()
            .map(|url| json!({ "urls": url, "username": USER.name, "credential": USER.password }))
            .collect();
        let policy = if settings.relay_only { "relay" } else { "all" };
        let microphone = settings.page.microphone;
        connection.call(
            "open",
            &[json!({ "ice_servers": servers, "policy": policy, "hold_microphone": microphone })],
            SOON,
        );
        connection
    }

    fn gathered(&mut self) -> String {
        let arguments = [json!(millis(GATHERING)), json!(millis(QUIET))];
        let seen = self.call("gathered", &arguments, GATHERING + SOON);
        assert_eq!(seen["settled"], true, "{}: no candidate in {GATHERING:?}", self.name);
        text(&seen["sdp"])
    }

    /// Waits until ICE and DTLS are up; nobody need have opened a data channel. Panics when they are not in time.
    pub(crate) fn wait_connected(&mut self, limit: Duration) {
        let state = self.call("connected", &[json!(millis(limit))], limit + SOON);
        if state != "connected" {
            let stats = self.stats();
            panic!("{}: {state} after {limit:?}\n{}", self.name, summary(&stats));
        }
    }

    /// Sends this text over the data channel and gives what the other end's page sent back; none when nothing came.
    pub(crate) fn echo(&mut self, text: &str, limit: Duration) -> Option<String> {
        self.read("echo", &[json!(text), json!(millis(limit))], limit + limit + SOON)
    }

    /// What the browser says now.
    pub(crate) fn stats(&mut self) -> Stats {
        self.read("stats", &[], SOON)
    }

    /// Waits until the selected pair is as wanted, and gives what the browser says then. Panics when it is not in time.
    ///
    /// Browsers change over to a better pair while they find it, never from a better one that works, so a pair that is
    /// wanted because it is the best is the last.
    pub(crate) fn wait_selected(&mut self, wanted: &Wanted<'_>, limit: Duration) -> Stats {
        let stats: Stats = self.read("selects", &[wanted.members(), json!(millis(limit))], limit + SOON);
        let fits = stats.selected().is_some_and(|pair| wanted.fits(pair));
        assert!(fits, "{}: wanted {wanted:?}, but\n{}", self.name, summary(&stats));
        stats
    }

    /// Closes the connection, so that it gives its allocations back; the browser stays for the next case.
    pub(crate) fn close(mut self) {
        self.call("close", &[], SOON);
        self.browser().close();
    }

    fn browser(&mut self) -> &mut Browser {
        self.held.browser()
    }

    fn read<T: DeserializeOwned>(&mut self, name: &str, arguments: &[Value], limit: Duration) -> T {
        let value = self.call(name, arguments, limit);
        serde_json::from_value(value.clone())
            .unwrap_or_else(|error| panic!("{}: {name} gave {value:#}: {error}", self.name))
    }

    /// Calls a function of the page.
    fn call(&mut self, name: &str, arguments: &[Value], limit: Duration) -> Value {
        let arguments: Vec<String> = arguments.iter().map(Value::to_string).collect();
        let call = format!("ring.{name}({})", arguments.join(", "));
        // A rejection must come as a value: each browser has its own words for one.
        let both = "(value) => ({ value: value ?? null }), (error) => ({ error: String(error) })";
        let answer = self.browser().evaluate(&format!("{call}.then({both})"), limit);
        assert!(answer["error"].is_null(), "{}: {call}: {}", self.name, answer["error"]);
        assert!(answer.is_object(), "{}: {call} gave {answer}", self.name);
        answer["value"].clone()
    }
}

impl Party for Connection {
    fn offer(&mut self) -> String {
        self.call("offer", &[], SOON);
        self.gathered()
    }

    fn answer(&mut self, offer: &str) -> String {
        self.call("answer", &[json!(offer)], SOON);
        self.gathered()
    }

    fn accept(&mut self, answer: &str) {
        self.call("accept", &[json!(answer)], SOON);
    }
}

impl Wanted<'_> {
    fn fits(&self, pair: &Pair) -> bool {
        let same =
            |wanted: Option<&str>, seen: &Option<String>| wanted.is_none() || wanted == seen.as_deref();
        let local = pair.local.kind.as_deref().unwrap_or_default();
        (self.local.is_empty() || self.local.contains(&local))
            && same(self.relay_protocol, &pair.local.relay_protocol)
            && same(self.url, &pair.local.url)
            && same(self.remote, &pair.remote.kind)
            && self
                .priorities
                .is_none_or(|wanted| [pair.local.priority, pair.remote.priority] == wanted.map(Some))
    }

    /// What the page compares: for each member the values that will do.
    fn members(&self) -> Value {
        let mut members = json!({ "local": {}, "remote": {} });
        if !self.local.is_empty() {
            members["local"]["type"] = json!(self.local);
        }
        for (name, value) in [("relay_protocol", self.relay_protocol), ("url", self.url)] {
            if let Some(value) = value {
                members["local"][name] = json!([value]);
            }
        }
        if let Some(kind) = self.remote {
            members["remote"]["type"] = json!([kind]);
        }
        if let Some([local, remote]) = self.priorities {
            members["local"]["priority"] = json!([local]);
            members["remote"]["priority"] = json!([remote]);
        }
        members
    }
}

/// The pairs of a connection in few words, the selected one marked.
pub(crate) fn summary(stats: &Stats) -> String {
    let mut all = format!(
        "{} ice {} dtls {:?} channel {:?} pings {} pongs {} {:?}\n",
        stats.connection, stats.ice, stats.dtls, stats.channel, stats.pings, stats.pongs, stats.events
    );
    let end = |end: &End| {
        let word = |text: &Option<String>| text.clone().unwrap_or_default();
        let port = end.port.unwrap_or_default();
        let (kind, relay, url) = (word(&end.kind), word(&end.relay_protocol), word(&end.url));
        format!("{kind} {relay} {}:{port} {url}", word(&end.address))
    };
    for pair in &stats.pairs {
        let mark = if pair.selected { '>' } else { ' ' };
        let _ = writeln!(all, "{mark} {} {} | {}", pair.state, end(&pair.local), end(&pair.remote));
    }
    for error in &stats.errors {
        let _ = writeln!(all, "  error {error:?}");
    }
    all
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
