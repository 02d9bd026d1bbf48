//! Ends of a call that are programs: raincheck and aioice, the result as JSON in a file.
//!
//! As a [`Party`] a program writes its session description to standard output and reads the other end's from standard
//! input; a description ends with an empty line or with the stream, both ways. What raincheck tells a person, as the
//! line to paste, is in its messages ([`RunningCall::told`]).

use super::Party;
use super::wire::{Framing, Wire};
use crate::ask::{Credentials, ice_servers_for, urls};
use crate::world::{LogTail, SERVERS, SHARED_SECRET, USER, World};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const RAINCHECK: &str = env!("CARGO_BIN_EXE_raincheck");
const GATHERING: Duration = Duration::from_secs(30);

/// Which part a program takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Offer,
    Answer,
}

impl Role {
    /// As both programs call it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
        }
    }
}

/// How raincheck is called, beside which end it is: with the lab's servers and authority, whatever else it is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client<'a> {
    /// `--profile`
    pub(crate) profile: &'a str,
    /// `--proxy`; none means that there is none.
    pub(crate) proxy: Option<&'a str>,
    /// Whether `--policy` is `relay`.
    pub(crate) relay_only: bool,
    /// `--media-permission`
    pub(crate) microphone: bool,
}

impl Default for Client<'_> {
    /// Desktop without the microphone, as the pages of these tests are.
    fn default() -> Self {
        Self { profile: "chromium", proxy: None, relay_only: false, microphone: false }
    }
}

impl Client<'_> {
    /// Its arguments. They name a file with the servers, which is written now.
    pub(crate) fn arguments(self, world: &World) -> Vec<String> {
        let urls: Vec<String> = SERVERS.iter().flat_map(|server| urls(server)).collect();
        let servers = ice_servers_for(world, &urls, Credentials::Right);
        let ca_file = world.ca_file();
        let mut all = vec!["--ice-servers", &servers, "--ca-file", &ca_file, "--profile", self.profile];
        all.extend(["--policy", if self.relay_only { "relay" } else { "all" }]);
        all.extend(["--media-permission", if self.microphone { "yes" } else { "no" }]);
        all.extend(["--proxy", self.proxy.unwrap_or("none")]);
        all.into_iter().map(str::to_owned).collect()
    }

    /// `raincheck call offer|answer --signal sdp` in that place.
    pub(crate) fn call(self, world: &World, place: &str, role: Role) -> RunningCall {
        let mut arguments = vec!["--signal".to_owned(), "sdp".to_owned()];
        arguments.extend(self.arguments(world));
        RunningCall::raincheck(world, place, role.word(), &arguments)
    }
}

/// A call that runs in a place. It ends when dropped.
pub(crate) struct RunningCall {
    wire: Wire,
    result: PathBuf,
    messages: PathBuf,
}

/// How it ended.
pub(crate) struct EndedCall {
    pub(crate) status: ExitStatus,
    /// What it wrote into its file.
    pub(crate) json: Value,
    /// Its standard error.
    pub(crate) messages: String,
}

impl EndedCall {
    /// The pair that raincheck selected.
    pub(crate) fn selected(&self) -> &Value {
        &self.json["selected"]
    }

    /// All of it, for the message of a failed assertion.
    pub(crate) fn about(&self) -> String {
        let short = |pair: &Value| {
            let end = |end: &str| {
                let part = |name: &str| pair[end][name].to_string();
                ["type", "relay_protocol", "address", "port"].map(part).join(" ")
            };
            let number = |name: &str| pair[name].to_string();
            format!("{} {} | {}", number("position"), end("local"), end("remote"))
        };
        let parts = ["state", "summary", "dtls", "cut", "soak", "findings", "successor", "signalling"];
        let parts: Vec<String> = parts.iter().map(|name| format!("{name}: {:#}", self.json[*name])).collect();
        let selected = short(self.selected());
        format!("{}\nselected: {selected}\n{}\n{}", self.status, parts.join("\n"), self.messages)
    }
}

impl RunningCall {
    /// `raincheck call offer|answer|self` in that place, with these further arguments.
    pub(crate) fn raincheck(world: &World, place: &str, end: &str, more: &[String]) -> Self {
        let mut arguments = vec!["call", end, "--format", "json", "--no-progress"];
        arguments.extend(more.iter().map(String::as_str));
        Self::start(world, place, Path::new(RAINCHECK), &arguments)
    }

    /// The same as a person sees it, in a terminal: its progress is told ([`RunningCall::progress`]).
    pub(crate) fn raincheck_in_a_terminal(world: &World, place: &str, end: &str, more: &[String]) -> Self {
        let mut arguments = vec!["call", end, "--format", "json"];
        arguments.extend(more.iter().map(String::as_str));
        let (result, messages) = files(world);
        let result_name = result.display().to_string();
        arguments.extend(["-o", &result_name]);
        let words: Vec<String> =
            [RAINCHECK].iter().chain(&arguments).map(|word| format!("'{word}'")).collect();
        let mut command = world.place(place).command("script", &["-qfec", &words.join(" "), "/dev/null"]);
        command.env("SHELL", "/bin/sh");
        Self { wire: Wire::start(command, Framing::Return, &words.join(" ")), result, messages }
    }

    /// Waits until its progress says this.
    pub(crate) fn progress(&self, text: &str) {
        let until = Instant::now() + GATHERING;
        while let Some(said) = self.wire.next(until) {
            if said.contains(text) {
                return;
            }
        }
        panic!("{} ended before it said {text:?}", self.wire.name());
    }

    /// aioice in that place; with DTLS when it gets a certificate and its key.
    pub(crate) fn aioice(world: &World, place: &str, role: Role, dtls: Option<(&str, &str)>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/aioice_call.py");
        let script = script.display().to_string();
        let mut arguments = vec![script.as_str(), role.word()];
        if let Some((certificate, key)) = dtls {
            arguments.extend(["--dtls", certificate, key]);
        }
        Self::start(world, place, Path::new("/usr/bin/python3"), &arguments)
    }

    fn start(world: &World, place: &str, program: &Path, arguments: &[&str]) -> Self {
        let (result, messages) = files(world);
        let result_name = result.display().to_string();
        let mut all = arguments.to_vec();
        all.extend(["-o", &result_name]);
        let mut command = world.place(place).command(program, &all);
        command.stderr(fs::File::create(&messages).expect("file in the temporary directory"));
        let name = format!("{} in {place}", arguments.join(" "));
        Self { wire: Wire::start(command, Framing::Line, &name), result, messages }
    }

    /// Waits for its end and reads the result.
    pub(crate) fn wait(self, limit: Duration) -> EndedCall {
        let Self { wire, result, messages } = self;
        let name = wire.name().to_owned();
        let status = wire.finish(limit);
        let messages = fs::read_to_string(messages).unwrap_or_default();
        let json = fs::read_to_string(&result).unwrap_or_default();
        for secret in [USER.password, SHARED_SECRET] {
            assert!(!json.contains(secret), "{name}: a secret in the result:\n{json}");
            assert!(!messages.contains(secret), "{name}: a secret in the messages:\n{messages}");
        }
        let json = serde_json::from_str(&json)
            .unwrap_or_else(|error| panic!("{name}: no result ({error}) in {json:?}\n{status}\n{messages}"));
        EndedCall { status, json, messages }
    }

    /// Waits for a line of its messages that this finds something in.
    pub(crate) fn told<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let tail = LogTail::follow(&self.messages);
        let until = Instant::now() + GATHERING;
        while let Some(line) = tail.next(until) {
            if let Some(found) = find(&line) {
                return found;
            }
        }
        panic!("{} did not say what was awaited:\n{}", self.wire.name(), self.messages());
    }

    /// Types a line.
    pub(crate) fn type_in(&mut self, line: &str) {
        self.wire.send(line);
    }

    fn read_description(&self) -> String {
        let until = Instant::now() + GATHERING;
        let mut sdp = String::new();
        while let Some(line) = self.wire.next(until) {
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            sdp.push_str(line);
            sdp.push_str("\r\n");
        }
        assert!(sdp.starts_with("v=0"), "{}: no SDP but {sdp:?}\n{}", self.wire.name(), self.messages());
        sdp
    }

    fn give_description(&mut self, sdp: &str) {
        for line in sdp.lines() {
            self.wire.send(line);
        }
        self.wire.send("");
    }

    fn messages(&self) -> String {
        fs::read_to_string(&self.messages).unwrap_or_default()
    }
}

impl Party for RunningCall {
    fn offer(&mut self) -> String {
        self.read_description()
    }

    fn answer(&mut self, offer: &str) -> String {
        self.give_description(offer);
        self.read_description()
    }

    fn accept(&mut self, answer: &str) {
        self.give_description(answer);
    }
}

/// Where the result and the messages of one more call go.
fn files(world: &World) -> (PathBuf, PathBuf) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let file = |name: &str| world.dir().join(format!("call-{number}-{name}"));
    (file("result.json"), file("messages"))
}
