//! Every scenario of the embedded lab, as a user runs it: the program's own output and exit status against
//! what the scenario says a correct report must say.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ring: a panic is a failed case")]

use assert_cmd::Command;
use raincheck_lab::{Capability, Scenario};
use serde_json::Value;
use std::time::Instant;

/// What one run said.
struct Seen {
    report: Value,
    exit: Option<i32>,
    seconds: f64,
}

fn check(arguments: &[&str]) -> Seen {
    let began = Instant::now();
    let output = Command::cargo_bin("raincheck")
        .unwrap()
        .args(["check", "--format", "json", "--no-progress"])
        .args(arguments)
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("no JSON ({error}); stderr: {}", String::from_utf8_lossy(&output.stderr));
    });
    Seen { report, exit: output.status.code(), seconds: began.elapsed().as_secs_f64() }
}

/// Codes of the findings that stand on their own; those that are only good to know last.
fn causes(report: &Value) -> (Vec<String>, Vec<String>) {
    let findings = report["findings"].as_array().unwrap();
    let standing = findings.iter().filter(|finding| finding["explained_by"].is_null());
    let (infos, matter): (Vec<&Value>, Vec<&Value>) = standing.partition(|f| f["severity"] == "info");
    let codes =
        |list: Vec<&'_ Value>| list.iter().map(|f| f["code"].as_str().unwrap_or("?").to_owned()).collect();
    (codes(matter), codes(infos))
}

fn word(capability: Capability) -> &'static str {
    match capability {
        Capability::Works => "works",
        Capability::Fails => "fails",
        Capability::Unknown => "unknown",
        Capability::NotAsked => "not-asked",
    }
}

/// What differs between the scenario's expectation and what was seen; empty when nothing does.
fn differences(scenario: &Scenario, seen: &Seen) -> Vec<String> {
    let expect = &scenario.expect;
    let mut wrong = Vec::new();
    let mut compare = |what: &str, expected: &str, found: &str| {
        if expected != found {
            wrong.push(format!("{what}: expected {expected}, seen {found}"));
        }
    };
    compare("verdict", expect.verdict.as_str(), seen.report["verdict"].as_str().unwrap_or("?"));
    compare("exit", &expect.exit.to_string(), &seen.exit.map_or("none".into(), |code| code.to_string()));
    let wanted = &expect.capabilities;
    for (name, capability) in [
        ("direct_udp", wanted.direct_udp),
        ("relay_udp", wanted.relay_udp),
        ("relay_tcp", wanted.relay_tcp),
        ("relay_tls", wanted.relay_tls),
        ("relay_via_proxy", wanted.relay_via_proxy),
    ] {
        compare(name, word(capability), seen.report["capabilities"][name].as_str().unwrap_or("?"));
    }
    let (matter, infos) = causes(&seen.report);
    let found: Vec<&str> = matter.iter().chain(&infos).map(String::as_str).collect();
    for expected in &expect.findings {
        if !expected.is_met_by(&found) {
            wrong.push(format!("missing finding: {:?}", expected.codes().collect::<Vec<_>>()));
        }
    }
    let known: Vec<&str> = expect.codes().collect();
    for code in matter.iter().filter(|code| !known.contains(&code.as_str())) {
        wrong.push(format!("unexpected finding: {code}"));
    }
    wrong
}

#[test]
fn every_scenario_is_judged_as_it_says() {
    let mut failed = Vec::new();
    println!("{:<18} {:<10} {:<52} {:>6}", "scenario", "verdict", "causes", "time");
    for name in Scenario::names() {
        let scenario = Scenario::named(name).unwrap();
        let seen = check(&[&format!("--lab={name}"), "--media", "0"]);
        let wrong = differences(&scenario, &seen);
        let verdict = seen.report["verdict"].as_str().unwrap_or("?");
        println!("{name:<18} {verdict:<10} {:<52} {:>4.1} s", causes(&seen.report).0.join(" "), seen.seconds);
        failed.extend(wrong.into_iter().map(|wrong| format!("{name}: {wrong}")));
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

#[test]
fn the_proxys_password_opens_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proxy");
    std::fs::write(&file, "lab:lab-proxy\n").unwrap();
    let file = file.to_str().unwrap();
    let seen = check(&["--lab=proxy-auth", "--media", "0", "--proxy-credential-file", file]);
    assert_eq!(seen.report["capabilities"]["relay_via_proxy"], "works");
    assert_eq!(seen.report["verdict"], "degraded");
    assert!(!seen.report.to_string().contains("lab-proxy\""), "the password is in the report");
}

#[test]
fn media_flows_over_the_selected_path_alone() {
    let seen = check(&["--lab", "--media", "1"]);
    let selected: Vec<&Value> =
        seen.report["ranking"].as_array().unwrap().iter().filter(|rank| rank["selected"] == true).collect();
    assert_eq!(selected.len(), 1);
    let paths = seen.report["paths"].as_array().unwrap();
    for path in paths {
        let samples = path["rtt_ms"]["samples"].as_u64().unwrap();
        if path["id"] == selected[0]["path"] {
            assert!(samples >= 100, "one second of media both ways is a hundred packets, not {samples}");
        } else {
            assert!(samples < 60, "{} was not selected and has {samples} samples", path["id"]);
        }
    }
}
