//! Words that several rules use: lists, destinations, firewall rules.

use super::Cite;
use super::view::{View, flow};
use raincheck_probes::evidence::{Cause, PathEvidence, Stage, Transport};
use std::collections::BTreeSet;

/// Names that a list spells out before it says how many more there are.
const NAMES_IN_A_LIST: usize = 6;

/// `a`, `a and b`, `a, b and c`; long lists end in `and 5 more`.
pub(super) fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<T> = items.into_iter().collect();
    let more = items.len().saturating_sub(NAMES_IN_A_LIST);
    let shown = if more > 1 { items.len() - more } else { items.len() };
    let mut text = String::new();
    for (at, item) in items.iter().take(shown).enumerate() {
        let last = at + 1 == items.len();
        text.push_str(if at == 0 {
            ""
        } else if last {
            " and "
        } else {
            ", "
        });
        text.push_str(item.as_ref());
    }
    if shown < items.len() {
        text.push_str(&format!(" and {} more", items.len() - shown));
    }
    text
}

/// `1 path`, `2 paths`.
pub(super) fn count(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

/// `is` or `are`.
pub(super) fn are(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

/// Servers of the paths, each once.
pub(super) fn servers<'a>(paths: impl IntoIterator<Item = &'a PathEvidence>) -> BTreeSet<&'a str> {
    paths.into_iter().map(|p| p.server.as_str()).collect()
}

/// Ports of the paths, each once.
pub(super) fn ports<'a>(paths: impl IntoIterator<Item = &'a PathEvidence>) -> BTreeSet<u16> {
    paths.into_iter().map(|p| p.port).collect()
}

/// `port 80`, `ports 80 and 443`.
pub(super) fn port_list(ports: &BTreeSet<u16>) -> String {
    let word = if ports.len() == 1 { "port" } else { "ports" };
    format!("{word} {}", list(ports.iter().map(u16::to_string)))
}

/// `TCP/80`, `TCP/80 and TCP/3478`.
pub(super) fn flows<'a>(paths: impl IntoIterator<Item = &'a PathEvidence>) -> String {
    let flows: BTreeSet<(Transport, u16)> = paths.into_iter().map(|p| (p.transport, p.port)).collect();
    list(flows.into_iter().map(|(transport, port)| flow(transport, port)))
}

/// What a rule must name: the vendor's domain where the servers are the vendor's, else the servers.
///
/// The wildcard of section 5 is used only where every server lies under it.
pub(super) fn destinations(view: &View, servers: &BTreeSet<&str>) -> String {
    const DOMAIN: &str = ".openrainbow.com";
    if view.evidence.asked.vendor_servers && servers.iter().all(|name| name.ends_with(DOMAIN)) {
        return format!("*{DOMAIN}");
    }
    list(servers)
}

/// The firewall rule that lets these paths out, for the emulated client.
pub(super) fn open_out<'a>(view: &View, paths: impl IntoIterator<Item = &'a PathEvidence> + Clone) -> String {
    let to = destinations(view, &servers(paths.clone()));
    let ports = port_list(&ports(paths.clone()));
    let udp = paths.into_iter().any(|p| p.transport == Transport::Udp);
    match (udp, view.client()) {
        // Section 4.6.1: the gateway's source ports.
        (true, "gateway" | "gateway-tls") => {
            format!("Firewall: allow UDP out from ports 20000-29999 to {to} {ports}, and the replies.")
        }
        (true, _) => format!("Firewall: allow UDP out to {to} {ports}, and the replies."),
        (false, _) => format!("Firewall: allow TCP out to {to} {ports}."),
    }
}

/// That these flows do not get out: `UDP/3478 is blocked here`, or only `UDP/3478 gets no answer` where nothing at
/// all came from the servers, so that they may as well not be there.
pub(super) fn shut_title(flows: &str, to: &str, heard_of: bool) -> String {
    let several = flows.matches('/').count() > 1;
    match (heard_of, several) {
        (true, false) => format!("{flows}{to} is blocked here"),
        (true, true) => format!("{flows}{to} are blocked here"),
        (false, false) => format!("{flows}{to} gets no answer"),
        (false, true) => format!("{flows}{to} get no answer"),
    }
}

/// What else it may be when nothing came from any of so many servers.
pub(super) fn or_nobody_there(servers: usize) -> &'static str {
    if servers == 1 {
        "If this rule is open, the server is down or its address wrong."
    } else {
        "If these rules are open, the servers are down or the addresses wrong."
    }
}

/// Whether the table of ports (4.1, 4.2, 4.6.1) asks for any of these flows.
pub(super) fn any_listed(paths: &[&PathEvidence]) -> bool {
    paths.iter().any(|p| {
        matches!((p.transport, p.port), (Transport::Udp, 3478) | (Transport::Tcp, 80) | (Transport::Tls, 443))
    })
}

/// A cite of every step of these paths whose cause is wanted.
pub(super) fn cite<'a>(
    paths: impl IntoIterator<Item = &'a PathEvidence>,
    wanted: impl Fn(Stage, &Cause) -> bool,
) -> Vec<Cite> {
    let mut cites = Vec::new();
    for path in paths {
        for step in &path.steps {
            if let Some(cause) = step.cause().filter(|cause| wanted(step.stage, cause)) {
                cites.push(Cite { path: path.id.clone(), stage: step.stage, text: cause.to_string() });
            }
        }
    }
    cites
}

/// Seconds with one decimal.
pub(super) fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_a_person_writes_them() {
        assert_eq!(list(["a"]), "a");
        assert_eq!(list(["a", "b"]), "a and b");
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
        assert_eq!(list(["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e, f and g");
        assert_eq!(list(["a", "b", "c", "d", "e", "f", "g", "h"]), "a, b, c, d, e, f and 2 more");
    }
}
