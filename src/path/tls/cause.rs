//! From the library's errors to causes.

use super::tap::Tapped;
use crate::path::connect::cause_of;
use raincheck_probes::evidence::{Cause, Certificate};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};
use std::io;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Why a handshake did not end well.
pub(super) fn cause_of_failure(error: &io::Error, tapped: &Tapped, chain: &[Certificate]) -> Cause {
    let received = tapped.received;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(alert)) => Cause::TlsAlert { alert: alert_name(*alert) },
        Some(Error::InvalidMessage(_)) if tapped.not_tls().is_some() => not_tls_or(tapped, error),
        Some(error @ Error::InvalidCertificate(_)) => cause_of_verdict(error, chain),
        Some(Error::PeerIncompatible(why)) => {
            Cause::TlsFailed { detail: format!("no common ground with the server ({why:?})") }
        }
        Some(error) => Cause::TlsFailed { detail: error.to_string() },
        None => match (error.kind(), tapped.not_tls()) {
            (io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe, Some(not_tls)) => not_tls,
            (io::ErrorKind::ConnectionReset, Some(not_tls)) => not_tls,
            _ => match cause_of(error) {
                Cause::Reset { .. } => Cause::Reset { received },
                Cause::Closed { .. } => Cause::Closed { received },
                other => other,
            },
        },
    }
}

/// Why a chain is not trusted.
pub(super) fn cause_of_verdict(error: &Error, chain: &[Certificate]) -> Cause {
    let leaf = chain.first();
    let Error::InvalidCertificate(why) = error else {
        return Cause::TlsBadCertificate { detail: error.to_string() };
    };
    match why {
        CertificateError::UnknownIssuer => untrusted(chain),
        CertificateError::ExpiredContext { not_after, .. } => {
            Cause::TlsExpired { not_after: rfc3339(*not_after) }
        }
        CertificateError::Expired => {
            Cause::TlsExpired { not_after: leaf.map(|leaf| leaf.not_after.clone()).unwrap_or_default() }
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            Cause::TlsNotYetValid { not_before: rfc3339(*not_before) }
        }
        CertificateError::NotValidYet => {
            Cause::TlsNotYetValid { not_before: leaf.map(|leaf| leaf.not_before.clone()).unwrap_or_default() }
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Cause::TlsNameMismatch { presented: presented(leaf) }
        }
        // A certificate that signed itself and says that it is an authority: as good as unknown.
        CertificateError::Other(_)
            if chain.len() == 1 && leaf.is_some_and(|leaf| leaf.issuer == leaf.subject) =>
        {
            untrusted(chain)
        }
        other => Cause::TlsBadCertificate { detail: other.to_string() },
    }
}

fn untrusted(chain: &[Certificate]) -> Cause {
    Cause::TlsUntrusted { issuer: chain.last().map(|last| last.issuer.clone()).unwrap_or_default() }
}

/// The names of the leaf, or its subject when it has none.
fn presented(leaf: Option<&Certificate>) -> Vec<String> {
    match leaf {
        Some(leaf) if leaf.names.is_empty() => vec![leaf.subject.clone()],
        Some(leaf) => leaf.names.clone(),
        None => Vec::new(),
    }
}

fn not_tls_or(tapped: &Tapped, error: &io::Error) -> Cause {
    tapped.not_tls().unwrap_or_else(|| Cause::TlsFailed { detail: error.to_string() })
}

fn rfc3339(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// The name as RFC 8446 section 6 writes it.
fn alert_name(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::UnrecognisedName => "unrecognized_name".into(),
        AlertDescription::Unknown(number) => format!("alert {number}"),
        known => snake_case(&format!("{known:?}")),
    }
}

fn snake_case(camel: &str) -> String {
    let letters: Vec<char> = camel.chars().collect();
    let mut name = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let after_small = at > 0 && letters.get(at - 1).is_some_and(char::is_ascii_lowercase);
        let before_small = at > 0 && letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (after_small || before_small) {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_standard() {
        for (alert, name) in [
            (AlertDescription::HandshakeFailure, "handshake_failure"),
            (AlertDescription::UnknownCA, "unknown_ca"),
            (AlertDescription::UnknownPSKIdentity, "unknown_psk_identity"),
            (AlertDescription::UnrecognisedName, "unrecognized_name"),
            (AlertDescription::NoApplicationProtocol, "no_application_protocol"),
            (AlertDescription::Unknown(200), "alert 200"),
        ] {
            assert_eq!(alert_name(alert), name);
        }
    }
}
