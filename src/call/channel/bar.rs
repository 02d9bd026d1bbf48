//! Sources of wrong codes, which have to wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use tokio::time::Instant;

/// Wrong codes after which a source has to wait.
const WRONG: u32 = 3;
/// Sources that are remembered.
const MAX_SOURCES: usize = 1024;

/// A source of connections: an IPv4 address, or an IPv6 network of 64 bits, all of which one host can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Source(IpAddr);

impl Source {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from(u128::from(six) >> 64 << 64)),
            four => four,
        })
    }
}

/// Who sent wrong codes, and when last.
pub(super) struct Bar {
    wait: Duration,
    sources: HashMap<Source, (u32, Instant)>,
}

impl Bar {
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, sources: HashMap::new() }
    }

    /// A wrong code came from there.
    pub(super) fn wrong(&mut self, source: Source, now: Instant) {
        self.sources.retain(|_, (_, last)| now < *last + self.wait);
        if self.sources.len() < MAX_SOURCES || self.sources.contains_key(&source) {
            let entry = self.sources.entry(source).or_insert((0, now));
            *entry = (entry.0.saturating_add(1), now);
        }
    }

    /// Whether the source has to wait.
    pub(super) fn holds(&self, source: Source, now: Instant) -> bool {
        self.sources.get(&source).is_some_and(|(wrong, last)| *wrong >= WRONG && now < *last + self.wait)
    }
}
