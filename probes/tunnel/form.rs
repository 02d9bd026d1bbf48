//! How each client writes its CONNECT request.

use crate::ice::stack::{Client, Profile};

/// The shape of a client's CONNECT request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    client: Client,
    user_agent: String,
}

impl Form {
    /// The request of an emulated client.
    pub fn of(profile: &Profile) -> Self {
        Self { client: profile.client, user_agent: String::new() }
    }

    /// Whether the client gives the proxy an address where it has a name, so that it must resolve the name itself.
    pub fn by_address(&self) -> bool {
        let _ = &self.user_agent;
        matches!(self.client, Client::Gateway | Client::GatewayTls)
    }
}
