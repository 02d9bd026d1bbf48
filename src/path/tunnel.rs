//! The drive of the CONNECT machine over a stream.

use super::connect::cause_of;
use super::open::ByteStream;
use crate::run::Clock;
use raincheck_probes::evidence::Cause;
use raincheck_probes::machine::{Input, Machine, Poll};
use raincheck_probes::tunnel::{Connect, End, Ended};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout_at;

const READ: usize = 4096;

/// Drives a handshake to its end on this stream.
pub(super) async fn drive(machine: &mut Connect, stream: &mut dyn ByteStream, clock: Clock) -> Ended {
    let mut buffer = [0; READ];
    let mut broken: Option<Cause> = None;
    machine.handle(Input::Tick, clock.now());
    loop {
        match machine.poll() {
            // A request fits into any socket buffer; a proxy that takes none of it is as silent as one that does.
            Poll::Transmit(bytes) => {
                if let Err(error) = send(stream, &bytes).await {
                    broken = Some(cause_of(&error));
                    machine.handle(Input::Closed, clock.now());
                }
            }
            Poll::WaitUntil(at) => match timeout_at(clock.instant(at), stream.read(&mut buffer)).await {
                Err(_) => machine.handle(Input::Tick, clock.now()),
                Ok(Ok(0)) => machine.handle(Input::Closed, clock.now()),
                Ok(Ok(length)) => {
                    machine.handle(Input::Received(buffer.get(..length).unwrap_or_default()), clock.now());
                }
                Ok(Err(error)) => {
                    broken = Some(cause_of(&error));
                    machine.handle(Input::Closed, clock.now());
                }
            },
            Poll::Done(ended) => return Ended { end: with_the_reason(ended.end, broken), ..ended },
        }
    }
}

async fn send(stream: &mut dyn ByteStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// The machine only knows that the stream ended; the socket knows how.
fn with_the_reason(end: End, broken: Option<Cause>) -> End {
    match (end, broken) {
        (End::Failed(Cause::Closed { received }), Some(Cause::Reset { .. })) => {
            End::Failed(Cause::Reset { received })
        }
        (End::Failed(Cause::Closed { .. }), Some(cause)) if !matches!(cause, Cause::Closed { .. }) => {
            End::Failed(cause)
        }
        (end, _) => end,
    }
}
