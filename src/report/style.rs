//! How text looks: width, colour, wrapping.

use std::borrow::Cow;
use std::io;

/// How much a person wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Verbosity {
    /// The verdict line (`-q`).
    Quiet,
    /// The verdict, what to change, the paths.
    #[default]
    Normal,
    /// Stages, candidates and facts too (`-v`).
    Verbose,
}

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour.
    pub color: bool,
    /// Columns; 80 where there is no terminal.
    pub width: usize,
    /// How much to tell.
    pub verbosity: Verbosity,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, width: 80, verbosity: Verbosity::Normal }
    }
}

impl Style {
    /// The same with a width that the tables can keep: beyond the widest, columns lie too far apart to follow.
    pub(super) fn page(&self) -> Self {
        Self { width: self.width.clamp(72, 120), ..*self }
    }
}

/// What a stretch of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Head,
    Good,
    Bad,
    Warn,
    Faint,
}

/// Stretches of one line, and how wide they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    parts: Vec<(Ink, String)>,
    width: usize,
}

impl Line {
    /// Adds text, made harmless to a terminal.
    pub(super) fn put(&mut self, ink: Ink, text: &str) -> &mut Self {
        let text = clean(text).into_owned();
        self.width += columns(&text);
        self.parts.push((ink, text));
        self
    }

    /// Blanks up to this column; none when the line is there already.
    pub(super) fn tab(&mut self, column: usize) -> &mut Self {
        let blanks = column.saturating_sub(self.width);
        self.put(Ink::Plain, &" ".repeat(blanks))
    }

    /// Writes the line without blanks at its end.
    pub(super) fn write(mut self, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        while let Some((_, last)) = self.parts.last_mut() {
            last.truncate(last.trim_end().len());
            if !last.is_empty() {
                break;
            }
            self.parts.pop();
        }
        for (ink, text) in &self.parts {
            match style.color.then(|| ink.code()).flatten() {
                Some(code) => write!(out, "\x1b[{code}m{text}\x1b[0m")?,
                None => write!(out, "{text}")?,
            }
        }
        writeln!(out)
    }
}

impl Ink {
    /// SGR parameters, ECMA-48 section 8.3.117.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Head => Some("1"),
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
            Self::Warn => Some("33"),
            Self::Faint => Some("2"),
        }
    }
}

/// Writes text wrapped between two columns; what stands before it on the first line is in `line`.
pub(super) fn wrapped(
    mut line: Line,
    ink: Ink,
    text: &str,
    (from, to): (usize, usize),
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    for piece in wrap(text, to.saturating_sub(from)) {
        line.tab(from).put(ink, &piece);
        std::mem::take(&mut line).write(style, out)?;
    }
    Ok(())
}

/// Breaks text into lines of at most so many columns, between words where it can.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = vec![String::new()];
    for word in words(text) {
        let mut word: Vec<char> = clean(&word).chars().collect();
        while let Some(line) = lines.last_mut() {
            let used = columns(line);
            let gap = usize::from(used > 0);
            if used + gap + word.len() <= width {
                line.push_str(&" ".repeat(gap));
                line.extend(word);
                break;
            }
            if used == 0 {
                line.extend(word.drain(..width));
            }
            lines.push(String::new());
        }
    }
    lines
}

/// The words of a text; a number and its unit are one.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let is_unit = matches!(word.trim_end_matches(['.', ',', ';', ':', ')']), "s" | "ms" | "%");
        match words.last_mut() {
            Some(number) if is_unit && number.ends_with(|c: char| c.is_ascii_digit()) => {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// Columns that the text takes, one per character: names and causes are ASCII, certificates may not be.
pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Text from outside without control characters and without marks that turn the direction of writing.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(harmful) { Cow::Owned(text.replace(harmful, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_between_words_and_breaks_only_words_that_are_too_long() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("123456789012 x", 8), ["12345678", "9012 x"]);
        assert_eq!(wrap("", 8), [""]);
        assert_eq!(wrap("it took 2.5 s.", 12), ["it took", "2.5 s."]);
    }

    #[test]
    fn text_from_outside_cannot_steer_a_terminal() {
        assert_eq!(clean("a\x1b[31mb\u{202e}"), "a\u{fffd}[31mb\u{fffd}");
    }

    #[test]
    fn colour_does_not_count_as_width() {
        let mut line = Line::default();
        line.put(Ink::Bad, "ab").tab(4).put(Ink::Plain, "c  ");
        let mut out = Vec::new();
        line.write(&Style { color: true, ..Style::default() }, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\x1b[31mab\x1b[0m  c\n");
    }
}
