//! What all tasks of a run share.

use super::ear::Ears;
use super::exchange::{Desk, Mailroom};
use super::{Clock, Journal, Stop};
use crate::path::PathContext;
use crate::settings::Patience;
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::machine::IdSource;
use raincheck_probes::server::Credentials;
use raincheck_probes::stun::Schedule;
use raincheck_probes::turn::{Action, Ask, Client, Config, Flavour, Framing};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// What all tasks of a run share.
pub(super) struct RunContext {
    /// The run's clock.
    pub(super) clock: Clock,
    /// The record.
    pub(super) journal: Journal,
    /// Sockets, names, roots.
    pub(super) path: PathContext,
    /// The emulated client.
    pub(super) profile: Profile,
    /// Whose schedules are kept.
    pub(super) patience: Patience,
    /// Packets that came through relays.
    pub(super) mail: Mailroom,
    /// The end of a call that its sessions are for; none in a run of probes.
    pub(super) ears: Option<Ears>,
    /// The end of the run.
    pub(super) stop: Stop,
    schedules: Mutex<Schedules>,
    ids: Mutex<IdSource>,
    leaving: Mutex<Option<mpsc::Sender<()>>>,
}

/// Retransmission schedules by framing.
#[derive(Debug, Clone)]
pub(super) struct Schedules {
    /// Over UDP.
    pub(super) datagram: Schedule,
    /// Over TCP and TLS.
    pub(super) stream: Schedule,
}

/// Resolves when every session has left.
pub(super) struct AllLeft(mpsc::Receiver<()>);

impl RunContext {
    /// A context, and the way to wait for its sessions.
    pub(super) fn new(
        journal: Journal,
        path: PathContext,
        profile: Profile,
        patience: Patience,
        schedules: Schedules,
        ids: IdSource,
        stop: Stop,
    ) -> (Self, AllLeft) {
        let (leaving, left) = mpsc::channel(1);
        let context = Self {
            clock: journal.clock(),
            journal,
            path,
            profile,
            patience,
            mail: Mailroom::default(),
            ears: None,
            stop,
            schedules: Mutex::new(schedules),
            ids: Mutex::new(ids),
            leaving: Mutex::new(Some(leaving)),
        };
        (context, AllLeft(left))
    }

    /// Fits our own schedule to the number of UDP paths: the more there are, the more requests it takes that
    /// none of them is called silent by bad luck.
    pub(super) fn expect_udp_paths(&self, paths: usize) {
        if self.patience == Patience::Prompt {
            let mut schedules = self.schedules.lock().unwrap_or_else(PoisonError::into_inner);
            schedules.datagram = Schedule::prompt(paths.max(1));
        }
    }

    /// How many datagrams one request is by that time.
    pub(super) fn requests_within(&self, time: Duration) -> u32 {
        let schedules = self.schedules.lock().unwrap_or_else(PoisonError::into_inner);
        schedules.datagram.sends().iter().filter(|at| **at < time).count() as u32
    }

    /// A source of randomness for one task.
    pub(super) fn ids(&self) -> IdSource {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }

    /// A TURN client for one link.
    pub(super) fn client(&self, framing: Framing, credentials: Option<Credentials>) -> Client {
        let schedules = self.schedules.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let schedule = match framing {
            Framing::Datagram => schedules.datagram,
            Framing::Stream => schedules.stream,
        };
        let flavour = match self.patience {
            Patience::Prompt => Flavour::thorough(),
            Patience::Client => super::flavour::flavour_of(&self.profile),
        };
        Client::new(Config {
            transport: framing,
            schedule,
            credentials,
            flavour,
            upkeep: true,
            ids: self.ids(),
        })
    }

    /// The bytes of one Binding request.
    pub(super) fn binding_request(&self) -> Vec<u8> {
        let mut client = self.client(Framing::Datagram, None);
        client.ask(Ask::Binding, self.clock.now());
        match client.poll() {
            Action::Transmit(bytes) => bytes,
            Action::Event(_) | Action::WaitUntil(_) | Action::Idle => Vec::new(),
        }
    }

    /// What an exchange of packets needs.
    pub(super) fn desk(&self) -> Desk<'_> {
        Desk { clock: self.clock, mail: &self.mail, stop: &self.stop }
    }

    /// A token that a session holds until it has left.
    pub(super) fn leaving(&self) -> Option<mpsc::Sender<()>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// No session begins after this; [`AllLeft::wait`] can end.
    pub(super) fn close_door(&self) {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl AllLeft {
    /// Waits until every session that was begun has left.
    pub(super) async fn wait(mut self) {
        // Nothing is ever sent: the channel ends when the last token is dropped.
        while self.0.recv().await.is_some() {}
    }
}
