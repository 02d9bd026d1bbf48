//! Quality of media on the path that the client would use, against section 6.2 of the requirements document.

use super::{Claim, Judgement};
use crate::verdict::metrics;
use crate::verdict::view::{View, flow};
use crate::verdict::{Cite, words};
use raincheck_probes::evidence::{PathEvidence, Route, Stage, Transport};

/// One way, milliseconds.
const LATENCY_MS: f64 = 150.0;
/// Milliseconds.
const JITTER_MS: f64 = 30.0;
/// A share.
const LOSS: f64 = 0.01;

/// Half the median round trip is above the threshold.
pub(super) fn latency(view: &View) -> Judgement {
    let Some(path) = view.selected() else { return Judgement::Unknown };
    let Some(rtt) = metrics::rtt(path) else { return Judgement::Unknown };
    let one_way = rtt.median / 2.0;
    if one_way <= LATENCY_MS {
        return Judgement::Fails;
    }
    claim(
        view,
        path,
        format!("Latency is {one_way:.1} ms one way, above the limit of 150 ms"),
        format!("the median of {} is {:.1} ms", words::count(rtt.samples, "round trip"), rtt.median),
        "Network: route media to a TURN server nearby, without a detour over a VPN or a distant gateway.",
    )
}

/// RFC 3550 jitter is above the threshold.
pub(super) fn jitter(view: &View) -> Judgement {
    let Some(path) = view.selected() else { return Judgement::Unknown };
    let Some(jitter) = metrics::jitter_ms(path) else { return Judgement::Unknown };
    if jitter <= JITTER_MS {
        return Judgement::Fails;
    }
    claim(
        view,
        path,
        format!("Jitter is {jitter:.1} ms, above the limit of 30 ms"),
        format!("packets came back unevenly, by {jitter:.1} ms"),
        "Network: give media priority (QoS) where links fill up, and prefer cable to wireless.",
    )
}

/// Loss is above the threshold, with the lower end of its 95 % interval.
pub(super) fn loss(view: &View) -> Judgement {
    let Some(path) = view.selected() else { return Judgement::Unknown };
    let Some(loss) = metrics::loss(path) else { return Judgement::Unknown };
    if loss.share() <= LOSS {
        return Judgement::Fails;
    }
    if loss.at_least() <= LOSS {
        return Judgement::Unknown;
    }
    if path.transport != Transport::Udp {
        return stalled(view, path, loss);
    }
    claim(
        view,
        path,
        format!("Loss is {:.1} %, above the limit of 1 %", loss.share() * 100.0),
        format!(
            "{} of {} packets did not come back; at least {:.1} % with 95 % confidence",
            loss.sent - loss.received,
            loss.sent,
            loss.at_least() * 100.0
        ),
        "Network: find where packets are dropped (full links, wireless, rate limits on UDP).",
    )
}

/// A stream loses nothing of itself: what did not come back was held up, or the stream ended.
fn stalled(view: &View, path: &PathEvidence, loss: metrics::Loss) -> Judgement {
    let flow = flow(path.transport, path.port);
    let (through, advice) = match &path.route {
        Route::Direct => (String::new(), "Firewall: do not cut or slow down long connections".to_owned()),
        Route::Proxy(url) => (
            format!(" through {url}"),
            format!("Proxy: check that {url} runs and does not cut long connections"),
        ),
    };
    let to = words::destinations(view, &words::servers([path]));
    claim(
        view,
        path,
        format!("{flow} to {}{through} stalled or was closed while media flowed", path.server),
        format!(
            "{} of {} packets did not come back: the connection stalled or was closed",
            loss.sent - loss.received,
            loss.sent
        ),
        &format!("{advice} to {to} (limits of time or rate, inspection)."),
    )
}

fn claim(view: &View, path: &PathEvidence, title: String, seen: String, advice: &str) -> Judgement {
    let stage =
        path.steps.iter().filter(|s| s.passed()).map(|s| s.stage).filter(|s| *s <= Stage::Relay).max();
    let Some(stage) = stage else { return Judgement::Unknown };
    let mut advice = vec![advice.to_owned()];
    let udp: Vec<&PathEvidence> = view.direct(Transport::Udp).filter(|p| p.client_tries).collect();
    if path.transport != Transport::Udp && !udp.is_empty() {
        advice.push(format!("Open {} first: media over TCP suffers more.", words::flows(udp)));
    }
    Claim {
        title,
        observed: format!("On {} of {}, {seen}.", flow(path.transport, path.port), path.server),
        evidence: vec![Cite { path: path.id.clone(), stage, text: seen }],
        advice,
        ..Claim::default()
    }
    .into()
}
