//! How libwebrtc conducts a call: `p2p/base/p2p_transport_channel.cc`, P2PTransportChannel, with the controller and the
//! connections that it drives.
//!
//! Each pair has a connection until that is destroyed ([`super::link`]). Whatever changes a connection asks for a sort
//! of all of them; [`super::select`] says which comes first and whether to move to it, [`super::prune`] gives up what is
//! no better, and a loop of its own pings one pair at a time ([`super::ping`]). Field trials are at their defaults, and
//! so is the configuration of every client that is emulated: no renomination, no presumed writability, no preferred
//! network. Between M139 and M150 nothing of this has changed but names.

use super::link::{Link, Write};
use crate::evidence::Cause;
use crate::ice::agent::conduct::{Conduct, Criterion, Traits};
use crate::ice::agent::core::Core;
use crate::ice::agent::pair::Stream;
use crate::ice::agent::{BaseId, CheckEnd, EventKind, IceRole, PairId, PairState, Successor};
use crate::ice::{Candidate, CandidateType, Protocol, TcpType};
use crate::machine::Offset;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// CONNECTION_WRITE_CONNECT_TIMEOUT as TCPConnection::reconnection_timeout: how long a broken connection may take to
/// come back.
const RECONNECTS_WITHIN: u64 = 5_000;

/// P2PTransportChannel.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// By pair.
    pub(super) links: Vec<Link>,
    /// `connections_`: the pairs that have a connection, as the last sort left them.
    pub(super) order: Vec<PairId>,
    /// The remote candidate that pairs are just being formed with, and where its first pair stands in the order.
    batch: Option<(usize, usize)>,
    /// When the loop turns next; none before there is anything to ping.
    pub(super) next_ping: Option<u64>,
    pub(super) last_ping: Option<u64>,
    /// Pairs were formed since the last tick. More may follow in the same breath, and the loop begins after them.
    fresh: bool,
    /// OnSortAndSwitchRequest.
    pub(super) sort_due: bool,
    /// When the selection is to be looked at again.
    pub(super) rechecks: BTreeSet<u64>,
    /// DestroyConnectionAsync.
    pub(super) doomed: Vec<(PairId, Option<Cause>)>,
    stopped_gathering: bool,
    pub(super) had_pairs: bool,
    pub(super) has_been_writable: bool,
    /// STATE_COMPLETED.
    pub(super) complete: bool,
    /// What was selected was destroyed.
    pub(super) lost: bool,
}

/// Time as libwebrtc counts it.
pub(super) fn ms(now: Offset) -> u64 {
    u64::try_from(now.as_duration().as_millis()).unwrap_or(u64::MAX)
}

impl Channel {
    /// The connection of a pair, if it has one.
    pub(super) fn link(&self, pair: PairId) -> Option<&Link> {
        self.links.get(pair.0).filter(|link| link.exists)
    }

    fn link_mut(&mut self, pair: PairId) -> Option<&mut Link> {
        self.links.get_mut(pair.0).filter(|link| link.exists)
    }

    /// BasicIceController::weak.
    pub(super) fn channel_weak(&self, core: &Core) -> bool {
        core.selected.and_then(|pair| self.link(pair)).is_none_or(Link::weak)
    }

    /// A new connection (AddConnection). Of several that a remote candidate brings, the one of the latest base comes
    /// first (CreateConnections goes through the ports backwards).
    fn create(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let Some((remote, stream)) = core.pair(pair).map(|of| (of.remote, of.stream)) else { return };
        let connected = matches!(stream, Stream::Datagrams | Stream::Open);
        let mut link = Link::new(ms(now), connected);
        link.local = core.pair(pair).map_or(0, |of| of.local);
        link.cost = core.cost(pair);
        if let Some(place) = self.links.get_mut(pair.0) {
            *place = link;
        }
        match self.batch {
            Some((batch, first)) if batch == remote && first <= self.order.len() => {
                self.order.insert(first, pair)
            }
            _ => {
                self.batch = Some((remote, self.order.len()));
                self.order.push(pair);
            }
        }
        (self.had_pairs, self.fresh, self.sort_due) = (true, true, true);
    }

    /// Whether a pair's packets travel on an ICE-TCP connection, and which part we have in it.
    fn tcp_role(core: &Core, pair: PairId) -> Option<TcpType> {
        let base = core.base_candidate(core.pair(pair)?.base)?;
        base.tcp_type.filter(|_| base.protocol == Protocol::Tcp)
    }

    /// OnConnectionStateChange.
    fn state_changed(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let strong = self.link(pair).is_some_and(|link| !link.weak());
        let latest = core.pair(pair).is_some_and(|pair| pair.session == core.session());
        if strong && latest && !self.stopped_gathering && !core.local_ended {
            self.stopped_gathering = true;
            core.stop_gathering(now);
        }
        self.sort_due = true;
    }

    pub(super) fn set_write(&mut self, core: &mut Core, pair: PairId, write: Write, now: Offset) {
        if let Some(link) = self.link_mut(pair)
            && link.write != write
        {
            link.write = write;
            self.state_changed(core, pair, now);
        }
    }

    fn set_connected(&mut self, core: &mut Core, pair: PairId, connected: bool, now: Offset) {
        if let Some(link) = self.link_mut(pair)
            && link.connected != connected
        {
            link.connected = connected;
            self.state_changed(core, pair, now);
        }
    }

    pub(super) fn update_receiving(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let at = ms(now);
        let selected = core.selected == Some(pair);
        let Some(link) = self.link_mut(pair) else { return };
        let receiving = link.receives(at);
        if link.receiving == receiving {
            return;
        }
        (link.receiving, link.receiving_since) = (receiving, at);
        // A backup that was just pinged after a long time does not receive until it answers: that is no silence yet.
        let overdue = selected || link.overdue(at);
        let works = link.rtt_samples > 0 && link.active() && !link.pruned;
        let tells = !receiving && works && overdue && !link.silence_told;
        link.silence_told |= tells;
        if tells {
            core.note(EventKind::Silent(pair), now);
        }
        self.state_changed(core, pair, now);
    }

    /// A pair that was given up for its silence shows that it lives.
    fn revive(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        if self.link(pair).is_some_and(|link| !link.pruned && link.write == Write::Timeout) {
            self.set_write(core, pair, Write::Init, now);
        }
    }

    /// Connections that were asked for and are open, connections to ask for, and those that did not come back.
    fn look_at_streams(&mut self, core: &mut Core, now: Offset) {
        let at = ms(now);
        for pair in self.order.clone() {
            let Some((link, of)) = self.link(pair).zip(core.pair(pair)) else { continue };
            match of.stream {
                Stream::Datagrams => continue,
                Stream::Open => self.set_connected(core, pair, true, now),
                // Asks for it. After a break that is for a ping to do.
                Stream::Closed if link.pings == 0 => _ = core.can_check(pair),
                Stream::Closed | Stream::Opening => {}
            }
            let late = |link: &Link| link.pretends_until.is_some_and(|until| until <= at);
            if self.link(pair).is_some_and(late) {
                self.doomed.push((pair, core.pair(pair).and_then(|pair| pair.cause.clone())));
            }
        }
    }

    /// WrappingActiveIceController::SortAndSwitchToBestConnection.
    fn sort_and_switch(&mut self, core: &mut Core, now: Offset) {
        self.update_states(core, now);
        self.sort_due = false;
        self.sort(core);
        if let Some(top) = self.order.first().copied() {
            self.consider(core, top, now);
        }
        self.prune(core, now);
        self.update_state(core, now);
        self.maybe_start_pinging(core, now);
    }

    /// What was put off until the stack is unrolled.
    fn settle(&mut self, core: &mut Core, now: Offset) {
        loop {
            if let Some((pair, cause)) = self.doomed.pop() {
                self.destroy(core, pair, cause, now);
            } else if self.sort_due {
                self.sort_and_switch(core, now);
            } else {
                return;
            }
        }
    }

    /// TCPConnection::OnClose.
    fn stream_broke(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset) {
        let Some(link) = self.link_mut(pair) else { return };
        if link.connected {
            link.pretends_until = Some(ms(now) + RECONNECTS_WITHIN);
            core.pair_mut(pair).into_iter().for_each(|of| of.cause = Some(cause.clone()));
            self.set_connected(core, pair, false, now);
        } else if link.pretends_until.is_none() {
            self.doomed.push((pair, Some(cause.clone())));
        }
    }
}

impl Conduct for Channel {
    /// `p2p/base/p2p_constants.cc`, ICE_UFRAG_LENGTH and ICE_PWD_LENGTH; `p2p/base/port.cc`,
    /// Port::MaybeIceRoleConflict; `p2p/base/connection.cc`, Connection::BuildPingRequest.
    fn traits(&self) -> Traits {
        Traits {
            credential_lengths: [4, 24],
            hex_credentials: false,
            yields_on_tie: true,
            refuses_on_controlled_tie: true,
            network_info: true,
            renews_tie_breaker: false,
        }
    }

    fn check_priority(&self, local: &Candidate) -> u32 {
        super::check_priority(local)
    }

    /// The mapped port of an active connection is no candidate's (MaybeUpdateLocalCandidate compares with port 9).
    fn active_becomes_reflexive(&self) -> bool {
        true
    }

    fn formed(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        while self.links.len() <= pair.0 {
            self.links.push(Link::absent());
        }
        core.set_pair_state(pair, PairState::Waiting);
        // A passive port makes no connection before the peer does (TCPPort::CreateConnection).
        let open = core.pair(pair).is_some_and(|pair| pair.stream == Stream::Open);
        if Self::tcp_role(core, pair) != Some(TcpType::Passive) || open {
            self.create(core, pair, now);
        }
    }

    /// ReceivedPingResponse and MaybeUpdateLocalCandidate.
    fn answered(&mut self, core: &mut Core, pair: PairId, use_candidate: bool, now: Offset) {
        let at = ms(now);
        let here = |check: &&crate::ice::agent::Check| matches!(check.end, Some(CheckEnd::Answered { at, .. }) if at == now);
        let Some(of) = core.pair(pair) else { return };
        let sent = of.checks.iter().rev().find(here).map_or(at, |check| ms(check.began));
        let local = of.local;
        let Some(link) = self.link_mut(pair) else { return };
        let told = std::mem::take(&mut link.silence_told);
        let in_order = link.note_answer(sent, at);
        let moved = std::mem::replace(&mut link.local, local) != local;
        if told {
            core.note(EventKind::Works(pair), now);
        }
        if use_candidate && in_order {
            core.nominate(pair, now);
        }
        self.update_receiving(core, pair, now);
        self.set_write(core, pair, Write::Writable, now);
        if moved {
            self.state_changed(core, pair, now);
        }
    }

    /// OnConnectionRequestErrorResponse. No answer within a minute is nothing new by then.
    fn check_failed(&mut self, core: &mut Core, pair: PairId, cause: &Cause, _now: Offset) {
        let Cause::StunError { stun_code, .. } = cause else { return };
        if let Some(of) = core.pair_mut(pair).filter(|of| of.state != PairState::Succeeded) {
            of.cause = Some(cause.clone());
        }
        // 420, 500 and 401 are tried again. A 400 comes unsigned, and so is not looked at; nor is an error without code.
        if !matches!(stun_code, 0 | 400 | 401 | 420 | 500)
            && let Some(link) = self.link_mut(pair)
        {
            link.failed = true;
            self.doomed.push((pair, Some(cause.clone())));
        }
    }

    /// The next ping carries the other role.
    fn conflicted(&mut self, _core: &mut Core, _pair: PairId, _now: Offset) {}

    /// A TCP connection that broke, a permission refused or a refresh that failed at the TURN server. An ICMP error to a
    /// UDP socket changes nothing: libwebrtc logs what it could not send.
    fn refused(&mut self, core: &mut Core, pair: PairId, cause: &Cause, now: Offset) {
        let Some(base) = core.pair(pair).map(|pair| pair.base) else { return };
        let relayed = core.base_candidate(base).is_some_and(|base| base.kind == CandidateType::Relay);
        let answered = matches!(cause, Cause::StunError { .. } | Cause::NoAnswer { .. });
        if core.is_gone(base) && !(relayed && answered) {
            self.doomed.push((pair, Some(cause.clone())));
        } else if relayed {
            self.fail_and_prune(core, pair, cause, now);
        } else if Self::tcp_role(core, pair).is_some() {
            self.stream_broke(core, pair, cause, now);
        } else if let Some(of) = core.pair_mut(pair).filter(|of| of.state != PairState::Succeeded) {
            of.cause = Some(cause.clone());
        }
    }

    /// HandleStunBindingOrGoogPingRequest, after OnUnknownAddress where there is no connection.
    fn asked(&mut self, core: &mut Core, pair: PairId, use_candidate: bool, now: Offset) {
        if self.link(pair).is_none() {
            core.reset_local(pair);
            core.set_pair_state(pair, PairState::Waiting);
            self.create(core, pair, now);
        }
        let (at, cost) = (ms(now), core.cost(pair));
        let Some(link) = self.link_mut(pair) else { return };
        link.ping_received = Some(at);
        let nominated = use_candidate && link.remote_nomination == 0;
        link.remote_nomination = link.remote_nomination.max(u32::from(use_candidate));
        let dearer = std::mem::replace(&mut link.cost, cost) != cost;
        self.update_receiving(core, pair, now);
        self.revive(core, pair, now);
        if nominated {
            core.nominate(pair, now);
            // OnNominated.
            if core.selected != Some(pair) && self.consider(core, pair, now) {
                self.sort_due = true;
            }
        }
        if dearer {
            self.state_changed(core, pair, now);
        }
    }

    fn indicated(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        if let Some(link) = self.link_mut(pair) {
            link.ping_received = Some(ms(now));
            self.update_receiving(core, pair, now);
        }
    }

    /// Connection::OnReadPacket and P2PTransportChannel::OnReadPacket: the controlled side follows the data.
    fn data(&mut self, core: &mut Core, pair: PairId, now: Offset) {
        let Some(link) = self.link_mut(pair) else { return };
        link.data_received = Some(ms(now));
        self.update_receiving(core, pair, now);
        if core.role() == IceRole::Controlled && core.selected != Some(pair) {
            self.consider(core, pair, now);
        }
        self.revive(core, pair, now);
    }

    fn restarted(&mut self, _core: &mut Core, _now: Offset) {
        self.stopped_gathering = false;
        self.sort_due = true;
    }

    fn tick(&mut self, core: &mut Core, now: Offset) {
        let at = ms(now);
        self.batch = None;
        self.settle(core, now);
        self.look_at_streams(core, now);
        let later = self.rechecks.split_off(&(at + 1));
        self.sort_due |= !std::mem::replace(&mut self.rechecks, later).is_empty();
        self.settle(core, now);
        self.maybe_start_pinging(core, now);
        if !std::mem::take(&mut self.fresh) && self.next_ping.is_some_and(|next| next <= at) {
            self.ping_turn(core, now);
            self.settle(core, now);
        }
    }

    fn wake(&self, _core: &Core) -> Option<Offset> {
        let pretends = self.order.iter().filter_map(|pair| self.link(*pair)?.pretends_until).min();
        let recheck = self.rechecks.first().copied();
        self.next_ping.into_iter().chain(recheck).chain(pretends).min().map(Offset::from_ms)
    }

    fn compare(&self, core: &Core, one: PairId, other: PairId) -> (Ordering, Criterion) {
        self.preferred(core, one, other)
    }

    fn successor(&self, core: &Core, lost: &[BaseId]) -> Successor {
        self.without(core, lost)
    }
}
