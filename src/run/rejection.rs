//! When ICMP errors add up to a rejection.
//!
//! Anybody on the way can send an ICMP error, and one may be about a moment that has passed. So an error counts only
//! while the server has not been heard of, and a single one counts only when nothing came in for a while after it.

use crate::path::Rejection;
use raincheck_probes::evidence::Cause;
use raincheck_probes::machine::Offset;
use std::time::Duration;

/// How long an answer may still come in after a refusal. A second refusal ends the wait.
const AFTER_REFUSAL: Duration = Duration::from_millis(300);

/// How long after the word that there is no way, which may pass (RFC 1122 section 4.2.3.9 calls it a hint).
const AFTER_NO_WAY: Duration = Duration::from_millis(600);

/// The rejections of one server.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    is_settled: bool,
    pending: Option<(Rejection, Offset)>,
}

impl Rejections {
    /// The server was heard of: whatever is said about it, datagrams do arrive.
    pub(super) fn answered(&mut self) {
        self.is_settled = true;
        self.pending = None;
    }

    /// A rejection came in. `None` is an ICMP error that is none.
    pub(super) fn add(&mut self, rejection: Option<Rejection>, now: Offset) {
        let Some(rejection) = rejection.filter(|_| !self.is_settled) else { return };
        let is_refusal = |rejection: &Rejection| rejection.cause == Cause::Refused;
        let due = now + if is_refusal(&rejection) { AFTER_REFUSAL } else { AFTER_NO_WAY };
        self.pending = Some(match self.pending.take() {
            None => (rejection, due),
            Some((first, _)) if is_refusal(&first) && is_refusal(&rejection) => (first, now),
            Some((_, first_due)) if is_refusal(&rejection) => (rejection, due.min(first_due)),
            Some(first) => first,
        });
    }

    /// When [`take`](Self::take) is to be asked.
    pub(super) fn due(&self) -> Option<Offset> {
        self.pending.as_ref().map(|(_, due)| *due)
    }

    /// The rejection, once, when it has become one by now.
    pub(super) fn take(&mut self, now: Offset) -> Option<Rejection> {
        let (rejection, _) = self.pending.take_if(|(_, due)| *due <= now)?;
        self.is_settled = true;
        Some(rejection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Option<Rejection> {
        Some(Rejection { cause: Cause::Refused, icmp: None })
    }

    fn no_way() -> Option<Rejection> {
        Some(Rejection { cause: Cause::Unreachable { detail: "no way".to_owned() }, icmp: None })
    }

    /// When it became a rejection, in milliseconds, after these.
    fn after(came_in: &[(u64, Option<Rejection>)]) -> Option<(f64, Rejection)> {
        let mut rejections = Rejections::default();
        for (at, rejection) in came_in {
            rejections.add(rejection.clone(), Offset::from_ms(*at));
        }
        let due = rejections.due()?;
        rejections.take(due).map(|rejection| (due.as_ms(), rejection))
    }

    #[test]
    fn one_refusal_counts_when_nothing_follows_and_two_count_at_once() {
        assert_eq!(after(&[(20, refused())]), refused().map(|it| (320.0, it)));
        assert_eq!(after(&[(20, refused()), (21, refused())]), refused().map(|it| (21.0, it)));
    }

    #[test]
    fn no_way_is_waited_on_for_longer_however_often_it_is_said() {
        assert_eq!(after(&[(20, no_way())]), no_way().map(|it| (620.0, it)));
        assert_eq!(after(&[(20, no_way()), (21, no_way())]), no_way().map(|it| (620.0, it)));
    }

    #[test]
    fn a_refusal_says_more_than_that_there_is_no_way() {
        assert_eq!(after(&[(20, no_way()), (40, refused())]), refused().map(|it| (340.0, it)));
        assert_eq!(after(&[(20, refused()), (40, no_way())]), refused().map(|it| (320.0, it)));
        assert_eq!(after(&[(20, no_way()), (500, refused())]), refused().map(|it| (620.0, it)));
    }

    #[test]
    fn an_icmp_error_that_rejects_nothing_does_not_count() {
        assert_eq!(after(&[(20, None)]), None);
    }

    #[test]
    fn a_server_that_answers_is_not_rejected_whatever_came_before_or_after() {
        let mut rejections = Rejections::default();
        rejections.add(refused(), Offset::from_ms(20));
        rejections.answered();
        rejections.add(refused(), Offset::from_ms(40));
        rejections.add(refused(), Offset::from_ms(60));
        assert_eq!((rejections.due(), rejections.take(Offset::from_ms(9000))), (None, None));
    }

    #[test]
    fn it_is_told_once_and_not_before_it_is_due() {
        let mut rejections = Rejections::default();
        rejections.add(refused(), Offset::from_ms(20));
        assert_eq!(rejections.take(Offset::from_ms(319)), None);
        assert_eq!(rejections.take(Offset::from_ms(320)), refused());
        rejections.add(refused(), Offset::from_ms(330));
        assert_eq!((rejections.due(), rejections.take(Offset::from_ms(9000))), (None, None));
    }
}
