//! The body between a 407 and the next answer on the same connection: skipped, within bounds.

use super::head::Framing;

/// Longest body that is skipped, bytes on the wire. Reconnecting is cheaper than reading more.
const MAX_BODY: u64 = 64 * 1024;
const MAX_CHUNK_LINE: usize = 1024;

/// A body that is being skipped.
#[derive(Debug)]
pub(super) struct BodySkipper {
    state: State,
    seen: u64,
}

/// How far the body has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Skipped {
    /// There is more to come.
    Part,
    /// It is over; this many of the bytes that were fed belong to it.
    Whole(usize),
    /// It cannot be skipped.
    Endless,
}

#[derive(Debug)]
enum State {
    Bytes(u64),
    ChunkLine(Vec<u8>),
    Chunk(u64),
    Trailer { line_is_empty: bool },
    Endless,
}

impl BodySkipper {
    pub(super) fn new(framing: &Framing) -> Self {
        let state = match framing {
            Framing::Length(length) if *length <= MAX_BODY => State::Bytes(*length),
            Framing::Chunked => State::ChunkLine(Vec::new()),
            Framing::Length(_) | Framing::UntilClose => State::Endless,
        };
        Self { state, seen: 0 }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) -> Skipped {
        let mut at = 0;
        loop {
            match &mut self.state {
                State::Bytes(0) => return Skipped::Whole(at),
                State::Endless => return Skipped::Endless,
                State::Bytes(_) | State::ChunkLine(_) | State::Chunk(_) | State::Trailer { .. } => {}
            }
            let Some(&byte) = bytes.get(at) else { return Skipped::Part };
            at += 1;
            self.seen += 1;
            if self.seen > MAX_BODY {
                self.state = State::Endless;
            } else {
                self.step(byte);
            }
        }
    }

    fn step(&mut self, byte: u8) {
        match &mut self.state {
            State::Bytes(left) => *left -= 1,
            State::ChunkLine(line) if byte != b'\n' => {
                line.push(byte);
                if line.len() > MAX_CHUNK_LINE {
                    self.state = State::Endless;
                }
            }
            State::ChunkLine(line) => {
                self.state = match chunk_size(line) {
                    Some(0) => State::Trailer { line_is_empty: true },
                    // The line end after the data counts as data.
                    Some(size) if size <= MAX_BODY => State::Chunk(size + 2),
                    _ => State::Endless,
                }
            }
            State::Chunk(left) => {
                *left -= 1;
                if *left == 0 {
                    self.state = State::ChunkLine(Vec::new());
                }
            }
            State::Trailer { line_is_empty } => match byte {
                b'\n' if *line_is_empty => self.state = State::Bytes(0),
                b'\n' => *line_is_empty = true,
                b'\r' => {}
                _ => *line_is_empty = false,
            },
            State::Endless => {}
        }
    }
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let text = str::from_utf8(line).ok()?;
    let digits = text.split(';').next()?.trim();
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}
