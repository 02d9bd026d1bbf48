//! Proxy authentication: what is offered (RFC 9110 section 11), and the answers to it.

use super::AuthScheme;
use crate::server::Credentials;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use digest_auth::{Algorithm, AlgorithmType, AuthContext, Charset, HttpMethod, Qop, WwwAuthenticateHeader};

const MAX_CHALLENGES: usize = 16;
const MAX_PARAMETERS: usize = 32;

/// One challenge of a `Proxy-Authenticate` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) scheme: AuthScheme,
    parameters: Vec<(String, String)>,
}

/// How a challenge is answered.
#[derive(Debug, Clone)]
pub(super) enum Method {
    /// RFC 7617.
    Basic,
    /// RFC 7616, with what the proxy sent.
    Digest(Box<WwwAuthenticateHeader>),
}

impl Challenge {
    /// Whether the proxy only asks for a fresh nonce (RFC 7616 section 3.3).
    pub(super) fn is_stale(&self) -> bool {
        self.scheme == AuthScheme::Digest
            && self.parameter("stale").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn method(&self) -> Option<Method> {
        match self.scheme {
            AuthScheme::Basic => Some(Method::Basic),
            AuthScheme::Digest => self.digest().map(|prompt| Method::Digest(Box::new(prompt))),
            AuthScheme::Ntlm | AuthScheme::Negotiate | AuthScheme::Other(_) => None,
        }
    }

    fn digest(&self) -> Option<WwwAuthenticateHeader> {
        Some(WwwAuthenticateHeader {
            domain: None,
            realm: self.parameter("realm").unwrap_or_default().to_owned(),
            nonce: self.parameter("nonce")?.to_owned(),
            opaque: self.parameter("opaque").map(str::to_owned),
            stale: self.is_stale(),
            algorithm: algorithm(self.parameter("algorithm").unwrap_or("MD5"))?,
            qop: match self.parameter("qop").map(str::trim) {
                None | Some("") => None,
                Some(offered) => Some(vec![quality(offered)?]),
            },
            userhash: self.parameter("userhash").is_some_and(|value| value.eq_ignore_ascii_case("true")),
            charset: Charset::UTF8,
            nc: 0,
        })
    }
}

impl Method {
    /// The strongest of the challenges that can be answered. `basic_only` is for clients that know nothing else.
    pub(super) fn strongest(challenges: &[Challenge], basic_only: bool) -> Option<Self> {
        let mut methods: Vec<Self> = challenges.iter().filter_map(Challenge::method).collect();
        methods.retain(|method| !basic_only || matches!(method, Self::Basic));
        // Of equals the one that the proxy named first; max_by_key would take the last.
        methods.into_iter().rev().max_by_key(Self::strength)
    }

    pub(super) fn scheme(&self) -> AuthScheme {
        match self {
            Self::Basic => AuthScheme::Basic,
            Self::Digest(_) => AuthScheme::Digest,
        }
    }

    /// The value of `Proxy-Authorization` for a CONNECT to `uri`.
    pub(super) fn authorization(&mut self, credentials: &Credentials, uri: &str, cnonce: &str) -> String {
        let Credentials { username, password } = credentials;
        let basic =
            || format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{}", password.expose())));
        let prompt = match self {
            Self::Basic => return basic(),
            Self::Digest(prompt) => prompt,
        };
        let body =
            prompt.qop.as_ref().is_some_and(|qop| qop.contains(&Qop::AUTH_INT)).then_some(&[0u8; 0][..]);
        let (user, secret) = (username.as_str(), password.expose());
        let mut context = AuthContext::new_with_method(user, secret, uri, body, HttpMethod::CONNECT);
        context.set_custom_cnonce(cnonce.to_owned());
        // The only error is a quality of protection that is not known, and `quality` lets none pass.
        prompt.respond(&context).map(|header| header.to_header_string()).unwrap_or_default()
    }

    fn strength(&self) -> u8 {
        match self {
            Self::Basic => 0,
            Self::Digest(prompt) => match prompt.algorithm.algo {
                AlgorithmType::MD5 => 1,
                AlgorithmType::SHA2_256 => 2,
                AlgorithmType::SHA2_512_256 => 3,
            },
        }
    }
}

/// The challenges of all `Proxy-Authenticate` headers of a head, several to a header or not.
pub(super) fn challenges<'a>(headers: impl Iterator<Item = &'a str>) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    for header in headers {
        let begins = found.len();
        for item in items(header) {
            let rest = match split_scheme(item) {
                Some((scheme, rest)) => {
                    if found.len() == MAX_CHALLENGES {
                        return found;
                    }
                    let scheme = AuthScheme::from(scheme.to_owned());
                    found.push(Challenge { scheme, parameters: Vec::new() });
                    rest
                }
                None => item,
            };
            // A parameter before any scheme of its own header belongs to nothing.
            if let Some(challenge) = found[begins..].last_mut() {
                read_parameters(rest, &mut challenge.parameters);
            }
        }
    }
    found
}

/// The parts between commas that are not in quotes.
fn items(header: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    header
        .split(move |c| {
            let separates = c == ',' && !quoted;
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            separates
        })
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// A scheme and what follows it, when the item begins a challenge rather than going on with one.
fn split_scheme(item: &str) -> Option<(&str, &str)> {
    let end = item.find(|c: char| !is_token(c)).unwrap_or(item.len());
    let (word, rest) = item.split_at(end);
    let rest = rest.trim_start();
    (!word.is_empty() && !rest.starts_with('=')).then_some((word, rest))
}

fn read_parameters(mut text: &str, into: &mut Vec<(String, String)>) {
    while into.len() < MAX_PARAMETERS
        && let Some((name, value)) = text.split_once('=')
    {
        let name = name.trim().to_ascii_lowercase();
        let value = value.trim_start();
        let (value, rest) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (value, rest) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
                (value.to_owned(), rest)
            }
        };
        if !name.is_empty() && name.chars().all(is_token) {
            into.push((name, value));
        }
        text = rest.trim_start();
    }
}

/// A quoted string after its opening quote, and what follows its closing one.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

fn algorithm(name: &str) -> Option<Algorithm> {
    ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name.trim()))
        .and_then(|known| known.parse().ok())
}

fn quality(offered: &str) -> Option<Qop> {
    let offers = |name: &str| offered.split(',').any(|part| part.trim().eq_ignore_ascii_case(name));
    if offers("auth") {
        Some(Qop::AUTH)
    } else if offers("auth-int") {
        Some(Qop::AUTH_INT)
    } else {
        None
    }
}
