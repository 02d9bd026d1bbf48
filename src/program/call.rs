//! `raincheck call`: settings to record, verdict, report.

use super::{block_on, courier, progress, style, system_dial};
use crate::call::record::CallRecord;
use crate::cli::call::CallFormat;
use crate::cli::{Answer, CallCommand, Failure, Output};
use crate::report::{Format, Report};
use crate::run::{Progress, Surroundings};
use crate::settings::call::CallSettings;
use crate::verdict::Kind;
use crate::verdict::call::{Asked, judge_call};
use std::sync::Arc;

/// Makes the call and writes what came of it.
pub(super) fn call(command: &CallCommand, output: &mut Output) -> Result<Answer, Failure> {
    let record = observe(command)?;
    let asked = Asked::of(&command.settings);
    let verdict = judge_call(&record, &asked);
    let format = match command.format {
        CallFormat::Text => Format::Text,
        CallFormat::Json => Format::Json,
    };
    let report = Report::call(&record, &verdict, &asked);
    report.write(format, &style(command.view), output).map_err(Failure::new)?;
    Ok(match verdict.kind {
        Kind::Works => Answer::Works,
        Kind::Reachable => Answer::Reachable,
        Kind::Degraded => Answer::Degraded,
        Kind::Fails => Answer::Fails,
        Kind::Unknown => Answer::Unknown,
    })
}

/// Makes the call, on the network or in the lab.
fn observe(command: &CallCommand) -> Result<CallRecord, Failure> {
    let settings = &command.settings;
    let (progress, watched) = Progress::new();
    let shown = command.view.progress.then(|| progress::Shown::start(watched));
    let record = block_on(async {
        match &command.lab {
            #[cfg(feature = "lab")]
            Some(name) => super::lab::call(settings, name, progress).await,
            // Without the lab no command line can name a scenario.
            _ => {
                let dial = Arc::new(system_dial(&settings.run)?);
                hold(settings, Surroundings { dial, host: None, progress }).await
            }
        }
    })?;
    drop(shown);
    record
}

/// The engine's call.
pub(super) async fn hold(settings: &CallSettings, around: Surroundings) -> Result<CallRecord, Failure> {
    crate::call::run(settings, around, courier::standard()).await.map_err(Failure::new)
}
