//! STUN and ChannelData out of a stream (RFC 8489 section 6.2.2, RFC 8656 section 12.5).

use super::raw::{CHANNELS, HEADER_LEN, MAGIC_COOKIE, MAX_MESSAGE};
use crate::evidence::{Cause, FirstBytes};
use std::collections::BTreeSet;

/// One message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A STUN message, header included.
    Stun(Vec<u8>),
    /// Application data on a channel.
    Channel {
        /// The channel number.
        number: u16,
        /// What is carried, without padding.
        payload: Vec<u8>,
    },
}

/// Cuts a stream into messages, whatever the chunks it comes in.
///
/// Never holds more than one unfinished message and the chunk that was pushed last. A stream that is neither STUN nor
/// ChannelData is found out by its first byte where that is possible, and by the magic cookie at the latest. HTTP
/// begins with `H`, which is also a channel number's first byte: only channels that were [`bind`](Self::bind)ed are
/// taken for one.
#[derive(Debug, Clone, Default)]
pub struct Deframer {
    buffer: Vec<u8>,
    start: usize,
    channels: BTreeSet<u16>,
    received: u64,
    broken: Option<Cause>,
}

impl Deframer {
    /// The beginning of a stream, no channels bound.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects data on this channel from now on. Numbers outside 0x4000 to 0x4FFF are not expected.
    pub fn bind(&mut self, number: u16) {
        if CHANNELS.contains(&number) {
            self.channels.insert(number);
        }
    }

    /// Adds the next bytes of the stream. Take all frames out before the next push.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received += bytes.len() as u64;
        if self.broken.is_none() {
            self.buffer.drain(..self.start.min(self.buffer.len()));
            self.start = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Bytes that came in so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The bytes of a message that is not complete.
    pub fn unfinished(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// The next whole message; none when more bytes are needed.
    ///
    /// # Errors
    /// [`Cause::NotStun`] with what stood in place of a message, or [`Cause::Malformed`] when it is too long; from then
    /// on always the same.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Cause> {
        if let Some(cause) = &self.broken {
            return Err(cause.clone());
        }
        match self.cut() {
            Ok(frame) => Ok(frame),
            Err(cause) => {
                self.broken = Some(cause.clone());
                self.buffer = Vec::new();
                self.start = 0;
                Err(cause)
            }
        }
    }

    fn cut(&mut self) -> Result<Option<Frame>, Cause> {
        let bytes = self.unfinished();
        let Some(first) = bytes.first() else { return Ok(None) };
        match first >> 6 {
            0 => self.cut_stun(),
            1 => self.cut_channel(),
            _ => Err(not_stun(bytes)),
        }
    }

    fn cut_stun(&mut self) -> Result<Option<Frame>, Cause> {
        let bytes = self.unfinished();
        let cookie = bytes.get(4..).unwrap_or_default();
        let odd_length = bytes.get(3).is_some_and(|low| low & 3 != 0);
        if odd_length || cookie.iter().zip(MAGIC_COOKIE).any(|(came, due)| *came != due) {
            return Err(not_stun(bytes));
        }
        let Some([_, _, l0, l1]) = bytes.first_chunk::<4>() else { return Ok(None) };
        let total = HEADER_LEN + usize::from(u16::from_be_bytes([*l0, *l1]));
        if total > MAX_MESSAGE {
            let detail = format!("a message of {total} bytes");
            return Err(Cause::Malformed { detail, first_bytes: FirstBytes::of(bytes) });
        }
        let Some(message) = bytes.get(..total) else { return Ok(None) };
        let frame = Frame::Stun(message.to_vec());
        self.start += total;
        Ok(Some(frame))
    }

    fn cut_channel(&mut self) -> Result<Option<Frame>, Cause> {
        let bytes = self.unfinished();
        let bound = |number: &u16| number.to_be_bytes().iter().zip(bytes).all(|(due, came)| due == came);
        if !self.channels.iter().any(bound) {
            return Err(not_stun(bytes));
        }
        let Some(([n0, n1, l0, l1], rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
        let number = u16::from_be_bytes([*n0, *n1]);
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let padded = length.next_multiple_of(4);
        let Some(payload) = rest.get(..padded).and_then(|padded| padded.get(..length)) else {
            return Ok(None);
        };
        let frame = Frame::Channel { number, payload: payload.to_vec() };
        self.start += 4 + padded;
        Ok(Some(frame))
    }
}

fn not_stun(bytes: &[u8]) -> Cause {
    Cause::NotStun { first_bytes: FirstBytes::of(bytes) }
}

#[cfg(test)]
mod tests {
    use super::super::raw::{ChannelData, Class, Writer, attr};
    use super::*;

    fn stun(software: &[u8]) -> Vec<u8> {
        let writer = Writer::new(Class::Success, attr::BINDING, &[3; 12]);
        writer.attribute(attr::SOFTWARE, software).finish().unwrap()
    }

    fn frames(deframer: &mut Deframer) -> Vec<Frame> {
        std::iter::from_fn(|| deframer.next_frame().unwrap()).collect()
    }

    /// Pushes the bytes one at a time: how many it took to find out, and what.
    fn found_out_after(bytes: &[u8]) -> Option<(usize, Cause)> {
        let mut deframer = Deframer::new();
        bytes.iter().enumerate().find_map(|(index, byte)| {
            deframer.push(&[*byte]);
            deframer.next_frame().err().map(|cause| (index + 1, cause))
        })
    }

    #[test]
    fn messages_come_out_whole_whatever_the_chunks() {
        let data = ChannelData { number: 0x4000, payload: b"12345" }.encode(true).unwrap();
        let stream = [stun(b"one"), data, stun(b"two")].concat();
        let expected = [
            Frame::Stun(stun(b"one")),
            Frame::Channel { number: 0x4000, payload: b"12345".to_vec() },
            Frame::Stun(stun(b"two")),
        ];
        for size in 1..=stream.len() {
            let mut deframer = Deframer::new();
            deframer.bind(0x4000);
            let mut found = Vec::new();
            for chunk in stream.chunks(size) {
                deframer.push(chunk);
                found.extend(frames(&mut deframer));
            }
            assert_eq!(found, expected, "chunks of {size}");
            assert!(deframer.unfinished().is_empty());
        }
    }

    #[test]
    fn http_is_found_out_by_its_first_byte_and_shown() {
        let mut deframer = Deframer::new();
        deframer.bind(0x4000);
        deframer.push(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let first_bytes = FirstBytes("HTTP/1.1 400 Bad Request\\r\\n\\r\\n".into());
        assert_eq!(deframer.next_frame(), Err(Cause::NotStun { first_bytes: first_bytes.clone() }));
        deframer.push(&stun(b"x"));
        assert_eq!(
            deframer.next_frame(),
            Err(Cause::NotStun { first_bytes }),
            "a broken stream stays broken"
        );
        assert_eq!(found_out_after(b"HTTP/1.1").unwrap().0, 1);
    }

    #[test]
    fn a_tls_alert_is_found_out_by_the_cookie() {
        let (after, cause) = found_out_after(&[0x15, 3, 3, 0, 2, 2, 40]).unwrap();
        assert_eq!((after, cause.code()), (5, "not-stun"));
    }

    #[test]
    fn a_length_that_is_no_multiple_of_four_is_found_out_at_once() {
        assert_eq!(found_out_after(&[0x01, 0x01, 0x00, 0x03, 0x21]).unwrap().0, 4);
    }

    #[test]
    fn high_bits_and_unbound_channels_are_no_stun() {
        assert_eq!(found_out_after(&[0x80]).unwrap().0, 1);
        assert_eq!(found_out_after(&[0x40, 0x00]).unwrap().0, 1);
        let mut deframer = Deframer::new();
        deframer.bind(0x4001);
        deframer.push(&[0x40]);
        assert_eq!(deframer.next_frame(), Ok(None));
        deframer.push(&[0x02]);
        assert_eq!(deframer.next_frame().unwrap_err().code(), "not-stun");
    }

    #[test]
    fn a_message_longer_than_messages_are_is_refused_before_it_is_read() {
        let (after, cause) = found_out_after(&[0x01, 0x01, 0xff, 0xfc, 0x21, 0x12]).unwrap();
        assert_eq!((after, cause.code()), (4, "malformed"));
    }
}
