//! What a call is made from.

use raincheck_lab::net::{Impairment, NatKind, NatStack};
use raincheck_probes::ice::Policy;
use raincheck_probes::ice::agent::IceRole;
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::server::{IceServer, IceUri};
use std::time::Duration;

/// STUN alone.
pub(crate) const STUN: &[&str] = &["stun:turn1.test:3478"];
/// One server by every way there is.
pub(crate) const ONE: &[&str] = &[
    "turn:turn1.test:3478?transport=udp",
    "turns:turn1.test:443?transport=tcp",
    "turn:turn1.test:80?transport=tcp",
];
/// Two servers by every way there is.
pub(crate) const TWO: &[&str] = &[
    "turn:turn1.test:3478?transport=udp",
    "turns:turn1.test:443?transport=tcp",
    "turn:turn1.test:80?transport=tcp",
    "turn:turn2.test:3478?transport=udp",
    "turns:turn2.test:443?transport=tcp",
    "turn:turn2.test:80?transport=tcp",
];
/// Two servers over UDP.
pub(crate) const TWO_UDP: &[&str] =
    &["turn:turn1.test:3478?transport=udp", "turn:turn2.test:3478?transport=udp"];

/// A good line: 10 ms to anything, 20 ms to the peer.
pub(crate) const LINE: Impairment = Impairment { delay: Duration::from_millis(10), ..Impairment::NONE };

/// When one end hears of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signalling {
    /// Everything at once, when both have gathered everything.
    AtOnce,
    /// Credentials at the beginning and each candidate when it is found, all this much later.
    Trickle(Duration),
}

/// What a call is made from.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) profiles: [&'static str; 2],
    pub(crate) boxes: [NatStack; 2],
    /// Of each end's access line, both ways.
    pub(crate) impairments: [Impairment; 2],
    pub(crate) servers: &'static [&'static str],
    pub(crate) policies: [Policy; 2],
    pub(crate) roles: [IceRole; 2],
    pub(crate) signalling: Signalling,
    /// How much later than relayed candidates the others are signalled.
    pub(crate) direct_late: Duration,
    /// From one packet of data to the next, once a pair is selected; none without data.
    pub(crate) media: Option<Duration>,
    pub(crate) seed: u64,
}

impl Scene {
    /// A call between hosts with addresses of their own, over good lines, the first end controlling.
    pub(crate) fn new(profiles: [&'static str; 2], servers: &'static [&'static str]) -> Self {
        Self {
            profiles,
            boxes: [NatKind::PUBLIC.into(), NatKind::PUBLIC.into()],
            impairments: [LINE, LINE],
            servers,
            policies: [Policy::All, Policy::All],
            roles: [IceRole::Controlling, IceRole::Controlled],
            signalling: Signalling::Trickle(Duration::from_millis(30)),
            direct_late: Duration::ZERO,
            media: None,
            seed: 1,
        }
    }

    /// Behind these boxes.
    pub(crate) fn behind(self, a: impl Into<NatStack>, b: impl Into<NatStack>) -> Self {
        Self { boxes: [a.into(), b.into()], ..self }
    }

    pub(crate) fn profile(&self, end: usize) -> Profile {
        Profile::parse(self.profiles[end]).unwrap()
    }

    /// One server per URI.
    pub(crate) fn ice_servers(&self) -> Vec<IceServer> {
        let server = |text: &&str| IceServer { uri: IceUri::parse(text).unwrap(), credentials: None };
        self.servers.iter().map(server).collect()
    }
}

impl std::fmt::Display for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b] = &self.boxes;
        write!(f, "{} behind {a} with {} behind {b}, seed {}", self.profiles[0], self.profiles[1], self.seed)
    }
}
