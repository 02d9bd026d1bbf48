//! MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT over raw bytes, compared in constant time.

use super::{Attribute, HEADER_LEN};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// A key for message integrity: overwritten on drop, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// Takes key bytes into keeping.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn sha1(&self, parts: &[&[u8]]) -> Option<[u8; 20]> {
        Some(self.mac::<Hmac<Sha1>>(parts)?.finalize().into_bytes().into())
    }

    pub(super) fn sha256(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        Some(self.mac::<Hmac<Sha256>>(parts)?.finalize().into_bytes().into())
    }

    fn mac<M: Mac + KeyInit>(&self, parts: &[&[u8]]) -> Option<M> {
        // HMAC takes keys of any length, so that there always is one.
        let mut mac = <M as KeyInit>::new_from_slice(&self.0).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(mac)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What an integrity attribute shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Integrity {
    /// There is none.
    Missing,
    /// It fits the key and the bytes before it.
    Valid,
    /// It does not.
    Wrong,
}

/// Checks MESSAGE-INTEGRITY (RFC 8489 section 14.5) where it lies in `message`.
pub(in crate::stun) fn integrity_sha1(message: &[u8], at: &Attribute<'_>, key: &Key) -> Integrity {
    let mac = || {
        let covered = covered(message, at.offset, at.value.len())?;
        key.mac::<Hmac<Sha1>>(&covered.parts())
    };
    verdict(at.value.len() == 20 && mac().is_some_and(|mac| mac.verify_slice(at.value).is_ok()))
}

/// Checks MESSAGE-INTEGRITY-SHA256 (RFC 8489 section 14.6), which may be truncated to no less than 16 bytes.
pub(in crate::stun) fn integrity_sha256(message: &[u8], at: &Attribute<'_>, key: &Key) -> Integrity {
    let fits = (16..=32).contains(&at.value.len()) && at.value.len().is_multiple_of(4);
    let mac = || {
        let covered = covered(message, at.offset, at.value.len())?;
        key.mac::<Hmac<Sha256>>(&covered.parts())
    };
    verdict(fits && mac().is_some_and(|mac| mac.verify_truncated_left(at.value).is_ok()))
}

/// Checks FINGERPRINT (RFC 8489 section 14.7).
pub(in crate::stun) fn fingerprint(message: &[u8], at: &Attribute<'_>) -> bool {
    let sum = covered(message, at.offset, 4).map(|covered| crc(&covered.parts()).to_be_bytes());
    sum.is_some_and(|sum| at.value == sum)
}

pub(super) fn crc(parts: &[&[u8]]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    parts.iter().for_each(|part| sum.update(part));
    sum.finalize() ^ 0x5354_554e
}

/// The bytes that a check covers: everything before the attribute, with the length field as if it were the last.
pub(super) struct Covered<'a> {
    kind: &'a [u8],
    length: [u8; 2],
    rest: &'a [u8],
}

impl Covered<'_> {
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        [self.kind, &self.length, self.rest]
    }
}

pub(super) fn covered(message: &[u8], offset: usize, value_len: usize) -> Option<Covered<'_>> {
    let length = u16::try_from((offset + 4 + value_len).checked_sub(HEADER_LEN)?).ok()?;
    Some(Covered { kind: message.get(..2)?, length: length.to_be_bytes(), rest: message.get(4..offset)? })
}

fn verdict(fits: bool) -> Integrity {
    if fits { Integrity::Valid } else { Integrity::Wrong }
}
