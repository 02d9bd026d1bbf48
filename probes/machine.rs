//! The contract that every protocol machine keeps.
//!
//! A machine is told what happened with [`Machine::handle`] and asked what to do with [`Machine::poll`]
//! until it answers [`Poll::WaitUntil`] or [`Poll::Done`]. Time is an argument, an [`Offset`] since the run
//! began; randomness is an argument too, an [`IdSource`]. A driver therefore is a short loop, and a test
//! is the same loop with a clock that jumps to the next wake-up.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Time since the run began. Serialized as milliseconds, fractions kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(Duration);

impl Offset {
    /// The moment the run began.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The offset that lies this long after the beginning.
    pub const fn new(since_began: Duration) -> Self {
        Self(since_began)
    }

    /// The offset that lies this many whole milliseconds after the beginning.
    pub const fn from_ms(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    /// Milliseconds since the run began, to the microsecond.
    pub fn as_ms(self) -> f64 {
        self.0.as_micros() as f64 / 1000.0
    }

    /// The time since the run began.
    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// The time from `earlier` to here, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Offset {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }
}

impl Sub for Offset {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ms", self.as_ms())
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_ms())
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ms = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(ms / 1000.0).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What happened to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// Time has passed; nothing else did. Also the first input of every machine.
    Tick,
    /// Bytes came in: one datagram, or any run of bytes of a stream.
    Received(&'a [u8]),
    /// The peer closed the stream, or the datagram socket reported that it can carry no more.
    Closed,
}

/// What a machine wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poll<T> {
    /// Send these bytes, then poll again.
    Transmit(Vec<u8>),
    /// Nothing to do before this time or the next input.
    WaitUntil(Offset),
    /// The machine came to an end with this result and asks for nothing more.
    Done(T),
}

/// A protocol as a pure state machine.
pub trait Machine {
    /// What the machine ends with.
    type Output;

    /// Tells the machine what happened, and when.
    fn handle(&mut self, input: Input<'_>, now: Offset);

    /// Asks what to do next. Call it until it answers something other than [`Poll::Transmit`].
    fn poll(&mut self) -> Poll<Self::Output>;
}

/// Randomness as an argument: transaction ids, nonces of ours, ufrags, tie-breakers.
///
/// A SplitMix64 sequence. It is unpredictable when seeded from the system and repeatable when seeded by a
/// test or by `--seed`. Not for keys: nothing here makes keys.
#[derive(Debug, Clone)]
pub struct IdSource(u64);

impl IdSource {
    /// A source that yields the same sequence for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_be_bytes()[..chunk.len()]);
        }
        out
    }

    /// A source of its own for one part of the run, so that parts do not disturb each other's sequence.
    pub fn fork(&mut self) -> Self {
        Self(self.next_u64())
    }
}
