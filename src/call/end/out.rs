//! What an end tells its reader: events in order, and data as far as there is room.

use super::api::EndEvent;
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// Events that wait for a slow reader. The oldest that only the agent told give way.
const BACKLOG: usize = 4096;

/// The way to the reader.
#[derive(Debug)]
pub(super) struct Outlet {
    reader: mpsc::Sender<EndEvent>,
    backlog: VecDeque<EndEvent>,
}

impl Outlet {
    pub(super) fn new(reader: mpsc::Sender<EndEvent>) -> Self {
        Self { reader, backlog: VecDeque::new() }
    }

    /// Tells something that must not be lost.
    pub(super) fn tell(&mut self, event: EndEvent) {
        if self.backlog.len() >= BACKLOG {
            let agents = self.backlog.iter().position(|event| matches!(event, EndEvent::Agent { .. }));
            let _ = self.backlog.remove(agents.unwrap_or(0));
        }
        self.backlog.push_back(event);
        self.flush();
    }

    /// Hands in data; false when there is no room. A part of the queue is kept for events.
    pub(super) fn data(&self, data: EndEvent) -> bool {
        let room = self.backlog.is_empty() && self.reader.capacity() > self.reader.max_capacity() / 4;
        room && self.reader.try_send(data).is_ok()
    }

    /// Whether events wait for room.
    pub(super) fn waits(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Waits for room. Cancel-safe.
    pub(super) async fn room(&self) {
        // A reader who is gone is seen when the event is handed in.
        let _ = self.reader.reserve().await;
    }

    /// Hands in as many events as there is room for.
    pub(super) fn flush(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            match self.reader.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.backlog.push_front(event);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => self.backlog.clear(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raincheck_probes::ice::agent::PairId;
    use raincheck_probes::machine::Offset;

    fn data() -> EndEvent {
        EndEvent::Data { bytes: vec![0x80], at: Offset::ZERO, pair: PairId(0) }
    }

    #[tokio::test]
    async fn data_that_nobody_reads_is_lost_and_events_wait() {
        let (sender, mut reader) = mpsc::channel(8);
        let mut outlet = Outlet::new(sender);
        assert_eq!((0..8).filter(|_| outlet.data(data())).count(), 6);
        for _ in 0..4 {
            outlet.tell(EndEvent::GatheringDone);
        }
        assert!(outlet.waits());
        for _ in 0..6 {
            assert_eq!(reader.recv().await, Some(data()));
        }
        outlet.room().await;
        outlet.flush();
        assert!(!outlet.waits());
        for _ in 0..4 {
            assert_eq!(reader.recv().await, Some(EndEvent::GatheringDone));
        }
    }

    #[test]
    fn a_reader_who_is_gone_holds_nothing_up() {
        let (sender, reader) = mpsc::channel(1);
        drop(reader);
        let mut outlet = Outlet::new(sender);
        outlet.tell(EndEvent::Stopped);
        assert!(!outlet.waits());
    }
}
