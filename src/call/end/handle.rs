//! The handle on one end.

use super::api::{Cut, CutDone, DataPath, Drops, EndEvent, EndSetup, Restarted};
use crate::call::record::{EndRecord, UpkeepRecord};
use crate::run::Ground;
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::agent::{IceCredentials, Peer};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Commands that may wait for the task.
const COMMANDS: usize = 256;
/// Events that may wait for the reader.
const EVENTS: usize = 1024;
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
        let _ = (ground, setup, COMMANDS, EVENTS, DATAGRAMS);
        unimplemented!()
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
