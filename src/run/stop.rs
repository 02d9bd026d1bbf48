//! Ending a run early: the deadline, Ctrl-C, or simply that nothing is left to learn.

use std::time::Duration;
use tokio::sync::watch;

/// Why a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Everything that was asked has been answered.
    Finished,
    /// The deadline is near; what is left of it belongs to leaving clean.
    Deadline,
    /// The user pressed Ctrl-C.
    Interrupted,
}

impl StopReason {
    /// What the report says of a run that was cut short.
    pub fn cut_short(self, deadline: Duration) -> Option<String> {
        match self {
            Self::Finished => None,
            Self::Deadline => Some(format!(
                "stopped in time to leave clean before the deadline of {} s",
                deadline.as_secs_f64()
            )),
            Self::Interrupted => Some("interrupted".to_owned()),
        }
    }
}

/// The side that ends the run.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Option<StopReason>>);

/// The side that is told.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<StopReason>>);

impl Stopper {
    /// A pair of both sides.
    pub fn new() -> (Self, Stop) {
        let (tell, told) = watch::channel(None);
        (Self(tell), Stop(told))
    }

    /// Ends the run; the first reason stays.
    pub fn stop(&self, reason: StopReason) {
        self.0.send_if_modified(|stopped| stopped.is_none().then(|| *stopped = Some(reason)).is_some());
    }
}

impl Stop {
    /// Waits until the run is to end, and says why. A run whose owner is gone is finished.
    pub async fn wait(&self) -> StopReason {
        let mut told = self.0.clone();
        match told.wait_for(Option::is_some).await {
            Ok(reason) => reason.unwrap_or(StopReason::Finished),
            Err(_) => StopReason::Finished,
        }
    }

    /// What comes of something, unless the run is to end before it does.
    pub(crate) async fn unless<T>(&self, something: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.wait() => None,
            value = something => Some(value),
        }
    }

    /// Why the run is to end; none while it is not.
    pub fn reason(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    /// Whether the run is to end.
    pub fn is_stopped(&self) -> bool {
        self.0.borrow().is_some()
    }
}
