//! Hostile bytes: no input makes anything panic, and none makes the client say that it was authenticated.

use super::server::{REALM, allocation, challenge, md5_key, sign};
use super::*;
use crate::stun::raw::{ChannelData, Class, Header, Key, MAX_ATTRIBUTES, Writer, walk};
use crate::stun::vectors::{LONG_TERM, REQUEST, RESPONSE_V4, RESPONSE_V6, bytes};
use crate::stun::{Deframer, Message, attr, codec};

/// How many mutated messages a normal run feeds; `RAINCHECK_MUTATIONS` asks for another number.
const MUTATIONS: u64 = 100_000;

/// A client with an allocation and one ask of every kind under way.
fn client(transport: Framing) -> Bench {
    let mut bench = Bench::allocated(transport);
    bench.sent.clear();
    bench.ask(Ask::Binding);
    bench.ask(Ask::Allocate(Families::Dual));
    bench.ask(Ask::Permission(vec![at("192.0.2.10:4000"), at("[2001:db8::1]:5")]));
    bench.ask(Ask::Channel(at("192.0.2.10:4000")));
    bench.ask(Ask::Refresh(Duration::from_secs(600)));
    bench
}

/// Messages of every kind, most of them answers to what that client asks.
fn corpus(bench: &Bench) -> Vec<Vec<u8>> {
    let mut corpus: Vec<_> = [REQUEST, RESPONSE_V4, RESPONSE_V6, LONG_TERM].map(bytes).into();
    for (_, sent) in &bench.sent {
        let request = Request::read(sent);
        let alternate = (0x8023, vec![0, 1, 0x0d, 0x96, 192, 0, 2, 2]);
        let modern =
            [(0x0014, REALM.to_vec()), (0x0015, b"obMatJos2wAAAx".to_vec()), (0x8002, vec![0, 2, 0, 0])];
        corpus.extend([
            sent.clone(),
            challenge(&request),
            request.error(438, "Stale", &modern),
            request.error(401, "", &modern),
            request.error(300, "Try", &[alternate, (0x8003, b"other.example".to_vec())]),
            request.error(420, "What", &[(0x000a, vec![0x80, 0, 0, 0x17])]),
            request.success(&allocation(&request)),
            sign(request.success(&allocation(&request)), &md5_key()),
        ]);
    }
    corpus.push(ChannelData { number: 0x4000, payload: b"payload" }.encode(true).unwrap());
    let data = Writer::new(Class::Indication, attr::DATA_INDICATION, &[4; 12]);
    let peer = [0, 1, 0x2e, 0xb2, 0xe1, 0x12, 0xa6, 0x48];
    corpus.push(data.attribute(attr::XOR_PEER_ADDRESS, &peer).attribute(attr::DATA, b"x").finish().unwrap());
    corpus.push(b"HTTP/1.1 200 OK\r\n\r\n".to_vec());
    corpus
}

fn below(ids: &mut IdSource, limit: usize) -> usize {
    (ids.next_u64() % limit.max(1) as u64) as usize
}

/// One to four changes: bits, bytes, lengths, cuts, insertions, and pieces of other messages.
fn mutate(message: &[u8], corpus: &[Vec<u8>], ids: &mut IdSource) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..=below(ids, 4) {
        let at = below(ids, bytes.len());
        match below(ids, 8) {
            0 | 1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (ids.next_u64() % 8)),
            2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = ids.next_u64() as u8),
            3 => bytes.truncate(at),
            4 => {
                let more: [u8; 5] = ids.bytes();
                bytes.splice(at..at, more);
            }
            5 => {
                // An attribute's length, where attributes begin in most of these messages.
                let at = 22 + 4 * below(ids, bytes.len() / 4);
                let value: [u8; 2] = ids.bytes();
                bytes.iter_mut().skip(at).zip(value).for_each(|(byte, value)| *byte = value);
            }
            6 => {
                let other = &corpus[below(ids, corpus.len())];
                let from = below(ids, other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            _ => {
                // The header is made to fit again, so that the change reaches what lies behind it.
                let length = (bytes.len().saturating_sub(20) & !3) as u16;
                bytes.iter_mut().skip(2).zip(length.to_be_bytes()).for_each(|(byte, value)| *byte = value);
            }
        }
    }
    bytes
}

/// Reads a message in every way there is.
fn read_everything(bytes: &[u8]) {
    if let Some(header) = Header::parse(bytes) {
        let (attributes, _) = walk(bytes, header.length);
        assert!(attributes.len() <= MAX_ATTRIBUTES);
    }
    let _ = ChannelData::parse(bytes);
    let Ok(message) = Message::parse(bytes) else { return };
    let key = Key::new(md5_key());
    let _ = (message.integrity_sha1(&key), message.integrity_sha256(&key), message.fingerprint());
    let _ = (message.mapped(), message.error(), message.unknown_attributes(), message.unknown_required());
    let _ = (message.address_errors().count(), message.xor_addresses(attr::XOR_PEER_ADDRESS).count());
    let _ = message.flaw().map(|flaw| flaw.to_string());
    let _ = codec::refusal(bytes);
    for attribute in message.attributes() {
        let _ = (message.text(attribute.kind), message.u16(attribute.kind), message.u32(attribute.kind));
        let _ = message.address(attribute.kind);
    }
}

/// Feeds a client, and checks what it makes of it.
fn feed(bench: &mut Bench, bytes: &[u8], genuine: &[Vec<u8>]) {
    bench.events.clear();
    bench.sent.clear();
    bench.receive(bytes);
    for event in &bench.events {
        if let Event::Finished(finished) = event {
            // A signature can only fit where a genuine answer came in, perhaps with something behind it.
            let told =
                genuine.iter().any(|answer| bytes.windows(answer.len()).any(|window| window == answer));
            assert!(!finished.authenticated || told, "{finished:?} from {}", hex::encode(bytes));
        }
    }
    assert!(bench.events.len() <= 64 && bench.sent.len() <= 64);
}

#[test]
fn no_mutated_message_makes_anything_panic() {
    let count = std::env::var("RAINCHECK_MUTATIONS").ok().and_then(|text| text.parse().ok());
    let mut ids = IdSource::new(0x5eed);
    let bases = [client(Framing::Datagram), client(Framing::Stream)];
    // What is signed covers all before the signature, which is how much must have come in unchanged.
    let corpora = bases.each_ref().map(corpus);
    let genuine = corpora.each_ref().map(|corpus| {
        let signed = |bytes: &&Vec<u8>| bytes.len() > 44 && bytes[bytes.len() - 24..][..4] == [0, 8, 0, 20];
        let body = |bytes: &Vec<u8>| bytes[4..].to_vec();
        corpus.iter().filter(signed).map(body).collect::<Vec<_>>()
    });
    let mut deframer = Deframer::new();
    for round in 0..count.unwrap_or(MUTATIONS) {
        let which = (round % 2) as usize;
        let corpus = &corpora[which];
        let mutated = mutate(&corpus[below(&mut ids, corpus.len())], corpus, &mut ids);
        read_everything(&mutated);
        if round % 16 == 0 {
            deframer = Deframer::new();
            deframer.bind(0x4000);
        }
        deframer.push(&mutated);
        while let Ok(Some(_)) = deframer.next_frame() {}
        let base = &bases[which];
        let mut bench =
            Bench { client: base.client.clone(), now: base.now, sent: vec![], events: vec![], wake: None };
        feed(&mut bench, &mutated, &genuine[which]);
        let more = mutate(&mutated, corpus, &mut ids);
        bench.client.handle(Input::Received(&more), bench.now);
        bench.settle();
    }
}
