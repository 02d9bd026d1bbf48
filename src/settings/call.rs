//! What a call needs to know beside what every probing run does.

use super::{Settings, SettingsError};
use crate::call::record::CallRole;
use raincheck_probes::evidence::Transport;
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::ice::{Candidate, CandidateType, Protocol};
use raincheck_probes::secret::Secret;
use raincheck_probes::server::Host;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// The variable with the one-time code that the listening end shows.
pub const CODE_VARIABLE: &str = "RAINCHECK_CODE";
/// The longest that a duration may be, a week.
const MAX_DURATION: Duration = Duration::from_secs(7 * 86_400);

/// A call, every option resolved.
#[derive(Debug, Clone)]
pub struct CallSettings {
    /// Servers, client, network, deadline, as for any run. There is no `--media`: it is zero.
    pub run: Settings,
    /// Which end we are, or both.
    pub role: CallRole,
    /// The client at the far end of [`CallRole::Own`]; the same as ours unless `--far-profile` says otherwise.
    pub far_profile: Profile,
    /// How the two ends find each other.
    pub signal: Signal,
    /// Check every candidate of one end against every one of the other.
    pub matrix: bool,
    /// What to cut once the call is up.
    pub fail: Option<PathSelector>,
    /// How long to keep the call up.
    pub soak: Option<Duration>,
}

/// How two ends find each other.
#[derive(Debug, Clone)]
pub enum Signal {
    /// Not at all: both ends are ours.
    Within,
    /// A line each way, which a person carries over.
    Paste,
    /// Session descriptions on standard output and input, for a browser.
    Sdp,
    /// A channel to us, at the first of these addresses that can be had. The code that opens it is made anew for each
    /// call, and shown.
    Listen(Vec<SocketAddr>),
    /// A channel to a listening end.
    Connect {
        /// `HOST:PORT`, a host name or an address.
        to: String,
        /// The code that the listening end shows, as it was typed.
        code: Secret,
    },
}

/// Which paths `--fail` cuts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathSelector {
    /// As it was written.
    pub text: String,
    kind: Selects,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Selects {
    /// `selected`: the path that carries the call when it is cut.
    Selected,
    /// `direct`: everything that runs over no TURN server.
    Direct,
    /// `relay`: everything that runs over one.
    Relay,
    /// `udp`, `tcp`, `tls`: what leaves this host that way, relayed or not.
    Transport(Transport),
    /// `turn1`, `turn1/tcp`: a TURN server, and perhaps one way to it.
    Server(String, Option<Transport>),
    /// A path id, as reports print it.
    Path(String),
}

impl PathSelector {
    /// Whether it stands for the path that carries the call when the time to cut has come.
    pub fn is_selected(&self) -> bool {
        self.kind == Selects::Selected
    }

    /// Whether what is sent from this local candidate is cut. `selected` is the one that carries the call.
    ///
    /// Of a peer-reflexive candidate the way is that of its base: give the candidate that the base was gathered for.
    pub fn cuts(&self, local: &Candidate, selected: Option<&Candidate>) -> bool {
        let relayed = local.kind == CandidateType::Relay;
        match &self.kind {
            Selects::Selected => selected.is_some_and(|chosen| same_way(local, chosen)),
            Selects::Direct => !relayed,
            Selects::Relay => relayed,
            Selects::Transport(transport) => leg(local) == Some(*transport),
            Selects::Server(name, transport) => {
                let of_server = server_of(local).is_some_and(|host| is_named(host, name));
                of_server && transport.is_none_or(|wanted| leg(local) == Some(wanted))
            }
            Selects::Path(id) => local.path.as_deref() == Some(id.as_str()),
        }
    }
}

impl fmt::Display for PathSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for PathSelector {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let kind = read_selector(text).ok_or_else(|| SettingsError::Value {
            flag: "--fail",
            value: text.chars().take(80).collect(),
            expected:
                "a path: selected, direct, relay, udp, tcp, tls, a server such as turn1 or turn1/tcp, or a \
                       path id from a report"
                    .to_owned(),
        })?;
        Ok(Self { text: text.to_owned(), kind })
    }
}

fn read_selector(text: &str) -> Option<Selects> {
    if text.is_empty() || text.len() > 512 || text.chars().any(char::is_control) {
        return None;
    }
    let plain = match text {
        "selected" => Some(Selects::Selected),
        "direct" => Some(Selects::Direct),
        "relay" => Some(Selects::Relay),
        _ => transport(text).map(Selects::Transport),
    };
    if plain.is_some() {
        return plain;
    }
    match text.split_once('/') {
        // A path id begins with its transport and names a port.
        Some((first, rest)) if transport(first).is_some() && rest.contains(':') => {
            Some(Selects::Path(text.to_owned()))
        }
        Some((server, way)) => Some(Selects::Server(host(server)?, Some(transport(way)?))),
        None => Some(Selects::Server(host(text)?, None)),
    }
}

fn transport(text: &str) -> Option<Transport> {
    match text {
        "udp" => Some(Transport::Udp),
        "tcp" => Some(Transport::Tcp),
        "tls" => Some(Transport::Tls),
        _ => None,
    }
}

/// A host name or an address, as a path id writes it.
fn host(text: &str) -> Option<String> {
    match Host::parse_with_port(text) {
        Ok((host, None)) => Some(host.to_string()),
        _ => None,
    }
}

/// How packets from this candidate leave this host.
fn leg(local: &Candidate) -> Option<Transport> {
    match (local.kind, local.protocol) {
        (CandidateType::Relay, _) => local.relay_protocol,
        (_, Protocol::Udp) => Some(Transport::Udp),
        (_, Protocol::Tcp) => Some(Transport::Tcp),
    }
}

/// The TURN server of a relayed candidate.
fn server_of(local: &Candidate) -> Option<&str> {
    server_of_path(local.path.as_deref()?).map(|(host, _)| host)
}

/// Host and port out of a path id: `udp/turn1.example:3478`, perhaps followed by `@` and a proxy, `%` and the local
/// address, `#` and a number.
pub(crate) fn server_of_path(id: &str) -> Option<(&str, &str)> {
    let (_, rest) = id.split_once('/')?;
    let authority = rest.split(['@', '%', '#']).next()?;
    authority.rsplit_once(':')
}

/// The whole name, or its first label.
fn is_named(host: &str, name: &str) -> bool {
    let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    let label = if is_address { host } else { host.split('.').next().unwrap_or(host) };
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').to_owned();
    bare(host).eq_ignore_ascii_case(&bare(name)) || label.eq_ignore_ascii_case(name)
}

/// Whether two candidates share what a cut takes away: the path to the TURN server, or else the local address.
fn same_way(one: &Candidate, other: &Candidate) -> bool {
    match (&one.path, &other.path) {
        (Some(one), Some(other)) => one == other,
        (None, None) => {
            one.kind != CandidateType::Relay && other.kind != CandidateType::Relay && {
                let local = |c: &Candidate| c.base.unwrap_or(SocketAddr::new(c.address, c.port));
                local(one) == local(other)
            }
        }
        _ => false,
    }
}

/// `--listen [ADDRESS:]PORT`; a port alone is every address of this host.
pub fn listen_at(text: &str) -> Result<Vec<SocketAddr>, SettingsError> {
    let port = text.strip_prefix(':').unwrap_or(text);
    if let (true, Ok(port)) = (port.bytes().all(|b| b.is_ascii_digit()), port.parse::<u16>()) {
        let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        // The unspecified IPv6 address takes IPv4 too, but for Windows.
        return Ok(if cfg!(windows) { vec![v4, v6] } else { vec![v6, v4] });
    }
    match text.parse() {
        Ok(address) => Ok(vec![address]),
        Err(_) => Err(SettingsError::Value {
            flag: "--listen",
            value: text.chars().take(80).collect(),
            expected: "[ADDRESS:]PORT, such as 7000 or 192.0.2.1:7000".to_owned(),
        }),
    }
}

/// `--connect HOST:PORT`
pub fn connect_to(text: &str) -> Result<String, SettingsError> {
    match Host::parse_with_port(text) {
        Ok((Host::Name(name), Some(port))) => Ok(format!("{name}:{port}")),
        Ok((Host::Ip(address), Some(port))) => Ok(SocketAddr::new(address, port).to_string()),
        _ => Err(SettingsError::Value {
            flag: "--connect",
            value: text.chars().take(80).collect(),
            expected: "HOST:PORT, such as desk.example:7000 or [2001:db8::1]:7000".to_owned(),
        }),
    }
}

/// A duration with its units: `500ms`, `30s`, `5m`, `2h`, `1h30m`; a number alone is seconds. Up to a week.
pub fn duration(flag: &'static str, text: &str) -> Result<Duration, SettingsError> {
    let wrong = |expected: &str| SettingsError::Value {
        flag,
        value: text.chars().take(80).collect(),
        expected: expected.to_owned(),
    };
    let total = read_duration(text).ok_or_else(|| wrong("a duration, such as 30s, 5m, 2h or 1h30m"))?;
    match total {
        Duration::ZERO => Err(wrong("longer than nothing; write 30s, 5m or 2h")),
        total if total > MAX_DURATION => Err(wrong("at most a week (168h)")),
        total => Ok(total),
    }
}

fn read_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut smallest = f64::INFINITY;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        let unit = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "" if rest == text && after.is_empty() => 1.0,
            _ => return None,
        };
        // Each unit once, the largest first.
        if unit >= smallest {
            return None;
        }
        smallest = unit;
        let seconds = number.parse::<f64>().ok()? * unit;
        total = total.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = after;
    }
    (smallest < f64::INFINITY).then_some(total)
}

/// A duration as a person writes it: `30 s`, `5 min`, `1 h 30 min`, `1.5 s`.
pub fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        let text = format!("{:.1}", duration.as_secs_f64());
        return format!("{} s", text.strip_suffix(".0").unwrap_or(&text));
    }
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let told: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    told.join(" ")
}

#[cfg(test)]
mod tests;
