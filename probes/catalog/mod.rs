//! The vendor's network requirements as data: edition 36 of "Rainbow Network Requirements", May 2025.
//!
//! [`Catalog::shipped`] is what is built in: TURN servers with their regions, names and addresses to allow,
//! the flows of every role, and the limits that media must keep. The data lies in the `.toml` files beside
//! this page, one per table of the document, in the document's order. Where the document contradicts
//! itself, the data says what is printed and a `notes` field says what is odd about it. Sentences are ours.
//!
//! | file | section | holds |
//! | --- | --- | --- |
//! | `document.toml` | 2 | edition, history, oddities of the whole |
//! | `roles.toml`, `flows-clients.toml`, `flows-site.toml` | 4.1 to 4.7 | who connects to whom, which ports |
//! | `notes.toml` | 3 to 7 | what the text says beside the tables |
//! | `bandwidth.toml` | 4.8, 6 | dynamic ports, bandwidth, quality |
//! | `servers.toml`, `conference.toml`, `domains.toml`, `addresses.toml` | 5 | names and addresses |
//! | `regions.toml` | 5 | the regions that those are in |

mod address;
mod document;
mod flow;
mod named;
mod near;
mod quality;
mod read;
mod region;
mod server;
#[cfg(test)]
mod tests;

pub use address::{AddressRow, ConferenceHosts, DomainRow, Network, NotANetwork, Service};
pub use document::{Document, Edition, Note};
pub use flow::{
    Destination, Endpoint, Flow, FlowGroup, NotPorts, Party, PortSpec, Ports, ProxySupport, Role, RoleInfo,
};
pub use near::{UnknownName, near};
pub use quality::{
    ConnectionPeak, DynamicPorts, EventTraffic, MediaBandwidth, PbxAgentTraffic, Thresholds, VideoCap,
};
pub use read::CatalogError;
pub use region::{Region, Zone};
pub use server::TurnServer;

use read::Files;
use std::net::IpAddr;
use std::sync::OnceLock;

/// One edition of the requirements document.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    document: Document,
    history: Vec<Edition>,
    regions: Vec<Region>,
    servers: Vec<TurnServer>,
    conference: Vec<ConferenceHosts>,
    addresses: Vec<AddressRow>,
    domains: Vec<DomainRow>,
    roles: Vec<RoleInfo>,
    flows: Vec<Flow>,
    notes: Vec<Note>,
    thresholds: Thresholds,
    media: Vec<MediaBandwidth>,
    video_caps: Vec<VideoCap>,
    pbx_agent: PbxAgentTraffic,
    dynamic_ports: Vec<DynamicPorts>,
}

impl Catalog {
    /// The catalog that is built in; read once, on first use.
    #[expect(clippy::expect_used, reason = "the files are compiled in, and a test reads them")]
    pub fn shipped() -> &'static Self {
        static SHIPPED: OnceLock<Catalog> = OnceLock::new();
        SHIPPED.get_or_init(|| Self::parse(&Files::SHIPPED).expect("the built-in catalog is well-formed"))
    }

    /// The document that it was made from.
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// The edition that it was made from: number, date, what changed.
    pub const fn edition(&self) -> &Edition {
        &self.document.edition
    }

    /// All editions that section 2 lists, newest first.
    pub fn editions(&self) -> &[Edition] {
        &self.history
    }

    /// Every region that section 5 names.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The region with this id.
    pub fn region(&self, id: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.id == id)
    }

    /// Every TURN host of section 5, in the document's order.
    pub fn turn_servers(&self) -> &[TurnServer] {
        &self.servers
    }

    /// The TURN host with this name or label: `turn-rbx1.openrainbow.com`, `turn-rbx1` or `rbx1`.
    ///
    /// # Errors
    /// There is none; the error tells near misses.
    pub fn find_server(&self, name: &str) -> Result<&TurnServer, UnknownName> {
        self.servers.iter().find(|server| server.is_named(name)).ok_or_else(|| {
            let label = name.trim().split('.').next().unwrap_or_default();
            let known: Vec<&str> = self.servers.iter().map(|server| server.label.as_str()).collect();
            let near = near(label, &known);
            UnknownName { near, ..UnknownName::among("server", name, &known) }
        })
    }

    /// The TURN hosts in a region, in the document's order. The text is a country, a region, a zone or the
    /// beginning of a label (`turn-lim`, `lim`), in any case.
    ///
    /// # Errors
    /// No host is meant by it; the error tells near misses among the regions that have hosts.
    pub fn servers_in(&self, region: &str) -> Result<Vec<&TurnServer>, UnknownName> {
        let is_meant =
            |server: &&TurnServer| self.region(&server.region).is_some_and(|own| own.is_meant_by(region));
        let mut found: Vec<&TurnServer> = self.servers.iter().filter(is_meant).collect();
        if found.is_empty() {
            found = self.servers.iter().filter(|server| server.is_at_site(region)).collect();
        }
        if found.is_empty() { Err(self.unknown_region(region)) } else { Ok(found) }
    }

    /// Names that a wrong server or region was probably meant to be, best first, at most three.
    pub fn suggest(&self, name: &str) -> Vec<String> {
        let label = name.trim().split('.').next().unwrap_or_default();
        let labels = self.servers.iter().map(|server| server.label.as_str());
        near(label, &labels.chain(self.region_ids()).collect::<Vec<_>>())
    }

    /// The roles, in the document's order.
    pub fn roles(&self) -> &[RoleInfo] {
        &self.roles
    }

    /// What the document says of a role.
    pub fn role(&self, role: Role) -> Option<&RoleInfo> {
        self.roles.iter().find(|info| info.id == role)
    }

    /// The flows of a role, in the document's order; those of other roles where the document refers to them.
    pub fn flows(&self, role: Role) -> Vec<&Flow> {
        let referred = self.role(role).map_or(&[][..], |info| &info.flows_of);
        let own = [role];
        let tables = if referred.is_empty() { &own[..] } else { referred };
        let rows = |table: &Role| {
            let table = *table;
            self.flows.iter().filter(move |flow| flow.role == table)
        };
        tables.iter().flat_map(rows).collect()
    }

    /// The note with this id.
    pub fn note(&self, id: &str) -> Option<&Note> {
        self.notes.iter().find(|note| note.id == id)
    }

    /// Everything that the document says beside its tables.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Names to allow, by purpose, with the TURN and conference hosts.
    pub fn domains(&self) -> &[DomainRow] {
        &self.domains
    }

    /// Conference hosts by region.
    pub fn conference_hosts(&self) -> &[ConferenceHosts] {
        &self.conference
    }

    /// Addresses to allow, of one service or all, for one region or all, in the document's order.
    ///
    /// A row counts for a region when its own region is meant, or is a whole that the region is a part of:
    /// load balancers are listed by continent, and the ones of Europe serve France.
    ///
    /// # Errors
    /// No region is meant by the text; the error tells near misses.
    pub fn addresses(
        &self,
        service: Option<Service>,
        region: Option<&str>,
    ) -> Result<Vec<&AddressRow>, UnknownName> {
        let meant = region.map(|text| self.regions_meant(text)).transpose()?;
        let counts = |row: &&AddressRow| {
            let (Some(meant), Some(own)) = (&meant, self.region(&row.region)) else { return true };
            meant.iter().any(|region| *region == own || own.encloses(region))
        };
        let of_service = |row: &&AddressRow| service.is_none_or(|service| row.service == service);
        Ok(self.addresses.iter().filter(of_service).filter(counts).collect())
    }

    /// Every row that lists the address, by itself or in a block: first the rows that list it by itself.
    pub fn rows_with(&self, ip: IpAddr) -> Vec<&AddressRow> {
        let lists = |row: &&AddressRow, single: bool| {
            row.networks.iter().any(|network| network.is_single() == single && network.contains(ip))
        };
        let singles = self.addresses.iter().filter(|row| lists(row, true));
        let blocks = self.addresses.iter().filter(|row| !lists(row, true) && lists(row, false));
        singles.chain(blocks).collect()
    }

    /// The service and region that the address is published for: the first row that lists it by itself, else
    /// the first block that it lies in. [`Self::rows_with`] has all of them.
    pub fn contains_address(&self, ip: IpAddr) -> Option<(Service, &Region)> {
        let row = *self.rows_with(ip).first()?;
        Some((row.service, self.region(&row.region)?))
    }

    /// The limits for good voice.
    pub const fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Bandwidth by kind of media: section 6.1.
    pub fn media_bandwidth(&self) -> &[MediaBandwidth] {
        &self.media
    }

    /// Upper limits of one video stream: section 6.1.
    pub fn video_caps(&self) -> &[VideoCap] {
        &self.video_caps
    }

    /// Traffic of a PBX agent: section 6.4.
    pub const fn pbx_agent_traffic(&self) -> &PbxAgentTraffic {
        &self.pbx_agent
    }

    /// Dynamic ports by operating system: section 4.8.
    pub fn dynamic_ports(&self) -> &[DynamicPorts] {
        &self.dynamic_ports
    }

    fn regions_meant(&self, text: &str) -> Result<Vec<&Region>, UnknownName> {
        let meant: Vec<&Region> = self.regions.iter().filter(|region| region.is_meant_by(text)).collect();
        if meant.is_empty() { Err(self.unknown_region(text)) } else { Ok(meant) }
    }

    fn unknown_region(&self, text: &str) -> UnknownName {
        UnknownName::among("region", text, &self.region_ids().collect::<Vec<_>>())
    }

    fn region_ids(&self) -> impl Iterator<Item = &str> {
        let zones = [Zone::Africa, Zone::MiddleEast].map(Zone::id);
        self.regions.iter().map(|region| region.id.as_str()).chain(zones)
    }
}
