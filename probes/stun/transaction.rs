//! One request with its retransmissions.

use super::Schedule;
use super::raw::TransactionId;
use crate::machine::Offset;
use std::time::Duration;

/// A request that is under way.
///
/// The gaps of the schedule are kept from one send to the next, so that a late wake-up delays what follows and
/// neither drops a request nor sends two at once.
#[derive(Debug, Clone)]
pub struct Transaction {
    id: TransactionId,
    bytes: Vec<u8>,
    schedule: Schedule,
    began: Offset,
    last_sent: Offset,
    sends: u32,
}

/// A round-trip time as far as it is known (RFC 8489 section 6.2.1 leaves Karn's question to the client).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundTrip {
    /// One request was sent, so the answer is to that one.
    Exact(Duration),
    /// Several were sent; the answer may be to any of them.
    Between {
        /// Counted from the last.
        shortest: Duration,
        /// Counted from the first.
        longest: Duration,
    },
}

impl Transaction {
    /// A transaction whose first request is due at `now`.
    pub fn new(id: TransactionId, bytes: Vec<u8>, schedule: Schedule, now: Offset) -> Self {
        Self { id, bytes, schedule, began: now, last_sent: now, sends: 0 }
    }

    /// The transaction id.
    pub fn id(&self) -> &TransactionId {
        &self.id
    }

    /// When the first request was due.
    pub fn began(&self) -> Offset {
        self.began
    }

    /// How often the request was sent.
    pub fn sends(&self) -> u32 {
        self.sends
    }

    /// The request, when it is due at `now`; it counts as sent then.
    pub fn transmit(&mut self, now: Offset) -> Option<&[u8]> {
        if self.wake() > now || self.gap().is_none() {
            return None;
        }
        self.last_sent = now;
        self.began = if self.sends == 0 { now } else { self.began };
        self.sends += 1;
        Some(&self.bytes)
    }

    /// Whether it must be given up at `now`.
    pub fn expired(&self, now: Offset) -> bool {
        self.gap().is_none() && self.wake() <= now
    }

    /// When the next request is due or, after the last, when it is given up.
    pub fn wake(&self) -> Offset {
        let sends = self.schedule.sends();
        let last = sends.last().copied().unwrap_or_default();
        self.last_sent + self.gap().unwrap_or_else(|| self.schedule.give_up().saturating_sub(last))
    }

    /// The round trip of an answer that came at `now`.
    pub fn round_trip(&self, now: Offset) -> RoundTrip {
        match self.sends {
            0 | 1 => RoundTrip::Exact(now - self.began),
            _ => RoundTrip::Between { shortest: now - self.last_sent, longest: now - self.began },
        }
    }

    /// From the last send to the next one; none when there is no next one.
    fn gap(&self) -> Option<Duration> {
        let sends = self.schedule.sends();
        let next = usize::try_from(self.sends).ok()?;
        let before = next.checked_sub(1).and_then(|last| sends.get(last)).copied().unwrap_or_default();
        sends.get(next).map(|at| at.saturating_sub(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(schedule: Schedule) -> Transaction {
        Transaction::new([1; 12], vec![1, 2, 3], schedule, Offset::from_ms(1_000))
    }

    /// Runs to the end on a clock that jumps to each wake-up.
    fn run(mut transaction: Transaction) -> (Vec<f64>, f64) {
        let mut sent = Vec::new();
        let mut now = transaction.began();
        while !transaction.expired(now) {
            now = transaction.wake();
            if transaction.transmit(now).is_some() {
                sent.push(now.as_ms() - 1_000.0);
            }
        }
        (sent, now.as_ms() - 1_000.0)
    }

    #[test]
    fn every_schedule_is_kept_to_the_millisecond() {
        for schedule in [
            Schedule::chromium(),
            Schedule::firefox(),
            Schedule::firefox_reliable(),
            Schedule::libnice(),
            Schedule::rfc8489(),
            Schedule::prompt(1),
            Schedule::prompt(28),
        ] {
            let ms = |at: &Duration| at.as_micros() as f64 / 1000.0;
            let expected: Vec<_> = schedule.sends().iter().map(ms).collect();
            let (sent, gave_up) = run(transaction(schedule.clone()));
            let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6;
            assert!(sent.len() == expected.len() && sent.iter().zip(&expected).all(close), "{sent:?}");
            assert!(close((&gave_up, &ms(&schedule.give_up()))), "{gave_up}");
        }
    }

    #[test]
    fn a_late_wake_up_moves_the_rest_and_drops_nothing() {
        let mut transaction = transaction(Schedule::libnice());
        assert!(transaction.transmit(Offset::from_ms(1_000)).is_some());
        assert!(transaction.transmit(Offset::from_ms(4_000)).is_some());
        assert!(transaction.transmit(Offset::from_ms(4_000)).is_none());
        assert_eq!(transaction.wake(), Offset::from_ms(5_000));
        assert!(!transaction.expired(Offset::from_ms(60_000)));
    }

    #[test]
    fn a_round_trip_is_exact_only_after_one_request() {
        let mut transaction = transaction(Schedule::firefox());
        transaction.transmit(Offset::from_ms(1_000));
        let exact = RoundTrip::Exact(Duration::from_millis(40));
        assert_eq!(transaction.round_trip(Offset::from_ms(1_040)), exact);
        transaction.transmit(Offset::from_ms(1_100));
        let between =
            RoundTrip::Between { shortest: Duration::from_millis(20), longest: Duration::from_millis(120) };
        assert_eq!(transaction.round_trip(Offset::from_ms(1_120)), between);
    }
}
