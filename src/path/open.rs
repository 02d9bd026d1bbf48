//! The layers of a stream, in their order.

use super::dial::Dial;
use super::resolve::Resolver;
use super::tls::Trust;
use crate::run::PathLog;
use crate::settings::ProxyServer;
use raincheck_probes::machine::IdSource;
use raincheck_probes::server::Host;
use raincheck_probes::tunnel::Form;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// Anything that bytes can be read from and written to.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// How long each layer is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// One address, from its first connection attempt.
    pub connect: Duration,
    /// When connection attempts to one address are begun, counted from the first.
    pub attempts: Vec<Duration>,
    /// The CONNECT handshake, all rounds, with the proxy's own TLS.
    pub tunnel: Duration,
    /// A TLS handshake.
    pub tls: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(2800),
            attempts: [0, 500, 1000, 1500, 2000].map(Duration::from_millis).to_vec(),
            tunnel: Duration::from_secs(6),
            tls: Duration::from_secs(4),
        }
    }
}

/// What every path of a run shares.
#[derive(Clone)]
pub struct PathContext {
    /// Sockets.
    pub dial: Arc<dyn Dial>,
    /// Names.
    pub resolver: Resolver,
    /// Roots.
    pub trust: Trust,
    /// The emulated client's way of asking a proxy.
    pub form: Form,
    /// ALPN protocols offered to servers, in order; none by default, as Chromium does for TURN.
    pub alpn: Vec<Vec<u8>>,
    /// How long each layer is given.
    pub bounds: Bounds,
    /// Randomness for Digest.
    pub ids: Arc<Mutex<IdSource>>,
}

/// Where a stream goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The server.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// Whether it is spoken to over TLS.
    pub tls: bool,
    /// The proxy to go through.
    pub proxy: Option<ProxyServer>,
    /// The local address to leave from.
    pub from: Option<IpAddr>,
}

/// A stream that has been opened.
pub struct Opened {
    /// The stream.
    pub stream: Box<dyn ByteStream>,
    /// Our end of the TCP connection.
    pub local: SocketAddr,
    /// The server's address; none when a proxy resolved the name.
    pub server: Option<SocketAddr>,
    /// Bytes that a plain tunnel brought along with its answer, before anything was asked.
    pub early: Vec<u8>,
    /// Whether credentials may be sent: false after a TLS handshake with a certificate that is not trusted.
    pub trusted: bool,
}

/// Opens a stream, each layer leaving its step in the log. `None` when a layer failed; the log says which.
pub async fn open_stream(ctx: &PathContext, target: &Target, log: &PathLog) -> Option<Opened> {
    let _ = (ctx, target, log);
    todo!()
}
