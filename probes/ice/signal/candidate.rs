//! Candidate lines: `candidate:` of RFC 8839 section 5.1, with `tcptype` of RFC 6544 and libwebrtc's extensions.

use super::MAX_CANDIDATE_LINE;
use super::text::{is_ice_text, is_printable, shown};
use crate::ice::{Candidate, CandidateType, Protocol, TcpType};
use crate::machine::Offset;
use std::borrow::Cow;
use std::net::IpAddr;
use thiserror::Error;

/// libwebrtc's `kNetworkCostMax` (`rtc_base/network_constants.h`), which ParseCandidate caps at.
const MAX_NETWORK_COST: u16 = 999;
/// The range of a priority, RFC 8445 section 5.1.2: 1 to 2^31 - 1.
const MAX_PRIORITY: u32 = (1 << 31) - 1;

/// A candidate of the other end, as its line says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The candidate.
    pub what: What,
    /// The ICE generation it belongs to (`ufrag`), where the line says so.
    pub ufrag: Option<String>,
    /// libwebrtc's count of ICE restarts (`generation`), where the line says so.
    pub generation: Option<u32>,
}

/// A candidate with an address, or one that hides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Can be checked.
    Address(Candidate),
    /// Has a name where the address belongs.
    Name(Hidden),
}

/// A candidate whose address is a name: of multicast DNS, as browsers hide their own addresses from pages without a
/// camera permission (draft-ietf-mmusic-mdns-ice-candidates), or of DNS. It is never resolved: a name from a peer
/// would make us ask servers that the peer chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// The name.
    pub name: String,
    /// The port.
    pub port: u16,
    /// Its type.
    pub kind: CandidateType,
    /// Its transport.
    pub protocol: Protocol,
    /// Its priority.
    pub priority: u32,
    /// Its foundation.
    pub foundation: String,
    /// The line, beginning with `candidate:`.
    pub sdp: String,
}

impl Hidden {
    /// Whether it is a name of multicast DNS.
    pub fn is_mdns(&self) -> bool {
        let name = self.name.strip_suffix('.').unwrap_or(&self.name);
        name.rsplit('.').next().is_some_and(|label| label.eq_ignore_ascii_case("local"))
    }
}

/// A candidate line that is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// How it begins, printable.
    pub line: String,
    /// Why.
    pub reason: DropReason,
}

impl Dropped {
    pub(super) fn new(line: &str, reason: DropReason) -> Self {
        Self { line: shown(&without_password(line), 120), reason }
    }
}

/// Why a candidate line is of no use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DropReason {
    /// Longer than [`MAX_CANDIDATE_LINE`].
    #[error("longer than {MAX_CANDIDATE_LINE} bytes")]
    TooLong,
    /// Not as RFC 8839 section 5.1 writes it.
    #[error("not a candidate line: {0}")]
    Malformed(&'static str),
    /// RTCP without rtcp-mux, RFC 8445 section 5.1.1.
    #[error("component {0}: calls here have one component, with rtcp-mux")]
    Component(u16),
    /// Neither UDP nor TCP.
    #[error("transport {0}: only UDP and TCP are checked")]
    Transport(String),
    /// None of host, srflx, prflx and relay.
    #[error("type {0} is not known")]
    Type(String),
    /// Its `ufrag` is not that of the description.
    #[error("of another ICE generation, {0}")]
    OtherGeneration(String),
    /// There are [`MAX_CANDIDATES`](super::MAX_CANDIDATES) already.
    #[error("more candidates than are taken")]
    BeyondLimit,
}

impl Remote {
    /// Reads a line, with `a=` before it or not, said at `at`. `url`, `relay_protocol`, `route`, `base` and `path` of
    /// the candidate are none: no line says them.
    ///
    /// # Errors
    ///
    /// [`DropReason`].
    pub fn parse(line: &str, at: Offset) -> Result<Self, DropReason> {
        if line.len() > MAX_CANDIDATE_LINE {
            return Err(DropReason::TooLong);
        }
        let line = line.trim();
        let line = line.strip_prefix("a=").unwrap_or(line);
        if !is_printable(line) {
            return Err(DropReason::Malformed("characters that are not visible ASCII"));
        }
        let line = &without_password(line);
        let body = line.strip_prefix("candidate:").ok_or(DropReason::Malformed("no candidate: before it"))?;
        let fields: Vec<&str> = body.split_ascii_whitespace().collect();
        let [foundation, component, transport, priority, address, port, "typ", kind, more @ ..] = &fields[..]
        else {
            return Err(DropReason::Malformed("fewer than its eight fields"));
        };
        let fixed = Fixed::read(foundation, component, transport, priority, port, kind)?;
        let more = Extensions::read(more, fixed.protocol)?;
        let what = match address.parse() {
            Ok(ip) => What::Address(candidate(&fixed, &more, ip, line, at)),
            Err(_) if is_host_name(address) => What::Name(hidden(&fixed, address, line)),
            Err(_) => return Err(DropReason::Malformed("neither an address nor a name")),
        };
        Ok(Self { what, ufrag: more.ufrag, generation: more.generation })
    }

    /// The line, beginning with `candidate:`.
    pub fn sdp(&self) -> &str {
        match &self.what {
            What::Address(candidate) => &candidate.sdp,
            What::Name(hidden) => &hidden.sdp,
        }
    }
}

/// The fields that every line has, but for the address.
struct Fixed {
    foundation: String,
    protocol: Protocol,
    priority: u32,
    port: u16,
    kind: CandidateType,
}

impl Fixed {
    fn read(
        foundation: &str,
        component: &str,
        transport: &str,
        priority: &str,
        port: &str,
        kind: &str,
    ) -> Result<Self, DropReason> {
        if !is_ice_text(foundation, 1..=32) {
            return Err(DropReason::Malformed("the foundation is not 1 to 32 letters, digits, + or /"));
        }
        match number::<u16>(component) {
            Some(1) => {}
            Some(other @ 2..=256) => return Err(DropReason::Component(other)),
            _ => return Err(DropReason::Malformed("the component is not 1 to 256")),
        }
        let protocol = match transport {
            _ if transport.eq_ignore_ascii_case("udp") => Protocol::Udp,
            _ if transport.eq_ignore_ascii_case("tcp") => Protocol::Tcp,
            _ => return Err(DropReason::Transport(shown(transport, 20))),
        };
        let priority = number(priority)
            .filter(|priority| (1..=MAX_PRIORITY).contains(priority))
            .ok_or(DropReason::Malformed("the priority is not 1 to 2147483647"))?;
        let port = number(port).ok_or(DropReason::Malformed("the port is not 0 to 65535"))?;
        let kinds = [CandidateType::Host, CandidateType::Srflx, CandidateType::Prflx, CandidateType::Relay];
        let known = kinds.into_iter().find(|known| known.as_str() == kind);
        let kind = known.ok_or_else(|| DropReason::Type(shown(kind, 20)))?;
        Ok(Self { foundation: foundation.to_owned(), protocol, priority, port, kind })
    }
}

/// What may follow the type.
#[derive(Default)]
struct Extensions {
    related_address: Option<IpAddr>,
    related_port: Option<u16>,
    tcp_type: Option<TcpType>,
    generation: Option<u32>,
    ufrag: Option<String>,
    network_id: Option<u16>,
    network_cost: Option<u16>,
}

impl Extensions {
    /// Pairs of a name and a value; names that are not known are passed over.
    fn read(fields: &[&str], protocol: Protocol) -> Result<Self, DropReason> {
        let mut found = Self::default();
        for pair in fields.chunks(2) {
            let [name, value] = pair else {
                return Err(DropReason::Malformed("its last extension has no value"));
            };
            match *name {
                // A name there, or none of both, says nothing that is needed.
                "raddr" => found.related_address = value.parse().ok(),
                "rport" => found.related_port = number(value),
                "tcptype" => {
                    let types = [TcpType::Active, TcpType::Passive, TcpType::So];
                    let known = types.into_iter().find(|known| known.as_str() == *value);
                    found.tcp_type = Some(known.ok_or(DropReason::Malformed("an unknown tcptype"))?);
                }
                "generation" => found.generation = number(value),
                "ufrag" if is_ice_text(value, 4..=256) => found.ufrag = Some((*value).to_owned()),
                "network-id" => found.network_id = number(value).filter(|id| *id > 0),
                "network-cost" => {
                    found.network_cost = number(value).map(|cost: u16| cost.min(MAX_NETWORK_COST));
                }
                _ => {}
            }
        }
        match (protocol, found.tcp_type) {
            (Protocol::Udp, Some(_)) => return Err(DropReason::Malformed("a tcptype beside UDP")),
            // libwebrtc, ParseCandidate: a line of before RFC 6544 listens.
            (Protocol::Tcp, None) => found.tcp_type = Some(TcpType::Passive),
            _ => {}
        }
        if found.related_address.is_none() || found.related_port.is_none() {
            (found.related_address, found.related_port) = (None, None);
        }
        Ok(found)
    }
}

fn candidate(fixed: &Fixed, more: &Extensions, address: IpAddr, line: &str, at: Offset) -> Candidate {
    Candidate {
        kind: fixed.kind,
        protocol: fixed.protocol,
        tcp_type: more.tcp_type,
        address,
        port: fixed.port,
        related_address: more.related_address,
        related_port: more.related_port,
        priority: fixed.priority,
        foundation: fixed.foundation.clone(),
        component: 1,
        network_id: more.network_id,
        network_cost: more.network_cost,
        url: None,
        relay_protocol: None,
        route: None,
        base: None,
        at_ms: at,
        sdp: line.to_owned(),
        path: None,
    }
}

fn hidden(fixed: &Fixed, name: &str, line: &str) -> Hidden {
    Hidden {
        name: name.to_owned(),
        port: fixed.port,
        kind: fixed.kind,
        protocol: fixed.protocol,
        priority: fixed.priority,
        foundation: fixed.foundation.clone(),
        sdp: line.to_owned(),
    }
}

/// The line without `pwd` and its value, which libwebrtc may put there: a line is shown, and a password is not.
fn without_password(line: &str) -> Cow<'_, str> {
    if !line.contains("pwd") {
        return Cow::Borrowed(line);
    }
    let mut words = line.split_ascii_whitespace();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if word == "pwd" {
            words.next();
        } else {
            kept.push(word);
        }
    }
    Cow::Owned(kept.join(" "))
}

/// A number of digits only: no sign, no space.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// A name of DNS: labels of letters, digits, hyphens and underscores, RFC 1123 section 2.1. What has only digits and
/// dots is an address gone wrong.
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    name.len() <= 253 && name.split('.').all(label) && name.bytes().any(|byte| byte.is_ascii_alphabetic())
}
