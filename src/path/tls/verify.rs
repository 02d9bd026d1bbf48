//! A verifier that keeps what it saw and lets the handshake go on.

use super::chain::{MAX_CHAIN, certificate};
use super::trust::Roots;
use raincheck_probes::evidence::Certificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use x509_parser::parse_x509_certificate;

/// The chain and the verdict of one handshake.
pub(super) struct Witness {
    roots: Roots,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    verdict: Option<Result<(), Error>>,
}

impl Witness {
    pub(super) fn new(roots: Roots) -> Self {
        Self { roots, seen: Mutex::default() }
    }

    /// The chain as it was sent, leaf first; empty when the handshake did not get that far.
    pub(super) fn chain(&self) -> Vec<Certificate> {
        self.seen().chain.iter().enumerate().map(|(at, der)| certificate(der, at == 0)).collect()
    }

    /// What the roots in force say of the chain.
    pub(super) fn verdict(&self) -> Option<Result<(), Error>> {
        self.seen().verdict.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user gave this very certificate: a self-signed server's own, which is an authority and a server in one and
/// which no chain leads to. Its name and its time still have to fit.
fn vouched_for(leaf: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
    let (_, parsed) = parse_x509_certificate(leaf).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now > parsed.validity().not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    if now < parsed.validity().not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    Ok(())
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = match self.roots.verifier.verify_server_cert(leaf, others, name, ocsp, now) {
            Err(_) if self.roots.given.contains(leaf) => vouched_for(leaf, name, now),
            verdict => verdict.map(drop),
        };
        let mut seen = self.seen();
        seen.chain =
            [leaf].into_iter().chain(others).take(MAX_CHAIN).map(|der| der.clone().into_owned()).collect();
        seen.verdict = Some(verdict);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.roots.verifier.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.roots.verifier.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.roots.verifier.supported_verify_schemes()
    }
}
