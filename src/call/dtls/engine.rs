//! The protocol, asked without I/O: datagrams and times in, datagrams and events out.

use super::outcome::{DtlsCause, DtlsError, DtlsVersion};
use super::record;
use super::tap::Tap;
use super::{Identity, MTU, Schedule, Setup, Versions};
use dimpl::crypto::rust_crypto;
use dimpl::{Config, Dtls, Output, ProtocolVersion, SecurityError, SrtpProfile, UnexpectedMessageError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// More outputs than any step of the protocol has.
const MAX_OUTPUTS: usize = 512;
/// The engine's own limit, beyond every deadline of ours: ours decides.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// One end of one association.
pub(super) struct Engine {
    dtls: Dtls,
    pub(super) tap: Tap,
    pub(super) ignored: u32,
    /// A fatal alert in the clear that the protocol does not act on, because anybody could have sent it.
    pub(super) hint: Option<u8>,
    buffer: Vec<u8>,
}

/// What one step asks for.
#[derive(Debug)]
pub(super) struct Turn {
    /// To be sent, in order.
    pub(super) datagrams: Vec<Vec<u8>>,
    /// What happened, in order.
    pub(super) events: Vec<Event>,
    /// When to ask again, if nothing comes before.
    pub(super) wake: Instant,
}

/// What happened in a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The peer's certificate, DER.
    Certificate(Vec<u8>),
    /// The profile that `use_srtp` negotiated, by its IANA name.
    Srtp(&'static str),
    /// The handshake is done.
    Connected,
    /// Application data.
    Data(Vec<u8>),
    /// The peer says goodbye.
    Goodbye,
}

impl Engine {
    pub(super) fn new(
        identity: &Identity,
        setup: Setup,
        versions: Versions,
        schedule: &Schedule,
        now: Instant,
    ) -> Result<Self, DtlsError> {
        let config = Config::builder()
            .with_crypto_provider(rust_crypto::default_provider())
            .mtu(MTU)
            // As libwebrtc's server: ICE has already shown that the peer receives at its address.
            .use_server_cookie(false)
            .flight_start_rto(schedule.first_timeout)
            .flight_retries(usize::try_from(schedule.retries).unwrap_or(usize::MAX))
            .handshake_timeout(NEVER)
            .build()
            .map_err(|error| DtlsError::Engine(error.to_string()))?;
        let (config, certificate) = (Arc::new(config), identity.certificate.clone());
        let mut dtls = match versions {
            Versions::Any => Dtls::new_auto(config, certificate, now),
            Versions::Only(DtlsVersion::V1_2) => Dtls::new_12(config, certificate, now),
            Versions::Only(DtlsVersion::V1_3) => Dtls::new_13(config, certificate, now),
        };
        if setup == Setup::Active {
            dtls.set_active(true);
        }
        Ok(Self { dtls, tap: Tap::default(), ignored: 0, hint: None, buffer: vec![0; 2 * MTU] })
    }

    /// The version, once it is known.
    pub(super) fn version(&self) -> Option<DtlsVersion> {
        match self.dtls.protocol_version()? {
            ProtocolVersion::DTLS1_2 => Some(DtlsVersion::V1_2),
            ProtocolVersion::DTLS1_3 => Some(DtlsVersion::V1_3),
            _ => None,
        }
    }

    /// The time has come, or the handshake begins.
    pub(super) fn time(&mut self, now: Instant) -> Result<Turn, DtlsCause> {
        let begun = self.tap.sent.flights > 0;
        let gave_up = match self.dtls.handle_timeout(now) {
            // Its retries are used up; our deadline is what ends a handshake.
            Err(dimpl::Error::Timeout(_)) => true,
            other => other.map(|()| false).map_err(cause)?,
        };
        let mut turn = self.drain(now, begun);
        if gave_up {
            turn.wake = now + NEVER;
        }
        Ok(turn)
    }

    /// A datagram came.
    pub(super) fn receive(&mut self, datagram: &[u8], now: Instant) -> Result<Turn, DtlsCause> {
        if !super::is_dtls(datagram) {
            self.ignored = self.ignored.saturating_add(1);
            return Ok(Turn { datagrams: Vec::new(), events: Vec::new(), wake: now });
        }
        let seen = self.tap.receives(datagram);
        let _ = self.dtls.handle_timeout(now);
        match self.dtls.handle_packet(datagram) {
            Ok(()) => {
                self.hint = seen.fatal_alert.or(self.hint);
                Ok(self.drain(now, false))
            }
            Err(dimpl::Error::UnexpectedMessage(UnexpectedMessageError::UnrecognizedAutoServerResponse)) => {
                self.unexpected_first(&seen, now)
            }
            Err(error) => Err(cause(error)),
        }
    }

    /// Application data for the peer.
    pub(super) fn send(&mut self, data: &[u8], now: Instant) -> Result<Turn, DtlsCause> {
        self.dtls.send_application_data(data).map_err(cause)?;
        Ok(self.drain(now, false))
    }

    /// The goodbye, if there is still somebody to say it to.
    pub(super) fn close(&mut self, now: Instant) -> Turn {
        let _ = self.dtls.close();
        self.drain(now, false)
    }

    /// The engine has not learnt the version, and this is no beginning of an answer: an alert, or a later datagram
    /// that overtook the ServerHello. The engine is as it was before, and the peer will send again.
    fn unexpected_first(&mut self, seen: &record::Datagram, now: Instant) -> Result<Turn, DtlsCause> {
        // Anybody could have sent an alert in the clear: the handshake still has a moment to succeed.
        match seen.fatal_alert {
            Some(number) => self.hint = Some(number),
            None => self.ignored = self.ignored.saturating_add(1),
        }
        Ok(self.drain(now, false))
    }

    fn drain(&mut self, now: Instant, by_timer: bool) -> Turn {
        let mut turn = Turn { datagrams: Vec::new(), events: Vec::new(), wake: now };
        for _ in 0..MAX_OUTPUTS {
            match self.dtls.poll_output(&mut self.buffer) {
                Output::Packet(datagram) => turn.datagrams.push(datagram.to_vec()),
                Output::BufferTooSmall { needed } => self.buffer.resize(needed, 0),
                Output::Timeout(wake) => {
                    turn.wake = wake;
                    break;
                }
                Output::Connected => turn.events.push(Event::Connected),
                Output::PeerCert(der) => turn.events.push(Event::Certificate(der.to_vec())),
                Output::KeyingMaterial(_, profile) => turn.events.push(Event::Srtp(srtp_name(profile))),
                Output::ApplicationData(data) => turn.events.push(Event::Data(data.to_vec())),
                Output::CloseNotify => turn.events.push(Event::Goodbye),
                _ => {}
            }
        }
        self.tap.sends(&turn.datagrams, by_timer);
        turn
    }
}

fn cause(error: dimpl::Error) -> DtlsCause {
    match error {
        dimpl::Error::SecurityError(SecurityError::FatalAlert { description }) => {
            DtlsCause::alert(description)
        }
        dimpl::Error::ConnectionClosed => DtlsCause::Closed,
        other => DtlsCause::Protocol { detail: other.to_string() },
    }
}

/// RFC 5764 section 4.1.2, RFC 7714 section 14.2.
fn srtp_name(profile: SrtpProfile) -> &'static str {
    match profile {
        SrtpProfile::AES128_CM_SHA1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
        SrtpProfile::AEAD_AES_128_GCM => "SRTP_AEAD_AES_128_GCM",
        SrtpProfile::AEAD_AES_256_GCM => "SRTP_AEAD_AES_256_GCM",
        _ => "unknown",
    }
}
