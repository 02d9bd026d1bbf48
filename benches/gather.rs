//! How near does `gather` come to the shortest way through the network, and in how much memory?
//!
//! The critical path is what one allocation over the slowest URL cannot do without: resolve, connect, TLS, and
//! Allocate twice. An independent probe walks it in the same run, so the ratio does not depend on the host.
//! Others that do the same job stand beside. It prints ratios and fails on none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench: its output is for the person who runs it"
)]

#[allow(dead_code, reason = "the benches each use a part")]
mod common;

use common::world::{Options, Probe, SERVERS, USER, World};
use common::{Rounds, arguments, bench, line, median, ratio, timed, timed_raincheck, urls};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const MORE_SERVERS: u8 = 28;
const MEMORY_GOAL_MIB: f64 = 40.0;

fn main() -> ExitCode {
    let tls13 = Path::new("/usr/bin/stunnel4").exists();
    if !tls13 {
        println!("without stunnel4 the servers speak TLS 1.2, one round trip more");
    }
    let options = Options { delay_ms: 20, more_servers: MORE_SERVERS, tls13 };
    bench("gather at 40 ms round trip", options, |world, Rounds(rounds)| {
        six_urls(world, rounds);
        all_servers(world, rounds.min(5));
    })
}

fn six_urls(world: &World, rounds: usize) {
    let all: Vec<String> = SERVERS.iter().flat_map(|server| urls(server)).collect();
    println!("\nsix URLs of two servers, {rounds} rounds");
    let mut critical = CriticalPath::default();
    let (mut ours, mut peak) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        critical.walk(world, &all);
        let run = timed_raincheck(world, &arguments(world, "gather", &all, &[]), &[0]);
        ours.push(run.ms());
        peak.extend(run.peak_kib);
    }
    critical.print();
    line("raincheck gather, whole process", &ours, &ratio(median(&ours) / critical.ms(), 1.15));
    print_memory(&peak);
    aioice(world, &all, rounds, critical.ms());
    uclient(world, critical.ms());
}

fn all_servers(world: &World, rounds: usize) {
    let names = (0..MORE_SERVERS).map(|n| format!("turn-{}.lab.test", 101 + u16::from(n)));
    let all: Vec<String> = names.flat_map(|server| urls(&server)).collect();
    println!("\n{MORE_SERVERS} servers × 3 transports, {rounds} rounds");
    let mut critical = CriticalPath::default();
    let (mut ours, mut peak) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        critical.walk(world, &all[..6]);
        let run = timed_raincheck(world, &arguments(world, "gather", &all, &[]), &[0]);
        ours.push(run.ms());
        peak.extend(run.peak_kib);
    }
    critical.print();
    line("raincheck gather, whole process", &ours, &ratio(median(&ours) / critical.ms(), 1.3));
    print_memory(&peak);
    aioice(world, &all, rounds, critical.ms());
}

/// The slowest URL of each round, step by step.
#[derive(Default)]
struct CriticalPath {
    totals: Vec<f64>,
    slowest: Option<Probe>,
}

impl CriticalPath {
    fn walk(&mut self, world: &World, urls: &[String]) {
        let probes = urls.iter().map(|url| world.probe(url, None));
        let slowest = probes.max_by(|a, b| total(a).total_cmp(&total(b))).expect("a URL");
        self.totals.push(total(&slowest));
        self.slowest = Some(slowest);
    }

    fn ms(&self) -> f64 {
        median(&self.totals)
    }

    fn print(&self) {
        let steps = self.slowest.as_ref().map(|probe| {
            let steps = ["resolve", "connect", "tls", "challenge", "allocate"];
            let times: Vec<String> =
                steps.iter().filter_map(|step| Some(format!("{step} {:.1}", probe.step(step)?))).collect();
            format!("{} ({})", times.join(" + "), probe.tls_version().unwrap_or("no TLS"))
        });
        line("critical path, independent probe", &self.totals, &steps.unwrap_or_default());
    }
}

fn total(probe: &Probe) -> f64 {
    probe.total_ms().unwrap_or_else(|| panic!("the probe could not allocate: {probe:?}"))
}

fn print_memory(peak_kib: &[u64]) {
    let Some(peak) = peak_kib.iter().max() else {
        println!("  peak memory not seen");
        return;
    };
    let mib = *peak as f64 / 1024.0;
    let word = if mib < MEMORY_GOAL_MIB { "met" } else { "MISSED" };
    println!("  {:<34} {mib:>8.1} MiB  (goal below {MEMORY_GOAL_MIB:.0}, {word})", "peak memory");
}

/// aioice from PyPI, the same URLs, all at once.
fn aioice(world: &World, urls: &[String], rounds: usize, critical: f64) {
    let Some(packages) = install_aioice() else {
        println!("  aioice: could not be installed");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/common/aioice_gather.py");
    let (script, packages) = (script.display().to_string(), format!("PYTHONPATH={}", packages.display()));
    let trust = format!("SSL_CERT_FILE={}", world.ca_file());
    let list = world.file("urls", &urls.join("\n"));
    let mut times = Vec::new();
    for _ in 0..rounds {
        let program = ["/usr/bin/python3", &script, &list, USER.name, USER.password];
        let run = timed(world, "/usr/bin/env", &[&[packages.as_str(), &trust], &program[..]].concat());
        match run.finished.stdout.trim().parse() {
            Ok(ms) => times.push(ms),
            Err(_) => println!("  aioice: {}", run.finished.stderr.lines().last().unwrap_or("no answer")),
        }
    }
    if !times.is_empty() {
        let beside = format!("{:.2} × the critical path", median(&times) / critical);
        line("aioice, without its start", &times, &beside);
    }
}

fn install_aioice() -> Option<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("aioice");
    if !dir.join("aioice").exists() {
        let mut install = Command::new("python3");
        install.args(["-m", "pip", "install", "--quiet", "--target"]).arg(&dir).arg("aioice==0.13.0");
        install.output().ok().filter(|output| output.status.success())?;
    }
    Some(dir)
}

/// coturn's own client. It knows one URL at a time and paces itself in seconds.
fn uclient(world: &World, critical: f64) {
    let arguments =
        ["-u", USER.name, "-w", USER.password, "-y", "-c", "-n", "1", "-l", "100", "-z", "20", SERVERS[0]];
    let run = timed(world, "turnutils_uclient", &arguments);
    let beside =
        format!("{:.1} × the critical path; one URL, one packet there and back", run.ms() / critical);
    line("turnutils_uclient, whole process", &[run.ms()], &beside);
}
