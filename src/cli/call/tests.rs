//! What a command line of a call comes to; those that are refused stand in `tests/process/bad_input.rs`.

use super::*;
use crate::cli::args::{Cli, Command};
use clap::Parser;
use std::io;
use std::time::SystemTime;
use zeroize::Zeroizing;

/// Surroundings with a file `code`, perhaps a code in the environment, perhaps a person who types one.
#[derive(Default)]
struct Fake {
    env: Option<&'static str>,
    typed: Option<&'static str>,
}

impl Inputs for Fake {
    fn file(&self, path: &Path, _limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        match path.to_str() {
            Some("code") => Ok(Zeroizing::new(b"FILE-CODE\n".to_vec())),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn stdin(&self, _limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(b"STDIN-CODE\n".to_vec()))
    }

    fn env(&self, name: &str) -> Option<Zeroizing<String>> {
        self.env.filter(|_| name == CODE_VARIABLE).map(|value| Zeroizing::new(value.to_owned()))
    }

    fn prompt(&self, _question: &str) -> io::Result<Option<Secret>> {
        Ok(self.typed.map(Secret::new))
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn system_proxy(&self, _host: &str) -> Option<String> {
        None
    }

    fn stdout_is_terminal(&self) -> bool {
        true
    }

    fn stderr_is_terminal(&self) -> bool {
        true
    }
}

fn call(line: &str, inputs: &Fake) -> Result<CallCommand, SettingsError> {
    let words = format!("raincheck call {line} --turn turn:turn.example");
    let cli = Cli::try_parse_from(words.split_whitespace()).unwrap_or_else(|error| panic!("{line}: {error}"));
    match &cli.command {
        Command::Call(args) => CallCommand::new(args, &cli.global, inputs),
        other => panic!("{other:?}"),
    }
}

fn accepted(line: &str) -> CallCommand {
    call(line, &Fake::default()).expect(line)
}

fn deadline(line: &str) -> u64 {
    accepted(line).settings.run.deadline.as_secs()
}

#[test]
fn a_call_alone_has_both_ends_and_no_way_between_them() {
    let command = accepted("self");
    let settings = command.settings;
    assert_eq!(settings.role, CallRole::Own);
    assert!(matches!(settings.signal, Signal::Within));
    assert_eq!(settings.far_profile, settings.run.profile);
    assert_eq!((settings.matrix, settings.fail, settings.soak), (false, None, None));
    assert_eq!(settings.run.media, Duration::ZERO);
    let other = accepted("self --profile firefox --far-profile chromium@145 --matrix --soak 2m").settings;
    assert_eq!(
        (other.run.profile.to_string(), other.far_profile.to_string()),
        ("firefox".into(), "chromium@145".into())
    );
    assert_eq!((other.matrix, other.soak), (true, Some(Duration::from_secs(120))));
}

#[test]
fn the_way_between_two_machines_follows_from_the_flags() {
    let signal = |line: &str| accepted(line).settings.signal;
    assert!(matches!(signal("offer"), Signal::Paste));
    assert!(matches!(signal("answer --signal paste"), Signal::Paste));
    assert!(matches!(signal("answer --signal sdp"), Signal::Sdp));
    assert!(
        matches!(signal("offer --listen 7000"), Signal::Listen(at) if at.iter().all(|at| at.port() == 7000))
    );
    assert!(matches!(signal("offer --signal tcp --listen 127.0.0.1:7"), Signal::Listen(at) if at.len() == 1));
    assert!(
        matches!(signal("answer --connect a:7 --code-file code"), Signal::Connect { to, .. } if to == "a:7")
    );
}

#[test]
fn the_code_comes_from_its_file_then_the_environment_then_a_person() {
    let code = |line: &str, inputs: &Fake| match call(line, inputs).map(|command| command.settings.signal) {
        Ok(Signal::Connect { code, .. }) => Some(code.expose().to_owned()),
        _ => None,
    };
    let all = Fake { env: Some("ENV-CODE"), typed: Some("TYPED-CODE") };
    assert_eq!(code("answer --connect a:7 --code-file code", &all).as_deref(), Some("FILE-CODE"));
    assert_eq!(code("answer --connect a:7 --code-file -", &all).as_deref(), Some("STDIN-CODE"));
    assert_eq!(code("answer --connect a:7", &all).as_deref(), Some("ENV-CODE"));
    assert_eq!(code("answer --connect a:7", &Fake { env: None, ..all }).as_deref(), Some("TYPED-CODE"));
    assert_eq!(code("answer --connect a:7", &Fake::default()), None);
    // A code that waits in the environment is no wish of a listener.
    assert!(call("offer --listen 7", &Fake { env: Some("ENV-CODE"), typed: None }).is_ok());
}

#[test]
fn a_code_is_in_no_debug_output() {
    let command = accepted("answer --connect a:7 --code-file code");
    assert!(!format!("{command:?}").contains("FILE-CODE"));
}

#[test]
fn the_deadline_is_what_a_person_expects_and_the_soak_on_top() {
    assert_eq!(deadline("self"), 30);
    assert_eq!(deadline("self --fail udp"), 75);
    assert_eq!(deadline("self --soak 1h"), 3630);
    assert_eq!(deadline("self --patience client"), 90);
    assert_eq!(deadline("offer"), 600);
    assert_eq!(deadline("answer --listen 7000 --soak 5m"), 900);
    assert_eq!(deadline("answer --connect a:7 --code-file code"), 30);
    assert_eq!(deadline("offer --deadline 60 --soak 30s"), 60);
}

#[test]
fn a_result_beside_a_session_description_is_not_coloured_as_a_terminals() {
    assert!(accepted("offer").view.color);
    assert!(!accepted("offer --signal sdp").view.color);
    assert!(!accepted("offer --signal sdp --format json -o result").view.color);
}
