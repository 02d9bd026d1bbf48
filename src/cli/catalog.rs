//! `raincheck catalog`: the shipped requirements, printed. No network, no clock.

mod json;
mod text;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use raincheck_probes::catalog::{
    AddressRow, Catalog, DomainRow, Role, RoleInfo, Service, TurnServer, UnknownName,
};
use std::io::{self, Write};

/// Arguments of `raincheck catalog`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct CatalogArgs {
    /// What to print.
    #[command(subcommand)]
    pub what: What,
    /// How to print it
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: CatalogFormat,
}

/// `catalog --format`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CatalogFormat {
    /// Tables for a person
    #[default]
    Text,
    /// One object for scripts
    Json,
}

/// What of the catalog to print.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum What {
    /// TURN servers and where they are
    Servers {
        /// Only this country, region, zone or beginning of a label, such as us-east, europe or turn-lim
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
    },
    /// Who connects to whom, on which ports
    Flows {
        /// Only this role
        #[arg(long, value_name = "ROLE", value_parser = role_parser())]
        role: Option<Role>,
    },
    /// Names and addresses to allow
    Addresses {
        /// Only this service
        #[arg(long, value_name = "SERVICE", value_parser = service_parser())]
        service: Option<Service>,
        /// Only addresses that serve this country, region or zone, such as france or asia
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
    },
    /// The document behind it: edition, limits, bandwidth, oddities, history
    Edition {
        /// All editions, not only the latest
        #[arg(long)]
        history: bool,
    },
}

/// Why nothing, or not all, was printed: exit status 2, one line.
#[derive(Debug, thiserror::Error)]
pub enum CatalogFailure {
    /// The catalog has no such region; near misses are told.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Prints what was asked for, as text for 80 columns or as one JSON object.
///
/// # Errors
/// The region is unknown, in which case nothing was written, or the output refuses a write.
pub fn run(args: &CatalogArgs, json: bool, out: &mut dyn Write) -> Result<(), CatalogFailure> {
    let catalog = Catalog::shipped();
    let selection = Selection::new(catalog, &args.what)?;
    let written =
        if json { json::write(catalog, &selection, out) } else { text::write(catalog, &selection, out) };
    Ok(written?)
}

/// What the filters leave.
enum Selection<'a> {
    Servers(Vec<&'a TurnServer>),
    Flows {
        roles: Vec<&'a RoleInfo>,
        /// One role was asked for: the flows that it shares with another are printed too.
        one: bool,
    },
    Addresses {
        /// Names are not listed by region: none when one is asked for.
        domains: Vec<&'a DomainRow>,
        rows: Vec<&'a AddressRow>,
        /// One service was asked for: every host is printed.
        one: bool,
    },
    Edition {
        history: bool,
    },
}

impl<'a> Selection<'a> {
    fn new(catalog: &'a Catalog, what: &What) -> Result<Self, UnknownName> {
        Ok(match what {
            What::Servers { region: Some(region) } => Self::Servers(catalog.servers_in(region)?),
            What::Servers { region: None } => Self::Servers(catalog.turn_servers().iter().collect()),
            What::Flows { role } => {
                let is_meant = |info: &&RoleInfo| role.is_none_or(|role| info.id == role);
                Self::Flows { roles: catalog.roles().iter().filter(is_meant).collect(), one: role.is_some() }
            }
            What::Addresses { service, region } => {
                let is_meant = |row: &&DomainRow| {
                    region.is_none() && service.is_none_or(|service| row.id == service.id())
                };
                Self::Addresses {
                    domains: catalog.domains().iter().filter(is_meant).collect(),
                    rows: catalog.addresses(*service, region.as_deref())?,
                    one: service.is_some(),
                }
            }
            What::Edition { history } => Self::Edition { history: *history },
        })
    }
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| role.id())).try_map(|id| id.parse())
}

fn service_parser() -> impl TypedValueParser<Value = Service> {
    PossibleValuesParser::new(Service::ALL.iter().map(|service| service.id())).try_map(|id| id.parse())
}

#[cfg(test)]
mod tests;
