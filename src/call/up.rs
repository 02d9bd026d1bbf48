//! A call that is up, and what is done with it: DTLS, a path that is cut, keeping it up.

use super::ending::Ending;
use super::party::{Party, Seen};
use super::record::{CutRecord, EndRecord, PairRecord, SoakRecord, UpkeepRecord};
use super::secure::Secured;
use super::traffic::Traffic;
use crate::run::{Clock, Stop};
use crate::settings::call::PathSelector;
use raincheck_probes::ice::agent::PairId;
use raincheck_probes::machine::Offset;
use std::time::Duration;
use tokio::time::timeout;

/// A selection that has stood this long is final: libwebrtc checks some twenty pairs in that time, the best first.
const SETTLE: Duration = Duration::from_millis(1000);
/// However the selection moves, it is taken as it is by then.
const SETTLE_AT_MOST: Duration = Duration::from_secs(6);
/// Packets that must have arrived before a path is cut, so that the silence has a beginning.
const BEFORE_CUT: u64 = 10;
/// The longest of the clients' timers: libwebrtc calls a pair dead after 30 s (`p2p_constants.h`,
/// DEAD_CONNECTION_RECEIVE_TIMEOUT), consent expires after 30 s (RFC 7675 section 5.1).
const SWITCH_WITHIN: Duration = Duration::from_secs(35);
/// A call that hears nothing for so long is over for whoever holds it, whatever its timers say.
const SILENCE: Duration = Duration::from_secs(35);

/// No jitter and no switch of a client that works takes longer: libwebrtc's is through after 3.5 s and a round trip.
const LULL: Duration = Duration::from_secs(5);
/// Media that has not come for so long has ended.
const QUIET: Duration = Duration::from_secs(2);
/// An end that has failed for so long does not come back: within this time libwebrtc has pinged every pair that it has.
const FAILED_FOR: Duration = Duration::from_secs(5);
/// A packet that has not come for so long is lost.
const STRAGGLES: Duration = Duration::from_secs(1);

/// Our ends of a call, near end first.
pub(super) struct Up<'a> {
    pub(super) parties: Vec<&'a Party>,
    pub(super) clock: Clock,
    pub(super) stop: &'a Stop,
    /// Whether media comes back: the other end is ours, or a raincheck.
    pub(super) media_returns: bool,
}

impl Up<'_> {
    fn near(&self) -> &Party {
        self.parties[0]
    }

    /// Waits until the selection stands.
    pub(super) async fn settle(&self) {
        let until = self.clock.now() + SETTLE_AT_MOST;
        let mut seen = self.near().seen.clone();
        loop {
            let (selected, over) = {
                let now = seen.borrow_and_update();
                (now.selected(), now.is_over())
            };
            if over {
                return;
            }
            let left = until.since(self.clock.now()).min(SETTLE);
            let moves = seen.wait_for(|seen| seen.selected() != selected || seen.is_over());
            match timeout(left, moves).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// Cuts a path and waits for the client to move.
    pub(super) async fn cut(&self, selector: &PathSelector) -> Cut {
        let mut traffic = Traffic::new(self.parties.clone(), self.clock);
        if self.media_returns {
            let give_up = self.clock.now() + SETTLE_AT_MOST;
            let flows = |now| now >= give_up || self.parties.iter().all(|p| p.inbox.count() >= BEFORE_CUT);
            traffic.until(self.stop, flows).await;
        }
        let Some((at, before)) = self.cut_now(selector).await else { return Cut::Nothing };
        let gone = self.gone().await;
        // A client may go through other pairs that are gone too; where it stays counts.
        let moved = || {
            let last = self.near().now().switches.last().copied();
            last.filter(|(when, pair)| *when >= at && Some(*pair) != before && !gone.contains(pair))
        };
        let touched = before.is_none_or(|before| gone.contains(&before));
        let until = at + if touched { SWITCH_WITHIN } else { SETTLE_AT_MOST };
        let heard_again =
            |since: Offset| self.parties.iter().all(|p| p.inbox.last().is_some_and(|l| l > since));
        let mut dead = self.dead();
        let done = |now: Offset| {
            let settled = moved().is_some_and(|(when, _)| !self.media_returns || heard_again(when + SPAN));
            let ran_on = !touched && (!self.media_returns || heard_again(at + SETTLE));
            settled || ran_on || now >= until || dead(now)
        };
        traffic.until(self.stop, done).await;
        let after = moved();
        let gap = after.and_then(|_| self.parties.iter().filter_map(|p| p.inbox.gap_around(at)).max());
        Cut::Done { at, before, after, gap: gap.filter(|_| self.media_returns) }
    }

    /// The near end's pairs that are cut.
    async fn gone(&self) -> Vec<PairId> {
        let record = self.near().end.snapshot().await;
        let pairs = record.map(|record| record.pairs).unwrap_or_default();
        pairs.iter().filter(|pair| pair.cut).map(|pair| pair.id).collect()
    }

    /// Cuts every base that the selector names. None when it names none.
    async fn cut_now(&self, selector: &PathSelector) -> Option<(Offset, Option<PairId>)> {
        use super::end::Cut as What;
        let near = self.near();
        if selector.is_selected() {
            let done = near.end.cut(What::Selected).await?;
            return Some((done.at, done.selected));
        }
        let record = near.end.snapshot().await?;
        let selected =
            record.selected.and_then(|index| record.pairs.get(index)).map(|pair| pair.local.clone());
        let mut first = None;
        for pair in &record.pairs {
            let base = base_candidate(&record, pair);
            if selector.cuts(base, selected.as_ref())
                && let Some(done) = near.end.cut(What::Pair(pair.id)).await
            {
                first.get_or_insert((done.at, done.selected));
            }
        }
        first
    }

    /// Keeps the call up for so long, or until it dies or the other end says goodbye.
    pub(super) async fn soak(&self, asked: Duration, goodbye: impl Future<Output = ()>) -> SoakRecord {
        let began = self.clock.now();
        let before = self.heard();
        let mut traffic = Traffic::new(self.parties.clone(), self.clock);
        let silent = |now: Offset| {
            let quiet = |party: &&Party| now.since(party.inbox.last().unwrap_or(began).max(began)) > SILENCE;
            self.media_returns && self.parties.iter().any(quiet)
        };
        let mut dead = self.dead();
        let done = |now: Offset| now.since(began) >= asked || dead(now) || silent(now);
        let left = tokio::select! {
            _ = traffic.until(self.stop, done) => false,
            () = goodbye => true,
        };
        let now = self.clock.now();
        // A call that hears nothing in its last seconds has not held, although its client still waits.
        let lull = |party: &&Party| now.since(party.inbox.last().unwrap_or(began).max(began)) > LULL;
        let lasted = now.since(began) >= asked && !(self.media_returns && self.parties.iter().any(lull));
        let sent = traffic.sent;
        if lasted {
            self.stragglers(before + sent).await;
        }
        let upkeep = self.upkeep().await;
        let ending = match (lasted || self.stop.is_stopped(), left) {
            (true, _) => Ending::default(),
            (false, true) => Ending { broken: None, text: Some("the other end said goodbye".to_owned()) },
            (false, false) => Ending::of(&self.parties, self.clock.now(), &upkeep).await,
        };
        // What died in silence had died when the last packet came.
        let last = self.parties.iter().filter_map(|party| party.inbox.last()).min().filter(|at| *at > began);
        let held = match ending.text.is_some() && !left && self.media_returns {
            true => last.unwrap_or(began).since(began),
            false => now.since(began),
        };
        SoakRecord {
            asked,
            held: held.min(asked),
            sent,
            received: self.media_returns.then(|| self.heard() - before),
            longest_gap: self.longest_gap(),
            upkeep,
            broken: ending.broken,
            ended_by: ending.text,
        }
    }

    /// Tells whether an end has failed for good: libwebrtc fails when its last pair goes, and may find one that it had
    /// given up to work all the same.
    fn dead(&self) -> impl FnMut(Offset) -> bool {
        let mut since = None;
        move |now| {
            let failed = self.parties.iter().any(|party| party.now().is_over());
            since = failed.then(|| since.unwrap_or(now));
            since.is_some_and(|since| now.since(since) >= FAILED_FOR)
        }
    }

    /// Packets that came in, at all ends together.
    fn heard(&self) -> u64 {
        self.parties.iter().map(|party| party.inbox.count()).sum()
    }

    fn longest_gap(&self) -> Option<(Offset, Duration)> {
        self.parties.iter().filter_map(|party| party.inbox.longest_gap()).max_by_key(|(_, gap)| *gap)
    }

    /// Waits for the packets that are still on their way, where all that were sent come to us.
    async fn stragglers(&self, all: u64) {
        let [near, far] = self.parties.as_slice() else { return };
        let arrive = async {
            while self.heard() < all {
                tokio::select! {
                    _ = near.inbox.heard() => {}
                    _ = far.inbox.heard() => {}
                }
            }
        };
        // Those that do not come are what is to be told.
        let _ = timeout(STRAGGLES, arrive).await;
    }

    async fn upkeep(&self) -> Vec<UpkeepRecord> {
        let mut all = Vec::new();
        for (place, party) in self.parties.iter().enumerate() {
            let kept = party.end.upkeep().await;
            all.extend(kept.into_iter().map(|kind| UpkeepRecord { far: place > 0, ..kind }));
        }
        all
    }

    /// Stays in the call until the other end says goodbye, and sends media for as long as media comes: whoever keeps
    /// the call up over there needs something to count.
    pub(super) async fn accompany(&self, secured: Secured) {
        let Some(mut session) = secured.session else { return };
        let goodbye = async {
            session.ended().await;
        };
        let mut traffic = Traffic::new(self.parties.clone(), self.clock);
        let media = async {
            loop {
                let heard = self.near().inbox.heard().await;
                let quiet = |now: Offset| now.since(self.near().inbox.last().unwrap_or(heard)) > QUIET;
                if !traffic.until(self.stop, quiet).await {
                    return;
                }
            }
        };
        let lost = async {
            self.near().until(Seen::is_over).await;
        };
        tokio::select! {
            () = goodbye => {}
            () = media => {}
            () = lost => {}
        }
    }
}

/// A packet more than one that was on its way at the switch.
const SPAN: Duration = super::traffic::SPACING;

/// What came of a cut.
pub(super) enum Cut {
    /// The selector names nothing that this call has.
    Nothing,
    /// It was cut.
    Done { at: Offset, before: Option<PairId>, after: Option<(Offset, PairId)>, gap: Option<Duration> },
}

impl Cut {
    /// For the report: pairs as places in the near end's record.
    pub(super) fn record(self, selector: &PathSelector, near: &EndRecord) -> Option<CutRecord> {
        let Self::Done { at, before, after, gap } = self else { return None };
        let place = |id: PairId| near.pairs.iter().position(|pair| pair.id == id);
        Some(CutRecord {
            path: selector.text.clone(),
            at,
            before: before.and_then(place),
            after: after.and_then(|(_, pair)| place(pair)),
            switched: after.map(|(when, _)| when.since(at)),
            gap,
        })
    }
}

/// The candidate that a pair's base was gathered for: of a reflexive one, the host's.
fn base_candidate<'a>(record: &'a EndRecord, pair: &'a PairRecord) -> &'a raincheck_probes::ice::Candidate {
    use raincheck_probes::ice::CandidateType;
    let local = &pair.local;
    if matches!(local.kind, CandidateType::Host | CandidateType::Relay) {
        return local;
    }
    let base = |candidate: &&raincheck_probes::ice::Candidate| {
        candidate.kind == CandidateType::Host && candidate.base.is_some() && candidate.base == local.base
    };
    record.candidates.iter().find(base).unwrap_or(local)
}
