//! The shape of `raincheck.call/1`, key by key.

use serde_json::Value;
use std::collections::BTreeSet;

/// What a value may be.
#[derive(Clone, Copy, Debug)]
enum Is {
    Text,
    Number,
    Flag,
    List,
    Object,
    /// Text of decimal digits.
    Digits,
    Maybe(&'static Is),
    OneOf(&'static [&'static str]),
}

use Is::{Digits, Flag, List, Maybe, Number, Object, OneOf, Text};

const CALL: &[(&str, Is)] = &[
    ("schema", OneOf(&["raincheck.call/1"])),
    ("profile", Text),
    ("role", OneOf(&["offer", "answer", "self"])),
    ("started", Text),
    ("elapsed_ms", Number),
    ("cut_short", Maybe(&Text)),
    ("verdict", OneOf(&["works", "degraded", "fails", "unknown"])),
    ("summary", Text),
    ("state", Maybe(&OneOf(&["connected", "failed"]))),
    ("selected", Maybe(&Object)),
    ("pairs", List),
    ("successor", Maybe(&Object)),
    ("events", List),
    ("dtls", Maybe(&Object)),
    ("cut", Maybe(&Object)),
    ("soak", Maybe(&Object)),
    ("matrix", Maybe(&List)),
    ("signalling", Maybe(&Text)),
    ("passed_over", List),
    ("candidates", List),
    ("errors", List),
    ("paths", List),
    ("far", Maybe(&Object)),
    ("findings", List),
];
const PAIR: &[(&str, Is)] = &[
    ("position", Number),
    ("local", Object),
    ("remote", Object),
    ("path", Maybe(&Text)),
    ("state", OneOf(&["frozen", "waiting", "in-progress", "succeeded", "failed", "pruned"])),
    ("cut", Flag),
    ("nominated", Flag),
    ("selected", Flag),
    ("pair_priority", Digits),
    ("rtt_ms", Maybe(&Number)),
    ("checks_sent", Number),
    ("checks_answered", Number),
    ("cause", Maybe(&Text)),
    ("detail", Maybe(&Text)),
    ("because", Text),
];
const CANDIDATE: &[(&str, Is)] = &[
    ("type", OneOf(&["host", "srflx", "prflx", "relay"])),
    ("protocol", OneOf(&["udp", "tcp"])),
    ("tcp_type", Maybe(&OneOf(&["active", "passive", "so"]))),
    ("address", Text),
    ("port", Number),
    ("related_address", Maybe(&Text)),
    ("related_port", Maybe(&Number)),
    ("priority", Number),
    ("foundation", Text),
    ("component", Number),
    ("network_id", Maybe(&Number)),
    ("network_cost", Maybe(&Number)),
    ("url", Maybe(&Text)),
    ("relay_protocol", Maybe(&OneOf(&["udp", "tcp", "tls"]))),
    ("route", Maybe(&Text)),
    ("base", Maybe(&Text)),
    ("at_ms", Number),
    ("sdp", Text),
];
const DTLS: &[(&str, Is)] = &[
    ("ok", Flag),
    ("handshake_ms", Maybe(&Number)),
    ("unanswered_ms", Maybe(&Number)),
    ("version", Maybe(&Text)),
    ("cipher", Maybe(&Text)),
    ("fingerprint_matches", Maybe(&Flag)),
    ("largest_sent", Maybe(&Number)),
    ("largest_received", Maybe(&Number)),
    ("flights_sent", Number),
    ("datagrams_received", Number),
    ("cause", Maybe(&Text)),
    ("detail", Maybe(&Text)),
];
const CUT: &[(&str, Is)] = &[
    ("path", Text),
    ("at_ms", Number),
    ("touched", Flag),
    ("before", Maybe(&Number)),
    ("after", Maybe(&Number)),
    ("switched_ms", Maybe(&Number)),
    ("gap_ms", Maybe(&Number)),
];
const SOAK: &[(&str, Is)] = &[
    ("asked_ms", Number),
    ("held_ms", Number),
    ("sent", Number),
    ("received", Maybe(&Number)),
    ("longest_gap", Maybe(&Object)),
    ("upkeep", List),
    ("ended_by", Maybe(&Text)),
];
const UPKEEP: &[(&str, Is)] = &[
    ("end", OneOf(&["near", "far"])),
    ("what", OneOf(&["allocation", "permission", "channel", "consent", "binding"])),
    ("due", Number),
    ("answered", Number),
    ("cause", Maybe(&Text)),
    ("detail", Maybe(&Text)),
];
const SUCCESSOR: &[(&str, Is)] = &[
    ("action", OneOf(&["switch", "look", "restart", "none"])),
    ("pair", Maybe(&Number)),
    ("because", Maybe(&Text)),
];
const FAR: &[(&str, Is)] = &[
    ("ice_role", OneOf(&["controlling", "controlled"])),
    ("state", OneOf(&["new", "checking", "connected", "completed", "disconnected", "failed"])),
    ("selected", Maybe(&Object)),
    ("pairs", List),
    ("events", List),
    ("candidates", List),
    ("errors", List),
    ("paths", List),
];
const FINDING: &[(&str, Is)] = &[
    ("code", Text),
    ("severity", OneOf(&["info", "warning", "error"])),
    ("title", Text),
    ("explains", List),
    ("explained_by", Maybe(&Text)),
    ("evidence", List),
    ("advice", List),
    ("reference", Maybe(&Text)),
];

/// Everything that the contract says of a report.
pub(crate) fn assert_shape(report: &Value) {
    has("call", report, CALL);
    end("near", report);
    if !report["far"].is_null() {
        has("far", &report["far"], FAR);
        end("far", &report["far"]);
    }
    assert_eq!(report["far"].is_null(), report["role"] != "self");
    list(&report["matrix"]).iter().for_each(|one| pair("matrix", one));
    for (key, keys) in [("dtls", DTLS), ("cut", CUT), ("soak", SOAK), ("successor", SUCCESSOR)] {
        if !report[key].is_null() {
            has(key, &report[key], keys);
        }
    }
    list(&report["soak"]["upkeep"]).iter().for_each(|kind| has("upkeep", kind, UPKEEP));
    list(&report["findings"]).iter().for_each(|finding| at_least("finding", finding, FINDING));
    // Dates are RFC 3339 in UTC; what contradicts itself is no shape.
    assert!(report["started"].as_str().is_some_and(|at| at.ends_with('Z') && at.contains('T')));
    let connected = report["state"] == "connected";
    assert!(
        !connected || !report["selected"].is_null() || !report["cut"].is_null() || !report["soak"].is_null()
    );
}

/// What both ends have.
fn end(name: &str, end: &Value) {
    let pairs = list(&end["pairs"]);
    for (at, one) in pairs.iter().enumerate() {
        pair(name, one);
        assert_eq!(one["position"].as_u64(), Some(at as u64 + 1), "{name}");
    }
    let selected: Vec<&Value> = pairs.iter().filter(|pair| pair["selected"] == true).collect();
    match selected[..] {
        [] => assert!(end["selected"].is_null(), "{name}"),
        [one] => assert_eq!(one, &end["selected"], "{name}"),
        _ => panic!("{name}: {} pairs are selected", selected.len()),
    }
    list(&end["candidates"]).iter().for_each(|one| candidate(name, one));
    for event in list(&end["events"]) {
        has(name, event, &[("at_ms", Number), ("event", Text)]);
    }
}

fn pair(name: &str, pair: &Value) {
    has(name, pair, PAIR);
    candidate(name, &pair["local"]);
    candidate(name, &pair["remote"]);
    assert!(pair["checks_answered"].as_u64() <= pair["checks_sent"].as_u64(), "{name}: {pair:#}");
}

fn candidate(name: &str, candidate: &Value) {
    at_least(name, candidate, CANDIDATE);
    assert!(
        candidate["address"].as_str().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_ok()),
        "{candidate:#}"
    );
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// These keys and no other ones.
fn has(name: &str, value: &Value, keys: &[(&str, Is)]) {
    at_least(name, value, keys);
    let found: BTreeSet<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = keys.iter().map(|(key, _)| *key).collect();
    assert_eq!(found, known, "{name}");
}

fn at_least(name: &str, value: &Value, keys: &[(&str, Is)]) {
    for (key, is) in keys {
        let found = value.get(key).unwrap_or_else(|| panic!("{name} has no {key}: {value:#}"));
        assert!(fits(found, *is), "{name}: {key} is not {is:?}: {found:#}");
    }
}

fn fits(value: &Value, is: Is) -> bool {
    match is {
        Text => value.as_str().is_some_and(|text| !text.is_empty()),
        Number => value.as_f64().is_some_and(|number| number.is_finite() && number >= 0.0),
        Flag => value.is_boolean(),
        List => value.is_array(),
        Object => value.is_object(),
        Digits => value.as_str().is_some_and(|text| text.parse::<u64>().is_ok_and(|n| n.to_string() == text)),
        Maybe(is) => value.is_null() || fits(value, *is),
        OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
    }
}

/// Codes of the findings that no other one accounts for.
pub(crate) fn codes(report: &Value) -> Vec<String> {
    let roots = list(&report["findings"]).iter().filter(|finding| finding["explained_by"].is_null());
    roots.filter_map(|finding| finding["code"].as_str().map(str::to_owned)).collect()
}
