//! The verdict in one sentence.

use super::view::{PathState, View, flow, is_of_media, is_stun_only, path_failure};
use super::words::{are, count, list};
use super::{Answer, Capabilities, Finding, Kind, Severity, metrics};
use raincheck_probes::evidence::{PathEvidence, Transport};
use raincheck_probes::ice::CandidateType;

/// One sentence for an administrator: what is the case, and why.
pub(super) fn summary(view: &View, kind: Kind, findings: &[Finding]) -> String {
    match kind {
        Kind::Works => works(view),
        Kind::Reachable => {
            "Every server answers on every path; without credentials no more can be shown.".to_owned()
        }
        Kind::Degraded => format!("{}: {}.", degraded(view, findings), reason(view, findings)),
        Kind::Fails => format!("{}: {}.", fails(view), reason(view, findings)),
        Kind::Unknown => unknown(view),
    }
}

fn works(view: &View) -> String {
    let Some(path) = view.selected() else {
        return "Calls work on every path that was asked for.".to_owned();
    };
    let rtt = metrics::rtt(path).map_or(String::new(), |rtt| format!(" ({:.1} ms round trip)", rtt.median));
    let flow = flow(path.transport, path.port);
    format!("Calls work on every path; the client will use {flow} to {}{rtt}.", path.server)
}

fn degraded(view: &View, findings: &[Finding]) -> &'static str {
    let tried = || view.paths().filter(|p| p.client_tries);
    let all_work = tried().all(|p| matches!(view.state(p), PathState::Works | PathState::Reachable));
    let udp_fails = tried().any(|p| p.transport == Transport::Udp && view.state(p) == PathState::Fails);
    let media = findings.iter().any(|f| is_of_media(f.code));
    if !tried().any(|p| view.state(p) == PathState::Works && !is_stun_only(p)) {
        "Some servers answer, but not on every path"
    } else if all_work && media {
        "Calls connect, but with poor quality"
    } else if udp_fails && view.selected().is_some_and(|p| p.transport != Transport::Udp) {
        "Calls connect, but not on the path they should"
    } else {
        "Calls connect, but not on every path they should"
    }
}

fn fails(view: &View) -> &'static str {
    let direct = Capabilities::direct_udp(view, view.paths().filter(|p| p.client_tries));
    let dropped = [CandidateType::Host, CandidateType::Srflx].into_iter().all(|kind| view.forbids(kind));
    if direct == Answer::Works && !dropped {
        "Only calls that need no relay can connect"
    } else if view.evidence.asked.credentials {
        "Calls cannot connect"
    } else {
        "No server can be reached"
    }
}

/// The root causes, or else the first path that does not work.
fn reason(view: &View, findings: &[Finding]) -> String {
    let matters = |f: &&Finding| {
        f.explained_by.is_none()
            && f.severity > Severity::Info
            && f.paths.iter().any(|id| view.paths().any(|p| p.id == *id && p.client_tries))
    };
    let roots: Vec<&Finding> = findings.iter().filter(matters).collect();
    if roots.is_empty() {
        return first_failure(view);
    }
    let mut clauses: Vec<String> = Vec::new();
    for root in &roots {
        // `UDP/3478 is blocked here`, `TCP/80 is blocked here`: one clause for all of them.
        let ending = ["blocked here", "refused here"].into_iter().find(|e| subject(root, e).is_some());
        let clause = match ending {
            Some(ending) => {
                let flows: Vec<&str> = roots.iter().filter_map(|f| subject(f, ending)).collect();
                let several = flows.iter().map(|f| f.matches('/').count()).sum();
                format!("{} {} {ending}", list(flows), are(several))
            }
            None => in_sentence(&root.title),
        };
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    }
    let more = clauses.len().saturating_sub(2);
    clauses.truncate(2);
    let text = clauses.join("; ");
    if more > 0 { format!("{text}; and {more} more") } else { text }
}

fn subject<'a>(finding: &'a Finding, ending: &str) -> Option<&'a str> {
    let rest = finding.title.strip_suffix(ending)?;
    rest.strip_suffix(" is ").or_else(|| rest.strip_suffix(" are "))
}

/// A title as a part of a sentence: its first letter is small unless it begins an abbreviation.
fn in_sentence(title: &str) -> String {
    let mut chars = title.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(chars).collect(),
        _ => title.to_owned(),
    }
}

fn first_failure(view: &View) -> String {
    let failing: Vec<&PathEvidence> =
        view.paths().filter(|p| p.client_tries && view.state(p) == PathState::Fails).collect();
    let Some(first) = failing.first() else { return "no address came back over UDP".to_owned() };
    let cause = path_failure(first).map_or("nothing came back".to_owned(), |(_, cause)| cause.to_string());
    let what = format!("{} to {}: {cause}", flow(first.transport, first.port), first.server);
    if failing.len() == 1 { what } else { format!("{} fail, as {what}", count(failing.len(), "path")) }
}

fn unknown(view: &View) -> String {
    let asked = view.paths().filter(|p| p.client_tries).count();
    let open = view.paths().filter(|p| p.client_tries && view.state(p) == PathState::Undecided).count();
    let works = view.paths().any(|p| p.client_tries && view.state(p) == PathState::Works && !is_stun_only(p));
    let so_far =
        if works { "Calls connect, but the rest is not known" } else { "It is not known whether calls work" };
    let why = match &view.evidence.cut_short {
        _ if asked == 0 && !view.evidence.ignored.is_empty() => {
            "this client takes no notice of any server that it was given".to_owned()
        }
        _ if asked == 0 => "there was no path that this client would try".to_owned(),
        Some(why) => format!("the run ended early ({why}) with {open} of {} undecided", count(asked, "path")),
        None => format!("too little was asked to decide {open} of {}", count(asked, "path")),
    };
    format!("{so_far}: {why}.")
}
