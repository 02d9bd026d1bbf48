//! What goes into an end and what comes out.

use crate::settings::Settings;
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::agent::{BaseId, Event, IceCredentials, IceRole, PairId};
use raincheck_probes::machine::Offset;
use std::net::SocketAddr;
use tokio::sync::mpsc;

/// What an end is made from, beside the ground that it stands on.
#[derive(Debug, Clone)]
pub struct EndSetup {
    /// The emulated client, its policy, families, interface and patience. The servers are the ground's.
    pub settings: Settings,
    /// The role to begin with: who offers controls (RFC 8445 section 6.1.1).
    pub role: IceRole,
    /// Check every pair to its end and select none, for a table of everything that works.
    pub survey: bool,
    /// Our ufrag and password; none to have them made.
    pub credentials: Option<IceCredentials>,
    /// Which end this is, for the log: `near`, `far`.
    pub label: String,
}

/// Something happened at an end.
#[derive(Debug, Clone, PartialEq)]
pub enum EndEvent {
    /// A candidate to signal. Those whose type the tenant's policy drops (Web SDK, `iceFiltering`) do not come.
    Candidate(Candidate),
    /// There will be no more candidates: every slot is answered, or the client gathers no further.
    GatheringDone,
    /// The agent tells something: [`EventKind::Selected`](raincheck_probes::ice::agent::EventKind::Selected) when data
    /// takes another pair, its state, what became of pairs.
    Agent {
        /// What.
        event: Event,
        /// One sentence for it, with the candidates.
        text: String,
    },
    /// Data came in over a pair: whatever is neither STUN nor DTLS (RFC 7983).
    Data {
        /// What it carries.
        bytes: Vec<u8>,
        /// When it was read.
        at: Offset,
        /// The pair that it came over, which need not be the selected one.
        pair: PairId,
    },
    /// The run ended, by its deadline or by Ctrl-C: nothing is sent any more. The record can still be had.
    Stopped,
}

/// The DTLS datagrams of the peer, and a way to send: made for
/// `PathConn::new(outgoing, incoming, local, remote)`.
#[derive(Debug)]
pub struct DataPath {
    /// Datagrams for the peer, over the pair that is selected when each is sent. Bounded; with
    /// [`try_send`](mpsc::Sender::try_send) a full queue is a lost datagram.
    pub outgoing: mpsc::Sender<Vec<u8>>,
    /// Datagrams whose first byte is DTLS's, 20 to 63 (RFC 7983 section 7).
    pub incoming: mpsc::Receiver<Vec<u8>>,
    /// Our address of the pair that is selected now; a pair that is selected later does not change it.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// Which bases carry nothing to and from peers any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// The base of the selected pair.
    Selected,
    /// The base of this pair.
    Pair(PairId),
    /// Everything that was relayed over this path to a TURN server ([`Candidate::path`]).
    Path(String),
    /// Every socket and connection of the host's own.
    Direct,
}

/// What was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutDone {
    /// When.
    pub at: Offset,
    /// These bases.
    pub bases: Vec<BaseId>,
    /// The pair that was selected.
    pub selected: Option<PairId>,
}

/// A new ICE session, to be signalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarted {
    /// The new ufrag and password.
    pub credentials: IceCredentials,
    /// The candidates so far, which are as good as before.
    pub candidates: Vec<Candidate>,
}

/// Packets that were lost at this end, not on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// Not sent: no pair was selected.
    pub unselected: u64,
    /// Not sent: a queue was full.
    pub sending: u64,
    /// Came in and found a queue full.
    pub receiving: u64,
    /// Came in from an address that no pair has.
    pub strangers: u64,
    /// Neither sent nor taken in: the base was cut ([`End::cut`](super::End::cut)).
    pub cut: u64,
    /// STUN that was not for us or could not be believed.
    pub ignored: u64,
}
