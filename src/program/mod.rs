//! The commands of the program: settings to evidence, verdict, report.

#[cfg(feature = "lab")]
mod lab;
mod progress;

#[cfg(feature = "lab")]
use crate::cli::LabCommand;
use crate::cli::args::{CheckFormat, GatherFormat};
use crate::cli::view::View;
use crate::cli::{Answer, CheckCommand, Commands, Failure, GatherCommand, Output};
use crate::path::SystemDial;
use crate::plan::Purpose;
use crate::report::{Format, Report, Style, Verbosity};
use crate::run::{Progress, Surroundings, run};
use crate::settings::{InterfaceChoice, Settings};
use crate::verdict::{Kind, judge};
use raincheck_probes::evidence::{Evidence, PathEvidence, Proof};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

/// The commands, as the command line calls them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Program;

impl Commands for Program {
    fn check(&self, command: &CheckCommand, output: &mut Output) -> Result<Answer, Failure> {
        let evidence = observe(&command.settings, command.lab.as_deref(), Purpose::Check, command.view)?;
        let ranking = ranking(&command.settings.profile, &evidence);
        let verdict = judge(&evidence, &ranking);
        let format = match command.format {
            CheckFormat::Text => Format::Text,
            CheckFormat::Json => Format::Json,
            CheckFormat::Nagios => Format::Nagios,
        };
        let report = Report::check(&evidence, &verdict, &ranking);
        report.write(format, &style(command.view), output).map_err(Failure::new)?;
        Ok(match verdict.kind {
            Kind::Works => Answer::Works,
            Kind::Reachable => Answer::Reachable,
            Kind::Degraded => Answer::Degraded,
            Kind::Fails => Answer::Fails,
            Kind::Unknown => Answer::Unknown,
        })
    }

    fn gather(&self, command: &GatherCommand, output: &mut Output) -> Result<Answer, Failure> {
        let evidence = observe(&command.settings, command.lab.as_deref(), Purpose::Gather, command.view)?;
        let format = match command.format {
            GatherFormat::Text => Format::Text,
            GatherFormat::Json => Format::Json,
            GatherFormat::Sdp => Format::Sdp,
            GatherFormat::Trickle => Format::Trickle,
        };
        Report::gather(&evidence).write(format, &style(command.view), output).map_err(Failure::new)?;
        Ok(gathered(&evidence))
    }

    #[cfg(feature = "lab")]
    fn lab(&self, command: &LabCommand, output: Output) -> Result<(), Failure> {
        block_on(lab::keep(command, output))?
    }
}

pub use crate::verdict::ranking::ranking;

/// What a gathering came to: every server that the client would ask gave what it can give.
fn gathered(evidence: &Evidence) -> Answer {
    let gave = |path: &PathEvidence| match path.works() {
        Some(works) => works,
        None => path.proof >= Some(Proof::Reachable),
    };
    match evidence.paths.len() {
        0 => Answer::Unknown,
        all => match evidence.paths.iter().filter(|path| gave(path)).count() {
            given if given == all && evidence.asked.credentials => Answer::Works,
            given if given == all => Answer::Reachable,
            0 if evidence.cut_short.is_some() => Answer::Unknown,
            0 => Answer::Fails,
            _ => Answer::Degraded,
        },
    }
}

/// Runs, on the network or in the lab.
fn observe(
    settings: &Settings,
    scenario: Option<&str>,
    purpose: Purpose,
    view: View,
) -> Result<Evidence, Failure> {
    let (progress, watched) = Progress::new();
    let shown = view.progress.then(|| progress::Shown::start(watched));
    let evidence = block_on(async {
        match scenario {
            #[cfg(feature = "lab")]
            Some(name) => lab::observe(settings, name, purpose, progress).await,
            // Without the lab no command line can name a scenario.
            _ => {
                let dial = Arc::new(system_dial(settings)?);
                let around = Surroundings { dial, host: None, progress };
                run(settings, purpose, around).await.map_err(Failure::new)
            }
        }
    })?;
    drop(shown);
    evidence
}

/// The system's sockets, leaving by the interface that the user chose.
fn system_dial(settings: &Settings) -> Result<SystemDial, Failure> {
    let sources = match &settings.interface {
        None => Vec::new(),
        Some(choice) => {
            let name = match choice {
                InterfaceChoice::Name(name) => name.clone(),
                InterfaceChoice::Address(ip) => ip.to_string(),
            };
            let addresses = crate::host::Host::look().addresses_of(choice);
            if addresses.is_empty() {
                let line = format!("--interface {name}: no such interface here, or it has no address");
                return Err(Failure::new(line));
            }
            addresses
        }
    };
    Ok(SystemDial {
        families: settings.families,
        source_v4: sources.iter().find_map(|ip| if let IpAddr::V4(ip) = ip { Some(*ip) } else { None }),
        source_v6: sources.iter().find_map(|ip| if let IpAddr::V6(ip) = ip { Some(*ip) } else { None }),
        pins: settings.resolve.clone(),
    })
}

/// Runs a future to its end on a runtime of its own. What is still open then is dropped with the runtime: it
/// has left, or its time was over.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(
            |error: io::Error| Failure::new(format!("this host gives no resources to run with: {error}")),
        )?;
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(output)
}

fn style(view: View) -> Style {
    let verbosity = match (view.quiet, view.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, _) => Verbosity::Verbose,
    };
    Style { color: view.color, verbosity, ..Style::default() }
}
