//! What cannot be reached is told in time, with the right status. Loopback only.

use crate::raincheck;
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::net::{SocketAddr, UdpSocket};

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

/// A STUN server that answers every Binding request with the address that it came from.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn stun_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
    let at = socket.local_addr().expect("address");
    std::thread::spawn(move || {
        let mut request = [0; 1500];
        while let Ok((20.., SocketAddr::V4(from))) = socket.recv_from(&mut request) {
            let mut answer = vec![0x01, 0x01, 0x00, 0x0c];
            answer.extend(&request[4..20]);
            answer.extend([0x00, 0x20, 0x00, 0x08, 0x00, 0x01]);
            answer.extend((from.port() ^ 0x2112).to_be_bytes());
            answer.extend((from.ip().to_bits() ^ 0x2112_a442).to_be_bytes());
            if socket.send_to(&answer, from).is_err() {
                break;
            }
        }
    });
    at
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn a_closed_udp_port_is_refused_at_once_and_the_other_server_is_asked_as_ever() {
    let closed = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("address");
    let open = stun_server();
    let output = raincheck()
        .args(["check", "--turn", &format!("turn:{closed}"), "--turn", &format!("stun:{open}")])
        .args(["--proxy", "none", "--media", "0", "--format", "json"])
        .output()
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    let path = |server: SocketAddr| {
        let paths = report["paths"].as_array().expect("paths");
        paths.iter().find(|path| path["id"] == format!("udp/{server}")).expect("path")
    };
    let stages: Vec<_> = path(closed)["stages"].as_array().expect("stages").iter().collect();
    assert_eq!(stages.iter().map(|stage| &stage["stage"]).collect::<Vec<_>>(), ["binding", "allocate"]);
    for stage in stages {
        assert_eq!((&stage["outcome"], &stage["cause"]), (&"failed".into(), &"refused".into()));
        let facts = &stage["facts"];
        assert_eq!((&facts["icmp_type"], &facts["icmp_code"]), (&3.into(), &3.into()), "{stage:#}");
        assert_eq!((&facts["icmp_from"], &facts["sends"]), (&"127.0.0.1".into(), &1.into()), "{stage:#}");
    }
    assert_eq!(path(open)["proof"], "reachable", "{report:#}");
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
