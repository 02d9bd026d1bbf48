//! What happened when.

use super::more_below;
use crate::report::call::model::{CallReport, EventReport};
use crate::report::names::Names;
use crate::report::style::{Ink, Line, Style, Verbosity, wrapped};
use crate::report::text::head;
use std::io;

/// Beginnings of what the table of pairs tells already.
const OF_PAIRS: [&str; 6] = [
    "first check: ",
    "works: ",
    "failed: ",
    "silent: ",
    "given up for a better one: ",
    "the peer's check showed ",
];
/// Events that are shown without `-v`: the first and the last.
const SHOWN: [usize; 2] = [4, 8];
/// Where the text begins.
const TEXT: usize = 14;

/// Writes the section.
pub(super) fn write(
    report: &CallReport,
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if report.events.is_empty() {
        return Ok(());
    }
    let verbose = style.verbosity == Verbosity::Verbose;
    head("What happened", style, out)?;
    let told: Vec<&EventReport> =
        report.events.iter().filter(|event| verbose || !is_of_pairs(event)).collect();
    let [first, last] = SHOWN;
    let cut = if verbose || told.len() <= first + last { None } else { Some((first, told.len() - last)) };
    for (at, event) in told.iter().enumerate() {
        match cut {
            Some((from, to)) if (from..to).contains(&at) => {
                if at == from {
                    more_below("…", style, out)?;
                }
            }
            _ => one(event, names, style, out)?,
        }
    }
    let shown = cut.map_or(told.len(), |(from, to)| told.len() - (to - from));
    match report.events.len() - shown {
        0 => Ok(()),
        more => more_below(&format!("and {more} more; -v shows them"), style, out),
    }?;
    match (verbose, &report.far) {
        (true, Some(far)) if !far.events.is_empty() => {
            head("What happened at the far end", style, out)?;
            far.events.iter().try_for_each(|event| one(event, names, style, out))
        }
        _ => Ok(()),
    }
}

fn is_of_pairs(event: &EventReport) -> bool {
    OF_PAIRS.iter().any(|beginning| event.event.starts_with(beginning))
}

fn one(event: &EventReport, names: &Names, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut line = Line::default();
    let at = format!("{:.3} s", event.at_ms / 1000.0);
    line.tab((TEXT - 2).saturating_sub(at.len())).put(Ink::Faint, &at);
    wrapped(line, Ink::Plain, &names.shorten(&event.event), (TEXT, style.width), style, out)
}
