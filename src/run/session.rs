//! One TURN client on one link, as a task that others ask.
//!
//! The task owns the link and the [`Client`] and does nothing but carry bytes and time between them. It
//! ends when the last handle is dropped or the run ends, and then it leaves clean: whatever the server
//! holds, or may hold because an answer is still on its way, is given back first.

use super::checks::{Checkroom, is_stun};
use super::context::RunContext;
use super::ear::{Ear, Ears, SessionId};
use super::link::Link;
use super::note::close_step;
use super::rejection::Rejections;
use super::{OpenStep, PathLog};
use crate::path::{IcmpError, Rejection};
use raincheck_probes::evidence::{Cause, Stage};
use raincheck_probes::machine::{Input, Offset};
use raincheck_probes::turn::{Action, Answer, Ask, AskId, Client, Event, Finished, Framing};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, sleep_until, timeout};

/// How long the server is given to confirm over UDP that the allocation is gone.
const LEAVE_WITHIN: Duration = Duration::from_millis(900);

/// How long after a 437 the release is asked for again, while an Allocate may still be on its way.
const ASK_AGAIN: Duration = Duration::from_millis(150);

/// Asks and packets that may wait for the task.
const ROOM: usize = 256;

/// A handle on the task. The task leaves when all are dropped.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    commands: mpsc::Sender<Command>,
    path: Arc<str>,
    id: SessionId,
    log: Option<PathLog>,
    checks: Checkroom,
}

/// An ask that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// How it ended.
    pub(super) finished: Finished,
    /// Where the server wants to be asked instead.
    pub(super) redirect: Option<SocketAddr>,
    /// What else came in meanwhile and fitted nothing.
    pub(super) odd: Vec<Cause>,
    /// The ICMP error that ended it.
    pub(super) icmp: Option<IcmpError>,
}

#[derive(Debug)]
enum Command {
    Ask(Ask, oneshot::Sender<Ended>),
    Send(SocketAddr, Vec<u8>),
    Indicate(SocketAddr, Vec<u8>),
    Rejected(Rejection),
}

impl Session {
    /// Starts the task. With a log, giving the allocation back is a step in it.
    pub(super) fn start(
        run: &Arc<RunContext>,
        link: Link,
        client: Client,
        path: &str,
        log: Option<PathLog>,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(ROOM);
        let ear = run.ears.as_ref().map(Ears::ear);
        let id = ear.as_ref().map_or_else(SessionId::default, Ear::session);
        let handle_log = log.clone();
        let checks = Checkroom::default();
        let task = Task {
            run: Arc::clone(run),
            now: run.clock.now(),
            link,
            client,
            log,
            waiting: HashMap::new(),
            redirects: HashMap::new(),
            odd: Vec::new(),
            rejections: Rejections::default(),
            icmp: None,
            dead: None,
            ear,
            checks: checks.clone(),
        };
        let leaving = run.leaving();
        tokio::spawn(async move {
            task.run(inbox).await;
            drop(leaving);
        });
        Self { commands, path: path.into(), id, log: handle_log, checks }
    }

    /// Asks the server. `None` when the run ended first.
    pub(super) async fn ask(&self, ask: Ask) -> Option<Ended> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Ask(ask, reply)).await.ok()?;
        answer.await.ok()
    }

    /// Asks the server to let a peer in, in turn with what was sent before: a permission or a channel, as a step of
    /// the path. None when too much waits already, or the task has ended; the answer is none when the run ended first.
    pub(crate) fn try_let_in(
        &self,
        peer: SocketAddr,
        by_channel: bool,
    ) -> Option<impl Future<Output = Option<Result<Answer, Cause>>> + Send + 'static> {
        let (stage, ask) = match by_channel {
            true => (Stage::Channel, Ask::Channel(peer)),
            false => (Stage::Permission, Ask::Permission(vec![peer])),
        };
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(Command::Ask(ask, reply)).ok()?;
        let step = self.log.clone().map(|log| (log.begin(stage, Some(peer)), log));
        Some(async move {
            let ended = answer.await.ok()?;
            Some(match step {
                Some((step, log)) => close_step(&log, step, &ended),
                None => ended.finished.result,
            })
        })
    }

    /// Sends a packet to a peer through the relay. False when too much waits already, or the task has ended.
    pub(crate) fn try_send(&self, peer: SocketAddr, payload: Vec<u8>) -> bool {
        self.commands.try_send(Command::Send(peer, payload)).is_ok()
    }

    /// Which session of its end of a call it is.
    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    /// Sends a packet to a peer through the relay. A task that has ended sends nothing.
    pub(super) async fn send(&self, peer: SocketAddr, payload: Vec<u8>) {
        let _ = self.commands.send(Command::Send(peer, payload)).await;
    }

    /// Sends a packet to a peer in a Send indication, whether or not a channel is bound.
    pub(super) async fn indicate(&self, peer: SocketAddr, payload: Vec<u8>) {
        let _ = self.commands.send(Command::Indicate(peer, payload)).await;
    }

    /// Where STUN that comes through the relay is handed in.
    pub(super) fn checks(&self) -> &Checkroom {
        &self.checks
    }

    /// Counts a rejection that was learned elsewhere among the session's own.
    pub(super) async fn rejected(&self, rejection: Rejection) {
        let _ = self.commands.send(Command::Rejected(rejection)).await;
    }

    /// The path that the session belongs to.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

struct Task {
    run: Arc<RunContext>,
    now: Offset,
    link: Link,
    client: Client,
    log: Option<PathLog>,
    waiting: HashMap<AskId, oneshot::Sender<Ended>>,
    redirects: HashMap<AskId, SocketAddr>,
    odd: Vec<Cause>,
    rejections: Rejections,
    icmp: Option<IcmpError>,
    dead: Option<Cause>,
    ear: Option<Ear>,
    checks: Checkroom,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let stop = self.run.stop.clone();
        loop {
            let wake = self.carry_out().await;
            tokio::select! {
                biased;
                _ = stop.wait() => break,
                command = inbox.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                () = self.next_input(wake) => {}
            }
        }
        self.leave().await;
    }

    /// Waits for bytes or the client's next deadline, whichever is first, and tells the client.
    async fn next_input(&mut self, wake: Option<Offset>) {
        let clock = self.run.clock;
        let rejected = self.rejections.due().filter(|_| self.dead.is_none());
        let wake = wake.into_iter().chain(rejected).min();
        let timer = async {
            match wake {
                Some(at) => sleep_until(clock.instant(at)).await,
                None => std::future::pending().await,
            }
        };
        if self.dead.is_some() {
            return timer.await;
        }
        let (client, mut came_in) = (&mut self.client, None);
        let received = tokio::select! {
            received = self.link.receive(|bytes, at| {
                let at = at.unwrap_or_else(|| clock.now());
                came_in = Some(at);
                client.handle(Input::Received(bytes), at);
            }) => Some(received),
            () = timer => None,
        };
        self.now = came_in.unwrap_or_else(|| clock.now());
        match received {
            None => self.client.handle(Input::Tick, self.now),
            Some(Ok(None)) => self.rejections.answered(),
            Some(Ok(Some(icmp))) => self.rejections.add(icmp.rejection(), self.now),
            Some(Err(cause)) => self.lost(cause),
        }
        if let Some(rejection) = self.rejections.take(self.now) {
            self.icmp = rejection.icmp;
            self.fail(rejection.cause);
        }
    }

    async fn obey(&mut self, command: Command) {
        self.now = self.run.clock.now();
        match command {
            Command::Ask(ask, reply) => {
                let id = self.client.ask(ask, self.now);
                self.waiting.insert(id, reply);
                if let Some(cause) = self.dead.clone() {
                    self.client.abort(cause, self.now);
                }
            }
            Command::Rejected(rejection) => self.rejections.add(Some(rejection), self.now),
            Command::Send(peer, payload) => {
                let bytes = self.client.send(peer, &payload);
                self.send(bytes).await;
            }
            Command::Indicate(peer, payload) => {
                let bytes = self.client.indicate(peer, &payload);
                self.send(bytes).await;
            }
        }
    }

    /// Sends a packet for a peer.
    async fn send(&mut self, bytes: Option<Vec<u8>>) {
        if let Some(bytes) = bytes
            && self.dead.is_none()
            && let Err(cause) = self.link.send(&bytes).await
        {
            // A datagram that the system refuses once is a lost packet; a stream is gone.
            if self.link.framing() == Framing::Stream {
                self.fail(cause);
            }
        }
    }

    /// Ends what is under way with this cause. A stream is dead then; over datagrams the next ask may fare
    /// better, and what the server holds can still be given back.
    fn fail(&mut self, cause: Cause) {
        match self.link.framing() {
            Framing::Stream => self.lost(cause),
            Framing::Datagram => self.client.abort(cause, self.run.clock.now()),
        }
    }

    /// The link carries nothing any more.
    fn lost(&mut self, cause: Cause) {
        self.client.abort(cause.clone(), self.run.clock.now());
        if let Some(ear) = &self.ear {
            ear.gone(cause.clone());
        }
        self.dead = Some(cause);
    }

    /// A request that the link did not take.
    fn not_sent(&mut self, cause: Cause) {
        let for_now = self.link.framing() == Framing::Datagram && matches!(cause, Cause::LocalFailure { .. });
        // A full buffer is a lost datagram, which the schedule repeats.
        if !for_now {
            self.fail(cause);
        }
    }

    /// Does what the client wants until it waits; returns for how long.
    async fn carry_out(&mut self) -> Option<Offset> {
        loop {
            match self.client.poll() {
                Action::Transmit(bytes) => {
                    if self.dead.is_none()
                        && let Err(cause) = self.link.send(&bytes).await
                    {
                        self.not_sent(cause);
                    }
                }
                Action::Event(event) => self.note(event),
                Action::WaitUntil(at) => return Some(at),
                Action::Idle => return None,
            }
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Finished(finished) => {
                if let Some(reply) = self.waiting.remove(&finished.id) {
                    let redirect = self.redirects.remove(&finished.id);
                    let odd = std::mem::take(&mut self.odd);
                    // Whoever asked may have gone; then nobody needs to know.
                    let _ = reply.send(Ended { finished, redirect, odd, icmp: self.icmp.clone() });
                }
            }
            Event::Data { peer, payload } => match &self.ear {
                Some(ear) => ear.data(peer, payload, self.now),
                None if is_stun(&payload) => self.checks.deliver(peer, &payload, self.now),
                None => self.run.mail.deliver(&payload, self.now),
            },
            Event::Redirected { id, to, .. } => {
                self.redirects.insert(id, to);
            }
            Event::Odd { cause } if self.odd.len() < 16 => self.odd.push(cause),
            Event::Odd { .. } => {}
            Event::Upkeep(finished) => {
                tracing::debug!(ask = ?finished.ask, failed = finished.result.is_err(), "upkeep");
                if let Some(ear) = &self.ear {
                    ear.upkept(&finished);
                }
            }
        }
    }

    /// Gives back what the server holds.
    async fn leave(mut self) {
        if self.dead.is_some() || !self.client.may_hold_allocation() {
            self.link.close().await;
            return;
        }
        let step = self.log.as_ref().map(|log| log.begin(Stage::Release, None));
        match self.link.framing() {
            Framing::Datagram => self.release_datagram(step).await,
            Framing::Stream => self.release_stream(step).await,
        }
    }

    /// The close ends the allocation (RFC 8656 section 6.1); the Refresh before it says so in words. Waiting for its
    /// answer would teach nothing and cost a round trip.
    async fn release_stream(&mut self, step: Option<OpenStep>) {
        let written = match self.client.release_bytes() {
            Some(bytes) => self.link.send(&bytes).await,
            None => Ok(()),
        };
        let closed = self.link.close().await;
        let Some(step) = step else { return };
        step.fact("answered", false);
        step.fact("closed", closed);
        match written {
            Ok(()) => step.pass(),
            Err(cause) => step.fail(cause),
        }
    }

    /// Asks until the server says that the allocation is gone.
    ///
    /// A server may say 437, there is none, before an Allocate that was still on its way arrives; so that answer is
    /// believed at once only when no Allocate was.
    async fn release_datagram(&mut self, step: Option<OpenStep>) {
        let allocating = self.client.unfinished().any(|(_, ask)| matches!(ask, Ask::Allocate(_)));
        let ended = Cause::LocalFailure { detail: "the run ended".to_owned() };
        self.client.abort(ended, self.run.clock.now());
        let mut none_there = false;
        let gone = timeout(LEAVE_WITHIN, async {
            loop {
                match self.release().await {
                    Err(Cause::StunError { stun_code: 437, .. }) if allocating => {
                        none_there = true;
                        sleep(ASK_AGAIN).await;
                    }
                    ended => return ended,
                }
            }
        });
        let gone = gone.await;
        let Some(step) = step else { return };
        match gone {
            Ok(Ok(_)) => step.pass(),
            Ok(Err(Cause::StunError { stun_code: 437, .. })) => pass_without(step),
            Ok(Err(cause)) => step.fail(cause),
            Err(_) if none_there => pass_without(step),
            Err(_) => step.fail(Cause::NoAnswer {
                requests: self.run.requests_within(LEAVE_WITHIN),
                waited_ms: LEAVE_WITHIN.as_millis() as u64,
            }),
        }
    }

    /// Asks for the release until it is answered.
    async fn release(&mut self) -> Result<Answer, Cause> {
        let id = self.client.ask(Ask::Release, self.run.clock.now());
        loop {
            let wake = loop {
                match self.client.poll() {
                    Action::Transmit(bytes) => self.link.send(&bytes).await?,
                    Action::Event(Event::Finished(ended)) if ended.id == id => return ended.result,
                    Action::Event(_) => {}
                    Action::WaitUntil(at) => break Some(at),
                    Action::Idle => break None,
                }
            };
            self.next_input(wake).await;
        }
    }
}

/// There is no allocation (any more), which is what was asked for.
fn pass_without(step: OpenStep) {
    step.fact("stun_code", 437);
    step.pass();
}
