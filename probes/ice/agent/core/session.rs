//! Credentials, roles and restarts.

use super::{Core, Random, Traits};
use crate::ice::agent::pair::CheckEnd;
use crate::ice::agent::types::{EventKind, IceCredentials, IceRole, Peer};
use crate::machine::Offset;
use crate::secret::Secret;

/// `ice-char` of RFC 8839 section 5.4.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A ufrag and a password as long as the client makes them.
pub(super) fn credentials(random: &mut Random, traits: &Traits) -> IceCredentials {
    // Both lengths divide 256: every character is as likely.
    let alphabet: &[u8] = if traits.hex_credentials { HEX } else { ICE_CHARS };
    let character = |byte: u8| char::from(alphabet[usize::from(byte) % alphabet.len()]);
    let mut text =
        |length: usize| -> String { (0..length).map(|_| character(random.bytes::<1>()[0])).collect() };
    let [ufrag, pwd] = traits.credential_lengths;
    IceCredentials { ufrag: text(ufrag), pwd: Secret::new(text(pwd)) }
}

impl Core {
    /// Whether these are other credentials than the peer's of this session.
    pub(in crate::ice::agent) fn is_other_peer(&self, peer: &Peer) -> bool {
        self.peer.as_ref().is_some_and(|known| known.credentials != peer.credentials)
    }

    /// The peer's side of the session. A lite peer never controls (RFC 8445 section 6.1.1).
    pub(in crate::ice::agent) fn set_peer(&mut self, peer: Peer, now: Offset) {
        let lite = peer.lite;
        self.peer = Some(peer);
        if lite && self.role == IceRole::Controlled {
            self.role = IceRole::Controlling;
            self.note(EventKind::RoleChanged(self.role), now);
        }
    }

    /// New credentials; the peer's candidates of before belong to the past. Bases stay: their addresses are as good
    /// as new ones.
    pub(in crate::ice::agent) fn restart(&mut self, now: Offset) {
        let new = credentials(&mut self.random, &self.traits);
        self.ours_before = Some(std::mem::replace(&mut self.ours, new));
        self.session += 1;
        self.peer_before = self.peer.take();
        self.remote_ended = false;
        for pending in std::mem::take(&mut self.pending) {
            self.end_check(pending.pair, pending.transaction.id(), CheckEnd::Cancelled);
        }
        self.forget_formed();
        self.note(EventKind::Restarted, now);
    }

    /// What the checks of a session are signed with: our credentials and the peer's; none before the peer told its own.
    pub(crate) fn keys(&self, session: u32) -> Option<(&IceCredentials, &IceCredentials)> {
        let (ours, peer) = if session == self.session {
            (Some(&self.ours), &self.peer)
        } else if session + 1 == self.session {
            (self.ours_before.as_ref(), &self.peer_before)
        } else {
            (None, &None)
        };
        Some((ours?, &peer.as_ref()?.credentials))
    }

    /// Takes the other role, after a conflict. Who was told so by a 487 makes a new tie-breaker (RFC 8445 section
    /// 7.2.5.1); who found it in the peer's check does not (section 7.3.1.1).
    pub(in crate::ice::agent) fn switch_role(&mut self, told: bool, now: Offset) {
        self.role = self.role.other();
        if told && self.traits.renews_tie_breaker {
            self.tie_breaker = self.random.number();
        }
        self.note(EventKind::RoleChanged(self.role), now);
    }
}
