//! The HTTP CONNECT handshake with a proxy.
//!
//! [`Connect`] is the machine; [`Form`] is how the emulated client writes its request. Answers are read as
//! leniently as browsers read them, within bounds, and what is odd about them becomes a fact.

mod auth;
mod body;
mod connect;
mod form;
mod head;
#[cfg(test)]
mod tests;

pub use connect::{Ask, Connect, End, Ended};
pub use form::Form;

use serde::{Deserialize, Serialize};
use std::fmt;

/// An HTTP authentication scheme as a proxy names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum AuthScheme {
    /// RFC 7617.
    Basic,
    /// RFC 7616.
    Digest,
    /// Microsoft's challenge and response.
    Ntlm,
    /// SPNEGO: Kerberos or NTLM.
    Negotiate,
    /// Anything else.
    Other(String),
}

impl From<String> for AuthScheme {
    fn from(name: String) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "basic" => Self::Basic,
            "digest" => Self::Digest,
            "ntlm" => Self::Ntlm,
            "negotiate" => Self::Negotiate,
            _ => Self::Other(name),
        }
    }
}

impl From<AuthScheme> for String {
    fn from(scheme: AuthScheme) -> Self {
        scheme.to_string()
    }
}

impl fmt::Display for AuthScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic => "Basic",
            Self::Digest => "Digest",
            Self::Ntlm => "NTLM",
            Self::Negotiate => "Negotiate",
            Self::Other(name) => name,
        })
    }
}
