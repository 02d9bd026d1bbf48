//! Why a layer failed: one variant per thing that can be told apart on the wire.
//!
//! A cause names what happened, never what it means; meaning is the verdict's. Codes are stable.

use crate::tunnel::AuthScheme;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// The first bytes of an answer that was not what the protocol allows, at most 64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FirstBytes(pub String);

impl FirstBytes {
    /// Keeps the first bytes in a printable form: text as it is, anything else escaped.
    pub fn of(bytes: &[u8]) -> Self {
        let head = &bytes[..bytes.len().min(64)];
        Self(head.escape_ascii().to_string())
    }
}

/// What happened on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Cause {
    // resolve
    /// The resolver says that the name does not exist or has no address.
    NameNotFound,
    /// The resolver did not answer.
    ResolveTimeout {
        /// How long it was given, milliseconds.
        waited_ms: u64,
    },
    /// The resolver failed in another way.
    ResolveFailed {
        /// The system's words.
        detail: String,
    },
    // connect, and any stream
    /// No answer to the connection requests.
    ConnectTimeout {
        /// Connections that were begun.
        attempts: u32,
        /// From the first to giving up, milliseconds.
        waited_ms: u64,
    },
    /// The connection was refused: a reset, or over UDP an ICMP error of who will not have it (port unreachable,
    /// prohibited).
    Refused,
    /// The network or host was said to be unreachable.
    Unreachable {
        /// The system's words.
        detail: String,
    },
    /// This host did not let the packet out: a local firewall or a missing route or permission.
    LocalRefusal {
        /// The system's words.
        detail: String,
    },
    /// The stream was reset after it had been opened.
    Reset {
        /// Bytes that had come in on this layer before.
        received: u64,
    },
    /// The stream was closed before the answer came.
    Closed {
        /// Bytes that had come in on this layer before.
        received: u64,
    },
    // tunnel
    /// The proxy answered the CONNECT with this status.
    ProxyStatus {
        /// HTTP status.
        status: u16,
        /// Reason phrase, cleaned.
        reason: String,
    },
    /// The proxy asks for credentials and there are none.
    ProxyAuthRequired {
        /// What it offers.
        schemes: Vec<AuthScheme>,
    },
    /// The proxy did not accept the credentials.
    ProxyAuthRejected {
        /// The scheme that was used.
        scheme: AuthScheme,
    },
    /// The proxy offers no scheme that is supported here.
    ProxyAuthUnsupported {
        /// What it offers.
        schemes: Vec<AuthScheme>,
    },
    /// The proxy's answer is not HTTP.
    ProxyNotHttp {
        /// What it sent.
        first_bytes: FirstBytes,
    },
    /// The proxy's answer is HTTP, but broken or longer than a head may be.
    ProxyBadHead {
        /// What is wrong with it.
        detail: String,
    },
    /// The proxy did not answer the CONNECT.
    TunnelTimeout {
        /// How long it was given, milliseconds.
        waited_ms: u64,
    },
    // tls
    /// The chain leads to an authority that is not trusted here.
    TlsUntrusted {
        /// The issuer of the last certificate that was sent.
        issuer: String,
    },
    /// The certificate is for other names.
    TlsNameMismatch {
        /// The names it is for.
        presented: Vec<String>,
    },
    /// The certificate is past its validity by this host's clock.
    TlsExpired {
        /// End of validity, RFC 3339.
        not_after: String,
    },
    /// The certificate is not valid yet by this host's clock.
    TlsNotYetValid {
        /// Start of validity, RFC 3339.
        not_before: String,
    },
    /// The certificate is refused for another reason.
    TlsBadCertificate {
        /// The verifier's words.
        detail: String,
    },
    /// The far end ended the handshake with an alert.
    TlsAlert {
        /// The alert's name, RFC 8446 section 6.
        alert: String,
    },
    /// What answered does not speak TLS.
    TlsNotTls {
        /// What it sent.
        first_bytes: FirstBytes,
    },
    /// No answer, or not all of it, to the ClientHello.
    TlsTimeout {
        /// How long it was given, milliseconds.
        waited_ms: u64,
    },
    /// The handshake failed in another way.
    TlsFailed {
        /// The library's words.
        detail: String,
    },
    // stun and turn
    /// No answer to any request.
    NoAnswer {
        /// Requests that were sent.
        requests: u32,
        /// From the first to giving up, milliseconds.
        waited_ms: u64,
    },
    /// What answered does not speak STUN.
    NotStun {
        /// What it sent.
        first_bytes: FirstBytes,
    },
    /// The answer is STUN, but cannot be read.
    Malformed {
        /// What is wrong with it.
        detail: String,
        /// What it began with.
        first_bytes: FirstBytes,
    },
    /// The server answered with a STUN error.
    StunError {
        /// The error code, RFC 8489 section 14.8.
        stun_code: u16,
        /// The server's reason phrase, cleaned.
        reason: String,
        /// UNKNOWN-ATTRIBUTES, as numbers.
        unknown_attributes: Vec<u16>,
    },
    /// The server asked for credentials and none are here.
    CredentialsNeeded {
        /// The realm that it named.
        realm: String,
    },
    /// The server did not accept the credentials: 401 again, or 441.
    CredentialsRejected {
        /// The error code.
        stun_code: u16,
        /// The server's reason phrase, cleaned.
        reason: String,
    },
    /// The server keeps saying that the nonce is stale.
    StaleNonceLoop {
        /// How often.
        rounds: u32,
    },
    /// ALTERNATE-SERVER led in a circle, too far, or to an address that is not usable.
    BadRedirect {
        /// What is wrong with it.
        detail: String,
        /// Where it led.
        to: Option<SocketAddr>,
    },
    /// The message integrity of an answer does not fit the credentials.
    BadIntegrity {
        /// Whether it was missing rather than wrong.
        missing: bool,
    },
    /// The fingerprint of an answer does not fit its bytes.
    BadFingerprint,
    /// The answer carries attributes that must be understood and are not.
    UnknownRequired {
        /// The attribute types.
        attributes: Vec<u16>,
    },
    /// A success answer lacks what it must carry.
    MissingAttribute {
        /// The attribute's name.
        attribute: String,
    },
    /// The answer to a connectivity check came from another address than the check went to.
    AnswerFromElsewhere {
        /// From there.
        from: SocketAddr,
    },
    // relay
    /// Nothing came back through the relay.
    RelayNoReturn {
        /// Packets sent.
        sent: u64,
    },
    /// Something else came back than was sent.
    RelayCorrupt {
        /// Packets that were changed.
        changed: u64,
    },
    // ours
    /// The question could not be put: a limit of this host or a defect of ours.
    LocalFailure {
        /// What went wrong.
        detail: String,
    },
}

impl Cause {
    /// The stable kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NameNotFound => "name-not-found",
            Self::ResolveTimeout { .. } => "resolve-timeout",
            Self::ResolveFailed { .. } => "resolve-failed",
            Self::ConnectTimeout { .. } => "connect-timeout",
            Self::Refused => "refused",
            Self::Unreachable { .. } => "unreachable",
            Self::LocalRefusal { .. } => "local-refusal",
            Self::Reset { .. } => "reset",
            Self::Closed { .. } => "closed",
            Self::ProxyStatus { .. } => "proxy-status",
            Self::ProxyAuthRequired { .. } => "proxy-auth-required",
            Self::ProxyAuthRejected { .. } => "proxy-auth-rejected",
            Self::ProxyAuthUnsupported { .. } => "proxy-auth-unsupported",
            Self::ProxyNotHttp { .. } => "proxy-not-http",
            Self::ProxyBadHead { .. } => "proxy-bad-head",
            Self::TunnelTimeout { .. } => "tunnel-timeout",
            Self::TlsUntrusted { .. } => "tls-untrusted",
            Self::TlsNameMismatch { .. } => "tls-name-mismatch",
            Self::TlsExpired { .. } => "tls-expired",
            Self::TlsNotYetValid { .. } => "tls-not-yet-valid",
            Self::TlsBadCertificate { .. } => "tls-bad-certificate",
            Self::TlsAlert { .. } => "tls-alert",
            Self::TlsNotTls { .. } => "tls-not-tls",
            Self::TlsTimeout { .. } => "tls-timeout",
            Self::TlsFailed { .. } => "tls-failed",
            Self::NoAnswer { .. } => "no-answer",
            Self::NotStun { .. } => "not-stun",
            Self::Malformed { .. } => "malformed",
            Self::StunError { .. } => "stun-error",
            Self::CredentialsNeeded { .. } => "credentials-needed",
            Self::CredentialsRejected { .. } => "credentials-rejected",
            Self::StaleNonceLoop { .. } => "stale-nonce-loop",
            Self::BadRedirect { .. } => "bad-redirect",
            Self::BadIntegrity { .. } => "bad-integrity",
            Self::BadFingerprint => "bad-fingerprint",
            Self::UnknownRequired { .. } => "unknown-required",
            Self::MissingAttribute { .. } => "missing-attribute",
            Self::AnswerFromElsewhere { .. } => "answer-from-elsewhere",
            Self::RelayNoReturn { .. } => "relay-no-return",
            Self::RelayCorrupt { .. } => "relay-corrupt",
            Self::LocalFailure { .. } => "local-failure",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |schemes: &[AuthScheme]| schemes.iter().map(AuthScheme::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::NameNotFound => f.write_str("the name has no address"),
            Self::ResolveTimeout { waited_ms } => {
                write!(f, "no answer from the resolver in {}", seconds(*waited_ms))
            }
            Self::ResolveFailed { detail } => write!(f, "the resolver failed: {detail}"),
            Self::ConnectTimeout { attempts, waited_ms } => {
                write!(
                    f,
                    "no answer to {} in {}",
                    count(*attempts, "connection attempt"),
                    seconds(*waited_ms)
                )
            }
            Self::Refused => f.write_str("refused"),
            Self::Unreachable { detail } => write!(f, "unreachable: {detail}"),
            Self::LocalRefusal { detail } => write!(f, "this host refused to send: {detail}"),
            Self::Reset { received: 0 } => f.write_str("reset without an answer"),
            Self::Closed { received: 0 } => f.write_str("closed without an answer"),
            Self::Reset { received } => write!(f, "reset after {received} bytes of answer"),
            Self::Closed { received } => write!(f, "closed after {received} bytes of answer"),
            Self::ProxyStatus { status, reason } => write!(f, "the proxy answered {status} {reason}"),
            Self::ProxyAuthRequired { schemes } => {
                write!(f, "the proxy asks for credentials ({})", list(schemes))
            }
            Self::ProxyAuthRejected { scheme } => write!(f, "the proxy rejected the credentials ({scheme})"),
            Self::ProxyAuthUnsupported { schemes } => {
                write!(f, "the proxy offers only {}, not supported here", list(schemes))
            }
            Self::ProxyNotHttp { first_bytes } => write!(f, "the proxy answered no HTTP: {}", first_bytes.0),
            Self::ProxyBadHead { detail } => write!(f, "the proxy's answer is broken: {detail}"),
            Self::TunnelTimeout { waited_ms } => {
                write!(f, "the proxy did not answer the CONNECT in {}", seconds(*waited_ms))
            }
            Self::TlsUntrusted { issuer } => {
                write!(f, "certificate from an authority not trusted here: {issuer}")
            }
            Self::TlsNameMismatch { presented } => {
                write!(f, "certificate for other names: {}", presented.join(", "))
            }
            Self::TlsExpired { not_after } => write!(f, "certificate expired {not_after}"),
            Self::TlsNotYetValid { not_before } => write!(f, "certificate not valid before {not_before}"),
            Self::TlsBadCertificate { detail } => write!(f, "certificate refused: {detail}"),
            Self::TlsAlert { alert } => write!(f, "TLS alert {alert}"),
            Self::TlsNotTls { first_bytes } => write!(f, "answered no TLS: {}", first_bytes.0),
            Self::TlsTimeout { waited_ms } => {
                write!(f, "no answer to the TLS handshake in {}", seconds(*waited_ms))
            }
            Self::TlsFailed { detail } => write!(f, "TLS failed: {detail}"),
            Self::NoAnswer { requests, waited_ms } => {
                write!(f, "no answer to {} in {}", count(*requests, "request"), seconds(*waited_ms))
            }
            Self::NotStun { first_bytes } => write!(f, "answered no STUN: {}", first_bytes.0),
            Self::Malformed { detail, .. } => write!(f, "unreadable answer: {detail}"),
            Self::StunError { stun_code, reason, .. } => {
                write!(f, "the server answered {stun_code} {reason}")
            }
            Self::CredentialsNeeded { realm } => write!(f, "the server asks for credentials (realm {realm})"),
            Self::CredentialsRejected { stun_code, reason } => {
                write!(f, "the server rejected the credentials: {stun_code} {reason}")
            }
            Self::StaleNonceLoop { rounds } => {
                write!(f, "the server called {rounds} nonces of its own stale")
            }
            Self::BadRedirect { detail, to: Some(to) } => write!(f, "redirected to {to}: {detail}"),
            Self::BadRedirect { detail, to: None } => write!(f, "redirected: {detail}"),
            Self::BadIntegrity { missing: true } => f.write_str("the answer is not signed"),
            Self::BadIntegrity { missing: false } => f.write_str("the answer's signature is wrong"),
            Self::BadFingerprint => f.write_str("the answer's fingerprint is wrong"),
            Self::UnknownRequired { attributes } => {
                write!(f, "unknown required attributes {attributes:04x?}")
            }
            Self::MissingAttribute { attribute } => write!(f, "the answer lacks {attribute}"),
            Self::AnswerFromElsewhere { from } => write!(f, "the answer came from {from} instead"),
            Self::RelayNoReturn { sent } => write!(f, "0 of {sent} packets came back through the relay"),
            Self::RelayCorrupt { changed } => write!(f, "{changed} packets came back changed"),
            Self::LocalFailure { detail } => write!(f, "could not be tried: {detail}"),
        }
    }
}

fn count(n: u32, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1000.0)
}
