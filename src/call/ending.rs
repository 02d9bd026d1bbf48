//! Why a call that was up ended.

use super::party::Party;
use super::record::{PairRecord, UpkeepRecord};
use super::words::ended_streams;
use crate::settings::call::in_words;
use raincheck_probes::evidence::Cause;
use raincheck_probes::machine::Offset;

/// Why a call ended.
#[derive(Default)]
pub(super) struct Ending {
    /// The upkeep that failed, as a place in the list.
    pub(super) broken: Option<usize>,
    /// One sentence; none when it did not end by itself.
    pub(super) text: Option<String>,
}

impl Ending {
    /// Why it ended, and the streams to servers that ended with it.
    pub(super) async fn of(parties: &[&Party], now: Offset, upkeep: &[UpkeepRecord]) -> Self {
        let mut ends = Vec::new();
        for party in parties {
            ends.extend(party.end.snapshot().await);
        }
        let why = Self::what_failed(parties, now, upkeep).await;
        match (why.text, ended_streams(&ends)) {
            (Some(text), Some(ended)) => Self { text: Some(format!("{text}; {ended}")), ..why },
            (text, _) => Self { text, ..why },
        }
    }

    /// Why the pair that carried the call carries it no more: an upkeep that failed, an error of a server or of this
    /// host, or nothing but silence. What failed beside it is not the reason.
    async fn what_failed(parties: &[&Party], now: Offset, upkeep: &[UpkeepRecord]) -> Self {
        let mut lost = None;
        for (place, party) in parties.iter().enumerate() {
            let Some((pair, cause)) = carried(party).await else { continue };
            let whose = if place == 0 { "" } else { " of the far end" };
            let over = pair.path.map_or(String::new(), |path| format!(" on {path}"));
            let failed =
                |kind: &UpkeepRecord| kind.far == (place > 0) && kind.failure.as_ref() == Some(&cause);
            let broken = upkeep.iter().position(failed);
            match broken.and_then(|at| upkeep.get(at)) {
                Some(kind) if kind.what != "consent" => {
                    let what = &kind.what;
                    let text = format!("the {what}{whose}{over} could not be kept up: {cause}");
                    return Ending { broken, text: Some(text) };
                }
                _ if !matches!(cause, Cause::NoAnswer { .. }) => {
                    let text = format!("the path{whose}{over} was lost: {cause}");
                    lost.get_or_insert(Ending { broken: None, text: Some(text) });
                }
                _ => {}
            }
        }
        let consent = |kind: &UpkeepRecord| kind.what == "consent" && kind.failure.is_some();
        let silent = parties.iter().filter_map(|party| party.inbox.last()).min().map(|last| now.since(last));
        let silent = silent.map_or(String::new(), |silent| format!(" for {}", in_words(silent)));
        lost.unwrap_or_else(|| Ending {
            broken: upkeep.iter().position(consent),
            text: Some(format!(
                "nothing came any more{silent}, without an error of a server or of this host: something on the way \
                 drops it, or what is there is gone"
            )),
        })
    }
}

/// The pair that carried the call at an end, and why it does no more.
async fn carried(party: &Party) -> Option<(PairRecord, Cause)> {
    let last = party.now().selected()?;
    let record = party.end.snapshot().await?;
    let pair = record.pairs.into_iter().find(|pair| pair.id == last)?;
    let cause = pair.cause.clone()?;
    Some((pair, cause))
}
