//! Runs inside the embedded lab, and the lab kept up for others.

use crate::call::record::CallRecord;
use crate::cli::lab::LabPrint;
use crate::cli::{Failure, LabCommand, Output};
use crate::lab::LabDial;
use crate::plan::Purpose;
use crate::run::{Progress, Surroundings, run};
use crate::settings::call::CallSettings;
use crate::settings::proxy::parse_url;
use crate::settings::roots::parse_pem;
use crate::settings::{ProxyChoice, ServerSource, Settings};
use raincheck_lab::{ClientSide, Lab, Scenario};
use raincheck_probes::evidence::Evidence;
use raincheck_probes::secret::Secret;
use raincheck_probes::server::{Credentials, ServerList};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Runs in a scenario. What the user gave on the command line stands; the scenario gives the rest.
pub(super) async fn observe(
    settings: &Settings,
    scenario: &str,
    purpose: Purpose,
    progress: Progress,
) -> Result<Evidence, Failure> {
    let lab = start(scenario).await?;
    let client = lab.client();
    let dial = LabDial::new(client.world.clone());
    let host = Some(dial.host());
    let settings = in_lab(settings, scenario, &client)?;
    let around = Surroundings { dial: Arc::new(dial), host, progress };
    let evidence = run(&settings, purpose, around).await.map_err(Failure::new);
    lab.stop().await;
    evidence
}

/// Makes a call in a scenario. Both ends of [`CallRole::Own`](crate::call::record::CallRole::Own) are in it.
pub(super) async fn call(
    settings: &CallSettings,
    scenario: &str,
    progress: Progress,
) -> Result<CallRecord, Failure> {
    let lab = start(scenario).await?;
    let client = lab.client();
    let dial = LabDial::new(client.world.clone());
    let host = Some(dial.host());
    let settings = CallSettings { run: in_lab(&settings.run, scenario, &client)?, ..settings.clone() };
    let around = Surroundings { dial: Arc::new(dial), host, progress };
    let record = super::call::hold(&settings, around).await;
    lab.stop().await;
    record
}

/// Keeps a lab up until it is told to end.
pub(super) async fn keep(command: &LabCommand, mut output: Output) -> Result<(), Failure> {
    let lab = start(&command.scenario).await?;
    let files =
        Files::create().map_err(|error| Failure::new(format!("no folder for the lab's files: {error}")))?;
    let written = |error| Failure::new(format!("the lab's files cannot be written: {error}"));
    match command.print {
        Some(LabPrint::Json) => {
            let environment = lab.environment_json(&files.0).map_err(written)?;
            writeln!(output, "{environment:#}").map_err(Failure::new)?;
        }
        Some(LabPrint::Flags) => {
            for pair in lab.flags(&files.0).map_err(written)?.chunks(2) {
                writeln!(output, "{}", pair.join(" ")).map_err(Failure::new)?;
            }
        }
        None => {}
    }
    output.finish()?;
    if !command.quiet {
        let line = format!("raincheck: the lab is up (scenario {}); Ctrl-C ends it\n", command.scenario);
        // Somebody who closed standard error does not want to be told.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    crate::platform::told_to_end().await;
    lab.stop().await;
    Ok(())
}

async fn start(scenario: &str) -> Result<Lab, Failure> {
    let scenario = Scenario::named(scenario).map_err(Failure::new)?;
    Lab::start(&scenario).await.map_err(|error| Failure::new(format!("the lab does not start: {error}")))
}

/// The settings with what the scenario gives its client.
fn in_lab(settings: &Settings, scenario: &str, client: &ClientSide) -> Result<Settings, Failure> {
    let mut settings = settings.clone();
    let list = ServerList::parse(client.ice_servers_json.as_bytes()).map_err(Failure::new)?;
    settings.source =
        ServerSource::Named { servers: list.servers, from: format!("the lab, scenario {scenario}") };
    settings.extra_roots.extend(parse_pem(client.ca_pem.as_bytes()).map_err(lab_defect)?);
    if let Some(url) = &client.proxy {
        let mut proxy = parse_url(url).map_err(lab_defect)?;
        let given = client.proxy_credentials.as_ref().map(|pair| Credentials {
            username: pair.username.clone(),
            password: Secret::new(pair.password.clone()),
        });
        proxy.credentials = settings.proxy_credentials.clone().or(given);
        settings.proxies = ProxyChoice::These(vec![proxy]);
    } else {
        settings.proxies = ProxyChoice::None;
    }
    Ok(settings)
}

fn lab_defect(error: impl std::fmt::Debug) -> Failure {
    Failure::new(format!("the lab gave something unusable: {error:?}"))
}

/// A folder for the lab's files, gone when the lab is.
struct Files(PathBuf);

impl Files {
    fn create() -> std::io::Result<Self> {
        let random = RandomState::new().build_hasher().finish();
        let folder = std::env::temp_dir().join(format!("raincheck-lab-{random:016x}"));
        // One that is there already is somebody else's.
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What cannot be removed is in the temporary folder, where the system removes it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
