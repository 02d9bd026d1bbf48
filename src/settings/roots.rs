//! `--ca-file`: roots to trust beside the platform's.

use super::secrets::read_bounded;
use super::{CaTrouble, Inputs, SettingsError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;

/// The platform's own bundles are a quarter of this.
const MAX_FILE: usize = 1024 * 1024;
const MAX_CERTIFICATES: usize = 1000;

/// Reads every certificate of a PEM file. Other PEM sections are skipped.
pub fn read_roots(inputs: &dyn Inputs, path: &Path) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let bytes = read_bounded(inputs, "--ca-file", path, MAX_FILE)?;
    parse_pem(&bytes).map_err(|trouble| SettingsError::CaFile { path: path.into(), trouble })
}

/// Reads certificates in PEM.
///
/// # Errors
/// [`CaTrouble`] when there are none, or one cannot be used.
pub fn parse_pem(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, CaTrouble> {
    // A DER certificate is a SEQUENCE with a long length.
    if bytes.starts_with(&[0x30, 0x82]) {
        return Err(CaTrouble::Der);
    }
    let mut roots = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(bytes) {
        let number = roots.len() + 1;
        let certificate = certificate.map_err(|_| CaTrouble::Pem(number))?;
        if number > MAX_CERTIFICATES {
            return Err(CaTrouble::TooMany(MAX_CERTIFICATES));
        }
        match x509_parser::parse_x509_certificate(&certificate) {
            Ok(([], _)) => roots.push(certificate),
            _ => return Err(CaTrouble::NotX509(number)),
        }
    }
    if roots.is_empty() { Err(CaTrouble::None) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> String {
        let made = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).expect("certificate");
        made.cert.pem()
    }

    #[test]
    fn all_certificates_of_a_file_are_read_and_other_sections_skipped() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let file = format!("comment\n{}{key}\n{}", certificate(), certificate().replace('\n', "\r\n"));
        assert_eq!(parse_pem(file.as_bytes()).map(|roots| roots.len()), Ok(2));
    }

    #[test]
    fn each_unusable_file_is_told_apart() {
        let one = certificate();
        assert_eq!(parse_pem(b""), Err(CaTrouble::None));
        assert_eq!(parse_pem(b"hello\n"), Err(CaTrouble::None));
        assert_eq!(parse_pem(&[0x30, 0x82, 1, 0, 0]), Err(CaTrouble::Der));
        let cut = format!("{one}{}", one.replace("-----END CERTIFICATE-----", ""));
        assert_eq!(parse_pem(cut.as_bytes()), Err(CaTrouble::Pem(2)));
        let damaged = one.replacen("MII", "AAA", 1);
        assert_eq!(parse_pem(damaged.as_bytes()), Err(CaTrouble::NotX509(1)));
        assert_eq!(
            parse_pem(one.repeat(MAX_CERTIFICATES + 1).as_bytes()),
            Err(CaTrouble::TooMany(MAX_CERTIFICATES))
        );
    }
}
