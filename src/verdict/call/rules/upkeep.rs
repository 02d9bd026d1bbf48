//! What ended a call that was to be kept up.

use super::super::carrier;
use super::{capital, cite, finding};
use crate::call::record::{CallRecord, EndRecord, UpkeepRecord};
use crate::settings::call::in_words;
use crate::verdict::Finding;
use raincheck_probes::evidence::{Cause, Stage, Transport};

/// The call ended before its time. Where the upkeep shows why, that is a finding of its own which explains it.
pub(super) fn dropped(record: &CallRecord) -> Vec<Finding> {
    let Some(soak) = &record.soak else { return Vec::new() };
    let Some(ended_by) = &soak.ended_by else { return Vec::new() };
    let ended_by = ended_by.trim_end_matches('.');
    let broken = soak.broken.and_then(|at| soak.upkeep.get(at));
    let title = format!("it ends after {} of {}", in_words(soak.held), in_words(soak.asked));
    let mut dropped = finding("call-dropped", title, observed(ended_by, broken), advice(record, broken));
    if let Some(pair) = carrier(record) {
        dropped.evidence = vec![cite(pair, Stage::Check, ended_by.to_owned())];
    }
    vec![dropped]
}

/// What ended it, and the upkeep that failed.
fn observed(ended_by: &str, broken: Option<&UpkeepRecord>) -> String {
    let upkeep = broken.map_or(String::new(), |upkeep| {
        let why = upkeep.failure.as_ref().map_or(String::new(), |cause| format!(": {cause}"));
        format!(
            " {} answered {} of {} times{why}.",
            capital(upkeep_name(&upkeep.what)),
            upkeep.answered,
            upkeep.due
        )
    });
    format!("{}.{upkeep}", capital(ended_by))
}

/// A kind of upkeep as a reader knows it.
pub fn upkeep_name(what: &str) -> &str {
    match what {
        "allocation" => "allocation refresh",
        "permission" => "permission refresh",
        "channel" => "channel refresh",
        "consent" => "consent check",
        "binding" => "NAT binding keepalive",
        other => other,
    }
}

fn advice(record: &CallRecord, broken: Option<&UpkeepRecord>) -> Vec<String> {
    let ends = || std::iter::once(&record.near).chain(&record.far);
    let streams = || ends().flat_map(EndRecord::ended_streams).map(|(path, _)| path);
    let of_server =
        |upkeep: &&UpkeepRecord| matches!(upkeep.what.as_str(), "allocation" | "permission" | "channel");
    let text = match broken.filter(of_server).and_then(|upkeep| upkeep.failure.as_ref()) {
        Some(
            Cause::CredentialsRejected { .. }
            | Cause::StaleNonceLoop { .. }
            | Cause::CredentialsNeeded { .. },
        ) => "TURN server: let time-limited credentials live longer than the longest call.",
        Some(Cause::StunError { .. }) => "Ask whoever runs the TURN server why it ended the relay.",
        _ if streams().next().is_some() && streams().all(|path| path.contains('@')) => {
            "Proxy: find out in its log why it ended the tunnels to the TURN servers in the middle of the call."
        }
        _ if streams().next().is_some() => {
            "TURN servers: find out in their logs whether they ran on; they, or a box before them, ended connections \
             in the middle of the call."
        }
        _ => match carrier(record).map(|pair| pair.local.relay_protocol) {
            Some(Some(Transport::Tcp | Transport::Tls)) => {
                "Firewall or proxy: do not end TCP connections to the TURN server that are old or idle."
            }
            _ => "Firewall or NAT: keep UDP state for at least 2 minutes, and for as long as packets pass.",
        },
    };
    vec![text.to_owned()]
}
