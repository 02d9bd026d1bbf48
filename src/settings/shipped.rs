//! What the options ask of the shipped catalog: whether a name or a region is in it.

use super::SettingsError;
use raincheck_probes::catalog::{Catalog, UnknownName};

/// Checks the names of `--server` and the region of `--region`.
pub fn check(names: &[String], region: Option<&str>) -> Result<(), SettingsError> {
    let catalog = Catalog::shipped();
    for name in names {
        catalog.find_server(name).map_err(|error| not_there(&error))?;
    }
    match region {
        None => Ok(()),
        Some(region) => {
            catalog.servers_in(region).map_err(|error| not_there(&error))?;
            Ok(())
        }
    }
}

/// The host names of all servers.
pub fn hosts() -> Vec<String> {
    Catalog::shipped().turn_servers().iter().map(|server| server.name.clone()).collect()
}

fn not_there(error: &UnknownName) -> SettingsError {
    SettingsError::Catalog(error.to_string())
}
