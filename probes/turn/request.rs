//! What an ask looks like on the wire, before it is signed.

use super::{Ask, Families, Flavour};
use crate::stun::raw::{Class, TransactionId};
use crate::stun::{attr, codec};
use std::net::SocketAddr;
use std::time::Duration;
use stun_rs::StunAttribute;
use stun_rs::attributes::stun::Software;
use stun_rs::attributes::turn::{
    AdditionalAddressFamily, ChannelNumber, Data, LifeTime, RequestedAddressFamily, RequestedTrasport,
    XorPeerAddress,
};

/// The most peers of one CreatePermission.
pub(super) const MAX_PEERS: usize = 64;
/// The longest payload of a Send indication.
const MAX_PAYLOAD: usize = 60_000;

/// The method of an ask.
pub(super) fn method(ask: &Ask) -> u16 {
    match ask {
        Ask::Binding => attr::BINDING,
        Ask::Allocate(_) => attr::ALLOCATE,
        Ask::Permission(_) => attr::CREATE_PERMISSION,
        Ask::Channel(_) => attr::CHANNEL_BIND,
        Ask::Refresh(_) | Ask::Release => attr::REFRESH,
    }
}

/// The request without credentials. `channel` is the number for a ChannelBind.
pub(super) fn encode(ask: &Ask, channel: u16, id: &TransactionId, flavour: &Flavour) -> Option<Vec<u8>> {
    let mut attributes = attributes(ask, channel, flavour);
    if let Some(software) = flavour.software {
        attributes.push(Software::new(software).ok()?.into());
    }
    codec::encode(Class::Request, method(ask), id, attributes, 0)
}

/// A Send indication (RFC 8656 section 11.1).
pub(super) fn send_indication(peer: SocketAddr, payload: &[u8], id: &TransactionId) -> Option<Vec<u8>> {
    if payload.len() > MAX_PAYLOAD {
        return None;
    }
    let attributes: [StunAttribute; 2] = [XorPeerAddress::from(peer).into(), Data::new(payload).into()];
    codec::encode(Class::Indication, attr::SEND, id, attributes, payload.len())
}

fn attributes(ask: &Ask, channel: u16, flavour: &Flavour) -> Vec<StunAttribute> {
    match ask {
        Ask::Binding => vec![],
        Ask::Allocate(families) => allocate(*families, flavour),
        Ask::Permission(peers) => peers.iter().map(|peer| XorPeerAddress::from(*peer).into()).collect(),
        Ask::Channel(peer) => vec![ChannelNumber::new(channel).into(), XorPeerAddress::from(*peer).into()],
        Ask::Refresh(lifetime) => vec![LifeTime::from(seconds(*lifetime)).into()],
        Ask::Release => vec![LifeTime::from(0).into()],
    }
}

fn allocate(families: Families, flavour: &Flavour) -> Vec<StunAttribute> {
    let mut attributes = vec![RequestedTrasport::default().into()];
    attributes.extend(flavour.allocate_lifetime.map(|seconds| LifeTime::from(seconds).into()));
    match families {
        Families::V4 => {}
        Families::V6 => attributes.push(RequestedAddressFamily::new(stun_rs::AddressFamily::IPv6).into()),
        Families::Dual => attributes.push(AdditionalAddressFamily::new(stun_rs::AddressFamily::IPv6).into()),
    }
    attributes
}

fn seconds(of: Duration) -> u32 {
    u32::try_from(of.as_secs()).unwrap_or(u32::MAX)
}
