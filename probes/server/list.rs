//! Lists of ICE servers as JSON: what `RTCPeerConnection` takes, what TURN credential services return, and
//! what the vendor's `iceservers` interface returns.

use super::{Credentials, IceServer, IceUri, Json, UriError};
use crate::secret::Secret;
use std::time::Duration;
use thiserror::Error;

/// The largest document that is read.
pub const MAX_LIST_BYTES: usize = 1024 * 1024;
/// The most servers that one document may hold.
pub const MAX_SERVERS: usize = 64;
/// The most URIs that all servers of one document may have together.
pub const MAX_URIS: usize = 256;
/// A year: a longer time to live says nothing.
const MAX_TTL: f64 = 366.0 * 86400.0;

/// ICE servers as one document lists them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerList {
    /// One per URI, in the document's order.
    pub servers: Vec<IceServer>,
    /// How long the credentials live (`ttl`, `lifetimeDuration`), when the document says so.
    pub ttl: Option<Duration>,
    /// The vendor's names of the data centres (`dc`), each once, in order.
    pub data_centres: Vec<String>,
}

/// What is wrong with the document, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListError {
    /// More than [`MAX_LIST_BYTES`].
    #[error("it is larger than {} KiB", MAX_LIST_BYTES / 1024)]
    TooLarge,
    /// Nothing but white space.
    #[error("it is empty; it should hold an array of RTCIceServer objects")]
    Empty,
    /// Not JSON.
    #[error("line {line}, column {column}: not JSON ({reason})")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// The parser's words, which never repeat the document.
        reason: String,
    },
    /// JSON of another shape.
    #[error("{path}: {trouble}")]
    Shape {
        /// Where in the document, for instance `iceServers[1].urls[0]`.
        path: String,
        /// What is wrong there.
        trouble: Trouble,
    },
}

/// What is wrong at one place of the document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Trouble {
    /// Another kind of value was expected.
    #[error("expected {expected}, found {found}")]
    Kind {
        /// In words.
        expected: &'static str,
        /// In words.
        found: &'static str,
    },
    /// An object without a list of servers.
    #[error("no urls, iceServers or data in this object")]
    NoServers,
    /// A server without `urls`.
    #[error("no urls in this server")]
    NoUrls,
    /// An empty array.
    #[error("the list is empty")]
    EmptyList,
    /// More than [`MAX_SERVERS`].
    #[error("more than {MAX_SERVERS} servers")]
    TooMany,
    /// More than [`MAX_URIS`].
    #[error("more than {MAX_URIS} server URLs")]
    TooManyUris,
    /// A URI that cannot be read.
    #[error("{0}")]
    Uri(UriError),
    /// `credentialType` other than `password`.
    #[error("the credential type {0} is not supported, only password is")]
    CredentialType(&'static str),
    /// One half of the credentials.
    #[error("there is a username but no credential")]
    NoCredential,
    /// The other half.
    #[error("there is a credential but no username")]
    NoUsername,
}

impl ServerList {
    /// Reads a document in any of these shapes: an array of `RTCIceServer`, one such object, or an object with
    /// the array (or the one object) under `iceServers` or `data`, and `ttl` beside it.
    pub fn parse(bytes: &[u8]) -> Result<Self, ListError> {
        if bytes.len() > MAX_LIST_BYTES {
            return Err(ListError::TooLarge);
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        if bytes.trim_ascii().is_empty() {
            return Err(ListError::Empty);
        }
        let document = Json::parse(bytes).map_err(|error| ListError::syntax(&error))?;
        Self::from_json(&document)
    }

    /// As [`parse`](Self::parse), from JSON that has been read already.
    pub fn from_json(document: &Json) -> Result<Self, ListError> {
        let mut list = Self { ttl: time_to_live(document), ..Self::default() };
        list.collect(document, "")?;
        if list.servers.is_empty() { Err(shape("", Trouble::EmptyList)) } else { Ok(list) }
    }

    /// Takes the servers out of a container at `path`, which may hold another container once.
    fn collect(&mut self, value: &Json, path: &str) -> Result<(), ListError> {
        match value {
            Json::Array(items) => {
                if items.is_empty() {
                    return Err(shape(path, Trouble::EmptyList));
                }
                if items.len() > MAX_SERVERS {
                    return Err(shape(path, Trouble::TooMany));
                }
                items.iter().enumerate().try_for_each(|(n, item)| self.server(item, &format!("{path}[{n}]")))
            }
            Json::Object(_) if value.get("urls").or(value.get("url")).is_some() => self.server(value, path),
            Json::Object(_) => {
                let inner = ["iceServers", "ice_servers", "data"]
                    .into_iter()
                    .find_map(|key| value.get(key).map(|inner| (key, inner)));
                match inner {
                    // `{"data": {"iceServers": [...]}}` occurs; a third level does not.
                    Some((key, inner)) if path.len() <= "iceServers".len() => {
                        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                        self.ttl = self.ttl.or_else(|| time_to_live(inner));
                        self.collect(inner, &path)
                    }
                    _ => Err(shape(path, Trouble::NoServers)),
                }
            }
            other => Err(kind(path, "an array of servers or an object", other)),
        }
    }

    fn server(&mut self, value: &Json, path: &str) -> Result<(), ListError> {
        if !matches!(value, Json::Object(_)) {
            return Err(kind(path, "a server object", value));
        }
        let (key, urls) = match (value.get("urls"), value.get("url")) {
            (Some(urls), _) => ("urls", urls),
            (None, Some(url)) => ("url", url),
            (None, None) => return Err(shape(path, Trouble::NoUrls)),
        };
        let urls_path = join(path, key);
        let credentials = credentials(value, path)?;
        match urls {
            Json::Text(url) => self.push(url, &credentials, &urls_path)?,
            Json::Array(urls) if urls.is_empty() => return Err(shape(&urls_path, Trouble::EmptyList)),
            Json::Array(urls) => {
                for (n, url) in urls.iter().enumerate() {
                    let at = format!("{urls_path}[{n}]");
                    let text = url.text().ok_or_else(|| kind(&at, "a URL text", url))?;
                    self.push(text, &credentials, &at)?;
                }
            }
            other => return Err(kind(&urls_path, "a URL text or an array of them", other)),
        }
        if let Some(dc) = value.get("dc").and_then(Json::text) {
            let dc: String = dc.chars().filter(|c| !c.is_control()).take(64).collect();
            if !self.data_centres.contains(&dc) {
                self.data_centres.push(dc);
            }
        }
        Ok(())
    }

    fn push(&mut self, url: &str, credentials: &Option<Credentials>, path: &str) -> Result<(), ListError> {
        if self.servers.len() == MAX_URIS {
            return Err(shape(path, Trouble::TooManyUris));
        }
        let uri = IceUri::parse(url).map_err(|error| shape(path, Trouble::Uri(error)))?;
        let credentials = credentials.clone().filter(|_| uri.scheme.is_turn());
        self.servers.push(IceServer { uri, credentials });
        Ok(())
    }
}

impl ListError {
    fn syntax(error: &serde_json::Error) -> Self {
        // serde_json ends its text with the place, which we give first.
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
        Self::Syntax { line: error.line(), column: error.column(), reason }
    }
}

fn credentials(server: &Json, path: &str) -> Result<Option<Credentials>, ListError> {
    let username = member(server, "username", path)?;
    let credential = match server.get("credential") {
        // The object form was OAuth's (RFC 7635), which browsers have dropped.
        Some(Json::Object(_)) => {
            return Err(shape(&join(path, "credential"), Trouble::CredentialType("oauth")));
        }
        _ => member(server, "credential", path)?,
    };
    if let Some(kind) = server.get("credentialType").and_then(Json::text)
        && kind.eq_ignore_ascii_case("oauth")
    {
        return Err(shape(&join(path, "credentialType"), Trouble::CredentialType("oauth")));
    }
    match (username, credential) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(shape(path, Trouble::NoCredential)),
        (None, Some(_)) => Err(shape(path, Trouble::NoUsername)),
        (Some(username), Some(credential)) => {
            Ok(Some(Credentials { username: username.to_owned(), password: Secret::new(credential) }))
        }
    }
}

/// A text member; null and the empty text, which some services write for public STUN servers, are absent.
fn member<'a>(server: &'a Json, key: &str, path: &str) -> Result<Option<&'a str>, ListError> {
    match server.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(other) => Err(kind(&join(path, key), "a text", other)),
    }
}

/// `ttl` is the vendor's and the REST draft's; `lifetimeDuration` (`"86400s"`) is Google's. As a number or a text.
fn time_to_live(document: &Json) -> Option<Duration> {
    let value = document.get("ttl").or_else(|| document.get("lifetimeDuration"))?;
    let seconds = match value {
        Json::Number(seconds) => *seconds,
        Json::Text(text) => text.trim_end_matches('s').parse().ok()?,
        _ => return None,
    };
    (0.0..=MAX_TTL).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn shape(path: &str, trouble: Trouble) -> ListError {
    let path = if path.is_empty() { "the document" } else { path };
    ListError::Shape { path: path.to_owned(), trouble }
}

fn kind(path: &str, expected: &'static str, found: &Json) -> ListError {
    shape(path, Trouble::Kind { expected, found: found.kind() })
}

#[cfg(test)]
mod tests;
