//! Retransmission schedules as values: when a request is sent again, and when it is given up.

use std::time::Duration;

/// When one request is sent and when it is given up, counted from its first transmission.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schedule {
    sends: Vec<Duration>,
    give_up: Duration,
}

/// Packet loss, each way, that the prompt schedule is made for.
pub const PROMPT_LOSS: f64 = 0.10;
/// How seldom, per run, the prompt schedule may call an open path silent under that loss.
pub const PROMPT_FALSE_ALARMS: f64 = 1e-6;
/// The first gap of the prompt schedule. Every later gap is at least as long.
const PROMPT_FIRST_GAP: Duration = Duration::from_millis(100);
/// When the prompt schedule sends for the last time.
const PROMPT_LAST_SEND: Duration = Duration::from_millis(2_100);
/// How long the last request is given: a slow satellite path answers within that.
const PROMPT_LAST_WAIT: Duration = Duration::from_millis(600);
/// As many sends as fit before the last one without going below the first gap.
const PROMPT_MAX_SENDS: u32 = 21;

impl Schedule {
    /// libwebrtc, `p2p/base/stun_request.cc`: 250 ms doubling up to 8 s, nine sends, also on streams.
    pub fn chromium() -> Self {
        let mut gap = Duration::from_millis(250);
        let mut sends = vec![Duration::ZERO];
        while sends.len() < 9 {
            sends.push(last(&sends) + gap);
            gap = (gap * 2).min(Duration::from_secs(8));
        }
        let give_up = last(&sends) + gap;
        Self { sends, give_up }
    }

    /// Firefox, nICEr `stun_client_ctx.c`: RTO 100 ms, seven sends; the last wait is one more doubling and 16 RTO.
    pub fn firefox() -> Self {
        let rto = Duration::from_millis(100);
        let sends = doubling(rto, 7);
        let give_up = last(&sends) + rto * 32 + rto * 16;
        Self { sends, give_up }
    }

    /// Firefox on TCP and TLS: one send, given RTO · 2⁷.
    pub fn firefox_reliable() -> Self {
        Self::reliable(Duration::from_millis(100) * 128)
    }

    /// libnice, `stun/usages/timer.h`: RTO 500 ms, three sends, the last wait half of its turn.
    pub fn libnice() -> Self {
        Self { sends: doubling(Duration::from_millis(500), 3), give_up: Duration::from_millis(2_000) }
    }

    /// RFC 8489 section 6.2.1: RTO 500 ms, Rc 7, Rm 16.
    pub fn rfc8489() -> Self {
        let (rto, rc, rm) = (Duration::from_millis(500), 7, 16);
        let sends = doubling(rto, rc);
        let give_up = last(&sends) + rto * rm;
        Self { sends, give_up }
    }

    /// Gaps that begin with `rto` and double, so many sends (at least one), and this much for the last.
    pub fn exponential(rto: Duration, sends: u32, last_wait: Duration) -> Self {
        let sends = doubling(rto, sends.clamp(1, 16));
        let give_up = last(&sends) + last_wait;
        Self { sends, give_up }
    }

    /// One send: a stream delivers it or breaks.
    pub fn reliable(give_up: Duration) -> Self {
        Self { sends: vec![Duration::ZERO], give_up }
    }

    /// Ours: says within three seconds whether a UDP path is silent.
    ///
    /// There are enough sends that 10 % loss each way makes an open path look silent less than once in a million
    /// runs, all paths of a run together. Gaps begin at 100 ms and grow by the same step.
    pub fn prompt(udp_paths: usize) -> Self {
        let count = sends_needed(PROMPT_LOSS, PROMPT_FALSE_ALARMS, udp_paths).min(PROMPT_MAX_SENDS);
        let (n, last) = (u64::from(count), micros(PROMPT_LAST_SEND));
        let first_gap = micros(PROMPT_FIRST_GAP);
        let to_spread = last - first_gap * (n - 1);
        let at = |k: u64| first_gap * k + to_spread * k * k.saturating_sub(1) / ((n - 1) * (n - 2));
        let sends = (0..n).map(|k| Duration::from_micros(at(k))).collect();
        Self { sends, give_up: PROMPT_LAST_SEND + PROMPT_LAST_WAIT }
    }

    /// When the request is sent, from [`Duration::ZERO`] on, rising. Never empty.
    pub fn sends(&self) -> &[Duration] {
        &self.sends
    }

    /// When the request is given up.
    pub fn give_up(&self) -> Duration {
        self.give_up
    }
}

/// How many requests must be sent to each of `paths` so that at least one is answered on every path, up to a failure
/// rate of `false_alarms` for all of them together, when each packet is lost with probability `loss` each way.
///
/// At least 9, so that one path is not judged on less than a run with three.
pub fn sends_needed(loss: f64, false_alarms: f64, paths: usize) -> u32 {
    let unanswered = 1.0 - (1.0 - loss) * (1.0 - loss);
    let mut alarms = paths.max(1) as f64 * unanswered;
    let mut count = 1;
    while count < 9 || (alarms >= false_alarms && count < 1_000) {
        alarms *= unanswered;
        count += 1;
    }
    count
}

fn doubling(rto: Duration, count: u32) -> Vec<Duration> {
    (0..count).map(|k| rto * (2u32.pow(k) - 1)).collect()
}

fn last(sends: &[Duration]) -> Duration {
    sends.last().copied().unwrap_or_default()
}

fn micros(of: Duration) -> u64 {
    u64::try_from(of.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(schedule: &Schedule) -> (Vec<u128>, u128) {
        (schedule.sends().iter().map(Duration::as_millis).collect(), schedule.give_up().as_millis())
    }

    #[test]
    fn clients_send_when_they_really_send() {
        let chromium = vec![0, 250, 750, 1750, 3750, 7750, 15750, 23750, 31750];
        assert_eq!(ms(&Schedule::chromium()), (chromium, 39_750));
        assert_eq!(ms(&Schedule::firefox()), (vec![0, 100, 300, 700, 1500, 3100, 6300], 11_100));
        assert_eq!(ms(&Schedule::firefox_reliable()), (vec![0], 12_800));
        assert_eq!(ms(&Schedule::libnice()), (vec![0, 500, 1500], 2_000));
        assert_eq!(ms(&Schedule::rfc8489()), (vec![0, 500, 1500, 3500, 7500, 15500, 31500], 39_500));
        assert_eq!(ms(&Schedule::reliable(Duration::from_secs(3))), (vec![0], 3_000));
        let rto = Duration::from_millis(500);
        assert_eq!(Schedule::exponential(rto, 7, rto * 16), Schedule::rfc8489());
    }

    #[test]
    fn the_prompt_schedule_of_one_path_is_nine_sends_in_two_seconds() {
        let expected = vec![0, 100, 246, 439, 678, 964, 1296, 1675, 2100];
        assert_eq!(ms(&Schedule::prompt(1)), (expected, 2_700));
        assert_eq!(Schedule::prompt(0), Schedule::prompt(3));
    }

    #[test]
    fn more_paths_take_more_sends() {
        let counts = [1, 3, 4, 16, 17, 85, 86, 500].map(|paths| Schedule::prompt(paths).sends().len());
        assert_eq!(counts, [9, 9, 10, 10, 11, 11, 12, 13]);
    }

    #[test]
    fn a_run_calls_an_open_path_silent_less_than_once_in_a_million() {
        for paths in [1, 2, 3, 4, 6, 28, 56, 84, 500] {
            let sends = i32::try_from(Schedule::prompt(paths).sends().len()).unwrap();
            let silent = 1.0_f64 - 0.9 * 0.9;
            assert!(paths as f64 * silent.powi(sends) < 1e-6, "{paths} paths, {sends} sends");
        }
    }

    #[test]
    fn gaps_of_the_prompt_schedule_grow_from_100_ms_whatever_the_number_of_paths() {
        for paths in [1, 4, 28, 1_000, 1_000_000, usize::MAX] {
            let schedule = Schedule::prompt(paths);
            let gaps: Vec<_> = schedule.sends().windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert_eq!(gaps[0], Duration::from_millis(100));
            // Offsets are whole microseconds, so that equal steps may differ by one.
            let grows = |pair: &[Duration]| pair[1] + Duration::from_micros(1) >= pair[0];
            assert!(gaps.windows(2).all(grows), "{paths}: {gaps:?}");
            assert_eq!(last(schedule.sends()), Duration::from_millis(2_100));
            assert!(schedule.give_up() < Duration::from_secs(3));
        }
    }
}
