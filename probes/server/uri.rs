//! Reading `stun:`, `stuns:`, `turn:` and `turns:` URIs.
//!
//! The grammar is that of RFC 7064 section 3.1 and RFC 7065 section 3.1, with no leniency: a URI that a
//! browser would refuse is refused here, with the part that is wrong.

use super::{Host, IceUri, Scheme, UriTransport};
use std::net::{IpAddr, Ipv6Addr};
use thiserror::Error;

/// The longest URI that is read.
const MAX_URI: usize = 1024;
/// The longest name in the DNS (RFC 1035 section 2.3.4), without the final dot.
const MAX_NAME: usize = 253;

/// What is wrong with a URI. No variant carries a part that could hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UriError {
    /// Nothing there.
    #[error("it is empty; write turn:HOST[:PORT][?transport=udp|tcp]")]
    Empty,
    /// Longer than any server's URI.
    #[error("it is longer than {MAX_URI} bytes")]
    TooLong,
    /// A character that no URI holds: a space, a control character, something outside ASCII.
    #[error("the character {0:?} cannot stand in it")]
    Character(char),
    /// Not one of the four schemes.
    #[error("the scheme {0:?} is not stun, stuns, turn or turns")]
    Scheme(String),
    /// No `scheme:` at all.
    #[error("the scheme is missing; write turn:{0}")]
    NoScheme(String),
    /// `turn://host`.
    #[error("there is no // after {0}:, unlike in a web address; write {0}:HOST[:PORT]")]
    Slashes(&'static str),
    /// `turn:user@host`.
    #[error("there is a user name before @; credentials are given apart from the URI")]
    UserInfo,
    /// Something after the host and port.
    #[error("there is a path, {0:?}; nothing but ?transport= can follow the port")]
    Path(String),
    /// `#...`
    #[error("there is a fragment after #; nothing but ?transport= can follow the port")]
    Fragment,
    /// No host.
    #[error("the host is missing")]
    NoHost,
    /// A host that is neither a name nor an address.
    #[error("the host {0:?} is not a name or an address")]
    Host(String),
    /// IPv6 without brackets.
    #[error("an IPv6 address stands in brackets; write [{0}]")]
    Brackets(String),
    /// `[` without `]`, or no IPv6 address between them.
    #[error("{0:?} is not an IPv6 address in brackets")]
    Ipv6(String),
    /// Not a number from 1 to 65535.
    #[error("the port {0:?} is not a number from 1 to 65535")]
    Port(String),
    /// A query on `stun:` or `stuns:`.
    #[error("{0}: takes no query; remove everything from the ? on")]
    QueryOnStun(&'static str),
    /// Something other than `transport=`; only the key, since a value could be a password.
    #[error("the query {0:?} is not transport=udp or transport=tcp")]
    Query(String),
    /// A transport other than `udp` and `tcp`.
    #[error("the transport {0:?} is not udp or tcp")]
    Transport(String),
}

impl IceUri {
    /// Reads one URI: RFC 7064 for `stun` and `stuns`, RFC 7065 for `turn` and `turns`.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        check_characters(text)?;
        let (scheme, rest) = split_scheme(text)?;
        if rest.starts_with("//") {
            return Err(UriError::Slashes(scheme.name()));
        }
        if rest.contains('@') {
            return Err(UriError::UserInfo);
        }
        if rest.contains('#') {
            return Err(UriError::Fragment);
        }
        let (authority, query) = match rest.split_once('?') {
            Some((authority, query)) => (authority, Some(query)),
            None => (rest, None),
        };
        if let Some((_, path)) = authority.split_once('/') {
            return Err(UriError::Path(shorten(&format!("/{path}"))));
        }
        let (host, port) = split_host(authority)?;
        let transport = query.map(|query| read_query(scheme, query)).transpose()?;
        Ok(Self { text: text.to_owned(), scheme, host, port, transport })
    }
}

impl Host {
    /// Reads `HOST`, `HOST:PORT`, `ADDRESS`, `[ADDRESS6]` or `[ADDRESS6]:PORT`.
    pub fn parse_with_port(text: &str) -> Result<(Self, Option<u16>), UriError> {
        check_characters(text)?;
        split_host(text)
    }
}

fn check_characters(text: &str) -> Result<(), UriError> {
    if text.is_empty() {
        return Err(UriError::Empty);
    }
    if text.len() > MAX_URI {
        return Err(UriError::TooLong);
    }
    match text
        .chars()
        .find(|c| !c.is_ascii_graphic() || matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'))
    {
        Some(c) => Err(UriError::Character(c)),
        None => Ok(()),
    }
}

fn split_scheme(text: &str) -> Result<(Scheme, &str), UriError> {
    let Some((name, rest)) = text.split_once(':') else {
        return Err(if text.contains('@') { UriError::UserInfo } else { UriError::NoScheme(shorten(text)) });
    };
    let scheme = match name.to_ascii_lowercase().as_str() {
        "stun" => Scheme::Stun,
        "stuns" => Scheme::Stuns,
        "turn" => Scheme::Turn,
        "turns" => Scheme::Turns,
        _ if text.contains('@') => return Err(UriError::UserInfo),
        // `host:3478`: what stands before the colon is a host.
        _ if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) => {
            return Err(UriError::NoScheme(shorten(text)));
        }
        _ => return Err(UriError::Scheme(shorten(name))),
    };
    Ok((scheme, rest))
}

fn split_host(authority: &str) -> Result<(Host, Option<u16>), UriError> {
    if authority.is_empty() {
        return Err(UriError::NoHost);
    }
    if let Some(rest) = authority.strip_prefix('[') {
        let wrong = || UriError::Ipv6(shorten(authority));
        let (inside, after) = rest.split_once(']').ok_or_else(wrong)?;
        let address: Ipv6Addr = inside.parse().map_err(|_| wrong())?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(read_port(port)?),
            None if after.is_empty() => None,
            None => return Err(wrong()),
        };
        return Ok((Host::Ip(IpAddr::V6(address)), port));
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Err(UriError::Brackets(authority.to_owned()));
    }
    match authority.split_once(':') {
        Some(("", _)) => Err(UriError::NoHost),
        Some((host, port)) => Ok((read_host(host)?, Some(read_port(port)?))),
        None => Ok((read_host(authority)?, None)),
    }
}

fn read_host(text: &str) -> Result<Host, UriError> {
    if let Ok(address) = text.parse() {
        return Ok(Host::Ip(address));
    }
    if is_host_name(text) { Ok(Host::Name(text.to_owned())) } else { Err(UriError::Host(shorten(text))) }
}

/// Whether this can be a host's name in the DNS: labels of 1 to 63 letters, digits, hyphens and underscores,
/// not all of it digits and dots (that would be a malformed address), with or without the final dot.
pub(super) fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last_is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= MAX_NAME && name.split('.').all(label) && !last_is_number
}

fn read_port(text: &str) -> Result<u16, UriError> {
    let wrong = || UriError::Port(shorten(text));
    if text.is_empty() || text.len() > 5 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(wrong()),
        Ok(port) => Ok(port),
    }
}

fn read_query(scheme: Scheme, query: &str) -> Result<UriTransport, UriError> {
    if !scheme.is_turn() {
        return Err(UriError::QueryOnStun(scheme.name()));
    }
    match query.split_once('=') {
        Some((key, value)) if key.eq_ignore_ascii_case("transport") => {
            match value.to_ascii_lowercase().as_str() {
                "udp" => Ok(UriTransport::Udp),
                "tcp" => Ok(UriTransport::Tcp),
                _ => Err(UriError::Transport(shorten(value))),
            }
        }
        _ => Err(UriError::Query(shorten(query.split('=').next().unwrap_or_default()))),
    }
}

/// The offending part, short enough for one line. Only ASCII reaches this.
fn shorten(part: &str) -> String {
    const MOST: usize = 60;
    match part.get(..MOST) {
        Some(head) if part.len() > MOST => format!("{head}..."),
        _ => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Scheme, String, Option<u16>, Option<UriTransport>) {
        let uri = IceUri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(uri.text, text);
        (uri.scheme, uri.host.to_string(), uri.port, uri.transport)
    }

    #[test]
    fn the_examples_of_the_rfcs_are_read() {
        // RFC 7064 appendix B, RFC 7065 appendix B.
        let (udp, tcp) = (Some(UriTransport::Udp), Some(UriTransport::Tcp));
        let name = "example.org".to_owned();
        assert_eq!(read("stun:example.org"), (Scheme::Stun, name.clone(), None, None));
        assert_eq!(read("stuns:example.org"), (Scheme::Stuns, name.clone(), None, None));
        assert_eq!(read("stun:example.org:8000"), (Scheme::Stun, name.clone(), Some(8000), None));
        assert_eq!(read("turn:example.org"), (Scheme::Turn, name.clone(), None, None));
        assert_eq!(read("turns:example.org"), (Scheme::Turns, name.clone(), None, None));
        assert_eq!(read("turn:example.org:8000"), (Scheme::Turn, name.clone(), Some(8000), None));
        assert_eq!(read("turn:example.org?transport=udp"), (Scheme::Turn, name.clone(), None, udp));
        assert_eq!(read("turn:example.org?transport=tcp"), (Scheme::Turn, name.clone(), None, tcp));
        assert_eq!(read("turns:example.org?transport=tcp"), (Scheme::Turns, name, None, tcp));
    }

    #[test]
    fn addresses_and_odd_but_legal_forms_are_read() {
        let (udp, tcp) = (Some(UriTransport::Udp), Some(UriTransport::Tcp));
        assert_eq!(
            read("turn:192.0.2.1:80?transport=tcp"),
            (Scheme::Turn, "192.0.2.1".into(), Some(80), tcp)
        );
        assert_eq!(read("turn:[2001:db8::1]"), (Scheme::Turn, "2001:db8::1".into(), None, None));
        assert_eq!(read("turns:[2001:db8::1]:443"), (Scheme::Turns, "2001:db8::1".into(), Some(443), None));
        assert_eq!(
            read("stun:[::ffff:192.0.2.1]:1"),
            (Scheme::Stun, "::ffff:192.0.2.1".into(), Some(1), None)
        );
        assert_eq!(read("TURN:Example.ORG?Transport=UDP"), (Scheme::Turn, "Example.ORG".into(), None, udp));
        assert_eq!(
            read("stun:host_1.a-b.example."),
            (Scheme::Stun, "host_1.a-b.example.".into(), None, None)
        );
        assert_eq!(read("stun:localhost:65535"), (Scheme::Stun, "localhost".into(), Some(65535), None));
        assert!(matches!(IceUri::parse("turn:10.0.0.1").map(|uri| uri.host), Ok(Host::Ip(_))));
    }

    #[test]
    fn each_wrong_part_is_named() {
        let cases = [
            ("", UriError::Empty),
            ("turn:a b", UriError::Character(' ')),
            ("turn:h\u{f4}te", UriError::Character('\u{f4}')),
            ("turn:host\n", UriError::Character('\n')),
            ("turn:host\u{1b}[31m", UriError::Character('\u{1b}')),
            ("http:host", UriError::Scheme("http".into())),
            ("https://host/", UriError::Scheme("https".into())),
            ("turn.example.org", UriError::NoScheme("turn.example.org".into())),
            ("turn.example.org:3478", UriError::NoScheme("turn.example.org:3478".into())),
            ("turn://host", UriError::Slashes("turn")),
            ("TURNS://host:443", UriError::Slashes("turns")),
            ("turn:user@host", UriError::UserInfo),
            ("turn:user:pass@host", UriError::UserInfo),
            ("user:pass@host", UriError::UserInfo),
            ("turn:host/path", UriError::Path("/path".into())),
            ("turn:host:3478/", UriError::Path("/".into())),
            ("turn:host#top", UriError::Fragment),
            ("turn:", UriError::NoHost),
            ("turn::3478", UriError::NoHost),
            ("turn:?transport=udp", UriError::NoHost),
            ("turn:-host", UriError::Host("-host".into())),
            ("turn:ho..st", UriError::Host("ho..st".into())),
            ("turn:192.0.2.256", UriError::Host("192.0.2.256".into())),
            ("turn:1234", UriError::Host("1234".into())),
            ("turn:ho%20st", UriError::Host("ho%20st".into())),
            ("turn:2001:db8::1", UriError::Brackets("2001:db8::1".into())),
            ("turn:[2001:db8::1", UriError::Ipv6("[2001:db8::1".into())),
            ("turn:[host]", UriError::Ipv6("[host]".into())),
            ("turn:[192.0.2.1]", UriError::Ipv6("[192.0.2.1]".into())),
            ("turn:[fe80::1%eth0]", UriError::Ipv6("[fe80::1%eth0]".into())),
            ("turn:[::1]x", UriError::Ipv6("[::1]x".into())),
            ("turn:host:", UriError::Port("".into())),
            ("turn:host:0", UriError::Port("0".into())),
            ("turn:host:65536", UriError::Port("65536".into())),
            ("turn:host:+80", UriError::Port("+80".into())),
            ("turn:host:80:80", UriError::Port("80:80".into())),
            ("stun:host?transport=udp", UriError::QueryOnStun("stun")),
            ("stuns:host?", UriError::QueryOnStun("stuns")),
            ("turn:host?", UriError::Query("".into())),
            ("turn:host?proto=udp", UriError::Query("proto".into())),
            ("turn:host?transport", UriError::Query("transport".into())),
            ("turn:host?transport=tls", UriError::Transport("tls".into())),
            ("turn:host?transport=", UriError::Transport("".into())),
            ("turn:host?transport=udp&x=1", UriError::Transport("udp&x=1".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(IceUri::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn an_error_never_repeats_a_password_and_stays_short() {
        for text in ["turn:bob:hunter2@host", "bob:hunter2@host", "x:hunter2@y", "hunter2@host"] {
            let error = IceUri::parse(text).map_err(|error| error.to_string()).expect_err(text);
            assert!(!error.contains("hunter2"), "{error}");
        }
        let long = format!("turn:host?{}", "x".repeat(900));
        assert!(IceUri::parse(&long).expect_err("long query").to_string().len() < 200);
        assert_eq!(IceUri::parse(&format!("turn:{}", "x".repeat(2000))), Err(UriError::TooLong));
    }
}
