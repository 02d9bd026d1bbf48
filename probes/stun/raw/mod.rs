//! The raw layer: what the bytes say, however odd they are.
//!
//! A lenient walk over the attributes that keeps whatever can be read and names the first flaw, a writer that can
//! append any attribute and sign, the checks of integrity and fingerprint over raw bytes, and ChannelData. Nothing
//! here panics on any bytes, and everything is bounded: [`MAX_MESSAGE`] bytes and [`MAX_ATTRIBUTES`] attributes.

pub mod attr;
mod channel;
mod check;
mod text;
mod write;

pub use channel::{CHANNELS, ChannelData};
pub use check::{Integrity, Key};
pub(in crate::stun) use check::{fingerprint, integrity_sha1, integrity_sha256};
pub use text::clean;
pub use write::Writer;

use std::fmt;

/// Bytes of a STUN header (RFC 8489 section 5).
pub const HEADER_LEN: usize = 20;
/// The longest message that is read or written, header included.
pub const MAX_MESSAGE: usize = 65_535;
/// The most attributes that are read of one message.
pub const MAX_ATTRIBUTES: usize = 128;
/// Bytes 4 to 8 of every message.
pub const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// 96 bits that pair an answer with its request.
pub type TransactionId = [u8; 12];

/// The class of a message: bits 4 and 8 of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 0b00
    Request,
    /// 0b01
    Indication,
    /// 0b10
    Success,
    /// 0b11
    Error,
}

/// The header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Request, indication or answer.
    pub class: Class,
    /// The method, 12 bits.
    pub method: u16,
    /// The length field: bytes after the header.
    pub length: u16,
    /// The transaction id.
    pub transaction: TransactionId,
}

impl Header {
    /// Reads a header. None when the bytes are no STUN: too short, the first two bits set, or without the cookie.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, _) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, transaction @ ..] = *head;
        if t0 & 0xc0 != 0 || [c0, c1, c2, c3] != MAGIC_COOKIE {
            return None;
        }
        let (class, method) = split_type(u16::from_be_bytes([t0, t1]));
        Some(Self { class, method, length: u16::from_be_bytes([l0, l1]), transaction })
    }

    /// The type field of a message (RFC 8489 section 5, figure 3).
    pub fn message_type(class: Class, method: u16) -> u16 {
        let class = match class {
            Class::Request => 0x0000,
            Class::Indication => 0x0010,
            Class::Success => 0x0100,
            Class::Error => 0x0110,
        };
        class | (method & 0x000f) | (method & 0x0070) << 1 | (method & 0x0f80) << 2
    }
}

fn split_type(bits: u16) -> (Class, u16) {
    let class = match bits & 0x0110 {
        0x0000 => Class::Request,
        0x0010 => Class::Indication,
        0x0100 => Class::Success,
        _ => Class::Error,
    };
    (class, (bits & 0x000f) | (bits >> 1 & 0x0070) | (bits >> 2 & 0x0f80))
}

/// One attribute where it lies in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The type.
    pub kind: u16,
    /// The value, without padding.
    pub value: &'a [u8],
    /// Where the attribute begins, from the first byte of the message.
    pub offset: usize,
}

/// The first thing that is wrong with the form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The length field promises more than there is.
    Short {
        /// Bytes after the header by the length field.
        said: usize,
        /// Bytes after the header.
        came: usize,
    },
    /// More bytes than the length field says.
    Trailing {
        /// Bytes too many.
        bytes: usize,
    },
    /// The length field is no multiple of four.
    OddLength {
        /// The length field.
        said: usize,
    },
    /// An attribute is longer than what is left.
    Overrun {
        /// Its type.
        kind: u16,
    },
    /// One to three bytes that are no attribute.
    Crumbs {
        /// How many.
        bytes: usize,
    },
    /// More than [`MAX_ATTRIBUTES`] attributes.
    TooMany,
    /// Longer than [`MAX_MESSAGE`].
    TooLong,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { said, came } => {
                write!(f, "its length field says {said} bytes and {came} came")
            }
            Self::Trailing { bytes } => write!(f, "{bytes} bytes after its end"),
            Self::OddLength { said } => write!(f, "its length {said} is no multiple of 4"),
            Self::Overrun { kind } => write!(f, "attribute {} runs past the end", attr::label(*kind)),
            Self::Crumbs { bytes } => write!(f, "{bytes} bytes at the end are no attribute"),
            Self::TooMany => write!(f, "more than {MAX_ATTRIBUTES} attributes"),
            Self::TooLong => write!(f, "longer than {MAX_MESSAGE} bytes"),
        }
    }
}

/// Walks over the attributes of a message whose header could be read, and keeps all that can be made out.
pub fn walk(bytes: &[u8], length: u16) -> (Vec<Attribute<'_>>, Option<Flaw>) {
    let said = usize::from(length);
    let came = bytes.len().saturating_sub(HEADER_LEN);
    let mut flaw = match () {
        () if bytes.len() > MAX_MESSAGE => Some(Flaw::TooLong),
        () if said > came => Some(Flaw::Short { said, came }),
        () if said < came => Some(Flaw::Trailing { bytes: came - said }),
        () if !said.is_multiple_of(4) => Some(Flaw::OddLength { said }),
        () => None,
    };
    let end = (HEADER_LEN + said).min(bytes.len()).min(MAX_MESSAGE);
    let body = bytes.get(..end).unwrap_or(bytes);
    let mut found = Vec::new();
    let mut offset = HEADER_LEN;
    while offset < end {
        if found.len() == MAX_ATTRIBUTES {
            flaw.get_or_insert(Flaw::TooMany);
            break;
        }
        match attribute_at(body, offset) {
            Ok(attribute) => {
                offset += 4 + attribute.value.len().next_multiple_of(4);
                found.push(attribute);
            }
            Err(why) => {
                flaw.get_or_insert(why);
                break;
            }
        }
    }
    (found, flaw)
}

fn attribute_at(body: &[u8], offset: usize) -> Result<Attribute<'_>, Flaw> {
    let rest = body.get(offset..).unwrap_or_default();
    let Some(([k0, k1, l0, l1], rest)) = rest.split_first_chunk::<4>() else {
        return Err(Flaw::Crumbs { bytes: rest.len() });
    };
    let kind = u16::from_be_bytes([*k0, *k1]);
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    let value = rest.get(..length).ok_or(Flaw::Overrun { kind })?;
    Ok(Attribute { kind, value, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; 8] = [0x01, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];

    fn message(body: &[u8], length: u16) -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        bytes.extend([7; 12]);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn types_fold_class_and_method_as_the_standard_draws_them() {
        for (class, method, expected) in [
            (Class::Request, attr::BINDING, 0x0001),
            (Class::Success, attr::BINDING, 0x0101),
            (Class::Error, attr::ALLOCATE, 0x0113),
            (Class::Indication, attr::SEND, 0x0016),
            (Class::Request, 0xfff, 0x3eef),
        ] {
            assert_eq!(Header::message_type(class, method), expected);
            assert_eq!(split_type(expected), (class, method));
        }
    }

    #[test]
    fn a_header_without_the_cookie_is_no_stun() {
        let mut bytes = message(&[], 0);
        assert!(Header::parse(&bytes).is_some());
        bytes[4] = 0x20;
        assert_eq!(Header::parse(&bytes), None);
        assert_eq!(Header::parse(&message(&[], 0)[..19]), None);
    }

    #[test]
    fn what_lies_before_a_flaw_is_kept() {
        let body = [0x80, 0x22, 0, 1, b'x', 0, 0, 0, 0x00, 0x14, 0, 9, b'y', 0, 0, 0];
        let bytes = message(&body, 16);
        let (found, flaw) = walk(&bytes, 16);
        assert_eq!(found, [Attribute { kind: 0x8022, value: b"x", offset: 20 }]);
        assert_eq!(flaw, Some(Flaw::Overrun { kind: 0x0014 }));
    }

    #[test]
    fn a_last_attribute_without_padding_is_read() {
        let bytes = message(&[0x80, 0x22, 0, 1, b'x'], 5);
        let (found, flaw) = walk(&bytes, 5);
        assert_eq!(found.len(), 1);
        assert_eq!(flaw, Some(Flaw::OddLength { said: 5 }));
    }

    #[test]
    fn a_length_field_that_lies_is_named() {
        let bytes = message(&[0x80, 0x22, 0, 0], 8);
        assert_eq!(walk(&bytes, 8).1, Some(Flaw::Short { said: 8, came: 4 }));
        assert_eq!(walk(&bytes, 0).1, Some(Flaw::Trailing { bytes: 4 }));
    }

    #[test]
    fn no_more_attributes_are_read_than_the_limit() {
        let body = [0x80, 0x22, 0, 0].repeat(MAX_ATTRIBUTES + 1);
        let length = u16::try_from(body.len()).unwrap();
        let bytes = message(&body, length);
        let (found, flaw) = walk(&bytes, length);
        assert_eq!((found.len(), flaw), (MAX_ATTRIBUTES, Some(Flaw::TooMany)));
    }
}
