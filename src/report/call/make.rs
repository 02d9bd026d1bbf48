//! From record and verdict to the model.

use super::model::*;
use crate::call::record::{
    CallRecord, CallRole, CutRecord, DtlsRecord, EndRecord, EventRecord, PairRecord, SoakRecord,
    SuccessorRecord,
};
use crate::report::make::{candidate, finding, gather_error, path_report};
use crate::report::model::PathReport;
use crate::verdict::call::{Asked, CallVerdict, evidence_of, is_touched, way_short};
use crate::verdict::judge;
use raincheck_probes::ice::agent::PairState;
use std::time::Duration;

/// The model of a call.
pub(in crate::report) fn call(record: &CallRecord, verdict: &CallVerdict, asked: &Asked) -> CallReport {
    let near = &record.near;
    let pairs = pairs(near);
    CallReport {
        schema: "raincheck.call/1",
        profile: record.profile.to_string(),
        role: match record.role {
            CallRole::Offer => "offer",
            CallRole::Answer => "answer",
            CallRole::Own => "self",
        },
        started: record.started.clone(),
        elapsed_ms: record.elapsed.as_ms(),
        cut_short: record.cut_short.clone(),
        verdict: verdict.kind,
        summary: verdict.summary.clone(),
        state: match (record.connected, verdict.kind) {
            (true, _) => Some("connected"),
            (false, crate::verdict::Kind::Fails) => Some("failed"),
            (false, _) => None,
        },
        selected: near.selected.and_then(|at| pairs.get(at)).cloned(),
        pairs,
        successor: near.successor.as_ref().map(successor),
        events: events(&near.events),
        dtls: record.dtls.as_ref().map(dtls),
        cut: record.cut.as_ref().map(|found| cut(found, is_touched(found, record, asked))),
        soak: record.soak.as_ref().map(soak),
        matrix: (asked.matrix || !record.matrix.is_empty()).then(|| matrix(&record.matrix)),
        signalling: record.signalling.clone(),
        passed_over: record
            .passed_over
            .iter()
            .map(|(candidate, because)| PassedOverReport {
                candidate: candidate.clone(),
                because: because.clone(),
            })
            .collect(),
        candidates: near.candidates.iter().map(candidate).collect(),
        errors: near.gather_errors.iter().map(gather_error).collect(),
        paths: paths(near, record, asked),
        far: record.far.as_ref().map(|far| end(far, record, asked)),
        findings: verdict.findings.iter().map(finding).collect(),
        servers_from: asked.servers_from.clone(),
        advice: verdict.advice.clone(),
    }
}

fn end(end: &EndRecord, record: &CallRecord, asked: &Asked) -> EndReport {
    let pairs = pairs(end);
    EndReport {
        ice_role: end.role.as_str(),
        state: end.state.to_string(),
        selected: end.selected.and_then(|at| pairs.get(at)).cloned(),
        pairs,
        events: events(&end.events),
        candidates: end.candidates.iter().map(candidate).collect(),
        errors: end.gather_errors.iter().map(gather_error).collect(),
        paths: paths(end, record, asked),
    }
}

/// The paths as a check would tell them.
fn paths(end: &EndRecord, record: &CallRecord, asked: &Asked) -> Vec<PathReport> {
    let evidence = evidence_of(end, record, asked);
    let verdict = judge(&evidence, &[]);
    end.paths.iter().map(|path| path_report(&evidence, path, &verdict)).collect()
}

fn pairs(end: &EndRecord) -> Vec<PairReport> {
    let because = |at: usize| because(&end.pairs, at, end.selected);
    end.pairs
        .iter()
        .enumerate()
        .map(|(at, one)| pair(one, at, end.selected == Some(at), because(at)))
        .collect()
}

fn pair(pair: &PairRecord, at: usize, selected: bool, because: String) -> PairReport {
    PairReport {
        position: at + 1,
        local: candidate(&pair.local),
        remote: candidate(&pair.remote),
        path: pair.path.clone(),
        state: pair.state,
        cut: pair.cut,
        nominated: pair.nominated,
        selected,
        pair_priority: pair.priority.to_string(),
        rtt_ms: pair.rtt.map(ms),
        checks_sent: pair.checks_sent,
        checks_answered: pair.checks_answered,
        cause: pair.cause.as_ref().map(|cause| cause.code()),
        detail: pair.cause.as_ref().map(ToString::to_string),
        because,
        local_words: way_short(&pair.local),
        remote_words: way_short(&pair.remote),
        remote_path: pair.remote.path.clone(),
    }
}

/// Of the first and of the selected pair, why it stands above the next; of the others, why below the one before.
fn because(pairs: &[PairRecord], at: usize, selected: Option<usize>) -> String {
    let below = pairs.get(at).and_then(|pair| pair.below);
    let above = || pairs.get(at + 1).and_then(|next| next.below);
    match (at == 0 || selected == Some(at), below) {
        (true, _) if pairs.len() == 1 => "the only pair".to_owned(),
        (true, below) => match (above(), below) {
            (Some(above), _) => above.words().to_owned(),
            (None, Some(below)) => below.words_below().to_owned(),
            (None, None) => "nothing stands below it".to_owned(),
        },
        (false, Some(below)) => below.words_below().to_owned(),
        (false, None) => "the client does not compare it".to_owned(),
    }
}

fn successor(successor: &SuccessorRecord) -> SuccessorReport {
    match successor {
        SuccessorRecord::Switch { pair, because } => {
            SuccessorReport { action: "switch", pair: Some(pair + 1), because: Some(because.words()) }
        }
        SuccessorRecord::Untried(pair) => {
            SuccessorReport { action: "look", pair: Some(pair + 1), because: None }
        }
        SuccessorRecord::Restart(pair) => {
            SuccessorReport { action: "restart", pair: Some(pair + 1), because: None }
        }
        SuccessorRecord::Nothing => SuccessorReport { action: "none", pair: None, because: None },
    }
}

fn events(events: &[EventRecord]) -> Vec<EventReport> {
    events.iter().map(|event| EventReport { at_ms: event.at.as_ms(), event: event.text.clone() }).collect()
}

fn dtls(dtls: &DtlsRecord) -> DtlsReport {
    let [sent, received] = dtls.largest;
    DtlsReport {
        ok: dtls.ok,
        handshake_ms: dtls.handshake.map(ms),
        unanswered_ms: dtls.unanswered.map(ms),
        version: dtls.version.clone(),
        cipher: dtls.cipher.clone(),
        fingerprint_matches: dtls.fingerprint_matches,
        largest_sent: sent,
        largest_received: received,
        flights_sent: dtls.flights_sent,
        datagrams_received: dtls.received,
        cause: dtls.failure_code.clone(),
        detail: dtls.failure.clone(),
    }
}

fn cut(cut: &CutRecord, touched: bool) -> CutReport {
    CutReport {
        path: cut.path.clone(),
        at_ms: cut.at.as_ms(),
        touched,
        before: cut.before.map(|at| at + 1),
        after: cut.after.map(|at| at + 1),
        switched_ms: cut.switched.map(ms),
        gap_ms: cut.gap.map(ms),
    }
}

fn soak(soak: &SoakRecord) -> SoakReport {
    SoakReport {
        asked_ms: ms(soak.asked),
        held_ms: ms(soak.held),
        sent: soak.sent,
        received: soak.received,
        longest_gap: soak.longest_gap.map(|(at, gap)| GapReport { at_ms: at.as_ms(), ms: ms(gap) }),
        upkeep: soak
            .upkeep
            .iter()
            .map(|upkeep| UpkeepReport {
                end: if upkeep.far { "far" } else { "near" },
                what: upkeep.what.clone(),
                due: upkeep.due,
                answered: upkeep.answered,
                cause: upkeep.failure.as_ref().map(|cause| cause.code()),
                detail: upkeep.failure.as_ref().map(ToString::to_string),
            })
            .collect(),
        ended_by: soak.ended_by.clone(),
    }
}

/// The pairs of a matrix compete with nobody; each says what came of it.
fn matrix(pairs: &[PairRecord]) -> MatrixReport {
    let because = |pair: &PairRecord| match (pair.state, &pair.cause) {
        (PairState::Succeeded, _) => "it works".to_owned(),
        (_, Some(cause)) => cause.to_string(),
        (PairState::Failed, None) => "it does not work".to_owned(),
        (_, None) => "its checks did not end".to_owned(),
    };
    MatrixReport(pairs.iter().enumerate().map(|(at, one)| pair(one, at, false, because(one))).collect())
}

/// To the microsecond.
fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
