//! Candidates in, pairs out (RFC 8445 section 6.1.2.2).

use super::{Base, Core, MAX_PAIRS, MAX_REFLEXIVE, MAX_REMOTES, Remote, address_of, is_relay};
use crate::evidence::Cause;
use crate::ice::agent::pair::{Pair, PairState, Stream};
use crate::ice::agent::types::{Action, BaseId, Local, PairId};
use crate::ice::{Candidate, CandidateType, Policy, Protocol, TcpType};
use crate::machine::Offset;
use std::net::{IpAddr, SocketAddr};

impl Core {
    pub(in crate::ice::agent) fn add_base(&mut self, candidate: Candidate) -> BaseId {
        let base = BaseId(self.bases.len());
        self.bases.push(Base { local: self.locals.len(), gone: None });
        self.locals.push(Local { candidate, base });
        // What only a check has shown is paired with the base that it came to and no other (RFC 8445 section 7.3.1.3).
        let signalled = |index: &usize| {
            self.remotes.get(*index).is_some_and(|remote| remote.candidate.kind != CandidateType::Prflx)
        };
        let remotes = (0..self.remotes.len()).filter(signalled);
        self.to_form.extend(remotes.map(|remote| (base, remote)));
        base
    }

    /// How a server sees a base. One of the same address takes the place of what was there: the gathering drops a
    /// redundant one for another of higher priority (RFC 8445 section 5.1.3).
    pub(in crate::ice::agent) fn add_reflexive(&mut self, candidate: Candidate, base: BaseId) {
        let same = |local: &&mut Local| {
            local.base == base
                && local.candidate.kind == candidate.kind
                && address_of(&local.candidate) == address_of(&candidate)
        };
        match self.locals.iter_mut().find(same) {
            Some(known) => known.candidate = candidate,
            None => self.locals.push(Local { candidate, base }),
        }
    }

    /// A candidate that was signalled. One that a check has shown before takes the place of what was made up for it.
    pub(in crate::ice::agent) fn add_remote(&mut self, candidate: Candidate, _now: Offset) {
        let session = self.session;
        let known = self.remotes.iter().position(|remote| {
            remote.session == session
                && remote.candidate.protocol == candidate.protocol
                && address_of(&remote.candidate) == address_of(&candidate)
        });
        let Some(index) = known else {
            if self.remotes_of_session() >= MAX_REMOTES {
                self.dropped_remotes += 1;
            } else {
                self.remotes.push(Remote { candidate, session });
                self.pair_with_all(self.remotes.len() - 1);
            }
            return;
        };
        let Some(remote) = self.remotes.get_mut(index) else { return };
        let made_up = remote.candidate.kind == CandidateType::Prflx;
        // RFC 8445 section 5.1.3: the same address again says nothing new, unless with a higher priority.
        if made_up || candidate.priority > remote.candidate.priority {
            remote.candidate = candidate;
        }
        if made_up {
            self.pairs
                .iter_mut()
                .filter(|pair| pair.remote == index)
                .for_each(|pair| pair.remote_cost = None);
            self.pair_with_all(index);
        }
    }

    /// Those of earlier sessions do not count: restarts must not use up the limit.
    fn remotes_of_session(&self) -> usize {
        self.remotes.iter().rev().take_while(|remote| remote.session == self.session).count()
    }

    fn pairs_of_session(&self) -> usize {
        self.pairs.iter().rev().take_while(|pair| pair.session == self.session).count()
    }

    fn pair_with_all(&mut self, remote: usize) {
        self.to_form.extend((0..self.bases.len()).map(|base| (BaseId(base), remote)));
    }

    /// Whether a candidate of this address is known in this session.
    pub(in crate::ice::agent) fn knows_remote(&self, candidate: &Candidate) -> bool {
        self.remotes.iter().any(|remote| {
            remote.session == self.session
                && remote.candidate.protocol == candidate.protocol
                && address_of(&remote.candidate) == address_of(candidate)
        })
    }

    /// The remote candidate of this address, made up when its check is the first that is heard of it (RFC 8445
    /// section 7.3.1.3). None when the list is full.
    pub(in crate::ice::agent) fn remote_at(&mut self, candidate: Candidate) -> Option<(usize, bool)> {
        let session = self.session;
        let known = self.remotes.iter().rposition(|remote| {
            remote.session == session
                && remote.candidate.protocol == candidate.protocol
                && address_of(&remote.candidate) == address_of(&candidate)
        });
        if let Some(index) = known {
            return Some((index, false));
        }
        // Half as many again: a peer that makes up addresses must not fill the memory, nor keep out the real one.
        if self.remotes_of_session() >= MAX_REMOTES + MAX_REMOTES / 2 {
            self.dropped_remotes += 1;
            return None;
        }
        self.remotes.push(Remote { candidate, session });
        Some((self.remotes.len() - 1, true))
    }

    /// Pairs a base with one remote candidate out of turn.
    pub(in crate::ice::agent) fn form_now(
        &mut self,
        base: BaseId,
        remote: usize,
        now: Offset,
    ) -> Option<PairId> {
        let known = self.each_pair().find(|(_, pair)| pair.base == base && pair.remote == remote);
        known.map(|(id, _)| id).or_else(|| self.form(base, remote, now))
    }

    /// The next pair that candidates make, when they fit.
    pub(in crate::ice::agent) fn form_next(&mut self, now: Offset) -> Option<PairId> {
        while let Some((base, remote)) = self.to_form.pop_front() {
            if let Some(pair) = self.form(base, remote, now) {
                return Some(pair);
            }
        }
        None
    }

    fn form(&mut self, base: BaseId, remote: usize, now: Offset) -> Option<PairId> {
        let of = self.bases.get(base.0).filter(|base| base.gone.is_none())?;
        let local = of.local;
        let here = &self.locals.get(local)?.candidate;
        let there = &self.remotes.get(remote).filter(|remote| remote.session == self.session)?.candidate;
        let allowed = self.policy == Policy::All || is_relay(here);
        if !allowed || !fits(here, there) || self.pairs_of_session() >= MAX_PAIRS {
            return None;
        }
        if !self.formed.insert((base, remote)) {
            return None;
        }
        let stream = if here.protocol == Protocol::Tcp { Stream::Closed } else { Stream::Datagrams };
        let (relayed, peer) = (is_relay(here), there.address);
        let at = address_of(there);
        self.pairs.push(Pair::new(base, [local, remote], stream, self.session, now));
        self.by_address.insert((base, at), PairId(self.pairs.len() - 1));
        if relayed && self.permitted.insert((base, peer)) {
            let peer = SocketAddr::new(peer, self.remotes.get(remote)?.candidate.port);
            self.actions.push_back(Action::Permit { base, peer });
        }
        Some(PairId(self.pairs.len() - 1))
    }

    /// The candidate that the peer's view of a pair shows: one that is known, or a peer-reflexive one that is new.
    /// True when it is new.
    pub(in crate::ice::agent) fn learn_local(
        &mut self,
        pair: PairId,
        (mapped, priority): (SocketAddr, u32),
        active_becomes_reflexive: bool,
        now: Offset,
    ) -> bool {
        let Some(base) = self.pair(pair).map(|pair| pair.base) else { return false };
        let Some(own) = self.base_candidate(base).cloned() else { return false };
        // What the server relayed stays relayed, whatever address it went out by.
        if is_relay(&own) {
            return false;
        }
        let known =
            self.locals.iter().position(|local| local.base == base && address_of(&local.candidate) == mapped);
        let unspecified = own.address.is_unspecified() && own.port == mapped.port();
        let active =
            own.tcp_type == Some(TcpType::Active) && own.address == mapped.ip() && !active_becomes_reflexive;
        let index = match known {
            Some(index) => index,
            None if unspecified || active || self.locals.len() >= self.bases.len() + MAX_REFLEXIVE => {
                return false;
            }
            None => {
                let foundation = self.ids().next_u64() as u32;
                self.locals
                    .push(Local { candidate: reflexive(&own, mapped, priority, foundation, now), base });
                self.locals.len() - 1
            }
        };
        if let Some(of) = self.pair_mut(pair) {
            of.local = index;
        }
        known.is_none()
    }

    /// A pair begins anew with its base's own candidate.
    pub(crate) fn reset_local(&mut self, pair: PairId) {
        let local = self.pair(pair).and_then(|pair| self.bases.get(pair.base.0)).map(|base| base.local);
        if let (Some(local), Some(of)) = (local, self.pair_mut(pair)) {
            of.local = local;
        }
    }

    pub(in crate::ice::agent) fn connected(&mut self, base: BaseId, to: SocketAddr) {
        if let Some(pair) = self.pair_at(base, to).and_then(|pair| self.pair_mut(pair))
            && pair.stream != Stream::Datagrams
        {
            pair.stream = Stream::Open;
        }
    }

    /// Whether a base can carry nothing any more.
    pub(crate) fn is_gone(&self, base: BaseId) -> bool {
        self.bases.get(base.0).is_none_or(|base| base.gone.is_some())
    }

    /// The pair of a base and an address that a check signed with the credentials of before the restart belongs to.
    pub(in crate::ice::agent) fn pair_before(&self, base: BaseId, from: SocketAddr) -> Option<PairId> {
        let fits = |(id, pair): &(PairId, &Pair)| {
            let there = self.remote_of(*id).is_some_and(|remote| address_of(remote) == from);
            pair.base == base && pair.session != self.session && there
        };
        self.each_pair().rev().find(fits).map(|(id, _)| id)
    }

    /// The pairs that a hard error concerns.
    pub(in crate::ice::agent) fn refused(&mut self, base: BaseId, to: SocketAddr) -> Vec<PairId> {
        // A permission is for an address whatever the port (RFC 8656 section 9); port 0 stands for that.
        let concerns = |address: SocketAddr| address == to || (to.port() == 0 && address.ip() == to.ip());
        let pairs: Vec<PairId> = self
            .each_pair()
            .filter(|(id, pair)| {
                pair.base == base && self.remote_of(*id).is_some_and(|remote| concerns(address_of(remote)))
            })
            .map(|(id, _)| id)
            .collect();
        for pair in &pairs {
            if let Some(of) = self.pair_mut(*pair)
                && of.stream != Stream::Datagrams
            {
                of.stream = Stream::Closed;
            }
        }
        pairs
    }

    /// The pairs that end with a base.
    pub(in crate::ice::agent) fn base_gone(&mut self, base: BaseId, cause: &Cause) -> Vec<PairId> {
        if let Some(of) = self.bases.get_mut(base.0) {
            of.gone = Some(cause.clone());
        }
        let ended = |(_, pair): &(PairId, &Pair)| pair.base == base && pair.state != PairState::Failed;
        self.each_pair().filter(ended).map(|(id, _)| id).collect()
    }

    pub(super) fn forget_formed(&mut self) {
        self.formed.clear();
        self.to_form.clear();
    }
}

/// Whether two candidates make a pair: same transport and family, the TCP roles meet (RFC 6544 section 6.2), and
/// link-local addresses only among themselves.
fn fits(here: &Candidate, there: &Candidate) -> bool {
    let meets = matches!(
        (here.tcp_type, there.tcp_type),
        (None, None)
            | (Some(TcpType::Active), Some(TcpType::Passive))
            | (Some(TcpType::Passive), Some(TcpType::Active))
            | (Some(TcpType::So), Some(TcpType::So))
    );
    here.protocol == there.protocol
        && meets
        && here.component == there.component
        && here.address.is_ipv4() == there.address.is_ipv4()
        && is_link_local(here.address) == is_link_local(there.address)
}

/// IPv6 alone has addresses that are meant for one link and nothing else on every interface (RFC 8445 section 6.1.2.2).
fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// A local candidate that a check has shown (RFC 8445 section 7.2.5.3.1).
fn reflexive(own: &Candidate, mapped: SocketAddr, priority: u32, foundation: u32, now: Offset) -> Candidate {
    Candidate {
        kind: CandidateType::Prflx,
        address: mapped.ip(),
        port: mapped.port(),
        related_address: Some(own.address),
        related_port: Some(own.port),
        priority,
        foundation: foundation.to_string(),
        url: None,
        base: own.base.or(Some(address_of(own))),
        at_ms: now,
        sdp: String::new(),
        ..own.clone()
    }
}
