//! How a client behaves: framing, schedule, credentials, and the habits of the client that is emulated.

use crate::machine::IdSource;
use crate::server::Credentials;
use crate::stun::Schedule;
use std::time::Duration;

/// How messages lie on the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// One message per datagram: UDP.
    Datagram,
    /// Messages one after the other, ChannelData padded to four bytes: TCP and TLS (RFC 8656 section 12.5).
    Stream,
}

/// Everything a [`Client`](super::Client) is made from.
#[derive(Debug, Clone)]
pub struct Config {
    /// How messages lie on the transport.
    pub transport: Framing,
    /// When requests are sent again and when they are given up; each transaction runs the whole schedule.
    pub schedule: Schedule,
    /// What to answer a challenge with.
    pub credentials: Option<Credentials>,
    /// Whose habits to follow.
    pub flavour: Flavour,
    /// Whether to keep allocation, permissions and channels alive without being asked.
    pub upkeep: bool,
    /// Where transaction ids come from.
    pub ids: IdSource,
}

/// What a TURN client puts into its requests and how it reacts, as far as clients differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flavour {
    /// LIFETIME in Allocate requests, seconds.
    pub allocate_lifetime: Option<u32>,
    /// SOFTWARE in every request.
    pub software: Option<&'static str>,
    /// FINGERPRINT at the end of every request.
    pub fingerprint: bool,
    /// How often one ask is tried again with a new nonce after 438, when it is an Allocate.
    pub stale_nonce_retries_allocate: u32,
    /// The same for every other ask.
    pub stale_nonce_retries: u32,
    /// Whether a success that came without a challenge is passed over, as if it had not come.
    pub ignores_unchallenged_success: bool,
    /// Whether names and passwords are prepared with OpaqueString (RFC 8265) before hashing.
    pub prepares_credentials: bool,
    /// Whether the RFC 8489 security features are used: PASSWORD-ALGORITHMS and USERHASH.
    pub modern_authentication: bool,
    /// How long before its end an allocation is refreshed; a short one is refreshed at half time.
    pub refresh_margin: Duration,
    /// The longest lifetime that is believed when the refresh is planned.
    pub lifetime_cap: Duration,
    /// How often permissions are refreshed.
    pub permission_refresh: Duration,
    /// How often channels are bound again.
    pub channel_refresh: Duration,
}

impl Flavour {
    /// Ours: everything that RFC 8489 and RFC 8656 ask of a client.
    pub fn thorough() -> Self {
        Self {
            allocate_lifetime: None,
            software: None,
            fingerprint: false,
            stale_nonce_retries_allocate: 3,
            stale_nonce_retries: 3,
            ignores_unchallenged_success: false,
            prepares_credentials: true,
            modern_authentication: true,
            refresh_margin: Duration::from_secs(60),
            lifetime_cap: Duration::from_secs(3600),
            permission_refresh: Duration::from_secs(240),
            channel_refresh: Duration::from_secs(540),
        }
    }

    /// libwebrtc, `p2p/base/turn_port.cc`: REQUESTED-TRANSPORT alone; 438 ends an Allocate but not other requests;
    /// an Allocate that succeeds without a challenge is passed over from M150 on.
    pub fn chromium(version: Option<u32>) -> Self {
        Self {
            stale_nonce_retries_allocate: 0,
            ignores_unchallenged_success: version.is_none_or(|version| version >= 150),
            prepares_credentials: false,
            modern_authentication: false,
            channel_refresh: Duration::from_secs(240),
            ..Self::thorough()
        }
    }

    /// Firefox, nICEr `turn_client_ctx.c`: LIFETIME 3600, one more try after 438, refresh 10 s before the end.
    pub fn firefox() -> Self {
        Self {
            allocate_lifetime: Some(3600),
            stale_nonce_retries_allocate: 1,
            stale_nonce_retries: 1,
            prepares_credentials: false,
            modern_authentication: false,
            refresh_margin: Duration::from_secs(10),
            permission_refresh: Duration::from_secs(290),
            ..Self::thorough()
        }
    }

    /// libnice, `stun/usages/turn.c` and `agent/conncheck.c`.
    pub fn libnice() -> Self {
        Self { prepares_credentials: false, modern_authentication: false, ..Self::thorough() }
    }

    pub(super) fn stale_nonce_retries(&self, allocate: bool) -> u32 {
        if allocate { self.stale_nonce_retries_allocate } else { self.stale_nonce_retries }
    }

    /// When an allocation with this lifetime is refreshed, counted from the answer; never within a second.
    pub(super) fn refresh_after(&self, lifetime: Duration) -> Duration {
        let believed = lifetime.min(self.lifetime_cap);
        let after =
            if believed < self.refresh_margin * 2 { believed / 2 } else { believed - self.refresh_margin };
        after.max(Duration::from_secs(1))
    }
}
