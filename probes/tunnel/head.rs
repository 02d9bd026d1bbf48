//! The head of a proxy's answer, read leniently and within bounds.
//!
//! What browsers let pass is let pass here: line feeds alone, folded lines, missing reasons, letters of either
//! case. What is odd is counted rather than refused.

/// Longest head that is read, bytes.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// Most header lines that are read.
pub(super) const MAX_LINES: usize = 100;
const MAX_TEXT: usize = 200;

/// A head as it comes in.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    bytes: Vec<u8>,
    scanned: usize,
}

/// What has come in so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A part of a head.
    Part,
    /// The whole head, and what came after it.
    Head(Head, Vec<u8>),
    /// Something that does not begin like HTTP.
    NotHttp,
    /// HTTP, but broken or too long.
    Bad(String),
}

/// A parsed head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The minor version: HTTP/1.x.
    pub(super) minor: u8,
    pub(super) status: u16,
    pub(super) reason: String,
    /// Lines that are not header lines.
    pub(super) odd_lines: u32,
    headers: Vec<(String, String)>,
}

/// How the body after a head is delimited (RFC 9112 section 6.3).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

impl HeadReader {
    /// Takes in more bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Found {
        // Nothing past one whole head is looked at here, but it may be the beginning of what comes after.
        self.bytes.extend_from_slice(bytes);
        let blank = self.bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let text = &self.bytes[blank..];
        if !text.iter().zip(b"HTTP/").all(|(is, should)| is.eq_ignore_ascii_case(should)) {
            return Found::NotHttp;
        }
        let Some(end) = self.find_end(blank) else {
            return if self.bytes.len() > MAX_HEAD { too_long() } else { Found::Part };
        };
        if end > MAX_HEAD {
            return too_long();
        }
        match parse(&self.bytes[blank..end]) {
            Ok(head) => Found::Head(head, self.bytes.split_off(end)),
            Err(detail) => Found::Bad(detail),
        }
    }

    /// What has come in.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The end of the first line that is empty.
    fn find_end(&mut self, blank: usize) -> Option<usize> {
        let from = self.scanned.max(blank);
        for at in (from..self.bytes.len()).filter(|&at| self.bytes[at] == b'\n') {
            match (self.bytes.get(at + 1), self.bytes.get(at + 2)) {
                (Some(b'\n'), _) => return Some(at + 2),
                (Some(b'\r'), Some(b'\n')) => return Some(at + 3),
                _ => {}
            }
        }
        self.scanned = self.bytes.len().saturating_sub(2);
        None
    }
}

impl Head {
    /// The values of a header, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the proxy means to keep the connection after this answer (RFC 9112 section 9.3).
    pub(super) fn keeps_connection(&self) -> bool {
        let says = |token: &str| {
            ["connection", "proxy-connection"].iter().any(|name| {
                self.all(name)
                    .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
            })
        };
        if self.minor == 0 { says("keep-alive") && !says("close") } else { !says("close") }
    }

    /// How the body is delimited.
    pub(super) fn framing(&self) -> Framing {
        let mut codings = self.all("transfer-encoding").peekable();
        if codings.peek().is_some() {
            let chunked = codings.last().is_some_and(|last| last.to_ascii_lowercase().ends_with("chunked"));
            return if chunked { Framing::Chunked } else { Framing::UntilClose };
        }
        let mut lengths = self.all("content-length").map(|value| value.parse::<u64>().ok());
        match lengths.next() {
            Some(Some(first)) if lengths.all(|other| other == Some(first)) => Framing::Length(first),
            _ => Framing::UntilClose,
        }
    }
}

/// Text from outside, fit to be shown: no control characters, at most 200 characters.
pub(super) fn clean(text: &str) -> String {
    let mut shown: String = text.trim().chars().filter(|c| !c.is_control()).take(MAX_TEXT + 1).collect();
    if shown.chars().count() > MAX_TEXT {
        shown.pop();
        shown.push('…');
    }
    shown
}

fn too_long() -> Found {
    Found::Bad(format!("the head is longer than {MAX_HEAD} bytes"))
}

fn parse(bytes: &[u8]) -> Result<Head, String> {
    let mut lines = bytes
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take_while(|line| !line.is_empty());
    let (minor, status, reason) = parse_status_line(&text_of(lines.next().unwrap_or_default()))?;
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut odd_lines = 0;
    for (count, line) in lines.enumerate() {
        if count == MAX_LINES {
            return Err(format!("the head has more than {MAX_LINES} header lines"));
        }
        let line = text_of(line);
        if line.starts_with([' ', '\t']) {
            match headers.last_mut() {
                Some((_, value)) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                None => odd_lines += 1,
            }
            continue;
        }
        match line.split_once(':').map(|(name, value)| (name.trim_end(), value.trim())) {
            Some((name, value)) if is_name(name) => {
                headers.push((name.to_ascii_lowercase(), value.to_owned()));
            }
            _ => odd_lines += 1,
        }
    }
    Ok(Head { minor, status, reason, odd_lines, headers })
}

fn parse_status_line(line: &str) -> Result<(u8, u16, String), String> {
    let odd = || format!("status line \"{}\"", clean(line));
    let after = line.get(5..).ok_or_else(odd)?;
    let (version, rest) = after.split_once([' ', '\t']).unwrap_or((after, ""));
    let minor = match version.strip_prefix("1.").map(str::as_bytes) {
        Some([digit @ b'0'..=b'9']) => digit - b'0',
        _ => return Err(format!("HTTP version \"{}\"", clean(version))),
    };
    let rest = rest.trim_start();
    let (status, reason) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
    match status.parse::<u16>() {
        Ok(status @ 100..) if digits => Ok((minor, status, clean(reason))),
        _ => Err(odd()),
    }
}

/// UTF-8 where it is, otherwise each byte as its Latin-1 character.
fn text_of(line: &[u8]) -> String {
    match str::from_utf8(line) {
        Ok(text) => text.to_owned(),
        Err(_) => line.iter().copied().map(char::from).collect(),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}
