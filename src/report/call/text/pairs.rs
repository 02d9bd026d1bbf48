//! The pairs in the order of preference: those that work and those that were checked, then how many there are besides.

use super::more_below;
use crate::report::call::model::PairReport;
use crate::report::names::Names;
use crate::report::style::{Ink, Line, Style, Verbosity, columns, wrap, wrapped};
use crate::report::text::head;
use raincheck_probes::ice::agent::PairState;
use std::io;

/// Pairs that work and are shown without `-v`.
const WORKING: usize = 8;
/// Pairs that do not, likewise.
const FAILED: usize = 6;
/// Columns that the cause of a failure takes at least beside its pair.
const CAUSE: usize = 18;
/// `12345.6 ms`
const RTT: usize = 10;

/// Where the columns begin.
struct Columns {
    near: usize,
    /// Where the far candidate stands; none when it has a line of its own.
    far: Option<usize>,
    rest: usize,
}

/// Writes the section.
pub(super) fn write(
    title: &str,
    pairs: &[PairReport],
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    head(title, style, out)?;
    let shown = shown(pairs, style.verbosity == Verbosity::Verbose);
    let columns = Columns::fit(&shown, names, style.width);
    for pair in &shown {
        one(pair, &columns, names, style, out)?;
    }
    match rest(pairs, &shown) {
        Some(text) => more_below(&text, style, out),
        None => Ok(()),
    }
}

/// The rows that are worth a line.
fn shown(pairs: &[PairReport], all: bool) -> Vec<&PairReport> {
    let (mut working, mut failed) = (0, 0);
    let worth = |pair: &&PairReport| {
        let room = match pair.state {
            PairState::Succeeded | PairState::Pruned if pair.checks_answered > 0 => {
                working += 1;
                working <= WORKING
            }
            _ if pair.checks_sent > 0 || pair.cause.is_some() => {
                failed += 1;
                failed <= FAILED
            }
            _ => false,
        };
        all || pair.selected || room
    };
    pairs.iter().filter(worth).collect()
}

/// `and 9 more (4 failed, 5 not checked); -v shows them`
fn rest(pairs: &[PairReport], shown: &[&PairReport]) -> Option<String> {
    let left = || pairs.iter().filter(|pair| !shown.iter().any(|one| one.position == pair.position));
    let all = left().count();
    if all == 0 {
        return None;
    }
    let number = |wanted: &dyn Fn(&PairReport) -> bool| left().filter(|pair| wanted(pair)).count();
    let failed = number(&|pair| pair.state == PairState::Failed);
    let works = number(&|pair| pair.state == PairState::Succeeded);
    let unchecked = number(&|pair| pair.checks_sent == 0 && pair.state != PairState::Failed);
    let told = [(works, "work"), (failed, "failed"), (unchecked, "not checked")];
    let told: Vec<String> =
        told.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
    Some(format!("and {all} more{told}; -v shows them"))
}

impl Columns {
    fn fit(pairs: &[&PairReport], names: &Names, width: usize) -> Self {
        let widest = |of: &dyn Fn(&PairReport) -> String| {
            pairs.iter().map(|pair| columns(&names.shorten(&of(pair)))).max().unwrap_or(0)
        };
        let digits = pairs.iter().map(|pair| pair.position).max().unwrap_or(1).to_string().len();
        let near = 4 + digits + 2;
        let far = near + widest(&|pair| pair.local_words.clone()) + 2;
        let rest = far + 2 + widest(&|pair| pair.remote_words.clone()) + 2;
        if rest + RTT <= width {
            Self { near, far: Some(far), rest }
        } else {
            Self { near, far: None, rest: far }
        }
    }
}

fn one(
    pair: &PairReport,
    columns_at: &Columns,
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let (ink, place) = match pair.state {
        PairState::Succeeded => (Ink::Good, pair.position.to_string()),
        PairState::Failed => (Ink::Bad, "-".to_owned()),
        _ if pair.checks_answered > 0 => (Ink::Plain, pair.position.to_string()),
        _ => (Ink::Warn, "?".to_owned()),
    };
    let mut line = Line::default();
    line.tab(2).put(ink, if pair.selected { ">" } else { "" });
    line.tab((columns_at.near - 2).saturating_sub(columns(&place))).put(ink, &place);
    line.tab(columns_at.near).put(Ink::Plain, &names.shorten(&pair.local_words));
    let far = format!("→ {}", names.shorten(&pair.remote_words));
    if let Some(at) = columns_at.far {
        line.tab(at).put(Ink::Plain, &far);
    }
    let left = result(line, pair, columns_at, names, style, out)?;
    if columns_at.far.is_none() {
        let mut line = Line::default();
        line.tab(columns_at.near).put(Ink::Plain, &far);
        line.write(style, out)?;
    }
    let verbose = style.verbosity == Verbosity::Verbose;
    let because = (pair.selected || verbose).then(|| names.shorten(&pair.because));
    for text in left.into_iter().chain(because) {
        wrapped(Line::default(), Ink::Faint, &text, (columns_at.near + 2, style.width), style, out)?;
    }
    Ok(())
}

/// What came of the pair, behind it; gives back what has no room there.
fn result(
    mut line: Line,
    pair: &PairReport,
    columns_at: &Columns,
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<Option<String>> {
    if let (Some(rtt), true) = (pair.rtt_ms, pair.state != PairState::Failed) {
        let rtt = format!("{rtt:.1} ms");
        line.tab(columns_at.rest + (RTT - 2).saturating_sub(columns(&rtt))).put(Ink::Plain, &rtt);
        let note = note(pair);
        if columns_at.rest + RTT + columns(note) <= style.width {
            line.tab(columns_at.rest + RTT).put(Ink::Faint, note);
        }
        line.write(style, out)?;
        return Ok(None);
    }
    let unanswered = pair.cause == Some("no-answer") && pair.checks_sent > 0;
    let text = match (&pair.detail, pair.state) {
        (Some(_), _) if unanswered && style.verbosity < Verbosity::Verbose => {
            let plural = if pair.checks_sent == 1 { "" } else { "s" };
            format!("no answer to {} check{plural}", pair.checks_sent)
        }
        (Some(detail), _) => names.shorten(detail),
        (None, PairState::Failed) => "failed".to_owned(),
        (None, PairState::Pruned) => "given up for a better one".to_owned(),
        (None, PairState::InProgress) => "not finished".to_owned(),
        (None, PairState::Succeeded) => "works".to_owned(),
        (None, PairState::Waiting | PairState::Frozen) if pair.checks_sent > 0 => "not finished".to_owned(),
        (None, PairState::Waiting | PairState::Frozen) => "not checked".to_owned(),
    };
    let text = if pair.cut { format!("cut; {text}") } else { text };
    let space = style.width.saturating_sub(columns_at.rest);
    let pieces = if space >= CAUSE.min(columns(&text)) { wrap(&text, space) } else { Vec::new() };
    if pieces.is_empty() || pieces.len() > 2 {
        line.write(style, out)?;
        return Ok(Some(text));
    }
    for piece in pieces {
        line.tab(columns_at.rest).put(Ink::Plain, &piece);
        std::mem::take(&mut line).write(style, out)?;
    }
    Ok(None)
}

/// What sets a pair that works apart.
fn note(pair: &PairReport) -> &'static str {
    match (pair.state, pair.nominated) {
        _ if pair.cut => "cut",
        (PairState::Pruned, _) => "given up",
        (_, true) if !pair.selected => "nominated",
        _ => "",
    }
}
