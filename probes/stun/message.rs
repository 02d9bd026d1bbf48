//! A received message through typed, lenient getters.

use super::raw::{self, Attribute, Class, Flaw, Header, Integrity, Key, TransactionId, attr, clean};
use crate::evidence::{Cause, FirstBytes};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The most characters that are kept of a server's text.
const TEXT_LIMIT: usize = 128;
/// The most entries that are read of a list attribute.
const LIST_LIMIT: usize = 64;

/// A STUN message as it came.
///
/// Getters see the attributes that count: those after MESSAGE-INTEGRITY are passed over, save the second integrity
/// and the fingerprint (RFC 8489 section 14.5), and of several with one type the first counts (section 14).
#[derive(Debug, Clone)]
pub struct Message<'a> {
    bytes: &'a [u8],
    header: Header,
    attributes: Vec<Attribute<'a>>,
    flaw: Option<Flaw>,
}

/// ERROR-CODE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorCode {
    /// The code; 300 to 699 by the standard, whatever was sent otherwise.
    pub code: u16,
    /// The reason phrase, cleaned.
    pub reason: String,
}

impl<'a> Message<'a> {
    /// Reads a message as far as it can be read.
    ///
    /// # Errors
    /// [`Cause::NotStun`] when the header is not there or is none.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Cause> {
        let Some(header) = Header::parse(bytes) else {
            return Err(Cause::NotStun { first_bytes: FirstBytes::of(bytes) });
        };
        let (mut attributes, flaw) = raw::walk(bytes, header.length);
        retain_covered(&mut attributes);
        Ok(Self { bytes, header, attributes, flaw })
    }

    /// The message as it came.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Request, indication or answer.
    pub fn class(&self) -> Class {
        self.header.class
    }

    /// The method.
    pub fn method(&self) -> u16 {
        self.header.method
    }

    /// The transaction id.
    pub fn transaction(&self) -> TransactionId {
        self.header.transaction
    }

    /// The first thing that is wrong with its form.
    pub fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// The attributes that count, in order.
    pub fn attributes(&self) -> &[Attribute<'a>] {
        &self.attributes
    }

    /// The value of the first attribute of that type.
    pub fn value(&self, kind: u16) -> Option<&'a [u8]> {
        self.values(kind).next()
    }

    /// The values of all attributes of that type.
    pub fn values(&self, kind: u16) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.attributes
            .iter()
            .filter(move |attribute| attribute.kind == kind)
            .map(|attribute| attribute.value)
    }

    /// A text attribute, cleaned: at most 128 characters.
    pub fn text(&self, kind: u16) -> Option<String> {
        self.value(kind).map(|value| clean(value, TEXT_LIMIT))
    }

    /// The first two bytes of a value: CHANNEL-NUMBER.
    pub fn u16(&self, kind: u16) -> Option<u16> {
        self.value(kind)?.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// The first four bytes of a value: LIFETIME.
    pub fn u32(&self, kind: u16) -> Option<u32> {
        self.value(kind)?.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// A plain address: MAPPED-ADDRESS, ALTERNATE-SERVER.
    pub fn address(&self, kind: u16) -> Option<SocketAddr> {
        read_address(self.value(kind)?, &[0; 16])
    }

    /// All addresses of a type that is XORed with cookie and transaction id: XOR-MAPPED-ADDRESS, XOR-RELAYED-ADDRESS,
    /// XOR-PEER-ADDRESS.
    pub fn xor_addresses(&self, kind: u16) -> impl Iterator<Item = SocketAddr> + '_ {
        let mut mask = [0; 16];
        let (cookie, transaction) = mask.split_at_mut(4);
        cookie.copy_from_slice(&raw::MAGIC_COOKIE);
        transaction.copy_from_slice(&self.header.transaction);
        self.values(kind).filter_map(move |value| read_address(value, &mask))
    }

    /// Our address as the server sees it: XOR-MAPPED-ADDRESS, its draft number, or MAPPED-ADDRESS.
    pub fn mapped(&self) -> Option<SocketAddr> {
        let xored = |kind| self.xor_addresses(kind).next();
        xored(attr::XOR_MAPPED_ADDRESS)
            .or_else(|| xored(attr::OLD_XOR_MAPPED_ADDRESS))
            .or_else(|| self.address(attr::MAPPED_ADDRESS))
    }

    /// ERROR-CODE.
    pub fn error(&self) -> Option<ErrorCode> {
        read_error(self.value(attr::ERROR_CODE)?).map(|(_, error)| error)
    }

    /// ADDRESS-ERROR-CODE, each with its family octet (1 is IPv4, 2 is IPv6).
    pub fn address_errors(&self) -> impl Iterator<Item = (u8, ErrorCode)> + '_ {
        self.values(attr::ADDRESS_ERROR_CODE).take(LIST_LIMIT).filter_map(read_error)
    }

    /// UNKNOWN-ATTRIBUTES: what the server did not understand, at most 64.
    pub fn unknown_attributes(&self) -> Vec<u16> {
        let list = self.value(attr::UNKNOWN_ATTRIBUTES).unwrap_or_default();
        list.as_chunks::<2>().0.iter().take(LIST_LIMIT).map(|pair| u16::from_be_bytes(*pair)).collect()
    }

    /// The attributes that must be understood and have no name here, at most 64.
    pub fn unknown_required(&self) -> Vec<u16> {
        let kinds = self.attributes.iter().map(|attribute| attribute.kind);
        kinds
            .filter(|kind| attr::must_be_understood(*kind) && attr::name(*kind).is_none())
            .take(LIST_LIMIT)
            .collect()
    }

    /// Checks MESSAGE-INTEGRITY.
    pub fn integrity_sha1(&self, key: &Key) -> Integrity {
        let at = self.find(attr::MESSAGE_INTEGRITY);
        at.map_or(Integrity::Missing, |at| raw::integrity_sha1(self.bytes, at, key))
    }

    /// Checks MESSAGE-INTEGRITY-SHA256.
    pub fn integrity_sha256(&self, key: &Key) -> Integrity {
        let at = self.find(attr::MESSAGE_INTEGRITY_SHA256);
        at.map_or(Integrity::Missing, |at| raw::integrity_sha256(self.bytes, at, key))
    }

    /// Whether the message carries any integrity.
    pub fn is_signed(&self) -> bool {
        self.find(attr::MESSAGE_INTEGRITY).or_else(|| self.find(attr::MESSAGE_INTEGRITY_SHA256)).is_some()
    }

    /// Whether the fingerprint fits; none when there is none.
    pub fn fingerprint(&self) -> Option<bool> {
        self.find(attr::FINGERPRINT).map(|at| raw::fingerprint(self.bytes, at))
    }

    fn find(&self, kind: u16) -> Option<&Attribute<'a>> {
        self.attributes.iter().find(|attribute| attribute.kind == kind)
    }
}

/// Drops what follows the integrity and is not covered by it.
fn retain_covered(attributes: &mut Vec<Attribute<'_>>) {
    let mut last = None;
    attributes.retain(|attribute| {
        let counts = match (last, attribute.kind) {
            (None, _) => true,
            (Some(attr::MESSAGE_INTEGRITY), attr::MESSAGE_INTEGRITY_SHA256) => true,
            (Some(attr::MESSAGE_INTEGRITY | attr::MESSAGE_INTEGRITY_SHA256), attr::FINGERPRINT) => true,
            (Some(_), _) => false,
        };
        let closes = matches!(
            attribute.kind,
            attr::MESSAGE_INTEGRITY | attr::MESSAGE_INTEGRITY_SHA256 | attr::FINGERPRINT
        );
        if counts && closes {
            last = Some(attribute.kind);
        }
        counts
    });
}

fn read_address(value: &[u8], mask: &[u8; 16]) -> Option<SocketAddr> {
    let ([_, family, p0, p1], address) = value.split_first_chunk::<4>()?;
    let [m0, m1, ..] = *mask;
    let port = u16::from_be_bytes([p0 ^ m0, p1 ^ m1]);
    let unmask = |out: &mut [u8]| out.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    let ip = match (*family, address.len()) {
        (1, 4) => {
            let mut octets = *address.first_chunk::<4>()?;
            unmask(&mut octets);
            IpAddr::V4(Ipv4Addr::from(octets))
        }
        (2, 16) => {
            let mut octets = *address.first_chunk::<16>()?;
            unmask(&mut octets);
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn read_error(value: &[u8]) -> Option<(u8, ErrorCode)> {
    let ([family, _, class, number], reason) = value.split_first_chunk::<4>()?;
    let code = u16::from(class & 0x07) * 100 + u16::from(*number);
    Some((*family, ErrorCode { code, reason: clean(reason, TEXT_LIMIT) }))
}

#[cfg(test)]
mod tests {
    use super::super::raw::Writer;
    use super::*;
    use hmac::Mac;

    fn answer() -> Writer {
        Writer::new(Class::Error, attr::ALLOCATE, &[9; 12])
    }

    #[test]
    fn a_message_that_the_codec_refuses_is_still_read() {
        let bytes = answer()
            .attribute(attr::ERROR_CODE, b"\0\0\x04\x01Non autoris\xe9")
            .attribute(attr::NONCE, b"\"odd\\\0\xff")
            .attribute(attr::REALM, b"realm with blank ")
            .attribute(attr::SOFTWARE, b"\xfe\xff")
            .finish()
            .unwrap();
        assert!(super::super::codec::refusal(&bytes).is_some());
        let message = Message::parse(&bytes).unwrap();
        let expected = ErrorCode { code: 401, reason: "Non autoris\u{fffd}".into() };
        assert_eq!(message.error(), Some(expected));
        assert_eq!(message.value(attr::NONCE), Some(&b"\"odd\\\0\xff"[..]));
        assert_eq!(message.text(attr::REALM).as_deref(), Some("realm with blank"));
        assert_eq!(message.flaw(), None);
    }

    #[test]
    fn what_follows_the_integrity_does_not_count() {
        let key = Key::new(b"key".to_vec());
        let bytes = answer()
            .attribute(attr::ERROR_CODE, b"\0\0\x04\x03")
            .integrity_sha1(&key)
            .attribute(attr::ALTERNATE_SERVER, &[0, 1, 0, 9, 192, 0, 2, 1])
            .integrity_sha256(&key)
            .fingerprint()
            .attribute(attr::SOFTWARE, b"late")
            .finish()
            .unwrap();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.address(attr::ALTERNATE_SERVER), None);
        assert_eq!(message.text(attr::SOFTWARE), None);
        assert_eq!(message.integrity_sha1(&key), Integrity::Valid);
        assert_eq!(message.integrity_sha256(&key), Integrity::Valid);
        assert_eq!(message.fingerprint(), Some(true));
        assert_eq!(message.integrity_sha1(&Key::new(b"other".to_vec())), Integrity::Wrong);
    }

    #[test]
    fn a_truncated_sha256_integrity_is_valid_down_to_16_bytes() {
        let key = Key::new(b"key".to_vec());
        let prefix = answer().attribute(attr::SOFTWARE, b"x");
        for (kept, expected) in [(16, Integrity::Valid), (28, Integrity::Valid), (12, Integrity::Wrong)] {
            let plain = prefix.clone().finish().unwrap();
            let mut covered = plain.clone();
            let length = u16::try_from(plain.len() - 20 + 4 + kept).unwrap();
            covered[2..4].copy_from_slice(&length.to_be_bytes());
            let mut hmac = <hmac::Hmac<sha2::Sha256> as Mac>::new_from_slice(b"key").unwrap();
            hmac.update(&covered);
            let mac = hmac.finalize().into_bytes();
            let bytes = Writer::continuing(plain)
                .attribute(attr::MESSAGE_INTEGRITY_SHA256, &mac[..kept])
                .finish()
                .unwrap();
            assert_eq!(Message::parse(&bytes).unwrap().integrity_sha256(&key), expected, "{kept}");
        }
    }

    #[test]
    fn unknown_required_attributes_are_listed_and_optional_ones_are_not() {
        let bytes =
            answer().attribute(0x7fff, &[]).attribute(0xc057, &[]).attribute(0x0031, &[]).finish().unwrap();
        assert_eq!(Message::parse(&bytes).unwrap().unknown_required(), [0x7fff, 0x0031]);
    }

    #[test]
    fn an_address_of_the_wrong_size_is_none() {
        let bytes = answer().attribute(attr::MAPPED_ADDRESS, &[0, 1, 0, 80, 1, 2, 3]).finish().unwrap();
        assert_eq!(Message::parse(&bytes).unwrap().mapped(), None);
    }
}
