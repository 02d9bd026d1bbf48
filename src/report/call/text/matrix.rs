//! Every candidate of one end against every one of the other, as a table of round trips.

use crate::report::call::model::PairReport;
use crate::report::names::Names;
use crate::report::style::{Ink, Line, Style, columns, wrapped};
use crate::report::text::head;
use raincheck_probes::ice::agent::PairState;
use std::io;

/// Columns of a cell: two blanks and `1234.5`.
const CELL: usize = 8;

/// Writes the section: our candidates as rows, the far end's as columns, in blocks that fit the page.
pub(super) fn write(
    pairs: &[PairReport],
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    head("Every pair of both ends' candidates: round trip in ms", style, out)?;
    if pairs.is_empty() {
        return wrapped(Line::default(), Ink::Warn, "nothing was checked", (2, style.width), style, out);
    }
    let near = each(pairs.iter().map(|pair| names.shorten(&pair.local_words)));
    let far = each(pairs.iter().map(|pair| names.shorten(&pair.remote_words)));
    for (at, name) in far.iter().enumerate() {
        let mut line = Line::default();
        line.tab(4).put(Ink::Head, &letter(at)).tab(8).put(Ink::Plain, name);
        line.write(style, out)?;
    }
    let label = near.iter().map(|name| columns(name)).max().unwrap_or(0).min(style.width / 2);
    let from = 4 + label;
    let fit = (style.width.saturating_sub(from) / CELL).max(1);
    let letters: Vec<usize> = (0..far.len()).collect();
    for block in letters.chunks(fit) {
        writeln!(out)?;
        let mut line = Line::default();
        for (column, at) in block.iter().enumerate() {
            put(&mut line, from + column * CELL, Ink::Head, &letter(*at));
        }
        line.write(style, out)?;
        for name in &near {
            let mut line = Line::default();
            let short: String = name.chars().take(label).collect();
            line.tab(4).put(Ink::Plain, &short);
            for (column, at) in block.iter().enumerate() {
                let found = pairs.iter().find(|pair| {
                    names.shorten(&pair.local_words) == *name
                        && far.get(*at).is_some_and(|far| names.shorten(&pair.remote_words) == *far)
                });
                let (ink, text) = cell(found);
                put(&mut line, from + column * CELL, ink, &text);
            }
            line.write(style, out)?;
        }
    }
    legend(pairs, style, out)
}

/// What the signs mean, as far as they are there.
fn legend(pairs: &[PairReport], style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let works = pairs.iter().filter(|pair| pair.state == PairState::Succeeded).count();
    let open = pairs.iter().any(|pair| !matches!(pair.state, PairState::Succeeded | PairState::Failed));
    let signs = match (works < pairs.len(), open) {
        (false, _) => "",
        (true, false) => "; - does not work",
        (true, true) => "; - does not work, ? not finished",
    };
    let text = format!("{works} of {} pairs work{signs}", pairs.len());
    wrapped(Line::default(), Ink::Faint, &text, (4, style.width), style, out)
}

fn cell(pair: Option<&PairReport>) -> (Ink, String) {
    let Some(pair) = pair else { return (Ink::Faint, String::new()) };
    match (pair.state, pair.rtt_ms) {
        (PairState::Succeeded, Some(rtt)) => (Ink::Good, format!("{rtt:.1}")),
        (PairState::Succeeded, None) => (Ink::Good, "works".to_owned()),
        (PairState::Failed, _) => (Ink::Bad, "-".to_owned()),
        _ => (Ink::Warn, "?".to_owned()),
    }
}

/// Puts a text at the right of its cell.
fn put(line: &mut Line, from: usize, ink: Ink, text: &str) {
    line.tab(from + CELL.saturating_sub(columns(text))).put(ink, text);
}

/// Each text once, in the order in which they come.
fn each(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut each: Vec<String> = Vec::new();
    for text in texts {
        if !each.contains(&text) {
            each.push(text);
        }
    }
    each
}

/// `A` to `Z`, then `A1` and on.
fn letter(at: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(at % 26).unwrap_or(0));
    match at / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{round}"),
    }
}
