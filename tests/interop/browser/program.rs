//! Ends of a call that are programs: one session description on standard output, the other end's on standard input,
//! the result as JSON in a file.
//!
//! A description ends with an empty line or with the stream, both ways.

use super::Party;
use super::wire::{Framing, Wire};
use crate::world::World;
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

impl RunningCall {
    /// `raincheck call offer|answer --signal sdp` in that place, with these further arguments.
    pub(crate) fn raincheck(world: &World, place: &str, role: Role, more: &[&str]) -> Self {
        let mut arguments = vec!["call", role.word(), "--signal", "sdp", "--format", "json", "--no-progress"];
        arguments.extend(more);
        Self::start(world, place, Path::new(RAINCHECK), &arguments)
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
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = |name: &str| world.dir().join(format!("call-{number}-{name}"));
        let (result, messages) = (file("result.json"), file("messages"));
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
        let json = serde_json::from_str(&json)
            .unwrap_or_else(|error| panic!("{name}: no result ({error}) in {json:?}\n{status}\n{messages}"));
        EndedCall { status, json, messages }
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
