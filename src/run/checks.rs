//! Proof that a client would use a relay: real connectivity checks between two allocations.
//!
//! The agents of the emulated client hold both ends (see [`Pairing`]); this module carries their packets. It runs
//! beside the exchange of packets and costs no time where checks are answered.

use super::context::RunContext;
use super::relay::Relay;
use super::{OpenStep, Stop};
use raincheck_probes::evidence::Cause;
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::pairing::{Checked, End, Pairing, Todo};
use raincheck_probes::ice::stack::ChannelUse;
use raincheck_probes::machine::Offset;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

/// Packets that may wait for one pairing; those past that are lost, as in a full socket.
const ROOM: usize = 64;

/// How long an answer is waited for at least, after packets have passed.
const SETTLE: Duration = Duration::from_millis(600);

/// As long as an answer takes, in crossings of the path by a packet: two, and as much again for the agents' own pace
/// and for a slow moment.
const CROSSINGS: u32 = 4;

/// Requests of both ends that must go unanswered before silence is more than chance, whatever else is lost: the
/// `ENOUGH_REQUESTS` of the verdict.
const ENOUGH: u32 = 9;

/// How long more requests are waited for: clients that repeat slowly have sent six by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a packet of a peer is STUN, RFC 7983 section 7.
pub(super) fn is_stun(payload: &[u8]) -> bool {
    payload.first().is_some_and(|first| *first < 4)
}

/// A STUN message that came through a relay.
#[derive(Debug)]
struct Message {
    peer: SocketAddr,
    bytes: Vec<u8>,
    at: Offset,
}

/// Where one session hands in the STUN that comes through its relay. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Checkroom(Arc<Mutex<Vec<mpsc::Sender<Message>>>>);

impl Checkroom {
    /// Hands in a message. Without a pairing under way it is dropped.
    pub(super) fn deliver(&self, peer: SocketAddr, bytes: &[u8], at: Offset) {
        let mut pairings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pairings.retain(|pairing| !pairing.is_closed());
        for pairing in pairings.iter() {
            // One that does not keep up loses it, and sends again.
            let _ = pairing.try_send(Message { peer, bytes: bytes.to_vec(), at });
        }
    }

    fn open(&self) -> mpsc::Receiver<Message> {
        let (sender, receiver) = mpsc::channel(ROOM);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }
}

/// What the exchange of packets over the same pair showed: its slowest packet; none when nothing came through.
pub(super) type Crossed = Option<Duration>;

/// What came of the checks, and how long they were waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    checked: Checked,
    waited: Duration,
    by: &'static str,
}

/// Checks the pair of two relays until it is answered, or until silence says enough: some time after the exchange of
/// packets, or at its end when that came to nothing either.
pub(super) async fn check(
    run: &RunContext,
    ends: [&Relay; 2],
    candidates: [Candidate; 2],
    exchanged: oneshot::Receiver<Crossed>,
) -> Outcome {
    let began = run.clock.now();
    let rooms = ends.map(|end| end.checks().open());
    let by_channel = run.profile.turn_traits().channels == ChannelUse::Always;
    let pairing = Pairing::new(&run.profile, candidates, &mut run.ids(), began);
    let mut carrier = Carrier { run, ends, rooms, by_channel, pairing };
    carrier.carry(exchanged, &run.stop).await;
    Outcome {
        checked: carrier.pairing.checked(),
        waited: run.clock.now().since(began),
        by: if by_channel { "channel" } else { "indication" },
    }
}

struct Carrier<'a> {
    run: &'a RunContext,
    ends: [&'a Relay; 2],
    rooms: [mpsc::Receiver<Message>; 2],
    by_channel: bool,
    pairing: Pairing,
}

impl Carrier<'_> {
    async fn carry(&mut self, mut exchanged: oneshot::Receiver<Crossed>, stop: &Stop) {
        let (mut given_up, mut last) = (None, None);
        while self.pairing.checked().answered == 0 {
            let wake = self.send().await;
            let clock = self.run.clock;
            let due = wake.into_iter().chain(given_up).min();
            let [near, far] = &mut self.rooms;
            tokio::select! {
                Some(message) = near.recv() => self.hear(End::Near, &message),
                Some(message) = far.recv() => self.hear(End::Far, &message),
                crossed = &mut exchanged, if last.is_none() => match crossed {
                    Ok(Some(slowest)) => {
                        let settle = SETTLE.max(slowest * CROSSINGS);
                        given_up = Some(clock.now() + settle);
                        last = Some(clock.now() + PATIENCE + settle);
                    }
                    // Nothing passes, so checks do not either.
                    _ => return,
                },
                () = until(clock.instant(due.unwrap_or_default()), due.is_some()) => {}
                _ = stop.wait() => return,
            }
            let now = clock.now();
            self.pairing.on_tick(now);
            if given_up.is_some_and(|at| at <= now) {
                let checked = self.pairing.checked();
                if checked.sent.saturating_add(checked.far_sent) >= ENOUGH || last.is_some_and(|at| at <= now)
                {
                    return;
                }
                given_up = Some(now + SETTLE);
            }
        }
    }

    fn hear(&mut self, end: End, message: &Message) {
        self.pairing.on_bytes(end, message.peer, &message.bytes, message.at);
    }

    /// Sends what the agents want sent; until when they wait.
    async fn send(&mut self) -> Option<Offset> {
        loop {
            match self.pairing.poll() {
                Todo::Send { from, to, bytes } => {
                    let [near, far] = self.ends;
                    let relay = if from == End::Near { near } else { far };
                    match self.by_channel {
                        true => relay.send(to, bytes).await,
                        false => relay.indicate(to, bytes).await,
                    }
                }
                Todo::WaitUntil(at) => return Some(at),
                Todo::Idle => return None,
            }
        }
    }
}

async fn until(at: tokio::time::Instant, set: bool) {
    match set {
        true => sleep_until(at).await,
        false => std::future::pending().await,
    }
}

impl Outcome {
    /// The same as the far end saw it.
    pub(super) fn mirrored(&self) -> Self {
        Self { checked: self.checked.mirrored(), ..*self }
    }

    /// Ends the step. One that the end of the run cut short stays unfinished.
    pub(super) fn note(&self, step: OpenStep, far_end: &str, cut: bool) {
        let Checked { role, sent, answered, far_sent, far_answered, round_trip } = self.checked;
        step.fact("far_end", far_end);
        step.fact("role", role.as_str());
        step.fact("by", self.by);
        step.fact("sent", sent);
        step.fact("answered", answered);
        step.fact("far_sent", far_sent);
        step.fact("far_answered", far_answered);
        if let Some(round_trip) = round_trip {
            step.fact("rtt_ms", (round_trip.as_secs_f64() * 1e6).round() / 1000.0);
        }
        if self.checked.is_answered() {
            step.pass();
        } else if cut {
            drop(step);
        } else {
            let requests = sent.saturating_add(far_sent);
            step.fail(Cause::NoAnswer { requests, waited_ms: self.waited.as_millis() as u64 });
        }
    }
}
