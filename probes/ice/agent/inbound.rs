//! The peer's checks (RFC 8445 section 7.3), and what else comes in.

use super::conduct::Conduct;
use super::core::{Core, is_relay};
use super::message;
use super::pair::Stream;
use super::types::{BaseId, EventKind, IceCredentials, IceRole, PairId, Received};
use crate::evidence::{Cause, FirstBytes};
use crate::ice::signal::Reach;
use crate::ice::{Candidate, CandidateType, TcpType};
use crate::machine::Offset;
use crate::stun::{Class, Integrity, Message, attr};
use std::net::SocketAddr;

/// The most of a USERNAME that is looked at: two ufrags of 256 and the colon.
const MAX_USERNAME: usize = 513;

impl Core {
    /// Bytes came in.
    pub(super) fn read(
        &mut self,
        conduct: &mut dyn Conduct,
        base: BaseId,
        from: SocketAddr,
        bytes: &[u8],
        now: Offset,
    ) -> Received {
        // RFC 7983 section 7: a first byte up to 3 is STUN.
        let stun = bytes.first().is_some_and(|first| *first < 4);
        if !stun {
            return self.data(conduct, base, from, now);
        }
        let message = match Message::parse(bytes) {
            Ok(message) => message,
            Err(cause) => return Received::Ignored(cause),
        };
        if message.fingerprint() != Some(true) {
            return Received::Ignored(Cause::BadFingerprint);
        }
        if message.method() != attr::BINDING {
            let detail = format!("STUN method {:#05x}", message.method());
            return Received::Ignored(Cause::Malformed { detail, first_bytes: FirstBytes::of(bytes) });
        }
        match message.class() {
            Class::Request => self.request(conduct, base, from, &message, now),
            Class::Success | Class::Error => self.answer(conduct, base, from, &message, now),
            Class::Indication => {
                let pair = self.pair_at(base, from);
                self.indicated(conduct, pair, now);
                Received::Ice
            }
        }
    }

    fn data(&mut self, conduct: &mut dyn Conduct, base: BaseId, from: SocketAddr, now: Offset) -> Received {
        let pair = self.pair_at(base, from);
        if let Some(pair) = pair {
            self.pair_mut(pair).into_iter().for_each(|pair| pair.last_data = Some(now));
            conduct.data(self, pair, now);
        }
        Received::Data(pair)
    }

    fn request(
        &mut self,
        conduct: &mut dyn Conduct,
        base: BaseId,
        from: SocketAddr,
        message: &Message<'_>,
        now: Offset,
    ) -> Received {
        let ours = match self.authenticate(message) {
            Ok(ours) => ours,
            Err((code, reason, cause)) => {
                self.refuse(base, from, message, (code, reason), None);
                return Received::Ignored(cause);
            }
        };
        let unknown = message.unknown_required();
        if !unknown.is_empty() {
            self.refuse_unknown(base, from, message, &unknown, &ours);
            return Received::Ignored(Cause::UnknownRequired { attributes: unknown });
        }
        let role = self.role;
        if !self.settle_roles(message, now) {
            self.refuse(base, from, message, (487, "Role Conflict"), Some(&ours));
            return Received::Ice;
        }
        if self.role != role {
            conduct.role_changed(self, now);
        }
        // One of the session before keeps the old path alive and says nothing of the new one.
        let old = ours != self.ours;
        let pair = if old { None } else { self.pair_asked(conduct, base, from, message, now) };
        // An answer promises a pair: without one the peer would select what we cannot follow.
        if !old && pair.is_none() {
            return Received::Ignored(Cause::LocalFailure {
                detail: format!("no pair for a check from {from}"),
            });
        }
        if let Some(bytes) = message::success(&message.transaction(), from, &ours) {
            self.transmit(base, from, bytes);
        }
        match pair {
            Some(pair) => self.trigger(conduct, pair, message, now),
            None => {
                let pair = self.pair_before(base, from);
                self.indicated(conduct, pair, now);
            }
        }
        Received::Ice
    }

    fn indicated(&mut self, conduct: &mut dyn Conduct, pair: Option<PairId>, now: Offset) {
        let Some(pair) = pair else { return };
        self.pair_mut(pair).into_iter().for_each(|of| of.last_check_received = Some(now));
        conduct.indicated(self, pair, now);
    }

    /// The credentials of ours that a check is signed with (RFC 8489 section 9.1.3).
    fn authenticate(&self, message: &Message<'_>) -> Result<IceCredentials, (u16, &'static str, Cause)> {
        let username = message.value(attr::USERNAME).filter(|name| name.len() <= MAX_USERNAME);
        let Some(username) = username.filter(|_| message.is_signed()) else {
            return Err((400, "Bad Request", Cause::BadIntegrity { missing: true }));
        };
        let signed = |ours: &&IceCredentials| {
            let ufrag = username.split(|byte| *byte == b':').next();
            ufrag == Some(ours.ufrag.as_bytes()) && message::is_signed(message, ours) == Integrity::Valid
        };
        let known = std::iter::once(&self.ours).chain(&self.ours_before).find(signed);
        known.cloned().ok_or((401, "Unauthorized", Cause::BadIntegrity { missing: false }))
    }

    /// Whether the roles are told apart, after ours was turned if it must be (RFC 8445 section 7.3.1.1). False when
    /// the peer must give way.
    fn settle_roles(&mut self, message: &Message<'_>, now: Offset) -> bool {
        let Some((role, tie_breaker)) = message::role_of(message) else { return true };
        if role != self.role {
            return true;
        }
        let yields = match self.role {
            IceRole::Controlling => {
                tie_breaker > self.tie_breaker
                    || (tie_breaker == self.tie_breaker && self.traits.yields_on_tie)
            }
            IceRole::Controlled => self.tie_breaker >= tie_breaker,
        };
        // Two controlled ends with equal tie-breakers: libwebrtc and Firefox answer 487 then.
        let tied = self.role == IceRole::Controlled && tie_breaker == self.tie_breaker;
        if yields && !(tied && self.traits.refuses_on_controlled_tie) {
            self.switch_role(false, now);
            true
        } else {
            // Once: a peer that insists must not fill the record.
            if !std::mem::replace(&mut self.role_kept, true) {
                self.note(EventKind::RoleKept(self.role), now);
            }
            false
        }
    }

    /// The pair of a good check of the peer, formed now if its candidate was not known (RFC 8445 section 7.3.1.3).
    /// None when there is no room for it, or the policy does not allow its base.
    fn pair_asked(
        &mut self,
        conduct: &mut dyn Conduct,
        base: BaseId,
        from: SocketAddr,
        message: &Message<'_>,
        now: Offset,
    ) -> Option<PairId> {
        let candidate = self.peer_reflexive(base, from, message, now)?;
        // Sources can be forged: whoever is let in must not make us send where no signalled candidate could.
        if !self.knows_remote(&candidate) && !self.may_reach(from) {
            return None;
        }
        let (remote, new) = self.remote_at(candidate)?;
        let before = self.pairs.len();
        let pair = self.form_now(base, remote, now)?;
        if self.pairs.len() > before {
            conduct.formed(self, pair, now);
        }
        if new {
            self.note(EventKind::PeerReflexive { pair }, now);
        }
        Some(pair)
    }

    /// Whether an address is one that the peer may have at all (see [`Reach`]).
    fn may_reach(&self, address: SocketAddr) -> bool {
        let own = self.locals.iter().map(|local| &local.candidate);
        Reach::from(own).admit_address(address).is_ok()
    }

    /// What a good check of the peer leads to (RFC 8445 sections 7.3.1.4 and 7.3.1.5).
    fn trigger(&mut self, conduct: &mut dyn Conduct, pair: PairId, message: &Message<'_>, now: Offset) {
        let use_candidate = message.value(attr::USE_CANDIDATE).is_some();
        let controlled = self.role == IceRole::Controlled;
        let cost = message::network_of(message).map(|[_, cost]| cost);
        if let Some(of) = self.pair_mut(pair) {
            of.checks_received += 1;
            of.last_check_received = Some(now);
            of.remote_cost = cost.or(of.remote_cost);
            of.remote_nominations += u64::from(use_candidate && controlled);
            if of.stream != Stream::Datagrams {
                of.stream = Stream::Open;
            }
        }
        conduct.asked(self, pair, use_candidate && controlled, now);
    }

    /// The candidate that a check from an unknown address shows.
    fn peer_reflexive(
        &mut self,
        base: BaseId,
        from: SocketAddr,
        message: &Message<'_>,
        now: Offset,
    ) -> Option<Candidate> {
        let own = self.base_candidate(base)?;
        let (protocol, component) = (own.protocol, own.component);
        let tcp_type = own.tcp_type.filter(|_| !is_relay(own)).map(|role| match role {
            TcpType::Active => TcpType::Passive,
            TcpType::Passive => TcpType::Active,
            TcpType::So => TcpType::So,
        });
        let network = message::network_of(message);
        let foundation = self.ids().next_u64() as u32;
        Some(Candidate {
            kind: CandidateType::Prflx,
            protocol,
            tcp_type,
            address: from.ip(),
            port: from.port(),
            related_address: None,
            related_port: None,
            priority: message.u32(attr::PRIORITY).unwrap_or(0),
            foundation: foundation.to_string(),
            component,
            network_id: network.map(|[id, _]| id),
            network_cost: network.map(|[_, cost]| cost.min(999)),
            url: None,
            relay_protocol: None,
            route: None,
            base: None,
            at_ms: now,
            sdp: String::new(),
            path: None,
        })
    }

    fn refuse(
        &mut self,
        base: BaseId,
        to: SocketAddr,
        message: &Message<'_>,
        (code, reason): (u16, &str),
        ours: Option<&IceCredentials>,
    ) {
        if let Some(bytes) = message::refusal(&message.transaction(), code, reason, &[], ours) {
            self.transmit(base, to, bytes);
        }
    }

    fn refuse_unknown(
        &mut self,
        base: BaseId,
        to: SocketAddr,
        message: &Message<'_>,
        unknown: &[u16],
        ours: &IceCredentials,
    ) {
        let answer = message::refusal(&message.transaction(), 420, "Unknown Attribute", unknown, Some(ours));
        if let Some(bytes) = answer {
            self.transmit(base, to, bytes);
        }
    }
}
