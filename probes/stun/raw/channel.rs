//! ChannelData (RFC 8656 section 12.4).

use std::ops::RangeInclusive;

/// The channel numbers that a client may bind.
pub const CHANNELS: RangeInclusive<u16> = 0x4000..=0x4fff;

/// Application data on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelData<'a> {
    /// The channel.
    pub number: u16,
    /// What is carried.
    pub payload: &'a [u8],
}

impl<'a> ChannelData<'a> {
    /// Reads ChannelData, padded or not. None when it is something else or not all there.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let ([n0, n1, l0, l1], rest) = bytes.split_first_chunk::<4>()?;
        let number = u16::from_be_bytes([*n0, *n1]);
        let payload = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?;
        CHANNELS.contains(&number).then_some(Self { number, payload })
    }

    /// The bytes on the wire; `padded` to a multiple of four as streams need it. None when the payload is longer than
    /// 65,535 bytes.
    pub fn encode(&self, padded: bool) -> Option<Vec<u8>> {
        let length = u16::try_from(self.payload.len()).ok()?;
        let mut bytes = Vec::with_capacity(self.payload.len() + 7);
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(self.payload);
        if padded {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_pad_and_datagrams_do_not() {
        let data = ChannelData { number: 0x4001, payload: b"hello" };
        let plain = data.encode(false).unwrap();
        let padded = data.encode(true).unwrap();
        assert_eq!(plain, [0x40, 0x01, 0, 5, b'h', b'e', b'l', b'l', b'o']);
        assert_eq!(padded[..9], plain);
        assert_eq!(padded[9..], [0, 0, 0]);
        assert_eq!(ChannelData::parse(&plain), Some(data));
        assert_eq!(ChannelData::parse(&padded), Some(data));
    }

    #[test]
    fn what_is_cut_off_or_of_another_number_is_none() {
        assert_eq!(ChannelData::parse(&[0x40, 0, 0, 2, 1]), None);
        assert_eq!(ChannelData::parse(&[0x50, 0, 0, 0]), None);
        assert_eq!(ChannelData { number: 0x4000, payload: &[0; 65_536] }.encode(true), None);
    }
}
