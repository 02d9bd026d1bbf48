//! What an engine needs to know of a client, as plain data.

use crate::evidence::Transport;
use std::fmt;
use std::time::Duration;

/// What a server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Binding requests.
    Stun,
    /// Allocations.
    Turn,
}

/// What a client makes of an ICE server URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// What it asks the server for.
    pub role: Role,
    /// How it speaks to the server.
    pub transport: Transport,
    /// The port, the client's default where none was written.
    pub port: u16,
}

/// Why a client takes no notice of a URI: one short sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored(pub String);

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Ignored {}

/// What a configured proxy means for one transport to the TURN server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyUse {
    /// Through the proxy when there is one, else direct.
    Through,
    /// Always direct, with a proxy or without.
    Never,
    /// Direct, and not tried at all when there is a proxy.
    OnlyDirect,
    /// Through the proxy, and not tried at all when there is none.
    OnlyThrough,
    /// Not tried at all.
    NotUsed,
}

impl ProxyUse {
    /// Whether the client tries this transport at all.
    pub const fn tried(self, proxied: bool) -> bool {
        match self {
            Self::Through | Self::Never => true,
            Self::OnlyDirect => !proxied,
            Self::OnlyThrough => proxied,
            Self::NotUsed => false,
        }
    }

    /// Whether the client goes through the proxy, given that there is one.
    pub const fn through(self) -> bool {
        matches!(self, Self::Through | Self::OnlyThrough)
    }
}

/// When one transaction sends its request, and when it gives up. Milliseconds from the first send; for a stream
/// from the moment that it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The sends, the first at 0.
    pub sends_ms: &'static [u64],
    /// The end, when nothing was answered.
    pub gives_up_ms: u64,
}

/// How a client spreads its first requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// Per network: UDP and STUN, then all relays together, then ICE-TCP, this far apart.
    Phases(Duration),
    /// One server after the other, this far apart, counted over all networks and servers.
    EachServer(Duration),
}

/// When a client binds a channel rather than sending indications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelUse {
    /// Never.
    Never,
    /// At the first packet of data; connectivity checks travel in indications.
    FirstData,
    /// For every peer, from the start.
    Always,
}

/// How a client speaks TURN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnTraits {
    /// The LIFETIME that its Allocate asks for, seconds.
    pub lifetime: Option<u32>,
    /// Whether a 438 (stale nonce) to an Allocate is answered with a new request.
    pub retries_438_on_allocate: bool,
    /// How many new sockets a 437 (allocation mismatch) is answered with.
    pub retries_437: u8,
    /// Whether a 300 (try alternate) is followed.
    pub follows_300: bool,
    /// Whether an answer other than 401 and 300 to the first, unauthenticated Allocate is taken as final.
    pub accepts_unauthenticated: bool,
    /// Channels or indications.
    pub channels: ChannelUse,
}

/// Which authorities a client trusts when it speaks TLS to a TURN server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsTrust {
    /// The browser's own verifier: its roots, and those that the system or its administrator added.
    Browser,
    /// A list of roots in the program, unless the app brings a verifier: an authority that was added to the device is not
    /// trusted, nor is a middlebox that decrypts with it.
    CompiledIn,
    /// What the system trusts.
    System,
    /// It speaks no TLS to TURN servers, whatever the URI says.
    NoTls,
}

/// How a client learns which proxy to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyLookup {
    /// As for `https://host:port`, for TCP and TLS alike.
    AsHttps,
    /// As for `http://host:port` for TCP, `https://host:port` for TLS.
    ByTransport,
    /// It is told explicitly; nothing is looked up.
    Explicit,
}

/// What a client does with a 407 of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyAuth {
    /// Uses credentials that it already has from other traffic; never asks.
    CachedOnly,
    /// May ask the user.
    MayAsk,
    /// Sends the configured ones, Basic only, from the start.
    ConfiguredBasic,
}

/// How a client asks a proxy for a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunnelTraits {
    /// The HTTP version of its CONNECT.
    pub http: &'static str,
    /// Whether it names the server rather than its address.
    pub by_name: bool,
    /// The `ALPN` request header (RFC 7639).
    pub alpn: Option<&'static str>,
    /// Where the proxy comes from.
    pub lookup: ProxyLookup,
    /// What a 407 leads to.
    pub auth: ProxyAuth,
}
