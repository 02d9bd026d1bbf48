//! What goes wrong with a channel, one line each.

use std::fmt;
use std::time::Duration;

/// Why there is no channel, or no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The listener's address cannot be had.
    #[error("cannot listen on {address}: {detail}")]
    Bind {
        /// As it was given.
        address: String,
        /// The system's words.
        detail: String,
    },
    /// This host could not do its part.
    #[error("no signalling channel can be made here: {detail}")]
    Local {
        /// What it was.
        detail: String,
    },
    /// A text is not a code.
    #[error("not a call code: it has 16 letters and digits, as in 0123-4567-89AB-CDEF")]
    NotACode,
    /// The name of the listener has no address.
    #[error("{address} cannot be resolved: {detail}")]
    Resolve {
        /// As it was given.
        address: String,
        /// The system's words.
        detail: String,
    },
    /// Nobody listens there.
    #[error("{address} refused the connection: nobody waits for a call there")]
    Refused {
        /// The last address tried.
        address: String,
    },
    /// No connection could be made.
    #[error("no connection to {address}: {detail}")]
    Unreachable {
        /// The last address tried.
        address: String,
        /// The system's words.
        detail: String,
    },
    /// The other side lets us know that our code is wrong.
    #[error("wrong code: the listener does not take it")]
    WrongCode,
    /// The listener does not know the code: it is another one, or somebody stands between.
    #[error("the listener does not know the code: this is not the machine that showed it")]
    Impostor,
    /// Too many wrong codes came from here.
    #[error("the listener takes no more codes from here for a while, after several wrong ones")]
    Barred,
    /// What is there is not raincheck.
    #[error("not a waiting raincheck: {seen}")]
    NotRaincheck {
        /// What was seen of it.
        seen: String,
    },
    /// Nothing came.
    #[error("silence: nothing came for {:.1} s", .waited.as_secs_f64())]
    Silent {
        /// For so long.
        waited: Duration,
    },
    /// Nobody with the code came.
    #[error("nobody came with the code in {:.0} s{turned_away}", .waited.as_secs_f64())]
    NobodyCame {
        /// For so long.
        waited: Duration,
        /// Who else came.
        turned_away: TurnedAway,
    },
    /// The stream ended without the goodbye of TLS.
    #[error("the connection was cut")]
    Cut,
    /// TLS failed in the middle: bytes that belong to no session of ours.
    #[error("the connection is not what it was: {detail}")]
    Tls {
        /// What TLS says.
        detail: String,
    },
    /// A line has more than [`MAX_LINE`](super::MAX_LINE) bytes, or an end of line in it.
    #[error("a line of the signalling is longer than {} bytes, or holds an end of line", super::MAX_LINE)]
    BadLine,
    /// More than [`MAX_LINES`](super::MAX_LINES) lines, or [`MAX_BYTES`](super::MAX_BYTES) bytes.
    #[error("the other side signals without end")]
    TooMuch,
}

/// Connections that a listener turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TurnedAway {
    /// With a wrong code.
    pub wrong_code: u32,
    /// That were not raincheck, or were cut.
    pub strangers: u32,
    /// That said nothing.
    pub silent: u32,
    /// Over the limits: too many at once, or from a source that has to wait.
    pub over_limit: u32,
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.wrong_code, "with a wrong code"),
            (self.strangers, "not raincheck"),
            (self.silent, "silent"),
            (self.over_limit, "over the limits"),
        ];
        let told: Vec<String> =
            kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if told.is_empty() { Ok(()) } else { write!(f, "; turned away: {}", told.join(", ")) }
    }
}
