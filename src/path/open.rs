//! The layers of a stream, in their order.

use super::connect::{Connected, connect};
use super::dial::Dial;
use super::prefixed::Prefixed;
use super::resolve::Resolver;
use super::tls::{self, Handshake, Trust};
use super::tunnel::drive;
use crate::run::{OpenStep, PathLog};
use crate::settings::ProxyServer;
use raincheck_probes::evidence::{Cause, Facts, SkipReason, Stage};
use raincheck_probes::machine::IdSource;
use raincheck_probes::server::Host;
use raincheck_probes::tunnel::{Ask, Connect, End, Form};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
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
    /// The CONNECT handshake, all rounds, without the proxy's own TLS.
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
///
/// A proxied server is named to the proxy and not resolved here, but for clients that give an address. The TLS of a
/// proxy that is spoken to over TLS belongs to the Tunnel step; a proxy that is not trusted is not used.
pub async fn open_stream(ctx: &PathContext, target: &Target, log: &PathLog) -> Option<Opened> {
    match (Opening { ctx, target, log }).run().await {
        Ok(opened) => Some(opened),
        Err(failed) => {
            let later =
                [Stage::Connect, Stage::Tunnel, Stage::Tls].into_iter().filter(|stage| *stage > failed);
            for stage in later {
                match stage {
                    Stage::Tunnel if target.proxy.is_none() => {}
                    Stage::Tls if !target.tls => {}
                    _ => log.skip(stage, SkipReason::EarlierStageFailed),
                }
            }
            None
        }
    }
}

/// A stream being opened. Its functions end with the stage that failed.
struct Opening<'a> {
    ctx: &'a PathContext,
    target: &'a Target,
    log: &'a PathLog,
}

impl Opening<'_> {
    async fn run(&self) -> Result<Opened, Stage> {
        let (hop, server) = self.resolve().await?;
        let connected = self.connect(&hop).await.map_err(|_| Stage::Connect)?;
        let (local, mut server) = (connected.local, server.map(|ip| SocketAddr::new(ip, self.target.port)));
        let (stream, local, early) = match &self.target.proxy {
            Some(proxy) => self.tunnel(proxy, connected, server).await?,
            None => {
                server = Some(connected.to);
                (Box::new(connected.stream) as Box<dyn ByteStream>, local, Vec::new())
            }
        };
        if server.is_some() {
            self.log.update(|path| path.address = server);
        }
        if !self.target.tls {
            return Ok(Opened { stream, local, server, early, trusted: true });
        }
        let stream = if early.is_empty() {
            stream
        } else {
            Box::new(Prefixed { early, stream }) as Box<dyn ByteStream>
        };
        let (stream, trusted) = self.tls(stream, server).await?;
        Ok(Opened { stream, local, server, early: Vec::new(), trusted })
    }

    /// The addresses to connect to, and the server's address where a proxy is to be told it.
    async fn resolve(&self) -> Result<(Vec<SocketAddr>, Option<IpAddr>), Stage> {
        let Target { host, port, proxy, .. } = self.target;
        let (hop, hop_port) = match proxy {
            Some(proxy) => (host_of(&proxy.host), proxy.port),
            None => (host.clone(), *port),
        };
        let behind = proxy.as_ref().filter(|_| self.ctx.form.by_address()).map(|_| host);
        let names: Vec<&str> = [Some(&hop), behind].into_iter().flatten().filter_map(name_in).collect();
        let mut found = Vec::new();
        if !names.is_empty() {
            found = self.ctx.resolver.resolve_all(&names, self.log).await.ok_or(Stage::Resolve)?;
        }
        let mut found = found.into_iter();
        let mut addresses = |host: &Host| match host {
            Host::Ip(address) => vec![*address],
            Host::Name(_) => found.next().unwrap_or_default(),
        };
        let hop = addresses(&hop).into_iter().map(|ip| SocketAddr::new(ip, hop_port)).collect();
        Ok((hop, behind.and_then(|host| addresses(host).first().copied())))
    }

    async fn connect(&self, addresses: &[SocketAddr]) -> Result<Connected, Cause> {
        connect(&*self.ctx.dial, &self.ctx.bounds, addresses, self.target.from, self.log).await
    }

    async fn tunnel(
        &self,
        proxy: &ProxyServer,
        mut connected: Connected,
        server: Option<SocketAddr>,
    ) -> Result<(Box<dyn ByteStream>, SocketAddr, Vec<u8>), Stage> {
        let step = self.log.begin(Stage::Tunnel, Some(connected.to));
        let clock = self.log.clock();
        let mut machine = self.connect_machine(proxy, server);
        let cause = loop {
            let Connected { stream, to, local } = connected;
            let mut stream = match self.to_proxy(proxy, Box::new(stream), &step).await {
                Ok(stream) => stream,
                Err(cause) => break cause,
            };
            let ended = drive(&mut machine, &mut *stream, clock).await;
            add_facts(&step, ended.facts);
            match ended.end {
                End::Open { early } => {
                    step.pass();
                    return Ok((stream, local, early));
                }
                End::Failed(cause) => break cause,
                End::Reconnect(next) => machine = *next,
            }
            drop(stream);
            match self.connect(&[to]).await {
                Ok(again) => connected = again,
                Err(cause) => break cause,
            }
        };
        step.fail(cause);
        Err(Stage::Tunnel)
    }

    fn connect_machine(&self, proxy: &ProxyServer, server: Option<SocketAddr>) -> Connect {
        let host = match (server, &self.target.host) {
            (Some(server), _) => server.ip().to_string(),
            (None, Host::Name(name)) => name.clone(),
            (None, Host::Ip(address)) => address.to_string(),
        };
        let ask = Ask {
            host,
            port: self.target.port,
            credentials: proxy.credentials.clone(),
            form: self.ctx.form.clone(),
            within: self.ctx.bounds.tunnel,
        };
        Connect::new(ask, self.ctx.ids.lock().unwrap_or_else(PoisonError::into_inner).fork())
    }

    /// The stream on which the proxy is spoken to: over TLS when it asks for that.
    async fn to_proxy(
        &self,
        proxy: &ProxyServer,
        stream: Box<dyn ByteStream>,
        step: &OpenStep,
    ) -> Result<Box<dyn ByteStream>, Cause> {
        if !proxy.tls {
            return Ok(stream);
        }
        let Handshake { stream, cause, seen, facts } =
            self.handshake(stream, &host_of(&proxy.host), &[]).await;
        step.fact("proxy_tls", serde_json::to_value(&seen).unwrap_or_default());
        step.fact("proxy_tls_facts", serde_json::to_value(&facts).unwrap_or_default());
        match (stream, cause) {
            (_, Some(cause)) => Err(cause),
            (Some(stream), None) => Ok(stream),
            (None, None) => Err(Cause::TlsFailed { detail: "no stream".into() }),
        }
    }

    async fn tls(
        &self,
        stream: Box<dyn ByteStream>,
        server: Option<SocketAddr>,
    ) -> Result<(Box<dyn ByteStream>, bool), Stage> {
        let step = self.log.begin(Stage::Tls, server);
        let Handshake { stream, cause, seen, facts } =
            self.handshake(stream, &self.target.host, &self.ctx.alpn).await;
        add_facts(&step, facts);
        let trusted = seen.trusted == Some(true);
        self.log.update(|path| path.tls = Some(seen));
        match cause {
            Some(cause) => step.fail(cause),
            None => step.pass(),
        }
        stream.map(|stream| (stream, trusted)).ok_or(Stage::Tls)
    }

    async fn handshake(&self, stream: Box<dyn ByteStream>, host: &Host, alpn: &[Vec<u8>]) -> Handshake {
        let ask = tls::Ask { host, alpn, trust: &self.ctx.trust, within: self.ctx.bounds.tls };
        tls::handshake(stream, &ask, self.log.clock()).await
    }
}

fn host_of(text: &str) -> Host {
    text.parse().map_or_else(|_| Host::Name(text.to_owned()), Host::Ip)
}

fn name_in(host: &Host) -> Option<&str> {
    match host {
        Host::Name(name) => Some(name),
        Host::Ip(_) => None,
    }
}

fn add_facts(step: &OpenStep, facts: Facts) {
    for (key, value) in facts.0 {
        step.fact(&key, value);
    }
}
