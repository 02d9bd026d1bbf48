//! Writing what stun-rs cannot: any attribute, and integrity and fingerprint over it.

use super::check::{Key, covered, crc};
use super::{Class, HEADER_LEN, Header, MAGIC_COOKIE, MAX_MESSAGE, TransactionId, attr};

/// Appends attributes to a message. What does not fit any more is not written and makes [`finish`](Self::finish)
/// answer none.
#[derive(Debug, Clone)]
pub struct Writer {
    bytes: Vec<u8>,
    fits: bool,
}

impl Writer {
    /// An empty message.
    pub fn new(class: Class, method: u16, transaction: &TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend(Header::message_type(class, method).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(MAGIC_COOKIE);
        bytes.extend(transaction);
        Self { bytes, fits: true }
    }

    /// Goes on where an encoder stopped. `message` is one whole message with nothing after it.
    pub fn continuing(message: Vec<u8>) -> Self {
        let fits = (HEADER_LEN..=MAX_MESSAGE).contains(&message.len());
        Self { bytes: message, fits }
    }

    /// One more attribute, padded with zeros.
    #[must_use]
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let end = self.bytes.len() + 4 + value.len().next_multiple_of(4);
        match (u16::try_from(value.len()), u16::try_from(end.saturating_sub(HEADER_LEN))) {
            (Ok(length), Ok(total)) if self.fits && end <= MAX_MESSAGE => {
                self.bytes.extend(kind.to_be_bytes());
                self.bytes.extend(length.to_be_bytes());
                self.bytes.extend(value);
                self.bytes.resize(end, 0);
                if let Some(field) = self.bytes.get_mut(2..4) {
                    field.copy_from_slice(&total.to_be_bytes());
                }
            }
            _ => self.fits = false,
        }
        self
    }

    /// MESSAGE-INTEGRITY over all that is there (RFC 8489 section 14.5).
    #[must_use]
    pub fn integrity_sha1(self, key: &Key) -> Self {
        let mac = covered(&self.bytes, self.bytes.len(), 20).and_then(|covered| key.sha1(&covered.parts()));
        self.computed(attr::MESSAGE_INTEGRITY, mac)
    }

    /// MESSAGE-INTEGRITY-SHA256, whole (RFC 8489 section 14.6).
    #[must_use]
    pub fn integrity_sha256(self, key: &Key) -> Self {
        let mac = covered(&self.bytes, self.bytes.len(), 32).and_then(|covered| key.sha256(&covered.parts()));
        self.computed(attr::MESSAGE_INTEGRITY_SHA256, mac)
    }

    /// FINGERPRINT, always the last (RFC 8489 section 14.7).
    #[must_use]
    pub fn fingerprint(self) -> Self {
        let sum =
            covered(&self.bytes, self.bytes.len(), 4).map(|covered| crc(&covered.parts()).to_be_bytes());
        self.computed(attr::FINGERPRINT, sum)
    }

    /// The message, or none when it grew longer than a message can be.
    pub fn finish(self) -> Option<Vec<u8>> {
        self.fits.then_some(self.bytes)
    }

    fn computed<const N: usize>(mut self, kind: u16, value: Option<[u8; N]>) -> Self {
        match value {
            Some(value) => self.attribute(kind, &value),
            None => {
                self.fits = false;
                self
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_grows_too_long_is_none() {
        let writer = || Writer::new(Class::Request, attr::BINDING, &[0; 12]);
        let fitting = writer().attribute(attr::DATA, &[0; MAX_MESSAGE - HEADER_LEN - 4 - 3]);
        assert_eq!(fitting.clone().finish().unwrap().len(), MAX_MESSAGE - 3);
        assert_eq!(fitting.attribute(attr::DATA, &[]).finish(), None);
        assert_eq!(writer().attribute(attr::DATA, &[0; 70_000]).fingerprint().finish(), None);
    }
}
