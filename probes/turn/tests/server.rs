//! Answers written out byte by byte. Shares no encoder, no parser and no key derivation with the client.

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;
use std::net::SocketAddr;

pub(super) const REALM: &[u8] = b"example.org";
pub(super) const NONCE: &[u8] = b"nonce-one";
pub(super) const RELAYED: &str = "198.51.100.7:50000";
pub(super) const RELAYED_V6: &str = "[2001:db8::7]:50001";
pub(super) const MAPPED: &str = "203.0.113.9:61000";

/// A request as the server sees it.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) kind: u16,
    pub(super) transaction: [u8; 12],
    pub(super) attributes: Vec<(u16, Vec<u8>)>,
    bytes: Vec<u8>,
}

impl Request {
    pub(super) fn read(bytes: &[u8]) -> Self {
        assert_eq!(bytes[4..8], [0x21, 0x12, 0xa4, 0x42]);
        assert_eq!(usize::from(be(&bytes[2..4])), bytes.len() - 20);
        let mut attributes = Vec::new();
        let mut at = 20;
        while at < bytes.len() {
            let length = usize::from(be(&bytes[at + 2..at + 4]));
            attributes.push((be(&bytes[at..at + 2]), bytes[at + 4..at + 4 + length].to_vec()));
            at += 4 + length.div_ceil(4) * 4;
        }
        let transaction = bytes[8..20].try_into().unwrap();
        Self { kind: be(&bytes[..2]), transaction, attributes, bytes: bytes.to_vec() }
    }

    pub(super) fn get(&self, kind: u16) -> Option<&[u8]> {
        self.attributes.iter().find(|(k, _)| *k == kind).map(|(_, value)| value.as_slice())
    }

    pub(super) fn kinds(&self) -> Vec<u16> {
        self.attributes.iter().map(|(kind, _)| *kind).collect()
    }

    /// Whether the request ends with a MESSAGE-INTEGRITY by this key.
    pub(super) fn signed_sha1(&self, key: &[u8]) -> bool {
        let before = self.bytes.len() - 24;
        self.get(0x0008) == Some(&sha1(key, &self.bytes[..before], 24)[..])
    }

    /// Whether the request ends with a MESSAGE-INTEGRITY-SHA256 by this key.
    pub(super) fn signed_sha256(&self, key: &[u8]) -> bool {
        let before = self.bytes.len() - 36;
        self.get(0x001c) == Some(&sha256(key, &self.bytes[..before], 36)[..])
    }

    /// A success with these attributes, not signed.
    pub(super) fn success(&self, attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
        self.reply(0x0100, attributes)
    }

    /// An error with this code and these attributes, not signed.
    pub(super) fn error(&self, code: u16, reason: &str, attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let value = [&[0, 0, (code / 100) as u8, (code % 100) as u8], reason.as_bytes()].concat();
        self.reply(0x0110, &[&[(0x0009, value)], attributes].concat())
    }

    fn reply(&self, class: u16, attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = (self.kind | class).to_be_bytes().to_vec();
        bytes.extend([0, 0, 0x21, 0x12, 0xa4, 0x42]);
        bytes.extend(self.transaction);
        for (kind, value) in attributes {
            append(&mut bytes, *kind, value);
        }
        bytes
    }

    /// An XORed address.
    pub(super) fn xor(&self, address: &str) -> Vec<u8> {
        let address: SocketAddr = address.parse().unwrap();
        let mask = [&[0x21, 0x12, 0xa4, 0x42][..], &self.transaction].concat();
        let port = address.port() ^ 0x2112;
        let (family, octets) = match address {
            SocketAddr::V4(v4) => (1, v4.ip().octets().to_vec()),
            SocketAddr::V6(v6) => (2, v6.ip().octets().to_vec()),
        };
        let octets = octets.iter().zip(mask).map(|(octet, mask)| octet ^ mask);
        [0, family].into_iter().chain(port.to_be_bytes()).chain(octets).collect()
    }
}

/// The key of `ann` at the realm.
pub(super) fn md5_key() -> Vec<u8> {
    Md5::digest(b"ann:example.org:opensesame").to_vec()
}

/// The same by SHA-256.
pub(super) fn sha256_key() -> Vec<u8> {
    Sha256::digest(b"ann:example.org:opensesame").to_vec()
}

/// 401 with realm and nonce.
pub(super) fn challenge(request: &Request) -> Vec<u8> {
    challenge_with(NONCE)(request)
}

/// 401 with this nonce.
pub(super) fn challenge_with(nonce: &[u8]) -> impl Fn(&Request) -> Vec<u8> {
    move |request| {
        let attributes = [(0x0014, REALM.to_vec()), (0x0015, nonce.to_vec()), (0x8022, b"lab 1".to_vec())];
        request.error(401, "Unauthorized", &attributes)
    }
}

/// 438 with this nonce.
pub(super) fn stale(nonce: &'static [u8]) -> impl Fn(&Request) -> Vec<u8> {
    move |request| request.error(438, "Stale Nonce", &[(0x0014, REALM.to_vec()), (0x0015, nonce.to_vec())])
}

/// What a successful Allocate holds.
pub(super) fn allocation(request: &Request) -> Vec<(u16, Vec<u8>)> {
    vec![
        (0x0016, request.xor(RELAYED)),
        (0x0020, request.xor(MAPPED)),
        (0x000d, 600u32.to_be_bytes().to_vec()),
    ]
}

/// A signed success to an Allocate: ten minutes.
pub(super) fn allocated(request: &Request) -> Vec<u8> {
    sign(request.success(&allocation(request)), &md5_key())
}

/// A signed success that holds no more than a lifetime of ten minutes.
pub(super) fn done(request: &Request) -> Vec<u8> {
    sign(request.success(&[(0x000d, 600u32.to_be_bytes().to_vec())]), &md5_key())
}

/// A signed error.
pub(super) fn refused(code: u16, reason: &'static str) -> impl Fn(&Request) -> Vec<u8> {
    move |request| sign(request.error(code, reason, &[]), &md5_key())
}

/// Appends MESSAGE-INTEGRITY.
pub(super) fn sign(mut message: Vec<u8>, key: &[u8]) -> Vec<u8> {
    let mac = sha1(key, &message, 24);
    append(&mut message, 0x0008, &mac);
    message
}

/// Appends MESSAGE-INTEGRITY-SHA256.
pub(super) fn sign_sha256(mut message: Vec<u8>, key: &[u8]) -> Vec<u8> {
    let mac = sha256(key, &message, 36);
    append(&mut message, 0x001c, &mac);
    message
}

/// Appends an attribute and corrects the length.
pub(super) fn append(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    while !message.len().is_multiple_of(4) {
        message.push(0);
    }
    let length = (message.len() - 20) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

fn sha1(key: &[u8], message: &[u8], more: usize) -> Vec<u8> {
    let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(key).unwrap();
    mac.update(&lengthened(message, more));
    mac.finalize().into_bytes().to_vec()
}

fn sha256(key: &[u8], message: &[u8], more: usize) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).unwrap();
    mac.update(&lengthened(message, more));
    mac.finalize().into_bytes().to_vec()
}

fn lengthened(message: &[u8], more: usize) -> Vec<u8> {
    let mut message = message.to_vec();
    let length = (message.len() - 20 + more) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
    message
}

fn be(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(bytes.try_into().unwrap())
}
