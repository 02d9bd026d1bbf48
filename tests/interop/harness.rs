//! Runs cases one after the other in one world and reports as the standard test harness does.

use crate::browser;
use crate::world::{self, Options, World};
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

/// One cell: a name, and what must hold in the world.
#[derive(Clone)]
pub(crate) struct Case {
    name: String,
    test: Rc<dyn Fn(&mut World)>,
}

impl Case {
    pub(crate) fn new(name: impl Into<String>, test: impl Fn(&mut World) + 'static) -> Self {
        Self { name: name.into(), test: Rc::new(test) }
    }
}

/// Runs the cases that the arguments ask for.
pub(crate) fn run(cases: &[Case]) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        for case in cases {
            println!("{}: test", case.name);
        }
        return ExitCode::SUCCESS;
    }
    let words: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let asked_for: Vec<&Case> = cases
        .iter()
        .filter(|case| words.is_empty() || words.iter().any(|word| case.name.contains(*word)))
        .collect();
    let missing = [world::missing(), browser::missing()].concat();
    if missing.is_empty() { run_in_a_world(&asked_for, cases.len()) } else { could_not_run(&missing) }
}

fn run_in_a_world(cases: &[&Case], of: usize) -> ExitCode {
    let began = Instant::now();
    println!("\nrunning {} interop tests", cases.len());
    if cases.is_empty() {
        summary(0, 0, of, began);
        return ExitCode::SUCCESS;
    }
    let mut world = World::new(Options::default());
    let mut failed = Vec::new();
    for case in cases {
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            world.settle();
            (case.test)(&mut world);
        }));
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("test {} ... {word} ({:.1} s)", case.name, began.elapsed().as_secs_f64());
        if outcome.is_err() {
            failed.push(&case.name);
            // The allocations that it left are not the next one's; the world starts the servers anew.
            [1, 2].into_iter().for_each(|number| world.kill_turn(number));
        }
    }
    if !failed.is_empty() {
        world.keep_logs = true;
        println!("\nfailures:");
        failed.iter().for_each(|name| println!("    {name}"));
        println!("\nlogs of the servers: {}", world.dir().display());
    }
    summary(cases.len() - failed.len(), failed.len(), of - cases.len(), began);
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn summary(passed: usize, failed: usize, filtered: usize, began: Instant) {
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out; \
         finished in {:.2}s\n",
        began.elapsed().as_secs_f64()
    );
}

fn could_not_run(missing: &[String]) -> ExitCode {
    let in_ci = env::var("CI").is_ok_and(|value| value == "true");
    eprintln!("\nINTEROP RING NOT RUN: real TURN servers and proxies were not tested. This host lacks:");
    missing.iter().for_each(|thing| eprintln!("  - {thing}"));
    eprintln!("`tests/run` as root installs the packages.");
    if in_ci {
        eprintln!("In continuous integration that is a failure.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
