//! How each client writes its CONNECT request.

use crate::ice::stack::{Client, Profile};
use std::net::Ipv6Addr;

/// The shape of a client's CONNECT request, byte for byte but for the credentials.
///
/// Proxies that filter look at these headers, so a request in another shape may pass where the client fails, or
/// the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    client: Client,
    user_agent: String,
}

impl Form {
    /// The request of an emulated client.
    pub fn of(profile: &Profile) -> Self {
        let user_agent = match profile.client {
            Client::Chromium => chromium_agent(profile.version.unwrap_or(146)),
            Client::Firefox => firefox_agent(profile.version.unwrap_or(140)),
            Client::Gateway | Client::GatewayTls => "libnice".to_owned(),
            Client::Mobile | Client::Rfc8445 => concat!("raincheck/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        Self { client: profile.client, user_agent }
    }

    /// Whether the client gives the proxy an address where it has a name, so that it must resolve the name itself
    /// (libnice `socket/http.c`).
    pub fn by_address(&self) -> bool {
        self.is_libnice()
    }

    /// Whether the client knows no scheme but Basic, and sends it without being asked (libnice `socket/http.c`).
    pub(super) fn basic_unasked(&self) -> bool {
        self.is_libnice()
    }

    /// The request, with the value of `Proxy-Authorization` when there is one.
    pub(super) fn request(&self, host: &str, port: u16, authorization: Option<&str>) -> Vec<u8> {
        let to = authority(host, port);
        let agent = &self.user_agent;
        let mut lines = match self.client {
            // libnice socket/http.c, nice_http_socket_new
            Client::Gateway | Client::GatewayTls => vec![
                format!("CONNECT {to} HTTP/1.0"),
                format!("Host: {host}"),
                format!("User-Agent: {agent}"),
                "Content-Length: 0".into(),
                "Proxy-Connection: Keep-Alive".into(),
                "Connection: Keep-Alive".into(),
                "Cache-Control: no-cache".into(),
                "Pragma: no-cache".into(),
            ],
            // Firefox nsHttpConnection::MakeConnectString; ALPN is RFC 7639
            Client::Firefox => vec![
                format!("CONNECT {to} HTTP/1.1"),
                format!("User-Agent: {agent}"),
                "Proxy-Connection: keep-alive".into(),
                "Connection: keep-alive".into(),
                format!("Host: {to}"),
            ],
            // Chromium net/http/http_proxy_client_socket.cc, BuildTunnelRequest
            Client::Chromium | Client::Mobile | Client::Rfc8445 => vec![
                format!("CONNECT {to} HTTP/1.1"),
                format!("Host: {to}"),
                "Proxy-Connection: keep-alive".into(),
                format!("User-Agent: {agent}"),
            ],
        };
        lines.extend(authorization.map(|value| format!("Proxy-Authorization: {value}")));
        if self.client == Client::Firefox {
            lines.push("ALPN: webrtc,c-webrtc".into());
        }
        let mut bytes = Vec::with_capacity(512);
        for line in lines {
            // A host or user name may hold anything; a line must stay one line.
            bytes.extend(line.bytes().filter(|byte| !byte.is_ascii_control()));
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    fn is_libnice(&self) -> bool {
        matches!(self.client, Client::Gateway | Client::GatewayTls)
    }
}

/// `host:port`, with brackets where the host is an IPv6 address (RFC 9112 section 3.2.3).
pub(super) fn authority(host: &str, port: u16) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn chromium_agent(version: u32) -> String {
    format!(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/{version}.0.0.0 Safari/537.36"
    )
}

fn firefox_agent(version: u32) -> String {
    format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0")
}
