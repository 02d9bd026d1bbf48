//! Settings: every option resolved, nothing done yet.
//!
//! Arguments, files and environment become one value here; the plan is made from it. Credentials are
//! read from their files, but nothing has been resolved, dialled or signed in to.
//!
//! The command line reads its values with the functions here, through [`Inputs`], so that a test needs
//! neither disk nor environment. Everything that can be wrong is a [`SettingsError`].

pub mod call;
mod error;
mod inputs;
pub mod proxy;
pub mod roots;
pub mod secrets;
pub mod servers;
pub mod shipped;

pub use error::{CaTrouble, ProxyTrouble, SecretTrouble, SettingsError};
pub use inputs::{Inputs, System};

use raincheck_probes::ice::Policy;
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::secret::Secret;
use raincheck_probes::server::{Credentials, IceServer};
use rustls::pki_types::CertificateDer;
use std::net::IpAddr;
use std::time::Duration;

/// What a probing run needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The emulated client.
    pub profile: Profile,
    /// Which candidates it may use.
    pub policy: Policy,
    /// Whether the client has the microphone, and with it the host's networks.
    pub media_permission: bool,
    /// Where the servers come from.
    pub source: ServerSource,
    /// How many catalog or vendor servers to use; `None` for all of them.
    pub nearest: Option<usize>,
    /// Proxies to try, in order.
    pub proxies: ProxyChoice,
    /// Credentials for the proxies that have none in their URL.
    pub proxy_credentials: Option<Credentials>,
    /// Roots to trust beside the platform's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The local interface or address to use.
    pub interface: Option<InterfaceChoice>,
    /// Address families to use.
    pub families: Families,
    /// Names with fixed addresses (`--resolve`).
    pub resolve: Vec<(String, IpAddr)>,
    /// How long media is sent on the selected path.
    pub media: Duration,
    /// Whose retransmission schedules and pace are kept.
    pub patience: Patience,
    /// When the run ends, whatever is still open.
    pub deadline: Duration,
    /// The seed of everything random, for repeatable runs.
    pub seed: Option<u64>,
}

impl Settings {
    /// The proxies to try, in order, each with its own credentials or else with those for all.
    pub fn proxies(&self) -> Vec<ProxyServer> {
        let ProxyChoice::These(proxies) = &self.proxies else { return Vec::new() };
        let with_credentials = |proxy: &ProxyServer| ProxyServer {
            credentials: proxy.credentials.as_ref().or(self.proxy_credentials.as_ref()).cloned(),
            ..proxy.clone()
        };
        proxies.iter().map(with_credentials).collect()
    }
}

/// Where the servers come from.
#[derive(Debug, Clone)]
pub enum ServerSource {
    /// Named by the user: used in their order, all of them.
    Named {
        /// One per URI.
        servers: Vec<IceServer>,
        /// In words, for the report.
        from: String,
    },
    /// The shipped catalog, without credentials unless some were given.
    Catalog {
        /// Only these servers, by name or label; empty for all.
        names: Vec<String>,
        /// Only this region.
        region: Option<String>,
        /// Credentials for all of them.
        credentials: Option<Credentials>,
    },
    /// The vendor's own interface, as the client uses it.
    Rainbow(RainbowLogin),
}

/// What signing in needs.
#[derive(Debug, Clone)]
pub struct RainbowLogin {
    /// Host, with a port when it is not 443.
    pub host: String,
    /// Login name.
    pub login: String,
    /// Password.
    pub password: Secret,
    /// Application id and secret, when the platform asks for them.
    pub application: Option<(String, Secret)>,
}

/// Which proxies to go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyChoice {
    /// None, whatever the environment says.
    None,
    /// These, by URL; credentials have been taken out.
    These(Vec<ProxyServer>),
}

/// One proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyServer {
    /// `http` or `https`: how the proxy itself is spoken to.
    pub tls: bool,
    /// Its host: a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its credentials.
    pub credentials: Option<Credentials>,
    /// Hosts that are reached without it (`NO_PROXY`), as written.
    pub except: Vec<String>,
}

impl ProxyServer {
    /// The URL without credentials, as reports name it.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        if self.host.contains(':') {
            format!("{scheme}://[{}]:{}", self.host, self.port)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// A local interface as the user named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceChoice {
    /// By name.
    Name(String),
    /// By address.
    Address(IpAddr),
}

/// Address families to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

/// Whose schedules are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Ours: enough requests to be sure, inside three seconds.
    Prompt,
    /// The emulated client's own, however long it takes.
    Client,
}
