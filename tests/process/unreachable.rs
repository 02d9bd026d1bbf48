//! What cannot be reached is told in time, with the right status. Loopback only.

use crate::raincheck;
use serde_json::Value;
use std::fs;
use std::net::TcpListener;

/// A port of loopback that nobody listens on. Not a low one: Chromium takes no TURN server there.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    listener.local_addr().expect("address").port()
}

#[test]
fn a_proxy_that_is_not_there_is_a_finding_and_no_failure_of_ours() {
    let server = format!("turn:127.0.0.1:{}?transport=tcp", closed_port());
    let proxy = format!("http://127.0.0.1:{}", closed_port());
    let output = raincheck()
        .args(["check", "--turn", &server, "--proxy", &proxy])
        .args(["--media", "0", "--deadline", "5", "--format", "json"])
        .output()
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr, "");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let codes: Vec<_> = findings.iter().filter_map(|finding| finding["code"].as_str()).collect();
    assert!(codes.contains(&"proxy-unreachable"), "{codes:?}");
}

#[test]
fn a_platform_that_is_not_there_is_one_line_and_leaves_no_file() {
    let directory = tempfile::tempdir().expect("directory");
    fs::write(directory.path().join("password"), "hunter2\n").expect("write");
    let output = raincheck()
        .current_dir(directory.path())
        .args(["check", "--rainbow-host", "127.0.0.1:1", "--rainbow-login", "me@corp.example"])
        .args(["--rainbow-password-file", "password", "--deadline", "5", "-o", "result"])
        .output()
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.starts_with("raincheck: ") && stderr.lines().count() == 1, "{stderr}");
    assert!(stderr.contains("127.0.0.1:1") && !stderr.contains("hunter2"), "{stderr}");
    assert_eq!(fs::read_dir(directory.path()).expect("directory").count(), 1, "no half of a result is left");
}

#[test]
fn an_interface_that_is_not_there_is_one_line() {
    let output = raincheck()
        .args(["gather", "--turn", "turn:127.0.0.1:1", "--interface", "nonsense0"])
        .output()
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.starts_with("raincheck: --interface nonsense0") && stderr.lines().count() == 1,
        "{stderr}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn a_server_that_the_client_takes_no_notice_of_is_told_with_the_reason_and_status_3() {
    for command in ["check", "gather"] {
        let run = |format: &str| {
            let server = ["--turn", "turn:127.0.0.1:1", "--proxy", "none", "--no-progress"];
            raincheck().arg(command).args(server).args(["--format", format]).output().expect("it runs")
        };
        let text = run("text");
        assert_eq!(text.status.code(), Some(3), "{command}");
        let page = String::from_utf8_lossy(&text.stdout).into_owned();
        assert!(page.contains("turn:127.0.0.1:1") && page.contains("refuses port 1 "), "{page}");
        let json = run("json");
        assert_eq!(json.status.code(), Some(3), "{command}");
        let report: Value = serde_json::from_slice(&json.stdout).expect("JSON");
        let ignored =
            report.pointer("/servers/0/ignored/0").or(report.pointer("/ignored/0")).expect("ignored");
        assert_eq!(ignored["url"], "turn:127.0.0.1:1");
        assert!(ignored["text"].as_str().expect("text").contains("port 1 "), "{ignored}");
    }
}
