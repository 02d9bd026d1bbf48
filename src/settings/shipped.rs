//! What the options ask of the shipped catalog: whether a name or a region is in it.

use super::SettingsError;
use raincheck_probes::catalog::{Catalog, UnknownName};

/// Checks the names of `--server` and the region of `--region`. What is unknown is told with near misses.
pub fn check(names: &[String], region: Option<&str>) -> Result<(), SettingsError> {
    let catalog = Catalog::shipped();
    for name in names {
        catalog.find_server(name).map_err(|error| unknown("--server", error))?;
    }
    if let Some(region) = region {
        catalog.servers_in(region).map_err(|error| unknown("--region", error))?;
    }
    Ok(())
}

/// The host names of all servers.
pub fn hosts() -> Vec<String> {
    Catalog::shipped().turn_servers().iter().map(|server| server.name.clone()).collect()
}

fn unknown(flag: &'static str, error: UnknownName) -> SettingsError {
    SettingsError::Unknown { flag, name: error.given, known: error.near }
}
