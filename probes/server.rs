//! ICE servers: `stun:` and `turn:` URIs (RFC 7064, RFC 7065) with their credentials.
//!
//! A URI is kept as it was written; what a client makes of it (`turns:` means TLS over TCP whatever the
//! transport says, `stuns:` is ignored by one browser, and so on) is [`crate::ice::stack`]'s business.
//!
//! [`IceUri::parse`] reads one URI; [`ServerList::parse`] reads the JSON in which browsers, vendors and
//! time-limited credential services hand out several.

mod json;
mod list;
mod uri;

pub use json::Json;
pub use list::{ListError, MAX_LIST_BYTES, MAX_SERVERS, MAX_URIS, ServerList, Trouble};
pub use uri::UriError;

use crate::secret::Secret;
use std::fmt;
use std::net::IpAddr;

/// The scheme of an ICE server URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `stun:`
    Stun,
    /// `stuns:`
    Stuns,
    /// `turn:`
    Turn,
    /// `turns:`
    Turns,
}

impl Scheme {
    /// As it is written, without the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stun => "stun",
            Self::Stuns => "stuns",
            Self::Turn => "turn",
            Self::Turns => "turns",
        }
    }

    /// Whether it names a TURN server.
    pub fn is_turn(self) -> bool {
        matches!(self, Self::Turn | Self::Turns)
    }
}

/// The `?transport=` of a `turn:` or `turns:` URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UriTransport {
    /// `?transport=udp`
    Udp,
    /// `?transport=tcp`
    Tcp,
}

/// The host of a URI.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name that must be resolved.
    Name(String),
    /// An address literal.
    Ip(IpAddr),
}

impl fmt::Display for Host {
    /// Without brackets, as [`IceUri::host`] keeps it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// One ICE server URI as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IceUri {
    /// The URI as the user or the vendor wrote it.
    pub text: String,
    /// The scheme.
    pub scheme: Scheme,
    /// The host, without brackets.
    pub host: Host,
    /// The port, when one was written.
    pub port: Option<u16>,
    /// The transport, when one was written.
    pub transport: Option<UriTransport>,
}

/// Long-term credentials for a TURN server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name, sent in clear by the protocol.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// One URI with the credentials that go with it: an `RTCIceServer` with n `urls` becomes n of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceServer {
    /// Where the server is.
    pub uri: IceUri,
    /// What it asks for, if we have it.
    pub credentials: Option<Credentials>,
}
