//! The CONNECT handshake as a machine (RFC 9110 section 9.3.6).

use super::AuthScheme;
use super::auth::{Challenge, Method, challenges};
use super::body::{BodySkipper, Skipped};
use super::form::{Form, authority};
use super::head::{Found, Head, HeadReader, clean};
use crate::evidence::{Cause, Facts, FirstBytes};
use crate::machine::{IdSource, Input, Machine, Offset, Poll};
use crate::server::Credentials;
use std::time::Duration;

/// Most requests in one handshake: unasked, answered, and fresh nonces.
const MAX_ROUNDS: u32 = 4;
const MAX_INTERIM: u32 = 8;
/// How long an answer that is not HTTP may take to show its first 64 bytes.
const NOT_HTTP_GRACE: Duration = Duration::from_millis(200);

/// What a tunnel is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The host that the proxy is to connect to: a name, or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Credentials for the proxy.
    pub credentials: Option<Credentials>,
    /// The client's way of asking.
    pub form: Form,
    /// How long the handshake may take, all rounds, from the first input.
    pub within: Duration,
}

/// How a handshake ended on one connection.
pub struct Ended {
    /// How.
    pub end: End,
    /// What was seen: `status`, `reason`, `http_version`, `via`, `server`, `proxy_agent`, `squid_error`,
    /// `auth_scheme`, `auth_offered`, `requests`, `reconnects`, `early_bytes`, `interim`, `odd_lines`.
    pub facts: Facts,
}

/// The end of a handshake.
pub enum End {
    /// The tunnel stands.
    Open {
        /// What came along after the proxy's head: the first bytes from the far end.
        early: Vec<u8>,
    },
    /// There will be no tunnel.
    Failed(Cause),
    /// The proxy wants credentials on a new connection: connect again and drive this machine there.
    Reconnect(Box<Connect>),
}

/// The client's side of a CONNECT handshake, from the first request to an open tunnel or a cause.
///
/// The first round carries no credentials, as browsers do it; a 407 is answered on the same connection where the
/// proxy keeps it. It has no `Debug`, since its request may carry a password.
pub struct Connect {
    ask: Ask,
    ids: IdSource,
    phase: Phase,
    began: Option<Offset>,
    outgoing: Option<Vec<u8>>,
    done: Option<End>,
    facts: Facts,
    method: Option<Method>,
    requests: u32,
    reconnects: u32,
    interim: u32,
    received: u64,
    wake: Option<Offset>,
}

enum Phase {
    /// Nothing was sent yet.
    New,
    /// The head of an answer; whether it is the first one on this connection.
    Head { reader: HeadReader, first: bool },
    /// An answer that is not HTTP.
    NotHttp(Vec<u8>),
    /// The body of a 407 before the next request.
    Body(BodySkipper),
    /// Over.
    Over,
}

impl Connect {
    /// A handshake that has not begun. `ids` makes the client nonces of Digest.
    pub fn new(ask: Ask, ids: IdSource) -> Self {
        let unasked = ask.form.basic_unasked() && ask.credentials.is_some();
        Self {
            ask,
            ids,
            phase: Phase::New,
            began: None,
            outgoing: None,
            done: None,
            facts: Facts::default(),
            method: unasked.then_some(Method::Basic),
            requests: 0,
            reconnects: 0,
            interim: 0,
            received: 0,
            wake: None,
        }
    }

    fn deadline(&self) -> Offset {
        self.began.unwrap_or(Offset::ZERO) + self.ask.within
    }

    fn send_request(&mut self, first: bool) {
        let Ask { host, port, credentials, form, .. } = &self.ask;
        let authorization = match (&mut self.method, credentials) {
            (Some(method), Some(credentials)) => {
                let cnonce = hex::encode(self.ids.bytes::<16>());
                self.facts.set("auth_scheme", method.scheme().to_string());
                Some(method.authorization(credentials, &authority(host, *port), &cnonce))
            }
            _ => None,
        };
        self.outgoing = Some(form.request(host, *port, authorization.as_deref()));
        self.requests += 1;
        self.facts.set("requests", self.requests);
        self.phase = Phase::Head { reader: HeadReader::default(), first };
    }

    fn receive(&mut self, bytes: &[u8], now: Offset) {
        self.received += bytes.len() as u64;
        match &mut self.phase {
            Phase::New | Phase::Over => {}
            Phase::NotHttp(so_far) => {
                so_far.extend_from_slice(bytes);
                self.check_not_http(now);
            }
            Phase::Body(skipper) => {
                let skipped = skipper.feed(bytes);
                self.after_body(skipped, bytes.len());
            }
            Phase::Head { reader, .. } => match reader.feed(bytes) {
                Found::Part => {}
                Found::NotHttp => {
                    self.phase = Phase::NotHttp(reader.bytes().to_vec());
                    self.wake = Some(now + NOT_HTTP_GRACE);
                    self.check_not_http(now);
                }
                Found::Bad(detail) => self.fail(Cause::ProxyBadHead { detail }),
                Found::Head(head, rest) => self.judge(&head, rest, now),
            },
        }
    }

    fn check_not_http(&mut self, now: Offset) {
        let Phase::NotHttp(bytes) = &self.phase else { return };
        if bytes.len() >= 64 || self.wake.is_some_and(|wake| now >= wake) {
            let first_bytes = FirstBytes::of(bytes);
            self.fail(Cause::ProxyNotHttp { first_bytes });
        }
    }

    fn judge(&mut self, head: &Head, rest: Vec<u8>, now: Offset) {
        // 101 is no interim answer: nobody asked for another protocol.
        if (100..200).contains(&head.status) && head.status != 101 && self.interim < MAX_INTERIM {
            self.interim += 1;
            self.facts.set("interim", self.interim);
            if let Phase::Head { reader, .. } = &mut self.phase {
                *reader = HeadReader::default();
            }
            self.received -= rest.len() as u64;
            return self.receive(&rest, now);
        }
        self.note(head);
        match head.status {
            200..300 => {
                if !rest.is_empty() {
                    self.facts.set("early_bytes", rest.len());
                }
                self.end(End::Open { early: rest });
            }
            407 => self.challenged(head, &rest),
            status => self.fail(match &self.method {
                // tinyproxy says 401 to a wrong password, which is the answer of a server and not of a proxy.
                Some(method) if status == 401 => Cause::ProxyAuthRejected { scheme: method.scheme() },
                _ => Cause::ProxyStatus { status, reason: head.reason.clone() },
            }),
        }
    }

    fn note(&mut self, head: &Head) {
        self.facts.set("status", head.status);
        self.facts.set("reason", head.reason.as_str());
        self.facts.set("http_version", format!("1.{}", head.minor));
        for (header, key) in [
            ("via", "via"),
            ("server", "server"),
            ("proxy-agent", "proxy_agent"),
            ("x-squid-error", "squid_error"),
        ] {
            let values: Vec<String> = head.all(header).map(clean).filter(|value| !value.is_empty()).collect();
            // What an earlier answer said does not hold for this one.
            self.facts.0.remove(key);
            if !values.is_empty() {
                self.facts.set(key, clean(&values.join(", ")));
            }
        }
        if head.odd_lines > 0 {
            self.facts.set("odd_lines", head.odd_lines);
        }
    }

    fn challenged(&mut self, head: &Head, rest: &[u8]) {
        let offered = challenges(head.all("proxy-authenticate"));
        let schemes = schemes_of(&offered);
        self.facts.set("auth_offered", schemes.iter().map(AuthScheme::to_string).collect::<Vec<_>>());
        if self.ask.credentials.is_none() {
            return self.fail(Cause::ProxyAuthRequired { schemes });
        }
        if let Some(used) = self.method.as_ref().map(Method::scheme) {
            let stale = used == AuthScheme::Digest && offered.iter().any(Challenge::is_stale);
            if (schemes.contains(&used) && !stale) || self.requests >= MAX_ROUNDS {
                return self.fail(Cause::ProxyAuthRejected { scheme: used });
            }
        }
        let Some(method) = Method::strongest(&offered, self.ask.form.basic_unasked()) else {
            return self.fail(Cause::ProxyAuthUnsupported { schemes });
        };
        self.method = Some(method);
        if !head.keeps_connection() {
            return self.reconnect();
        }
        let mut skipper = BodySkipper::new(&head.framing());
        let skipped = skipper.feed(rest);
        self.phase = Phase::Body(skipper);
        self.after_body(skipped, rest.len());
    }

    /// `length` bytes were fed to the skipper.
    fn after_body(&mut self, skipped: Skipped, length: usize) {
        match skipped {
            Skipped::Part => {}
            Skipped::Whole(body) if body == length => self.send_request(false),
            // More than the body cannot be an answer to a request that was not sent yet.
            Skipped::Whole(_) | Skipped::Endless => self.reconnect(),
        }
    }

    fn closed(&mut self) {
        match &self.phase {
            Phase::New => self.fail(Cause::Closed { received: 0 }),
            Phase::Over => {}
            Phase::NotHttp(bytes) => {
                let first_bytes = FirstBytes::of(bytes);
                self.fail(Cause::ProxyNotHttp { first_bytes });
            }
            Phase::Body(_) => self.reconnect(),
            // A proxy may close after its 407 although it said that it would not.
            Phase::Head { reader, first: false } if reader.bytes().is_empty() => self.reconnect(),
            Phase::Head { .. } => self.fail(Cause::Closed { received: self.received }),
        }
    }

    /// Ends on this connection with a machine that goes on with what was learned on the next one.
    fn reconnect(&mut self) {
        if self.requests >= MAX_ROUNDS {
            return self.fail(Cause::Closed { received: self.received });
        }
        let mut next = Self::new(self.ask.clone(), self.ids.fork());
        next.began = self.began;
        next.method = self.method.take();
        next.requests = self.requests;
        next.reconnects = self.reconnects + 1;
        self.facts.set("reconnects", next.reconnects);
        next.facts = self.facts.clone();
        self.end(End::Reconnect(Box::new(next)));
    }

    fn fail(&mut self, cause: Cause) {
        self.end(End::Failed(cause));
    }

    fn end(&mut self, end: End) {
        self.phase = Phase::Over;
        self.outgoing = None;
        self.wake = None;
        self.done = Some(end);
    }
}

impl Machine for Connect {
    type Output = Ended;

    fn handle(&mut self, input: Input<'_>, now: Offset) {
        self.began.get_or_insert(now);
        if matches!(self.phase, Phase::New) {
            self.send_request(true);
        }
        match input {
            Input::Tick => {}
            Input::Received(bytes) => self.receive(bytes, now),
            Input::Closed => self.closed(),
        }
        self.check_not_http(now);
        if now >= self.deadline() && !matches!(self.phase, Phase::Over) {
            let waited_ms = u64::try_from(self.ask.within.as_millis()).unwrap_or(u64::MAX);
            self.fail(Cause::TunnelTimeout { waited_ms });
        }
    }

    fn poll(&mut self) -> Poll<Ended> {
        if let Some(bytes) = self.outgoing.take() {
            return Poll::Transmit(bytes);
        }
        match self.done.take() {
            Some(end) => Poll::Done(Ended { end, facts: self.facts.clone() }),
            None => Poll::WaitUntil(self.wake.unwrap_or(self.deadline()).min(self.deadline())),
        }
    }
}

/// Each scheme once, in the order of the offers.
fn schemes_of(offered: &[Challenge]) -> Vec<AuthScheme> {
    let mut schemes = Vec::new();
    for challenge in offered {
        if !schemes.contains(&challenge.scheme) {
            schemes.push(challenge.scheme.clone());
        }
    }
    schemes
}
