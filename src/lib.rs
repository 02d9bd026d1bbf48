//! raincheck: which media paths to the TURN servers work here, which layer of which path broke, and what to
//! change.
//!
//! # The house
//!
//! Three packages, and dependencies in one direction only:
//!
//! | package | folder | what is in it |
//! | --- | --- | --- |
//! | `raincheck` | `src/` | the tool: sockets, tasks, command line, verdict, reports |
//! | `raincheck-probes` | `probes/` | what is asked and how: protocol machines, ICE stacks, evidence, catalog; no clock, no socket, no runtime |
//! | `raincheck-lab` | `fixtures/` | the lab: servers, proxies and faults on loopback; shares no protocol code with the client |
//!
//! # Data flows one way
//!
//! ```text
//! argv, files, environment ─▶ Args ─▶ Settings ─▶ Plan ─▶ run ─▶ Journal ─▶ Evidence ─▶ Verdict ─▶ Report ─▶ bytes
//! ```
//!
//! Each arrow is a type. Parsing arguments does nothing. [`settings::Settings`] is every option resolved, still
//! without a packet. [`plan::plan`] turns the emulated client's slots into [`plan::Probe`]s, a pure function.
//! [`run::run`] is the only owner of clock, randomness and tasks: it asks every probe at once, writes a step for each
//! layer of each path into the journal, proves relays with packets, sends media over the path that the client would
//! choose, and gives every allocation back. What it leaves is
//! [`Evidence`](raincheck_probes::evidence::Evidence), plain data. [`verdict::judge`] is a pure function of that, and
//! [`report::Report`] a model of its own with one renderer for each format.
//!
//! | module | owns | may use |
//! | --- | --- | --- |
//! | [`settings`] | options, credentials from files and environment | probes |
//! | [`plan`] | which questions are asked | settings, probes |
//! | [`path`] | resolve, connect, tunnel, TLS, UDP: a step for each layer; sockets behind [`path::Dial`] | probes |
//! | [`run`] | clock, tasks, journal, relays, leaving clean | plan, path, probes |
//! | [`call`] | ICE calls: one end or both, signalling, DTLS over the selected pair | run, path, probes |
//! | [`rainbow`] | the vendor's REST interface | probes |
//! | [`verdict`] | rules over evidence | probes |
//! | [`report`] | the model, and text, JSON, nagios, SDP, trickle | verdict, probes |
//! | [`host`], [`platform`] | this host's networks; what differs by system | probes |
//! | [`cli`], [`program`] | the command line, and what its commands do | all of the above |
//!
//! # What makes it a diagnoser
//!
//! A failure of the network is data; an `Err` means that the question could not be put. Every layer of every path
//! leaves a step: passed, failed with a cause that carries the fact from the wire, skipped with a reason, or
//! unfinished. There are three answers, yes, no and not known, and nothing that was not seen is told as "no".
//!
//! # As a library
//!
//! The engine runs on any [`path::Dial`], so a test replaces the network by replacing one value; the lab does the
//! same. [`run::run`] with [`run::Surroundings`] gives evidence, and the rest is pure:
//!
//! ```no_run
//! # async fn example(settings: raincheck::settings::Settings, around: raincheck::run::Surroundings)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! use raincheck::plan::Purpose;
//!
//! let evidence = raincheck::run::run(&settings, Purpose::Check, around).await?;
//! let ranking = raincheck::program::ranking(&settings.profile, &evidence);
//! let verdict = raincheck::verdict::judge(&evidence, &ranking);
//! println!("{}: {}", verdict.kind.word(), verdict.summary);
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

pub mod call;
pub mod cli;
pub mod host;
#[cfg(feature = "lab")]
pub mod lab;
pub mod path;
pub mod plan;
pub mod platform;
pub mod program;
pub mod rainbow;
pub mod report;
pub mod run;
pub mod settings;
pub mod verdict;
