//! The certificate of one call, and fingerprints of certificates.

use super::DtlsError;
use dimpl::DtlsCertificate;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;
use std::str::FromStr;

/// A self-signed certificate and its key, made for one call and never stored.
///
/// ECDSA on P-256 with SHA-256 and of a browser's size (RFC 8827 section 6.5). It has to
/// stay small: dimpl 0.9 does not recover when, in DTLS 1.3, the second datagram of a server's flight is lost, and with a
/// small certificate there is no second one.
pub struct Identity {
    pub(super) certificate: DtlsCertificate,
    fingerprint: Fingerprint,
}

impl Identity {
    /// Makes one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, DtlsError> {
        let failed = |error: rcgen::Error| DtlsError::Certificate(error.to_string());
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "raincheck");
        let certificate = params.self_signed(&key).map_err(failed)?.der().to_vec();
        let fingerprint = Fingerprint::of(Hash::Sha256, &certificate);
        let certificate = DtlsCertificate { certificate, private_key: key.serialize_der() };
        Ok(Self { certificate, fingerprint })
    }

    /// What is signalled to the peer (`a=fingerprint`).
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

/// Hash functions of fingerprints (RFC 8122 section 5), weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hash {
    /// `sha-1`, which very old ends still signal.
    #[serde(rename = "sha-1")]
    Sha1,
    /// `sha-256`: what browsers and raincheck signal.
    #[serde(rename = "sha-256")]
    Sha256,
    /// `sha-384`.
    #[serde(rename = "sha-384")]
    Sha384,
    /// `sha-512`.
    #[serde(rename = "sha-512")]
    Sha512,
}

impl Hash {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha-1",
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}

/// A fingerprint of a certificate: `sha-256 4A:AD:B9:…`, as after `a=fingerprint:` (RFC 8122 section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    hash: Hash,
    digest: Vec<u8>,
}

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(hash: Hash, certificate: &[u8]) -> Self {
        Self { hash, digest: hash.digest(certificate) }
    }

    /// Which hash it was made with.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Whether a certificate is one of those that were signalled: among the signalled fingerprints only those of the
    /// strongest hash count (RFC 8122 section 5.1). Nothing signalled matches nothing.
    pub(super) fn admits(signalled: &[Self], certificate: &[u8]) -> bool {
        let Some(strongest) = signalled.iter().map(|one| one.hash).max() else { return false };
        let seen = Self::of(strongest, certificate);
        signalled.contains(&seen)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.hash.name())?;
        for (at, byte) in self.digest.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = DtlsError;

    fn from_str(text: &str) -> Result<Self, DtlsError> {
        let wrong = || DtlsError::Fingerprint;
        let (name, digest) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let hash =
            Hash::ALL.into_iter().find(|hash| hash.name().eq_ignore_ascii_case(name)).ok_or_else(wrong)?;
        let pairs = digest.trim().split(':').map(|pair| match pair.len() {
            2 => hex::decode(pair).map_err(|_| wrong()),
            _ => Err(wrong()),
        });
        let digest = pairs.take(hash.length() + 1).collect::<Result<Vec<_>, _>>()?.concat();
        if digest.len() == hash.length() { Ok(Self { hash, digest }) } else { Err(wrong()) }
    }
}
