//! The test vectors of RFC 5769.

use super::raw::{Class, Integrity, Key, Writer, attr};
use super::{Message, codec};

/// Section 2.1: a request with short-term credentials.
pub(crate) const REQUEST: &str = "00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c \
    69656e74 00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c \
    bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf";
/// Section 2.2: an answer with an IPv4 address.
pub(crate) const RESPONSE_V4: &str = "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 \
    00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96";
/// Section 2.3: an answer with an IPv6 address.
pub(crate) const RESPONSE_V6: &str = "01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 \
    00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 \
    80280004 c8fb0b4c";
/// Section 2.4: a request with long-term credentials.
pub(crate) const LONG_TERM: &str = "00010060 2112a442 78ad3433 c6ad72c0 29da412e 00060012 e3839ee3 8388e383 aae38383 \
    e382afe3 82b90000 0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341 0014000b 6578616d \
    706c652e 6f726700 00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666";

/// The bytes of a vector.
pub(crate) fn bytes(vector: &str) -> Vec<u8> {
    hex::decode(vector.replace(' ', "")).unwrap()
}

fn short_term() -> Key {
    Key::new(b"VOkJxbRl1RmTxUk/WvJxBt".to_vec())
}

fn check(vector: &str, key: &Key) {
    let bytes = bytes(vector);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.flaw(), None);
    assert!(message.unknown_required().is_empty());
    assert_eq!(message.integrity_sha1(key), Integrity::Valid);
    assert_eq!(message.integrity_sha256(key), Integrity::Missing);
    assert_eq!(codec::refusal(&bytes), None);
    for index in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[index] ^= 0x01;
        let changed = Message::parse(&flipped).ok();
        let intact = changed.is_some_and(|m| {
            m.integrity_sha1(key) == Integrity::Valid
                && m.fingerprint() == message.fingerprint()
                && m.flaw().is_none()
        });
        assert!(!intact, "byte {index} may change unnoticed");
    }
}

#[test]
fn the_sample_request_is_read_and_checked() {
    check(REQUEST, &short_term());
    let bytes = bytes(REQUEST);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Request, attr::BINDING));
    assert_eq!(message.text(attr::SOFTWARE).as_deref(), Some("STUN test client"));
    assert_eq!(message.value(attr::USERNAME), Some(&b"evtj:h6vY"[..]));
    assert_eq!(message.u32(attr::PRIORITY), Some(0x6e00_01ff));
    assert_eq!(message.fingerprint(), Some(true));
}

#[test]
fn the_sample_answers_hold_their_addresses() {
    for (vector, address) in
        [(RESPONSE_V4, "192.0.2.1:32853"), (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        check(vector, &short_term());
        let bytes = bytes(vector);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.mapped(), Some(address.parse().unwrap()));
        assert_eq!(message.text(attr::SOFTWARE).as_deref(), Some("test vector"));
        assert_eq!(message.fingerprint(), Some(true));
    }
}

#[test]
fn the_long_term_request_is_written_byte_for_byte() {
    let expected = bytes(LONG_TERM);
    let message = Message::parse(&expected).unwrap();
    assert_eq!(message.text(attr::USERNAME).as_deref(), Some("マトリックス"));
    assert_eq!(message.text(attr::REALM).as_deref(), Some("example.org"));
    assert_eq!(message.fingerprint(), None);
    // The vector's password after SASLprep, which the standard has replaced by OpaqueString since.
    let text = "マトリックス:example.org:TheMatrIX";
    let key = Key::new(<md5::Md5 as md5::Digest>::digest(text).to_vec());
    check(LONG_TERM, &key);
    let written = Writer::new(Class::Request, attr::BINDING, &message.transaction())
        .attribute(attr::USERNAME, "マトリックス".as_bytes())
        .attribute(attr::NONCE, b"f//499k954d6OL34oL9FSTvy64sA")
        .attribute(attr::REALM, b"example.org")
        .integrity_sha1(&key)
        .finish();
    assert_eq!(written, Some(expected));
}

#[test]
fn the_ipv4_answer_is_written_like_its_vector_but_for_the_padding() {
    // The vector pads with blanks, we with zeros, so the message is compared up to there and checked after it.
    let vector = bytes(RESPONSE_V4);
    let transaction = Message::parse(&vector).unwrap().transaction();
    let written = Writer::new(Class::Success, attr::BINDING, &transaction)
        .attribute(attr::SOFTWARE, b"test vector")
        .attribute(attr::XOR_MAPPED_ADDRESS, &vector[40..48])
        .integrity_sha1(&short_term())
        .fingerprint()
        .finish()
        .unwrap();
    assert_eq!(written.len(), vector.len());
    assert_eq!(written[4..35], vector[4..35]);
    let message = Message::parse(&written).unwrap();
    assert_eq!(message.integrity_sha1(&short_term()), Integrity::Valid);
    assert_eq!(message.fingerprint(), Some(true));
    assert_eq!(message.mapped(), Some("192.0.2.1:32853".parse().unwrap()));
}
