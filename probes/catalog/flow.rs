//! Flows: which party of which role connects to whom, on which ports (sections 4.1 to 4.7).

use super::named::named;
use crate::evidence::Transport;
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

named! {
    /// A piece of equipment or software with flows of its own in section 4.
    Role, "role" {
        Desktop = "desktop", "Rainbow Desktop, Web and Web SDK (4.1)";
        Mobile = "mobile", "Rainbow for Android and iOS (4.2)";
        Connectors = "connectors", "Connectors for Teams and Google (4.3)";
        Room = "room", "Rainbow Room (4.4)";
        PbxAgent = "pbx-agent", "PBX agent (4.5)";
        Gateway = "gateway", "WebRTC gateway towards Rainbow (4.6.1)";
        GatewayLan = "gateway-lan", "WebRTC gateway on the LAN (4.6.2)";
        GatewayDmz = "gateway-dmz", "WebRTC gateway in a DMZ (4.6.3)";
        SipDevice = "sip-device", "ALE SIP devices of Rainbow Hub (4.7)";
    }
}

named! {
    /// One end of a flow.
    Party, "party" {
        Client = "client", "Rainbow client";
        RainbowServers = "rainbow-servers", "Rainbow servers";
        Turn = "turn", "TURN servers";
        Conference = "conference", "conference servers";
        CloudPbx = "cloud-pbx", "Rainbow Cloud PBX";
        DeviceDiscovery = "device-discovery", "Rainbow device discovery";
        ApplePush = "apple-push", "Apple push (APNS)";
        GooglePush = "google-push", "Google push (FCM)";
        Gateway = "gateway", "WebRTC gateway";
        PbxAgent = "pbx-agent", "PBX agent";
        Pbx = "pbx", "PBX, main address";
        PbxMedia = "pbx-media", "PBX gateways, trunk SBCs";
        IpPhone = "ip-phone", "IP phones";
        DeskPhone = "desk-phone", "SIP desk phones";
        DnsServer = "dns-server", "DNS server";
        NtpServer = "ntp-server", "NTP server";
        SshClient = "ssh-client", "SSH client";
        HttpsClient = "https-client", "HTTPS client";
    }
}

named! {
    /// The heading that a flow stands under.
    FlowGroup, "group" {
        Signaling = "signaling", "Signaling and interfaces";
        Webrtc = "webrtc", "Audio, video and sharing";
        Hybrid = "hybrid", "Hybrid softphone";
        Hub = "hub", "Rainbow Hub";
        Lan = "lan", "PBX and LAN";
        Infrastructure = "infrastructure", "Infrastructure";
    }
}

named! {
    /// Whether a flow may go through an HTTP proxy.
    ProxySupport, "proxy support" {
        Yes = "yes", "yes";
        No = "no", "no";
        NotApplicable = "not-applicable", "n.a.";
        NotStated = "not-stated", "not stated";
    }
}

/// A role as the document presents it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleInfo {
    /// Which role.
    pub id: Role,
    /// What it is.
    pub title: String,
    /// The section that lists its flows.
    pub section: String,
    /// The roles whose flows it has instead of its own.
    #[serde(default)]
    pub flows_of: Vec<Role>,
    /// Ids of the notes for the role as a whole.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One row of a table of section 4.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// The role in whose table it stands.
    pub role: Role,
    /// Our id, unique in the role.
    pub id: String,
    /// The heading that it stands under.
    pub group: FlowGroup,
    /// The document's name of the protocol.
    pub protocol: String,
    /// What it is for, in our words.
    pub purpose: String,
    /// Who connects, and from which ports.
    pub source: Endpoint,
    /// Where to.
    pub destinations: Vec<Destination>,
    /// Whether it may go through an HTTP proxy.
    pub proxy: ProxySupport,
    /// What a proxy is asked to connect to, the preferred one first; empty: the destination's own ports.
    #[serde(default)]
    pub proxy_ports: Vec<PortSpec>,
    /// Ids of the notes that the row refers to.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Oddities of the document about this row.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// Who connects.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The party.
    pub who: Party,
    /// Its ports; empty when the document gives none.
    #[serde(default)]
    pub ports: Vec<PortSpec>,
}

/// Where a flow goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// The party.
    pub to: Party,
    /// Its ports, alternatives in the document's order.
    pub ports: Vec<PortSpec>,
    /// Used where another destination or flow is closed.
    #[serde(default)]
    pub fallback: bool,
    /// The host, when the document names one.
    pub name: Option<String>,
}

/// A transport and ports: `udp/3478`, `udp/20000-29999`, `tcp/dynamic`, `dynamic`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PortSpec {
    /// The transport, when the document gives it.
    pub transport: Option<Transport>,
    /// The ports.
    pub ports: Ports,
}

/// A port or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Ports {
    /// From the first to the last, both included.
    Range(u16, u16),
    /// The operating system's dynamic ports, section 4.8.
    Dynamic,
    /// The document refers to other documentation.
    DocumentedElsewhere,
}

/// What is wrong with the text of a [`PortSpec`] or of [`Ports`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a transport and ports: {0:?}")]
pub struct NotPorts(String);

impl FromStr for PortSpec {
    type Err = NotPorts;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((transport, ports)) = text.split_once('/') else {
            return Ok(Self { transport: None, ports: text.parse()? });
        };
        let transport = match transport {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            "tls" => Transport::Tls,
            _ => return Err(NotPorts(text.chars().take(64).collect())),
        };
        Ok(Self { transport: Some(transport), ports: ports.parse()? })
    }
}

impl FromStr for Ports {
    type Err = NotPorts;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |digits: &str| digits.parse::<u16>().ok().filter(|port| *port > 0);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (text, number(first), number(last)) {
            ("dynamic", ..) => Ok(Self::Dynamic),
            ("documented-elsewhere", ..) => Ok(Self::DocumentedElsewhere),
            (_, Some(first), Some(last)) if first <= last => Ok(Self::Range(first, last)),
            _ => Err(NotPorts(text.chars().take(64).collect())),
        }
    }
}

impl TryFrom<String> for PortSpec {
    type Error = NotPorts;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for Ports {
    type Error = NotPorts;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for PortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Some(Transport::Udp) => "UDP/",
            Some(Transport::Tcp) => "TCP/",
            Some(Transport::Tls) => "TLS/",
            None => "",
        };
        write!(f, "{transport}{}", self.ports)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(first, last) if first == last => write!(f, "{first}"),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
            Self::Dynamic => f.write_str("dynamic"),
            Self::DocumentedElsewhere => f.write_str("see PBX documentation"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_and_written() {
        for (text, written) in [
            ("udp/3478", "UDP/3478"),
            ("tls/443", "TLS/443"),
            ("udp/20000-29999", "UDP/20000-29999"),
            ("tcp/dynamic", "TCP/dynamic"),
            ("dynamic", "dynamic"),
            ("udp/documented-elsewhere", "UDP/see PBX documentation"),
        ] {
            assert_eq!(text.parse::<PortSpec>().unwrap().to_string(), written);
        }
        let range: PortSpec = "udp/20000-29999".parse().unwrap();
        assert_eq!((range.transport, range.ports), (Some(Transport::Udp), Ports::Range(20000, 29999)));
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in ["", "udp/", "udp/0", "udp/65536", "udp/9-8", "sctp/5000", "udp/1-2-3", "443/tcp"] {
            assert!(text.parse::<PortSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_role_is_found_by_its_id_and_a_slip_is_told() {
        assert_eq!("Gateway-LAN".parse::<Role>().unwrap(), Role::GatewayLan);
        let slip = "sip-devise".parse::<Role>().unwrap_err();
        assert_eq!(slip.to_string(), "unknown role \"sip-devise\": did you mean sip-device?");
    }
}
