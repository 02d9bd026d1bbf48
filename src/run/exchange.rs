//! Media-sized packets between two allocations, and what came of them.
//!
//! Both ends are here, on one clock, so the time from send to arrival needs no second clock and no echo.
//! When both allocations lie on one path, one transit is one round trip of that path: up to the server in
//! the first allocation, back down in the second.

use super::relay::Relay;
use super::{Clock, Stop};
use raincheck_probes::evidence::RelayRun;
use raincheck_probes::machine::{IdSource, Offset};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

/// An RTP header and 20 ms of G.711: what a softphone call sends fifty times a second.
pub(super) const PACKET: usize = 172;

/// The pace of a G.711 call.
pub(super) const SPACING: Duration = Duration::from_millis(20);

/// How long the last packets are waited for at least, when some came back.
const SETTLE: Duration = Duration::from_millis(600);

/// How long, when none came back: longer than the round trip of any path that carries a call.
const SILENCE: Duration = Duration::from_secs(2);

/// A packet that arrived in some allocation, on its way to the exchange that sent it.
#[derive(Debug)]
struct Arrival {
    direction: usize,
    sequence: u16,
    intact: bool,
    at: Offset,
}

/// Where allocations hand in what they received. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Mailroom(Arc<Mutex<HashMap<u32, mpsc::Sender<Arrival>>>>);

impl Mailroom {
    /// Hands in a packet. One that belongs to no exchange under way is dropped.
    pub(super) fn deliver(&self, payload: &[u8], at: Offset) {
        let Some((exchange, direction, sequence)) = read(payload) else { return };
        let boxes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = boxes.get(&exchange) {
            let intact = payload == packet(exchange, direction, sequence);
            // A full box means that the exchange has stopped reading; its packets count as lost.
            let _ = sender.try_send(Arrival { direction, sequence, intact, at });
        }
    }

    fn open(&self, exchange: u32, room: usize) -> mpsc::Receiver<Arrival> {
        let (sender, receiver) = mpsc::channel(room);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(exchange, sender);
        receiver
    }

    fn close(&self, exchange: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&exchange);
    }
}

/// What an exchange needs from the run.
pub(super) struct Desk<'a> {
    /// The run's clock.
    pub(super) clock: Clock,
    /// Where arrivals come in.
    pub(super) mail: &'a Mailroom,
    /// The end of the run.
    pub(super) stop: &'a Stop,
}

/// What came of an exchange.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exchanged {
    /// The record, with the second allocation as the far end.
    pub(super) run: RelayRun,
    /// Packets that arrived at the second allocation, and at the first.
    pub(super) arrived: [u64; 2],
    /// Packets that came in changed; they count as lost.
    pub(super) changed: u64,
}

/// Sends `count` packets each way between two allocations at the pace of a call, and counts.
///
/// Ends early when all have arrived, or when the run ends; what was sent until then counts.
pub(super) async fn exchange(
    desk: &Desk<'_>,
    ends: [&Relay; 2],
    count: u16,
    ids: &mut IdSource,
) -> Exchanged {
    let exchange = ids.next_u64() as u32;
    let mut arrivals = desk.mail.open(exchange, 64 + 4 * usize::from(count));
    let mut tally = Tally::new(count);
    let began = desk.clock.now();
    for sequence in 0..count {
        tokio::select! {
            () = sleep_until(desk.clock.instant(began + SPACING * u32::from(sequence))) => {}
            _ = desk.stop.wait() => break,
        }
        for (direction, (from, to)) in [(ends[0], ends[1]), (ends[1], ends[0])].into_iter().enumerate() {
            tally.sent[direction].push(desk.clock.now());
            from.send(to.relayed(), packet(exchange, direction, sequence)).await;
        }
    }
    let last_sent = desk.clock.now();
    while !desk.stop.is_stopped() && tally.arrived() < tally.sent() {
        let until = last_sent + tally.patience();
        tokio::select! {
            arrival = arrivals.recv() => match arrival {
                Some(arrival) => tally.count(arrival),
                None => break,
            },
            () = sleep_until(desk.clock.instant(until)) => break,
            _ = desk.stop.wait() => break,
        }
    }
    while let Ok(arrival) = arrivals.try_recv() {
        tally.count(arrival);
    }
    desk.mail.close(exchange);
    tally.finish(ends[1].path())
}

/// The books of one exchange.
struct Tally {
    sent: [Vec<Offset>; 2],
    seen: [Vec<Option<Offset>>; 2],
    order: Vec<(usize, usize)>,
    changed: u64,
}

impl Tally {
    fn new(count: u16) -> Self {
        let unseen = vec![None; usize::from(count)];
        Self { sent: [Vec::new(), Vec::new()], seen: [unseen.clone(), unseen], order: Vec::new(), changed: 0 }
    }

    fn sent(&self) -> usize {
        self.sent.iter().map(Vec::len).sum()
    }

    fn arrived(&self) -> usize {
        self.order.len()
    }

    /// How long after the last packet more are waited for: three times the slowest way so far.
    fn patience(&self) -> Duration {
        let transits =
            self.order.iter().filter_map(|&(direction, sequence)| self.transit(direction, sequence));
        match transits.reduce(f64::max) {
            Some(slowest) => Duration::from_secs_f64(slowest * 3.0 / 1000.0).max(SETTLE),
            None => SILENCE,
        }
    }

    fn count(&mut self, arrival: Arrival) {
        if !arrival.intact {
            self.changed += 1;
            return;
        }
        let sequence = usize::from(arrival.sequence);
        if let Some(slot @ None) =
            self.seen.get_mut(arrival.direction).and_then(|seen| seen.get_mut(sequence))
        {
            *slot = Some(arrival.at);
            self.order.push((arrival.direction, sequence));
        }
    }

    fn transit(&self, direction: usize, sequence: usize) -> Option<f64> {
        let at = self.seen.get(direction)?.get(sequence).copied()??;
        let sent = self.sent.get(direction)?.get(sequence).copied()?;
        Some(at.since(sent).as_secs_f64() * 1000.0)
    }

    fn finish(&self, far_end: &str) -> Exchanged {
        let transit_ms: Vec<f64> = self.order.iter().filter_map(|&(d, s)| self.transit(d, s)).collect();
        let jitter = (0..2).filter_map(|direction| {
            let of_direction = self.order.iter().filter(|&&(d, _)| d == direction);
            jitter(of_direction.filter_map(|&(d, s)| self.transit(d, s)))
        });
        let arrived = |direction| self.order.iter().filter(|&&(d, _)| d == direction).count() as u64;
        let run = RelayRun {
            far_end: far_end.to_owned(),
            sent: self.sent() as u64,
            received: transit_ms.len() as u64,
            transit_ms,
            jitter_ms: jitter.reduce(f64::max),
        };
        Exchanged { run, arrived: [arrived(0), arrived(1)], changed: self.changed }
    }
}

/// Interarrival jitter of transits in order of arrival, RFC 3550 section 6.4.1; none below two.
fn jitter(mut transits: impl Iterator<Item = f64>) -> Option<f64> {
    let mut last = transits.next()?;
    let mut jitter = None;
    for transit in transits {
        let before = jitter.unwrap_or(0.0);
        jitter = Some(before + ((transit - last).abs() - before) / 16.0);
        last = transit;
    }
    jitter
}

/// An RTP packet (version 2, payload type 0) whose SSRC names the exchange and whose 160 bytes follow from
/// its header, so that any change on the way shows.
fn packet(exchange: u32, direction: usize, sequence: u16) -> Vec<u8> {
    let mut packet = Vec::with_capacity(PACKET);
    packet.extend([0x80, 0x00]);
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(exchange.to_be_bytes());
    packet.push(direction as u8);
    let mut filler = IdSource::new(u64::from(exchange) << 17 | u64::from(sequence) << 1 | direction as u64);
    while packet.len() < PACKET {
        packet.push(filler.next_u64() as u8);
    }
    packet
}

fn read(payload: &[u8]) -> Option<(u32, usize, u16)> {
    let header: &[u8; 13] = payload.first_chunk()?;
    let [0x80, 0x00, s0, s1, _, _, _, _, e0, e1, e2, e3, direction] = *header else { return None };
    Some((u32::from_be_bytes([e0, e1, e2, e3]), usize::from(direction), u16::from_be_bytes([s0, s1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_as_long_as_g711_and_reads_back() {
        let bytes = packet(7, 1, 300);
        assert_eq!(bytes.len(), PACKET);
        assert_eq!(read(&bytes), Some((7, 1, 300)));
        assert_eq!(read(&bytes[..12]), None);
    }

    #[test]
    fn jitter_follows_the_rfc_by_sixteenths() {
        assert_eq!(jitter([40.0].into_iter()), None);
        assert_eq!(jitter([40.0, 40.0, 40.0].into_iter()), Some(0.0));
        assert_eq!(jitter([40.0, 56.0].into_iter()), Some(1.0));
    }

    #[test]
    fn a_changed_packet_is_not_received_and_a_second_copy_counts_once() {
        let mail = Mailroom::default();
        let mut arrivals = mail.open(9, 8);
        let mut changed = packet(9, 0, 0);
        changed[100] ^= 1;
        mail.deliver(&changed, Offset::from_ms(5));
        mail.deliver(&packet(9, 0, 1), Offset::from_ms(45));
        mail.deliver(&packet(9, 0, 1), Offset::from_ms(46));
        mail.deliver(&packet(8, 0, 1), Offset::from_ms(46));
        let mut tally = Tally::new(2);
        tally.sent = [vec![Offset::ZERO, Offset::from_ms(20)], vec![Offset::ZERO, Offset::from_ms(20)]];
        while let Ok(arrival) = arrivals.try_recv() {
            tally.count(arrival);
        }
        let seen = tally.finish("there");
        assert_eq!((seen.run.sent, seen.run.received, seen.changed), (4, 1, 1));
        assert_eq!(seen.arrived, [1, 0]);
        assert_eq!(seen.run.transit_ms, [25.0]);
    }
}
