//! One entry per finding code. A new code is an entry in [`RULES`] and a function in a family's file.

mod dpi;
mod ice;
mod media;
mod network;
mod proxy;
mod reach;
mod stream;
mod tls;
mod turn;

use super::view::View;
use super::{Cite, Severity};
use raincheck_probes::evidence::{Cause, PathEvidence, Stage};
use std::collections::BTreeSet;

/// How one finding code is known.
pub(super) struct Rule {
    /// The code (contract: Finding codes).
    pub(super) code: &'static str,
    /// How much it matters when it holds.
    pub(super) severity: Severity,
    /// The section of the requirements document.
    pub(super) reference: Section,
    /// Codes that account for this one where they cover the same paths, the deepest cause first.
    pub(super) explained_by: &'static [&'static str],
    /// Looks at the evidence.
    pub(super) judge: fn(&View) -> Judgement,
}

/// What a rule says of a run.
pub(super) enum Judgement {
    /// It is so, and this is why.
    Holds(Box<Claim>),
    /// It is not so.
    Fails,
    /// The evidence does not decide.
    Unknown,
}

/// What a rule claims, and from what.
#[derive(Default)]
pub(super) struct Claim {
    /// What is wrong, in words that also stand inside a sentence.
    pub(super) title: String,
    /// What shows it, in one line.
    pub(super) observed: String,
    /// The steps it stands on.
    pub(super) evidence: Vec<Cite>,
    /// The change to make.
    pub(super) advice: Vec<String>,
    /// Another severity than the rule's own.
    pub(super) severity: Option<Severity>,
    /// Paths that it accounts for, where they are not just those that it cites.
    pub(super) covers: BTreeSet<String>,
    /// Whether it is about something that no section asks for.
    pub(super) unasked: bool,
}

impl From<Claim> for Judgement {
    fn from(claim: Claim) -> Self {
        Self::Holds(Box::new(claim))
    }
}

/// The section of the requirements document (edition 36) that asks for what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// None.
    None,
    /// The table of ports of the emulated client: 4.1, 4.2 for mobile clients, 4.6.1 for the gateway.
    Ports,
    /// The exception from deep packet inspection: 4.1 note 2, or 7.2 for clients with another table.
    Inspection,
    /// Proxies and inspection: 7.2.
    Proxies,
    /// Quality of media: 6.2.
    Quality,
    /// Resolving the published names: 7.1, of the vendor's servers only.
    Names,
    /// The published names and addresses: 5, of the vendor's servers only.
    Published,
}

impl Section {
    /// The section as a reader looks it up.
    pub(super) fn section(self, view: &View) -> Option<&'static str> {
        let vendor = |section| view.evidence.asked.vendor_servers.then_some(section);
        match (self, view.client()) {
            (Self::None, _) => None,
            (Self::Ports, "mobile") => Some("4.2"),
            (Self::Ports, "gateway" | "gateway-tls") => Some("4.6.1"),
            (Self::Ports, _) => Some("4.1"),
            (Self::Inspection, "mobile" | "gateway" | "gateway-tls") => Some("7.2"),
            (Self::Inspection, _) => Some("4.1 note 2"),
            (Self::Proxies, _) => Some("7.2"),
            (Self::Quality, _) => Some("6.2"),
            (Self::Names, _) => vendor("7.1"),
            (Self::Published, _) => vendor("5"),
        }
    }
}

/// Every rule, in the order in which findings of one severity are told.
pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "no-network",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &[],
        judge: network::no_network,
    },
    Rule {
        code: "dns-not-found",
        severity: Severity::Error,
        reference: Section::Names,
        explained_by: &["no-network"],
        judge: network::dns_not_found,
    },
    Rule {
        code: "dns-timeout",
        severity: Severity::Error,
        reference: Section::Names,
        explained_by: &["no-network"],
        judge: network::dns_timeout,
    },
    Rule {
        code: "policy-filtered",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &[],
        judge: network::policy_filtered,
    },
    Rule {
        code: "proxy-unreachable",
        severity: Severity::Error,
        reference: Section::Proxies,
        explained_by: &["no-network"],
        judge: proxy::unreachable,
    },
    Rule {
        code: "proxy-not-http",
        severity: Severity::Error,
        reference: Section::Proxies,
        explained_by: &[],
        judge: proxy::not_http,
    },
    Rule {
        code: "proxy-auth-required",
        severity: Severity::Error,
        reference: Section::Proxies,
        explained_by: &[],
        judge: proxy::auth_required,
    },
    Rule {
        code: "proxy-auth-rejected",
        severity: Severity::Error,
        reference: Section::Proxies,
        explained_by: &[],
        judge: proxy::auth_rejected,
    },
    Rule {
        code: "proxy-auth-unsupported",
        severity: Severity::Error,
        reference: Section::Proxies,
        explained_by: &[],
        judge: proxy::auth_unsupported,
    },
    Rule {
        code: "proxy-connect-denied",
        severity: Severity::Error,
        reference: Section::Ports,
        explained_by: &["turn-server-down"],
        judge: proxy::connect_denied,
    },
    Rule {
        code: "proxy-required",
        severity: Severity::Info,
        reference: Section::Proxies,
        explained_by: &["no-network"],
        judge: proxy::required,
    },
    Rule {
        code: "proxy-http10",
        severity: Severity::Info,
        reference: Section::Proxies,
        explained_by: &[],
        judge: proxy::http10,
    },
    Rule {
        code: "udp-blocked",
        severity: Severity::Error,
        reference: Section::Ports,
        explained_by: &["no-network"],
        judge: reach::udp_blocked,
    },
    Rule {
        code: "udp-port-blocked",
        severity: Severity::Warning,
        reference: Section::Ports,
        explained_by: &["no-network"],
        judge: reach::udp_port_blocked,
    },
    Rule {
        code: "udp-rejected",
        severity: Severity::Error,
        reference: Section::Ports,
        explained_by: &["no-network", "turn-server-down"],
        judge: reach::udp_rejected,
    },
    Rule {
        code: "tls-443-blocked",
        severity: Severity::Error,
        reference: Section::Ports,
        explained_by: &["no-network", "proxy-required"],
        judge: stream::tls_443_blocked,
    },
    Rule {
        code: "tcp-80-blocked",
        severity: Severity::Warning,
        reference: Section::Ports,
        explained_by: &["no-network", "proxy-required"],
        judge: stream::tcp_80_blocked,
    },
    Rule {
        code: "turn-server-down",
        severity: Severity::Error,
        reference: Section::Published,
        explained_by: &["no-network"],
        judge: reach::turn_server_down,
    },
    Rule {
        code: "not-a-turn-server",
        severity: Severity::Error,
        reference: Section::Published,
        explained_by: &[],
        judge: turn::not_a_turn_server,
    },
    Rule {
        code: "tls-intercepted",
        severity: Severity::Error,
        reference: Section::Inspection,
        explained_by: &[],
        judge: tls::intercepted,
    },
    Rule {
        code: "tls-untrusted",
        severity: Severity::Error,
        reference: Section::Inspection,
        explained_by: &["tls-intercepted"],
        judge: tls::untrusted,
    },
    Rule {
        code: "tls-name-mismatch",
        severity: Severity::Error,
        reference: Section::Inspection,
        explained_by: &["tls-intercepted"],
        judge: tls::name_mismatch,
    },
    Rule {
        code: "tls-expired",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &["tls-intercepted"],
        judge: tls::expired,
    },
    Rule {
        code: "tls-failed",
        severity: Severity::Error,
        reference: Section::Inspection,
        explained_by: &["tls-intercepted"],
        judge: tls::failed,
    },
    Rule {
        code: "dpi-http-inspection",
        severity: Severity::Error,
        reference: Section::Inspection,
        explained_by: &[],
        judge: dpi::http_inspection,
    },
    Rule {
        code: "dpi-reset",
        severity: Severity::Error,
        reference: Section::Inspection,
        explained_by: &[],
        judge: dpi::reset,
    },
    Rule {
        code: "turn-credentials-expired",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &[],
        judge: turn::credentials_expired,
    },
    Rule {
        code: "turn-credentials-rejected",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &["turn-credentials-expired"],
        judge: turn::credentials_rejected,
    },
    Rule {
        code: "turn-stale-nonce-loop",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &[],
        judge: turn::stale_nonce_loop,
    },
    Rule {
        code: "turn-quota",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &[],
        judge: turn::quota,
    },
    Rule {
        code: "turn-capacity",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &[],
        judge: turn::capacity,
    },
    Rule {
        code: "turn-wrong-family",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &[],
        judge: turn::wrong_family,
    },
    Rule {
        code: "stun-forged",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &[],
        judge: turn::forged,
    },
    Rule {
        code: "turn-forbidden-peer",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &[],
        judge: turn::forbidden_peer,
    },
    Rule {
        code: "relay-no-return",
        severity: Severity::Error,
        reference: Section::None,
        explained_by: &["turn-forbidden-peer"],
        judge: turn::relay_no_return,
    },
    Rule {
        code: "ice-checks-blocked",
        severity: Severity::Error,
        reference: Section::Inspection,
        explained_by: &[],
        judge: ice::checks_blocked,
    },
    Rule {
        code: "client-stops-early",
        severity: Severity::Info,
        reference: Section::None,
        explained_by: &[],
        judge: ice::stops_early,
    },
    Rule {
        code: "latency-high",
        severity: Severity::Warning,
        reference: Section::Quality,
        explained_by: &[],
        judge: media::latency,
    },
    Rule {
        code: "jitter-high",
        severity: Severity::Warning,
        reference: Section::Quality,
        explained_by: &[],
        judge: media::jitter,
    },
    Rule {
        code: "loss-high",
        severity: Severity::Warning,
        reference: Section::Quality,
        explained_by: &[],
        judge: media::loss,
    },
];

/// A cite of the tunnel step of a path, opened or not.
fn tunnel_cites(path: &PathEvidence) -> Vec<Cite> {
    path.steps
        .iter()
        .filter(|step| step.stage == Stage::Tunnel)
        .map(|step| Cite {
            path: path.id.clone(),
            stage: step.stage,
            text: step.cause().map_or_else(|| "the proxy opened the tunnel".to_owned(), Cause::to_string),
        })
        .collect()
}
