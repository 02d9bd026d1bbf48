//! What is told of a handshake.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a handshake went, with what could be seen of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DtlsOutcome {
    /// Connected, with the certificate that was signalled.
    pub ok: bool,
    /// From our first flight, or the peer's first datagram, to the end that both sides know of; milliseconds. Where a
    /// flight had to be repeated before anything came, from a round trip before the peer's first datagram.
    pub handshake_ms: Option<f64>,
    /// What then lies before that, since our first flight: the peer had not begun yet, or flights were lost;
    /// milliseconds.
    pub unanswered_ms: Option<f64>,
    /// What was negotiated.
    pub version: Option<DtlsVersion>,
    /// What the ServerHello says, by its IANA name; its number (`0xC02B`) when it has none here.
    pub cipher_suite: Option<String>,
    /// The protection profile that `use_srtp` negotiated, by its IANA name (RFC 5764, RFC 7714).
    pub srtp_profile: Option<String>,
    /// SHA-256 fingerprint of the certificate that the peer showed.
    pub peer_fingerprint: Option<String>,
    /// Whether that certificate is the one that was signalled; `None` when none was seen.
    pub fingerprint_matches: Option<bool>,
    /// What we sent.
    pub sent: Flow,
    /// What came from the peer.
    pub received: Flow,
    /// Flights that we sent again.
    pub retransmissions: u32,
    /// The largest datagram of ours that the peer is known to have received, bytes.
    pub proven_sent: usize,
    /// The largest datagram that came from the peer, bytes.
    pub proven_received: usize,
    /// Datagrams that were not DTLS, or that the protocol let fall as unreadable.
    pub ignored: u32,
    /// Why it failed.
    pub cause: Option<DtlsCause>,
}

/// One direction of a handshake. A flight is what one end sends before it hears the other again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flow {
    /// Datagrams.
    pub datagrams: u32,
    /// Their bytes.
    pub bytes: u64,
    /// The largest datagram, bytes.
    pub largest_datagram: usize,
    /// Flights, the repeated ones included.
    pub flights: u32,
    /// The largest flight, bytes.
    pub largest_flight: usize,
    /// Flights that were seen to be repeated.
    pub repeats: u32,
}

/// Versions of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DtlsVersion {
    /// RFC 6347.
    #[serde(rename = "1.2")]
    V1_2,
    /// RFC 9147.
    #[serde(rename = "1.3")]
    V1_3,
}

/// Why a handshake failed. Codes are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum DtlsCause {
    /// Not one DTLS datagram came: where STUN passes, something on the way eats DTLS, or nobody speaks it there.
    NoAnswer {
        /// Flights sent, the repeated ones included; none when it was ours to wait.
        flights: u32,
        /// From the first of them to giving up, milliseconds.
        waited_ms: u64,
    },
    /// The handshake began and did not end.
    Stalled {
        /// Flights sent, the repeated ones included.
        flights: u32,
        /// Size of the largest datagram in our last flight, bytes: full-size ones may be what does not pass.
        unanswered_datagram: usize,
        /// The handshake messages that came in the clear, in order.
        heard: Vec<String>,
        /// From the last datagram that came to giving up, milliseconds.
        silent_ms: u64,
    },
    /// The peer's certificate is not the one that was signalled: somebody else answers on this path.
    FingerprintMismatch {
        /// Fingerprints that were signalled.
        expected: Vec<String>,
        /// SHA-256 of the certificate that was shown.
        seen: String,
    },
    /// The peer ended it with an alert.
    Alert {
        /// Number of the description (RFC 8446 section 6).
        number: u8,
        /// Its name, when it has one.
        name: Option<String>,
    },
    /// The path was closed under the handshake, or the peer said goodbye in it.
    Closed,
    /// What came breaks the protocol.
    Protocol {
        /// The engine's words.
        detail: String,
    },
}

impl DtlsCause {
    /// An alert by its number.
    pub(super) fn alert(number: u8) -> Self {
        Self::Alert { number, name: alert_name(number).map(str::to_owned) }
    }
}

impl fmt::Display for DtlsCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: &u64| *ms as f64 / 1000.0;
        match self {
            Self::NoAnswer { flights: 0, waited_ms } => {
                write!(f, "no DTLS datagram came in {:.1} s", seconds(waited_ms))
            }
            Self::NoAnswer { flights, waited_ms } => {
                write!(f, "no answer to {flights} DTLS flights in {:.1} s", seconds(waited_ms))
            }
            Self::Stalled { unanswered_datagram, heard, silent_ms, .. } => {
                let heard =
                    if heard.is_empty() { "nothing in the clear".to_owned() } else { heard.join(", ") };
                write!(
                    f,
                    "the handshake stopped after {heard}: silent for {:.1} s, our last flight has a datagram of \
                     {unanswered_datagram} bytes",
                    seconds(silent_ms)
                )
            }
            Self::FingerprintMismatch { seen, .. } => {
                write!(f, "the certificate is not the one that was signalled: {seen}")
            }
            Self::Alert { number, name } => match name {
                Some(name) => write!(f, "the peer ended the handshake: {name} ({number})"),
                None => write!(f, "the peer ended the handshake with alert {number}"),
            },
            Self::Closed => f.write_str("the path was closed during the handshake"),
            Self::Protocol { detail } => write!(f, "not DTLS as it should be: {detail}"),
        }
    }
}

/// What this host could not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DtlsError {
    /// No certificate could be made.
    #[error("no certificate could be made: {0}")]
    Certificate(String),
    /// The engine does not take the configuration.
    #[error("the DTLS engine cannot be set up: {0}")]
    Engine(String),
    /// A text is not a fingerprint.
    #[error(
        "not a fingerprint as in RFC 8122: a hash function's name, a space, bytes in hex with colons between"
    )]
    Fingerprint,
    /// There is nothing to compare the peer's certificate with.
    #[error("no fingerprint of the peer's certificate was signalled")]
    NoFingerprint,
}

/// Names of alerts: RFC 8446 section 6, RFC 5246 section 7.2.
fn alert_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return None,
    })
}
