//! One end of a call: it gathers at its client's pace, and its agent's bases are sockets and relays of the world.

use super::pace::{ethernet, leg, time_of};
use super::scene::Scene;
use raincheck_lab::net::{self, RelayId, Side, SplitMix64, World};
use raincheck_probes::ice::agent::{
    Action, Agent, AgentState, BaseId, Event, EventKind, PairId, Received, Setup,
};
use raincheck_probes::ice::gather::{Failure, GatherSetup, Gathering, Learned, Slot, SlotKind};
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::ice::{Candidate, CandidateType};
use raincheck_probes::machine::{IdSource, Offset};
use raincheck_probes::server::Host;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What a base is in the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Base {
    /// Where it sends from.
    pub(crate) address: SocketAddr,
    pub(crate) relay: Option<RelayId>,
    /// A TCP address: the world carries no ICE-TCP.
    pub(crate) stream: bool,
}

/// One end.
pub(crate) struct End {
    pub(crate) side: Side,
    pub(crate) profile: Profile,
    pub(crate) agent: Agent,
    pub(crate) bases: Vec<Base>,
    pub(crate) events: Vec<Event>,
    /// When data came, and on which pair.
    pub(crate) data: Vec<(Duration, Option<PairId>)>,
    /// When the client stopped gathering because a pair was strong enough.
    pub(crate) stopped_gathering: Option<Duration>,
    /// Checks and answers that were not believed.
    pub(crate) ignored: usize,
    /// When data is sent next.
    pub(crate) next_data: Option<Duration>,
    /// The candidates of its own that it was told of, with their bases.
    own: Vec<(BaseId, Candidate)>,
    gathering: Gathering,
    hosts: Vec<Host>,
    /// Slots that will be done at these times, the last first.
    coming: Vec<(Duration, Slot, bool)>,
    ended: bool,
    wake: Option<Duration>,
    refused: Vec<(BaseId, SocketAddr)>,
}

/// What an end wants of the call.
pub(crate) enum Wish {
    Send(SocketAddr, SocketAddr, Vec<u8>),
    Permit(RelayId, IpAddr),
}

impl End {
    pub(crate) fn new(scene: &Scene, number: usize, world: &World) -> Self {
        let side = Side::BOTH[number];
        let profile = scene.profile(number);
        let mut chance = SplitMix64::new(scene.seed ^ 0x5151).split();
        (0..number).for_each(|_| chance = chance.split());
        let servers = scene.ice_servers();
        let hosts = servers.iter().map(|server| server.uri.host.clone()).collect();
        let gathering = Gathering::new(&GatherSetup {
            profile: profile.clone(),
            policy: scene.policies[number],
            media_permission: true,
            ipv4: true,
            ipv6: false,
            udp: true,
            networks: vec![ethernet(world.site(side).address)],
            servers,
            proxied: false,
            beyond_limit: false,
            seed: chance.next_u64(),
        });
        let agent = Agent::new(Setup {
            profile: profile.clone(),
            role: scene.roles[number],
            policy: scene.policies[number],
            credentials: None,
            survey: false,
            entropy: None,
            ids: IdSource::new(chance.next_u64()),
        });
        let link = scene.impairments[number];
        let mut coming: Vec<(Duration, Slot, bool)> = gathering
            .slots()
            .iter()
            .map(|slot| {
                let (takes, works) = time_of(&profile, slot, link, &mut chance);
                (slot.starts + takes, slot.clone(), works)
            })
            .collect();
        coming.sort_by_key(|(at, slot, _)| std::cmp::Reverse((*at, slot.id)));
        Self {
            side,
            profile,
            agent,
            bases: Vec::new(),
            events: Vec::new(),
            data: Vec::new(),
            stopped_gathering: None,
            ignored: 0,
            next_data: None,
            own: Vec::new(),
            gathering,
            hosts,
            coming,
            ended: false,
            wake: None,
            refused: Vec::new(),
        }
    }

    /// When something is due here without anything coming in.
    pub(crate) fn next(&self) -> Option<Duration> {
        let slot = self.coming.last().map(|(at, ..)| *at);
        [slot, self.wake, self.next_data].into_iter().flatten().min()
    }

    /// Fills the slots that are done by now: the candidates to signal, and whether they were the last.
    pub(crate) fn gather(&mut self, world: &mut World, now: Duration) -> (Vec<Candidate>, bool) {
        let mut found = Vec::new();
        while self.coming.last().is_some_and(|(at, ..)| *at <= now)
            && let Some((_, slot, works)) = self.coming.pop()
        {
            let learned =
                if works { self.fill(&slot, world, now) } else { Learned::Failed(Failure::TimedOut) };
            for candidate in self.gathering.learned(slot.id, learned, Offset::new(now)) {
                self.take(&candidate, now);
                found.push(candidate);
            }
        }
        let last = self.coming.is_empty() && !self.ended;
        if last {
            self.ended = true;
            self.agent.on_local_end(Offset::new(now));
        }
        (found, last)
    }

    pub(crate) fn has_gathered(&self) -> bool {
        self.ended
    }

    fn fill(&mut self, slot: &Slot, world: &mut World, now: Duration) -> Learned {
        let port = slot.source_ports.as_ref().map_or(5000, |ports| *ports.start());
        let base = SocketAddr::new(world.site(self.side).address, port);
        let server = slot.server.and_then(|server| match self.hosts.get(server)? {
            Host::Name(name) => {
                let number: usize = name.strip_prefix("turn")?.strip_suffix(".test")?.parse().ok()?;
                world.servers.get(number - 1).copied()
            }
            Host::Ip(ip) => Some(*ip),
        });
        match (slot.kind, server) {
            (SlotKind::Host, _) => Learned::Bound(base),
            (SlotKind::HostTcp(_), _) => Learned::Bound(SocketAddr::new(base.ip(), 9000)),
            (_, None) => Learned::Failed(Failure::NoAddress),
            (SlotKind::Srflx, Some(server)) => {
                let server = SocketAddr::new(server, net::UDP_PORT);
                match world.net.mapped(now, world.site(self.side).host, base, server) {
                    Ok(mapped) => Learned::Mapped { base, mapped },
                    Err(_) => Learned::Failed(Failure::TimedOut),
                }
            }
            (SlotKind::Relay(transport), Some(server)) => {
                let leg = leg(transport);
                match world.allocate(now, self.side, base, server, leg) {
                    Ok(relay) => {
                        self.bases.push(Base {
                            address: relay.address,
                            relay: Some(relay.id),
                            stream: false,
                        });
                        let (mapped, relayed) = (Some(relay.mapped), relay.address);
                        Learned::Relayed { base, mapped, relayed, path: None, route: None }
                    }
                    Err(_) => Learned::Failed(Failure::TimedOut),
                }
            }
        }
    }

    /// Tells the agent of a candidate of its own.
    fn take(&mut self, candidate: &Candidate, now: Duration) {
        let address = address_of(candidate);
        let base = match candidate.kind {
            CandidateType::Relay => self.agent.on_base(candidate.clone(), Offset::new(now)),
            CandidateType::Host => {
                let stream = candidate.tcp_type.is_some();
                self.bases.push(Base { address, relay: None, stream });
                self.agent.on_base(candidate.clone(), Offset::new(now))
            }
            CandidateType::Srflx | CandidateType::Prflx => {
                let base = self.bases.iter().position(|base| Some(base.address) == candidate.base).unwrap();
                self.agent.on_reflexive(candidate.clone(), BaseId(base));
                BaseId(base)
            }
        };
        self.own.push((base, candidate.clone()));
        // What the agent calls a base has the same number here.
        assert_eq!(self.bases.get(base.0).map(|base| base.address), Some(self.base_address(base)));
    }

    /// The address of a base's own candidate.
    fn base_address(&self, base: BaseId) -> SocketAddr {
        let own = self.own.iter().find(|(of, _)| *of == base).unwrap();
        address_of(&own.1)
    }

    /// The priority of the local candidate that a check from a base shows, which the peer has seen at this address:
    /// one that is known, or a peer-reflexive one. What a server relays stays relayed.
    pub(crate) fn priority_of(&self, base: BaseId, seen: SocketAddr) -> u32 {
        let of_base = || self.own.iter().filter(|(of, _)| *of == base).map(|(_, candidate)| candidate);
        let own = of_base().next().unwrap();
        let known = of_base().find(|c| own.kind == CandidateType::Relay || address_of(c) == seen);
        known.map_or_else(|| self.profile.check_priority(own), |known| known.priority)
    }

    /// A datagram reached one of the bases.
    pub(crate) fn receive(&mut self, to: SocketAddr, from: SocketAddr, bytes: &[u8], now: Duration) {
        let Some(base) = self.bases.iter().position(|base| base.address == to && !base.stream) else {
            return;
        };
        match self.agent.on_bytes(BaseId(base), from, bytes, Offset::new(now)) {
            Received::Data(pair) => self.data.push((now, pair)),
            Received::Ignored(_) => self.ignored += 1,
            Received::Ice => {}
        }
    }

    pub(crate) fn tick(&mut self, now: Duration) {
        if self.wake.is_some_and(|wake| wake <= now) {
            self.agent.on_tick(Offset::new(now));
        }
    }

    /// What the agent wants, until it waits.
    pub(crate) fn wishes(&mut self, now: Duration) -> Vec<Wish> {
        let mut wishes = Vec::new();
        loop {
            match self.agent.poll() {
                Action::Transmit { base, to, bytes } => {
                    wishes.push(Wish::Send(self.bases[base.0].address, to, bytes));
                }
                Action::Permit { base, peer } => {
                    let relay = self.bases[base.0].relay.unwrap();
                    wishes.push(Wish::Permit(relay, peer.ip()));
                }
                Action::Connect { base, to } => self.refused.push((base, to)),
                Action::StopGathering => {
                    self.stopped_gathering.get_or_insert(now);
                    self.coming.clear();
                }
                Action::Event(event) => self.events.push(event),
                Action::WaitUntil(at) => {
                    self.wake = Some(at.as_duration().max(now));
                    break;
                }
                Action::Idle => {
                    self.wake = None;
                    break;
                }
            }
        }
        wishes
    }

    /// Connections that the agent asked for, none of which comes about: true when there were any.
    pub(crate) fn refuse_connections(&mut self, now: Duration) -> bool {
        let refused = std::mem::take(&mut self.refused);
        for (base, to) in &refused {
            self.agent.on_refused(*base, *to, &raincheck_probes::evidence::Cause::Refused, Offset::new(now));
        }
        !refused.is_empty()
    }

    /// The addresses of the selected pair: the local candidate as it is known by now, and the remote one.
    pub(crate) fn selected(&self) -> Option<(SocketAddr, SocketAddr)> {
        let pair = self.agent.selected()?;
        Some((address_of(self.agent.local(pair)?), address_of(self.agent.remote(pair)?)))
    }

    /// The relay of the selected pair's own base.
    pub(crate) fn own_relay(&self) -> Option<RelayId> {
        let (base, _) = self.agent.route()?;
        self.bases[base.0].relay
    }

    /// Whether any check between addresses that are not these servers' was answered.
    pub(crate) fn works_directly(&self, servers: &[IpAddr]) -> bool {
        let direct = |id: PairId| {
            let ends = [self.agent.local(id), self.agent.remote(id)];
            ends.into_iter().flatten().all(|candidate| !servers.contains(&candidate.address))
        };
        let pairs = self.agent.pairs().iter().enumerate();
        pairs.into_iter().any(|(id, pair)| pair.checks_answered > 0 && direct(PairId(id)))
    }

    /// When its state became this, every time.
    pub(crate) fn became(&self, state: AgentState) -> Vec<Duration> {
        self.times(|kind| *kind == EventKind::State(state))
    }

    /// When something happened, every time.
    pub(crate) fn times(&self, is: impl Fn(&EventKind) -> bool) -> Vec<Duration> {
        self.events.iter().filter(|event| is(&event.kind)).map(|event| event.at.as_duration()).collect()
    }
}

fn address_of(candidate: &Candidate) -> SocketAddr {
    SocketAddr::new(candidate.address, candidate.port)
}
