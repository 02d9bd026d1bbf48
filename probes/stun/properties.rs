//! What is written is read again, and what one chunking of a stream holds, every chunking holds.

use super::raw::{ChannelData, MAX_ATTRIBUTES};
use super::raw::{Class, Header, Writer, attr, walk};
use super::{Deframer, Frame, Integrity, Key, Message, codec};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::{IpAddr, SocketAddr};
use stun_rs::attributes::stun::XorMappedAddress;
use stun_rs::attributes::turn::XorPeerAddress;

fn message(class: Class, method: u16, transaction: [u8; 12], attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let writer = Writer::new(class, method, &transaction);
    let writer = attributes.iter().fold(writer, |writer, (kind, value)| writer.attribute(*kind, value));
    writer.finish().unwrap()
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Request), Just(Class::Indication), Just(Class::Success), Just(Class::Error)]
}

fn attributes() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
    // Integrity and fingerprint end what counts of a message, so they are not among these, but find room after them.
    let kind = any::<u16>().prop_filter("covered", |kind| {
        !matches!(*kind, attr::MESSAGE_INTEGRITY | attr::MESSAGE_INTEGRITY_SHA256 | attr::FINGERPRINT)
    });
    vec((kind, vec(any::<u8>(), 0..40)), 0..=MAX_ATTRIBUTES - 3)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(SocketAddr::from)
}

#[derive(Debug, Clone)]
enum Sent {
    Stun(Vec<u8>),
    Channel(u16, Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        (class(), 0..0x1000u16, any::<[u8; 12]>(), attributes())
            .prop_map(|(c, m, t, a)| Sent::Stun(message(c, m, t, &a))),
        (0x4000..0x5000u16, vec(any::<u8>(), 0..300)).prop_map(|(n, p)| Sent::Channel(n, p)),
    ]
}

proptest! {
    #[test]
    fn attributes_that_were_written_are_read(
        class in class(), method in 0..0x1000u16, transaction: [u8; 12], attributes in attributes()
    ) {
        let bytes = message(class, method, transaction, &attributes);
        let header = Header::parse(&bytes).unwrap();
        prop_assert_eq!((header.class, header.method, header.transaction), (class, method, transaction));
        let (found, flaw) = walk(&bytes, header.length);
        prop_assert_eq!(flaw, None);
        let found: Vec<_> = found.iter().map(|a| (a.kind, a.value.to_vec())).collect();
        prop_assert_eq!(found, attributes);
    }

    #[test]
    fn addresses_that_the_codec_writes_are_read(mapped in address(), peer in address(), transaction: [u8; 12]) {
        let written = [XorMappedAddress::from(mapped).into(), XorPeerAddress::from(peer).into()];
        let bytes = codec::encode(Class::Success, attr::BINDING, &transaction, written, 0).unwrap();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.mapped(), Some(mapped));
        prop_assert_eq!(message.xor_addresses(attr::XOR_PEER_ADDRESS).collect::<Vec<_>>(), [peer]);
    }

    #[test]
    fn a_signature_fits_its_message_and_key_only(
        attributes in attributes(), key in vec(any::<u8>(), 0..80), at: prop::sample::Index, bit in 0..8u32
    ) {
        let plain = message(Class::Request, attr::ALLOCATE, [5; 12], &attributes);
        let (key, other) = (Key::new(key.clone()), Key::new([&key[..], b"+"].concat()));
        let writer = Writer::continuing(plain.clone());
        let signed = writer.integrity_sha1(&key).integrity_sha256(&key).fingerprint().finish().unwrap();
        let read = Message::parse(&signed).unwrap();
        prop_assert_eq!(read.integrity_sha1(&key), Integrity::Valid);
        prop_assert_eq!(read.integrity_sha256(&key), Integrity::Valid);
        prop_assert_eq!(read.fingerprint(), Some(true));
        prop_assert_eq!(read.integrity_sha1(&other), Integrity::Wrong);
        // Any bit of the transaction id and the attribute bytes, which both are covered.
        let index = 8 + at.index(plain.len() - 8);
        let mut flipped = signed.clone();
        flipped[index] ^= 1 << bit;
        let read = Message::parse(&flipped).unwrap();
        prop_assert_ne!(read.integrity_sha256(&key), Integrity::Valid);
        prop_assert_ne!(read.fingerprint(), Some(true));
    }

    #[test]
    fn a_stream_holds_the_same_in_whatever_chunks(
        sent in vec(sent(), 0..8), cuts in vec(1..200usize, 1..20)
    ) {
        let mut deframer = Deframer::new();
        let mut stream = Vec::new();
        for item in &sent {
            match item {
                Sent::Stun(bytes) => stream.extend(bytes),
                Sent::Channel(number, payload) => {
                    deframer.bind(*number);
                    stream.extend(ChannelData { number: *number, payload }.encode(true).unwrap());
                }
            }
        }
        let mut found = Vec::new();
        let (mut rest, mut cuts) = (&stream[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            deframer.push(chunk);
            while let Some(frame) = deframer.next_frame().unwrap() {
                found.push(frame);
            }
            rest = after;
        }
        let expected: Vec<_> = sent
            .into_iter()
            .map(|item| match item {
                Sent::Stun(bytes) => Frame::Stun(bytes),
                Sent::Channel(number, payload) => Frame::Channel { number, payload },
            })
            .collect();
        prop_assert_eq!(found, expected);
    }
}
