//! The handle on one end.

use super::api::{Cut, CutDone, DataPath, Drops, EndEvent, EndSetup, Restarted};
use super::bases::Bases;
use super::out::Outlet;
use super::stream::Desk;
use super::task::{Inlets, State, Task};
use crate::call::record::{EndRecord, UpkeepRecord};
use crate::run::{Ears, Ground, Trickle};
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::agent::{Agent, IceCredentials, Peer, Setup};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Commands that may wait for the task.
const COMMANDS: usize = 256;
/// Events that may wait for the reader.
const EVENTS: usize = 1024;
/// Packets from peers that may wait for the task, of all sockets, and of all relays.
const PACKETS: usize = 1024;
/// Failures and connections that may wait for the task.
const NOTICES: usize = 256;
/// Datagrams that may wait to be sent, or to be read by DTLS.
const DATAGRAMS: usize = 256;

/// One end of a call. Dropping it ends it; what it holds at TURN servers is given back in the background.
#[derive(Debug)]
pub struct End {
    credentials: IceCredentials,
    commands: mpsc::Sender<Command>,
    outgoing: mpsc::Sender<Vec<u8>>,
    dtls: Mutex<Option<mpsc::Receiver<Vec<u8>>>>,
    leave_within: Duration,
}

/// What the task is told.
#[derive(Debug)]
pub(super) enum Command {
    Peer(Peer),
    Remote(Candidate),
    RemoteDone,
    Cut(Cut, oneshot::Sender<Option<CutDone>>),
    Restart(oneshot::Sender<Restarted>),
    Snapshot(oneshot::Sender<EndRecord>),
    Upkeep(oneshot::Sender<Vec<UpkeepRecord>>),
    Drops(oneshot::Sender<Drops>),
    Addresses(oneshot::Sender<Option<[std::net::SocketAddr; 2]>>),
    Close(oneshot::Sender<EndRecord>),
}

impl End {
    /// Begins to gather. Call it inside a runtime. Events that nobody reads wait; data that nobody reads is dropped
    /// and counted.
    pub fn start(ground: &Ground, setup: EndSetup) -> (Self, mpsc::Receiver<EndEvent>) {
        let EndSetup { settings, role, survey, credentials, label } = setup;
        let (relayed_in, relayed) = mpsc::channel(PACKETS);
        let (strays_in, strays) = mpsc::channel(PACKETS);
        let (frames_in, frames) = mpsc::channel(DATAGRAMS);
        let (fates_in, fates) = mpsc::channel(NOTICES);
        let (connections_in, connections) = mpsc::channel(NOTICES);
        let (refusals_in, refusals) = mpsc::channel(NOTICES);
        let (tell, commands) = mpsc::channel(COMMANDS);
        let (reader, events) = mpsc::channel(EVENTS);
        let (outgoing_in, outgoing) = mpsc::channel(DATAGRAMS);
        let (dtls_in, dtls) = mpsc::channel(DATAGRAMS);
        let ears = Ears::new(relayed_in, fates_in);
        let (trickle, news) = Trickle::start(ground, &settings, ears.clone());
        let clock = ground.clock();
        let (profile, policy, ids) = (settings.profile.clone(), settings.policy, trickle.ids());
        let channels = profile.turn_traits().channels;
        let entropy = Some(unguessable as fn(&mut [u8]));
        let agent = Agent::new(Setup { profile, role, policy, credentials, survey, ids, entropy });
        let credentials = agent.credentials().clone();
        let desk = Desk { clock, frames: frames_in, connections: connections_in };
        let task = Task {
            agent,
            bases: Bases::new(channels, desk, trickle.dial(), refusals_in),
            trickle,
            ears,
            out: Outlet::new(reader),
            dtls: dtls_in,
            strays: strays_in,
            clock,
            stop: ground.stop().clone(),
            leave_within: ground.leave_within(),
            label,
            state: State::default(),
        };
        let inlets =
            Inlets { commands, outgoing, news, strays, relayed, frames, connections, fates, refusals };
        tokio::spawn(task.run(inlets));
        let end = Self {
            credentials,
            commands: tell,
            outgoing: outgoing_in,
            dtls: Mutex::new(Some(dtls)),
            leave_within: ground.leave_within(),
        };
        (end, events)
    }

    /// Our ufrag and password as the end began. [`restart`](Self::restart) makes others.
    pub fn credentials(&self) -> &IceCredentials {
        &self.credentials
    }

    /// The peer's ufrag, password and nature. Other credentials than before are its half of a restart.
    pub async fn set_peer(&self, peer: Peer) {
        self.tell(Command::Peer(peer)).await;
    }

    /// A candidate of the peer.
    pub async fn add_remote(&self, candidate: Candidate) {
        self.tell(Command::Remote(candidate)).await;
    }

    /// The peer will send no more candidates.
    pub async fn remote_done(&self) {
        self.tell(Command::RemoteDone).await;
    }

    /// Sends a datagram over the selected pair. False when it was dropped because too many wait already.
    pub fn send(&self, bytes: Vec<u8>) -> bool {
        self.outgoing.try_send(bytes).is_ok()
    }

    /// The way for DTLS, once a pair is selected. None before that, and when it was taken already.
    pub async fn data_path(&self) -> Option<DataPath> {
        let [local, remote] = self.ask(Command::Addresses).await??;
        let incoming = self.dtls.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(DataPath { outgoing: self.outgoing.clone(), incoming, local, remote })
    }

    /// From now on nothing is sent to peers or taken from them on these bases: paths that die without a word. What the
    /// end holds at TURN servers is kept up and given back as ever. None when there is no such base.
    pub async fn cut(&self, what: Cut) -> Option<CutDone> {
        self.ask(|reply| Command::Cut(what, reply)).await?
    }

    /// Begins an ICE restart (RFC 8445 section 9). None when the end is over.
    pub async fn restart(&self) -> Option<Restarted> {
        self.ask(Command::Restart).await
    }

    /// How the end stands. None when it is over.
    pub async fn snapshot(&self) -> Option<EndRecord> {
        self.ask(Command::Snapshot).await
    }

    /// What was kept up so far, and what came of it.
    pub async fn upkeep(&self) -> Vec<UpkeepRecord> {
        self.ask(Command::Upkeep).await.unwrap_or_default()
    }

    /// What was lost at this end.
    pub async fn drops(&self) -> Drops {
        self.ask(Command::Drops).await.unwrap_or_default()
    }

    /// Ends: every allocation is given back, within what the deadline leaves for it. The record says how that went.
    pub async fn close(self) -> Option<EndRecord> {
        let asked = self.ask(Command::Close);
        // Beyond what leaving takes there is only the answer to carry over.
        timeout(self.leave_within * 2, asked).await.ok().flatten()
    }

    async fn tell(&self, command: Command) {
        // A task that is over needs to know nothing.
        let _ = self.commands.send(command).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}

/// Fills bytes with the system's randomness. A system that has none gave no certificate either, and no call began.
fn unguessable(bytes: &mut [u8]) {
    let random = rustls::crypto::ring::default_provider().secure_random;
    let _ = random.fill(bytes);
}
