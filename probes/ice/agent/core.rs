//! What every client has in common: candidates, pairs, transactions, and what a conduct may do with them.

mod form;
mod pending;
mod session;

use super::conduct::{Conduct, Criterion, Traits};
use super::message::{self, Request};
use super::pair::{Check, CheckEnd, Pair, PairState, Stream};
use super::types::{
    Action, AgentState, BaseId, Event, EventKind, IceCredentials, IceRole, Local, PairId, Peer, Setup,
};
use crate::evidence::Cause;
use crate::ice::rank::pair_priority;
use crate::ice::{Candidate, CandidateType, Policy, TcpType};
use crate::machine::{IdSource, Offset};
use crate::stun::{Schedule, Transaction, TransactionId};
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;

pub(super) use pending::Pending;

/// The most candidates that are taken from the peer.
pub(super) const MAX_REMOTES: usize = 128;
/// The most pairs. libwebrtc has no limit; the RFC's is 100 (section 6.1.2.5), which is a conduct's to keep.
const MAX_PAIRS: usize = 4096;

/// The most reflexive candidates of ours, signalled and learned: a peer that names another address in every answer must
/// not fill the memory.
const MAX_REFLEXIVE: usize = 256;

/// The state of an agent, whatever its conduct.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) traits: Traits,
    pub(crate) state: AgentState,
    pub(crate) selected: Option<PairId>,
    /// Our gathering has ended.
    pub(crate) local_ended: bool,
    /// The peer's gathering has ended.
    pub(crate) remote_ended: bool,
    pub(super) dropped_remotes: usize,
    pub(super) role: IceRole,
    pub(super) tie_breaker: u64,
    /// The peer was told to give way, and that is written down.
    pub(super) role_kept: bool,
    pub(super) policy: Policy,
    pub(super) ours: IceCredentials,
    /// Those before the restart, which the peer may still use.
    pub(super) ours_before: Option<IceCredentials>,
    pub(super) peer: Option<Peer>,
    /// The one before the restart: its pairs are still checked with what was agreed then.
    pub(super) peer_before: Option<Peer>,
    pub(super) session: u32,
    pub(super) locals: Vec<Local>,
    pub(super) bases: Vec<Base>,
    pub(super) remotes: Vec<Remote>,
    pub(super) pairs: Vec<Pair>,
    pub(super) pending: Vec<Pending>,
    pub(super) random: Random,
    actions: VecDeque<Action>,
    to_form: VecDeque<(BaseId, usize)>,
    formed: HashSet<(BaseId, usize)>,
    /// The newest pair of a base and an address.
    by_address: HashMap<(BaseId, SocketAddr), PairId>,
    permitted: HashSet<(BaseId, std::net::IpAddr)>,
}

/// Whatever sends and receives for one local candidate.
#[derive(Debug)]
pub(super) struct Base {
    /// Its host or relay candidate, as an index.
    pub(super) local: usize,
    pub(super) gone: Option<Cause>,
}

/// A remote candidate and the session that it belongs to.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) candidate: Candidate,
    pub(super) session: u32,
}

/// How a check is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct CheckPlan {
    /// Whether it nominates.
    pub(crate) use_candidate: bool,
    /// When it is sent again and given up.
    pub(crate) schedule: Schedule,
    /// The PRIORITY that it carries.
    pub(crate) priority: u32,
}

/// Randomness, of which a part must not be guessed.
#[derive(Debug)]
pub(super) struct Random {
    ids: IdSource,
    entropy: Option<fn(&mut [u8])>,
}

impl Random {
    /// Bytes that nobody can guess, when there is a source of such.
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = self.ids.bytes();
        if let Some(fill) = self.entropy {
            fill(&mut bytes);
        }
        bytes
    }

    /// The same as a number.
    fn number(&mut self) -> u64 {
        u64::from_be_bytes(self.bytes())
    }
}

impl Core {
    pub(super) fn new(setup: Setup, traits: Traits) -> Self {
        let Setup { role, policy, credentials, ids, entropy, .. } = setup;
        let mut random = Random { ids, entropy };
        let ours = credentials.unwrap_or_else(|| session::credentials(&mut random, &traits));
        let tie_breaker = random.number();
        Self {
            traits,
            state: AgentState::New,
            selected: None,
            local_ended: false,
            remote_ended: false,
            dropped_remotes: 0,
            role,
            tie_breaker,
            role_kept: false,
            policy,
            ours,
            ours_before: None,
            peer: None,
            peer_before: None,
            session: 0,
            locals: Vec::new(),
            bases: Vec::new(),
            remotes: Vec::new(),
            pairs: Vec::new(),
            pending: Vec::new(),
            random,
            actions: VecDeque::new(),
            to_form: VecDeque::new(),
            formed: HashSet::new(),
            by_address: HashMap::new(),
            permitted: HashSet::new(),
        }
    }

    pub(super) fn credentials(&self) -> &IceCredentials {
        &self.ours
    }

    /// Our role at this moment.
    pub(crate) fn role(&self) -> IceRole {
        self.role
    }

    /// What the peer said of itself; none before it did.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// A source of randomness for the conduct.
    pub(crate) fn ids(&mut self) -> &mut IdSource {
        &mut self.random.ids
    }

    /// How many restarts there have been.
    pub(crate) fn session(&self) -> u32 {
        self.session
    }

    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    pub(crate) fn pair(&self, pair: PairId) -> Option<&Pair> {
        self.pairs.get(pair.0)
    }

    pub(crate) fn pair_mut(&mut self, pair: PairId) -> Option<&mut Pair> {
        self.pairs.get_mut(pair.0)
    }

    /// Every pair with its id.
    pub(crate) fn each_pair(&self) -> impl DoubleEndedIterator<Item = (PairId, &Pair)> {
        self.pairs.iter().enumerate().map(|(index, pair)| (PairId(index), pair))
    }

    pub(crate) fn local_of(&self, pair: PairId) -> Option<&Candidate> {
        Some(&self.locals.get(self.pair(pair)?.local)?.candidate)
    }

    pub(crate) fn remote_of(&self, pair: PairId) -> Option<&Candidate> {
        Some(&self.remotes.get(self.pair(pair)?.remote)?.candidate)
    }

    /// The host or relay candidate that a pair's packets leave from, whatever its local candidate is by now.
    pub(crate) fn base_candidate(&self, base: BaseId) -> Option<&Candidate> {
        Some(&self.locals.get(self.bases.get(base.0)?.local)?.candidate)
    }

    /// Where a pair's packets leave from and go to.
    pub(crate) fn route(&self, pair: PairId) -> Option<(BaseId, SocketAddr)> {
        Some((self.pair(pair)?.base, address_of(self.remote_of(pair)?)))
    }

    /// RFC 8445 section 6.1.2.3, with the candidates as they are known by now; zero for a pair that is not there.
    pub(crate) fn priority(&self, pair: PairId) -> u64 {
        let (Some(local), Some(remote)) = (self.local_of(pair), self.remote_of(pair)) else { return 0 };
        match self.role {
            IceRole::Controlling => pair_priority(local.priority, remote.priority),
            IceRole::Controlled => pair_priority(remote.priority, local.priority),
        }
    }

    /// libwebrtc's cost of a pair: of our network and the peer's. What the peer's checks on this pair say counts before
    /// what was signalled; a peer that names none has cost 0.
    pub(crate) fn cost(&self, pair: PairId) -> u32 {
        let cost = |candidate: Option<&Candidate>| candidate.and_then(|c| c.network_cost).unwrap_or(0);
        let base = self.pair(pair).and_then(|pair| self.base_candidate(pair.base));
        let told = self.pair(pair).and_then(|pair| pair.remote_cost);
        u32::from(cost(base)) + u32::from(told.unwrap_or_else(|| cost(self.remote_of(pair))))
    }

    /// Whether a check of this pair could leave: the peer's password is known, base and connection are there. A
    /// connection that is needed is asked for.
    pub(crate) fn can_check(&mut self, pair: PairId) -> bool {
        let Some((base, to)) = self.route(pair) else { return false };
        let session = self.pair(pair).map_or(0, |pair| pair.session);
        if self.is_gone(base) || self.keys(session).is_none() {
            return false;
        }
        let active = self.base_candidate(base).is_some_and(|local| local.tcp_type == Some(TcpType::Active));
        match self.pair_mut(pair) {
            Some(of) if of.stream == Stream::Closed && active => {
                of.stream = Stream::Opening;
                self.actions.push_back(Action::Connect { base, to });
                false
            }
            Some(of) => matches!(of.stream, Stream::Datagrams | Stream::Open),
            None => false,
        }
    }

    /// Sends a check and repeats it as planned. False when it cannot leave (see [`can_check`](Self::can_check)).
    pub(crate) fn check(&mut self, pair: PairId, plan: &CheckPlan, now: Offset) -> bool {
        if !self.can_check(pair) {
            return false;
        }
        let id: TransactionId = self.random.bytes();
        let session = self.pair(pair).map_or(0, |pair| pair.session);
        let Some((ours, theirs)) = self.keys(session) else { return false };
        let key = message::key(theirs);
        let request = Request {
            id: &id,
            ours,
            theirs,
            role: self.role,
            tie_breaker: self.tie_breaker,
            priority: plan.priority,
            use_candidate: plan.use_candidate,
            network: self.network_info(pair),
        };
        let Some(bytes) = message::check(&request) else { return false };
        let first = self.pair(pair).is_some_and(|pair| pair.checks_sent == 0);
        if let Some(of) = self.pair_mut(pair) {
            of.record(Check {
                id,
                began: now,
                sends: 0,
                priority: plan.priority,
                use_candidate: plan.use_candidate,
                end: None,
            });
            if of.state != PairState::Succeeded {
                of.state = PairState::InProgress;
            }
        }
        self.pending.push(Pending {
            pair,
            transaction: Transaction::new(id, bytes, plan.schedule.clone(), now),
            key,
            role: self.role,
            priority: plan.priority,
            use_candidate: plan.use_candidate,
            cancelled: false,
            forgotten: false,
            refused: None,
        });
        if first {
            self.note(EventKind::FirstCheck(pair), now);
        }
        self.transmit_due(now);
        true
    }

    fn network_info(&self, pair: PairId) -> Option<[u16; 2]> {
        let base = self.base_candidate(self.pair(pair)?.base)?;
        self.traits.network_info.then(|| [base.network_id.unwrap_or(0), base.network_cost.unwrap_or(0)])
    }

    /// Sends a Binding indication, which keeps NAT bindings open and asks for nothing.
    pub(crate) fn keep_alive(&mut self, pair: PairId, now: Offset) {
        let id = self.random.bytes();
        if let (Some((base, to)), Some(bytes)) = (self.route(pair), message::keepalive(&id)) {
            self.actions.push_back(Action::Transmit { base, to, bytes });
            if let Some(of) = self.pair_mut(pair) {
                of.last_sent = Some(now);
            }
        }
    }

    /// Stops repeating the checks of a pair. An answer to what was sent still counts (RFC 8445 section 7.3.1.4).
    pub(crate) fn cancel_checks(&mut self, pair: PairId) {
        self.pending.iter_mut().filter(|pending| pending.pair == pair).for_each(|p| p.cancelled = true);
    }

    /// Gives up the checks of a pair for good: their answers change nothing. libwebrtc does so with pairs that it prunes
    /// (`p2p/base/connection.cc`, Connection::Prune).
    pub(crate) fn forget_checks(&mut self, pair: PairId) {
        let mut ended = Vec::new();
        for pending in self.pending.iter_mut().filter(|pending| pending.pair == pair && !pending.forgotten) {
            (pending.cancelled, pending.forgotten) = (true, true);
            ended.push(*pending.transaction.id());
        }
        ended.iter().for_each(|id| self.end_check(pair, id, CheckEnd::Cancelled));
    }

    /// Marks a pair as nominated.
    pub(crate) fn nominate(&mut self, pair: PairId, now: Offset) {
        let by = super::conduct::nominator(self.role);
        if let Some(of) = self.pair_mut(pair)
            && !of.nominated
        {
            of.nominated = true;
            self.note(EventKind::Nominated(pair, by), now);
        }
    }

    /// Data takes this pair from now on.
    pub(crate) fn select(&mut self, pair: PairId, because: Criterion, now: Offset) {
        if self.selected != Some(pair) {
            let before = self.selected.replace(pair);
            self.note(EventKind::Selected { pair, before, because }, now);
        }
    }

    /// No pair carries data any more.
    pub(crate) fn unselect(&mut self) {
        self.selected = None;
    }

    /// A pair came to nothing.
    pub(crate) fn fail(&mut self, pair: PairId, cause: &Cause, now: Offset) {
        self.cancel_checks(pair);
        if let Some(of) = self.pair_mut(pair)
            && of.state != PairState::Failed
        {
            of.state = PairState::Failed;
            of.cause = Some(cause.clone());
            self.note(EventKind::Failed(pair, cause.clone()), now);
        }
    }

    /// A pair is given up for a better one.
    pub(crate) fn prune(&mut self, pair: PairId, now: Offset) {
        self.cancel_checks(pair);
        if let Some(of) = self.pair_mut(pair)
            && of.state != PairState::Pruned
        {
            of.state = PairState::Pruned;
            self.note(EventKind::Pruned(pair), now);
        }
    }

    /// Changes a pair's state without a word.
    pub(crate) fn set_pair_state(&mut self, pair: PairId, state: PairState) {
        if let Some(of) = self.pair_mut(pair) {
            of.state = state;
        }
    }

    /// Changes how the call stands.
    pub(crate) fn set_state(&mut self, state: AgentState, now: Offset) {
        if self.state != state {
            self.state = state;
            self.note(EventKind::State(state), now);
        }
    }

    /// Asks for no more candidates of ours.
    pub(crate) fn stop_gathering(&mut self, now: Offset) {
        self.actions.push_back(Action::StopGathering);
        self.note(EventKind::GatheringStopped, now);
    }

    /// Writes an event down.
    pub(crate) fn note(&mut self, kind: EventKind, now: Offset) {
        self.actions.push_back(Action::Event(Event { at: now, kind }));
    }

    pub(super) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(super) fn transmit(&mut self, base: BaseId, to: SocketAddr, bytes: Vec<u8>) {
        self.actions.push_back(Action::Transmit { base, to, bytes });
    }

    pub(super) fn wake(&self) -> Option<Offset> {
        self.pending.iter().map(Pending::wake).min()
    }

    /// Sends every repetition that is due.
    fn transmit_due(&mut self, now: Offset) {
        let mut due = Vec::new();
        for pending in self.pending.iter_mut().filter(|pending| !pending.cancelled) {
            let id = *pending.transaction.id();
            if let Some(bytes) = pending.transaction.transmit(now) {
                due.push((pending.pair, id, bytes.to_vec()));
            }
        }
        for (pair, id, bytes) in due {
            let Some((base, to)) = self.route(pair) else { continue };
            self.transmit(base, to, bytes);
            if let Some(of) = self.pair_mut(pair) {
                of.last_sent = Some(now);
                of.check_mut(&id).into_iter().for_each(|check| check.sends += 1);
            }
        }
    }

    /// Repeats what is due and ends what is past its time.
    pub(super) fn expire(&mut self, conduct: &mut dyn Conduct, now: Offset) {
        self.transmit_due(now);
        let mut ended = Vec::new();
        self.pending.retain(|pending| {
            let over = pending.expired(now);
            if over && !pending.forgotten {
                ended.push((
                    pending.pair,
                    *pending.transaction.id(),
                    pending.no_answer(now),
                    pending.cancelled,
                ));
            }
            !over
        });
        for (pair, id, cause, cancelled) in ended {
            let end = if cancelled { CheckEnd::Cancelled } else { CheckEnd::Failed(cause.clone()) };
            self.end_check(pair, &id, end);
            if !cancelled {
                conduct.check_failed(self, pair, &cause, now);
            }
        }
    }

    pub(super) fn end_check(&mut self, pair: PairId, id: &TransactionId, end: CheckEnd) {
        let check = self.pair_mut(pair).and_then(|pair| pair.check_mut(id));
        check.into_iter().for_each(|check| check.end = Some(end.clone()));
    }

    pub(super) fn sent(&mut self, pair: PairId, now: Offset) {
        self.pair_mut(pair).into_iter().for_each(|pair| pair.last_data_sent = Some(now));
    }

    /// The pair of a base and an address, in this session before any other.
    pub(super) fn pair_at(&self, base: BaseId, from: SocketAddr) -> Option<PairId> {
        self.by_address.get(&(base, from)).copied()
    }
}

/// The transport address of a candidate.
pub(crate) const fn address_of(candidate: &Candidate) -> SocketAddr {
    SocketAddr::new(candidate.address, candidate.port)
}

/// Whether a candidate is a relay.
pub(crate) fn is_relay(candidate: &Candidate) -> bool {
    candidate.kind == CandidateType::Relay
}
