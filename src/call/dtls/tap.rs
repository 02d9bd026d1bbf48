//! What the datagrams of a handshake show on their way.

use super::outcome::Flow;
use super::record::{self, Fragment};
use std::collections::BTreeSet;

/// Fragments that are remembered in one direction; an honest handshake has a dozen.
const MAX_FRAGMENTS: usize = 256;
/// Names of messages that are kept.
const MAX_HEARD: usize = 24;

/// Counts flights both ways.
#[derive(Debug, Default)]
pub(super) struct Tap {
    pub(super) sent: Flow,
    pub(super) received: Flow,
    /// The largest datagram of the last flight that we sent.
    pub(super) last_flight_largest: usize,
    /// Names of the messages that came in the clear.
    pub(super) heard: Vec<String>,
    /// The cipher suite of the last ServerHello, in either direction.
    pub(super) suite: Option<u16>,
    sent_before: BTreeSet<Fragment>,
    heard_before: BTreeSet<Fragment>,
    /// Bytes of the flight that is coming in; 0 after we sent.
    incoming_flight: usize,
}

impl Tap {
    /// Takes note of what we send in one go; `again` when a timer made us send it.
    pub(super) fn sends(&mut self, datagrams: &[Vec<u8>], again: bool) {
        if datagrams.is_empty() {
            return;
        }
        let mut repeat = again;
        for datagram in datagrams {
            let seen = record::read(datagram);
            repeat |= seen.fragments.iter().any(|fragment| self.sent_before.contains(fragment));
            remember(&mut self.sent_before, &seen.fragments);
            self.suite = seen.server_hello.map(|hello| hello.suite).or(self.suite);
            count(&mut self.sent, datagram.len());
        }
        let bytes = datagrams.iter().map(Vec::len).sum();
        self.sent.flights += 1;
        self.sent.repeats += u32::from(repeat);
        self.sent.largest_flight = self.sent.largest_flight.max(bytes);
        self.last_flight_largest = datagrams.iter().map(Vec::len).max().unwrap_or_default();
        self.incoming_flight = 0;
    }

    /// Takes note of a datagram that came, and reads what is in the clear.
    pub(super) fn receives(&mut self, datagram: &[u8]) -> record::Datagram {
        let seen = record::read(datagram);
        let repeat = seen.fragments.iter().any(|fragment| self.heard_before.contains(fragment));
        if self.incoming_flight == 0 || repeat {
            self.received.flights = self.received.flights.saturating_add(1);
            self.received.repeats = self.received.repeats.saturating_add(u32::from(repeat));
            self.incoming_flight = 0;
        }
        self.incoming_flight += datagram.len();
        self.received.largest_flight = self.received.largest_flight.max(self.incoming_flight);
        count(&mut self.received, datagram.len());
        for fragment in seen.fragments.iter().filter(|fragment| fragment.offset == 0) {
            if self.heard.len() < MAX_HEARD && !self.heard_before.contains(fragment) {
                self.heard.push(record::message_name(fragment.kind));
            }
        }
        remember(&mut self.heard_before, &seen.fragments);
        self.suite = seen.server_hello.map(|hello| hello.suite).or(self.suite);
        seen
    }
}

fn remember(known: &mut BTreeSet<Fragment>, fragments: &[Fragment]) {
    let room = MAX_FRAGMENTS.saturating_sub(known.len());
    known.extend(fragments.iter().take(room));
}

fn count(flow: &mut Flow, bytes: usize) {
    flow.datagrams = flow.datagrams.saturating_add(1);
    flow.bytes = flow.bytes.saturating_add(bytes as u64);
    flow.largest_datagram = flow.largest_datagram.max(bytes);
}
