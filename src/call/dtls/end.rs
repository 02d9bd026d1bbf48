//! One end's handshake.

use super::engine::{Engine, Event, Turn};
use super::identity::{Fingerprint, Hash, Identity};
use super::outcome::{DtlsCause, DtlsError, DtlsOutcome, DtlsVersion};
use super::record;
use super::session::Session;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use webrtc_util::conn::Conn;

/// `bad_certificate` (RFC 8446 section 6.2): what an end says whose peer shows another certificate than was signalled.
const BAD_CERTIFICATE: u8 = 42;
/// How long a handshake has to show, after an alert that anybody could have sent, that it goes on all the same.
const GRACE: Duration = Duration::from_secs(1);
/// No datagram of DTLS is longer.
pub(super) const LARGEST: usize = 0x1_0000;

/// Who begins (`a=setup`, RFC 8842): the active end sends the ClientHello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// The DTLS client.
    Active,
    /// The DTLS server.
    Passive,
}

/// Which versions are offered and taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Versions {
    /// 1.3, and 1.2 with an end that has no more.
    #[default]
    Any,
    /// One alone.
    Only(DtlsVersion),
}

/// When flights are repeated and when the handshake is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// From a flight to its first repetition; it doubles each time, and varies by a quarter up or down.
    pub first_timeout: Duration,
    /// How often a flight is repeated at most.
    pub retries: u32,
    /// From the beginning to giving up.
    pub within: Duration,
    /// The path's shortest round trip; none when it is not known.
    pub rtt: Option<Duration>,
}

impl Schedule {
    /// As RFC 9147 section 5.8.2 and RFC 6347 section 4.2.4.1 recommend: 1 s, doubled.
    pub const RFC: Self = Self {
        first_timeout: Duration::from_secs(1),
        retries: 12,
        within: Duration::from_secs(30),
        rtt: None,
    };

    /// As libwebrtc: twice the round trip that ICE measured, at least 50 ms and at most 3 s (`p2p/dtls/dtls_transport.cc`,
    /// `kMinHandshakeTimeout`, `kMaxHandshakeTimeout`), and 50 ms when it measured none
    /// (`rtc_base/openssl_stream_adapter.h`, `dtls_handshake_timeout_ms_`). The deadline is ours.
    pub fn libwebrtc(ice_rtt: Option<Duration>, within: Duration) -> Self {
        let (least, most) = (Duration::from_millis(50), Duration::from_secs(3));
        let first_timeout = ice_rtt.map_or(least, |rtt| (rtt * 2).clamp(least, most));
        Self { first_timeout, retries: 12, within, rtt: ice_rtt }
    }
}

/// Our end of the calls: its certificate and what it speaks.
#[derive(Clone)]
pub struct DtlsEnd {
    identity: Arc<Identity>,
    versions: Versions,
}

/// A finished handshake: what is told of it, and the association when it connected.
pub struct Handshake {
    /// How it went.
    pub outcome: DtlsOutcome,
    /// For data and the goodbye; `None` when the handshake failed.
    pub session: Option<Session>,
}

impl DtlsEnd {
    /// An end with its own new certificate.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn new() -> Result<Self, DtlsError> {
        Ok(Self { identity: Arc::new(Identity::generate()?), versions: Versions::Any })
    }

    /// The same end, with other versions.
    #[must_use]
    pub fn speaking(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// What is signalled to the peer.
    pub fn fingerprint(&self) -> &Fingerprint {
        self.identity.fingerprint()
    }

    /// Performs the handshake with the end that was signalled. The certificate is compared before anything that
    /// depends on it is sent, so a peer with another one never sees our last flight.
    ///
    /// Dropping the future gives the handshake up without a word to the peer.
    ///
    /// # Errors
    /// When nothing was signalled to compare with, or the engine cannot be set up. All that goes wrong on the path
    /// is in the outcome.
    pub async fn handshake(
        &self,
        conn: Arc<dyn Conn + Send + Sync>,
        setup: Setup,
        signalled: &[Fingerprint],
        schedule: Schedule,
    ) -> Result<Handshake, DtlsError> {
        if signalled.is_empty() {
            return Err(DtlsError::NoFingerprint);
        }
        let began = Instant::now();
        let engine = Engine::new(&self.identity, setup, self.versions, &schedule, began.into_std())?;
        let mut attempt = Attempt {
            conn,
            engine,
            signalled,
            peer: None,
            srtp: None,
            early: VecDeque::new(),
            first: None,
            answered: None,
            rtt: schedule.rtt,
            last_heard: None,
            proven_sent: 0,
            wake: began,
            doomed: None,
        };
        let result = attempt.run(began + schedule.within).await;
        Ok(attempt.finish(result, began))
    }
}

/// A handshake under way.
struct Attempt<'a> {
    conn: Arc<dyn Conn + Send + Sync>,
    engine: Engine,
    signalled: &'a [Fingerprint],
    /// The peer's certificate and whether it is the right one.
    peer: Option<(Fingerprint, bool)>,
    srtp: Option<&'static str>,
    /// Data that came with the last flight.
    early: VecDeque<Vec<u8>>,
    /// When the first datagram was sent or came.
    first: Option<Instant>,
    /// When the question of the first answer left at the latest, if it was asked more than once.
    answered: Option<Instant>,
    rtt: Option<Duration>,
    last_heard: Option<Instant>,
    proven_sent: usize,
    wake: Instant,
    /// When it ends, after an alert in the clear.
    doomed: Option<Instant>,
}

impl Attempt<'_> {
    /// Runs to the end; `Ok` when connected.
    async fn run(&mut self, mut deadline: Instant) -> Result<(), DtlsCause> {
        let conn = Arc::clone(&self.conn);
        let mut buffer = vec![0; LARGEST];
        let turn = self.engine.time(Instant::now().into_std())?;
        if self.take(turn).await? {
            return Ok(());
        }
        loop {
            let turn = tokio::select! {
                biased;
                () = sleep_until(deadline) => return Err(self.gave_up()),
                came = conn.recv(&mut buffer) => {
                    let length = came.map_err(|_| DtlsCause::Closed)?;
                    self.came(buffer.get(..length).unwrap_or_default())?
                }
                () = sleep_until(self.wake) => self.engine.time(Instant::now().into_std())?,
            };
            if self.take(turn).await? {
                return Ok(());
            }
            if self.engine.hint.is_some() && self.doomed.is_none() {
                deadline = deadline.min(*self.doomed.insert(Instant::now() + GRACE));
            }
        }
    }

    fn came(&mut self, datagram: &[u8]) -> Result<Turn, DtlsCause> {
        let now = Instant::now();
        if !super::is_dtls(datagram) {
            let mut turn = self.engine.receive(datagram, now.into_std())?;
            turn.wake = self.wake.into_std();
            return Ok(turn);
        }
        self.first.get_or_insert(now);
        if self.last_heard.replace(now).is_none() && self.engine.tap.sent.flights > 1 {
            self.answered = self.rtt.and_then(|rtt| now.checked_sub(rtt)).max(self.first);
        }
        // What was sent before this step; when the step connects, the peer has all of it.
        let answered = self.engine.tap.sent.largest_datagram;
        let turn = self.engine.receive(datagram, now.into_std())?;
        if turn.events.contains(&Event::Connected) {
            self.proven_sent = answered;
        }
        Ok(turn)
    }

    /// Does what a step asks for; `true` when connected.
    async fn take(&mut self, turn: Turn) -> Result<bool, DtlsCause> {
        self.wake = Instant::from_std(turn.wake);
        let (mut connected, mut goodbye) = (false, false);
        for event in turn.events {
            match event {
                Event::Certificate(der) => self.compare(&der).await?,
                Event::Srtp(profile) => self.srtp = Some(profile),
                Event::Connected => connected = true,
                Event::Data(data) => self.early.push_back(data),
                Event::Goodbye => goodbye = true,
            }
        }
        if connected && self.peer.is_none() {
            return Err(DtlsCause::Protocol { detail: "the peer showed no certificate".to_owned() });
        }
        if !turn.datagrams.is_empty() {
            self.first.get_or_insert_with(Instant::now);
        }
        for datagram in &turn.datagrams {
            self.conn.send(datagram).await.map_err(|_| DtlsCause::Closed)?;
        }
        if goodbye { Err(DtlsCause::Closed) } else { Ok(connected) }
    }

    async fn compare(&mut self, der: &[u8]) -> Result<(), DtlsCause> {
        let seen = Fingerprint::of(Hash::Sha256, der);
        let matches = Fingerprint::admits(self.signalled, der);
        let text = seen.to_string();
        self.peer = Some((seen, matches));
        if matches {
            return Ok(());
        }
        let _ = self.conn.send(&record::fatal_alert(BAD_CERTIFICATE)).await;
        let expected = self.signalled.iter().take(8).map(ToString::to_string).collect();
        Err(DtlsCause::FingerprintMismatch { expected, seen: text })
    }

    fn gave_up(&self) -> DtlsCause {
        let now = Instant::now();
        let tap = &self.engine.tap;
        let since = |then: Option<Instant>| then.map_or(0, |then| (now - then).as_millis() as u64);
        match self.last_heard {
            None => DtlsCause::NoAnswer { flights: tap.sent.flights, waited_ms: since(self.first) },
            Some(heard) => DtlsCause::Stalled {
                flights: tap.sent.flights,
                unanswered_datagram: tap.last_flight_largest,
                heard: tap.heard.clone(),
                silent_ms: since(Some(heard)),
            },
        }
    }

    fn finish(self, result: Result<(), DtlsCause>, began: Instant) -> Handshake {
        let cause = result.err().map(|cause| match cause {
            // Nothing was sent and nothing came: the wait counts from its beginning.
            DtlsCause::NoAnswer { flights: 0, .. } => {
                DtlsCause::NoAnswer { flights: 0, waited_ms: began.elapsed().as_millis() as u64 }
            }
            DtlsCause::Stalled { .. } | DtlsCause::Closed if self.engine.hint.is_some() => {
                DtlsCause::alert(self.engine.hint.unwrap_or_default())
            }
            other => other,
        });
        let ok = cause.is_none();
        let tap = &self.engine.tap;
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let answered = self.answered.or(self.first);
        let unanswered = self.first.zip(answered).map(|(first, answered)| answered - first);
        let outcome = DtlsOutcome {
            ok,
            handshake_ms: answered.map(|answered| ms(answered.elapsed())).filter(|_| ok),
            unanswered_ms: unanswered.filter(|waited| ok && !waited.is_zero()).map(ms),
            version: self.engine.version().filter(|_| tap.suite.is_some()),
            cipher_suite: tap.suite.map(record::suite_name),
            srtp_profile: self.srtp.map(str::to_owned),
            peer_fingerprint: self.peer.as_ref().map(|(seen, _)| seen.to_string()),
            fingerprint_matches: self.peer.as_ref().map(|(_, matches)| *matches),
            sent: tap.sent,
            received: tap.received,
            retransmissions: tap.sent.repeats,
            proven_sent: self.proven_sent,
            proven_received: tap.received.largest_datagram,
            ignored: self.engine.ignored,
            cause,
        };
        let session = ok.then(|| Session::start(self.conn, self.engine, self.early, self.wake));
        Handshake { outcome, session }
    }
}
