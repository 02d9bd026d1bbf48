//! What is kept up while a call lasts, counted.

use crate::call::record::UpkeepRecord;
use crate::run::UpkeepBook;
use raincheck_probes::ice::agent::{Agent, PairId};

/// What the book of sessions counts, in its order.
const SESSIONS: [&str; 3] = ["allocation", "permission", "channel"];

/// Checks of the selected pair, which are consent (RFC 7675 section 5.1), and keepalives.
#[derive(Debug, Default)]
pub(super) struct Consent {
    /// The selected pair, and how many of its checks had been sent and answered when it was selected.
    selected: Option<(PairId, [u64; 2])>,
    /// The same of pairs that were selected before.
    before: [u64; 2],
    keepalives: u64,
    failure: Option<raincheck_probes::evidence::Cause>,
}

impl Consent {
    /// Data takes this pair from now on.
    pub(super) fn selected(&mut self, agent: &Agent, pair: PairId) {
        self.before = self.counts(agent);
        self.selected = Some((pair, checks(agent, pair)));
    }

    /// A packet of the agent's leaves.
    pub(super) fn leaves(&mut self, bytes: &[u8]) {
        // A Binding indication, RFC 8445 section 11.
        self.keepalives += u64::from(bytes.starts_with(&[0x00, 0x11]));
    }

    /// A pair came to nothing.
    pub(super) fn failed(&mut self, pair: PairId, cause: &raincheck_probes::evidence::Cause) {
        if self.selected.is_some_and(|(selected, _)| selected == pair) {
            self.failure = Some(cause.clone());
        }
    }

    /// Everything that was kept up.
    pub(super) fn records(&self, agent: &Agent, sessions: UpkeepBook) -> Vec<UpkeepRecord> {
        let of_sessions = SESSIONS.into_iter().zip(sessions).map(|(what, upkept)| UpkeepRecord {
            far: false,
            what: what.to_owned(),
            due: upkept.due,
            answered: upkept.answered,
            failure: upkept.failure,
        });
        let [due, answered] = self.counts(agent);
        let consent = UpkeepRecord {
            far: false,
            what: "consent".to_owned(),
            due,
            answered,
            failure: self.failure.clone(),
        };
        // Nobody answers an indication.
        let keepalives = self.keepalives;
        let binding = UpkeepRecord {
            far: false,
            what: "binding".to_owned(),
            due: keepalives,
            answered: 0,
            failure: None,
        };
        of_sessions.chain([consent, binding]).collect()
    }

    fn counts(&self, agent: &Agent) -> [u64; 2] {
        let Some((pair, at_first)) = self.selected else { return self.before };
        let [sent, answered] = checks(agent, pair);
        let [first_sent, first_answered] = at_first;
        let [before_sent, before_answered] = self.before;
        [
            before_sent + sent.saturating_sub(first_sent),
            before_answered + answered.saturating_sub(first_answered),
        ]
    }
}

fn checks(agent: &Agent, pair: PairId) -> [u64; 2] {
    agent.pairs().get(pair.0).map_or([0; 2], |pair| [pair.checks_sent, pair.checks_answered])
}
