//! One pair as libwebrtc sees it: `p2p/base/connection.cc`, Connection, with its timers.
//!
//! Times are whole milliseconds since the run began, as libwebrtc counts them: two things within one millisecond happen
//! at the same time to it.

/// kDefaultRtt (DEFAULT_RTT): what a round trip is taken for before the first was measured.
const DEFAULT_RTT: u64 = 3_000;
/// RTT_RATIO: how much the estimate weighs against a new round trip.
const RTT_RATIO: u64 = 3;
/// MINIMUM_RTT and MAXIMUM_RTT, for judging silence.
const RTT_BOUNDS: [u64; 2] = [100, 60_000];
/// CONNECTION_WRITE_CONNECT_FAILURES: unanswered pings that make a pair unreliable.
const FAILURES: usize = 5;
/// CONNECTION_WRITE_CONNECT_TIMEOUT: and for how long.
const UNWRITABLE_AFTER: u64 = 5_000;
/// CONNECTION_WRITE_TIMEOUT: silence after which a pair that does not work is given up.
const TIMED_OUT_AFTER: u64 = 15_000;
/// WEAK_CONNECTION_RECEIVE_TIMEOUT.
const RECEIVING_FOR: u64 = 2_500;
/// DEAD_CONNECTION_RECEIVE_TIMEOUT, also of the field trial `dead_connection_timeout_ms`.
const DEAD_AFTER: u64 = 30_000;
/// MIN_CONNECTION_LIFETIME.
const LIVES_AT_LEAST: u64 = 10_000;

/// Connection::WriteState, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Write {
    /// The last pings were answered.
    Writable,
    /// It was writable, and some pings went unanswered.
    Unreliable,
    /// No ping was answered yet.
    Init,
    /// Pings went unanswered for long, or it was pruned.
    Timeout,
}

/// What libwebrtc keeps of one pair.
#[derive(Debug)]
pub(super) struct Link {
    /// Whether there is a connection for this pair; libwebrtc destroys them.
    pub(super) exists: bool,
    pub(super) write: Write,
    pub(super) receiving: bool,
    pub(super) receiving_since: u64,
    /// Whether its TCP connection is open; always, without TCP.
    pub(super) connected: bool,
    /// Until when a TCP connection that broke counts as writable (`p2p/base/tcp_port.cc`,
    /// `pretending_to_be_writable_`).
    pub(super) pretends_until: Option<u64>,
    pub(super) pruned: bool,
    pub(super) failed: bool,
    /// Whether it was pinged in this round.
    pub(super) pinged: bool,
    pub(super) pings: u32,
    pub(super) last_ping: Option<u64>,
    pub(super) ping_received: Option<u64>,
    pub(super) data_received: Option<u64>,
    pub(super) answered: Option<u64>,
    /// The oldest unanswered pings, as many as matter, and how many there are.
    silent_pings: Vec<u64>,
    pub(super) unanswered: u32,
    /// The estimated round trip.
    pub(super) rtt: u64,
    pub(super) rtt_samples: u32,
    pub(super) remote_nomination: u32,
    created: u64,
    /// The local candidate and the cost, as they were when last looked at.
    pub(super) local: usize,
    pub(super) cost: u32,
    /// Whether its silence was told.
    pub(super) silence_told: bool,
    /// Its place in the order of the last sort.
    pub(super) place: usize,
}

impl Link {
    /// A pair without a connection.
    pub(super) fn absent() -> Self {
        Self { exists: false, ..Self::new(0, true) }
    }

    pub(super) fn new(now: u64, connected: bool) -> Self {
        Self {
            exists: true,
            write: Write::Init,
            receiving: false,
            receiving_since: 0,
            connected,
            pretends_until: None,
            pruned: false,
            failed: false,
            pinged: false,
            pings: 0,
            last_ping: None,
            ping_received: None,
            data_received: None,
            answered: None,
            silent_pings: Vec::new(),
            unanswered: 0,
            rtt: DEFAULT_RTT,
            rtt_samples: 0,
            remote_nomination: 0,
            created: now,
            local: 0,
            cost: 0,
            silence_told: false,
            place: usize::MAX,
        }
    }

    pub(super) fn writable(&self) -> bool {
        self.write == Write::Writable
    }

    pub(super) fn weak(&self) -> bool {
        !(self.writable() && self.receiving && self.connected)
    }

    pub(super) fn active(&self) -> bool {
        self.write != Write::Timeout
    }

    /// BasicIceController::ReadyToSend.
    pub(super) fn ready_to_send(&self) -> bool {
        matches!(self.write, Write::Writable | Write::Unreliable)
    }

    /// A ping was sent.
    pub(super) fn note_ping(&mut self, now: u64) {
        self.last_ping = Some(now);
        self.pings = self.pings.saturating_add(1);
        self.pinged = true;
        self.unanswered = self.unanswered.saturating_add(1);
        if self.silent_pings.len() < FAILURES {
            self.silent_pings.push(now);
        }
    }

    /// A ping that was sent at `sent` is answered. False when one sent later was answered before: its nomination counts
    /// no more then (ReceivedPingResponse finds it in `pings_since_last_response_` or does not).
    pub(super) fn note_answer(&mut self, sent: u64, now: u64) -> bool {
        let in_order = self.answered.is_none_or(|before| sent >= before);
        let rtt = now.saturating_sub(sent);
        self.silent_pings.clear();
        self.unanswered = 0;
        self.answered = Some(now);
        self.pretends_until = None;
        self.rtt = if self.rtt_samples == 0 { rtt } else { (RTT_RATIO * self.rtt + rtt) / (RTT_RATIO + 1) };
        self.rtt_samples = self.rtt_samples.saturating_add(1);
        in_order
    }

    fn last_received(&self) -> Option<u64> {
        self.ping_received.max(self.data_received).max(self.answered)
    }

    /// Whether it is receiving (UpdateReceiving): its last ping was answered, or something came lately.
    pub(super) fn receives(&self, now: u64) -> bool {
        let lately = self.last_received().is_some_and(|last| now <= last + RECEIVING_FOR);
        self.last_ping < self.answered || lately
    }

    /// When the first ping that is unanswered was sent.
    pub(super) fn silent_since(&self) -> Option<u64> {
        self.silent_pings.first().copied()
    }

    /// TooManyFailures and TooLongWithoutResponse of a writable pair.
    pub(super) fn becomes_unreliable(&self, now: u64) -> bool {
        let patience = (2 * self.rtt).clamp(RTT_BOUNDS[0], RTT_BOUNDS[1]);
        let many = self.silent_pings.get(FAILURES - 1).is_some_and(|last| now > last + patience);
        self.writable() && many && self.silent_longer(UNWRITABLE_AFTER, now)
    }

    /// TooLongWithoutResponse of a pair that does not work, or no more.
    pub(super) fn times_out(&self, now: u64) -> bool {
        matches!(self.write, Write::Unreliable | Write::Init) && self.silent_longer(TIMED_OUT_AFTER, now)
    }

    fn silent_longer(&self, time: u64, now: u64) -> bool {
        self.silent_since().is_some_and(|first| now > first + time)
    }

    /// Connection::dead.
    pub(super) fn dead(&self, now: u64) -> bool {
        let Some(last) = self.last_received() else {
            return !self.active() && now > self.created + LIVES_AT_LEAST;
        };
        now > last + DEAD_AFTER && self.silent_since().is_none_or(|first| now > first + DEAD_AFTER)
    }

    /// Connection::stable: its round trip has converged and no answer is overdue.
    pub(super) fn stable(&self, now: u64) -> bool {
        u64::from(self.rtt_samples) > RTT_RATIO + 1 && !self.overdue(now)
    }

    /// Connection::missing_responses.
    pub(super) fn overdue(&self, now: u64) -> bool {
        self.silent_since().is_some_and(|first| now.saturating_sub(first) > 2 * self.rtt)
    }
}
