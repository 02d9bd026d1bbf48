//! What goes into an agent and what comes out.

use super::conduct::{Conduct, Criterion};
use crate::evidence::Cause;
use crate::ice::stack::Profile;
use crate::ice::{Candidate, Policy};
use crate::machine::{IdSource, Offset};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// The role of an end, RFC 8445 section 6.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IceRole {
    /// Nominates.
    Controlling,
    /// Follows.
    Controlled,
}

impl IceRole {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Controlling => Self::Controlled,
            Self::Controlled => Self::Controlling,
        }
    }

    /// The word for reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Controlling => "controlling",
            Self::Controlled => "controlled",
        }
    }
}

/// A ufrag and its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: Secret,
}

/// What the peer said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its ufrag and password.
    pub credentials: IceCredentials,
    /// `a=ice-lite`: it only answers. We control then (RFC 8445 section 6.1.1).
    pub lite: bool,
    /// `a=ice-options:ice2`: it does not nominate aggressively (RFC 8445 section 10).
    pub ice2: bool,
}

/// What an agent is made from.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whose conduct it shows.
    pub profile: Profile,
    /// The role to begin with: the one who offers controls.
    pub role: IceRole,
    /// Which local candidates are paired.
    pub policy: Policy,
    /// Our credentials; none to have them made, as long as the client makes them.
    pub credentials: Option<IceCredentials>,
    /// Check every pair to its end and select none: for a table of everything that works.
    pub survey: bool,
    /// Where everything random comes from that need not be kept from anybody; and all of it without `entropy`.
    pub ids: IdSource,
    /// Fills bytes that nobody can guess: credentials, transaction ids, tie-breakers (RFC 8445 section 5.3, RFC 8489
    /// section 5). Where it has none to give it leaves the bytes as they are. None in virtual time, where runs are to be
    /// repeatable.
    pub entropy: Option<fn(&mut [u8])>,
}

impl Setup {
    pub(super) fn conduct(&self) -> Box<dyn Conduct> {
        if self.survey { Box::new(super::checklist::survey()) } else { self.profile.conduct() }
    }
}

/// Whatever sends and receives for one local candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseId(pub usize);

/// A pair: its index in [`Agent::pairs`](super::Agent::pairs).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(pub usize);

/// What the agent wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send these bytes from this base. On an ICE-TCP base they are one RFC 4571 frame.
    Transmit {
        /// From here.
        base: BaseId,
        /// To there.
        to: SocketAddr,
        /// One STUN message.
        bytes: Vec<u8>,
    },
    /// Let a peer in at the TURN server of a relayed base, and keep it let in. Checks follow without waiting for it:
    /// clients do the same, and repeat what was lost.
    Permit {
        /// The relayed base.
        base: BaseId,
        /// The peer.
        peer: SocketAddr,
    },
    /// Open a TCP connection (RFC 6544 section 7.1) and say [`Agent::on_connected`](super::Agent::on_connected) or
    /// [`Agent::on_refused`](super::Agent::on_refused).
    Connect {
        /// The active base.
        base: BaseId,
        /// The peer's passive candidate.
        to: SocketAddr,
    },
    /// The client gathers no further: what is still under way will not be used.
    StopGathering,
    /// Something happened.
    Event(Event),
    /// Nothing before this time or the next thing that happens.
    WaitUntil(Offset),
    /// Nothing before the next thing that happens.
    Idle,
}

/// What came of bytes that came in.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// They were ICE's, and have been dealt with.
    Ice,
    /// They are not STUN: data on this pair, when one fits.
    Data(Option<PairId>),
    /// They were STUN that is not for us or cannot be believed, and why.
    Ignored(Cause),
}

/// How a call stands; `RTCIceTransportState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// No pair was checked yet.
    New,
    /// Checks are under way and none has succeeded.
    Checking,
    /// A pair is selected.
    Connected,
    /// A pair is selected and checks for others have ended.
    Completed,
    /// The selected pair went silent.
    Disconnected,
    /// No pair works, or none does any more.
    Failed,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub at: Offset,
    /// What.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// A remote candidate became known by its check.
    PeerReflexive {
        /// The pair that it made.
        pair: PairId,
    },
    /// Our own candidate became known by the answer to a check.
    Reflexive {
        /// The pair.
        pair: PairId,
        /// The address that the peer sees.
        mapped: SocketAddr,
    },
    /// The first check of a pair left.
    FirstCheck(PairId),
    /// A pair's check was answered for the first time, or again after silence.
    Works(PairId),
    /// A pair that worked is silent.
    Silent(PairId),
    /// A pair came to nothing.
    Failed(PairId, Cause),
    /// A pair was nominated: by us, or by the peer.
    Nominated(PairId, IceRole),
    /// Data takes this pair from now on.
    Selected {
        /// The pair.
        pair: PairId,
        /// The one before.
        before: Option<PairId>,
        /// Why.
        because: Criterion,
    },
    /// A pair is checked no more because a better one works.
    Pruned(PairId),
    /// Both ends had the same role; ours is this one now.
    RoleChanged(IceRole),
    /// Both ends had the same role; the peer was told to give way.
    RoleKept(IceRole),
    /// The state changed.
    State(AgentState),
    /// The client gathers no further.
    GatheringStopped,
    /// The peer's consent to receive data ran out (RFC 7675 section 5.1).
    ConsentLost(PairId),
    /// A new ICE session began.
    Restarted,
}

/// A pair in the order of preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The pair.
    pub pair: PairId,
    /// What puts it below the one before it; none for the first.
    pub below: Option<Criterion>,
}

/// What a client does when its selected path dies.
#[derive(Debug, Clone, PartialEq)]
pub enum Successor {
    /// It moves to another pair by itself.
    Switch {
        /// To this one.
        pair: PairId,
        /// Why that one.
        because: Criterion,
    },
    /// It looks for another by itself, this pair first; that none has answered so far says nothing against them.
    Untried(PairId),
    /// It does not move; the call needs an ICE restart, which would find this pair.
    Restart(PairId),
    /// No other pair works.
    Nothing,
}

impl fmt::Display for AgentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "new",
            Self::Checking => "checking",
            Self::Connected => "connected",
            Self::Completed => "completed",
            Self::Disconnected => "disconnected",
            Self::Failed => "failed",
        })
    }
}

/// A local candidate and what it stands on.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub(crate) candidate: Candidate,
    pub(crate) base: BaseId,
}
