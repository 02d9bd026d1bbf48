//! What the server holds for us, and when it must hear of us again to keep holding it.

use super::{Answer, Ask, Flavour};
use crate::machine::Offset;
use crate::stun::raw::CHANNELS;
use std::net::SocketAddr;
use std::time::Duration;

/// The most peers that are kept permitted.
const MAX_PERMITTED: usize = 1_024;
/// When upkeep is tried again after it had failed.
const RETRY: Duration = Duration::from_secs(15);

/// Allocation, permissions and channels.
#[derive(Debug, Clone, Default)]
pub(super) struct Relay {
    lifetime: Option<Duration>,
    may_hold: bool,
    refresh: Option<Offset>,
    permitted: Vec<SocketAddr>,
    permit: Option<Offset>,
    channels: Vec<Channel>,
}

#[derive(Debug, Clone)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    bound: bool,
    rebind: Option<Offset>,
}

impl Relay {
    /// A request that may create an allocation goes out.
    pub(super) fn allocating(&mut self) {
        self.may_hold = true;
    }

    /// The server said that there is none.
    pub(super) fn not_allocated(&mut self) {
        if self.lifetime.is_none() {
            self.may_hold = false;
        }
    }

    pub(super) fn may_hold(&self) -> bool {
        self.may_hold
    }

    /// Forgets everything: released, or lost.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The number for a channel to this peer; the same one every time. None when there are no more numbers.
    pub(super) fn reserve(&mut self, peer: SocketAddr) -> Option<u16> {
        if let Some(channel) = self.channels.iter().find(|channel| channel.peer == peer) {
            return Some(channel.number);
        }
        let number =
            self.channels.last().map_or(Some(*CHANNELS.start()), |last| last.number.checked_add(1))?;
        if !CHANNELS.contains(&number) {
            return None;
        }
        self.channels.push(Channel { number, peer, bound: false, rebind: None });
        Some(number)
    }

    /// The channel that is bound to a peer.
    pub(super) fn channel_to(&self, peer: SocketAddr) -> Option<u16> {
        self.channels
            .iter()
            .find(|channel| channel.bound && channel.peer == peer)
            .map(|channel| channel.number)
    }

    /// The peer of a channel. Data may come before the answer that says that the channel is bound.
    pub(super) fn peer_of(&self, number: u16) -> Option<SocketAddr> {
        self.channels.iter().find(|channel| channel.number == number).map(|channel| channel.peer)
    }

    /// An ask succeeded.
    pub(super) fn succeeded(&mut self, ask: &Ask, answer: &Answer, now: Offset, flavour: &Flavour) {
        match (ask, answer) {
            (_, Answer::Released) | (_, Answer::Refreshed(Duration::ZERO)) => self.clear(),
            (_, Answer::Allocated { lifetime, .. } | Answer::Refreshed(lifetime)) => {
                self.lifetime = Some(*lifetime);
                self.may_hold = true;
                self.refresh = Some(now + flavour.refresh_after(*lifetime));
            }
            (Ask::Permission(peers), _) => {
                for peer in peers {
                    if !self.permitted.contains(peer) && self.permitted.len() < MAX_PERMITTED {
                        self.permitted.push(*peer);
                    }
                }
                self.permit = Some(now + flavour.permission_refresh);
            }
            (Ask::Channel(peer), _) => {
                for channel in self.channels.iter_mut().filter(|channel| channel.peer == *peer) {
                    channel.bound = true;
                    channel.rebind = Some(now + flavour.channel_refresh);
                }
            }
            _ => {}
        }
    }

    /// Upkeep failed for another reason than that the allocation is gone: try again soon.
    pub(super) fn upkeep_failed(&mut self, ask: &Ask, now: Offset) {
        let again = Some(now + RETRY);
        match ask {
            Ask::Refresh(_) => self.refresh = again,
            Ask::Permission(_) => self.permit = again,
            Ask::Channel(peer) => {
                let found = self.channels.iter_mut().find(|channel| channel.peer == *peer);
                found.into_iter().for_each(|channel| channel.rebind = again);
            }
            Ask::Binding | Ask::Allocate(_) | Ask::Release => {}
        }
    }

    /// When upkeep is due next. Without an allocation there is nothing to keep, whatever else the server granted.
    pub(super) fn wake(&self) -> Option<Offset> {
        self.lifetime?;
        let channels = self.channels.iter().filter_map(|channel| channel.rebind);
        channels.chain(self.refresh).chain(self.permit).min()
    }

    /// What upkeep must ask at `now`; each is due once, until its end sets the next time.
    pub(super) fn due(&mut self, now: Offset) -> Vec<Ask> {
        let mut asks = Vec::new();
        let Some(lifetime) = self.lifetime else { return asks };
        let is_due = |at: &mut Option<Offset>| at.take_if(|at| *at <= now).is_some();
        if is_due(&mut self.refresh) {
            asks.push(Ask::Refresh(lifetime));
        }
        if is_due(&mut self.permit) {
            let requests = self.permitted.chunks(super::request::MAX_PEERS);
            asks.extend(requests.map(|peers| Ask::Permission(peers.to_vec())));
        }
        for channel in &mut self.channels {
            if is_due(&mut channel.rebind) {
                asks.push(Ask::Channel(channel.peer));
            }
        }
        asks
    }
}
