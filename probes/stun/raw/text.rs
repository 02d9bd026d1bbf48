//! Text from outside, made fit to print.

/// Text from a server: at most `limit` characters, none of which moves a cursor, hides or reverses anything.
///
/// Bytes that are no UTF-8 and characters that are not printable become U+FFFD; blanks and zeros at either end go, since
/// some servers count their padding as text.
pub fn clean(bytes: &[u8], limit: usize) -> String {
    // Four bytes are the longest character, so that the conversion itself stays bounded.
    let head = bytes.get(..limit.saturating_mul(4)).unwrap_or(bytes);
    let printable = |c: char| if unprintable(c) { char::REPLACEMENT_CHARACTER } else { c };
    let text = String::from_utf8_lossy(head);
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    text.chars().take(limit).map(printable).collect()
}

fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_move_the_cursor_or_turn_the_line_around() {
        assert_eq!(clean(b"Bad\x1b[2J\r\nRequest", 64), "Bad\u{fffd}[2J\u{fffd}\u{fffd}Request");
        assert_eq!(clean("a\u{202e}b".as_bytes(), 64), "a\u{fffd}b");
        assert_eq!(clean(b"caf\xe9", 64), "caf\u{fffd}");
    }

    #[test]
    fn padding_that_was_counted_as_text_is_dropped() {
        assert_eq!(clean(b"Unsupported address family\0\0", 64), "Unsupported address family");
        assert_eq!(clean(b" a\0b \0", 64), "a\u{fffd}b");
    }

    #[test]
    fn text_is_bounded_in_characters() {
        assert_eq!(clean("ü".repeat(1_000).as_bytes(), 5), "üüüüü");
        assert_eq!(clean(&[0xff; 70_000], 8).chars().count(), 8);
    }
}
