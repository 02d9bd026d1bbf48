//! Which servers the run asks: those that were named, the nearest of the catalog, or the vendor's answer.

use super::context::RunContext;
use super::engine::RunError;
use super::nearest::nearest;
use crate::settings::{ServerSource, Settings};
use raincheck_probes::catalog::{Catalog, TurnServer};
use raincheck_probes::ice::CandidateType;
use raincheck_probes::server::{Credentials, IceServer, IceUri};
use std::sync::Arc;

/// The servers of a run.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// One per URI, in the client's order.
    pub(super) servers: Vec<IceServer>,
    /// Where they come from, in words.
    pub(super) from: String,
    /// Whether they are the vendor's own.
    pub(super) vendor: bool,
    /// Candidate types that the tenant's policy drops.
    pub(super) ice_filtering: Vec<CandidateType>,
}

/// Chooses, which may need the network.
pub(super) async fn choose(run: &Arc<RunContext>, settings: &Settings) -> Result<Chosen, RunError> {
    match &settings.source {
        ServerSource::Named { servers, from } => Ok(Chosen {
            servers: servers.clone(),
            from: from.clone(),
            vendor: servers.iter().all(is_vendors),
            ice_filtering: Vec::new(),
        }),
        ServerSource::Catalog { names, region, credentials } => {
            let listed = listed(names, region.as_deref())?;
            Ok(of_catalog(run, settings, listed, names.is_empty(), credentials.as_ref()).await)
        }
        ServerSource::Rainbow(login) => super::signin::sign_in(run, settings, login).await,
    }
}

/// Whether a server is in the catalog, so that the vendor's document speaks of it.
fn is_vendors(server: &IceServer) -> bool {
    match &server.uri.host {
        raincheck_probes::server::Host::Name(name) => Catalog::shipped().find_server(name).is_ok(),
        raincheck_probes::server::Host::Ip(ip) => Catalog::shipped().contains_address(*ip).is_some(),
    }
}

fn listed(names: &[String], region: Option<&str>) -> Result<Vec<&'static TurnServer>, RunError> {
    let catalog = Catalog::shipped();
    let unknown = |error: &dyn std::fmt::Display| RunError::NoServers(error.to_string());
    let named = names.iter().map(|name| catalog.find_server(name).map_err(|e| unknown(&e)));
    let mut listed: Vec<&TurnServer> = match names.is_empty() {
        false => named.collect::<Result<_, _>>()?,
        true => catalog.turn_servers().iter().collect(),
    };
    if let Some(region) = region {
        let in_region = catalog.servers_in(region).map_err(|e| unknown(&e))?;
        listed.retain(|server| in_region.iter().any(|other| other.name == server.name));
    }
    match listed.is_empty() {
        true => Err(RunError::NoServers("none of the named servers is in that region".to_owned())),
        false => Ok(listed),
    }
}

async fn of_catalog(
    run: &Arc<RunContext>,
    settings: &Settings,
    listed: Vec<&'static TurnServer>,
    measure: bool,
    credentials: Option<&Credentials>,
) -> Chosen {
    let edition = Catalog::shipped().edition();
    let wanted = settings.nearest.unwrap_or(listed.len());
    let mut from = format!("the shipped catalog (edition {})", edition.number);
    let chosen = if measure && wanted < listed.len() {
        let uris: Vec<(IceUri, IceUri)> = listed.iter().map(|server| datagram_and_stream(server)).collect();
        let first = nearest(run, &uris, settings.proxies().first(), wanted).await;
        match first.len() {
            0 => from.push_str(", the first ones: none answered when the nearest were looked for"),
            few if few < wanted => from.push_str(&format!(", {few} by time of answer and the first others")),
            _ => from.push_str(", the nearest by time of answer"),
        }
        let rest = (0..listed.len()).filter(|index| !first.contains(index));
        first
            .iter()
            .copied()
            .chain(rest)
            .take(wanted)
            .filter_map(|index| listed.get(index).copied())
            .collect()
    } else {
        listed
    };
    let servers = chosen.iter().flat_map(|server| server.uris());
    Chosen {
        servers: servers.map(|uri| IceServer { uri, credentials: credentials.cloned() }).collect(),
        from,
        vendor: true,
        ice_filtering: Vec::new(),
    }
}

/// The UDP and the TLS URI of a catalog server.
fn datagram_and_stream(server: &TurnServer) -> (IceUri, IceUri) {
    let [udp, tls, _] = server.uris();
    (udp, tls)
}
