//! TLS handshakes that show what they saw.
//!
//! A certificate that is not trusted does not end the handshake, so that what lies behind it can still be seen; the
//! step fails all the same, and the stream is marked so that no credentials are sent over it.

mod cause;
mod chain;
mod tap;
mod trust;
mod verify;

pub use trust::Trust;

use super::open::ByteStream;
use super::resolve::in_ms;
use crate::run::Clock;
use cause::{cause_of_failure, cause_of_verdict};
use raincheck_probes::evidence::{Cause, Facts, TlsSeen};
use raincheck_probes::server::Host;
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tap::{Tap, Tapped};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use verify::Witness;

/// What a handshake is to be made with.
pub(super) struct Ask<'a> {
    /// Who the certificate must be for; a name is sent as SNI.
    pub(super) host: &'a Host,
    /// Protocols offered, in order.
    pub(super) alpn: &'a [Vec<u8>],
    /// The roots in force.
    pub(super) trust: &'a Trust,
    /// How long the handshake may take.
    pub(super) within: Duration,
}

/// What came of a handshake.
pub(super) struct Handshake {
    /// The stream, when the handshake was completed.
    pub(super) stream: Option<Box<dyn ByteStream>>,
    /// Why it failed, or why the certificate is not trusted.
    pub(super) cause: Option<Cause>,
    /// What was shown.
    pub(super) seen: TlsSeen,
    /// `sni`, `roots`, `server_hello_ms` (from the ClientHello sent to the first byte back), `key_exchange`.
    pub(super) facts: Facts,
}

/// Makes a TLS handshake over a stream.
pub(super) async fn handshake(stream: Box<dyn ByteStream>, ask: &Ask<'_>, clock: Clock) -> Handshake {
    let mut facts = Facts::default();
    let (witness, name, config) = match prepare(ask, &mut facts).await {
        Ok(prepared) => prepared,
        Err(detail) => {
            let cause = Some(Cause::LocalFailure { detail });
            return Handshake { stream: None, cause, seen: nothing_seen(), facts };
        }
    };
    let (stream, tapped) = Tap::new(stream, clock);
    let outcome = timeout(ask.within, TlsConnector::from(config).connect(name, stream)).await;
    let tapped = tapped.take();
    if let Some(time) = tapped.answer_time() {
        facts.set("server_hello_ms", time.as_micros() as f64 / 1000.0);
    }
    let mut seen = TlsSeen { chain: witness.chain(), ..nothing_seen() };
    let untrusted = witness.verdict().map(|verdict| verdict.err().map(|e| cause_of_verdict(&e, &seen.chain)));
    seen.trusted = untrusted.as_ref().map(Option::is_none);
    seen.untrusted_because = untrusted.clone().flatten();
    let stream = match outcome {
        Ok(Ok(stream)) => stream,
        failed => {
            let cause = match failed {
                Ok(Err(error)) => cause_of_failure(&error, &tapped, &seen.chain),
                _ => silence(&tapped, ask.within),
            };
            return Handshake { stream: None, cause: Some(cause), seen, facts };
        }
    };
    let session = stream.get_ref().1;
    seen.version = session.protocol_version().map(version_name);
    seen.cipher = session.negotiated_cipher_suite().map(|suite| cipher_name(suite.suite()));
    seen.alpn = session.alpn_protocol().map(|alpn| alpn.escape_ascii().to_string());
    if let Some(group) = session.negotiated_key_exchange_group() {
        facts.set("key_exchange", format!("{:?}", group.name()));
    }
    Handshake { stream: Some(Box::new(stream)), cause: untrusted.flatten(), seen, facts }
}

/// What the handshake needs, or why we cannot make it.
async fn prepare(
    ask: &Ask<'_>,
    facts: &mut Facts,
) -> Result<(Arc<Witness>, ServerName<'static>, Arc<ClientConfig>), String> {
    let roots = ask.trust.roots().await?;
    facts.set("roots", roots.source);
    let name = server_name(ask.host)?;
    if let ServerName::DnsName(sni) = &name {
        facts.set("sni", sni.as_ref());
    }
    let witness = Arc::new(Witness::new(roots));
    let config = config(&witness, ask.alpn).map_err(|error| error.to_string())?;
    Ok((witness, name, config))
}

fn silence(tapped: &Tapped, within: Duration) -> Cause {
    tapped.not_tls().unwrap_or(Cause::TlsTimeout { waited_ms: in_ms(within) })
}

fn nothing_seen() -> TlsSeen {
    TlsSeen {
        version: None,
        cipher: None,
        alpn: None,
        chain: Vec::new(),
        trusted: None,
        untrusted_because: None,
    }
}

fn server_name(host: &Host) -> Result<ServerName<'static>, String> {
    match host {
        Host::Ip(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Name(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
            .map_err(|_| "the host is no name that a certificate can have".to_owned()),
    }
}

/// A configuration of its own for each handshake: nothing is resumed, so every chain is seen.
fn config(witness: &Arc<Witness>, alpn: &[Vec<u8>]) -> Result<Arc<ClientConfig>, rustls::Error> {
    let witness = Arc::clone(witness);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(witness)
        .with_no_client_auth();
    config.alpn_protocols = alpn.to_vec();
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn version_name(version: rustls::ProtocolVersion) -> String {
    match version {
        rustls::ProtocolVersion::TLSv1_2 => "TLS 1.2".into(),
        rustls::ProtocolVersion::TLSv1_3 => "TLS 1.3".into(),
        other => format!("{other:?}"),
    }
}

/// The name in the IANA registry; rustls marks those of TLS 1.3.
fn cipher_name(suite: rustls::CipherSuite) -> String {
    format!("{suite:?}").replacen("TLS13_", "TLS_", 1)
}
