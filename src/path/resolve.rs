//! Every name once per run.

use super::dial::{Dial, LookupFailure};
use crate::run::{Clock, PathLog};
use raincheck_probes::evidence::{Cause, Resolution, Stage};
use raincheck_probes::machine::Offset;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long a name is given (`res_search` with one server asks again after this long).
pub const RESOLVE_WITHIN: Duration = Duration::from_secs(5);

const MAX_ADDRESSES: usize = 16;

/// Resolves each name once per run, whoever asks and however often. Cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    shared: Arc<Shared>,
}

struct Shared {
    dial: Arc<dyn Dial>,
    clock: Clock,
    within: Duration,
    asked: Mutex<Vec<Asked>>,
}

#[derive(Clone)]
struct Asked {
    name: String,
    began: Offset,
    answer: watch::Receiver<Option<Answer>>,
}

#[derive(Clone)]
struct Answer {
    ended: Offset,
    addresses: Result<Vec<IpAddr>, Cause>,
}

impl Resolver {
    /// A resolver without any answers yet, which gives each name this long ([`RESOLVE_WITHIN`]).
    pub fn new(dial: Arc<dyn Dial>, clock: Clock, within: Duration) -> Self {
        Self { shared: Arc::new(Shared { dial, clock, within, asked: Mutex::default() }) }
    }

    /// The addresses of a name, from memory or by asking. Call it inside a runtime.
    pub async fn lookup(&self, name: &str) -> Result<Vec<IpAddr>, Cause> {
        self.ask(name).addresses().await
    }

    /// The same, as the Resolve step of a path. `None` when it failed; the step says why.
    pub async fn resolve(&self, name: &str, log: &PathLog) -> Option<Vec<IpAddr>> {
        self.resolve_all(&[name], log).await?.pop()
    }

    /// Every name that was looked up so far, in the order of asking.
    pub fn resolutions(&self) -> Vec<Resolution> {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().map(Asked::resolution).collect()
    }

    /// Several names as one step, which fails with the first that has no address.
    pub(super) async fn resolve_all(&self, names: &[&str], log: &PathLog) -> Option<Vec<Vec<IpAddr>>> {
        let step = log.begin(Stage::Resolve, None);
        step.fact("names", names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let asked: Vec<Asked> = names.iter().map(|name| self.ask(name)).collect();
        let mut all = Vec::new();
        for one in asked {
            match one.addresses().await {
                Ok(addresses) => all.push(addresses),
                Err(cause) => {
                    step.fact("failed", one.name);
                    step.fail(cause);
                    return None;
                }
            }
        }
        step.fact("addresses", all.iter().flatten().map(IpAddr::to_string).collect::<Vec<_>>());
        step.pass();
        Some(all)
    }

    /// Joins the question for a name, or begins it. It goes on when whoever asked first has gone.
    fn ask(&self, name: &str) -> Asked {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let mut asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = asked.iter().find(|known| known.name == name) {
            return known.clone();
        }
        let Shared { dial, clock, within, .. } = &*self.shared;
        let (clock, within) = (*clock, *within);
        let (tell, answer) = watch::channel(None);
        let question = dial.lookup(&name);
        tokio::spawn(async move {
            let addresses = match tokio::time::timeout(within, question).await {
                Ok(found) => found.map_err(cause_of).map(first_addresses),
                Err(_) => Err(Cause::ResolveTimeout { waited_ms: in_ms(within) }),
            };
            tell.send_replace(Some(Answer { ended: clock.now(), addresses }));
        });
        let new = Asked { name, began: clock.now(), answer };
        asked.push(new.clone());
        new
    }
}

impl Asked {
    async fn addresses(&self) -> Result<Vec<IpAddr>, Cause> {
        let mut answer = self.answer.clone();
        let answered = answer.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        answered.map_or_else(
            || Err(Cause::LocalFailure { detail: "the lookup was given up".into() }),
            |answer| answer.addresses,
        )
    }

    fn resolution(&self) -> Resolution {
        let answer = self.answer.borrow().clone();
        let (ended, addresses) = match answer {
            Some(Answer { ended, addresses }) => (Some(ended), addresses),
            None => (None, Ok(Vec::new())),
        };
        let (addresses, cause) = match addresses {
            Ok(addresses) => (addresses, None),
            Err(cause) => (Vec::new(), Some(cause)),
        };
        Resolution { name: self.name.clone(), addresses, cause, began: self.began, ended }
    }
}

fn cause_of(failure: LookupFailure) -> Cause {
    match failure {
        LookupFailure::NotFound => Cause::NameNotFound,
        LookupFailure::Failed(detail) => Cause::ResolveFailed { detail },
    }
}

fn first_addresses(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

pub(super) fn in_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
