//! The verdict: what the evidence means for a call, and what to change.
//!
//! [`judge`] is a pure function of [`Evidence`] and the client's ranking. It looks at nothing else, so a
//! saved run can be judged again; the order of paths and steps does not matter to it, and neither do steps
//! that were skipped. Each finding comes from one rule, which cites the steps it stands on. A finding
//! that another one accounts for is kept and marked, so that one root cause stands.

mod advice;
mod capability;
mod metrics;
pub mod ranking;
mod rules;
#[cfg(test)]
pub(crate) mod sample;
mod summary;
#[cfg(test)]
mod tests;
mod view;
mod words;

pub use capability::{Answer, Capabilities};
pub use metrics::{Loss, jitter_ms, loss, rtt};
pub use view::{PathState, path_failure, path_state};

use raincheck_probes::evidence::{Evidence, Stage};
use raincheck_probes::ice::rank::Rank;
use rules::{Claim, Judgement, RULES, Rule};
use serde::Serialize;
use std::collections::BTreeSet;
use view::View;

/// What the evidence comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The answer in one word.
    pub kind: Kind,
    /// The answer in one sentence for an administrator.
    pub summary: String,
    /// What the network lets through.
    pub capabilities: Capabilities,
    /// Root causes first, most severe first; then what they account for.
    pub findings: Vec<Finding>,
    /// What to do about failures that no finding accounts for.
    pub advice: Vec<String>,
}

/// The answer in one word (contract: `verdict`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Every path that the client would try is a relay that carried packets, and media is within the thresholds of
    /// section 6.2 of the requirements document.
    Works,
    /// The same as far as it can be shown: every server answers on every path, and there are no credentials to ask
    /// for a relay with, or none was asked for.
    Reachable,
    /// Calls would connect, but not over every path that was asked for, or not with good media.
    Degraded,
    /// No path that a call could use.
    Fails,
    /// The evidence does not decide.
    Unknown,
}

impl Kind {
    /// The word itself.
    pub fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Reachable => "reachable",
            Self::Degraded => "degraded",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
        }
    }
}

impl Verdict {
    /// The program's exit status: 0 for what works, 1 for what does not, 3 for what is not known.
    pub fn exit_status(&self) -> u8 {
        match self.kind {
            Kind::Works | Kind::Reachable => 0,
            Kind::Degraded | Kind::Fails => 1,
            Kind::Unknown => 3,
        }
    }

    /// The finding that accounts best for a path: a root cause if there is one.
    pub fn finding_of(&self, path: &str) -> Option<&Finding> {
        self.findings.iter().filter(|f| f.severity > Severity::Info).find(|f| f.paths.contains(path))
    }
}

/// How much a finding matters to calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; calls do not suffer.
    Info,
    /// Calls connect, but worse than they could.
    Warning,
    /// Something that calls need does not work.
    Error,
}

/// One thing that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stable code (contract: Finding codes).
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in a few words that also stand inside a sentence.
    pub title: String,
    /// What was seen that shows it, in one line.
    pub observed: String,
    /// Other findings that this one accounts for.
    pub explains: Vec<&'static str>,
    /// The finding that accounts for this one.
    pub explained_by: Option<&'static str>,
    /// The steps that it stands on.
    pub evidence: Vec<Cite>,
    /// The exact change to make, at most two short sentences.
    pub advice: Vec<String>,
    /// The section of the requirements document (edition 36) that asks for it.
    pub reference: Option<&'static str>,
    /// The paths whose failure it accounts for.
    pub paths: BTreeSet<String>,
}

/// A step that a finding stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cite {
    /// The path's id.
    pub path: String,
    /// The layer.
    pub stage: Stage,
    /// What was seen there.
    pub text: String,
}

/// Judges a run.
///
/// `ranking` is the client's order of the working paths; the one selected is the one whose media counts.
pub fn judge(evidence: &Evidence, ranking: &[Rank]) -> Verdict {
    let view = View::new(evidence, ranking);
    let findings = find(&view);
    let kind = view.kind(&findings);
    let summary = summary::summary(&view, kind, &findings);
    let advice = advice::of_the_rest(&view, &findings);
    Verdict { kind, summary, capabilities: Capabilities::of(&view), findings, advice }
}

fn find(view: &View) -> Vec<Finding> {
    let mut held: Vec<(&Rule, Finding)> = RULES
        .iter()
        .filter_map(|rule| match (rule.judge)(view) {
            Judgement::Holds(claim) => Some((rule, finding(view, rule, *claim))),
            Judgement::Fails | Judgement::Unknown => None,
        })
        .collect();
    link(&mut held);
    held.sort_by_key(|(_, f)| (f.explained_by.is_some(), std::cmp::Reverse(f.severity)));
    held.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(view: &View, rule: &Rule, claim: Claim) -> Finding {
    let cited = || claim.evidence.iter().map(|cite| cite.path.clone()).collect();
    let paths = if claim.covers.is_empty() { cited() } else { claim.covers.clone() };
    Finding {
        code: rule.code,
        severity: claim.severity.unwrap_or(rule.severity),
        title: claim.title,
        observed: claim.observed,
        explains: Vec::new(),
        explained_by: None,
        evidence: claim.evidence,
        advice: claim.advice,
        reference: if claim.unasked { None } else { rule.reference.section(view) },
        paths,
    }
}

/// Marks each finding whose every path another finding accounts for, and that its rule names as explaining.
fn link(held: &mut [(&Rule, Finding)]) {
    let links: Vec<Option<usize>> = held
        .iter()
        .map(|(rule, finding)| {
            rule.explained_by.iter().find_map(|code| {
                held.iter().position(|(_, by)| by.code == *code && finding.paths.is_subset(&by.paths))
            })
        })
        .collect();
    for (explained, by) in links.into_iter().enumerate() {
        let Some(by) = by else { continue };
        let (code, by_code) = (held[explained].1.code, held[by].1.code);
        held[explained].1.explained_by = Some(by_code);
        held[by].1.explains.push(code);
    }
}
