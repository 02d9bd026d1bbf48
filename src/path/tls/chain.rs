//! Certificates as people read them.

use raincheck_probes::evidence::Certificate;
use sha2::{Digest, Sha256};
use std::net::{Ipv4Addr, Ipv6Addr};
use time::format_description::well_known::Rfc3339;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{ASN1Time, FromDer, GeneralName, X509Certificate, X509Name};

/// Most certificates of a chain that are kept.
pub(super) const MAX_CHAIN: usize = 16;
const MAX_NAMES: usize = 64;
const MAX_TEXT: usize = 300;

/// Reads one certificate. What cannot be read is left empty; the hash of the bytes is always there.
pub(super) fn certificate(der: &[u8], is_leaf: bool) -> Certificate {
    let mut read = Certificate {
        subject: String::new(),
        issuer: String::new(),
        names: Vec::new(),
        not_before: String::new(),
        not_after: String::new(),
        sha256: hex::encode(Sha256::digest(der)),
        key_sha256: String::new(),
    };
    if let Ok((_, parsed)) = X509Certificate::from_der(der) {
        read.subject = name_of(parsed.subject());
        read.issuer = name_of(parsed.issuer());
        read.not_before = rfc3339(&parsed.validity().not_before);
        read.not_after = rfc3339(&parsed.validity().not_after);
        read.key_sha256 = hex::encode(Sha256::digest(parsed.public_key().raw));
        if is_leaf {
            read.names = names_of(&parsed);
        }
    }
    read
}

/// RFC 4514: the most specific part first.
fn name_of(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let written: Vec<String> = parts
        .into_iter()
        .rev()
        .take(32)
        .map(|part| {
            let attributes: Vec<String> = part
                .iter()
                .take(8)
                .map(|attribute| {
                    let oid = attribute.attr_type();
                    let key =
                        oid2abbrev(oid, oid_registry()).map_or_else(|_| oid.to_id_string(), str::to_owned);
                    format!("{key}={}", escaped(attribute.as_str().unwrap_or("?")))
                })
                .collect();
            attributes.join("+")
        })
        .collect();
    bounded(&written.join(","))
}

/// RFC 4514 section 2.4.
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (at, c) in value.chars().enumerate() {
        let at_edge = (c == ' ' && (at == 0 || at == last)) || (c == '#' && at == 0);
        if at_edge || matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(bounded(name)),
            GeneralName::IPAddress(bytes) => address_of(bytes),
            _ => None,
        })
        .take(MAX_NAMES)
        .collect()
}

fn address_of(bytes: &[u8]) -> Option<String> {
    let v4 = || <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
    let v6 = || <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).to_string());
    v4().or_else(|_| v6()).ok()
}

fn rfc3339(time: &ASN1Time) -> String {
    time.to_datetime().format(&Rfc3339).unwrap_or_default()
}

fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}
