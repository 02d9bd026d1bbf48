//! ICE over TCP (RFC 6544): connections, and RFC 4571 frames on them.

use crate::path::connect::cause_of;
use crate::path::{Dial, Listening};
use crate::run::Clock;
use raincheck_probes::evidence::Cause;
use raincheck_probes::ice::agent::BaseId;
use raincheck_probes::machine::Offset;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a peer's passive candidate may take to answer the connection request.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long whoever connected may take to send the first frame.
const FIRST_FRAME_WITHIN: Duration = Duration::from_secs(10);
/// How long a peer may leave a frame unread.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// Connections that one passive candidate holds at a time.
const MAX_ACCEPTED: usize = 32;
/// Frames that may wait to be written.
const FRAMES: usize = 256;
/// Failures to accept, one after the other, after which a listener counts as dead.
const MAX_ERRORS: u32 = 100;

/// One frame from a peer.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) base: BaseId,
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
    pub(super) at: Offset,
}

/// What became of a connection or of a listener.
#[derive(Debug)]
pub(super) enum Connection {
    /// It is open; what goes into the queue is written to it.
    Open { base: BaseId, peer: SocketAddr, outbox: mpsc::Sender<Vec<u8>> },
    /// It could not be opened, or it broke.
    Closed { base: BaseId, peer: SocketAddr, cause: Cause },
    /// Nobody can connect any more.
    Deaf { base: BaseId, cause: Cause },
}

/// Where connections hand in what happens to them.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    pub(super) clock: Clock,
    pub(super) frames: mpsc::Sender<Frame>,
    pub(super) connections: mpsc::Sender<Connection>,
}

/// Connects to a peer's passive candidate and carries frames until the connection breaks.
pub(super) async fn connect(desk: Desk, dial: Arc<dyn Dial>, base: BaseId, from: IpAddr, peer: SocketAddr) {
    let began = desk.clock.now();
    let connecting = dial.tcp(peer, Some(from).filter(|from| !from.is_unspecified()));
    let cause = match timeout(CONNECT_WITHIN, connecting).await {
        Ok(Ok(stream)) => carry(&desk, stream, base, peer, None).await,
        Ok(Err(error)) => cause_of(&error),
        Err(_) => {
            let waited = desk.clock.now().since(began).as_millis();
            Cause::ConnectTimeout { attempts: 1, waited_ms: u64::try_from(waited).unwrap_or(u64::MAX) }
        }
    };
    let _ = desk.connections.send(Connection::Closed { base, peer, cause }).await;
}

/// Takes connections for a passive candidate for as long as the end lives.
pub(super) async fn listen(desk: Desk, listener: Box<dyn Listening>, base: BaseId) {
    let mut taken = JoinSet::new();
    let mut errors = 0;
    loop {
        tokio::select! {
            Some(_) = taken.join_next() => {}
            accepted = listener.accept(), if taken.len() < MAX_ACCEPTED => match accepted {
                Ok((stream, peer)) => {
                    errors = 0;
                    let desk = desk.clone();
                    taken.spawn(async move {
                        let cause = carry(&desk, stream, base, peer, Some(FIRST_FRAME_WITHIN)).await;
                        let _ = desk.connections.send(Connection::Closed { base, peer, cause }).await;
                    });
                }
                Err(error) => {
                    errors += 1;
                    if errors >= MAX_ERRORS {
                        let cause = cause_of(&error);
                        let _ = desk.connections.send(Connection::Deaf { base, cause }).await;
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            },
        }
    }
}

/// Carries frames both ways until the connection breaks; says why it did.
async fn carry(
    desk: &Desk,
    stream: TcpStream,
    base: BaseId,
    peer: SocketAddr,
    first_within: Option<Duration>,
) -> Cause {
    let (outbox, inbox) = mpsc::channel(FRAMES);
    if desk.connections.send(Connection::Open { base, peer, outbox }).await.is_err() {
        return Cause::Closed { received: 0 };
    }
    let (reading, writing) = stream.into_split();
    tokio::select! {
        cause = read(desk, reading, base, peer, first_within) => cause,
        cause = write(writing, inbox) => cause,
    }
}

async fn read(
    desk: &Desk,
    stream: OwnedReadHalf,
    base: BaseId,
    from: SocketAddr,
    mut first_within: Option<Duration>,
) -> Cause {
    let mut stream = BufReader::new(stream);
    let mut received = 0;
    loop {
        let bytes = match first_within.take() {
            Some(within) => match timeout(within, frame(&mut stream)).await {
                Ok(frame) => frame,
                Err(_) => return Cause::Closed { received },
            },
            None => frame(&mut stream).await,
        };
        match bytes {
            Ok(bytes) => {
                received += bytes.len() as u64;
                let at = desk.clock.now();
                // Waiting here holds up the peer, as TCP means it.
                if desk.frames.send(Frame { base, from, bytes, at }).await.is_err() {
                    return Cause::Closed { received };
                }
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Cause::Reset { received },
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Cause::Closed { received },
            Err(error) => return cause_of(&error),
        }
    }
}

/// RFC 4571 section 2: a length of 16 bits, and as many bytes.
async fn frame(stream: &mut BufReader<OwnedReadHalf>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn write(mut stream: OwnedWriteHalf, mut inbox: mpsc::Receiver<Vec<u8>>) -> Cause {
    while let Some(bytes) = inbox.recv().await {
        // RFC 4571 has no way to write what is longer.
        let Ok(length) = u16::try_from(bytes.len()) else { continue };
        let framed = [&length.to_be_bytes(), bytes.as_slice()].concat();
        match timeout(WRITE_WITHIN, stream.write_all(&framed)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return cause_of(&error),
            Err(_) => return Cause::Closed { received: 0 },
        }
    }
    // The end has let the connection go.
    Cause::Closed { received: 0 }
}
