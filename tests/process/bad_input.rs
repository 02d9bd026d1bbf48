//! Input that cannot be used: status 2, one clear line on standard error, nothing on standard output, at once.

use crate::raincheck;
use assert_cmd::Command;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A place with the files that the command lines below name.
fn place() -> TempDir {
    let directory = tempfile::tempdir().expect("directory");
    for (name, bytes) in [
        ("syntax.json", &b"[{\"urls\": \"turn:a\",}]"[..]),
        ("shape.json", br#"{"iceServers": [{"urls": "turn:a", "username": "hunter2"}]}"#),
        ("uri.json", br#"{"data": [{"urls": ["turn://a"]}]}"#),
        ("oauth.json", br#"[{"urls": "turn:a", "username": "u", "credential": {"macKey": "hunter2"}}]"#),
        ("latin1.json", b"[\"\xe9\"]"),
        ("empty", b""),
        ("lines", b"hunter2\nhunter2\n"),
        ("secret", b"hunter2\n"),
        ("text", b"hello\n"),
        ("der", b"\x30\x82\x02\x00"),
    ] {
        fs::write(directory.path().join(name), bytes).expect("write");
    }
    fs::write(directory.path().join("large"), vec![b' '; 2 * 1024 * 1024]).expect("write");
    directory
}

fn run(command: &mut Command, directory: &Path, line: &str) -> (Option<i32>, String, String) {
    let began = Instant::now();
    let output = command.current_dir(directory).args(line.split_whitespace()).output().expect("it runs");
    assert!(began.elapsed() < Duration::from_secs(30), "{line}: took {:?}", began.elapsed());
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Runs the line and gives the one line of the error, without the program's name.
fn refused(command: &mut Command, directory: &Path, line: &str) -> String {
    let (status, stdout, stderr) = run(command, directory, line);
    assert_eq!(status, Some(2), "{line}: {stderr}");
    assert_eq!(stdout, "", "{line}");
    assert!(!stderr.contains("hunter2"), "{line}: {stderr}");
    assert!(!stderr.contains("panicked"), "{line}: {stderr}");
    let (hints, lines): (Vec<_>, Vec<_>) = stderr.lines().partition(|line| line.starts_with("hint: "));
    assert!(hints.len() <= 2, "{line}: {stderr}");
    let [only] = lines.as_slice() else { panic!("{line}: not one line: {stderr}") };
    only.strip_prefix("raincheck: ").unwrap_or_else(|| panic!("{line}: {only}")).to_owned()
}

#[test]
fn each_bad_input_gets_one_clear_line_and_status_2() {
    let directory = place();
    for (line, expected) in [
        // Usage.
        ("nonsense", "unrecognized subcommand 'nonsense'"),
        ("check --nonsense", "unexpected argument '--nonsense' found"),
        ("check nonsense", "unexpected argument 'nonsense' found"),
        ("check --policy maybe", "invalid value 'maybe' for '--policy <POLICY>'"),
        ("check --turn", "a value is required for '--turn <URI>'"),
        ("check --lab --turn turn:a", "cannot be used with"),
        ("check --lab udp-blocked", "unexpected argument 'udp-blocked' found"),
        ("catalog nonsense", "unrecognized subcommand 'nonsense'"),
        ("catalog servers --region atlantis", "unknown region \"atlantis\""),
        ("call", "required arguments were not provided: <END>"),
        ("call both", "invalid value 'both' for '<END>'"),
        // Files.
        ("check --ice-servers missing.json", "--ice-servers: cannot read \"missing.json\": "),
        ("check --ice-servers .", "--ice-servers: cannot read \".\": "),
        ("check --ice-servers large", "--ice-servers: \"large\" is larger than 1024 KiB"),
        ("check --ice-servers empty", "it is empty"),
        ("check --ice-servers syntax.json", "\"syntax.json\", line 1, column 20: not JSON (trailing comma)"),
        ("check --ice-servers latin1.json", "line 1, column 3: not JSON"),
        ("check --ice-servers shape.json", "iceServers[0]: there is a username but no credential"),
        ("check --ice-servers uri.json", "data[0].urls[0]: there is no // after turn:"),
        ("check --ice-servers oauth.json", "[0].credential: the credential type oauth is not supported"),
        ("gather --ice-servers text", "\"text\", line 1, column 1: not JSON"),
        ("check --ice-servers -", "\"-\", it is empty"),
        ("check --ca-file text", "--ca-file: \"text\" holds no certificate"),
        ("check --ca-file der", "--ca-file: \"der\" is a certificate in binary form"),
        (
            "check --turn turn:a --turn-secret-file lines",
            "--turn-secret-file: \"lines\" holds more than one line",
        ),
        ("check --proxy-credential-file secret", "there is no colon in it"),
        ("check --lab -o missing/result", "-o: cannot write \"missing/result\": "),
        ("check --lab -o .", "-o: cannot write \".\": it is a directory"),
        // URIs, names, numbers.
        (
            "check --turn turn://turn.example",
            "--turn: there is no // after turn:, unlike in a web address; write turn:HOST[:PORT]",
        ),
        ("check --turn turn:u:hunter2@turn.example", "--turn: there is a user name before @"),
        ("gather --turn stun:a?transport=udp", "--turn: stun: takes no query"),
        ("check --server turn-rbx9", "--server: \"turn-rbx9\" is not known; try turn-rbx1 or turn-rbx2"),
        ("check --region atlantis", "--region: \"atlantis\" is not known"),
        ("check --profile netscape", "--profile: \"netscape\" is not known; try chromium, firefox"),
        ("gather --lab=nonsense", "--lab: \"nonsense\" is not known; try open, udp-blocked"),
        ("lab nonsense", "SCENARIO: \"nonsense\" is not known; try open, udp-blocked"),
        ("check --nearest 0", "--nearest: \"0\" is not a number from 1"),
        ("check --deadline never", "--deadline: \"never\" is not a number of seconds"),
        ("check --resolve turn.example", "--resolve: \"turn.example\" is not HOST=IP"),
        // Credentials.
        ("check --turn turn:a --username u", "--username needs --credential-file FILE"),
        ("check --turn turn:a --credential-file secret", "--credential-file needs --username NAME"),
        ("check --turn turn:a --credential hunter2", "--credential is not accepted"),
        (
            "check --rainbow-host h --rainbow-login l",
            "--rainbow-login: no password; use --rainbow-password-file",
        ),
        ("check --rainbow-host h", "--rainbow-host needs --rainbow-login LOGIN"),
        ("check --rainbow-password hunter2", "--rainbow-password is not accepted"),
        // Calls.
        (
            "call offer --matrix --lab",
            "--matrix cannot be used with call offer: only call self has both ends",
        ),
        ("call answer --far-profile firefox", "--far-profile cannot be used with call answer: "),
        ("call self --signal paste", "--signal cannot be used with call self: both of its ends are here"),
        ("call self --listen 7000", "--listen cannot be used with call self: both of its ends are here"),
        (
            "call offer --listen 7000 --signal sdp",
            "--listen cannot be used with --signal sdp: it is for --signal tcp",
        ),
        ("call offer --connect a:1 --signal paste", "--connect cannot be used with --signal paste: "),
        ("call offer --listen 7000 --connect a:1", "cannot be used with"),
        (
            "call offer --signal tcp",
            "--signal tcp needs --listen [ADDRESS:]PORT at one end and --connect HOST:PORT",
        ),
        (
            "call offer --listen desk.example",
            "--listen: \"desk.example\" is not [ADDRESS:]PORT, such as 7000",
        ),
        ("call answer --connect desk", "--connect: \"desk\" is not HOST:PORT, such as desk.example:7000"),
        (
            "call answer --connect a:1",
            "--connect needs the code that the other end shows: --code-file FILE or RAINCHECK_CODE",
        ),
        (
            "call answer --connect a:1 --code hunter2",
            "--code is not accepted, since other users can read the command line",
        ),
        ("call answer --connect a:1 --code-file lines", "--code-file: \"lines\" holds more than one line"),
        (
            "call offer --listen 7000 --code-file secret",
            "--code-file needs --connect HOST:PORT; the end that listens makes the code",
        ),
        ("call self --soak soon", "--soak: \"soon\" is not a duration, such as 30s, 5m, 2h or 1h30m"),
        (
            "call self --soak 5m --deadline 60",
            "--soak: \"5m\" is not shorter than the --deadline of 1 min, which ends the call",
        ),
        ("call self --fail turn1/sctp", "--fail: \"turn1/sctp\" is not a path: selected, direct, relay, udp"),
        (
            "call self --fail udp --soak 5m",
            "--fail cannot be used with --soak: one ends the path that the other keeps",
        ),
        (
            "call self --far-profile netscape",
            "--far-profile: \"netscape\" is not known; try chromium, firefox",
        ),
        (
            "call offer --signal sdp --format json",
            "the result of --signal sdp needs -o FILE; standard output carries",
        ),
        ("call offer --signal sdp -o -", "the result of --signal sdp needs -o FILE; standard output carries"),
        ("call offer --ice-servers -", "--ice-servers and --signal paste both read standard input"),
        ("call offer --signal sdp --ca-file -", "--ca-file and --signal sdp both read standard input"),
        ("call self --format trickle", "invalid value 'trickle' for '--format <FORMAT>'"),
        // Proxies.
        ("check --proxy socks5://p:1080", "--proxy: SOCKS proxies are not supported yet"),
        ("check --proxy http://u:hunter2@p", "--proxy: a password cannot stand in the URL"),
        ("check --proxy http://p:0", "--proxy: the port \"0\" is not a number from 1 to 65535"),
        ("check --pac http://p/proxy.pac", "--pac is not supported yet"),
    ] {
        let said = refused(&mut raincheck(), directory.path(), line);
        assert!(said.contains(expected), "{line}: {said}");
    }
}

#[test]
fn a_bad_environment_is_named() {
    let directory = place();
    for (name, value, line, expected) in [
        ("ALL_PROXY", "socks5://u:hunter2@p:1080", "check", "ALL_PROXY: SOCKS proxies are not supported yet"),
        ("https_proxy", "http://u:hunter2@p:port", "check", "https_proxy: the port \"port\" is not a number"),
        (
            "RAINCHECK_CREDENTIAL",
            "hunter2",
            "check --turn turn:a",
            "RAINCHECK_CREDENTIAL needs --username NAME",
        ),
    ] {
        let said = refused(raincheck().env(name, value), directory.path(), line);
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn standard_input_is_bounded_and_its_errors_have_a_place() {
    let directory = place();
    let mut command = raincheck();
    command.write_stdin("[{\n\"urls\": 5}]");
    let said = refused(&mut command, directory.path(), "check --ice-servers -");
    assert_eq!(
        said,
        "--ice-servers: \"-\", [0].urls: expected a URL text or an array of them, found a number"
    );
    let mut command = raincheck();
    command.write_stdin(vec![b'['; 3 * 1024 * 1024]);
    let said = refused(&mut command, directory.path(), "check --ice-servers -");
    assert_eq!(said, "--ice-servers: \"-\" is larger than 1024 KiB");
}

#[test]
fn for_monitoring_a_wrong_command_line_is_unknown_and_no_alarm() {
    let directory = place();
    for line in ["check --format nagios --server turn-rbx9", "check --format=nagios --nonsense"] {
        let (status, stdout, stderr) = run(&mut raincheck(), directory.path(), line);
        assert_eq!((status, stderr.as_str()), (Some(3), ""), "{line}");
        assert!(
            stdout.starts_with("RAINCHECK UNKNOWN - ") && stdout.lines().count() == 1,
            "{line}: {stdout}"
        );
    }
}

#[cfg(unix)]
#[test]
fn words_that_are_not_text_are_refused_without_a_panic() {
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"turn:\xff");
    let output = raincheck().args(["check", "--turn"]).arg(odd).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("raincheck: invalid UTF-8"), "{stderr}");
}
