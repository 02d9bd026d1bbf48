//! What an end of a call hears of its sessions with TURN servers.

use raincheck_probes::evidence::Cause;
use raincheck_probes::machine::Offset;
use raincheck_probes::turn::{Ask, Finished};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// A session of one end; 0 for one that belongs to no call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct SessionId(usize);

/// A packet from a peer through a relay.
#[derive(Debug)]
pub(crate) struct Relayed {
    /// By this session's relay.
    pub(crate) session: SessionId,
    /// From this peer.
    pub(crate) peer: SocketAddr,
    /// What it carries.
    pub(crate) payload: Vec<u8>,
    /// When it came in.
    pub(crate) at: Offset,
}

/// What became of a session, or of a peer's permission or channel.
#[derive(Debug)]
pub(crate) struct Fate {
    /// Of this session.
    pub(crate) session: SessionId,
    /// This peer is not let in any more, port 0 for all of its ports; none when the whole relay is gone.
    pub(crate) peer: Option<SocketAddr>,
    /// Why.
    pub(crate) cause: Cause,
}

/// One kind of upkeep, over all sessions of an end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upkept {
    /// How often it was due.
    pub(crate) due: u64,
    /// How often it was answered with success.
    pub(crate) answered: u64,
    /// The last failure.
    pub(crate) failure: Option<Cause>,
}

/// Allocation, permission, channel: how each was kept up.
pub(crate) type UpkeepBook = [Upkept; 3];

/// Where the sessions of one end hand in what they hear. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Ears {
    packets: mpsc::Sender<Relayed>,
    fates: mpsc::Sender<Fate>,
    upkeep: Arc<Mutex<UpkeepBook>>,
    dropped: Arc<AtomicU64>,
    sessions: Arc<AtomicUsize>,
}

/// The same for one session.
#[derive(Debug)]
pub(super) struct Ear {
    ears: Ears,
    session: SessionId,
}

impl Ears {
    /// Ears whose packets and fates go into these queues.
    pub(crate) fn new(packets: mpsc::Sender<Relayed>, fates: mpsc::Sender<Fate>) -> Self {
        let (upkeep, dropped, sessions) = Default::default();
        Self { packets, fates, upkeep, dropped, sessions }
    }

    /// Packets that found the queue full.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How allocations, permissions and channels were kept up so far.
    pub(crate) fn upkeep(&self) -> UpkeepBook {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ear of a new session.
    pub(super) fn ear(&self) -> Ear {
        let session = SessionId(self.sessions.fetch_add(1, Ordering::Relaxed) + 1);
        Ear { ears: self.clone(), session }
    }
}

impl Ear {
    /// Whose it is.
    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    /// A packet came in.
    pub(super) fn data(&self, peer: SocketAddr, payload: Vec<u8>, at: Offset) {
        let relayed = Relayed { session: self.session, peer, payload, at };
        if self.ears.packets.try_send(relayed).is_err() {
            self.ears.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The relay is gone.
    pub(super) fn gone(&self, cause: Cause) {
        self.tell(None, cause);
    }

    /// The client kept something up, or failed to. Whatever the failure, clients give up what it was for: libwebrtc
    /// `p2p/base/turn_port.cc`, OnRefreshError and FailAndPruneConnection.
    pub(super) fn upkept(&self, finished: &Finished) {
        let kind = match finished.ask {
            Ask::Refresh(_) => 0,
            Ask::Permission(_) => 1,
            Ask::Channel(_) => 2,
            Ask::Binding | Ask::Allocate(_) | Ask::Release => return,
        };
        let mut book = self.ears.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(upkept) = book.get_mut(kind) {
            upkept.due += 1;
            upkept.answered += u64::from(finished.result.is_ok());
            if let Err(cause) = &finished.result {
                upkept.failure = Some(cause.clone());
            }
        }
        drop(book);
        let Err(cause) = &finished.result else { return };
        match &finished.ask {
            Ask::Permission(peers) => {
                for peer in peers {
                    self.tell(Some(SocketAddr::new(peer.ip(), 0)), cause.clone());
                }
            }
            Ask::Channel(peer) => self.tell(Some(*peer), cause.clone()),
            _ => self.gone(cause.clone()),
        }
    }

    fn tell(&self, peer: Option<SocketAddr>, cause: Cause) {
        // With a full queue the agent notices by silence.
        let _ = self.ears.fates.try_send(Fate { session: self.session, peer, cause });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raincheck_probes::machine::IdSource;
    use raincheck_probes::stun::Schedule;
    use raincheck_probes::turn::{Action, Client, Config, Event, Flavour, Framing};
    use std::time::Duration;

    /// An ask that went unanswered.
    fn unanswered(ask: Ask) -> Finished {
        let mut client = Client::new(Config {
            transport: Framing::Datagram,
            schedule: Schedule::rfc8489(),
            credentials: None,
            flavour: Flavour::thorough(),
            upkeep: true,
            ids: IdSource::new(1),
        });
        client.ask(ask, Offset::ZERO);
        client.abort(Cause::NoAnswer { requests: 7, waited_ms: 39_500 }, Offset::ZERO);
        loop {
            match client.poll() {
                Action::Event(Event::Finished(finished)) => return finished,
                Action::Transmit(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_refresh_that_fails_ends_the_relay_and_a_permission_that_fails_its_peers() {
        let (packets, _heard) = mpsc::channel(1);
        let (fates, mut told) = mpsc::channel(8);
        let ears = Ears::new(packets, fates);
        let (_, ear) = (ears.ear(), ears.ear());
        let peers: [SocketAddr; 2] = ["192.0.2.1:1000", "192.0.2.2:2000"].map(|peer| peer.parse().unwrap());
        ear.upkept(&unanswered(Ask::Permission(peers.to_vec())));
        ear.upkept(&unanswered(Ask::Channel(peers[0])));
        ear.upkept(&unanswered(Ask::Refresh(Duration::from_secs(600))));
        let fates: Vec<Fate> = std::iter::from_fn(|| told.try_recv().ok()).collect();
        let concerned: Vec<Option<String>> =
            fates.iter().map(|fate| fate.peer.map(|peer| peer.to_string())).collect();
        let expected = [Some("192.0.2.1:0"), Some("192.0.2.2:0"), Some("192.0.2.1:1000"), None];
        assert_eq!(concerned, expected.map(|peer| peer.map(str::to_owned)));
        assert!(fates.iter().all(|fate| fate.session == SessionId(2)));
        let book = ears.upkeep();
        assert!(
            book.iter().all(|upkept| (upkept.due, upkept.answered) == (1, 0) && upkept.failure.is_some())
        );
    }

    #[test]
    fn packets_that_nobody_reads_are_counted() {
        let (packets, mut heard) = mpsc::channel(1);
        let (fates, _told) = mpsc::channel(1);
        let ears = Ears::new(packets, fates);
        let ear = ears.ear();
        let peer: SocketAddr = "192.0.2.1:1000".parse().unwrap();
        for byte in 0..3 {
            ear.data(peer, vec![byte], Offset::ZERO);
        }
        assert_eq!((ears.dropped(), heard.try_recv().unwrap().payload), (2, vec![0]));
    }
}
