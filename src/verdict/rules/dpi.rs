//! Boxes on the way that look into streams and expect HTTP there.

use super::{Claim, Judgement};
use crate::verdict::view::{View, heard};
use crate::verdict::words::{cite, destinations, flows, list, servers};
use raincheck_probes::evidence::{Cause, PathEvidence, Stage, Transport};

/// An HTTP answer to our STUN bytes.
pub(super) fn http_inspection(view: &View) -> Judgement {
    let met: Vec<&PathEvidence> =
        view.paths().filter(|p| p.steps.iter().any(|s| s.cause().is_some_and(is_http))).collect();
    if met.is_empty() {
        return streams_decide(view);
    }
    let names = servers(met.iter().copied());
    let to = destinations(view, &names);
    let mut advice = vec![format!("Firewall or proxy: exempt {to} from HTTP inspection.")];
    // Nothing at the server ever spoke STUN: its port may just as well belong to a web server.
    let spoke_stun = |name: &&str| view.paths().any(|p| p.server == **name && heard(p));
    if !names.iter().all(spoke_stun) {
        advice.push(
            "If nothing inspects there, the port belongs to a web server: check the address.".to_owned(),
        );
    }
    let answers = cite(met.iter().copied(), |_, cause| is_http(cause));
    let first = answers.first().map(|c| c.text.clone()).unwrap_or_default();
    Claim {
        title: format!("HTTP inspection takes {}", flows(met.iter().copied())),
        observed: format!("STUN to {} got an HTTP answer: {}.", list(&names), head_of(&first)),
        evidence: answers,
        advice,
        ..Claim::default()
    }
    .into()
}

/// The status line only: the rest is in the evidence.
fn head_of(text: &str) -> &str {
    let from = text.find("HTTP/").map_or(text, |at| &text[at..]);
    from.split("\\r").next().and_then(|line| line.split("\\n").next()).unwrap_or(from)
}

pub(super) fn is_http(cause: &Cause) -> bool {
    matches!(cause, Cause::NotStun { first_bytes } if first_bytes.0.starts_with("HTTP/"))
}

/// The stream opens and is cut, or stays mute, right after our first STUN bytes, while the same server answers elsewhere.
pub(super) fn reset(view: &View) -> Judgement {
    let lives = |p: &PathEvidence| view.paths().any(|other| other.server == p.server && heard(other));
    let all: Vec<&PathEvidence> = view.paths().filter(|p| is_mute(p)).collect();
    if all.is_empty() {
        return streams_decide(view);
    }
    let met: Vec<&PathEvidence> = all.into_iter().filter(|p| lives(p)).collect();
    if met.is_empty() {
        // Without any answer from the server it may be the server that hangs up.
        return Judgement::Unknown;
    }
    let names = servers(met.iter().copied());
    let flow = flows(met.iter().copied());
    let evidence = cite(met.iter().copied(), is_cut);
    let waited = met.iter().flat_map(|p| &p.steps).any(|s| matches!(s.cause(), Some(Cause::NoAnswer { .. })));
    let (what, seen) = if waited {
        ("gets no further than the first bytes", "gets no answer to STUN")
    } else {
        ("is cut after the first bytes", "ends at the first STUN request")
    };
    Claim {
        title: format!("{flow} {what}"),
        observed: format!("{flow} to {} connects and {seen}; the servers answer elsewhere.", list(&names)),
        evidence,
        advice: vec![format!(
            "Firewall or proxy: let {flow} to {} pass without inspection.",
            destinations(view, &names)
        )],
        ..Claim::default()
    }
    .into()
}

/// Whether a stream opened, and not one byte came in answer to STUN.
pub(super) fn is_mute(path: &PathEvidence) -> bool {
    path.transport != Transport::Udp
        && !heard(path)
        && path.steps.iter().any(|s| s.cause().is_some_and(|c| is_cut(s.stage, c)))
}

fn is_cut(stage: Stage, cause: &Cause) -> bool {
    matches!(stage, Stage::Binding | Stage::Allocate)
        && matches!(
            cause,
            Cause::Reset { received: 0 } | Cause::Closed { received: 0 } | Cause::NoAnswer { .. }
        )
}

fn streams_decide(view: &View) -> Judgement {
    let mut streams = view.paths().filter(|p| p.transport != Transport::Udp).peekable();
    if streams.peek().is_some() && streams.all(heard) { Judgement::Fails } else { Judgement::Unknown }
}
