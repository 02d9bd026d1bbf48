//! TURN servers: section 5, row "STUN/TURN".

use super::region::{Region, Zone};
use crate::server::{Host, IceUri, Scheme, UriTransport};

/// One TURN host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnServer {
    /// The full name: `turn-rbx1.openrainbow.com`.
    pub name: String,
    /// The first part of the name: `turn-rbx1`.
    pub label: String,
    /// The country.
    pub country: String,
    /// The id of the region: `france`, `us-west`.
    pub region: String,
    /// The part of the world.
    pub zone: Zone,
    /// Oddities of the document about this host.
    pub notes: Vec<String>,
}

impl TurnServer {
    /// The host `name` in `region`; `None` when the region is no country.
    pub(super) fn new(name: String, region: &Region, notes: Vec<String>) -> Option<Self> {
        Some(Self {
            label: name.split('.').next()?.to_owned(),
            country: region.country.clone()?,
            region: region.id.clone(),
            zone: region.zone,
            notes,
            name,
        })
    }

    /// The three ways to reach it (section 4.1): UDP/3478, TLS/443 and TCP/80, in the document's order.
    pub fn uris(&self) -> [IceUri; 3] {
        [
            self.uri(Scheme::Turn, 3478, UriTransport::Udp),
            self.uri(Scheme::Turns, 443, UriTransport::Tcp),
            self.uri(Scheme::Turn, 80, UriTransport::Tcp),
        ]
    }

    fn uri(&self, scheme: Scheme, port: u16, transport: UriTransport) -> IceUri {
        let prefix = if scheme == Scheme::Turns { "turns" } else { "turn" };
        let suffix = if transport == UriTransport::Udp { "udp" } else { "tcp" };
        IceUri {
            text: format!("{prefix}:{}:{port}?transport={suffix}", self.name),
            scheme,
            host: Host::Name(self.name.clone()),
            port: Some(port),
            transport: Some(transport),
        }
    }

    /// Whether a user who writes `text` means this host: its name, its label, or its label without `turn-`,
    /// in any case, with or without the final dot.
    pub(super) fn is_named(&self, text: &str) -> bool {
        let text = text.trim().trim_end_matches('.');
        self.name.eq_ignore_ascii_case(text)
            || self.label.eq_ignore_ascii_case(text)
            || self.site().eq_ignore_ascii_case(text)
    }

    /// Whether its label begins with `text`; without `turn-`, at least a site's three letters are needed.
    pub(super) fn is_at_site(&self, text: &str) -> bool {
        let text = text.trim().to_ascii_lowercase();
        match text.strip_prefix("turn-") {
            Some(site) => !site.is_empty() && self.site().starts_with(site),
            None => text.len() >= 3 && self.site().starts_with(&text),
        }
    }

    /// The label without `turn-`: `rbx1`.
    fn site(&self) -> &str {
        self.label.strip_prefix("turn-").unwrap_or(&self.label)
    }
}
