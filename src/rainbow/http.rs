//! HTTP/1.1 over the caller's stream: GET alone, one connection kept open, everything bounded.

use super::reply;
use super::{Connect, Question, SignInError, Stream};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use raincheck_probes::secret::Secret;
use raincheck_probes::server::{Host, Json};
use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// The largest reply that is read.
pub(super) const MAX_REPLY: usize = 1024 * 1024;
/// The largest reply head that is read.
const MAX_HEAD: usize = 64 * 1024;
/// The most redirects in a row within the host.
const MAX_REDIRECTS: usize = 3;

/// A platform: a host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Platform {
    host: String,
    port: u16,
}

impl Platform {
    /// Reads `HOST[:PORT]`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = Host::parse_with_port(text).ok()?;
        Some(Self { host: host.to_string().to_ascii_lowercase(), port: port.unwrap_or(443) })
    }

    /// Reads an `https` URL, whose path does not matter. A bare host will do.
    pub(super) fn from_url(url: &str) -> Option<Self> {
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some(_) => return None,
            None => url,
        };
        Self::parse(rest.split(['/', '?', '#']).next().unwrap_or_default())
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (true, 443) => write!(f, "[{}]", self.host),
            (true, port) => write!(f, "[{}]:{port}", self.host),
            (false, 443) => f.write_str(&self.host),
            (false, port) => write!(f, "{}:{port}", self.host),
        }
    }
}

/// One user's exchange with one platform.
pub(super) struct Session<'a> {
    connect: &'a dyn Connect,
    platform: Platform,
    timeout: Duration,
    connection: Option<Connection>,
    authorization: Option<Secret>,
    application: Option<Secret>,
}

struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A complete reply.
pub(super) struct Answer {
    host: String,
    pub(super) status: u16,
    body: Zeroizing<Vec<u8>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(connect: &'a dyn Connect, platform: Platform, timeout: Duration) -> Self {
        Self { connect, platform, timeout, connection: None, authorization: None, application: None }
    }

    pub(super) fn platform(&self) -> &Platform {
        &self.platform
    }

    /// From now on the questions go to another platform.
    pub(super) fn move_to(&mut self, platform: Platform) {
        self.platform = platform;
        self.connection = None;
    }

    /// The next questions carry the user's password.
    pub(super) fn log_in_with(&mut self, user: Secret, application: Option<Secret>) {
        self.authorization = Some(user);
        self.application = application;
    }

    /// The next questions carry nothing.
    pub(super) fn forget_login(&mut self) {
        self.authorization = None;
        self.application = None;
    }

    /// The next questions carry the token.
    pub(super) fn authorize(&mut self, token: &Secret) {
        self.authorization = Some(Secret::new(format!("Bearer {}", token.expose())));
    }

    /// Asks, follows redirects within the host, and reads the whole reply.
    pub(super) async fn get(&mut self, question: Question, path: &str) -> Result<Answer, SignInError> {
        let limit = self.timeout;
        match tokio::time::timeout(limit, self.get_and_follow(question, path)).await {
            Ok(answer) => answer,
            Err(_) => {
                self.connection = None;
                Err(SignInError::Timeout {
                    host: self.platform.to_string(),
                    question,
                    seconds: limit.as_secs(),
                })
            }
        }
    }

    async fn get_and_follow(&mut self, question: Question, path: &str) -> Result<Answer, SignInError> {
        let mut path = path.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(question, &path).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return self.read(question, response).await;
            }
            path = self.redirect(question, response.headers().get(LOCATION))?;
            // The body of a redirect is not worth reading; the connection goes with it.
            self.connection = None;
        }
        Err(self.broken(question, "too many redirects"))
    }

    /// The path to ask for next, when the redirect stays on the host.
    fn redirect(&self, question: Question, to: Option<&HeaderValue>) -> Result<String, SignInError> {
        let location = to.and_then(|to| to.to_str().ok()).unwrap_or_default();
        let elsewhere = |to: &str| SignInError::Redirect {
            host: self.platform.to_string(),
            question,
            // Without its query, which can hold tokens.
            to: to.split(['?', '#']).next().unwrap_or_default().chars().take(100).collect(),
        };
        let uri: Uri = location.parse().map_err(|_| elsewhere("an unreadable address"))?;
        let stays = match uri.authority() {
            None => location.starts_with('/') && !location.starts_with("//"),
            Some(_) => Platform::from_url(location).is_some_and(|to| to == self.platform),
        };
        match uri.path_and_query() {
            Some(path) if stays => Ok(path.as_str().to_owned()),
            _ => Err(elsewhere(location)),
        }
    }

    async fn send(&mut self, question: Question, path: &str) -> Result<Response<Incoming>, SignInError> {
        // A kept connection may have been closed in the meantime; that is found out by trying, once.
        if let Some(mut kept) = self.connection.take()
            && kept.sender.ready().await.is_ok()
        {
            let request = self.request(question, path)?;
            match kept.sender.send_request(request).await {
                Ok(response) => {
                    self.connection = Some(kept);
                    return Ok(response);
                }
                Err(error) if error.is_canceled() || error.is_closed() || error.is_incomplete_message() => {}
                Err(error) => return Err(self.broken(question, &error.to_string())),
            }
        }
        let mut fresh = self.open(question).await?;
        let request = self.request(question, path)?;
        let sent = fresh.sender.send_request(request).await;
        let response = sent.map_err(|error| self.broken(question, &error.to_string()))?;
        self.connection = Some(fresh);
        Ok(response)
    }

    async fn open(&self, question: Question) -> Result<Connection, SignInError> {
        let Platform { host, port } = &self.platform;
        let opened = self.connect.open(host, *port).await;
        let stream = opened.map_err(|error| SignInError::Connect {
            host: self.platform.to_string(),
            question,
            reason: error
                .to_string()
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(300)
                .collect(),
        })?;
        let (sender, connection) = Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake::<TokioIo<Box<dyn Stream>>, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(question, &error.to_string()))?;
        let driver = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Connection { sender, driver })
    }

    fn request(&self, question: Question, path: &str) -> Result<Request<Empty<Bytes>>, SignInError> {
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(path)
            .header(HOST, self.platform.to_string())
            .header(ACCEPT, "application/json")
            .header("x-rainbow-client", "raincheck")
            .header("x-rainbow-client-version", env!("CARGO_PKG_VERSION"));
        let secrets = [
            (AUTHORIZATION, &self.authorization),
            (HeaderName::from_static("x-rainbow-app-auth"), &self.application),
        ];
        for (name, secret) in secrets {
            if let Some(secret) = secret {
                let value = HeaderValue::from_str(secret.expose());
                let mut value =
                    value.map_err(|_| self.broken(question, "a credential is not usable in HTTP"))?;
                value.set_sensitive(true);
                request = request.header(name, value);
            }
        }
        request.body(Empty::new()).map_err(|_| self.broken(question, "the address is not usable in HTTP"))
    }

    async fn read(
        &mut self,
        question: Question,
        response: Response<Incoming>,
    ) -> Result<Answer, SignInError> {
        let host = self.platform.to_string();
        let status = response.status().as_u16();
        match Limited::new(response.into_body(), MAX_REPLY).collect().await {
            Ok(body) => {
                let body = Zeroizing::new(body.to_bytes().to_vec());
                Ok(Answer { host, status, body })
            }
            Err(error) => {
                self.connection = None;
                Err(match error.downcast_ref::<LengthLimitError>() {
                    Some(_) => SignInError::TooLarge { host, question, limit: MAX_REPLY },
                    None => self.broken(question, &error.to_string()),
                })
            }
        }
    }

    fn broken(&self, question: Question, reason: &str) -> SignInError {
        let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        SignInError::Broken { host: self.platform.to_string(), question, reason }
    }
}

impl Answer {
    /// The reply as JSON, when the status says that it is the answer.
    pub(super) fn json(&self, question: Question) -> Result<Json, SignInError> {
        let (host, status) = (self.host.clone(), self.status);
        match Json::parse(&self.body) {
            Ok(document) if (200..300).contains(&status) => Ok(document),
            Ok(document) => {
                Err(SignInError::Status { host, question, status, words: reply::words(&document) })
            }
            Err(_) if self.is_web_page() => Err(SignInError::WebPage { host, question, status }),
            Err(_) if (200..300).contains(&status) => Err(SignInError::NotJson { host, question, status }),
            Err(_) => Err(SignInError::Status { host, question, status, words: None }),
        }
    }

    /// Whether it looks like HTML.
    pub(super) fn is_web_page(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"<")
    }

    /// The vendor's code in an error reply.
    pub(super) fn detail_code(&self) -> Option<u64> {
        reply::detail_code(&Json::parse(&self.body).ok()?)
    }

    /// The vendor's words in an error reply.
    pub(super) fn words(&self) -> Option<String> {
        reply::words(&Json::parse(&self.body).ok()?)
    }
}

/// Percent-encodes a query value: everything but the unreserved characters of RFC 3986 section 2.3.
pub(super) fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
