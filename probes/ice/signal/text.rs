//! Bounded, printable text out of bytes that others wrote.

use std::ops::RangeInclusive;

/// ice-char, RFC 8839 section 5.1.
const fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Whether this is one or more ice-char, as many as allowed.
pub(super) fn is_ice_text(text: &str, length: RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(is_ice_char)
}

/// token of RFC 8866 section 9: what names, `mid` and payload formats are made of.
pub(super) fn is_token(text: &str, longest: usize) -> bool {
    let allowed = |byte: u8| matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'~');
    (1..=longest).contains(&text.len()) && text.bytes().all(allowed)
}

/// Space and visible ASCII only.
pub(super) fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The text as it may be shown on a terminal: control and invisible characters replaced, cut when it is longer.
pub(super) fn shown(text: &str, longest: usize) -> String {
    let visible =
        |c: char| if c == ' ' || (!c.is_control() && !c.is_whitespace() && !hides(c)) { c } else { '?' };
    let mut out: String = text.chars().take(longest).map(visible).collect();
    if text.chars().nth(longest).is_some() {
        out.push('…');
    }
    out
}

/// Characters that change the order of what stands beside them, or that nobody sees.
const fn hides(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}')
}
