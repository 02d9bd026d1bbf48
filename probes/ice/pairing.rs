//! One pair of relayed candidates, checked by two agents of the client that hold both its ends.
//!
//! Bytes of any kind prove a relay; a client asks for more before it sends media: an answer to a connectivity check
//! (RFC 8445 section 7.2). Both ends are here, so a check and its answer cross the path twice each: up in one
//! allocation, down in the other.

use super::agent::{Action, Agent, BaseId, CheckEnd, IceRole, Pair, Peer, Setup};
use super::stack::Profile;
use super::{Candidate, Policy};
use crate::machine::{IdSource, Offset};
use crate::stun::{Class, Message, attr};
use std::net::SocketAddr;
use std::time::Duration;

/// An end of the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Ours: it controls.
    Near,
    /// The other: it is controlled.
    Far,
}

impl End {
    /// The other end.
    pub const fn other(self) -> Self {
        match self {
            Self::Near => Self::Far,
            Self::Far => Self::Near,
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Todo {
    /// Send one STUN message from the relayed address of this end.
    Send {
        /// From this end.
        from: End,
        /// To there.
        to: SocketAddr,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Nothing before this time, or before something comes in.
    WaitUntil(Offset),
    /// Nothing before something comes in.
    Idle,
}

/// What came of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// The near end's role; no conflict can turn it.
    pub role: IceRole,
    /// Binding requests that the near end sent, repetitions included.
    pub sent: u32,
    /// Checks of the near end that were answered.
    pub answered: u32,
    /// Binding requests that the far end sent, repetitions included.
    pub far_sent: u32,
    /// Checks of the far end that were answered.
    pub far_answered: u32,
    /// From the near end's first check that was answered to its answer: twice over the path.
    pub round_trip: Option<Duration>,
}

impl Checked {
    /// Whether some check was answered. Whosever it was, it crossed both relays both ways.
    pub const fn is_answered(&self) -> bool {
        self.answered > 0 || self.far_answered > 0
    }

    /// As the far end saw it. When its own check was answered is not kept.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        Self {
            role: self.role.other(),
            sent: self.far_sent,
            answered: self.far_answered,
            far_sent: self.sent,
            far_answered: self.answered,
            round_trip: None,
        }
    }
}

/// The pair, and the two agents that check it.
#[derive(Debug)]
pub struct Pairing {
    agents: [Agent; 2],
    bases: [BaseId; 2],
}

impl Pairing {
    /// Two agents that know each other and have one relayed candidate each. The checks begin with the first poll.
    pub fn new(profile: &Profile, candidates: [Candidate; 2], ids: &mut IdSource, now: Offset) -> Self {
        let mut agents = [IceRole::Controlling, IceRole::Controlled].map(|role| {
            Agent::new(Setup {
                profile: profile.clone(),
                role,
                policy: Policy::Relay,
                credentials: None,
                survey: false,
                entropy: None,
                ids: ids.fork(),
            })
        });
        let [near, far] = &mut agents;
        let of = |agent: &Agent| Peer { credentials: agent.credentials().clone(), lite: false, ice2: true };
        let (near_peer, far_peer) = (of(far), of(near));
        let [near_candidate, far_candidate] = candidates;
        let bases = [near.on_base(near_candidate.clone(), now), far.on_base(far_candidate.clone(), now)];
        for (agent, peer, remote) in [(near, near_peer, far_candidate), (far, far_peer, near_candidate)] {
            agent.on_local_end(now);
            agent.on_peer(peer, now);
            agent.on_remote(remote, now);
            agent.on_remote_end(now);
        }
        Self { agents, bases }
    }

    /// A packet came to the relayed address of an end. What belongs to another pairing, or is no STUN, is passed over.
    pub fn on_bytes(&mut self, end: End, from: SocketAddr, bytes: &[u8], now: Offset) {
        let (base, agent) = (self.bases[end as usize], &mut self.agents[end as usize]);
        if is_for(agent, bytes) {
            agent.on_bytes(base, from, bytes, now);
        }
    }

    /// Time has passed.
    pub fn on_tick(&mut self, now: Offset) {
        self.agents.iter_mut().for_each(|agent| agent.on_tick(now));
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Todo {
        let mut wake: Option<Offset> = None;
        for end in [End::Near, End::Far] {
            let agent = &mut self.agents[end as usize];
            loop {
                match agent.poll() {
                    Action::Transmit { to, bytes, .. } => return Todo::Send { from: end, to, bytes },
                    Action::WaitUntil(at) => {
                        wake = wake.into_iter().chain([at]).min();
                        break;
                    }
                    Action::Idle => break,
                    // Both ends were let in before, and there is one candidate.
                    Action::Permit { .. }
                    | Action::Connect { .. }
                    | Action::StopGathering
                    | Action::Event(_) => {}
                }
            }
        }
        wake.map_or(Todo::Idle, Todo::WaitUntil)
    }

    /// What came of the checks so far.
    pub fn checked(&self) -> Checked {
        let [near, far] = &self.agents;
        Checked {
            role: near.role(),
            sent: sent(near),
            answered: answered(near),
            far_sent: sent(far),
            far_answered: answered(far),
            round_trip: near.pairs().iter().filter_map(round_trip).min(),
        }
    }
}

/// Whether a message can be meant for this agent: a request must name it, since others are turned down with an error
/// that would reach their sender.
fn is_for(agent: &Agent, bytes: &[u8]) -> bool {
    let Ok(message) = Message::parse(bytes) else { return false };
    if message.class() != Class::Request {
        return true;
    }
    let name = message.value(attr::USERNAME).and_then(|name| name.split(|byte| *byte == b':').next());
    name == Some(agent.credentials().ufrag.as_bytes())
}

fn sent(agent: &Agent) -> u32 {
    agent.pairs().iter().flat_map(|pair| &pair.checks).map(|check| check.sends).fold(0, u32::saturating_add)
}

fn answered(agent: &Agent) -> u32 {
    let answered: u64 = agent.pairs().iter().map(|pair| pair.checks_answered).sum();
    u32::try_from(answered).unwrap_or(u32::MAX)
}

/// How long the first check that was answered took; with repetitions, since it was first sent.
fn round_trip(pair: &Pair) -> Option<Duration> {
    pair.checks.iter().find_map(|check| match check.end {
        Some(CheckEnd::Answered { at, .. }) => Some(at.since(check.began)),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
