//! The client itself.

use super::{Action, Ask, AskId, Config};
use crate::evidence::Cause;
use crate::machine::{Input, Offset};
use std::net::SocketAddr;

/// A STUN and TURN client on one 5-tuple, without a socket and without a clock.
#[derive(Debug)]
pub struct Client {
    config: Config,
}

impl Client {
    /// A client that has asked nothing yet.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Asks the server something now. The first request is in the next [`poll`](Self::poll).
    pub fn ask(&mut self, ask: Ask, now: Offset) -> AskId {
        let _ = (ask, now);
        AskId(0)
    }

    /// Tells the client what happened, and when.
    pub fn handle(&mut self, input: Input<'_>, now: Offset) {
        let _ = (input, now);
    }

    /// Asks what to do next. Call it until it answers [`Action::WaitUntil`] or [`Action::Idle`].
    pub fn poll(&mut self) -> Action {
        Action::Idle
    }

    /// Ends everything that is under way with this cause: the driver learned that the path is gone (an ICMP error,
    /// a reset). The ends come out of [`poll`](Self::poll).
    pub fn abort(&mut self, cause: Cause, now: Offset) {
        let _ = (cause, now);
    }

    /// The bytes that carry `payload` to `peer`, to be sent at once: ChannelData when a channel is bound to it, else
    /// a Send indication. None when the payload does not fit into one.
    pub fn send(&mut self, peer: SocketAddr, payload: &[u8]) -> Option<Vec<u8>> {
        let _ = (peer, payload);
        None
    }

    /// A signed Refresh with lifetime 0, to be written at once when the run is cut short; no answer is awaited, and
    /// upkeep ends. None when the server can hold nothing of ours.
    pub fn release_bytes(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Whether the server holds, or may hold, an allocation of ours.
    pub fn may_hold_allocation(&self) -> bool {
        self.config.credentials.is_none()
    }

    /// The asks that have not ended.
    pub fn unfinished(&self) -> impl Iterator<Item = (AskId, &Ask)> {
        std::iter::empty()
    }
}
