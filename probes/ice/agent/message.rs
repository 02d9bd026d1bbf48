//! The STUN messages of ICE (RFC 8445 section 7), built and read.

use super::types::{IceCredentials, IceRole};
use crate::stun::raw::Writer;
use crate::stun::{Class, Integrity, Key, Message, TransactionId, attr, codec};
use std::net::SocketAddr;
use stun_rs::StunAttribute;
use stun_rs::attributes::ice::{IceControlled, IceControlling, Priority, UseCandidate};
use stun_rs::attributes::stun::{ErrorCode, UnknownAttributes, UserName, XorMappedAddress};

/// GOOG-NETWORK-INFO (libwebrtc `api/transport/stun.h`): network id and cost, 16 bits each.
pub(super) const GOOG_NETWORK_INFO: u16 = 0xC057;

/// What a check says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) id: &'a TransactionId,
    pub(super) ours: &'a IceCredentials,
    pub(super) theirs: &'a IceCredentials,
    pub(super) role: IceRole,
    pub(super) tie_breaker: u64,
    pub(super) priority: u32,
    pub(super) use_candidate: bool,
    /// Network id and cost, for clients that say them.
    pub(super) network: Option<[u16; 2]>,
}

/// The bytes of a check. None when the credentials do not fit the grammar.
pub(super) fn check(request: &Request<'_>) -> Option<Vec<u8>> {
    let username = format!("{}:{}", request.theirs.ufrag, request.ours.ufrag);
    let mut attributes: Vec<StunAttribute> = vec![UserName::new(username).ok()?.into()];
    attributes.push(match request.role {
        IceRole::Controlling => IceControlling::from(request.tie_breaker).into(),
        IceRole::Controlled => IceControlled::from(request.tie_breaker).into(),
    });
    if request.use_candidate {
        attributes.push(UseCandidate::default().into());
    }
    attributes.push(Priority::from(request.priority).into());
    let mut writer =
        Writer::continuing(codec::encode(Class::Request, attr::BINDING, request.id, attributes, 600)?);
    if let Some([id, cost]) = request.network {
        let value = (u32::from(id) << 16) | u32::from(cost);
        writer = writer.attribute(GOOG_NETWORK_INFO, &value.to_be_bytes());
    }
    writer.integrity_sha1(&key(request.theirs)).fingerprint().finish()
}

/// The answer to a check that came from `mapped`.
pub(super) fn success(id: &TransactionId, mapped: SocketAddr, ours: &IceCredentials) -> Option<Vec<u8>> {
    let attributes: [StunAttribute; 1] = [XorMappedAddress::from(mapped).into()];
    let bytes = codec::encode(Class::Success, attr::BINDING, id, attributes, 0)?;
    Writer::continuing(bytes).integrity_sha1(&key(ours)).fingerprint().finish()
}

/// An answer that refuses a check; signed when the asker is known to share the password.
pub(super) fn refusal(
    id: &TransactionId,
    code: u16,
    reason: &str,
    unknown: &[u16],
    ours: Option<&IceCredentials>,
) -> Option<Vec<u8>> {
    let code = stun_rs::ErrorCode::new(code, reason).ok()?;
    let mut attributes: Vec<StunAttribute> = vec![ErrorCode::from(code).into()];
    if !unknown.is_empty() {
        let mut list = UnknownAttributes::default();
        unknown.iter().for_each(|kind| list.add(*kind));
        attributes.push(list.into());
    }
    let bytes = codec::encode(Class::Error, attr::BINDING, id, attributes, 200)?;
    let writer = Writer::continuing(bytes);
    let writer = match ours {
        Some(ours) => writer.integrity_sha1(&key(ours)),
        None => writer,
    };
    writer.fingerprint().finish()
}

/// A keepalive (RFC 8445 section 11): a Binding indication, unsigned.
pub(super) fn keepalive(id: &TransactionId) -> Option<Vec<u8>> {
    let bytes = codec::encode(Class::Indication, attr::BINDING, id, [], 0)?;
    Writer::continuing(bytes).fingerprint().finish()
}

/// The key of a password, RFC 8489 section 9.1.1. ICE passwords need no preparation: their alphabet has nothing to
/// prepare.
pub(super) fn key(credentials: &IceCredentials) -> Key {
    Key::new(credentials.pwd.expose().as_bytes().to_vec())
}

/// The peer's role and tie-breaker, as its check tells them.
pub(super) fn role_of(message: &Message<'_>) -> Option<(IceRole, u64)> {
    let of = |kind| message.value(kind)?.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes));
    let controlling = of(attr::ICE_CONTROLLING).map(|value| (IceRole::Controlling, value));
    controlling.or_else(|| of(attr::ICE_CONTROLLED).map(|value| (IceRole::Controlled, value)))
}

/// Network id and cost, when the peer says them.
pub(super) fn network_of(message: &Message<'_>) -> Option<[u16; 2]> {
    let value = message.u32(GOOG_NETWORK_INFO)?;
    Some([(value >> 16) as u16, value as u16])
}

/// Whether a message is signed with this password.
pub(super) fn is_signed(message: &Message<'_>, credentials: &IceCredentials) -> Integrity {
    message.integrity_sha1(&key(credentials))
}
