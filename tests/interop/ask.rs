//! Asks raincheck in the client's place and reads its answer, by the names that scripts rely on.

use crate::world::{Finished, Running, SERVERS, USER, World};
use serde_json::{Value, json};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_raincheck");
/// Far above what any case may take; only a hang meets it.
const LIMIT: Duration = Duration::from_secs(40);

/// Whether the servers come with credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials {
    Right,
    Wrong,
    None,
}

/// The URLs that the client is given for a server.
pub(crate) fn urls(server: &str) -> [String; 3] {
    [
        format!("turn:{server}:3478?transport=udp"),
        format!("turns:{server}:443?transport=tcp"),
        format!("turn:{server}:80?transport=tcp"),
    ]
}

/// Writes both servers' URLs as a browser would be given them.
pub(crate) fn ice_servers(world: &World, credentials: Credentials) -> String {
    let all: Vec<String> = SERVERS.iter().flat_map(|server| urls(server)).collect();
    ice_servers_for(world, &all, credentials)
}

/// Writes these URLs as a browser would be given them.
pub(crate) fn ice_servers_for(world: &World, urls: &[String], credentials: Credentials) -> String {
    let mut server = json!({ "urls": urls });
    if credentials != Credentials::None {
        let password = if credentials == Credentials::Right { USER.password } else { "not the password" };
        server["username"] = json!(USER.name);
        server["credential"] = json!(password);
    }
    world.file("ice-servers.json", &json!({ "iceServers": [server] }).to_string())
}

/// The arguments that every run has, before its own.
pub(crate) fn arguments(world: &World, command: &str, servers: &str, more: &[&str]) -> Vec<String> {
    let ca_file = world.ca_file();
    let mut all = vec![command, "--format", "json", "--no-progress", "--ca-file", &ca_file];
    all.extend(["--ice-servers", servers]);
    all.extend(more);
    all.into_iter().map(str::to_owned).collect()
}

/// Runs a command to its end and reads the answer.
pub(crate) fn ask(world: &World, command: &str, servers: &str, more: &[&str]) -> Answer {
    Answer::of(world, &arguments(world, command, servers, more))
}

/// Starts a command and leaves it running.
pub(crate) fn start(world: &World, command: &str, servers: &str, more: &[&str]) -> Running {
    let arguments = arguments(world, command, servers, more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Running::start(world.client(PROGRAM, &arguments))
}

/// What raincheck said.
pub(crate) struct Answer {
    pub(crate) json: Value,
    pub(crate) finished: Finished,
}

impl Answer {
    /// Runs raincheck with these arguments to its end and reads the answer.
    pub(crate) fn of(world: &World, arguments: &[String]) -> Self {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let finished = world.run(PROGRAM, &arguments, LIMIT);
        let json = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| {
            panic!("raincheck {arguments:?} gave no JSON ({error}): {finished:#?}");
        });
        for secret in [USER.password, crate::world::SHARED_SECRET] {
            assert!(!finished.stdout.contains(secret), "a secret in the output:\n{}", finished.stdout);
            assert!(!finished.stderr.contains(secret), "a secret in the messages:\n{}", finished.stderr);
        }
        Self { json, finished }
    }

    /// The exit status, which must be there: a run that hangs has none.
    pub(crate) fn status(&self) -> i32 {
        let status = self.finished.status.unwrap_or_else(|| panic!("it did not end: {:#?}", self.finished));
        status.code().unwrap_or_else(|| panic!("it died of a signal: {:#?}", self.finished))
    }

    /// A member of the top level, as text.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap_or_default()
    }

    /// The paths to this server over this transport and route.
    pub(crate) fn path(&self, server: &str, transport: &str, route: &str) -> Option<&Value> {
        self.list("paths")
            .iter()
            .find(|path| path["server"] == server && path["transport"] == transport && path["route"] == route)
    }

    /// The path that the client would use.
    pub(crate) fn selected(&self) -> Option<&Value> {
        let mut selected = self.list("ranking").iter().filter(|rank| rank["selected"] == true);
        let first = selected.next()?;
        assert!(selected.next().is_none(), "more than one path is selected:\n{}", self.pretty());
        self.list("paths").iter().find(|path| path["id"] == first["path"])
    }

    /// The finding of that code.
    pub(crate) fn finding(&self, code: &str) -> Option<&Value> {
        self.list("findings").iter().find(|finding| finding["code"] == code)
    }

    /// The codes of all findings of that severity.
    pub(crate) fn findings(&self, severity: &str) -> Vec<&str> {
        let of_severity = self.list("findings").iter().filter(|finding| finding["severity"] == severity);
        of_severity.filter_map(|finding| finding["code"].as_str()).collect()
    }

    pub(crate) fn list(&self, key: &str) -> &[Value] {
        self.json[key].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// All of it, for the message of a failed assertion.
    pub(crate) fn pretty(&self) -> String {
        let json = serde_json::to_string_pretty(&self.json).unwrap_or_default();
        format!("{json}\nstderr: {}\ntook {:?}", self.finished.stderr, self.finished.took)
    }
}
