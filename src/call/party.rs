//! One of our ends in a call, watched: what it found, what it selected, what came in.

use super::end::{End, EndEvent, EndSetup};
use super::record::EndRecord;
use super::traffic::Inbox;
use crate::run::Ground;
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::agent::{AgentState, EventKind, PairId};
use raincheck_probes::machine::Offset;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

/// Candidates that may wait to be signalled; more than any end finds.
const CANDIDATES: usize = 1024;
/// Switches that are remembered.
const MAX_SWITCHES: usize = 4096;

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

    /// Whether nothing can come of it any more.
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

    /// Waits until something is true of what was seen; false when the end is over first.
    pub(super) async fn until(&self, mut what: impl FnMut(&Seen) -> bool) -> bool {
        let mut seen = self.seen.clone();
        match seen.wait_for(|seen| what(seen) || seen.is_over()).await {
            Ok(seen) => what(&seen),
            Err(_) => false,
        }
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
