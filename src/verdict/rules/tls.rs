//! Certificates and handshakes.

use super::{Claim, Judgement};
use crate::verdict::Cite;
use crate::verdict::view::View;
use crate::verdict::words::{destinations, flows, list, servers};
use raincheck_probes::evidence::{Cause, Certificate, PathEvidence, Route, Stage, TlsSeen};
use std::collections::{BTreeMap, BTreeSet};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// A certificate younger than this when the run began was made for the occasion.
const FRESH: Duration = Duration::days(7);

/// Someone between us and the servers answers TLS in their place.
///
/// Known only by comparison: one untrusted key stands for different servers; or one untrusted authority that
/// has just made its certificates stands for different servers of the vendor; or the same server shows a
/// trusted chain by another route.
pub(super) fn intercepted(view: &View) -> Judgement {
    let shown: Vec<Shown> = view.paths().filter_map(Shown::of).collect();
    let untrusted: Vec<&Shown> = shown.iter().filter(|s| !s.trusted).collect();
    if untrusted.is_empty() {
        let seen = shown.iter().map(|s| &s.path.server).collect::<BTreeSet<_>>().len();
        return if seen > 0 { Judgement::Fails } else { Judgement::Unknown };
    }
    let mut because = BTreeSet::new();
    let mut caught: BTreeMap<&str, &Shown> = BTreeMap::new();
    for group in groups(&untrusted, |s| s.leaf.key_sha256.as_str()) {
        if stands_in(&group) {
            because.insert("with one and the same key");
            caught.extend(group.iter().map(|s| (s.path.id.as_str(), *s)));
        }
    }
    for group in groups(&untrusted, |s| s.leaf.issuer.as_str()) {
        // Servers of one's own may well have new certificates of an authority of one's own.
        let all_fresh = view.evidence.asked.vendor_servers && group.iter().all(|s| fresh(view, s.leaf));
        if all_fresh && distinct(&group, |s| &s.path.server) > 1 && distinct(&group, |s| &s.leaf.sha256) > 1 {
            because.insert("with certificates made within the last week");
            caught.extend(group.iter().map(|s| (s.path.id.as_str(), *s)));
        }
    }
    for one in &untrusted {
        let genuine =
            |s: &&Shown| s.trusted && s.path.server == one.path.server && s.path.route != one.path.route;
        if shown.iter().any(|s| genuine(&s)) {
            because.insert("while the same server shows a trusted certificate by another route");
            caught.insert(&one.path.id, one);
        }
    }
    if caught.is_empty() {
        // One stranger for one server may be the server's own certificate.
        return Judgement::Unknown;
    }
    let caught: Vec<&Shown> = caught.into_values().collect();
    claim(view, &caught, &because.into_iter().collect::<Vec<_>>())
}

fn claim(view: &View, caught: &[&Shown], because: &[&str]) -> Judgement {
    let names = servers(caught.iter().map(|s| s.path));
    let issuers = list(caught.iter().map(|s| s.leaf.issuer.clone()).collect::<BTreeSet<_>>());
    let proxies: BTreeSet<String> =
        caught.iter().map(|s| s.path.route.to_string()).filter(|r| r != "direct").collect();
    let all_proxied = caught.iter().all(|s| s.path.route != Route::Direct);
    let who = if all_proxied { format!("Proxy {}", list(proxies)) } else { "Firewall or proxy".to_owned() };
    let to = destinations(view, &names);
    let mut advice = vec![format!("{who}: exempt {to} from TLS inspection.")];
    if !view.evidence.asked.vendor_servers {
        advice.push("If the authority is your own, give it with --ca-file.".to_owned());
    }
    Claim {
        title: "TLS to the servers is intercepted".to_owned(),
        observed: format!("{issuers} answers for {}, {}.", list(&names), list(because)),
        evidence: caught
            .iter()
            .map(|s| Cite { path: s.path.id.clone(), stage: Stage::Tls, text: s.describe() })
            .collect(),
        advice,
        ..Claim::default()
    }
    .into()
}

/// What one path's far end showed.
struct Shown<'a> {
    path: &'a PathEvidence,
    leaf: &'a Certificate,
    trusted: bool,
}

impl<'a> Shown<'a> {
    /// Nothing where no chain was seen, or where the path has no TLS step to cite.
    fn of(path: &'a PathEvidence) -> Option<Self> {
        let TlsSeen { chain, trusted, untrusted_because, .. } = path.tls.as_ref()?;
        path.steps.iter().find(|s| s.stage == Stage::Tls)?;
        let leaf = chain.first()?;
        // A certificate that is only out of date says nothing about who made it.
        let stranger = matches!(
            untrusted_because,
            Some(Cause::TlsUntrusted { .. } | Cause::TlsNameMismatch { .. }) | None
        );
        match trusted {
            Some(false) if stranger => Some(Self { path, leaf, trusted: false }),
            Some(true) => Some(Self { path, leaf, trusted: true }),
            _ => None,
        }
    }

    fn describe(&self) -> String {
        format!("certificate {} from {}", self.leaf.subject, self.leaf.issuer)
    }
}

/// Whether these untrusted certificates, which share a key, stand for servers that are not one: each with a
/// certificate of its own, or all with one that is valid for none of them.
fn stands_in(group: &[&Shown]) -> bool {
    let different_certificates = distinct(group, |s| &s.leaf.sha256) > 1;
    let for_none = group.iter().all(|s| !s.leaf.names.iter().any(|name| names_match(name, &s.path.server)));
    distinct(group, |s| &s.path.server) > 1 && (different_certificates || for_none)
}

fn names_match(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => name.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

fn groups<'a, 'b>(
    shown: &[&'b Shown<'a>],
    key: impl Fn(&'b Shown<'a>) -> &'b str,
) -> Vec<Vec<&'b Shown<'a>>> {
    let mut by_key: BTreeMap<&str, Vec<&Shown>> = BTreeMap::new();
    for one in shown {
        by_key.entry(key(one)).or_default().push(one);
    }
    by_key.into_values().collect()
}

fn distinct<'a, 'b>(group: &[&'b Shown<'a>], of: impl Fn(&'b Shown<'a>) -> &'b String) -> usize {
    group.iter().map(|s| of(s)).collect::<BTreeSet<_>>().len()
}

fn fresh(view: &View, leaf: &Certificate) -> bool {
    let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    match (time(&view.evidence.started), time(&leaf.not_before)) {
        (Some(started), Some(from)) => started - from < FRESH,
        _ => false,
    }
}

/// A chain to an authority that is not trusted here.
pub(super) fn untrusted(view: &View) -> Judgement {
    let wanted = |cause: &Cause| matches!(cause, Cause::TlsUntrusted { .. });
    at_tls(view, wanted, |names, to| {
        let advice = if view.evidence.asked.vendor_servers {
            vec![format!(
                "Firewall or proxy: exempt {to} from TLS inspection, or trust its authority on this computer."
            )]
        } else {
            vec![
                "Trust the servers' authority on the clients, or give it with --ca-file.".to_owned(),
                format!("If nobody here made that authority, exempt {to} from TLS inspection."),
            ]
        };
        (format!("The certificate of {names} is from an authority that is not trusted here"), advice)
    })
}

/// A certificate for other names.
pub(super) fn name_mismatch(view: &View) -> Judgement {
    let wanted = |cause: &Cause| matches!(cause, Cause::TlsNameMismatch { .. });
    at_tls(view, wanted, |names, to| {
        (
            format!("What answers as {names} shows a certificate for another name"),
            vec![
                format!("DNS and firewall: check that {to} leads to the real servers, without inspection."),
                "If the server is your own, put the name into its certificate.".to_owned(),
            ],
        )
    })
}

/// A certificate outside its validity, by this host's clock.
pub(super) fn expired(view: &View) -> Judgement {
    let wanted = |cause: &Cause| matches!(cause, Cause::TlsExpired { .. } | Cause::TlsNotYetValid { .. });
    at_tls(view, wanted, |names, _| {
        (
            format!("The certificate of {names} is out of its dates"),
            vec![
                format!("This computer: check its clock, which says {}.", view.evidence.started),
                "If the clock is right, renew the certificate.".to_owned(),
            ],
        )
    })
}

/// Any other way in which the handshake did not come off.
pub(super) fn failed(view: &View) -> Judgement {
    let wanted = |cause: &Cause| {
        matches!(
            cause,
            Cause::TlsBadCertificate { .. }
                | Cause::TlsAlert { .. }
                | Cause::TlsNotTls { .. }
                | Cause::TlsTimeout { .. }
                | Cause::TlsFailed { .. }
                | Cause::Reset { .. }
                | Cause::Closed { .. }
        )
    };
    at_tls(view, wanted, |names, to| {
        (
            format!("TLS with {names} does not come up"),
            vec![format!("Firewall or proxy: let TLS to {to} pass without inspection.")],
        )
    })
}

/// Paths whose TLS stage failed for a wanted cause.
fn at_tls(
    view: &View,
    wanted: impl Fn(&Cause) -> bool,
    say: impl Fn(&str, &str) -> (String, Vec<String>),
) -> Judgement {
    let shook_hands = |p: &PathEvidence| p.steps.iter().any(|s| s.stage == Stage::Tls && s.passed());
    let of_tls = |p: &&PathEvidence| p.steps.iter().any(|s| s.stage == Stage::Tls);
    let failing: Vec<(&PathEvidence, &Cause)> = view
        .paths()
        .filter(|p| !shook_hands(p))
        .flat_map(|p| p.steps.iter().filter(|s| s.stage == Stage::Tls).map(move |s| (p, s)))
        .filter_map(|(p, s)| Some((p, s.cause()?)))
        .filter(|(_, cause)| wanted(cause))
        .collect();
    if failing.is_empty() {
        let tried: Vec<&PathEvidence> = view.paths().filter(of_tls).collect();
        let decided = tried.iter().all(|p| shook_hands(p) || p.steps.iter().any(|s| s.cause().is_some()));
        return if decided && !tried.is_empty() { Judgement::Fails } else { Judgement::Unknown };
    }
    let paths = failing.iter().map(|(p, _)| *p);
    let names = servers(paths.clone());
    let (title, advice) = say(&list(&names), &destinations(view, &names));
    let causes: BTreeSet<String> = failing.iter().map(|(_, cause)| cause.to_string()).collect();
    Claim {
        title,
        observed: format!("{}: {}.", flows(paths), list(causes)),
        evidence: failing
            .iter()
            .map(|(p, cause)| Cite { path: p.id.clone(), stage: Stage::Tls, text: cause.to_string() })
            .collect(),
        advice,
        ..Claim::default()
    }
    .into()
}
