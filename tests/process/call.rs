//! `raincheck call`, from arguments to output.

use crate::call_shape::{assert_shape, codes};
use crate::raincheck;
use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStderr, ChildStdin, Command, Output, Stdio};
use std::time::Duration;

/// What only a program that hangs takes.
const HANGS: Duration = Duration::from_secs(60);

/// A call of both ends in the lab: its report and its exit status.
fn own(arguments: &[&str]) -> (Value, Option<i32>) {
    let output = raincheck()
        .args(["call", "self", "--format", "json", "--no-progress"])
        .args(arguments)
        .timeout(HANGS)
        .output()
        .expect("it runs");
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_shape(&report);
    (report, output.status.code())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Scenario, state, the near end's relay protocol and route of the selected pair, exit status, root causes.
type Row = (&'static str, &'static str, Option<&'static str>, &'static str, i32, &'static [&'static str]);

const SCENARIOS: [Row; 13] = [
    ("open", "connected", None, "direct", 0, &[]),
    ("udp-blocked", "connected", Some("tcp"), "direct", 0, &[]),
    ("only-443", "connected", Some("tls"), "direct", 0, &[]),
    ("proxy-only", "connected", Some("tcp"), "http://proxy.lab.test:3128", 0, &[]),
    ("proxy-auth", "failed", None, "", 1, &["proxy-auth-required", "udp-blocked"]),
    ("tls-intercepted", "connected", None, "direct", 0, &[]),
    ("http-inspection", "connected", None, "direct", 0, &["dpi-http-inspection"]),
    ("dtls-eaten", "connected", None, "direct", 1, &["dtls-blocked"]),
    ("bad-credentials", "failed", None, "", 1, &["turn-credentials-rejected"]),
    ("one-server-down", "connected", None, "direct", 0, &[]),
    ("stun-dropped-inside", "connected", None, "direct", 0, &[]),
    ("slow-udp", "connected", None, "direct", 0, &[]),
    ("nothing-works", "failed", None, "", 1, &["tcp-80-blocked", "tls-443-blocked", "udp-blocked"]),
];

#[test]
fn a_call_in_every_scenario_comes_to_what_its_network_lets_through() {
    let names: Vec<&str> = raincheck_lab::Scenario::names().collect();
    assert!(names.iter().all(|name| SCENARIOS.iter().any(|row| row.0 == *name)), "{names:?}");
    std::thread::scope(|scope| {
        for row in &SCENARIOS {
            scope.spawn(move || comes_to(row));
        }
    });
}

fn comes_to((name, state, relay, route, exit, findings): &Row) {
    let (report, status) = own(&[&format!("--lab={name}")]);
    assert_eq!((report["state"].as_str(), status), (Some(*state), Some(*exit)), "{name}: {report:#}");
    assert_eq!(&report["cut_short"], &Value::Null, "{name}");
    let local = &report["selected"]["local"];
    assert_eq!(local["relay_protocol"].as_str(), *relay, "{name}: {local:#}");
    assert_eq!(local["route"].as_str().unwrap_or_default(), *route, "{name}: {local:#}");
    // What a client that gathers no further had come to see of its other paths is chance.
    let mut found = codes(&report);
    found.retain(|code| *state == "failed" || findings.contains(&code.as_str()) || code.starts_with("call-"));
    found.sort();
    let chance = *name == "http-inspection" && found.is_empty();
    assert!(chance || found == *findings, "{name}: {found:?}");
    // Decided, not run out of time: the deadline is 30 s.
    let elapsed = report["elapsed_ms"].as_f64().expect("a number");
    assert!(elapsed < 20_000.0, "{name}: {elapsed}");
    gives_back(name, &report);
}

/// Whatever was allocated was given back, at both ends.
fn gives_back(name: &str, report: &Value) {
    let paths = [&report["paths"], &report["far"]["paths"]].map(|paths| paths.as_array().expect("paths"));
    let mut allocated = 0;
    for path in paths.into_iter().flatten() {
        let stages = path["stages"].as_array().expect("stages");
        let passed = |stage: &str| stages.iter().any(|s| s["stage"] == stage && s["outcome"] == "passed");
        if passed("allocate") {
            allocated += 1;
            assert!(passed("release"), "{name}: {path:#}");
        }
    }
    assert!(allocated > 0 || report["state"] == "failed", "{name}");
}

#[test]
fn a_cut_a_soak_and_a_matrix_are_told_by_the_contract() {
    let (report, exit) = own(&["--lab", "--fail", "selected"]);
    assert_eq!((exit, &report["cut"]["touched"]), (Some(0), &Value::Bool(true)));
    let pairs = report["pairs"].as_array().expect("pairs");
    let at = |position: &Value| &pairs[position.as_u64().expect("a position") as usize - 1];
    let (before, after) = (at(&report["cut"]["before"]), at(&report["cut"]["after"]));
    assert_eq!(
        (&before["cut"], &after["cut"], &after["selected"]),
        (&true.into(), &false.into(), &true.into())
    );
    assert!(report["cut"]["switched_ms"].as_f64().expect("a number") > 2_000.0);

    let (report, exit) = own(&["--lab", "--soak", "2s"]);
    let soak = &report["soak"];
    assert_eq!(
        (exit, &soak["ended_by"], &soak["asked_ms"]),
        (Some(0), &Value::Null, &2000.0.into()),
        "{soak:#}"
    );
    let ends: Vec<&str> =
        soak["upkeep"].as_array().expect("upkeep").iter().filter_map(|kind| kind["end"].as_str()).collect();
    assert_eq!(
        ends.iter().filter(|end| **end == "near").count(),
        ends.iter().filter(|end| **end == "far").count()
    );

    let (report, exit) = own(&["--lab=udp-blocked", "--matrix", "--policy", "relay"]);
    let matrix = report["matrix"].as_array().expect("a matrix");
    // TCP and TLS to two servers from each end.
    assert_eq!((exit, matrix.len()), (Some(0), 16), "{report:#}");
    assert!(matrix.iter().all(|pair| pair["state"] == "succeeded"), "{matrix:#?}");
}

#[test]
fn a_person_reads_the_answer_first_and_no_line_is_noise() {
    let output = raincheck()
        .args(["call", "self", "--lab", "--soak", "1s", "--no-progress"])
        .output()
        .expect("it runs");
    let page = text(&output.stdout);
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    assert!(page.starts_with("✓ works: Calls connect: "), "{page}");
    for noise in ["0 of 0", " 0 datagrams", "1000.0 ms"] {
        assert!(!page.contains(noise), "{noise}: {page}");
    }
    let output =
        raincheck().args(["call", "self", "--lab=nothing-works", "--no-progress"]).output().expect("it runs");
    let page = text(&output.stdout);
    assert!(
        page.starts_with("✗ ") && page.contains("Calls cannot connect: UDP/3478 gets no answer"),
        "{page}"
    );
}

/// A lab that other programs reach, gone when it is dropped.
struct Lab {
    program: Child,
    flags: Vec<String>,
}

impl Lab {
    fn start() -> Self {
        let mut program = Command::new(cargo_bin("raincheck"))
            .args(["lab", "--print=flags"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(program.stdout.take().expect("piped")).lines();
        let mut flags: Vec<String> = Vec::new();
        for line in lines {
            flags.extend(line.expect("a line").split(' ').map(str::to_owned));
            // The last one that it prints.
            if flags.iter().any(|flag| flag == "--proxy") {
                break;
            }
        }
        assert!(flags.iter().any(|flag| flag == "--turn"), "{flags:?}");
        Self { program, flags }
    }

    /// One end of a call.
    fn end(&self, role: &str, arguments: &[&str]) -> End {
        let mut program = Command::new(cargo_bin("raincheck"))
            .args(["call", role, "--no-progress"])
            .args(&self.flags)
            .args(arguments)
            .args(if arguments.contains(&"--deadline") { &[][..] } else { &["--deadline", "40"] })
            .env_remove("RAINCHECK_CODE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdin = program.stdin.take();
        let stderr = BufReader::new(program.stderr.take().expect("piped")).lines();
        End { program, stdin, stderr, said: String::new() }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A program that is asked and answers.
struct End {
    program: Child,
    stdin: Option<ChildStdin>,
    stderr: Lines<BufReader<ChildStderr>>,
    /// What came on standard error.
    said: String,
}

impl End {
    /// The next line on standard error that something is true of.
    fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let Some(line) = self.stderr.next() else { panic!("it ended: {}", self.said) };
            let line = line.expect("a line");
            self.said.push_str(&line);
            self.said.push('\n');
            if wanted(&line) {
                return line;
            }
        }
    }

    /// The lines to carry over.
    fn line_to_paste(&mut self) -> String {
        let mut lines = self.line(|line| line.starts_with("raincheck1:"));
        loop {
            match self.line(|_| true) {
                end if end.is_empty() => return lines,
                more => lines = format!("{lines}\n{more}"),
            }
        }
    }

    /// A session description on standard output, up to its empty line.
    fn description(&mut self) -> String {
        let out = self.program.stdout.as_mut().expect("piped");
        let mut lines = BufReader::with_capacity(1, out).lines().map(|line| line.expect("a line"));
        let mut sdp = String::new();
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            sdp.push_str(&line);
            sdp.push_str("\r\n");
        }
        sdp
    }

    fn types(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(format!("{text}\n").as_bytes()).and_then(|()| stdin.flush()).expect("it reads");
    }

    /// Waits for the end; everything that it said.
    fn ended(mut self) -> (Output, String) {
        let Self { program, stderr, said, .. } = &mut self;
        let output = std::thread::scope(|scope| {
            let rest = scope.spawn(|| stderr.map(|line| line.expect("a line") + "\n").collect::<String>());
            let mut out = Vec::new();
            let read = std::io::Read::read_to_end(program.stdout.as_mut().expect("piped"), &mut out);
            read.expect("it says something");
            let status = program.wait().expect("it ends");
            said.push_str(&rest.join().expect("it was read"));
            Output { status, stdout: out, stderr: Vec::new() }
        });
        (output, std::mem::take(&mut self.said))
    }
}

/// An end's report, its exit status and what it said to the person at its side.
fn told(end: End) -> (Value, Option<i32>, String) {
    let (output, said) = end.ended();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_shape(&report);
    (report, output.status.code(), said)
}

fn assert_connected(end: End, role: &str) -> (Value, String) {
    let (report, exit, said) = told(end);
    let state = (report["role"].as_str(), report["state"].as_str(), exit);
    assert_eq!(state, (Some(role), Some("connected"), Some(0)), "{said}{report:#}");
    assert_eq!((&report["dtls"]["ok"], &report["dtls"]["fingerprint_matches"]), (&true.into(), &true.into()));
    (report, said)
}

#[test]
fn two_programs_meet_by_lines_that_are_pasted() {
    let lab = Lab::start();
    let json = ["--format", "json"];
    let (mut offers, mut answers) = (lab.end("offer", &json), lab.end("answer", &json));
    let offer = offers.line_to_paste();
    assert!(offer.lines().all(|line| line.len() <= 1000), "{offer}");
    answers.types(&offer);
    let answer = answers.line_to_paste();
    offers.types(&answer);
    for (end, role) in [(offers, "offer"), (answers, "answer")] {
        let (report, said) = assert_connected(end, role);
        // The lines are the one place for the password.
        assert!(!report.to_string().contains("raincheck1:"));
        assert!(
            said.contains("The password of this one call is in it.") && said.contains("Paste "),
            "{said}"
        );
    }
}

#[test]
fn two_programs_meet_over_a_channel_with_a_code_that_is_shown_once() {
    let lab = Lab::start();
    let mut listens = lab.end("offer", &["--listen", "127.0.0.1:0", "--format", "json"]);
    let at = listens.line(|line| line.starts_with("Listening on "));
    let at = at.trim_start_matches("Listening on ").split(". ").next().expect("an address").to_owned();
    let code = listens.line(|line| line.contains("code")).trim().trim_start_matches("code").trim().to_owned();
    // A wrong code is one line, and the wait goes on.
    let folder = tempfile::tempdir().expect("folder");
    let file = |name: &str, code: &str| {
        let path = folder.path().join(name);
        fs::write(&path, format!("{code}\n")).expect("written");
        path.to_str().expect("a name").to_owned()
    };
    let wrong = file("wrong", "0000-0000-0000-0000");
    let (output, said) = lab.end("answer", &["--connect", &at, "--code-file", &wrong]).ended();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert_eq!(said, "raincheck: wrong code: the listener does not take it\n");
    let right = file("right", &code.to_lowercase());
    let connects = lab.end("answer", &["--connect", &at, "--code-file", &right, "--format", "json"]);
    let (there, said) = assert_connected(connects, "answer");
    assert!(!said.contains(&code) && !there.to_string().contains(&code));
    let (here, said) = assert_connected(listens, "offer");
    assert!(!here.to_string().contains(&code));
    assert_eq!(said.matches(&code).count(), 1, "{said}");
    assert!(said.contains("raincheck: turned away 127.0.0.1:") && said.contains(": wrong code"), "{said}");
}

#[test]
fn two_programs_meet_by_session_descriptions_and_keep_results_apart() {
    let lab = Lab::start();
    let folder = tempfile::tempdir().expect("folder");
    let file = |name: &str| folder.path().join(name).to_str().expect("a name").to_owned();
    let (one, other) = (file("offer.json"), file("answer.json"));
    let with = |path: &str| ["--signal", "sdp", "--format", "json", "-o", path].map(str::to_owned);
    let start = |role, path: &str| lab.end(role, &with(path).each_ref().map(String::as_str));
    let (mut offers, mut answers) = (start("offer", &one), start("answer", &other));
    let offer = offers.description();
    assert!(offer.starts_with("v=0\r\n") && offer.contains("a=setup:actpass\r\n"), "{offer}");
    answers.types(&offer);
    let answer = answers.description();
    assert!(answer.contains("a=setup:active\r\n") && answer.contains("a=candidate:"), "{answer}");
    offers.types(&answer);
    let passwords: Vec<&str> = [&offer, &answer]
        .iter()
        .flat_map(|sdp| sdp.lines())
        .filter_map(|line| line.strip_prefix("a=ice-pwd:"))
        .collect();
    assert_eq!(passwords.len(), 2);
    for (end, path) in [(offers, &one), (answers, &other)] {
        let (output, said) = end.ended();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{said}");
        let result = fs::read_to_string(path).expect("a result");
        let report: Value = serde_json::from_str(&result).expect("JSON");
        assert_shape(&report);
        assert_eq!(report["state"], "connected", "{report:#}");
        assert!(passwords.iter().all(|password| !result.contains(password) && !said.contains(password)));
    }
}

#[test]
fn what_is_typed_in_error_is_one_line_and_status_2() {
    let typed = |role: &str, text: &str| {
        let output = raincheck()
            .args(["call", role, "--lab", "--no-progress", "--deadline", "8"])
            .write_stdin(text)
            .output()
            .expect("it runs");
        let said = text_of_error(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
        said
    };
    let said = typed("answer", "hello?\n");
    assert!(said.starts_with("raincheck: this is not a raincheck line"), "{said}");
    let said = typed("answer", "raincheck1:AAAA\n\n");
    assert!(said.starts_with("raincheck: the line was cut: 15 of "), "{said}");
    let said = typed("answer", "raincheck7:AAAA\n");
    assert!(said.starts_with("raincheck: the line is of version 7"), "{said}");
    let said = typed("answer", "");
    assert!(said.starts_with("raincheck: standard input ended before "), "{said}");
    let said = typed("offer", "raincheck1:____\n");
    assert!(said.starts_with("raincheck: the line was "), "{said}");
}

/// The last line on standard error; those before it are prompts.
fn text_of_error(stderr: &[u8]) -> String {
    let said = text(stderr);
    let errors = said.lines().filter(|line| line.starts_with("raincheck: ")).count();
    assert_eq!(errors, 1, "{said}");
    said.lines().last().expect("a line").to_owned()
}

#[test]
fn an_end_that_nobody_answers_is_not_known_with_status_3() {
    let lab = Lab::start();
    for arguments in [&["--format", "json"][..], &["--listen", "127.0.0.1:0", "--format", "json"]] {
        // The input stays open: somebody could still type.
        let end = lab.end("offer", &[arguments, &["--deadline", "3"]].concat());
        let (report, exit, said) = told(end);
        assert_eq!(
            (exit, &report["state"], codes(&report)),
            (Some(3), &Value::Null, vec!["call-not-signalled".to_owned()]),
            "{said}"
        );
        assert!(report["elapsed_ms"].as_f64().expect("a number") < 3_000.0);
    }
}

#[test]
fn a_channel_to_nowhere_is_one_line_and_status_2() {
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").to_string();
    let connect = |to: &str, code: &str| {
        let output = raincheck()
            .args(["call", "answer", "--lab", "--no-progress", "--deadline", "5", "--connect", to])
            .env("RAINCHECK_CODE", code)
            .output()
            .expect("it runs");
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(!said.contains(code), "{said}");
        said
    };
    let said = connect(&closed, "0123-4567-89AB-CDEF");
    assert!(said.contains("refused the connection: nobody waits for a call there"), "{said}");
    let said = connect(&closed, "hunter2hunter2");
    assert!(said.starts_with("raincheck: not a call code"), "{said}");
}
