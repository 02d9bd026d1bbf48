//! What to do about failures that no finding accounts for: the cause alone says whom to ask.

use super::view::{PathState, View, flow, path_failure};
use super::{Finding, Severity};
use raincheck_probes::evidence::{Cause, PathEvidence};

/// Lines at most; one cause that every server met with is one line.
const LINES: usize = 3;

/// A line for each cause that broke a path of the client's without a finding, each once.
pub(super) fn of_the_rest(view: &View, findings: &[Finding]) -> Vec<String> {
    let told =
        |p: &PathEvidence| findings.iter().any(|f| f.severity > Severity::Info && f.paths.contains(&p.id));
    let mut lines: Vec<String> = Vec::new();
    for path in view.paths().filter(|p| p.client_tries && view.state(p) == PathState::Fails && !told(p)) {
        let line = path_failure(path).and_then(|(_, cause)| of_cause(view, path, cause));
        lines.extend(line.filter(|line| !lines.contains(line)));
    }
    lines.truncate(LINES);
    lines
}

fn of_cause(view: &View, path: &PathEvidence, cause: &Cause) -> Option<String> {
    let whom =
        if view.evidence.asked.vendor_servers { "Rainbow support" } else { "whoever runs the TURN server" };
    let flow = flow(path.transport, path.port);
    Some(match cause {
        Cause::StunError { stun_code, reason, .. } => {
            let answer = format!("{stun_code} {reason}");
            let who = if view.evidence.asked.vendor_servers { "the server" } else { "it" };
            format!("Ask {whom}; {who} answered {}.", answer.trim_end())
        }
        Cause::BadRedirect { .. } | Cause::UnknownRequired { .. } | Cause::MissingAttribute { .. } => {
            format!("Ask {whom}; {cause}.")
        }
        Cause::RelayCorrupt { .. } => {
            format!(
                "Firewall: let {flow} to {} pass unchanged. If it does, ask {whom}; {cause}.",
                path.server
            )
        }
        Cause::Reset { .. } | Cause::Closed { .. } => {
            format!("Firewall or proxy: let {flow} to {} pass. If it does, ask {whom}.", path.server)
        }
        Cause::LocalRefusal { .. } => "This computer: check its routes and its own firewall.".to_owned(),
        _ => return None,
    })
}
