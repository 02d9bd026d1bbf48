//! The vendor's sign-in, end to end: a lab in one process, the check in another.

use crate::raincheck;
use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// `raincheck lab`, until this is dropped.
struct KeptLab {
    child: Child,
    environment: Value,
    folder: TempDir,
}

impl KeptLab {
    fn start() -> Self {
        let mut child = Command::new(cargo_bin("raincheck"))
            .args(["lab", "open", "--print=json", "--quiet"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        // The lab keeps its output open; what counts is the one value that comes first.
        let stdout = child.stdout.take().expect("stdout");
        let mut values = serde_json::Deserializer::from_reader(stdout).into_iter();
        let environment = values.next().expect("JSON").expect("JSON");
        Self { child, environment, folder: tempfile::tempdir().expect("directory") }
    }

    fn text(&self, pointer: &str) -> &str {
        self.environment.pointer(pointer).and_then(Value::as_str).expect(pointer)
    }

    /// Signs in with this password and runs the command.
    fn sign_in(&self, password: &str, arguments: &[&str]) -> Output {
        let file = self.file("password", password);
        let names = self.environment["resolve"].as_object().expect("names");
        let pins = names.iter().map(|(name, ip)| format!("{name}={}", ip.as_str().unwrap_or_default()));
        raincheck()
            .args(arguments)
            .args(["--rainbow-host", self.text("/rest/host"), "--rainbow-login", self.text("/rest/login")])
            .arg("--rainbow-password-file")
            .arg(file)
            .args(["--proxy", "none", "--ca-file", self.text("/caFile")])
            .args(pins.flat_map(|pin| ["--resolve".to_owned(), pin]))
            .output()
            .expect("it runs")
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("write");
        path
    }
}

impl Drop for KeptLab {
    fn drop(&mut self) {
        let asked = cfg!(unix)
            && Command::new("kill").arg(self.child.id().to_string()).status().is_ok_and(|s| s.success());
        if !asked {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Values of all keys of this name.
fn values<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(key).and_then(Value::as_str));
            members.values().for_each(|member| values(member, key, found));
        }
        Value::Array(items) => items.iter().for_each(|item| values(item, key, found)),
        _ => {}
    }
}

/// Words that look like a token (64 hex digits) or a credential (base64 of a SHA-1).
fn secrets(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/=".contains(c));
    let token = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    words.filter(|word| token(word) || word.len() == 28 && word.ends_with('=')).collect()
}

#[test]
fn the_vendors_servers_are_used_in_its_order_and_no_secret_is_shown() {
    let lab = KeptLab::start();
    let output = lab
        .sign_in(lab.text("/rest/password"), &["check", "--media", "0", "--format", "json", "--no-progress"]);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{stdout}");
    let report: Value = serde_json::from_str(&stdout).expect("JSON");
    let servers: Vec<_> = report["servers"].as_array().expect("servers").iter().collect();
    assert_eq!(
        servers.iter().map(|server| &server["name"]).collect::<Vec<_>>(),
        ["turn1.lab.test", "turn2.lab.test"]
    );
    assert!(servers.iter().all(|server| server["credentials"] == true));
    assert!(report["paths"].as_array().expect("paths").iter().all(|path| path["proof"] == "media"));
    assert_eq!(report["verdict"], "works");
    let mut fingerprints = Vec::new();
    values(&report, "sha256", &mut fingerprints);
    assert!(!fingerprints.is_empty(), "the chain is not shown");
    let shown: Vec<_> = secrets(&stdout).into_iter().filter(|word| !fingerprints.contains(word)).collect();
    assert_eq!(shown, [""; 0]);
    assert!(!stdout.contains(lab.text("/rest/password")));
}

#[test]
fn the_text_report_shows_no_secret_either() {
    let lab = KeptLab::start();
    let password = lab.text("/rest/password");
    let output = lab.sign_in(password, &["check", "--media", "0", "-v", "--color", "never", "--no-progress"]);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{stdout}");
    assert!(!stdout.contains(password));
    assert_eq!(secrets(&stdout), [""; 0], "{stdout}");
}

#[test]
fn a_wrong_password_is_one_line_and_status_2() {
    let lab = KeptLab::start();
    let output = lab.sign_in("hunter2-and-more", &["check", "--format", "json"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty());
    assert!(stderr.starts_with("raincheck: ") && stderr.lines().count() == 1, "{stderr}");
    assert!(stderr.contains("password") && !stderr.contains("hunter2"), "{stderr}");
}
