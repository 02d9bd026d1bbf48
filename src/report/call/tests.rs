//! Snapshots of the text, and the contract's keys.

use crate::call::record::CallRecord;
use crate::report::{Format, Report, Style, Verbosity};
use crate::verdict::call::sample::*;
use crate::verdict::call::{Asked, judge_call};
use serde_json::Value;
use std::collections::BTreeSet;

fn report(record: &CallRecord, asked: &Asked) -> Report {
    Report::call(record, &judge_call(record, asked), asked)
}

fn written(record: &CallRecord, asked: &Asked, format: Format, style: &Style) -> String {
    let mut out = Vec::new();
    report(record, asked).write(format, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn json(record: &CallRecord, asked: &Asked) -> Value {
    serde_json::from_str(&written(record, asked, Format::Json, &Style::default())).unwrap()
}

fn verbose() -> Style {
    Style { verbosity: Verbosity::Verbose, ..Style::default() }
}

#[test]
fn text_of_each_named_call() {
    for (name, record, asked) in all() {
        insta::assert_snapshot!(name, written(&record, &asked, Format::Text, &Style::default()));
    }
}

#[test]
fn verbose_text_tells_every_pair_and_event() {
    insta::assert_snapshot!("call-verbose", written(&by_relay(), &asked(), Format::Text, &verbose()));
}

#[test]
fn quiet_text_is_the_verdict_alone() {
    let quiet = Style { verbosity: Verbosity::Quiet, ..Style::default() };
    let text = written(&direct(), &asked(), Format::Text, &quiet);
    assert!(text.starts_with("✓ Calls connect: direct") || text.starts_with("✓ works:"), "{text}");
    assert!(!text.contains("\n\n"), "{text}");
}

#[test]
fn no_line_is_wider_than_the_page_and_colour_adds_nothing_but_colour() {
    for (name, mut record, asked) in all() {
        for round in 0..2 {
            for width in [72, 80, 100] {
                let style = Style { width, ..verbose() };
                let plain = written(&record, &asked, Format::Text, &style);
                for line in plain.lines() {
                    assert!(line.chars().count() <= width, "{name} at {width}, {round}: {line}");
                }
                let coloured = written(&record, &asked, Format::Text, &Style { color: true, ..style });
                let parts = coloured.split('\x1b').enumerate();
                let stripped: String = parts
                    .map(|(at, part)| if at == 0 { part } else { part.split_once('m').unwrap().1 })
                    .collect();
                assert_eq!(stripped, plain, "{name} at {width}, {round}");
            }
            // Once more with the longest addresses that there are.
            for pair in record.near.pairs.iter_mut().chain(&mut record.matrix) {
                pair.remote.address = "2001:db8:1234:5678:9abc:def0:1234:5678".parse().unwrap();
                (pair.remote.path, pair.remote.relay_protocol) = (None, None);
            }
        }
    }
}

#[test]
fn text_from_the_other_end_cannot_steer_a_terminal() {
    let mut record = direct();
    record.passed_over = vec![("\x1b[2Jcandidate".to_owned(), "\u{202e}why".to_owned())];
    record.near.events = events(&[(1, "selected\x1b]0;title\x07: x")]);
    let text = written(&record, &asked(), Format::Text, &verbose());
    assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text}");
}

#[test]
fn many_pairs_and_events_do_not_drown_the_rest() {
    let mut record = unanswered();
    let pair = record.near.pairs[0].clone();
    record.near.pairs.extend(std::iter::repeat_n(pair, 200));
    record.near.events = (0..300).map(|n| events(&[(n, "nominated: a pair")]).remove(0)).collect();
    record.passed_over = vec![("candidate:1".to_owned(), "too many".to_owned()); 100];
    let lines = |style: &Style| written(&record, &asked(), Format::Text, style).lines().count();
    assert!(lines(&Style::default()) < 60, "{}", lines(&Style::default()));
    assert!(lines(&verbose()) > 600);
}

#[test]
fn json_has_the_keys_of_the_contract() {
    let keys = |value: &Value| -> BTreeSet<String> { value.as_object().unwrap().keys().cloned().collect() };
    let has = |value: &Value, wanted: &[&str]| {
        let found = keys(value);
        for key in wanted {
            assert!(found.contains(*key), "{key} is missing in {found:?}");
        }
    };
    let (record, asked) = switched();
    let value = json(&record, &asked);
    has(&value, &["schema", "profile", "role", "state", "selected", "pairs", "events", "dtls", "findings"]);
    has(&value, &["started", "elapsed_ms", "cut_short", "far", "cut", "soak", "matrix", "successor"]);
    has(&value, &["passed_over", "candidates", "paths", "errors", "signalling", "verdict", "summary"]);
    assert_eq!(value["schema"], "raincheck.call/1");
    assert_eq!((&value["role"], &value["state"]), (&"self".into(), &"connected".into()));
    let of_pair = [
        "local",
        "remote",
        "path",
        "state",
        "nominated",
        "pair_priority",
        "rtt_ms",
        "checks_sent",
        "checks_answered",
        "cause",
        "because",
    ];
    let pairs = value["pairs"].as_array().unwrap();
    for pair in pairs.iter().chain([&value["selected"]]) {
        has(pair, &of_pair);
        let digits = pair["pair_priority"].as_str().unwrap();
        assert!(digits.parse::<u64>().is_ok(), "{digits}");
        assert!(!pair["because"].as_str().unwrap().is_empty());
    }
    has(
        &pairs[0]["local"],
        &["type", "protocol", "address", "port", "priority", "foundation", "sdp", "at_ms"],
    );
    assert_eq!(value["selected"], pairs[0]);
    assert_eq!((&pairs[0]["rtt_ms"], &pairs[2]["rtt_ms"]), (&41.2.into(), &Value::Null));
    assert_eq!((&pairs[2]["state"], &pairs[2]["cause"]), (&"failed".into(), &"no-answer".into()));
    assert_eq!(value["dtls"]["ok"], true);
    assert_eq!(value["dtls"]["handshake_ms"], 43.0);
    has(&value["events"][0], &["at_ms", "event"]);
    let cut = &value["cut"];
    assert_eq!((&cut["before"], &cut["after"], &cut["switched_ms"]), (&3.into(), &1.into(), &3500.0.into()));
}

#[test]
fn what_is_not_known_is_null_in_json() {
    let value = json(&cut_short(), &asked());
    for key in ["state", "selected", "dtls", "cut", "soak", "matrix", "successor", "far", "signalling"] {
        assert_eq!(value[key], Value::Null, "{key}");
    }
    let value = json(&unanswered(), &asked());
    assert_eq!((&value["state"], &value["pairs"][0]["rtt_ms"]), (&"failed".into(), &Value::Null));
    let (record, asked) = surveyed();
    assert_eq!(json(&record, &asked)["matrix"].as_array().unwrap().len(), 16);
}

#[test]
fn a_call_has_text_and_json_only() {
    for format in [Format::Nagios, Format::Sdp, Format::Trickle] {
        assert!(report(&direct(), &asked()).write(format, &Style::default(), &mut Vec::new()).is_err());
    }
}
