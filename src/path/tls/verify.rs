//! A verifier that keeps what it saw and lets the handshake go on.

use super::chain::{MAX_CHAIN, certificate};
use super::trust::Roots;
use raincheck_probes::evidence::Certificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
        let verdict = self.roots.verifier.verify_server_cert(leaf, others, name, ocsp, now);
        let mut seen = self.seen();
        seen.chain =
            [leaf].into_iter().chain(others).take(MAX_CHAIN).map(|der| der.clone().into_owned()).collect();
        seen.verdict = Some(verdict.map(drop));
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
