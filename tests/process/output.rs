//! Where output goes, on a command that needs no network.

use crate::raincheck;
use std::fs;

#[test]
fn a_result_goes_to_a_file_and_replaces_it_whole() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("servers.json");
    fs::write(&path, "old").expect("write");
    let output = raincheck()
        .current_dir(directory.path())
        .args(["catalog", "servers", "--format", "json", "-o", "servers.json"])
        .output()
        .expect("it runs");
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
    let text = fs::read_to_string(&path).expect("read");
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["schema"], "raincheck.catalog/1");
    assert_eq!(fs::read_dir(directory.path()).expect("directory").count(), 1, "nothing else is left");
}

#[test]
fn a_result_that_cannot_be_made_leaves_the_file_alone() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("servers.txt");
    fs::write(&path, "old").expect("write");
    let output = raincheck()
        .current_dir(directory.path())
        .args(["catalog", "servers", "--region", "atlantis", "-o", "servers.txt"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_to_string(&path).expect("read"), "old");
    assert_eq!(fs::read_dir(directory.path()).expect("directory").count(), 1);
}

#[cfg(unix)]
#[test]
fn a_reader_who_stops_is_no_error() {
    use std::process::{Command, Stdio};
    let binary = assert_cmd::cargo::cargo_bin("raincheck");
    for args in [&["catalog", "addresses"][..], &["--help"], &["lab", "--list"]] {
        let (reader, writer) = std::io::pipe().expect("pipe");
        drop(reader);
        let output =
            Command::new(&binary).args(args).stdout(writer).stderr(Stdio::piped()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
