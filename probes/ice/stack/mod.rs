//! One file per client: how it gathers, ranks and nominates.

/// An emulated client and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Which client.
    pub client: Client,
    /// The version, where the client's behaviour depends on it.
    pub version: Option<u32>,
}

/// The clients that can be emulated (contract: Profiles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// Rainbow Desktop, Web, Web SDK, Teams and Google connectors: Chromium's libwebrtc.
    Chromium,
    /// Rainbow Web in Firefox.
    Firefox,
    /// Android, iOS, Room: native libwebrtc.
    Mobile,
    /// The WebRTC gateway: libnice, UDP 20000-29999, TCP/80 through a proxy.
    Gateway,
    /// The WebRTC gateway where the proxy only passes TLS/443.
    GatewayTls,
    /// A textbook agent.
    Rfc8445,
}
