//! One of our ends in a call, watched: what it found, what it selected, what came in.

use super::end::{End, EndEvent, EndSetup};
use super::record::{EndRecord, PairRecord};
use super::traffic::Inbox;
use crate::run::Ground;
use crate::settings::Patience;
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::agent::{AgentState, EventKind, PairId, PairState};
use raincheck_probes::machine::Offset;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

/// Candidates that may wait to be signalled; more than any end finds.
const CANDIDATES: usize = 1024;
/// Switches that are remembered.
const MAX_SWITCHES: usize = 4096;

/// How often pairs that have not answered are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long the answer to a last check, or a first check of the peer, is waited for.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What an end has shown so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// How its call stands.
    pub(super) state: Option<AgentState>,
    /// When data took which pair; the last is the one that it takes now.
    pub(super) switches: Vec<(Offset, PairId)>,
    /// How often something was decided about a pair.
    pub(super) pairs_decided: u64,
    /// No more candidates will come.
    pub(super) gathered: bool,
    /// The run has ended.
    pub(super) stopped: bool,
}

impl Seen {
    /// The pair that data takes.
    pub(super) fn selected(&self) -> Option<PairId> {
        self.switches.last().map(|(_, pair)| *pair)
    }

    /// Whether a call that was up is over.
    pub(super) fn is_over(&self) -> bool {
        self.stopped || self.state == Some(AgentState::Failed)
    }
}

/// An end and what is seen of it.
pub(super) struct Party {
    pub(super) end: End,
    pub(super) seen: watch::Receiver<Seen>,
    candidates: Option<mpsc::Receiver<Candidate>>,
    /// Media packets that came in.
    pub(super) inbox: Inbox,
    /// Ends by itself when the end does.
    pump: AbortHandle,
}

impl Party {
    /// Begins to gather.
    pub(super) fn start(ground: &Ground, setup: EndSetup) -> Self {
        let (end, events) = End::start(ground, setup);
        let (seen, watched) = watch::channel(Seen::default());
        let (found, candidates) = mpsc::channel(CANDIDATES);
        let inbox = Inbox::default();
        let pump = tokio::spawn(pump(events, seen, Some(found), inbox.clone())).abort_handle();
        Self { end, seen: watched, candidates: Some(candidates), inbox, pump }
    }

    /// Candidates in the order in which they were found; closed when there will be no more. To be had once.
    pub(super) fn candidates(&mut self) -> mpsc::Receiver<Candidate> {
        self.candidates.take().unwrap_or_else(|| mpsc::channel(1).1)
    }

    /// Ends, and gives everything back. None when the end did not leave in time.
    pub(super) async fn close(self) -> Option<EndRecord> {
        let Self { end, pump, .. } = self;
        let record = end.close().await;
        pump.abort();
        record
    }

    /// Waits until something is true of what was seen; false when the run ends first.
    pub(super) async fn until(&self, mut what: impl FnMut(&Seen) -> bool) -> bool {
        let mut seen = self.seen.clone();
        match seen.wait_for(|seen| what(seen) || seen.stopped).await {
            Ok(seen) => what(&seen),
            Err(_) => false,
        }
    }

    /// Waits until nothing can come of the call any more; for ever when data has taken a pair. To be asked when the
    /// other end has told all its candidates: before that a client's state says little, since what comes later may
    /// work.
    pub(super) async fn spent(&self, patience: Patience) {
        let spent = |pair: &PairRecord| match patience {
            Patience::Prompt => pair.is_spent(),
            Patience::Client => matches!(pair.state, PairState::Failed | PairState::Pruned),
        };
        let mut since: Option<Instant> = None;
        loop {
            let seen = self.now();
            let record = if seen.gathered { self.end.snapshot().await } else { None };
            if seen.selected().is_some() || seen.stopped {
                return std::future::pending().await;
            }
            let over = record
                .is_some_and(|end| seen.state == Some(AgentState::Failed) || end.pairs.iter().all(spent));
            since = over.then(|| since.unwrap_or_else(Instant::now));
            if since.is_some_and(|since| since.elapsed() >= LAST_WORD) {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for the peer's first check, which shows that what we said of ourselves has reached it: before that it may
    /// answer ours, but does nothing by itself. False when the run ends first.
    pub(super) async fn checked(&self) -> bool {
        while !self.now().stopped {
            let Some(record) = self.end.snapshot().await else { return false };
            if record.pairs.iter().any(|pair| pair.checks_received > 0) {
                return true;
            }
            sleep(LOOK_EVERY).await;
        }
        false
    }

    /// What is seen now.
    pub(super) fn now(&self) -> Seen {
        self.seen.borrow().clone()
    }
}

async fn pump(
    mut events: mpsc::Receiver<EndEvent>,
    seen: watch::Sender<Seen>,
    mut found: Option<mpsc::Sender<Candidate>>,
    inbox: Inbox,
) {
    while let Some(event) = events.recv().await {
        match event {
            EndEvent::Candidate(candidate) => {
                if let Some(found) = &found {
                    // The reader may have what it needs; a full queue is more than any peer takes.
                    let _ = found.try_send(candidate);
                }
            }
            EndEvent::GatheringDone => {
                found = None;
                seen.send_modify(|seen| seen.gathered = true);
            }
            EndEvent::Agent { event, .. } => match event.kind {
                EventKind::Selected { pair, .. } => seen.send_modify(|seen| {
                    if seen.switches.len() < MAX_SWITCHES {
                        seen.switches.push((event.at, pair));
                    }
                }),
                EventKind::State(state) => seen.send_modify(|seen| seen.state = Some(state)),
                EventKind::Works(_) | EventKind::Failed(..) | EventKind::Pruned(_) => {
                    seen.send_modify(|seen| seen.pairs_decided += 1);
                }
                _ => {}
            },
            EndEvent::Data { bytes, at, .. } => inbox.take(&bytes, at),
            EndEvent::Stopped => seen.send_modify(|seen| seen.stopped = true),
        }
    }
    seen.send_modify(|seen| seen.stopped = true);
}
