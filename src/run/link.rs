//! The last step under a TURN client: datagrams or a stream, and what their errors mean.

use crate::path::connect::cause_of;
use crate::path::{IcmpError, Incoming, Opened, UdpLink};
use raincheck_probes::evidence::Cause;
use raincheck_probes::machine::Offset;
use raincheck_probes::turn::Framing;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// How long a peer may leave our bytes unread before the stream counts as dead.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// A way to send bytes to one server and to hear from it.
pub(super) enum Link {
    /// Datagrams to and from one address.
    Datagrams(UdpLink),
    /// A stream, with bytes that came before anything was asked.
    Stream {
        /// The open stream.
        opened: Opened,
        /// Where bytes are read into.
        buffer: Vec<u8>,
        /// Bytes that have come in.
        received: u64,
    },
}

impl Link {
    /// A link over a stream.
    pub(super) fn stream(opened: Opened) -> Self {
        Self::Stream { opened, buffer: vec![0; 16 * 1024], received: 0 }
    }

    /// How messages lie on it.
    pub(super) fn framing(&self) -> Framing {
        match self {
            Self::Datagrams(_) => Framing::Datagram,
            Self::Stream { .. } => Framing::Stream,
        }
    }

    /// Sends the bytes of one message.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        match self {
            Self::Datagrams(link) => link.send(bytes).await.map_err(|error| cause_of(&error)),
            Self::Stream { opened, received, .. } => {
                let write = async {
                    opened.stream.write_all(bytes).await?;
                    opened.stream.flush().await
                };
                match timeout(WRITE_PATIENCE, write).await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(stream_cause(&error, *received)),
                    Err(_) => Err(Cause::Closed { received: *received }),
                }
            }
        }
    }

    /// Waits for the next bytes and hands them to `take`, with their time of arrival when the link knows it
    /// better than the caller. An ICMP error is returned instead when one came in. Cancel-safe.
    pub(super) async fn receive(
        &mut self,
        take: impl FnOnce(&[u8], Option<Offset>),
    ) -> Result<Option<IcmpError>, Cause> {
        match self {
            Self::Datagrams(link) => match link.recv().await {
                Some(Incoming::Datagram(datagram)) => {
                    take(&datagram.bytes, Some(datagram.at));
                    Ok(None)
                }
                Some(Incoming::Icmp(error)) => Ok(Some(error)),
                None => Err(Cause::LocalFailure { detail: "the socket died".to_owned() }),
            },
            Self::Stream { opened, buffer, received } => {
                if !opened.early.is_empty() {
                    let early = std::mem::take(&mut opened.early);
                    *received += early.len() as u64;
                    take(&early, None);
                    return Ok(None);
                }
                match opened.stream.read(buffer).await {
                    Ok(0) => Err(Cause::Closed { received: *received }),
                    Ok(length) => {
                        *received += length as u64;
                        take(buffer.get(..length).unwrap_or_default(), None);
                        Ok(None)
                    }
                    Err(error) => Err(stream_cause(&error, *received)),
                }
            }
        }
    }

    /// Closes a stream in order; whether that worked. Datagrams need no closing.
    pub(super) async fn close(&mut self) -> bool {
        match self {
            Self::Datagrams(_) => true,
            Self::Stream { opened, .. } => {
                matches!(timeout(WRITE_PATIENCE, opened.stream.shutdown()).await, Ok(Ok(())))
            }
        }
    }
}

fn stream_cause(error: &io::Error, received: u64) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Cause::Reset { received },
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionAborted | io::ErrorKind::TimedOut => {
            Cause::Closed { received }
        }
        // TLS on the open stream: an alert, or a record that was damaged on the way.
        io::ErrorKind::InvalidData => Cause::TlsFailed { detail: error.to_string() },
        _ => cause_of(error),
    }
}
