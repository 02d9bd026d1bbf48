//! Which relay a call of the client would take, found by holding that call in virtual time.
//!
//! The far end is one that relays alone reach: an agent of the same client at a public address. Every path becomes a
//! base of the near end's [`Agent`] when it was ready, and its packets take as long as they took when the path was
//! proven. Nothing is decided here: the client's own conduct decides.

use super::agent::{Action, Agent, BaseId, Criterion, EventKind, IceRole, PairId, Peer, Received, Setup};
use super::stack::Profile;
use super::{Candidate, CandidateType, Policy, Protocol};
use crate::evidence::PathEvidence;
use crate::machine::{IdSource, Offset};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The priority of the far end's candidate: a host candidate of a textbook agent.
const FAR_PRIORITY: u32 = 2_130_706_431;
/// Every path of the call works, so the first round of checks decides it: 48 ms each for libwebrtc, less for others. Four
/// hundred pairs are through by then.
const LONG_ENOUGH: Offset = Offset::from_ms(20_000);
/// More steps than any call of 200 paths takes.
const MAX_STEPS: usize = 400_000;

/// A relay that works, as the client would have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// Its relay candidate.
    pub candidate: Candidate,
    /// When it would be ready by the client's own pace, counted from the beginning of its gathering.
    pub ready: Duration,
    /// The round trip over it.
    pub round_trip: Duration,
}

/// How the call went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    /// The contender that carries the call, as an index.
    pub selected: Option<usize>,
    /// When the pair was first selected that still is.
    pub at: Option<Offset>,
    /// What made it the one.
    pub because: Option<Criterion>,
    /// When the client stopped gathering because a pair was strong enough; none when it does not.
    pub stopped_gathering: Option<Offset>,
    /// Contenders that were not ready by then: the client would never have looked at them.
    pub never_looked: Vec<usize>,
}

/// The order in which the client prefers these relays before it has sent anything, as indices; and what puts each
/// below the one before it.
pub fn order(profile: &Profile, candidates: &[Candidate]) -> Vec<(usize, Option<Criterion>)> {
    let mut agent = agent(profile, IceRole::Controlling, 1);
    let mut bases = Vec::new();
    for candidate in candidates {
        bases.push(agent.on_base(candidate.clone(), Offset::ZERO));
    }
    for family in [IpAddr::V4(FAR_V4), IpAddr::V6(FAR_V6)] {
        agent.on_remote(far_candidate(family), Offset::ZERO);
    }
    let place = |pair: PairId| {
        let (base, _) = agent.route_of(pair)?;
        bases.iter().position(|known| *known == base)
    };
    agent.preference().iter().filter_map(|chosen| Some((place(chosen.pair)?, chosen.below))).collect()
}

/// Holds a call that the client answers: it is controlled, and knows the far end from the beginning.
pub fn incoming(profile: &Profile, contenders: &[Contender]) -> Election {
    Call::new(profile, contenders, IceRole::Controlled).hold()
}

/// Holds a call that the client offers: it controls, and the far end answers when everything is long gathered.
pub fn outgoing(profile: &Profile, contenders: &[Contender]) -> Election {
    Call::new(profile, contenders, IceRole::Controlling).hold()
}

/// Documentation addresses (RFC 5737, RFC 3849): nothing is ever sent there.
const FAR_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 200);
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x200);
const FAR_PORT: u16 = 40_000;

fn agent(profile: &Profile, role: IceRole, seed: u64) -> Agent {
    Agent::new(Setup {
        profile: profile.clone(),
        role,
        policy: Policy::All,
        credentials: None,
        survey: false,
        entropy: None,
        ids: IdSource::new(seed),
    })
}

fn far_candidate(address: IpAddr) -> Candidate {
    Candidate {
        kind: CandidateType::Host,
        protocol: Protocol::Udp,
        tcp_type: None,
        address,
        port: FAR_PORT,
        related_address: None,
        related_port: None,
        priority: FAR_PRIORITY,
        foundation: "1".to_owned(),
        component: 1,
        network_id: None,
        network_cost: None,
        url: None,
        relay_protocol: None,
        route: None,
        base: None,
        at_ms: Offset::ZERO,
        sdp: String::new(),
        path: None,
    }
}

/// A packet on its way, earliest first.
#[derive(Debug, PartialEq, Eq)]
struct Packet {
    arrives: Offset,
    number: usize,
    to_far: bool,
    base: usize,
    bytes: Vec<u8>,
}

impl Ord for Packet {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.arrives, other.number).cmp(&(self.arrives, self.number))
    }
}

impl PartialOrd for Packet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

struct Call<'a> {
    contenders: &'a [Contender],
    near: Agent,
    far: Agent,
    now: Offset,
    under_way: BinaryHeap<Packet>,
    number: usize,
    /// Contenders that are not bases yet, the latest first.
    coming: Vec<usize>,
    /// The contender of each base of the near end.
    bases: Vec<usize>,
    /// The far end's bases, by family.
    far_bases: [BaseId; 2],
    selected: Option<(usize, Offset, Criterion)>,
    stopped_gathering: Option<Offset>,
}

impl Contender {
    /// The relay of a path, as far as the run measured it; none when it is no relay, or no client would use it.
    ///
    /// It is ready when the client's pace and the time that its layers took say so, and a packet takes as long as the
    /// path's fastest round trip.
    pub fn of(candidate: &Candidate, path: &PathEvidence) -> Option<Self> {
        if candidate.kind != CandidateType::Relay || path.usable() != Some(true) {
            return None;
        }
        Some(Self {
            candidate: candidate.clone(),
            ready: path.client_starts.as_duration() + path.time_to_relay().unwrap_or_default(),
            round_trip: path.fastest_round_trip().unwrap_or_default(),
        })
    }
}

impl<'a> Call<'a> {
    fn new(profile: &Profile, contenders: &'a [Contender], role: IceRole) -> Self {
        let late = role == IceRole::Controlling;
        let (mut near, mut far) = (agent(profile, role, 1), agent(profile, role.other(), 2));
        let zero = Offset::ZERO;
        let far_bases = [IpAddr::V4(FAR_V4), IpAddr::V6(FAR_V6)].map(|ip| {
            near.on_remote(far_candidate(ip), zero);
            far.on_base(far_candidate(ip), zero)
        });
        near.on_peer(Peer { credentials: far.credentials().clone(), lite: false, ice2: true }, zero);
        far.on_peer(Peer { credentials: near.credentials().clone(), lite: false, ice2: true }, zero);
        near.on_remote_end(zero);
        far.on_local_end(zero);
        let mut coming: Vec<usize> = (0..contenders.len()).collect();
        let ready = |index: &usize| contenders.get(*index).filter(|_| !late).map(|contender| contender.ready);
        coming.sort_by_key(|index| std::cmp::Reverse((ready(index), *index)));
        Self {
            contenders,
            near,
            far,
            now: zero,
            under_way: BinaryHeap::new(),
            number: 0,
            coming,
            bases: Vec::new(),
            far_bases,
            selected: None,
            stopped_gathering: None,
        }
        .begin(late)
    }

    /// With a late answer everything is there before the first check.
    fn begin(mut self, late: bool) -> Self {
        while late && !self.coming.is_empty() {
            self.arrive();
        }
        self.settle();
        self
    }

    fn hold(mut self) -> Election {
        for _ in 0..MAX_STEPS {
            match self.next() {
                Some(next) if next <= LONG_ENOUGH => self.now = next.max(self.now),
                _ => break,
            }
            self.happen();
        }
        let never_looked = match self.stopped_gathering {
            Some(stopped) => {
                let late = |index: &usize| self.ready(*index).is_some_and(|ready| ready > stopped);
                (0..self.contenders.len()).filter(late).collect()
            }
            None => Vec::new(),
        };
        Election {
            selected: self.selected.map(|(contender, _, _)| contender),
            at: self.selected.map(|(_, at, _)| at),
            because: self.selected.map(|(_, _, because)| because),
            stopped_gathering: self.stopped_gathering,
            never_looked,
        }
    }

    fn ready(&self, contender: usize) -> Option<Offset> {
        self.contenders.get(contender).map(|contender| Offset::new(contender.ready))
    }

    /// The next contender becomes a base, and the far end hears of it.
    fn arrive(&mut self) {
        let Some(contender) = self.coming.pop() else { return };
        let Some(candidate) = self.contenders.get(contender).map(|contender| contender.candidate.clone())
        else {
            return;
        };
        self.near.on_base(candidate.clone(), self.now);
        self.bases.push(contender);
        self.far.on_remote(candidate, self.now);
        if self.coming.is_empty() {
            self.near.on_local_end(self.now);
            self.far.on_remote_end(self.now);
        }
    }

    fn next(&mut self) -> Option<Offset> {
        let waits = |agent: &mut Agent| match agent.poll() {
            Action::WaitUntil(at) => Some(at),
            _ => None,
        };
        let arrives = self.coming.last().and_then(|next| self.ready(*next));
        let packet = self.under_way.peek().map(|packet| packet.arrives);
        [waits(&mut self.near), waits(&mut self.far), arrives, packet].into_iter().flatten().min()
    }

    fn happen(&mut self) {
        let now = self.now;
        while self.coming.last().and_then(|next| self.ready(*next)).is_some_and(|ready| ready <= now) {
            if self.stopped_gathering.is_some() {
                self.coming.clear();
            } else {
                self.arrive();
            }
        }
        while self.under_way.peek().is_some_and(|packet| packet.arrives <= now)
            && let Some(packet) = self.under_way.pop()
        {
            self.deliver(&packet);
            self.settle();
        }
        self.near.on_tick(now);
        self.far.on_tick(now);
        self.settle();
    }

    fn deliver(&mut self, packet: &Packet) -> Option<Received> {
        let relayed = &self.contenders.get(*self.bases.get(packet.base)?)?.candidate;
        let relayed = SocketAddr::new(relayed.address, relayed.port);
        let v4 = relayed.is_ipv4();
        let far = SocketAddr::new(if v4 { FAR_V4.into() } else { FAR_V6.into() }, FAR_PORT);
        let [far_v4, far_v6] = self.far_bases;
        Some(if packet.to_far {
            self.far.on_bytes(if v4 { far_v4 } else { far_v6 }, relayed, &packet.bytes, self.now)
        } else {
            self.near.on_bytes(BaseId(packet.base), far, &packet.bytes, self.now)
        })
    }

    /// Does what both ends want until they wait.
    fn settle(&mut self) {
        loop {
            match self.near.poll() {
                Action::Transmit { base, bytes, .. } => self.post(true, base.0, bytes),
                Action::StopGathering => self.stopped_gathering = Some(self.now),
                Action::Event(event) => self.note(&event.kind),
                Action::Permit { .. } | Action::Connect { .. } => {}
                Action::WaitUntil(_) | Action::Idle => break,
            }
        }
        loop {
            match self.far.poll() {
                Action::Transmit { to, bytes, .. } => {
                    let base = self.bases.iter().position(|contender| {
                        let candidate = self.contenders.get(*contender).map(|known| &known.candidate);
                        candidate.is_some_and(|known| SocketAddr::new(known.address, known.port) == to)
                    });
                    base.into_iter().for_each(|base| self.post(false, base, bytes.clone()));
                }
                Action::WaitUntil(_) | Action::Idle => break,
                _ => {}
            }
        }
    }

    fn post(&mut self, to_far: bool, base: usize, bytes: Vec<u8>) {
        let round_trip = self.bases.get(base).and_then(|contender| self.contenders.get(*contender));
        let half = round_trip.map_or(Duration::ZERO, |contender| contender.round_trip / 2);
        self.number += 1;
        self.under_way.push(Packet { arrives: self.now + half, number: self.number, to_far, base, bytes });
    }

    fn note(&mut self, kind: &EventKind) {
        if let EventKind::Selected { pair, because, .. } = kind
            && let Some((base, _)) = self.near.route_of(*pair)
            && let Some(contender) = self.bases.get(base.0)
        {
            self.selected = Some((*contender, self.now, *because));
        }
    }
}

#[cfg(test)]
mod tests;
