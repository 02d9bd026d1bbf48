//! How soon does `check` give its verdict where UDP is dropped, and where nothing is?
//!
//! Silence is the slow case: nobody says no, so it has to be waited for. It prints times and fails on none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench: its output is for the person who runs it"
)]

#[allow(dead_code, reason = "the benches each use a part")]
mod common;

use common::world::{Firewall, Options, SERVERS, World};
use common::{Rounds, arguments, bench, line, timed_raincheck, urls};
use std::process::ExitCode;

const GOAL_MS: f64 = 3000.0;

fn main() -> ExitCode {
    bench(
        "check at 40 ms round trip, six URLs of two servers",
        Options::default(),
        |world, Rounds(rounds)| {
            let rounds = rounds.min(5);
            measure(world, rounds, Firewall::Open, "nothing is blocked", 0);
            measure(world, rounds, Firewall::UdpDropped, "UDP is dropped", 1);
            measure(world, rounds, Firewall::OnlyProxy, "everything is dropped", 1);
        },
    )
}

fn measure(world: &World, rounds: usize, firewall: Firewall, what: &str, status: i32) {
    world.firewall(firewall);
    let all: Vec<String> = SERVERS.iter().flat_map(|server| urls(server)).collect();
    let arguments = arguments(world, "check", &all, &["--media", "0"]);
    let times: Vec<f64> = (0..rounds).map(|_| timed_raincheck(world, &arguments, &[status]).ms()).collect();
    let worst = times.iter().copied().fold(0.0, f64::max);
    let word = if worst <= GOAL_MS { "met" } else { "MISSED" };
    line(what, &times, &format!("(goal {GOAL_MS:.0} ms, {word})"));
}
