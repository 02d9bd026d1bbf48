//! The listener: admits the one peer that knows the code.

use super::bar::{Bar, Source};
use super::first::Watched;
use super::proof::{Binding, Role};
use super::{Channel, ChannelError, Code, TurnedAway, tls};
use rustls::ServerConfig;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_rustls::TlsAcceptor;

/// Bytes of the line with the proof, at most.
const MAX_PROOF: usize = 128;

/// What a listener grants to whom it does not know yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one source.
    pub from_one_source: usize,
    /// From a connection to its proof.
    pub proof_within: Duration,
    /// From a wrong proof to the answer.
    pub wrong_delay: Duration,
    /// How long a source waits after three wrong proofs.
    pub barred_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16,
            from_one_source: 4,
            proof_within: Duration::from_secs(10),
            wrong_delay: Duration::from_secs(1),
            barred_for: Duration::from_secs(60),
        }
    }
}

/// Somebody who was turned away, while the listener goes on waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Who.
    pub from: SocketAddr,
    /// Why.
    pub why: ChannelError,
}

/// Waits for one peer that knows the code.
pub struct Listener {
    sockets: TcpListener,
    address: SocketAddr,
    config: Arc<ServerConfig>,
    code: Code,
    limits: Limits,
}

impl Listener {
    /// Listens, with a new code and a new certificate.
    ///
    /// # Errors
    /// [`Bind`](ChannelError::Bind), [`Local`](ChannelError::Local).
    pub async fn bind(address: impl ToSocketAddrs + std::fmt::Debug) -> Result<(Self, Code), ChannelError> {
        let failed = |error: std::io::Error| ChannelError::Bind {
            address: format!("{address:?}"),
            detail: error.to_string(),
        };
        let sockets = TcpListener::bind(&address).await.map_err(failed)?;
        let local = sockets.local_addr().map_err(failed)?;
        let code = Code::generate()?;
        let config = tls::server()?;
        Ok((Self { sockets, address: local, config, code: code.clone(), limits: Limits::default() }, code))
    }

    /// The same listener, with other limits.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Waits with a code that was shown before.
    #[cfg(test)]
    pub(super) fn reuse_code(&mut self, code: Code) {
        self.code = code;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the peer. Who else comes is turned away and told to `notice`; the wait goes on. With the first right
    /// proof the code is used up and the port closed.
    ///
    /// # Errors
    /// [`NobodyCame`](ChannelError::NobodyCame) at the deadline, with who came instead.
    pub async fn accept(
        self,
        deadline: Instant,
        mut notice: impl FnMut(Notice),
    ) -> Result<Channel, ChannelError> {
        let began = Instant::now();
        let mut porch = Porch {
            bar: Bar::new(self.limits.barred_for),
            guests: JoinSet::new(),
            from: HashMap::new(),
            away: TurnedAway::default(),
        };
        loop {
            let room = porch.guests.len() < self.limits.connections;
            let turned = tokio::select! {
                () = sleep_until(deadline) => {
                    let turned_away = porch.away;
                    return Err(ChannelError::NobodyCame { waited: began.elapsed(), turned_away });
                }
                Some(done) = porch.guests.join_next_with_id() => match porch.leave(done) {
                    Ok(channel) => return Ok(channel),
                    Err(turned) => turned,
                },
                came = self.sockets.accept(), if room => self.welcome(came, &mut porch).await,
            };
            if let Some(turned) = turned {
                notice(turned);
            }
        }
    }

    async fn welcome(
        &self,
        came: std::io::Result<(TcpStream, SocketAddr)>,
        porch: &mut Porch,
    ) -> Option<Notice> {
        let Ok((stream, from)) = came else {
            // No descriptors, for instance: let those that are there go first.
            sleep(Duration::from_millis(100)).await;
            return None;
        };
        let source = Source::of(from.ip());
        if porch.count(source) >= self.limits.from_one_source {
            porch.away.over_limit += 1;
            return Some(Notice { from, why: ChannelError::TooMuch });
        }
        let barred = porch.bar.holds(source, Instant::now());
        let (config, code, limits) = (Arc::clone(&self.config), self.code.clone(), self.limits);
        let guest = porch.guests.spawn(admit(stream, from, config, code, limits, barred));
        porch.from.insert(guest.id(), from);
        None
    }
}

/// Those who came and are not admitted yet.
struct Porch {
    bar: Bar,
    guests: JoinSet<Result<Channel, ChannelError>>,
    from: HashMap<Id, SocketAddr>,
    away: TurnedAway,
}

type Done = Result<(Id, Result<Channel, ChannelError>), tokio::task::JoinError>;

impl Porch {
    fn count(&self, source: Source) -> usize {
        self.from.values().filter(|from| Source::of(from.ip()) == source).count()
    }

    fn leave(&mut self, done: Done) -> Result<Channel, Option<Notice>> {
        let (id, result) = match done {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(ChannelError::Local { detail: error.to_string() })),
        };
        let from = self.from.remove(&id);
        let why = match result {
            Ok(channel) => return Ok(channel),
            Err(why) => why,
        };
        match &why {
            ChannelError::WrongCode => {
                self.away.wrong_code += 1;
                if let Some(from) = from {
                    self.bar.wrong(Source::of(from.ip()), Instant::now());
                }
            }
            ChannelError::Silent { .. } => self.away.silent += 1,
            ChannelError::Barred => self.away.over_limit += 1,
            _ => self.away.strangers += 1,
        }
        Err(from.map(|from| Notice { from, why }))
    }
}

/// One connection, from its first byte to its proof.
async fn admit(
    stream: TcpStream,
    from: SocketAddr,
    config: Arc<ServerConfig>,
    code: Code,
    limits: Limits,
    barred: bool,
) -> Result<Channel, ChannelError> {
    let (began, deadline) = (Instant::now(), Instant::now() + limits.proof_within);
    let silent = || ChannelError::Silent { waited: began.elapsed() };
    let _ = stream.set_nodelay(true);
    let (stream, first) = Watched::new(stream);
    let session = match timeout_at(deadline, TlsAcceptor::from(config).accept(stream)).await {
        Ok(accepted) => accepted.map_err(|error| tls::judge(&error, &first))?,
        Err(_) if first.is_tls() => return Err(silent()),
        Err(_) => {
            return Err(first.describe().map_or_else(silent, |seen| ChannelError::NotRaincheck { seen }));
        }
    };
    if session.get_ref().1.alpn_protocol() != Some(tls::ALPN) {
        return Err(ChannelError::NotRaincheck { seen: "a TLS client for something else".to_owned() });
    }
    let binding = Binding::of(session.get_ref().1)?;
    let mut channel = Channel::new(session, Some(from));
    let line = channel.proof_line(MAX_PROOF, deadline).await?;
    let answer_by = Instant::now() + limits.wrong_delay + limits.proof_within;
    if barred {
        return refuse(channel, b"barred", answer_by, ChannelError::Barred).await;
    }
    match binding.check(&code, Role::Connector, &line)? {
        Some(true) => {
            let proof = binding.prove(&code, Role::Listener)?;
            channel.send(proof.as_bytes(), answer_by).await?;
            Ok(channel)
        }
        Some(false) => {
            sleep(limits.wrong_delay).await;
            refuse(channel, b"wrong-code", answer_by, ChannelError::WrongCode).await
        }
        None => Err(ChannelError::NotRaincheck { seen: "no proof of the code came".to_owned() }),
    }
}

async fn refuse(
    mut channel: Channel,
    line: &[u8],
    deadline: Instant,
    why: ChannelError,
) -> Result<Channel, ChannelError> {
    let _ = channel.send(line, deadline).await;
    channel.close(deadline).await;
    Err(why)
}
