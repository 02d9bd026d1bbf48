//! A branch office, a WAN and an internet with real TURN servers and proxies, in network namespaces.
//!
//! [`World::new`] builds it as `tests/interop/topology` draws it and starts coturn, squid and tinyproxy in their
//! places; dropping it ends every process in it and takes it away. It needs root and the packages that
//! [`missing`] names. Nothing leaves the namespaces.

#![allow(dead_code, unused_imports, reason = "the ring and the benches each use a part")]

mod certificates;
mod firewall;
mod log;
mod nat;
mod peers;
mod place;
mod probe;
mod remains;

pub(crate) use firewall::Firewall;
pub(crate) use log::{Allocations, LogTail};
pub(crate) use nat::{Nat, Router};
pub(crate) use peers::{ProxyAuth, TurnAuth, User};
pub(crate) use place::{Finished, Place, Running, is_installed};
pub(crate) use probe::Probe;

use certificates::Authority;
use peers::{Coturn, Squid, Terms, Tinyproxy};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The user that the TURN servers and the proxies with authentication know.
pub(crate) const USER: User = User { name: "alice", password: "correct-horse" };
/// The secret of TURN servers with time-limited credentials.
pub(crate) const SHARED_SECRET: &str = "battery-staple";
/// squid without authentication.
pub(crate) const SQUID: &str = "http://proxy.lab.test:3128";
/// tinyproxy.
pub(crate) const TINYPROXY: &str = "http://tinyproxy.lab.test:8888";
/// The two TURN servers.
pub(crate) const SERVERS: [&str; 2] = ["turn1.lab.test", "turn2.lab.test"];

/// What to build.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Delay of the WAN each way, milliseconds.
    pub(crate) delay_ms: u32,
    /// Further server addresses, `turn-101.lab.test` and on, spread over the two servers.
    pub(crate) more_servers: u8,
    /// Whether a TLS terminator with TLS 1.3 stands before the servers' port 443; Debian's coturn ends at 1.2.
    pub(crate) tls13: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { delay_ms: 20, more_servers: 0, tls13: false }
    }
}

/// The network and everything that runs in it.
pub(crate) struct World {
    prefix: String,
    dir: PathBuf,
    authority: Authority,
    options: Options,
    turn: [Option<Coturn>; 2],
    squids: Vec<Squid>,
    tinyproxy: Option<Tinyproxy>,
    /// Keep the logs when the world goes.
    pub(crate) keep_logs: bool,
}

impl World {
    /// Builds the network and starts both TURN servers, squid and tinyproxy.
    pub(crate) fn new(options: Options) -> Self {
        remains::sweep();
        remains::remove_on_signals();
        let (prefix, dir) = (remains::prefix(), remains::directory());
        fs::create_dir_all(&dir).expect("temporary directory");
        place::everyone_may_write(&dir);
        topology(&[
            "up",
            &prefix,
            &dir.display().to_string(),
            &options.delay_ms.to_string(),
            &options.more_servers.to_string(),
        ]);
        let authority = Authority::new(&dir);
        let mut world = Self {
            prefix,
            dir,
            authority,
            options,
            turn: [None, None],
            squids: Vec::new(),
            tinyproxy: None,
            keep_logs: false,
        };
        world.settle();
        world
    }

    /// Brings back what a case may have changed: the open network and its NATs, servers with long-term credentials, squid
    /// without authentication, tinyproxy.
    pub(crate) fn settle(&mut self) {
        self.firewall(Firewall::Open);
        for router in [Router::Branch, Router::Home] {
            self.nat(router, Nat::PortRestricted);
        }
        for number in [1, 2] {
            let usual = Terms { auth: TurnAuth::LongTerm, lifetime: None };
            if !self.turn[number - 1].as_mut().is_some_and(|server| server.is_up_with(usual)) {
                self.start_turn(number, TurnAuth::LongTerm);
            }
        }
        self.squids.retain_mut(|squid| squid.auth() == ProxyAuth::None && squid.is_up());
        if self.squids.is_empty() {
            self.start_squid(ProxyAuth::None);
        }
        if !self.tinyproxy.as_mut().is_some_and(Tinyproxy::is_up) {
            self.tinyproxy = Some(Tinyproxy::start(&self.place("tiny"), &self.dir));
        }
    }

    /// Starts TURN server 1 or 2, in place of the one that runs there.
    pub(crate) fn start_turn(&mut self, number: usize, auth: TurnAuth) {
        self.start_turn_as(number, Terms { auth, lifetime: None });
    }

    /// Starts both TURN servers anew, with allocations that live this many seconds unless they are refreshed.
    pub(crate) fn start_turn_with_lifetime(&mut self, seconds: u32) {
        let terms = Terms { auth: TurnAuth::LongTerm, lifetime: Some(seconds) };
        [1, 2].into_iter().for_each(|number| self.start_turn_as(number, terms));
    }

    fn start_turn_as(&mut self, number: usize, terms: Terms) {
        self.turn[number - 1] = None;
        let place = self.place(&format!("turn{number}"));
        self.turn[number - 1] =
            Some(Coturn::start(&place, &self.dir, number, terms, &self.authority, self.options));
    }

    /// Kills TURN server 1 or 2: its ports answer with a reset or ICMP port unreachable.
    pub(crate) fn kill_turn(&mut self, number: usize) {
        self.turn[number - 1] = None;
    }

    /// Starts one more squid; each kind of authentication has its own port.
    pub(crate) fn start_squid(&mut self, auth: ProxyAuth) -> String {
        let squid = Squid::start(&self.place("squid"), &self.dir, &self.prefix, auth);
        let url = squid.url();
        self.squids.push(squid);
        url
    }

    /// Kills every squid.
    pub(crate) fn kill_squid(&mut self) {
        self.squids.clear();
    }

    /// Sets the rules of the branch office's router.
    pub(crate) fn firewall(&self, firewall: Firewall) {
        firewall.apply(&self.place("router"));
    }

    /// Sets how a router translates UDP from now on.
    pub(crate) fn nat(&self, router: Router, nat: Nat) {
        nat.apply(router, &self.place(router.place()));
    }

    /// Lets connections from outside in to this TCP port of the host behind a router.
    pub(crate) fn forward(&self, router: Router, port: u16) {
        router.forward(port, &self.place(router.place()));
    }

    /// A command in the client's namespace.
    pub(crate) fn client(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Command {
        self.place("client").command(program, arguments)
    }

    /// Runs a command in the client's namespace to its end; kills it when that takes longer than `limit`.
    pub(crate) fn run(&self, program: impl AsRef<Path>, arguments: &[&str], limit: Duration) -> Finished {
        Running::start(self.client(program, arguments)).finish(limit)
    }

    /// The certificate of the lab's authority, PEM.
    pub(crate) fn ca_file(&self) -> String {
        self.authority.ca_file().display().to_string()
    }

    /// A certificate that the authority signed, and its key, PEM.
    pub(crate) fn server_certificate(&self) -> (String, String) {
        let (certificate, key) = (self.authority.certificate(), self.authority.key());
        (certificate.display().to_string(), key.display().to_string())
    }

    /// Writes a file into the world's directory and gives its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.dir.join(name);
        fs::write(&path, content).expect("file in the temporary directory");
        path.display().to_string()
    }

    /// Where the logs are.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the TURN servers that run now say of their allocations.
    pub(crate) fn allocations(&mut self) -> Allocations<'_> {
        Allocations::new(self.turn.iter_mut().flatten().map(Coturn::log).collect())
    }

    /// A place by its name in the topology.
    pub(crate) fn place(&self, name: &str) -> Place {
        Place::new(&self.prefix, name)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.turn = [None, None];
        self.squids.clear();
        self.tinyproxy = None;
        remains::remove_network(&self.prefix);
        if !self.keep_logs {
            remains::remove_directory(&self.prefix);
        }
    }
}

/// What a world needs and this host lacks, in words.
pub(crate) fn missing() -> Vec<String> {
    let mut missing = Vec::new();
    let identity = Command::new("id").arg("-u").output().map(|output| output.stdout).unwrap_or_default();
    if identity != b"0\n" {
        missing.push("root, to make network namespaces".to_owned());
    }
    if !Path::new("/dev/net/tun").exists() {
        missing.push("/dev/net/tun, for the delay box".to_owned());
    }
    let programs = [
        ("turnserver", "coturn"),
        ("squid", "squid"),
        ("tinyproxy", "tinyproxy"),
        ("nft", "nftables"),
        ("ip", "iproute2"),
        ("openssl", "openssl"),
        ("python3", "python3"),
        ("sysctl", "procps"),
    ];
    for (program, package) in programs {
        if !is_installed(program) {
            missing.push(format!("{program}, from the package {package}"));
        }
    }
    missing
}

/// Whether the system's Python has that module.
pub(crate) fn python_has(module: &str) -> bool {
    let output = Command::new("/usr/bin/python3").args(["-c", &format!("import {module}")]).output();
    output.is_ok_and(|output| output.status.success())
}

fn topology_script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/topology")
}

fn topology(arguments: &[&str]) {
    let output = Command::new(topology_script()).args(arguments).output().expect("tests/interop/topology");
    assert!(
        output.status.success(),
        "topology {arguments:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
