//! Names that other rooms keep: profiles and the lab's scenarios.

use super::exit::Failure;
use super::output::Output;
use crate::settings::SettingsError;
use raincheck_probes::ice::stack::{Client, Profile};
use std::io::Write;

/// The profiles, as the command line names them.
const PROFILES: [(&str, Client); 6] = [
    ("chromium", Client::Chromium),
    ("firefox", Client::Firefox),
    ("mobile", Client::Mobile),
    ("gateway", Client::Gateway),
    ("gateway-tls", Client::GatewayTls),
    ("rfc8445", Client::Rfc8445),
];

/// `--profile NAME[@VERSION]`
pub(super) fn profile(text: &str) -> Result<Profile, SettingsError> {
    let unknown = || SettingsError::Unknown {
        flag: "--profile",
        name: text.chars().take(80).collect(),
        known: PROFILES.iter().map(|(name, _)| (*name).to_owned()).collect(),
    };
    let (name, version) = match text.split_once('@') {
        None => (text, None),
        Some((name, version)) => {
            let major = version.split('.').next().unwrap_or(version);
            (name, Some(major.parse().map_err(|_| unknown())?))
        }
    };
    let (_, client) = PROFILES.into_iter().find(|(known, _)| *known == name).ok_or_else(unknown)?;
    Ok(Profile { client, version })
}

/// The lab's scenarios.
const SCENARIOS: [&str; 10] = [
    "open",
    "udp-blocked",
    "only-443",
    "proxy-only",
    "proxy-auth",
    "tls-intercepted",
    "http-inspection",
    "bad-credentials",
    "one-server-down",
    "nothing-works",
];

/// The name of a scenario that the lab has.
pub(super) fn scenario(flag: &'static str, name: &str) -> Result<String, SettingsError> {
    match SCENARIOS.contains(&name) {
        true => Ok(name.to_owned()),
        false => Err(SettingsError::Unknown {
            flag,
            name: name.chars().take(80).collect(),
            known: SCENARIOS.map(str::to_owned).to_vec(),
        }),
    }
}

/// `lab --list`
pub(super) fn list_scenarios(mut output: Output) -> Result<(), Failure> {
    for name in SCENARIOS {
        writeln!(output, "{name}").map_err(Failure::new)?;
    }
    output.finish()?;
    Ok(())
}
