//! Media packets over a call, both ways, and the silences between them.

use super::party::Party;
use crate::run::{Clock, Stop};
use raincheck_probes::machine::Offset;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep_until;

/// The pace of a G.711 call.
pub(super) const SPACING: Duration = Duration::from_millis(20);
/// An RTP header and 20 ms of G.711.
const PACKET: usize = 172;
/// Arrivals that are remembered one by one; all are counted. An hour at 50 packets a second.
const REMEMBERED: usize = 180_000;

/// What came in at one end. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Inbox(Arc<Mutex<Arrivals>>, Arc<Notify>);

#[derive(Debug, Default)]
struct Arrivals {
    count: u64,
    times: std::collections::VecDeque<Offset>,
    longest: Option<(Offset, Duration)>,
    last: Option<Offset>,
}

impl Inbox {
    /// Takes a datagram in, when it is one of these packets.
    pub(super) fn take(&self, bytes: &[u8], at: Offset) {
        if bytes.len() != PACKET || bytes.first() != Some(&0x80) {
            return;
        }
        let mut arrivals = self.lock();
        arrivals.count += 1;
        if let Some(last) = arrivals.last {
            let gap = at.since(last);
            if arrivals.longest.is_none_or(|(_, longest)| gap > longest) {
                arrivals.longest = Some((last, gap));
            }
        }
        arrivals.last = Some(at);
        if arrivals.times.len() >= REMEMBERED {
            arrivals.times.pop_front();
        }
        arrivals.times.push_back(at);
        drop(arrivals);
        self.1.notify_one();
    }

    /// Waits for the next packet; when it came.
    pub(super) async fn heard(&self) -> Offset {
        loop {
            self.1.notified().await;
            if let Some(at) = self.last() {
                return at;
            }
        }
    }

    /// Packets so far.
    pub(super) fn count(&self) -> u64 {
        self.lock().count
    }

    /// When the last packet came.
    pub(super) fn last(&self) -> Option<Offset> {
        self.lock().last
    }

    /// The longest silence between two packets, and when it began.
    pub(super) fn longest_gap(&self) -> Option<(Offset, Duration)> {
        self.lock().longest
    }

    /// The silence around a moment: from the last packet before it to the first after. None when either is missing.
    pub(super) fn gap_around(&self, moment: Offset) -> Option<Duration> {
        let arrivals = self.lock();
        // A packet that was on its way at that moment still counts as before: look for the longest gap after it began.
        let times: Vec<Offset> = arrivals.times.iter().copied().collect();
        let from = times.partition_point(|at| *at <= moment).checked_sub(1)?;
        times.get(from..)?.windows(2).map(|pair| pair[1].since(pair[0])).max()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arrivals> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Packets that are sent from our ends until it is dropped.
pub(super) struct Traffic<'a> {
    parties: Vec<&'a Party>,
    clock: Clock,
    sequence: u16,
    next: Offset,
    /// Packets sent, from all ends together.
    pub(super) sent: u64,
}

impl<'a> Traffic<'a> {
    /// Traffic that begins now.
    pub(super) fn new(parties: Vec<&'a Party>, clock: Clock) -> Self {
        Self { parties, clock, sequence: 0, next: clock.now(), sent: 0 }
    }

    /// Sends at the pace of a call until something is true or the run ends. True in the first case.
    pub(super) async fn until(&mut self, stop: &Stop, mut done: impl FnMut(Offset) -> bool) -> bool {
        loop {
            let now = self.clock.now();
            if done(now) {
                return true;
            }
            tokio::select! {
                biased;
                _ = stop.wait() => return false,
                () = sleep_until(self.clock.instant(self.next)) => self.send(),
            }
        }
    }

    fn send(&mut self) {
        for party in &self.parties {
            self.sent += 1;
            // A full queue is a lost packet, as anywhere.
            let _ = party.end.send(packet(self.sequence));
        }
        self.sequence = self.sequence.wrapping_add(1);
        // After a pause of this host the pace goes on from here: a burst would be our own doing.
        self.next = (self.next + SPACING).max(self.clock.now());
    }
}

/// An RTP packet: version 2, payload type 0 (RFC 3551).
fn packet(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0x00];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(0x5241_494e_u32.to_be_bytes());
    packet.resize(PACKET, 0xd5);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Offset {
        Offset::from_ms(ms)
    }

    #[test]
    fn the_silence_around_a_cut_begins_with_the_last_packet_that_arrived() {
        let inbox = Inbox::default();
        // Cut at 100; two packets were under way; the switch comes at 3600.
        for ms in [60, 80, 100, 120, 140, 3_600, 3_620] {
            inbox.take(&packet(0), at(ms));
        }
        assert_eq!(inbox.gap_around(at(100)), Some(Duration::from_millis(3_460)));
        assert_eq!(inbox.longest_gap(), Some((at(140), Duration::from_millis(3_460))));
        assert_eq!(inbox.count(), 7);
    }

    #[test]
    fn what_is_no_packet_of_ours_counts_for_nothing() {
        let inbox = Inbox::default();
        inbox.take(b"", at(1));
        inbox.take(&[0x80; 20], at(2));
        inbox.take(&[0x16; PACKET], at(3));
        assert_eq!((inbox.count(), inbox.last(), inbox.gap_around(at(0))), (0, None, None));
    }
}
