//! Lines of bytes over the session.

use super::ChannelError;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::{Instant, timeout_at};

/// Bytes of one line, its end not counted.
pub const MAX_LINE: usize = 64 * 1024;
/// Lines that are taken from the other side in one call.
pub const MAX_LINES: usize = 10_000;
/// Bytes that are taken from the other side in one call.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A stream that can carry a channel.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open channel. Both sides have shown that they know the code.
pub struct Channel {
    sender: ChannelSender,
    receiver: ChannelReceiver,
    peer: Option<SocketAddr>,
}

/// The sending half.
pub struct ChannelSender(WriteHalf<Box<dyn Stream>>, bool);

/// The receiving half.
pub struct ChannelReceiver {
    stream: ReadHalf<Box<dyn Stream>>,
    buffer: Vec<u8>,
    /// Bytes of the buffer in which no end of line was found yet.
    searched: usize,
    lines: usize,
    bytes: usize,
    over: bool,
}

impl Channel {
    pub(super) fn new(stream: impl Stream + 'static, peer: Option<SocketAddr>) -> Self {
        let (read, write) = split(Box::new(stream) as Box<dyn Stream>);
        let receiver = ChannelReceiver {
            stream: read,
            buffer: Vec::new(),
            searched: 0,
            lines: 0,
            bytes: 0,
            over: false,
        };
        Self { sender: ChannelSender(write, false), receiver, peer }
    }

    /// The other side's address; `None` over a stream that was handed in.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// See [`ChannelSender::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&mut self, line: &[u8], deadline: Instant) -> Result<(), ChannelError> {
        self.sender.send(line, deadline).await
    }

    /// See [`ChannelReceiver::receive`].
    ///
    /// # Errors
    /// As there.
    pub async fn receive(&mut self, deadline: Instant) -> Result<Option<Vec<u8>>, ChannelError> {
        self.receiver.receive(deadline).await
    }

    /// See [`ChannelSender::close`].
    pub async fn close(self, deadline: Instant) {
        self.sender.close(deadline).await;
    }

    /// The line with a proof or its refusal; the end of the stream is no answer here.
    pub(super) async fn proof_line(
        &mut self,
        most: usize,
        deadline: Instant,
    ) -> Result<Vec<u8>, ChannelError> {
        match self.receiver.receive_within(most, deadline).await {
            Ok(line) => line.ok_or(ChannelError::Cut),
            Err(ChannelError::BadLine) => {
                Err(ChannelError::NotRaincheck { seen: "no proof of the code came".to_owned() })
            }
            Err(other) => Err(other),
        }
    }

    /// The two halves, for two tasks.
    pub fn split(self) -> (ChannelSender, ChannelReceiver) {
        (self.sender, self.receiver)
    }
}

impl ChannelSender {
    /// Sends one line. After an error, or when the future was dropped, the line may be half sent: nothing more can be
    /// sent then.
    ///
    /// # Errors
    /// [`BadLine`](ChannelError::BadLine) for a line that is too long or holds an end of line,
    /// [`Silent`](ChannelError::Silent) when the other side does not take it in time, [`Cut`](ChannelError::Cut).
    pub async fn send(&mut self, line: &[u8], deadline: Instant) -> Result<(), ChannelError> {
        if line.len() > MAX_LINE || line.contains(&b'\n') {
            return Err(ChannelError::BadLine);
        }
        // Half a line may have left; anything after it would be read as its end.
        if std::mem::replace(&mut self.1, true) {
            return Err(ChannelError::Cut);
        }
        let began = Instant::now();
        let whole = [line, b"\n"].concat();
        let sent = timeout_at(deadline, async {
            self.0.write_all(&whole).await?;
            self.0.flush().await
        });
        match sent.await {
            Ok(Ok(())) => {
                self.1 = false;
                Ok(())
            }
            Ok(Err(error)) => Err(broken(&error)),
            Err(_) => Err(ChannelError::Silent { waited: began.elapsed() }),
        }
    }

    /// Says goodbye, so that the other side can tell the end from a cut.
    pub async fn close(mut self, deadline: Instant) {
        let _ = timeout_at(deadline, self.0.shutdown()).await;
    }
}

impl ChannelReceiver {
    /// The next line without its end; `None` after the other side's goodbye. May be dropped and asked again: nothing is
    /// lost.
    ///
    /// # Errors
    /// [`Silent`](ChannelError::Silent) at the deadline, [`Cut`](ChannelError::Cut) without a goodbye,
    /// [`BadLine`](ChannelError::BadLine) and [`TooMuch`](ChannelError::TooMuch) over the limits.
    pub async fn receive(&mut self, deadline: Instant) -> Result<Option<Vec<u8>>, ChannelError> {
        self.receive_within(MAX_LINE, deadline).await
    }

    /// The same with a shorter limit, for the time before the proof.
    pub(super) async fn receive_within(
        &mut self,
        most: usize,
        deadline: Instant,
    ) -> Result<Option<Vec<u8>>, ChannelError> {
        let began = Instant::now();
        loop {
            if let Some(line) = self.take_line(most)? {
                return Ok(Some(line));
            }
            if self.over {
                return if self.buffer.is_empty() { Ok(None) } else { Err(ChannelError::Cut) };
            }
            match timeout_at(deadline, self.read_some()).await {
                Ok(read) => read?,
                Err(_) => return Err(ChannelError::Silent { waited: began.elapsed() }),
            }
        }
    }

    fn take_line(&mut self, most: usize) -> Result<Option<Vec<u8>>, ChannelError> {
        let found = self.buffer.iter().skip(self.searched).position(|byte| *byte == b'\n');
        let end = match found {
            Some(after) => self.searched + after,
            None => self.buffer.len(),
        };
        if end > most {
            return Err(ChannelError::BadLine);
        }
        if found.is_none() {
            self.searched = end;
            return Ok(None);
        }
        self.lines += 1;
        self.bytes += end + 1;
        if self.lines > MAX_LINES || self.bytes > MAX_BYTES {
            return Err(ChannelError::TooMuch);
        }
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        self.searched = 0;
        Ok(Some(line))
    }

    /// One read. Nothing is lost when it is dropped: bytes reach the buffer in the same step in which they are read.
    async fn read_some(&mut self) -> Result<(), ChannelError> {
        let mut piece = [0; 4096];
        let read = self.stream.read(&mut piece).await.map_err(|error| broken(&error))?;
        self.buffer.extend(piece.iter().take(read));
        self.over = read == 0;
        Ok(())
    }
}

fn broken(error: &io::Error) -> ChannelError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => ChannelError::Tls { detail: error.to_string() },
        None => ChannelError::Cut,
    }
}
