//! What the benches share: a world, timed runs, and how their numbers are printed.

#[path = "../../tests/interop/world/mod.rs"]
pub(crate) mod world;

use serde_json::json;
use std::fs;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use world::{Finished, Options, Running, USER, World};

pub(crate) const RAINCHECK: &str = env!("CARGO_BIN_EXE_raincheck");
const LIMIT: Duration = Duration::from_secs(60);

/// How often each thing is measured.
pub(crate) struct Rounds(pub(crate) usize);

/// Runs a bench in a world of its own. `--quick` measures once or twice, to see that it still runs; where a world
/// cannot be built it says why.
pub(crate) fn bench(title: &str, options: Options, body: impl FnOnce(&mut World, Rounds)) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let missing = world::missing();
    if !missing.is_empty() {
        println!("{title}\n  BENCH NOT RUN, this host lacks: {}", missing.join("; "));
        return ExitCode::SUCCESS;
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    println!("{title}");
    body(&mut World::new(options), Rounds(if quick { 2 } else { 15 }));
    ExitCode::SUCCESS
}

/// The URLs of a server: UDP, TLS and TCP.
pub(crate) fn urls(server: &str) -> [String; 3] {
    [
        format!("turn:{server}:3478?transport=udp"),
        format!("turns:{server}:443?transport=tcp"),
        format!("turn:{server}:80?transport=tcp"),
    ]
}

/// Writes the URLs with right credentials and gives the arguments of a run over them.
pub(crate) fn arguments(world: &World, command: &str, urls: &[String], more: &[&str]) -> Vec<String> {
    let servers = json!([{ "urls": urls, "username": USER.name, "credential": USER.password }]);
    let file = world.file("ice-servers.json", &servers.to_string());
    let ca_file = world.ca_file();
    let mut all = vec![command, "--format", "json", "--no-progress", "--proxy", "none"];
    all.extend(["--ca-file", &ca_file, "--ice-servers", &file]);
    all.extend(more);
    all.into_iter().map(str::to_owned).collect()
}

/// One timed run.
pub(crate) struct Run {
    pub(crate) finished: Finished,
    /// The most memory it held at any time, KiB; none when it was too short to be seen.
    pub(crate) peak_kib: Option<u64>,
}

impl Run {
    /// From start to end of the process, milliseconds.
    pub(crate) fn ms(&self) -> f64 {
        self.finished.took.as_secs_f64() * 1000.0
    }
}

/// Runs a command in the client's place to its end.
pub(crate) fn timed(world: &World, program: &str, arguments: &[&str]) -> Run {
    let running = Running::start(world.client(program, arguments));
    let status = format!("/proc/{}/status", running.pid());
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| peak_memory(&status, &ended));
        let finished = running.finish(LIMIT);
        ended.store(true, Ordering::Relaxed);
        Run { finished, peak_kib: watch.join().ok().flatten() }
    })
}

/// Runs raincheck and insists that it did its work; its time would mean nothing otherwise.
pub(crate) fn timed_raincheck(world: &World, arguments: &[String], statuses: &[i32]) -> Run {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = timed(world, RAINCHECK, &arguments);
    let status = run.finished.status.and_then(|status| status.code());
    assert!(
        status.is_some_and(|status| statuses.contains(&status)),
        "raincheck {arguments:?}: {:#?}",
        run.finished
    );
    run
}

/// The kernel's high-water mark only grows, so the last reading before the end is the peak.
fn peak_memory(status: &str, ended: &AtomicBool) -> Option<u64> {
    let mut peak = None;
    while !ended.load(Ordering::Relaxed) {
        let text = fs::read_to_string(status).unwrap_or_default();
        // Until the program replaces it, the process is still the one that enters the namespace.
        if text.starts_with("Name:\traincheck") {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).or(peak);
        }
        thread::sleep(Duration::from_millis(2));
    }
    peak
}

/// The middle value.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints one line of numbers: the middle, the best and the worst of the runs, and whatever belongs beside.
pub(crate) fn line(what: &str, ms: &[f64], beside: &str) {
    let best = ms.iter().copied().fold(f64::NAN, f64::min);
    let worst = ms.iter().copied().fold(f64::NAN, f64::max);
    println!("  {what:<34} {:>8.1} ms   {best:>7.1} … {worst:<7.1} {beside}", median(ms));
}

/// A ratio beside its goal.
pub(crate) fn ratio(value: f64, goal: f64) -> String {
    let word = if value <= goal { "met" } else { "MISSED" };
    format!("{value:.2} × the critical path (goal {goal:.2}, {word})")
}
