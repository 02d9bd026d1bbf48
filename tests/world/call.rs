//! Two ends, the world between them, and a clock that jumps to whatever is next.

use super::end::{End, Wish};
use super::scene::{Scene, Signalling};
use raincheck_lab::net::{RelayId, World};
use raincheck_probes::ice::agent::{AgentState, Peer};
use raincheck_probes::ice::{Candidate, CandidateType};
use raincheck_probes::machine::Offset;
use std::net::SocketAddr;
use std::time::Duration;

/// More than any call takes: a clock that stands still ends here.
const MOST_STEPS: u64 = 400_000;

/// What is signalled from one end to the other.
#[derive(Debug, Clone)]
enum Letter {
    Peer(Peer),
    Candidate(Candidate),
    End,
}

/// A call.
pub(crate) struct Call {
    pub(crate) world: World,
    pub(crate) now: Duration,
    pub(crate) ends: [End; 2],
    pub(crate) steps: u64,
    scene: Scene,
    /// Letters under way: when they arrive, and at which end; in the order of sending.
    mail: Vec<(Duration, usize, Letter)>,
    /// What each end has signalled so far in this session.
    signalled: [Vec<Candidate>; 2],
    told: bool,
}

impl Call {
    /// A call that is about to begin: no time has passed.
    pub(crate) fn new(scene: &Scene) -> Self {
        let servers = if scene.servers.iter().any(|server| server.contains("turn2")) { 2 } else { 1 };
        let [a, b] = scene.boxes.clone();
        let mut world = World::with_servers(servers, a, b, scene.impairments[0], scene.seed);
        world.impair(raincheck_lab::net::Side::B, scene.impairments[1], scene.impairments[1]);
        let ends = [0, 1].map(|number| End::new(scene, number, &world));
        let mut call = Self {
            world,
            now: Duration::ZERO,
            ends,
            steps: 0,
            scene: scene.clone(),
            mail: Vec::new(),
            signalled: [Vec::new(), Vec::new()],
            told: false,
        };
        if let Signalling::Trickle(_) = scene.signalling {
            [0, 1].into_iter().for_each(|end| call.signal_credentials(end));
        }
        call.happen();
        call
    }

    /// How long a letter takes.
    fn post_time(&self) -> Duration {
        match self.scene.signalling {
            Signalling::AtOnce => Duration::ZERO,
            Signalling::Trickle(delay) => delay,
        }
    }

    fn post(&mut self, from: usize, letter: Letter) {
        let late = match &letter {
            Letter::Candidate(candidate) if candidate.kind != CandidateType::Relay => self.scene.direct_late,
            Letter::End => self.scene.direct_late,
            _ => Duration::ZERO,
        };
        self.mail.push((self.now + self.post_time() + late, 1 - from, letter));
    }

    fn signal_credentials(&mut self, from: usize) {
        let credentials = self.ends[from].agent.credentials().clone();
        self.post(from, Letter::Peer(Peer { credentials, lite: false, ice2: true }));
    }

    /// The time of whatever is next.
    pub(crate) fn next(&self) -> Option<Duration> {
        let mail = self.mail.iter().map(|(at, ..)| *at).min();
        let ends = self.ends.iter().filter_map(End::next).min();
        [mail, ends, self.world.next_event()].into_iter().flatten().min().map(|at| at.max(self.now))
    }

    /// Moves the clock to whatever is next and lets it happen. False when nothing ever will.
    pub(crate) fn step(&mut self) -> bool {
        let Some(next) = self.next() else { return false };
        self.now = next;
        self.happen();
        true
    }

    fn happen(&mut self) {
        self.steps += 1;
        assert!(self.steps < MOST_STEPS, "the clock stands still at {:?}: {}", self.now, self.scene);
        let now = self.now;
        for from in [0, 1] {
            let (found, last) = self.ends[from].gather(&mut self.world, now);
            self.signal(from, found, last);
        }
        self.deliver_mail();
        while let Some((side, got)) = self.world.deliver(now) {
            self.ends[side as usize].receive(got.to, got.from, &got.bytes, now);
            self.settle();
        }
        self.ends.iter_mut().for_each(|end| end.tick(now));
        self.send_data();
        self.settle();
    }

    fn signal(&mut self, from: usize, found: Vec<Candidate>, last: bool) {
        let found: Vec<Candidate> = found.into_iter().map(as_signalled).collect();
        self.signalled[from].extend(found.iter().cloned());
        match self.scene.signalling {
            Signalling::Trickle(_) => {
                found.into_iter().for_each(|candidate| self.post(from, Letter::Candidate(candidate)));
                if last {
                    self.post(from, Letter::End);
                }
            }
            Signalling::AtOnce if !self.told && self.ends.iter().all(End::has_gathered) => {
                self.told = true;
                [0, 1].into_iter().for_each(|end| self.signal_all(end));
            }
            Signalling::AtOnce => {}
        }
    }

    /// Credentials and every candidate so far, as one description.
    fn signal_all(&mut self, from: usize) {
        self.signal_credentials(from);
        for candidate in self.signalled[from].clone() {
            self.post(from, Letter::Candidate(candidate));
        }
        if self.ends[from].has_gathered() {
            self.post(from, Letter::End);
        }
    }

    fn deliver_mail(&mut self) {
        let now = self.now;
        let arrived: Vec<_> = self.mail.extract_if(.., |(at, ..)| *at <= now).collect();
        for (_, to, letter) in arrived {
            let agent = &mut self.ends[to].agent;
            match letter {
                Letter::Peer(peer) => {
                    let before = agent.credentials().clone();
                    agent.on_peer(peer, Offset::new(now));
                    // The peer began a restart: our half of it is signalled back.
                    if *agent.credentials() != before {
                        self.signal_all(to);
                    }
                }
                Letter::Candidate(candidate) => agent.on_remote(candidate, Offset::new(now)),
                Letter::End => agent.on_remote_end(Offset::new(now)),
            }
        }
        self.settle();
    }

    fn send_data(&mut self) {
        let (now, Some(every)) = (self.now, self.scene.media) else { return };
        for end in [0, 1] {
            if self.ends[end].next_data.is_some_and(|next| next <= now) {
                self.send(end);
                self.ends[end].next_data = Some(now + every);
            }
        }
    }

    /// Sends a packet of data over what an end has selected.
    pub(crate) fn send(&mut self, end: usize) -> bool {
        let sender = &mut self.ends[end];
        let (Some(pair), Some((base, to))) = (sender.agent.selected(), sender.agent.route()) else {
            return false;
        };
        sender.agent.on_sent(pair, Offset::new(self.now));
        let (side, from) = (sender.side, sender.bases[base.0].address);
        self.world.send(self.now, side, from, to, *b"\x80 data");
        true
    }

    /// Does what both agents want until they wait.
    fn settle(&mut self) {
        let now = self.now;
        for end in [0, 1] {
            loop {
                let side = self.ends[end].side;
                for wish in self.ends[end].wishes(now) {
                    match wish {
                        Wish::Send(from, to, bytes) => self.world.send(now, side, from, to, bytes),
                        Wish::Permit(relay, peer) => self.world.net.permit(relay, peer),
                    }
                }
                if !self.ends[end].refuse_connections(now) {
                    break;
                }
            }
            let end = &mut self.ends[end];
            if end.next_data.is_none() && end.agent.selected().is_some() {
                end.next_data = self.scene.media.map(|_| now);
            }
        }
    }

    /// Runs until a time; the clock stands there then.
    pub(crate) fn run_until(&mut self, until: Duration) {
        while self.next().is_some_and(|next| next <= until) {
            self.step();
        }
        self.now = self.now.max(until);
        self.happen();
    }

    /// Runs for so long.
    pub(crate) fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Runs until something is true, at most until a time.
    pub(crate) fn run_till(&mut self, until: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        while !done(self) {
            if self.next().is_none_or(|next| next > until) {
                return false;
            }
            self.step();
        }
        true
    }

    /// Whether both ends have selected a pair, or have said that they failed. libwebrtc may say so and go on when the
    /// peer's checks show it yet another address.
    pub(crate) fn is_decided(&self) -> bool {
        let decided =
            |end: &End| end.agent.selected().is_some() || !end.became(AgentState::Failed).is_empty();
        self.ends.iter().all(decided)
    }

    /// Whether both ends carry data over one and the same path: the one's local address is the other's remote one.
    pub(crate) fn agree(&self) -> bool {
        let [a, b] = [&self.ends[0], &self.ends[1]].map(End::selected);
        a.is_some() && a == b.map(|(local, remote)| (remote, local))
    }

    /// Whether neither end of the selected path is a relay.
    pub(crate) fn is_direct(&self) -> bool {
        let servers = &self.world.servers;
        let direct = |(local, remote): (SocketAddr, SocketAddr)| {
            !servers.contains(&local.ip()) && !servers.contains(&remote.ip())
        };
        self.ends.iter().all(|end| end.selected().is_some_and(direct))
    }

    /// Whether data of each end reaches the other now, in at most so long.
    pub(crate) fn talks(&mut self, time: Duration) -> bool {
        let before = [0, 1].map(|end: usize| self.ends[end].data.len());
        if ![0, 1].map(|end| self.send(end)).into_iter().all(|sent| sent) {
            return false;
        }
        let until = self.now + time;
        self.run_till(until, |call| (0..2).all(|end: usize| call.ends[end].data.len() > before[end]))
    }

    /// An end restarts ICE: it signals new credentials and its candidates again, and the other answers with its own.
    pub(crate) fn restart(&mut self, end: usize) {
        self.ends[end].agent.restart(Offset::new(self.now));
        self.signal_all(end);
        self.settle();
    }

    /// Ends the relay under an end's selected pair.
    pub(crate) fn kill_relay(&mut self, relay: RelayId) {
        self.world.net.kill(relay);
    }

    /// What each end says of itself, for a failed case.
    pub(crate) fn story(&self) -> String {
        let end = |number: usize| {
            let end = &self.ends[number];
            let selected = end.selected().map_or("nothing".to_owned(), |(l, r)| format!("{l} > {r}"));
            format!("{} {} selected {selected}", self.scene.profiles[number], end.agent.state())
        };
        format!("{}: {}; {} at {:?}", self.scene, end(0), end(1), self.now)
    }
}

/// What the other end reads of a candidate: nothing of servers and paths.
fn as_signalled(candidate: Candidate) -> Candidate {
    Candidate { url: None, relay_protocol: None, route: None, base: None, path: None, ..candidate }
}
