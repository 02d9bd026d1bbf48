//! The one place that reads the time.

use raincheck_probes::machine::Offset;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

/// The run's clock: offsets since the run began, on tokio's clock, so that tests can pause it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// Starts the run now.
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }

    /// Now, as an offset.
    pub fn now(&self) -> Offset {
        Offset::new(self.began.elapsed())
    }

    /// The instant of an offset, for timers.
    pub fn instant(&self, at: Offset) -> Instant {
        self.began + at.as_duration()
    }

    /// The wall clock, RFC 3339 UTC with milliseconds.
    pub fn wall() -> String {
        let now = OffsetDateTime::now_utc();
        let whole = now.replace_millisecond(now.millisecond()).unwrap_or(now);
        whole.format(&Rfc3339).unwrap_or_default()
    }
}
