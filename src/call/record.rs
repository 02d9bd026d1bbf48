//! What a call leaves behind: plain data for findings and reports.

use raincheck_probes::evidence::{Cause, PathEvidence};
use raincheck_probes::ice::agent::{
    Agent, AgentState, BaseId, Chosen, Criterion, Event, IceRole, PairId, PairState, Successor,
};
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::ice::{Candidate, GatherError};
use raincheck_probes::machine::Offset;
use std::collections::BTreeMap;
use std::time::Duration;

/// Requests without an answer after which a pair counts as dead for a run, however much more patient the client is. As
/// many make silence of a server.
const ENOUGH_REQUESTS: u64 = 9;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallRole {
    /// We offered.
    Offer,
    /// We answered.
    Answer,
    /// Both ends are ours.
    Own,
}

/// A call, from beginning to end.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// The emulated client.
    pub profile: Profile,
    /// What was asked for.
    pub role: CallRole,
    /// When it began, RFC 3339.
    pub started: String,
    /// How long it took.
    pub elapsed: Offset,
    /// Why it ended before everything was done.
    pub cut_short: Option<String>,
    /// How far it got.
    pub connected: bool,
    /// Our end.
    pub near: EndRecord,
    /// The far end, when it is ours too.
    pub far: Option<EndRecord>,
    /// What became of DTLS over the selected pair.
    pub dtls: Option<DtlsRecord>,
    /// What `--fail` did.
    pub cut: Option<CutRecord>,
    /// What `--soak` saw.
    pub soak: Option<SoakRecord>,
    /// What `--matrix` saw: every pair of both ends' candidates.
    pub matrix: Vec<PairRecord>,
    /// Why no call came about: the far end did not signal, or said what cannot be used.
    pub signalling: Option<String>,
    /// Remote candidates that we do not check, and why.
    pub passed_over: Vec<(String, String)>,
}

/// One end.
#[derive(Debug, Clone)]
pub struct EndRecord {
    /// Its role when the call ended.
    pub role: IceRole,
    /// How the call stood.
    pub state: AgentState,
    /// Its pairs in the client's order of preference.
    pub pairs: Vec<PairRecord>,
    /// The one that data takes, an index into `pairs`.
    pub selected: Option<usize>,
    /// What the client would do if the selected path died.
    pub successor: Option<SuccessorRecord>,
    /// What happened.
    pub events: Vec<EventRecord>,
    /// Its candidates.
    pub candidates: Vec<Candidate>,
    /// What it complained of while gathering.
    pub gather_errors: Vec<GatherError>,
    /// Its paths to the servers, layer by layer.
    pub paths: Vec<PathEvidence>,
}

/// One pair.
#[derive(Debug, Clone)]
pub struct PairRecord {
    /// The agent's number for it.
    pub id: PairId,
    /// Our candidate, as it was known in the end.
    pub local: Candidate,
    /// The peer's.
    pub remote: Candidate,
    /// The path to the TURN server that it runs over, when it runs over one.
    pub path: Option<String>,
    /// Its state.
    pub state: PairState,
    /// Whether it was nominated.
    pub nominated: bool,
    /// RFC 8445 section 6.1.2.3.
    pub priority: u64,
    /// The shortest round trip.
    pub rtt: Option<Duration>,
    /// Checks that were sent.
    pub checks_sent: u64,
    /// Checks that were answered.
    pub checks_answered: u64,
    /// Requests that were sent: checks with their repetitions.
    pub requests_sent: u64,
    /// Checks of the peer: they show that it knows our password.
    pub checks_received: u64,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// Why it stands below the one before it.
    pub below: Option<Criterion>,
    /// Whether it was cut on purpose: nothing passes on it since.
    pub cut: bool,
}

/// What a client does when its path dies.
#[derive(Debug, Clone)]
pub enum SuccessorRecord {
    /// It moves there by itself.
    Switch {
        /// Index into the end's pairs.
        pair: usize,
        /// Why that one.
        because: Criterion,
    },
    /// It looks for another by itself, this one first, of which nothing is known.
    Untried(usize),
    /// The call needs an ICE restart, which would find this one.
    Restart(usize),
    /// There is no other that works.
    Nothing,
}

/// Something that happened at one end, in words.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// When.
    pub at: Offset,
    /// What, one sentence.
    pub text: String,
}

/// What became of DTLS.
#[derive(Debug, Clone)]
pub struct DtlsRecord {
    /// Whether the handshake ended well and the certificate was the one that was signalled.
    pub ok: bool,
    /// From our first flight, or the peer's first datagram, to the end. Where a flight had to be repeated before anything
    /// came, from a round trip before the peer's first datagram.
    pub handshake: Option<Duration>,
    /// What then lies before that, since our first flight: the peer had not begun yet, or flights were lost.
    pub unanswered: Option<Duration>,
    /// `DTLS 1.2` and such.
    pub version: Option<String>,
    /// The cipher suite.
    pub cipher: Option<String>,
    /// Whether the certificate was the one that was signalled.
    pub fingerprint_matches: Option<bool>,
    /// The longest datagrams that are proven to cross, ours and theirs, bytes.
    pub largest: [Option<usize>; 2],
    /// Flights that were sent.
    pub flights_sent: u32,
    /// Datagrams that came in.
    pub received: u64,
    /// Why it failed, one sentence.
    pub failure: Option<String>,
    /// A stable kebab-case code of why it failed.
    pub failure_code: Option<String>,
}

/// A path that was cut on purpose.
#[derive(Debug, Clone)]
pub struct CutRecord {
    /// What was cut, as the user named it.
    pub path: String,
    /// When.
    pub at: Offset,
    /// The pair before it, an index into the near end's pairs.
    pub before: Option<usize>,
    /// The pair after it.
    pub after: Option<usize>,
    /// From the cut to the client's switch.
    pub switched: Option<Duration>,
    /// From the last packet before to the first after: how long the user hears nothing.
    pub gap: Option<Duration>,
}

/// A call that was kept up.
#[derive(Debug, Clone)]
pub struct SoakRecord {
    /// How long was asked.
    pub asked: Duration,
    /// How long it held.
    pub held: Duration,
    /// Packets that were sent from our ends.
    pub sent: u64,
    /// Packets that came in at our ends; none when the other end sends none back.
    pub received: Option<u64>,
    /// The longest silence, and when it began.
    pub longest_gap: Option<(Offset, Duration)>,
    /// Timers that came due and what came of them: allocation refreshes, permissions, channels, consent.
    pub upkeep: Vec<UpkeepRecord>,
    /// The upkeep that failed and so ended it, an index into `upkeep`.
    pub broken: Option<usize>,
    /// What ended the call, one sentence; none when it held.
    pub ended_by: Option<String>,
}

/// One kind of upkeep at one end.
#[derive(Debug, Clone)]
pub struct UpkeepRecord {
    /// Whether it is the far end's, where both are ours.
    pub far: bool,
    /// `allocation`, `permission`, `channel`, `consent`, `binding`.
    pub what: String,
    /// How often it was due.
    pub due: u64,
    /// How often it was answered.
    pub answered: u64,
    /// The last failure.
    pub failure: Option<Cause>,
}

impl EndRecord {
    /// Takes down how an agent stands; `cut` are the bases that carry nothing any more.
    pub fn of(agent: &Agent, events: Vec<EventRecord>, cut: &[BaseId]) -> Self {
        let preference = agent.preference();
        let base_of = |pair: PairId| agent.route_of(pair).map(|(base, _)| base);
        let record = |chosen: &Chosen| {
            let is_cut = base_of(chosen.pair).is_some_and(|base| cut.contains(&base));
            Some(PairRecord { cut: is_cut, ..PairRecord::of(agent, chosen.pair, chosen.below)? })
        };
        let pairs: Vec<PairRecord> = preference.iter().filter_map(record).collect();
        let place = |id: PairId| pairs.iter().position(|pair| pair.id == id);
        let selected = agent.selected().and_then(place);
        // A path that is gone already is no way out.
        let lost = agent.selected().and_then(base_of).map(|base| [&[base], cut].concat());
        let successor = lost.map(|lost| match agent.without(&lost) {
            Successor::Switch { pair, because } => {
                place(pair).map(|pair| SuccessorRecord::Switch { pair, because })
            }
            Successor::Untried(pair) => place(pair).map(SuccessorRecord::Untried),
            Successor::Restart(pair) => place(pair).map(SuccessorRecord::Restart),
            Successor::Nothing => Some(SuccessorRecord::Nothing),
        });
        Self {
            role: agent.role(),
            state: agent.state(),
            selected,
            successor: successor.flatten(),
            pairs,
            events,
            candidates: Vec::new(),
            gather_errors: Vec::new(),
            paths: Vec::new(),
        }
    }
}

impl EndRecord {
    /// Streams to TURN servers that were reset or closed under their pairs, by path id, and how.
    pub fn ended_streams(&self) -> BTreeMap<&str, &Cause> {
        let mut ended = BTreeMap::new();
        for pair in &self.pairs {
            let cause =
                pair.cause.as_ref().filter(|c| matches!(c, Cause::Reset { .. } | Cause::Closed { .. }));
            ended.extend(pair.path.as_deref().zip(cause));
        }
        ended
    }
}

impl PairRecord {
    /// Takes down one pair.
    pub fn of(agent: &Agent, id: PairId, below: Option<Criterion>) -> Option<Self> {
        let pair = agent.pairs().get(id.0)?;
        let local = agent.local(id)?.clone();
        Some(Self {
            id,
            path: local.path.clone(),
            remote: agent.remote(id)?.clone(),
            local,
            state: pair.state,
            nominated: pair.nominated,
            priority: agent.priority(id),
            rtt: pair.best_round_trip(),
            checks_sent: pair.checks_sent,
            checks_answered: pair.checks_answered,
            requests_sent: pair.checks.iter().map(|check| u64::from(check.sends)).sum(),
            checks_received: pair.checks_received,
            cause: pair.cause.clone(),
            below,
            cut: false,
        })
    }

    /// Whether it failed, or went unanswered often enough to count as failed.
    pub fn is_spent(&self) -> bool {
        self.state == PairState::Failed
            || (self.checks_answered == 0 && self.requests_sent >= ENOUGH_REQUESTS)
    }
}

impl EventRecord {
    /// An event of an agent in words; pairs are named by their candidates.
    pub fn of(agent: &Agent, event: &Event) -> Self {
        Self { at: event.at, text: super::words::event(agent, &event.kind) }
    }
}
