//! The whole run: what was asked for, what was seen, on which host.

use super::{Cause, PathEvidence};
use crate::ice::{Candidate, CandidateType, GatherError, Policy};
use crate::machine::Offset;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// The way to a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Route {
    /// Straight.
    Direct,
    /// Through this HTTP proxy: its URL, without credentials.
    Proxy(String),
}

impl From<String> for Route {
    fn from(text: String) -> Self {
        if text == "direct" { Self::Direct } else { Self::Proxy(text) }
    }
}

impl From<Route> for String {
    fn from(route: Route) -> Self {
        route.to_string()
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str("direct"),
            Self::Proxy(url) => f.write_str(url),
        }
    }
}

/// What the run was asked to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedFor {
    /// The emulated client, as in `chromium@156`.
    pub profile: String,
    /// Which candidates the client may use.
    pub policy: Policy,
    /// Whether there were credentials for any server.
    pub credentials: bool,
    /// Where the servers came from, in words: `the shipped catalog (edition 36)`.
    pub servers_from: String,
    /// Whether the servers are the vendor's own (catalog or sign-in), so that its document applies to them.
    pub vendor_servers: bool,
    /// Proxies that routes went through, without credentials.
    pub proxies: Vec<String>,
    /// Whether proxy credentials were given.
    pub proxy_credentials: bool,
    /// Candidate types that the tenant's policy drops, sending and receiving (the vendor's `iceFiltering`).
    #[serde(default)]
    pub ice_filtering: Vec<CandidateType>,
}

/// What a name resolved to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    /// The name.
    pub name: String,
    /// The addresses, in the resolver's order.
    pub addresses: Vec<IpAddr>,
    /// Why there are none.
    pub cause: Option<Cause>,
    /// When it was asked.
    pub began: Offset,
    /// When the answer came.
    pub ended: Option<Offset>,
}

/// A local interface as far as a verdict may need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The system's name for it.
    pub name: String,
    /// Its kind, as the client would class it: `ethernet`, `wifi`, `cellular`, `vpn`, `loopback`, `unknown`.
    pub kind: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether the default route leaves by it.
    pub default_route: bool,
}

/// A server URL that the emulated client takes no notice of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredUrl {
    /// The URL.
    pub url: String,
    /// Its host.
    pub server: String,
    /// Whether the run had credentials for it.
    pub has_credentials: bool,
    /// Why, in words.
    pub because: String,
}

/// Everything a run saw. The verdict is a pure function of this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was asked.
    pub asked: AskedFor,
    /// When the run began, RFC 3339 UTC. The only wall clock time here.
    pub started: String,
    /// How long it ran.
    pub elapsed: Offset,
    /// Whether it was cut short, by the deadline or by the user.
    pub cut_short: Option<String>,
    /// Every path that was asked about, in the plan's order.
    pub paths: Vec<PathEvidence>,
    /// URLs that the client takes no notice of, in the list's order.
    #[serde(default)]
    pub ignored: Vec<IgnoredUrl>,
    /// The candidates that the client would signal.
    pub candidates: Vec<Candidate>,
    /// The errors that the client would report.
    pub gather_errors: Vec<GatherError>,
    /// Every name that was looked up.
    pub resolutions: Vec<Resolution>,
    /// Local interfaces.
    pub interfaces: Vec<Interface>,
}
