//! What the servers themselves say.

use super::dpi::{is_http, is_mute};
use super::{Claim, Judgement};
use crate::verdict::view::{ENOUGH_REQUESTS, View, heard, is_stun_only};
use crate::verdict::words::{cite, flows, list, servers};
use raincheck_probes::evidence::{Cause, PathEvidence, Proof, Stage, Step, Transport};
use std::collections::BTreeSet;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Something else answers, or a STUN server that does not relay.
pub(super) fn not_a_turn_server(view: &View) -> Judgement {
    let wanted = |p: &PathEvidence, s: &Step| {
        let bound = p.steps.iter().any(|s| s.stage == Stage::Binding && s.passed());
        match s.cause() {
            Some(cause @ (Cause::NotStun { .. } | Cause::Malformed { .. })) => !is_http(cause),
            // Whoever asks for credentials knows Allocate.
            Some(Cause::StunError { stun_code, .. }) => {
                s.stage == Stage::Allocate
                    && bound
                    && matches!(stun_code, 400 | 405 | 501)
                    && p.proof < Some(Proof::Authenticated)
                    && s.facts.get("realm").and_then(|realm| realm.as_str()).is_none()
            }
            Some(Cause::NoAnswer { requests, .. }) => {
                s.stage == Stage::Allocate
                    && bound
                    && *requests >= ENOUGH_REQUESTS
                    && p.transport == Transport::Udp
            }
            _ => false,
        }
    };
    // A stream that opens and stays mute: a TURN server elsewhere, something else, or a box on the way.
    let lives = |p: &PathEvidence| view.paths().any(|other| other.server == p.server && heard(other));
    let mute = |p: &PathEvidence, s: &Step| {
        matches!(s.stage, Stage::Binding | Stage::Allocate) && s.cause().is_some() && is_mute(p) && !lives(p)
    };
    let steps = || view.paths().flat_map(|p| p.steps.iter().map(move |s| (p, s)));
    if !steps().any(|(p, s)| wanted(p, s)) && steps().any(|(p, s)| mute(p, s)) {
        let flows = flows(view.paths().filter(|p| is_mute(p) && !lives(p)));
        return at(view, mute, |names, _| {
            (
                format!("{flows} to {names} opens, and nothing there speaks TURN"),
                vec![
                    format!("Server list: check the address and port of {names}."),
                    format!("If they are right, start the server, and let {flows} pass without inspection."),
                ],
            )
        });
    }
    at(view, wanted, |names, _| {
        (
            format!("{names} {} not a TURN server", if names.contains(" and ") { "are" } else { "is" }),
            vec![format!("Server list: check the address and port of {names}.")],
        )
    })
}

/// The server does not accept the credentials.
pub(super) fn credentials_rejected(view: &View) -> Judgement {
    at(
        view,
        |_, s| rejected(s),
        |names, _| {
            let advice = if view.evidence.asked.vendor_servers {
                "Credentials: fetch new ones from the vendor; they are valid for a limited time."
            } else {
                "Credentials: check the user name, password and realm. For a shared secret, check the secret and both clocks."
            };
            (format!("The credentials are rejected by {names}"), vec![advice.to_owned()])
        },
    )
}

/// The credentials carry a time, and it was over before the run began.
pub(super) fn credentials_expired(view: &View) -> Judgement {
    let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let Some(started) = time(&view.evidence.started) else { return Judgement::Unknown };
    let over = |s: &Step| {
        s.facts.get("username_expires").and_then(|v| time(v.as_str()?)).is_some_and(|t| t <= started)
    };
    at(
        view,
        |_, s| rejected(s) && over(s),
        |names, steps| {
            let when = steps
                .iter()
                .filter_map(|s| s.facts.get("username_expires")?.as_str().map(str::to_owned))
                .min();
            (
                format!("The credentials for {names} ran out at {}", when.unwrap_or_default()),
                vec![format!(
                    "Credentials: get new ones, and check this computer's clock, which says {}.",
                    view.evidence.started
                )],
            )
        },
    )
}

fn rejected(step: &Step) -> bool {
    matches!(step.cause(), Some(Cause::CredentialsRejected { .. }))
}

/// The server calls each of its own nonces stale.
pub(super) fn stale_nonce_loop(view: &View) -> Judgement {
    at(
        view,
        |_, s| matches!(s.cause(), Some(Cause::StaleNonceLoop { .. })),
        |names, _| {
            (
                format!("{names} never accepts a nonce of its own"),
                vec![format!(
                    "Server: check for a load balancer before {names} that spreads one client over several machines."
                )],
            )
        },
    )
}

/// 486.
pub(super) fn quota(view: &View) -> Judgement {
    at(
        view,
        |_, s| is_error(s, 486),
        |names, _| {
            (
                format!("This account's allocations on {names} are used up"),
                vec![
                    "Server: raise the quota of the account, or wait for its old allocations to end."
                        .to_owned(),
                ],
            )
        },
    )
}

/// 508.
pub(super) fn capacity(view: &View) -> Judgement {
    at(
        view,
        |_, s| is_error(s, 508),
        |names, _| {
            (
                format!(
                    "{names} {} no relay ports left",
                    if names.contains(" and ") { "have" } else { "has" }
                ),
                vec![format!("Server: widen the relay port range of {names}, or add servers.")],
            )
        },
    )
}

/// 440 or 443: no relayed address of the family that was asked for.
pub(super) fn wrong_family(view: &View) -> Judgement {
    at(
        view,
        |_, s| is_error(s, 440) || is_error(s, 443),
        |names, _| {
            (
                format!("{names} gives no relay of the address family that is needed"),
                vec![format!(
                    "Server: give {names} relay addresses of that family (IPv4, or IPv6 for a run with --ipv6)."
                )],
            )
        },
    )
}

/// Answers that are not signed as the server must sign them: it is not the server that answers.
pub(super) fn forged(view: &View) -> Judgement {
    at(
        view,
        |_, s| matches!(s.cause(), Some(Cause::BadIntegrity { .. } | Cause::BadFingerprint)),
        |names, _| {
            (
                format!("Answers for {names} are not signed as the server must sign them"),
                vec![
                    format!("Network: find out what answers STUN in the place of {names}."),
                    "If nothing does, the server's own software signs wrongly.".to_owned(),
                ],
            )
        },
    )
}

/// 403 to a permission or channel.
pub(super) fn forbidden_peer(view: &View) -> Judgement {
    let wanted = |_: &PathEvidence, s: &Step| {
        matches!(s.stage, Stage::Permission | Stage::Channel) && is_error(s, 403)
    };
    at(view, wanted, |names, _| {
        (
            format!("{names} may not relay to the far end"),
            vec![format!("Server: allow relayed addresses as peers on {names} (its list of denied peers).")],
        )
    })
}

/// Packets go into the relay, and none comes out.
pub(super) fn relay_no_return(view: &View) -> Judgement {
    let silent = |p: &PathEvidence| p.works() == Some(false) && p.checks_answered() == Some(true);
    let mut judgement = no_return(view);
    if let Judgement::Holds(claim) = &mut judgement
        && view.paths().any(silent)
    {
        claim.observed.push_str(" Connectivity checks pass: a call would connect and stay silent.");
        claim.advice = vec![
            "Firewall: let what TURN carries pass without inspection; STUN passes, and nothing else does."
                .to_owned(),
        ];
    }
    judgement
}

fn no_return(view: &View) -> Judgement {
    at(
        view,
        // Media that stopped where packets had come back is not a closed port range.
        |p, s| {
            let stopped = p.proof == Some(Proof::Media) && s.facts.get("media").is_some();
            matches!(s.cause(), Some(Cause::RelayNoReturn { .. })) && !stopped
        },
        |names, _| {
            (
                format!("Nothing comes back through the relay of {names}"),
                vec![format!(
                    "Server: open the relay port range (UDP) of {names} to itself and to the other servers."
                )],
            )
        },
    )
}

fn is_error(step: &Step, code: u16) -> bool {
    matches!(step.cause(), Some(Cause::StunError { stun_code, .. }) if *stun_code == code)
}

/// Paths with a wanted step, and what to say of them.
fn at(
    view: &View,
    wanted: impl Fn(&PathEvidence, &Step) -> bool,
    say: impl Fn(&str, &[&Step]) -> (String, Vec<String>),
) -> Judgement {
    let met: Vec<(&PathEvidence, &Step)> = view
        .paths()
        .flat_map(|p| p.steps.iter().map(move |s| (p, s)))
        .filter(|(p, s)| wanted(p, s))
        .collect();
    if met.is_empty() {
        let allocated = |p: &PathEvidence| p.steps.iter().any(|s| s.stage == Stage::Allocate && s.passed());
        let mut relays = view.paths().filter(|p| !is_stun_only(p)).peekable();
        let decided = relays.peek().is_some() && relays.all(allocated);
        return if decided { Judgement::Fails } else { Judgement::Unknown };
    }
    let steps: Vec<&Step> = met.iter().map(|(_, s)| *s).collect();
    let names = list(servers(met.iter().map(|(p, _)| *p)));
    let (title, advice) = say(&names, &steps);
    let causes: BTreeSet<String> = steps.iter().filter_map(|s| s.cause()).map(Cause::to_string).collect();
    let ids: BTreeSet<&str> = met.iter().map(|(p, _)| p.id.as_str()).collect();
    let cited = view.paths().filter(|p| ids.contains(p.id.as_str()));
    Claim {
        title,
        observed: format!("From {names}: {}.", list(causes)),
        evidence: cite(cited, |stage, cause| {
            met.iter().any(|(_, s)| s.stage == stage && s.cause() == Some(cause))
        }),
        advice,
        ..Claim::default()
    }
    .into()
}
