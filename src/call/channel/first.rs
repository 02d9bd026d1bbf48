//! How the other side's bytes began.

use raincheck_probes::evidence::FirstBytes;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const KEEP: usize = 64;

/// A stream that keeps the first bytes that came.
pub(super) struct Watched<S> {
    stream: S,
    first: First,
}

/// Those bytes.
#[derive(Clone, Default)]
pub(super) struct First(Arc<Mutex<Vec<u8>>>);

impl<S> Watched<S> {
    pub(super) fn new(stream: S) -> (Self, First) {
        let first = First::default();
        (Self { stream, first: first.clone() }, first)
    }
}

impl First {
    /// Whether they are TLS, or may become it.
    pub(super) fn is_tls(&self) -> bool {
        match self.bytes().as_slice() {
            [] => false,
            [kind] => matches!(kind, 20..=23),
            [kind, version, ..] => matches!(kind, 20..=23) && *version == 3,
        }
    }

    /// What they look like, in words; `None` when nothing came.
    pub(super) fn describe(&self) -> Option<String> {
        let bytes = self.bytes();
        if bytes.is_empty() {
            return None;
        }
        let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        let shown = FirstBytes::of(line).0;
        let begins = |with: &[&str]| with.iter().any(|with| bytes.starts_with(with.as_bytes()));
        Some(if begins(&["HTTP/"]) {
            format!("an HTTP server answers \"{shown}\"")
        } else if begins(&["GET ", "POST ", "HEAD ", "OPTIONS ", "CONNECT ", "PUT "]) {
            format!("an HTTP client asks \"{shown}\"")
        } else if begins(&["SSH-"]) {
            format!("SSH, \"{shown}\"")
        } else if begins(&["220 ", "220-"]) {
            format!("a mail or FTP server, \"{shown}\"")
        } else {
            format!("it begins with \"{shown}\"")
        })
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        let mut kept = self.first.bytes();
        if kept.len() < KEEP {
            let room = KEEP - kept.len();
            kept.extend(into.filled().iter().skip(before).take(room));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
