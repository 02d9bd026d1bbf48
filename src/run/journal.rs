//! The append-only record of a run.
//!
//! A step is in the journal from the moment it begins, as unfinished; ending it only fills in how it ended.
//! So a run that is cut short at any moment still has every step, and nobody has to collect them.

use super::Clock;
use raincheck_probes::evidence::{Cause, Facts, Outcome, PathEvidence, SkipReason, Stage, Step};
use raincheck_probes::machine::Offset;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The record of every path of a run. Cheap to clone; all clones write to the same record.
#[derive(Debug, Clone)]
pub struct Journal {
    clock: Clock,
    paths: Arc<Mutex<Vec<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    path: PathEvidence,
    withdrawn: bool,
}

/// The journal of one path.
#[derive(Debug, Clone)]
pub struct PathLog {
    journal: Journal,
    index: usize,
}

/// A step that has begun. Dropped without an end it stays unfinished in the record.
#[derive(Debug)]
#[must_use = "a step that nobody ends stays unfinished"]
pub struct OpenStep {
    log: PathLog,
    step: usize,
}

impl Journal {
    /// An empty journal on this clock.
    pub fn new(clock: Clock) -> Self {
        Self { clock, paths: Arc::default() }
    }

    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Adds a path; its steps go to the log that is returned.
    pub fn open(&self, path: PathEvidence) -> PathLog {
        let mut paths = self.lock();
        paths.push(Entry { path, withdrawn: false });
        PathLog { journal: self.clone(), index: paths.len() - 1 }
    }

    /// Every path so far, without those that turned out not to exist.
    pub fn snapshot(&self) -> Vec<PathEvidence> {
        self.lock().iter().filter(|entry| !entry.withdrawn).map(|entry| entry.path.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        // A panic elsewhere must not lose the record, which is valid at every moment.
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PathLog {
    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.journal.clock
    }

    /// Begins a step now.
    pub fn begin(&self, stage: Stage, address: Option<SocketAddr>) -> OpenStep {
        let now = self.clock().now();
        self.push(Step {
            stage,
            address,
            outcome: Outcome::Unfinished,
            began: now,
            ended: None,
            facts: Facts::default(),
        })
    }

    /// Records a step that was not tried.
    pub fn skip(&self, stage: Stage, why: SkipReason) {
        let now = self.clock().now();
        let outcome = Outcome::Skipped(why);
        let _ = self.push(Step {
            stage,
            address: None,
            outcome,
            began: now,
            ended: None,
            facts: Facts::default(),
        });
    }

    /// Records a step that a machine has timed itself.
    pub fn record(&self, step: Step) {
        let _ = self.push(step);
    }

    /// Changes what is known of the path beside its steps.
    pub fn update(&self, change: impl FnOnce(&mut PathEvidence)) {
        if let Some(entry) = self.journal.lock().get_mut(self.index) {
            change(&mut entry.path);
        }
    }

    /// Takes the path out of the record: there turned out to be no such path, as for a server without an
    /// address of the family.
    pub fn withdraw(&self) {
        if let Some(entry) = self.journal.lock().get_mut(self.index) {
            entry.withdrawn = true;
        }
    }

    /// The path as it stands.
    pub fn path(&self) -> Option<PathEvidence> {
        self.journal.lock().get(self.index).map(|entry| entry.path.clone())
    }

    fn push(&self, step: Step) -> OpenStep {
        let mut at = 0;
        self.update(|path| {
            at = path.steps.len();
            path.steps.push(step);
        });
        OpenStep { log: self.clone(), step: at }
    }
}

impl OpenStep {
    /// Adds a fact.
    pub fn fact(&self, key: &str, value: impl Into<serde_json::Value>) {
        self.change(|step| step.facts.set(key, value));
    }

    /// Ends the step: it worked.
    pub fn pass(self) {
        self.end(Outcome::Passed);
    }

    /// Ends the step: it failed with this cause.
    pub fn fail(self, cause: Cause) {
        self.end(Outcome::Failed(cause));
    }

    /// Ends the step: it led no further, for this reason, and that is no failure.
    pub fn skip(self, why: SkipReason) {
        self.end(Outcome::Skipped(why));
    }

    /// When the step began.
    pub fn began(&self) -> Offset {
        let mut began = Offset::ZERO;
        self.change(|step| began = step.began);
        began
    }

    fn end(self, outcome: Outcome) {
        let now = self.log.clock().now();
        self.change(|step| {
            step.outcome = outcome;
            step.ended = Some(now);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Step)) {
        self.log.update(|path| {
            if let Some(step) = path.steps.get_mut(self.step) {
                change(step);
            }
        });
    }
}
