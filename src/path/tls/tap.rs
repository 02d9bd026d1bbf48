//! A stream that remembers how its other end began to answer.

use crate::path::open::ByteStream;
use crate::run::Clock;
use raincheck_probes::evidence::{Cause, FirstBytes};
use raincheck_probes::machine::Offset;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const KEEP: usize = 64;

/// The stream under a handshake. After [`TapReader::take`] it only passes on.
pub(super) struct Tap {
    stream: Box<dyn ByteStream>,
    clock: Clock,
    shared: Arc<Shared>,
}

/// Where the notes are read.
pub(super) struct TapReader(Arc<Shared>);

struct Shared {
    on: AtomicBool,
    tapped: Mutex<Tapped>,
}

/// What went over the stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Tapped {
    first_write: Option<Offset>,
    first_read: Option<Offset>,
    first_bytes: Vec<u8>,
    /// Bytes that came in.
    pub(super) received: u64,
}

impl Tap {
    pub(super) fn new(stream: Box<dyn ByteStream>, clock: Clock) -> (Self, TapReader) {
        let shared = Arc::new(Shared { on: AtomicBool::new(true), tapped: Mutex::default() });
        (Self { stream, clock, shared: Arc::clone(&shared) }, TapReader(shared))
    }
}

impl TapReader {
    /// Ends the note-taking.
    pub(super) fn take(self) -> Tapped {
        self.0.on.store(false, Ordering::Relaxed);
        self.0.lock().clone()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Tapped> {
        self.tapped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tapped {
    /// From the first byte sent to the first byte back.
    pub(super) fn answer_time(&self) -> Option<Duration> {
        Some(self.first_read?.since(self.first_write?))
    }

    /// The cause, when what came in does not begin with a TLS record header (RFC 8446 section 5.1).
    pub(super) fn not_tls(&self) -> Option<Cause> {
        let is_record = match self.first_bytes.as_slice() {
            [] => return None,
            [kind] => (20..=24).contains(kind),
            [kind, major, ..] => (20..=24).contains(kind) && *major == 3,
        };
        (!is_record).then(|| Cause::TlsNotTls { first_bytes: FirstBytes::of(&self.first_bytes) })
    }

    fn read(&mut self, bytes: &[u8], now: Offset) {
        self.first_read.get_or_insert(now);
        self.received += bytes.len() as u64;
        let room = KEEP.saturating_sub(self.first_bytes.len());
        self.first_bytes.extend(bytes.iter().take(room));
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        let bytes = into.filled().get(before..).unwrap_or_default();
        if self.shared.on.load(Ordering::Relaxed) && !bytes.is_empty() {
            self.shared.lock().read(bytes, self.clock.now());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.shared.on.load(Ordering::Relaxed) {
            let now = self.clock.now();
            self.shared.lock().first_write.get_or_insert(now);
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
