//! The data plane.

use super::server::{append, done};
use super::*;

const PEER: &str = "192.0.2.10:4000";

fn bound(transport: Framing) -> Bench {
    let mut bench = Bench::allocated(transport);
    bench.ask(Ask::Channel(at(PEER)));
    bench.answer(done);
    assert_eq!(bench.finished().result, Ok(Answer::Channel(0x4000)));
    bench
}

fn data_indication(attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0x00, 0x17, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    bytes.extend([5; 12]);
    for (kind, value) in attributes {
        append(&mut bytes, *kind, value);
    }
    bytes
}

/// 192.0.2.10:4000, masked by hand.
fn peer() -> (u16, Vec<u8>) {
    (0x0012, vec![0, 1, 0x0f ^ 0x21, 0xa0 ^ 0x12, 192 ^ 0x21, 0x12, 2 ^ 0xa4, 10 ^ 0x42])
}

#[test]
fn without_a_channel_data_goes_in_send_indications() {
    for transport in [Framing::Datagram, Framing::Stream] {
        let mut bench = Bench::allocated(transport);
        let indication = Request::read(&bench.client.send(at(PEER), b"hello").unwrap());
        assert_eq!(indication.kind, 0x0016);
        assert_eq!(indication.attributes, [(0x0012, indication.xor(PEER)), (0x0013, b"hello".to_vec())]);
    }
}

#[test]
fn with_a_channel_data_goes_there_padded_on_streams() {
    let frame = [0x40, 0x00, 0, 5, b'h', b'e', b'l', b'l', b'o'];
    let mut bench = bound(Framing::Datagram);
    assert_eq!(bench.client.send(at(PEER), b"hello").unwrap(), frame);
    let mut bench = bound(Framing::Stream);
    assert_eq!(bench.client.send(at(PEER), b"hello").unwrap(), [&frame[..], &[0, 0, 0]].concat());
    let other = bench.client.send(at("192.0.2.10:4001"), b"hello").unwrap();
    assert_eq!(other[..2], [0x00, 0x16], "another port is another peer");
}

#[test]
fn a_payload_that_fits_nowhere_is_none() {
    let mut bench = bound(Framing::Datagram);
    assert_eq!(bench.client.send(at(PEER), &[0; 65_536]), None);
    assert_eq!(bench.client.send(at("192.0.2.11:1"), &[0; 60_001]), None);
    assert_eq!(bench.client.send(at("192.0.2.11:1"), &[0; 60_000]).unwrap().len(), 60_000 + 20 + 12 + 4);
}

#[test]
fn data_comes_in_by_indication_and_by_channel() {
    for transport in [Framing::Datagram, Framing::Stream] {
        let mut bench = bound(transport);
        bench.receive(&data_indication(&[peer(), (0x0013, b"one".to_vec())]));
        let padding: &[u8] = if transport == Framing::Stream { &[0] } else { &[] };
        bench.receive(&[&[0x40, 0x00, 0, 3, b't', b'w', b'o'], padding].concat());
        let data = |payload: &[u8]| Event::Data { peer: at(PEER), payload: payload.to_vec() };
        assert_eq!(bench.events, [data(b"one"), data(b"two")]);
        assert_eq!(bench.client.odd(), 0);
    }
}

#[test]
fn data_that_overtakes_the_answer_to_its_channel_is_not_lost() {
    let mut bench = Bench::allocated(Framing::Stream);
    bench.ask(Ask::Channel(at(PEER)));
    let answer = done(&bench.request());
    bench.receive(&[&[0x40, 0x00, 0, 2, b'h', b'i', 0, 0], &answer[..]].concat());
    assert_eq!(bench.run_to_event(), Event::Data { peer: at(PEER), payload: b"hi".to_vec() });
    assert_eq!(bench.finished().result, Ok(Answer::Channel(0x4000)));
}

#[test]
fn a_channel_that_was_not_bound_is_odd() {
    let mut bench = bound(Framing::Datagram);
    bench.receive(&[0x40, 0x01, 0, 1, 9]);
    assert_eq!(bench.odd().code(), "not-stun");
}

#[test]
fn an_icmp_error_at_the_relay_is_shown() {
    let mut bench = bound(Framing::Datagram);
    bench.receive(&data_indication(&[peer(), (0x8004, vec![0, 0, 3, 3, 0, 0, 0, 0])]));
    let detail = "the relay had ICMP type 3 code 3 from 192.0.2.10".to_owned();
    assert_eq!(bench.odd(), Cause::Unreachable { detail });
}

#[test]
fn an_indication_without_its_parts_is_odd() {
    let mut bench = bound(Framing::Datagram);
    bench.receive(&data_indication(&[(0x0013, b"from whom".to_vec())]));
    assert_eq!(bench.odd().code(), "malformed");
}
