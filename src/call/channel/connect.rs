//! The connector: finds the listener and proves the code to it.

use super::first::Watched;
use super::line::Stream;
use super::proof::{Binding, Role};
use super::{Channel, ChannelError, Code, tls};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

/// Bytes of the listener's answer, at most.
const MAX_ANSWER: usize = 128;
/// How long one address may take, so that a dead one does not use up the time of the next.
const EACH: Duration = Duration::from_secs(5);
/// Addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Connects to `HOST:PORT` and opens the channel with the code.
///
/// # Errors
/// One for each thing that can be told apart: see [`ChannelError`].
pub async fn connect(address: &str, code: &Code, deadline: Instant) -> Result<Channel, ChannelError> {
    let began = Instant::now();
    let unresolved = |detail: String| ChannelError::Resolve { address: address.to_owned(), detail };
    let found = match timeout_at(deadline, lookup_host(address)).await {
        Ok(found) => found.map_err(|error| unresolved(error.to_string()))?,
        Err(_) => return Err(unresolved("the resolver does not answer".to_owned())),
    };
    let mut last = unresolved("it has no address".to_owned());
    for at in found.take(MAX_ADDRESSES) {
        let patience = deadline.min(Instant::now() + EACH);
        match timeout_at(patience, TcpStream::connect(at)).await {
            Ok(Ok(stream)) => return open(stream, Some(at), code, began, deadline).await,
            Ok(Err(error)) => last = unreachable(at, &error),
            Err(_) => {
                let detail = format!("no answer in {:.1} s", began.elapsed().as_secs_f64());
                last = ChannelError::Unreachable { address: at.to_string(), detail };
            }
        }
    }
    Err(last)
}

/// Opens the channel over a stream that leads to the listener already, through a proxy for instance.
///
/// # Errors
/// As [`connect`], without those of connecting.
pub async fn connect_over<S>(stream: S, code: &Code, deadline: Instant) -> Result<Channel, ChannelError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    open(stream, None, code, Instant::now(), deadline).await
}

async fn open(
    stream: impl Stream + 'static,
    peer: Option<SocketAddr>,
    code: &Code,
    began: Instant,
    deadline: Instant,
) -> Result<Channel, ChannelError> {
    let silent = || ChannelError::Silent { waited: began.elapsed() };
    let (config, name) = tls::client()?;
    let (stream, first) = Watched::new(stream);
    let session = match timeout_at(deadline, TlsConnector::from(config).connect(name, stream)).await {
        Ok(connected) => connected.map_err(|error| tls::judge(&error, &first))?,
        Err(_) if first.is_tls() => return Err(silent()),
        Err(_) => {
            return Err(first.describe().map_or_else(silent, |seen| ChannelError::NotRaincheck { seen }));
        }
    };
    if session.get_ref().1.alpn_protocol() != Some(tls::ALPN) {
        return Err(ChannelError::NotRaincheck { seen: "it speaks TLS for something else".to_owned() });
    }
    let binding = Binding::of(session.get_ref().1)?;
    let mut channel = Channel::new(session, peer);
    channel.send(binding.prove(code, Role::Connector)?.as_bytes(), deadline).await?;
    match channel.proof_line(MAX_ANSWER, deadline).await?.as_slice() {
        b"wrong-code" => Err(ChannelError::WrongCode),
        b"barred" => Err(ChannelError::Barred),
        line => match binding.check(code, Role::Listener, line)? {
            Some(true) => Ok(channel),
            Some(false) => Err(ChannelError::Impostor),
            None => Err(ChannelError::NotRaincheck { seen: "no proof of the code came".to_owned() }),
        },
    }
}

fn unreachable(at: SocketAddr, error: &io::Error) -> ChannelError {
    let address = at.to_string();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ChannelError::Refused { address },
        _ => ChannelError::Unreachable { address, detail: error.to_string() },
    }
}
