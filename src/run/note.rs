//! What a path's record and the client's gathering are told of an ask.

use super::session::Ended;
use super::{OpenStep, PathLog};
use raincheck_probes::evidence::{Cause, Proof, RelayRun, SkipReason};
use raincheck_probes::ice::gather::{Failure, Learned};
use raincheck_probes::turn::Answer;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Unix times that a user name may begin with and mean it: from the start of 2001 to the end of 2100.
const PLAUSIBLE: std::ops::RangeInclusive<i64> = 978_307_200..=4_133_980_799;

/// When a user name runs out by its own words, RFC 3339: `EXPIRY` or `EXPIRY:user`, seconds since 1970
/// (draft-uberti-behave-turn-rest-00 section 2.2).
pub(super) fn username_expires(username: &str) -> Option<String> {
    let expiry = username.split(':').next().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let seconds: i64 = expiry.parse().ok().filter(|seconds| PLAUSIBLE.contains(seconds))?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}

/// Ends a step by how an ask ended, and keeps what the ask showed of the path.
pub(super) fn close_step(log: &PathLog, step: OpenStep, ended: &Ended) -> Result<Answer, Cause> {
    let finished = &ended.finished;
    for (key, value) in &finished.facts.0 {
        step.fact(key, value.clone());
    }
    if !ended.odd.is_empty() {
        let odd: Vec<String> = ended.odd.iter().map(Cause::to_string).collect();
        step.fact("odd", odd);
    }
    let answered = finished.rounds.iter().any(|round| round.stun_code.is_some());
    log.update(|path| {
        path.request_rtt_ms.extend(finished.rtts_ms());
        if finished.authenticated {
            path.proof = path.proof.max(Some(Proof::Authenticated));
        } else if answered {
            path.proof = path.proof.max(Some(Proof::Reachable));
        }
    });
    match &finished.result {
        Ok(_) => step.pass(),
        Err(Cause::CredentialsNeeded { .. }) => step.skip(SkipReason::NoCredentials),
        Err(cause) => step.fail(cause.clone()),
    }
    finished.result.clone()
}

/// What broke a stream that was just tried: the last failure in its log.
pub(super) fn last_cause(log: &PathLog) -> Cause {
    let path = log.path();
    let mut steps = path.iter().flat_map(|path| path.steps.iter().rev());
    let cause = steps.find_map(|step| step.cause().cloned());
    cause.unwrap_or_else(|| Cause::LocalFailure { detail: "a stream failed without a cause".to_owned() })
}

/// What the client would say of an ask that failed.
pub(super) fn failed(cause: &Cause) -> Learned {
    Learned::Failed(match cause {
        Cause::NoAnswer { .. } => Failure::TimedOut,
        Cause::StunError { stun_code, reason, .. } | Cause::CredentialsRejected { stun_code, reason } => {
            Failure::StunError { code: *stun_code, reason: reason.clone() }
        }
        Cause::CredentialsNeeded { .. } => {
            Failure::StunError { code: 401, reason: "Unauthorized".to_owned() }
        }
        other => Failure::ConnectFailed(other.to_string()),
    })
}

/// Ends a relay step and keeps the run.
pub(super) fn note_relay_run(log: &PathLog, step: OpenStep, run: RelayRun, changed: u64, cut: bool) {
    step.fact("far_end", run.far_end.clone());
    step.fact("sent", run.sent);
    step.fact("received", run.received);
    if changed > 0 {
        step.fact("changed", changed);
    }
    let (sent, received) = (run.sent, run.received);
    log.update(|path| {
        if received > 0 {
            path.proof = path.proof.max(Some(Proof::Media));
        }
        path.relay_runs.push(run);
    });
    match received {
        0 if cut => drop(step),
        0 if changed > 0 => step.fail(Cause::RelayCorrupt { changed }),
        0 => step.fail(Cause::RelayNoReturn { sent }),
        _ => step.pass(),
    }
}

#[cfg(test)]
mod tests {
    use super::username_expires;

    #[test]
    fn a_user_name_that_begins_with_a_plausible_time_runs_out_then() {
        assert_eq!(username_expires("1700000000").as_deref(), Some("2023-11-14T22:13:20Z"));
        assert_eq!(username_expires("4102444800:alice:7").as_deref(), Some("2100-01-01T00:00:00Z"));
    }

    #[test]
    fn a_user_name_of_another_kind_does_not_run_out() {
        for name in [
            "",
            "alice",
            "12345",
            "978307199:x",
            "4133980800",
            "+1700000000",
            "1700000000x",
            "alice:1700000000",
        ] {
            assert_eq!(username_expires(name), None, "{name}");
        }
    }
}
