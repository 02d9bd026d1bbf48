//! An ICE agent, RFC 8445, that behaves as one client does.
//!
//! The agent only sees addresses: a [`BaseId`] stands for whatever sends and receives for one local candidate, be it a
//! UDP socket, a relayed address behind any path to a TURN server, or a TCP address. It is told what happened with its
//! `on_…` methods and asked what to do with [`Agent::poll`] until that answers [`Action::WaitUntil`] or
//! [`Action::Idle`]. Time and randomness are arguments.
//!
//! Two parts share the work. The `core` keeps what every client has in common: candidates and pairs with their whole
//! fate, the messages and their signatures, answers to the peer's checks, peer-reflexive candidates, role conflicts,
//! restarts. The `conduct` is what sets clients apart: which check is next and when, how often it is repeated, who is
//! nominated, which pair is selected and when another takes its place. Nothing that failed is dropped: a pair keeps its
//! checks and its cause until the report.
//!
//! | module | owns |
//! | --- | --- |
//! | `types` | what goes in and comes out |
//! | `pair` | one pair and the record of its checks |
//! | `message` | the STUN messages of ICE, built and read |
//! | `core` | candidates, pairs, transactions; what a conduct may do with them |
//! | `inbound`, `outbound` | the peer's checks; the answers to ours |
//! | `conduct` | what a client decides |
//! | `checklist` | the checklists of RFC 8445, with the habits of Firefox and libnice as values |

pub(crate) mod checklist;
pub(crate) mod conduct;
pub(crate) mod core;
mod inbound;
mod message;
mod outbound;
pub(crate) mod pair;
mod types;

pub use conduct::Criterion;
pub use pair::{Check, CheckEnd, Pair, PairState};
pub use types::{
    Action, AgentState, BaseId, Chosen, Event, EventKind, IceCredentials, IceRole, PairId, Peer, Received,
    Setup, Successor,
};

use super::Candidate;
use crate::evidence::Cause;
use crate::machine::Offset;
use conduct::Conduct;
use core::Core;
use std::net::SocketAddr;

/// One end of a call.
#[derive(Debug)]
pub struct Agent {
    core: Core,
    conduct: Box<dyn Conduct>,
}

impl Agent {
    /// An agent that knows neither candidates nor the peer yet.
    pub fn new(setup: Setup) -> Self {
        let conduct = setup.conduct();
        Self { core: Core::new(setup, conduct.traits()), conduct }
    }

    /// Our ufrag and password, as they are signalled.
    pub fn credentials(&self) -> &IceCredentials {
        self.core.credentials()
    }

    /// Our role at this moment; a conflict may have turned it.
    pub fn role(&self) -> IceRole {
        self.core.role()
    }

    // What happened.

    /// A candidate with a socket, a relayed address or a TCP address of its own. It is paired at once.
    pub fn on_base(&mut self, candidate: Candidate, now: Offset) -> BaseId {
        let base = self.core.add_base(candidate);
        self.candidate_came(now);
        base
    }

    /// A server-reflexive candidate of a base. It is not paired by itself: its checks leave from the base (RFC 8445
    /// section 6.1.2.4).
    pub fn on_reflexive(&mut self, candidate: Candidate, base: BaseId) {
        self.core.add_reflexive(candidate, base);
    }

    /// Our end will find no more candidates.
    pub fn on_local_end(&mut self, now: Offset) {
        self.core.local_ended = true;
        self.conduct.tick(&mut self.core, now);
    }

    /// The peer's ufrag, password and nature. A second call with other credentials is a restart that the peer began:
    /// our half of it begins here, with new credentials to signal. After [`restart`](Self::restart) it is the peer's
    /// half.
    pub fn on_peer(&mut self, peer: Peer, now: Offset) {
        if self.core.is_other_peer(&peer) {
            self.restart(now);
        }
        self.core.set_peer(peer, now);
        self.form_pairs(now);
    }

    /// A candidate of the peer. Those past the limit of the list are counted and passed over.
    pub fn on_remote(&mut self, candidate: Candidate, now: Offset) {
        self.core.add_remote(candidate, now);
        self.candidate_came(now);
    }

    /// The peer will send no more candidates.
    pub fn on_remote_end(&mut self, now: Offset) {
        self.core.remote_ended = true;
        self.conduct.tick(&mut self.core, now);
    }

    /// Bytes came in: one datagram, or one RFC 4571 frame of an ICE-TCP connection.
    pub fn on_bytes(&mut self, base: BaseId, from: SocketAddr, bytes: &[u8], now: Offset) -> Received {
        let received = self.core.read(&mut *self.conduct, base, from, bytes, now);
        self.form_pairs(now);
        received
    }

    /// Application data left by this pair.
    pub fn on_sent(&mut self, pair: PairId, now: Offset) {
        self.core.sent(pair, now);
    }

    /// A TCP connection that [`Action::Connect`] asked for is open, or a peer connected to a passive base.
    pub fn on_connected(&mut self, base: BaseId, to: SocketAddr, now: Offset) {
        self.core.connected(base, to);
        self.conduct.tick(&mut self.core, now);
    }

    /// Nothing can be sent to this address from this base: an ICMP error, a connection that failed or broke, a
    /// permission that the TURN server refused.
    pub fn on_refused(&mut self, base: BaseId, to: SocketAddr, cause: &Cause, now: Offset) {
        for pair in self.core.refused(base, to) {
            self.conduct.refused(&mut self.core, pair, cause, now);
        }
        self.conduct.tick(&mut self.core, now);
    }

    /// A base is gone: its socket died, its TURN server ended the allocation.
    pub fn on_base_gone(&mut self, base: BaseId, cause: &Cause, now: Offset) {
        for pair in self.core.base_gone(base, cause) {
            self.conduct.refused(&mut self.core, pair, cause, now);
        }
        self.conduct.tick(&mut self.core, now);
    }

    /// Time has passed.
    pub fn on_tick(&mut self, now: Offset) {
        self.core.expire(&mut *self.conduct, now);
        self.conduct.tick(&mut self.core, now);
    }

    /// Begins an ICE restart (RFC 8445 section 9): new credentials to signal, while what is selected stays in use until
    /// a pair of the new session is.
    pub fn restart(&mut self, now: Offset) -> &IceCredentials {
        self.core.restart(now);
        self.conduct.restarted(&mut self.core, now);
        self.core.credentials()
    }

    // What to do.

    /// The next thing to do.
    pub fn poll(&mut self) -> Action {
        if let Some(action) = self.core.next_action() {
            return action;
        }
        match self.core.wake().into_iter().chain(self.conduct.wake(&self.core)).min() {
            Some(at) => Action::WaitUntil(at),
            None => Action::Idle,
        }
    }

    // What is.

    /// How the call stands.
    pub fn state(&self) -> AgentState {
        self.core.state
    }

    /// Every pair that ever was, in order of creation: [`PairId`] is the index.
    pub fn pairs(&self) -> &[Pair] {
        self.core.pairs()
    }

    /// The pair that data takes.
    pub fn selected(&self) -> Option<PairId> {
        self.core.selected
    }

    /// Where data is sent from and to.
    pub fn route(&self) -> Option<(BaseId, SocketAddr)> {
        self.core.selected.and_then(|pair| self.core.route(pair))
    }

    /// The base and the address that a pair's packets leave from and go to.
    pub fn route_of(&self, pair: PairId) -> Option<(BaseId, SocketAddr)> {
        self.core.route(pair)
    }

    /// The pair's local candidate, as it is known by now: a check may have shown that it is reflexive.
    pub fn local(&self, pair: PairId) -> Option<&Candidate> {
        self.core.local_of(pair)
    }

    /// The pair's remote candidate.
    pub fn remote(&self, pair: PairId) -> Option<&Candidate> {
        self.core.remote_of(pair)
    }

    /// The pair's priority, RFC 8445 section 6.1.2.3, with the candidates as they are known by now.
    pub fn priority(&self, pair: PairId) -> u64 {
        self.core.priority(pair)
    }

    /// All pairs in the client's order of preference, best first: those that work before those that may, those before
    /// the rest. Each with the reason why it stands below the one before it.
    pub fn preference(&self) -> Vec<Chosen> {
        conduct::preference(&*self.conduct, &self.core)
    }

    /// What the client would do if nothing came through these bases any more.
    pub fn without(&self, lost: &[BaseId]) -> Successor {
        match self.conduct.successor(&self.core, lost) {
            Successor::Switch { pair, .. } if !self.core.pair(pair).is_some_and(Pair::has_worked) => {
                Successor::Untried(pair)
            }
            known => known,
        }
    }

    /// Remote candidates that were passed over because the list was full.
    pub fn dropped_remotes(&self) -> usize {
        self.core.dropped_remotes
    }

    fn form_pairs(&mut self, now: Offset) {
        self.form_new(now);
        self.conduct.tick(&mut self.core, now);
    }

    /// A candidate that makes no pair changes nothing: it must not begin the checks in the middle of a description.
    fn candidate_came(&mut self, now: Offset) {
        if self.form_new(now) {
            self.conduct.tick(&mut self.core, now);
        }
    }

    fn form_new(&mut self, now: Offset) -> bool {
        let before = self.core.pairs().len();
        while let Some(pair) = self.core.form_next(now) {
            self.conduct.formed(&mut self.core, pair, now);
        }
        self.core.pairs().len() > before
    }
}

#[cfg(test)]
pub(crate) mod tests;
