//! DTLS over the pair that was selected, and what is kept of it.

use super::dtls::{DtlsEnd, DtlsError, DtlsOutcome, Fingerprint, PathConn, Schedule, Session, Setup};
use super::end::End;
use super::record::DtlsRecord;
use std::sync::Arc;
use std::time::Duration;

/// How long the handshake may take: libwebrtc's flights are repeated after 50 ms and more, doubling, so a peer that is
/// there answers one of eight.
const WITHIN: Duration = Duration::from_secs(10);
/// A full-size datagram, as the media of a video call fills them (libwebrtc's `kVideoMtu` is 1200).
const FULL_SIZE: usize = 1200;
const ECHO_TRIES: u32 = 5;
const ECHO_WAIT: Duration = Duration::from_millis(600);

/// What one end brings to the handshake.
pub(super) struct Side<'a> {
    pub(super) end: &'a End,
    pub(super) dtls: &'a DtlsEnd,
    pub(super) setup: Setup,
    /// Fingerprints that the peer signalled.
    pub(super) signalled: Vec<Fingerprint>,
    /// The round trip of the selected pair.
    pub(super) rtt: Option<Duration>,
}

/// A handshake, and the association when it came about.
pub(super) struct Secured {
    pub(super) record: DtlsRecord,
    pub(super) session: Option<Session>,
}

/// Shakes hands. None when no pair is selected.
pub(super) async fn secure(side: Side<'_>) -> Option<Secured> {
    let path = side.end.data_path().await?;
    let conn = Arc::new(PathConn::new(path.outgoing, path.incoming, path.local, path.remote));
    let schedule = Schedule::libwebrtc(side.rtt, WITHIN);
    Some(match side.dtls.handshake(conn, side.setup, &side.signalled, schedule).await {
        Ok(handshake) => Secured { record: record(&handshake.outcome), session: handshake.session },
        Err(error) => Secured { record: not_tried(&error), session: None },
    })
}

impl Secured {
    /// Proves that full-size datagrams cross both ways. Only another raincheck answers that.
    pub(super) async fn prove_full_size(&mut self) {
        let Some(session) = &self.session else { return };
        if let Some(echo) = session.echo(FULL_SIZE, ECHO_TRIES, ECHO_WAIT).await {
            let [out, back] = self.record.largest;
            self.record.largest = [out.max(Some(echo.sent)), back.max(Some(echo.received))];
        }
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        if let Some(session) = self.session {
            session.close().await;
        }
    }
}

fn record(outcome: &DtlsOutcome) -> DtlsRecord {
    let size = |bytes: usize| Some(bytes).filter(|bytes| *bytes > 0);
    let time = |ms: f64| Duration::try_from_secs_f64(ms / 1000.0).ok();
    let cause = outcome.cause.as_ref();
    DtlsRecord {
        ok: outcome.ok,
        handshake: outcome.handshake_ms.and_then(time),
        unanswered: outcome.unanswered_ms.and_then(time),
        version: outcome
            .version
            .and_then(|version| serde_json::to_value(version).ok())
            .and_then(|version| version.as_str().map(|number| format!("DTLS {number}"))),
        cipher: outcome.cipher_suite.clone(),
        fingerprint_matches: outcome.fingerprint_matches,
        largest: [size(outcome.proven_sent), size(outcome.proven_received)],
        flights_sent: outcome.sent.flights,
        received: u64::from(outcome.received.datagrams),
        failure: cause.map(ToString::to_string),
        failure_code: cause
            .and_then(|cause| serde_json::to_value(cause).ok())
            .and_then(|cause| cause.get("code").and_then(|code| code.as_str()).map(str::to_owned)),
    }
}

fn not_tried(error: &DtlsError) -> DtlsRecord {
    let code = if *error == DtlsError::NoFingerprint { "no-fingerprint" } else { "not-tried" };
    DtlsRecord {
        ok: false,
        handshake: None,
        unanswered: None,
        version: None,
        cipher: None,
        fingerprint_matches: None,
        largest: [None, None],
        flights_sent: 0,
        received: 0,
        failure: Some(error.to_string()),
        failure_code: Some(code.to_owned()),
    }
}
