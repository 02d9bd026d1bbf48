//! Every name once per run.

use super::dial::Dial;
use crate::run::{Clock, PathLog};
use raincheck_probes::evidence::{Cause, Resolution};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Resolves each name once per run, whoever asks and however often. Cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    dial: Arc<dyn Dial>,
    clock: Clock,
    within: Duration,
}

impl Resolver {
    /// A resolver without any answers yet, which gives each name this long.
    pub fn new(dial: Arc<dyn Dial>, clock: Clock, within: Duration) -> Self {
        Self { dial, clock, within }
    }

    /// The addresses of a name, from memory or by asking.
    pub async fn lookup(&self, name: &str) -> Result<Vec<IpAddr>, Cause> {
        let _ = (name, &self.dial, self.clock, self.within);
        todo!()
    }

    /// The same, as the Resolve step of a path. `None` when it failed; the step says why.
    pub async fn resolve(&self, name: &str, log: &PathLog) -> Option<Vec<IpAddr>> {
        let _ = (name, log);
        todo!()
    }

    /// Every name that was looked up so far, in the order of asking.
    pub fn resolutions(&self) -> Vec<Resolution> {
        todo!()
    }
}
