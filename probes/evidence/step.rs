//! One layer of one path: what was tried, when, and how it ended.

use super::Cause;
use crate::machine::Offset;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The layers of a path, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Name to addresses.
    Resolve,
    /// TCP connection to the server, or to the proxy on a proxied route.
    Connect,
    /// HTTP CONNECT through the proxy.
    Tunnel,
    /// TLS handshake with the server, end to end.
    Tls,
    /// STUN Binding over UDP.
    Binding,
    /// TURN Allocate, both rounds.
    Allocate,
    /// CreatePermission for the far end.
    Permission,
    /// ChannelBind to the far end.
    Channel,
    /// Bytes through the relay and back.
    Relay,
    /// Connectivity checks: of a path, between two relays while bytes are sent; of a call, those of a pair.
    Check,
    /// Of a call: the DTLS handshake over the selected pair. No step of a path to a server.
    Dtls,
    /// Refresh with lifetime 0, or the close of the stream.
    Release,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It worked.
    Passed,
    /// The network or the far end did not let it work.
    Failed(Cause),
    /// It was not tried, and why.
    Skipped(SkipReason),
    /// The run ended before it did.
    Unfinished,
}

/// Why a step was not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// An earlier layer of the path failed.
    EarlierStageFailed,
    /// There are no credentials to go further with.
    NoCredentials,
    /// The path has no such layer.
    NotOnThisPath,
    /// The command did not ask for it.
    NotAsked,
    /// No second allocation was there to exchange bytes with.
    NoPeer,
}

/// Facts beside an outcome: stable keys, JSON values.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(pub BTreeMap<String, serde_json::Value>);

impl Facts {
    /// The same facts and one more.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Adds one fact.
    pub fn set(&mut self, key: &str, value: impl Into<serde_json::Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// The fact of that name.
    pub fn get(&self, key: &str) -> Option<&serde_json::Value> {
        self.0.get(key)
    }
}

/// One layer of one path.
///
/// Where several addresses of one server were tried, each leaves its own step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Which layer.
    pub stage: Stage,
    /// The address that was spoken to, where there is one.
    pub address: Option<SocketAddr>,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was begun.
    pub began: Offset,
    /// When it ended; none when it was skipped or is unfinished.
    pub ended: Option<Offset>,
    /// What else was seen.
    pub facts: Facts,
}

impl Step {
    /// Whether the layer worked.
    pub fn passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }

    /// The cause, when the layer failed.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.outcome {
            Outcome::Failed(cause) => Some(cause),
            Outcome::Passed | Outcome::Skipped(_) | Outcome::Unfinished => None,
        }
    }
}
