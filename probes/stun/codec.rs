//! stun-rs: encodes what we send, and gives a second opinion on what we receive.
//!
//! Its messages and keys are never printed with `{:?}`: that would show key bytes.

use super::raw::{Class, TransactionId, clean};
use stun_rs::{
    MessageClass, MessageDecoder, MessageEncoderBuilder, MessageMethod, StunAttribute, StunMessageBuilder,
};

/// Room for the attributes of a request, data aside: 64 peers of IPv6 take 1,536 bytes.
const REQUEST_ROOM: usize = 2_048;
/// stun-rs 0.1.11 counts with 16 bits without looking: no message may come near that.
const MAX_ENCODED: usize = 65_000;

/// Encodes a message without credentials. `data` is how many bytes the attributes carry beside their fixed parts.
///
/// None when it does not fit, or when the codec refuses an attribute.
pub fn encode(
    class: Class,
    method: u16,
    transaction: &TransactionId,
    attributes: impl IntoIterator<Item = StunAttribute>,
    data: usize,
) -> Option<Vec<u8>> {
    let class = match class {
        Class::Request => MessageClass::Request,
        Class::Indication => MessageClass::Indication,
        Class::Success => MessageClass::SuccessResponse,
        Class::Error => MessageClass::ErrorResponse,
    };
    let builder = StunMessageBuilder::new(MessageMethod::try_from(method).ok()?, class)
        .with_transaction_id((*transaction).into());
    let message = attributes.into_iter().fold(builder, StunMessageBuilder::with_attribute).build();
    let room = data.checked_add(REQUEST_ROOM).filter(|room| *room <= MAX_ENCODED)?;
    let mut bytes = vec![0; room];
    let length = MessageEncoderBuilder::default().build().encode(&mut bytes, &message).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// Why stun-rs would not decode this message; none when it does.
pub fn refusal(bytes: &[u8]) -> Option<String> {
    let refused = MessageDecoder::default().decode(bytes).err()?;
    Some(clean(refused.to_string().as_bytes(), 200))
}
