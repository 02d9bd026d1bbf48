//! The settings of the TLS session, and what its errors mean here.

use super::ChannelError;
use super::first::First;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};
use std::io;
use std::sync::Arc;

/// The protocol's name in ALPN: tells a raincheck from any other TLS.
pub(super) const ALPN: &[u8] = b"raincheck-call/1";
/// The name in the listener's certificate and in the connector's SNI; it stands for nothing.
const NAME: &str = "raincheck.invalid";

/// The listener's side, with a certificate made for it.
pub(super) fn server() -> Result<Arc<ServerConfig>, ChannelError> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).map_err(local)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(local)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .map_err(local)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Every session is a new one.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The connector's side.
pub(super) fn client() -> Result<(Arc<ClientConfig>, ServerName<'static>), ChannelError> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(local)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok((Arc::new(config), ServerName::try_from(NAME).map_err(local)?))
}

/// What an error of the handshake, or of the stream after it, says of the other side.
pub(super) fn judge(error: &io::Error, first: &First) -> ChannelError {
    let not_raincheck = |seen: &str| ChannelError::NotRaincheck { seen: seen.to_owned() };
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(
            Error::AlertReceived(AlertDescription::NoApplicationProtocol) | Error::NoApplicationProtocol,
        ) => not_raincheck("it speaks TLS for something else"),
        Some(Error::AlertReceived(AlertDescription::ProtocolVersion) | Error::PeerIncompatible(_)) => {
            not_raincheck("it speaks an older TLS")
        }
        _ if !first.is_tls() => match first.describe() {
            Some(seen) => ChannelError::NotRaincheck { seen },
            None => ChannelError::Cut,
        },
        Some(other) => ChannelError::Tls { detail: other.to_string() },
        None => ChannelError::Cut,
    }
}

fn local(error: impl std::fmt::Display) -> ChannelError {
    ChannelError::Local { detail: error.to_string() }
}

/// Takes any certificate, whose owner has to sign with its key all the same: the proofs say who it is.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}
