//! A wire between two agents, and a clock that jumps to whatever is next.
//!
//! Each base has a public address, by which the other end sees it: its own, or that of a NAT that maps every
//! destination alike. A packet to an address that is nobody's is lost. `lost` decides the fate of the others.

use crate::evidence::Cause;
use crate::ice::agent::{
    Action, Agent, AgentState, BaseId, Event, EventKind, IceRole, PairId, Peer, Received, Setup,
};
use crate::ice::stack::Profile;
use crate::ice::{Candidate, CandidateType, Policy, Protocol, TcpType};
use crate::machine::{IdSource, Offset};
use crate::stun::Message;
use std::net::SocketAddr;
use std::time::Duration;

/// A datagram, or a frame of a connection, on its way.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) sent: Offset,
    pub(crate) arrives: Offset,
    /// Which end sent it.
    pub(crate) end: usize,
    pub(crate) base: BaseId,
    /// The sender's public address.
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

impl Packet {
    /// Whether it is a check rather than an answer or data.
    pub(crate) fn is_check(&self) -> bool {
        Message::parse(&self.bytes).is_ok_and(|message| message.class() == crate::stun::Class::Request)
    }
}

pub(crate) struct Side {
    pub(crate) agent: Agent,
    /// By base: the address that others see.
    pub(crate) public: Vec<SocketAddr>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) events: Vec<Event>,
    pub(crate) permitted: Vec<(BaseId, SocketAddr)>,
    pub(crate) stopped_gathering: Option<Offset>,
    pub(crate) data: Vec<(Offset, Vec<u8>)>,
    pub(crate) ignored: Vec<Cause>,
}

/// How long each packet takes.
pub(crate) type Delays = Box<dyn Fn(&Packet) -> Duration>;

pub(crate) struct Wire {
    pub(crate) now: Offset,
    pub(crate) sides: [Side; 2],
    pub(crate) delay: Duration,
    /// How long a packet takes, where that is not the same for all.
    pub(crate) delays: Option<Delays>,
    /// Every packet that was sent, lost ones too.
    pub(crate) sent: Vec<Packet>,
    pub(crate) lost: Box<dyn FnMut(&Packet) -> bool>,
    under_way: Vec<Packet>,
    connecting: Vec<(Offset, usize, BaseId, SocketAddr)>,
    /// Whether TCP connections come about.
    pub(crate) connects: bool,
}

/// A setup with everything that tests seldom change.
pub(crate) fn setup(profile: &str, role: IceRole, seed: u64) -> Setup {
    Setup {
        profile: Profile::parse(profile).unwrap(),
        role,
        policy: Policy::All,
        credentials: None,
        survey: false,
        entropy: None,
        ids: IdSource::new(seed),
    }
}

/// A candidate of a type at an address; nothing else is known of it.
pub(crate) fn candidate(kind: CandidateType, address: &str, priority: u32) -> Candidate {
    let address: SocketAddr = address.parse().unwrap();
    Candidate {
        kind,
        protocol: Protocol::Udp,
        tcp_type: None,
        address: address.ip(),
        port: address.port(),
        related_address: None,
        related_port: None,
        priority,
        foundation: format!("{kind:?}{}", address.ip()),
        component: 1,
        network_id: Some(1),
        network_cost: Some(0),
        url: None,
        relay_protocol: None,
        route: None,
        base: None,
        at_ms: Offset::ZERO,
        sdp: String::new(),
        path: None,
    }
}

pub(crate) const HOST: u32 = 2_122_260_223;
pub(crate) const SRFLX: u32 = 1_686_052_607;
pub(crate) const RELAY_UDP: u32 = 58_664_191;
pub(crate) const RELAY_TCP: u32 = 25_109_247;
pub(crate) const RELAY_TLS: u32 = 8_332_287;

pub(crate) fn host(address: &str) -> Candidate {
    candidate(CandidateType::Host, address, HOST)
}

pub(crate) fn relay(address: &str, priority: u32) -> Candidate {
    candidate(CandidateType::Relay, address, priority)
}

/// An ICE-TCP host candidate.
pub(crate) fn tcp(address: &str, tcp_type: TcpType) -> Candidate {
    Candidate {
        protocol: Protocol::Tcp,
        tcp_type: Some(tcp_type),
        ..candidate(CandidateType::Host, address, 1_518_280_447)
    }
}

impl Wire {
    /// Two ends of these profiles, the first controlling, 20 ms apart, that know nothing yet.
    pub(crate) fn new(profiles: [&str; 2]) -> Self {
        Self::of([setup(profiles[0], IceRole::Controlling, 1), setup(profiles[1], IceRole::Controlled, 2)])
    }

    pub(crate) fn of(setups: [Setup; 2]) -> Self {
        let side = |setup| Side {
            agent: Agent::new(setup),
            public: Vec::new(),
            candidates: Vec::new(),
            events: Vec::new(),
            permitted: Vec::new(),
            stopped_gathering: None,
            data: Vec::new(),
            ignored: Vec::new(),
        };
        Self {
            now: Offset::ZERO,
            sides: setups.map(side),
            delay: Duration::from_millis(20),
            delays: None,
            sent: Vec::new(),
            lost: Box::new(|_| false),
            under_way: Vec::new(),
            connecting: Vec::new(),
            connects: true,
        }
    }

    /// A base that others see at its own address.
    pub(crate) fn base(&mut self, end: usize, candidate: Candidate) -> BaseId {
        let public = SocketAddr::new(candidate.address, candidate.port);
        self.base_behind(end, candidate, public)
    }

    /// A base that others see at another address.
    pub(crate) fn base_behind(&mut self, end: usize, candidate: Candidate, public: SocketAddr) -> BaseId {
        let side = &mut self.sides[end];
        side.public.push(public);
        side.candidates.push(candidate.clone());
        let base = side.agent.on_base(candidate, self.now);
        self.settle();
        base
    }

    /// A base behind a NAT, with the server-reflexive candidate that a server would show.
    pub(crate) fn base_with_srflx(&mut self, end: usize, candidate: Candidate, public: &str) -> BaseId {
        let public = public.parse().unwrap();
        let mut reflexive = self::candidate(CandidateType::Srflx, &format!("{public}"), SRFLX);
        reflexive.related_address = Some(candidate.address);
        reflexive.related_port = Some(candidate.port);
        let base = self.base_behind(end, candidate, public);
        self.sides[end].candidates.push(reflexive.clone());
        self.sides[end].agent.on_reflexive(reflexive, base);
        base
    }

    /// Tells each end the other's credentials and candidates, and that there will be no more.
    pub(crate) fn signal(&mut self) {
        for end in [0, 1] {
            self.signal_credentials(end);
            self.signal_candidates(end);
        }
    }

    /// Tells an end the other's credentials.
    pub(crate) fn signal_credentials(&mut self, end: usize) {
        let credentials = self.sides[1 - end].agent.credentials().clone();
        self.sides[end].agent.on_peer(Peer { credentials, lite: false, ice2: true }, self.now);
        self.settle();
    }

    /// Tells an end all of the other's candidates, and that there will be no more.
    pub(crate) fn signal_candidates(&mut self, end: usize) {
        for candidate in self.sides[1 - end].candidates.clone() {
            // What is signalled says nothing of servers and paths.
            let signalled =
                Candidate { url: None, relay_protocol: None, base: None, path: None, ..candidate };
            self.sides[end].agent.on_remote(signalled, self.now);
        }
        self.sides[end].agent.on_remote_end(self.now);
        self.sides[1 - end].agent.on_local_end(self.now);
        self.settle();
    }

    /// Sends data over what an end has selected.
    pub(crate) fn send(&mut self, end: usize, bytes: &[u8]) -> bool {
        let agent = &mut self.sides[end].agent;
        let (Some(pair), Some((base, to))) = (agent.selected(), agent.route()) else { return false };
        agent.on_sent(pair, self.now);
        self.post(end, base, to, bytes.to_vec());
        true
    }

    /// Injects bytes as if they had come from some address.
    pub(crate) fn inject(&mut self, end: usize, base: BaseId, from: &str, bytes: &[u8]) -> Received {
        let received = self.sides[end].agent.on_bytes(base, from.parse().unwrap(), bytes, self.now);
        self.settle();
        received
    }

    /// Does what both agents want until they wait.
    pub(crate) fn settle(&mut self) {
        for end in [0, 1] {
            loop {
                match self.sides[end].agent.poll() {
                    Action::Transmit { base, to, bytes } => self.post(end, base, to, bytes),
                    Action::Permit { base, peer } => self.sides[end].permitted.push((base, peer)),
                    Action::Connect { base, to } => {
                        self.connecting.push((self.now + self.delay * 2, end, base, to));
                    }
                    Action::StopGathering => self.sides[end].stopped_gathering = Some(self.now),
                    Action::Event(event) => self.sides[end].events.push(event),
                    Action::WaitUntil(_) | Action::Idle => break,
                }
            }
        }
    }

    fn post(&mut self, end: usize, base: BaseId, to: SocketAddr, bytes: Vec<u8>) {
        let from = self.sides[end].public[base.0];
        let arrives = self.now + self.delay;
        let mut packet = Packet { sent: self.now, arrives, end, base, from, to, bytes };
        if let Some(delays) = &self.delays {
            packet.arrives = self.now + delays(&packet);
        }
        if !(self.lost)(&packet) {
            self.under_way.push(packet.clone());
        }
        self.sent.push(packet);
    }

    /// The time of whatever is next.
    pub(crate) fn next(&mut self) -> Option<Offset> {
        let now = self.now;
        let mut times: Vec<Offset> = self.under_way.iter().map(|packet| packet.arrives).collect();
        times.extend(self.connecting.iter().map(|connecting| connecting.0));
        for side in &mut self.sides {
            if let Action::WaitUntil(at) = side.agent.poll() {
                times.push(at.max(now));
            }
        }
        times.into_iter().min()
    }

    /// Moves the clock to whatever is next and lets it happen. False when nothing ever will.
    pub(crate) fn step(&mut self) -> bool {
        let Some(next) = self.next() else { return false };
        self.now = next.max(self.now);
        self.happen();
        true
    }

    fn happen(&mut self) {
        let now = self.now;
        let connected: Vec<_> = self.connecting.extract_if(.., |connecting| connecting.0 <= now).collect();
        for (_, end, base, to) in connected {
            let there = self.sides[1 - end].public.contains(&to);
            let agent = &mut self.sides[end].agent;
            if there && self.connects {
                agent.on_connected(base, to, now);
            } else {
                agent.on_refused(base, to, &Cause::Refused, now);
            }
            self.settle();
        }
        let arrived: Vec<_> = self.under_way.extract_if(.., |packet| packet.arrives <= now).collect();
        for packet in arrived {
            let other = &mut self.sides[1 - packet.end];
            let Some(base) = other.public.iter().position(|public| *public == packet.to) else { continue };
            match other.agent.on_bytes(BaseId(base), packet.from, &packet.bytes, now) {
                Received::Data(_) => other.data.push((now, packet.bytes)),
                Received::Ignored(cause) => other.ignored.push(cause),
                Received::Ice => {}
            }
            self.settle();
        }
        for side in &mut self.sides {
            side.agent.on_tick(now);
        }
        self.settle();
    }

    /// Runs until a time; the clock stands there then.
    pub(crate) fn run_until(&mut self, until: Offset) {
        let mut steps = 0;
        while self.next().is_some_and(|next| next <= until) {
            self.step();
            steps += 1;
            assert!(steps < 200_000, "the clock stands still at {}", self.now);
        }
        self.now = until;
        self.happen();
    }

    /// Runs for so long.
    pub(crate) fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Runs until something is true, at most until a time.
    pub(crate) fn run_till(&mut self, until: Offset, mut done: impl FnMut(&Self) -> bool) -> bool {
        let mut steps = 0;
        while !done(self) {
            if self.next().is_none_or(|next| next > until) {
                return false;
            }
            self.step();
            steps += 1;
            assert!(steps < 200_000, "the clock stands still at {}", self.now);
        }
        true
    }

    /// Runs until both ends have selected a pair, at most for a minute.
    pub(crate) fn connect(&mut self) -> bool {
        let until = self.now + Duration::from_secs(60);
        self.run_till(until, |wire| wire.sides.iter().all(|side| side.agent.selected().is_some()))
    }

    /// The addresses of the pair that an end has selected: its local candidate's and the remote one's.
    pub(crate) fn selected(&self, end: usize) -> Option<(String, String)> {
        let agent = &self.sides[end].agent;
        let pair = agent.selected()?;
        let text = |candidate: &Candidate| format!("{}:{}", candidate.address, candidate.port);
        Some((text(agent.local(pair)?), text(agent.remote(pair)?)))
    }

    /// The pair of an end between two addresses, by its base's and its remote candidate's.
    pub(crate) fn pair(&self, end: usize, base: BaseId, remote: &str) -> Option<PairId> {
        let agent = &self.sides[end].agent;
        let remote: SocketAddr = remote.parse().unwrap();
        (0..agent.pairs().len()).map(PairId).find(|id| agent.route_of(*id) == Some((base, remote)))
    }

    /// When an end's state became this for the first time.
    pub(crate) fn became(&self, end: usize, state: AgentState) -> Option<Offset> {
        let events = self.sides[end].events.iter();
        events.filter(|event| event.kind == EventKind::State(state)).map(|event| event.at).next()
    }

    /// The checks that an end sent, in order: when, and to where.
    pub(crate) fn checks(&self, end: usize) -> Vec<(f64, String)> {
        let checks = self.sent.iter().filter(|packet| packet.end == end && packet.is_check());
        checks.map(|packet| (packet.sent.as_ms(), packet.to.to_string())).collect()
    }
}
