//! What the options ask of the shipped catalog: whether a name or a region is in it.

use super::SettingsError;
use raincheck_probes::catalog::Catalog;

/// Checks the names of `--server` and the region of `--region`.
pub fn check(names: &[String], region: Option<&str>) -> Result<(), SettingsError> {
    let catalog = Catalog::shipped();
    for name in names {
        catalog.find_server(name).map_err(|error| SettingsError::NotInCatalog(error.to_string()))?;
    }
    match region {
        None => Ok(()),
        Some(region) => {
            catalog.servers_in(region).map_err(|error| SettingsError::NotInCatalog(error.to_string()))?;
            Ok(())
        }
    }
}
