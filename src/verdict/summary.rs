//! The verdict in one sentence.

use super::view::{PathState, View, flow, heard, is_of_media, is_stun_only, path_failure};
use super::words::{count, list, servers};
use super::{Answer, Capabilities, Finding, Kind, Severity, metrics};
use raincheck_probes::evidence::{PathEvidence, Proof, Transport};
use raincheck_probes::ice::CandidateType;

/// One sentence for an administrator: what is the case, and why.
pub(super) fn summary(view: &View, kind: Kind, findings: &[Finding]) -> String {
    match kind {
        Kind::Works => works(view),
        Kind::Reachable => {
            let relays = view.paths().any(|p| p.client_tries && !is_stun_only(p));
            let why =
                if relays { "without credentials no more can be shown" } else { "no relay was asked for" };
            format!("Every server answers on every path; {why}{}.", cut_short(view))
        }
        Kind::Degraded => {
            format!("{}: {}{}.", degraded(view, findings), reason(view, findings), cut_short(view))
        }
        Kind::Fails => format!("{}: {}{}.", fails(view), reason(view, findings), cut_short(view)),
        Kind::Unknown => unknown(view),
    }
}

fn works(view: &View) -> String {
    let Some(path) = view.selected() else {
        return "Calls work on every path that was asked for.".to_owned();
    };
    let rtt = metrics::rtt(path).map(|rtt| format!("{:.1} ms round trip", rtt.median));
    let flow = flow(path.transport, path.port);
    let notes: Vec<String> = rtt.into_iter().chain(cut_after(view)).collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    format!("Calls work on every path; the client will use {flow} to {}{notes}.", path.server)
}

/// ` (interrupted after 1.2 s of media)`, or nothing.
fn cut_short(view: &View) -> String {
    cut_after(view).map_or(String::new(), |cut| format!(" ({cut})"))
}

/// That the run was cut short, and how much media had been sent on the selected path.
fn cut_after(view: &View) -> Option<String> {
    let why = view.evidence.cut_short.as_ref()?;
    let media = view.selected().and_then(|path| {
        let step = path.steps.iter().rev().find(|s| s.facts.get("media").is_some())?;
        let sent = step.facts.get("sent")?.as_u64()?;
        // Both ends send a packet every 20 ms.
        Some(format!(" after {:.1} s of media", sent as f64 / 100.0))
    });
    Some(format!("{why}{}", media.unwrap_or_default()))
}

fn degraded(view: &View, findings: &[Finding]) -> &'static str {
    let tried = || view.paths().filter(|p| p.client_tries);
    let all_work = tried().all(|p| matches!(view.state(p), PathState::Works | PathState::Reachable));
    let udp_fails = tried().any(|p| p.transport == Transport::Udp && view.state(p) == PathState::Fails);
    let media = findings.iter().any(|f| is_of_media(f.code));
    if !tried().any(|p| view.state(p) == PathState::Works && !is_stun_only(p)) {
        let names = servers(tried());
        let answers = |server: &&str| view.paths().any(|p| p.server == **server && heard(p));
        if names.len() == 1 {
            return "The server answers, but not on every path";
        }
        if names.iter().all(answers) {
            return "Every server answers, but not on every path";
        }
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
        let ending = ENDINGS.into_iter().find(|(one, many)| subject(root, one, many).is_some());
        let clause = match ending {
            Some((one, many)) => {
                let flows: Vec<&str> = roots.iter().filter_map(|f| subject(f, one, many)).collect();
                let several: usize = flows.iter().map(|f| f.matches('/').count()).sum();
                format!("{}{}", list(flows), if several == 1 { one } else { many })
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

/// What several flows may share, of one and of many.
const ENDINGS: [(&str, &str); 3] = [
    (" is blocked here", " are blocked here"),
    (" is refused here", " are refused here"),
    (" gets no answer", " get no answer"),
];

fn subject<'a>(finding: &'a Finding, one: &str, many: &str) -> Option<&'a str> {
    finding.title.strip_suffix(one).or_else(|| finding.title.strip_suffix(many))
}

/// A title as a part of a sentence: its first letter is small unless it begins an abbreviation.
pub(super) fn in_sentence(title: &str) -> String {
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
    let tried: Vec<&PathEvidence> = view.paths().filter(|p| p.client_tries).collect();
    let asked = tried.len();
    let undecided = tried.iter().filter(|p| view.state(p) == PathState::Undecided).count();
    let unproven: Vec<&PathEvidence> = tried.iter().copied().filter(|p| view.is_unproven(p)).collect();
    let open = undecided + unproven.len();
    let why = match &view.evidence.cut_short {
        _ if asked == 0 && !view.evidence.ignored.is_empty() => {
            "this client takes no notice of any server that it was given".to_owned()
        }
        _ if asked == 0 => "there was no path that this client would try".to_owned(),
        Some(why) => {
            let why = if why.contains(' ') { why.clone() } else { format!("the run was {why}") };
            format!("{why}, with {open} of {} undecided; {}", count(asked, "path"), proven(view, &tried))
        }
        None if undecided == 0 => return allocated_only(&unproven, asked),
        None => format!("too little was asked to decide {open} of {}", count(asked, "path")),
    };
    let works =
        |p: &&PathEvidence| view.state(p) == PathState::Works && !is_stun_only(p) && !view.is_unproven(p);
    let so_far = if tried.iter().any(works) {
        "Calls connect, but the rest is not known"
    } else {
        "It is not known whether calls work"
    };
    format!("{so_far}: {why}.")
}

/// `until then 2 had carried packets and 1 had answered`.
fn proven(view: &View, tried: &[&PathEvidence]) -> String {
    let number = |wanted: &dyn Fn(&PathEvidence) -> bool| tried.iter().filter(|p| wanted(p)).count();
    let told: Vec<String> = [
        (number(&|p| p.proof == Some(Proof::Media)), "had carried packets"),
        (number(&|p| view.is_unproven(p)), "had a relay"),
        (number(&|p| heard(p) && p.proof < Some(Proof::Allocated)), "had answered"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect();
    if told.is_empty() {
        "nothing had answered until then".to_owned()
    } else {
        format!("until then {}", list(told))
    }
}

/// Relays were allocated, and nothing could be sent through them.
fn allocated_only(unproven: &[&PathEvidence], asked: usize) -> String {
    let fact = |key: &str| {
        let facts = unproven.iter().flat_map(|p| &p.steps).find_map(|s| s.facts.get(key)?.as_str());
        facts.map(str::to_owned)
    };
    let why = match (fact("second_allocation"), fact("far_permission")) {
        (Some(why), _) => format!("a second allocation to send from could not be made ({why})"),
        (None, Some(why)) => format!("the far end did not let it in ({why})"),
        (None, None) => "nothing was sent".to_owned(),
    };
    let whose = if unproven.len() == asked {
        String::new()
    } else {
        format!(" on {} of {}", unproven.len(), count(asked, "path"))
    };
    format!("The relay was allocated, but no packet could be sent through it{whose}: {why}.")
}
