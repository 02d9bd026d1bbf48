//! Names that other rooms keep: profiles and the lab's scenarios.

#[cfg(feature = "lab")]
use super::{Failure, Output};
use crate::settings::SettingsError;
use raincheck_probes::ice::stack::{Client, Profile};
#[cfg(feature = "lab")]
use std::io::Write;

/// `--profile NAME[@VERSION]`
pub(super) fn profile(text: &str) -> Result<Profile, SettingsError> {
    profile_of("--profile", text)
}

/// `NAME[@VERSION]` as the value of a flag.
pub(super) fn profile_of(flag: &'static str, text: &str) -> Result<Profile, SettingsError> {
    Profile::parse(text).map_err(|_| SettingsError::Unknown {
        flag,
        name: text.chars().take(80).collect(),
        known: Client::ALL.iter().map(|client| client.name().to_owned()).collect(),
    })
}

/// The name of a scenario that the lab has.
pub(super) fn scenario(flag: &'static str, name: &str) -> Result<String, SettingsError> {
    let known: Vec<String> = scenarios().map(str::to_owned).collect();
    match known.iter().any(|scenario| scenario == name) {
        true => Ok(name.to_owned()),
        false => Err(SettingsError::Unknown { flag, name: name.chars().take(80).collect(), known }),
    }
}

/// `lab --list`
#[cfg(feature = "lab")]
pub(super) fn list_scenarios(mut output: Output) -> Result<(), Failure> {
    for name in scenarios() {
        writeln!(output, "{name}").map_err(Failure::new)?;
    }
    output.finish()?;
    Ok(())
}

#[cfg(feature = "lab")]
fn scenarios() -> impl Iterator<Item = &'static str> {
    raincheck_lab::Scenario::names()
}

#[cfg(not(feature = "lab"))]
fn scenarios() -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}
