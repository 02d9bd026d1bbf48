//! Reading the catalog from its data files, and refusing what does not hold together.

use super::Catalog;
use super::address::{AddressRow, ConferenceHosts, DomainRow};
use super::document::{Document, Edition, Note};
use super::flow::{Flow, RoleInfo};
use super::quality::{DynamicPorts, MediaBandwidth, PbxAgentTraffic, Thresholds, VideoCap};
use super::region::Region;
use super::server::TurnServer;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The texts of the data files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Files<'a> {
    pub(super) document: &'a str,
    pub(super) regions: &'a str,
    pub(super) servers: &'a str,
    pub(super) conference: &'a str,
    pub(super) addresses: &'a str,
    pub(super) domains: &'a str,
    pub(super) roles: &'a str,
    pub(super) flows_clients: &'a str,
    pub(super) flows_site: &'a str,
    pub(super) notes: &'a str,
    pub(super) bandwidth: &'a str,
}

impl Files<'static> {
    /// The edition that is built in.
    pub(super) const SHIPPED: Self = Self {
        document: include_str!("document.toml"),
        regions: include_str!("regions.toml"),
        servers: include_str!("servers.toml"),
        conference: include_str!("conference.toml"),
        addresses: include_str!("addresses.toml"),
        domains: include_str!("domains.toml"),
        roles: include_str!("roles.toml"),
        flows_clients: include_str!("flows-clients.toml"),
        flows_site: include_str!("flows-site.toml"),
        notes: include_str!("notes.toml"),
        bandwidth: include_str!("bandwidth.toml"),
    };
}

/// Why data files make no catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A file is not what it should be.
    #[error("{file}: {source}")]
    File {
        /// Which file.
        file: &'static str,
        /// What is wrong.
        #[source]
        source: toml::de::Error,
    },
    /// A file refers to something that does not exist.
    #[error("{file}: there is no {kind} {id:?}")]
    Missing {
        /// Which file.
        file: &'static str,
        /// A region, a note, an edition.
        kind: &'static str,
        /// Its id.
        id: String,
    },
}

impl Catalog {
    /// Reads the files; every reference between them is checked.
    pub(super) fn parse(files: &Files<'_>) -> Result<Self, CatalogError> {
        let head: DocumentFile = read("document.toml", files.document)?;
        let regions = read::<RegionsFile>("regions.toml", files.regions)?.region;
        let bandwidth: BandwidthFile = read("bandwidth.toml", files.bandwidth)?;
        let mut flows = read::<FlowsFile>("flows-clients.toml", files.flows_clients)?.flow;
        flows.extend(read::<FlowsFile>("flows-site.toml", files.flows_site)?.flow);
        let mut catalog = Self {
            document: document(&head)?,
            servers: servers(files.servers, &regions)?,
            regions,
            history: head.history,
            conference: read::<ConferenceFile>("conference.toml", files.conference)?.group,
            addresses: read::<AddressesFile>("addresses.toml", files.addresses)?.row,
            domains: read::<DomainsFile>("domains.toml", files.domains)?.row,
            roles: read::<RolesFile>("roles.toml", files.roles)?.role,
            flows,
            notes: read::<NotesFile>("notes.toml", files.notes)?.note,
            thresholds: bandwidth.voice,
            media: bandwidth.media,
            video_caps: bandwidth.video_cap,
            pbx_agent: bandwidth.pbx_agent,
            dynamic_ports: bandwidth.dynamic_ports,
        };
        catalog.join_hosts()?;
        catalog.check_references()?;
        Ok(catalog)
    }

    /// Adds the hosts that have files of their own to the rows of their names.
    fn join_hosts(&mut self) -> Result<(), CatalogError> {
        let turn = self.servers.iter().map(|server| server.name.clone()).collect::<Vec<_>>();
        let conference = self.conference.iter().flat_map(|group| group.names.clone()).collect::<Vec<_>>();
        for (id, hosts) in [("turn", turn), ("conference", conference)] {
            let row = self.domains.iter_mut().find(|row| row.id == id);
            row.ok_or_else(|| missing("domains.toml", "row", id))?.names.extend(hosts);
        }
        Ok(())
    }

    fn check_references(&self) -> Result<(), CatalogError> {
        let rows = self.addresses.iter().map(|row| ("addresses.toml", &row.region));
        let groups = self.conference.iter().map(|group| ("conference.toml", &group.region));
        for (file, id) in rows.chain(groups) {
            find_region(file, &self.regions, id)?;
        }
        let of_flows = self.flows.iter().flat_map(|flow| &flow.notes).map(|id| ("flows", id));
        let of_roles = self.roles.iter().flat_map(|role| &role.notes).map(|id| ("roles.toml", id));
        for (file, id) in of_flows.chain(of_roles) {
            if self.note(id).is_none() {
                return Err(missing(file, "note", id));
            }
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<T, CatalogError> {
    toml::from_str(text).map_err(|source| CatalogError::File { file, source })
}

fn document(file: &DocumentFile) -> Result<Document, CatalogError> {
    let edition = file.history.iter().find(|edition| edition.number == file.edition);
    let edition = edition.ok_or_else(|| missing("document.toml", "edition", &file.edition.to_string()))?;
    Ok(Document {
        title: file.title.clone(),
        publisher: file.publisher.clone(),
        edition: edition.clone(),
        notes: file.notes.clone(),
    })
}

fn servers(text: &str, regions: &[Region]) -> Result<Vec<TurnServer>, CatalogError> {
    let file = "servers.toml";
    let rows = read::<ServersFile>(file, text)?.server;
    let server = |row: ServerRow| {
        let region = find_region(file, regions, &row.region)?;
        TurnServer::new(row.name, region, row.notes).ok_or_else(|| missing(file, "country", &row.region))
    };
    rows.into_iter().map(server).collect()
}

fn find_region<'a>(file: &'static str, regions: &'a [Region], id: &str) -> Result<&'a Region, CatalogError> {
    regions.iter().find(|region| region.id == id).ok_or_else(|| missing(file, "region", id))
}

fn missing(file: &'static str, kind: &'static str, id: &str) -> CatalogError {
    CatalogError::Missing { file, kind, id: id.to_owned() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentFile {
    title: String,
    publisher: String,
    edition: u32,
    notes: Vec<String>,
    history: Vec<Edition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionsFile {
    region: Vec<Region>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServersFile {
    server: Vec<ServerRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerRow {
    name: String,
    region: String,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConferenceFile {
    group: Vec<ConferenceHosts>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressesFile {
    row: Vec<AddressRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DomainsFile {
    row: Vec<DomainRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RolesFile {
    role: Vec<RoleInfo>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlowsFile {
    flow: Vec<Flow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotesFile {
    note: Vec<Note>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BandwidthFile {
    voice: Thresholds,
    media: Vec<MediaBandwidth>,
    video_cap: Vec<VideoCap>,
    pbx_agent: PbxAgentTraffic,
    dynamic_ports: Vec<DynamicPorts>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(files: Files<'_>) -> String {
        Catalog::parse(&files).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_files_make_a_catalog() {
        Catalog::parse(&Files::SHIPPED).unwrap();
    }

    #[test]
    fn a_file_with_a_slip_is_named() {
        let files = Files { servers: "[[server]]\nname = \"turn-x1.example\"\n", ..Files::SHIPPED };
        assert!(refused(files).starts_with("servers.toml: "));
        let files = Files { roles: "[[role]]\nid = \"desktpo\"\n", ..Files::SHIPPED };
        assert!(refused(files).contains("did you mean desktop?"));
    }

    #[test]
    fn a_reference_to_nothing_is_refused() {
        let servers = "[[server]]\nname = \"turn-x1.example\"\nregion = \"atlantis\"\n";
        let refusal = refused(Files { servers, ..Files::SHIPPED });
        assert_eq!(refusal, "servers.toml: there is no region \"atlantis\"");
        let servers = "[[server]]\nname = \"turn-x1.example\"\nregion = \"europe\"\n";
        let refusal = refused(Files { servers, ..Files::SHIPPED });
        assert_eq!(refusal, "servers.toml: there is no country \"europe\"");
        let notes = "note = []\n";
        assert!(refused(Files { notes, ..Files::SHIPPED }).contains("there is no note"));
        let regions = "region = []\n";
        assert!(refused(Files { regions, servers: "server = []\n", ..Files::SHIPPED }).contains("no region"));
        let domains = "row = []\n";
        assert_eq!(refused(Files { domains, ..Files::SHIPPED }), "domains.toml: there is no row \"turn\"");
    }
}
