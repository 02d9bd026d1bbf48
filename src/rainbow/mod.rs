//! The vendor's REST interface, as far as its clients use it to learn their ICE servers.
//!
//! Signing in is four questions over TLS: which platform is this account's home, a login, the nearest ICE
//! servers with credentials, and the tenant's policy; then the session is closed again. The stream is the
//! caller's ([`Connect`]), so that it can be direct or go through a proxy, and is verified like every other.
//!
//! What is known of the interface comes from the vendor's published Web SDK (npm `rainbow-web-sdk`) and Node
//! SDK: paths, header names, and the names of the members that are read. Where a shape is not published, several
//! are understood, and what is missing is unknown.

mod error;
mod http;
mod reply;

pub use error::{Question, SignInError};

use crate::settings::RainbowLogin;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Answer, Platform, Session};
use raincheck_probes::ice::CandidateType;
use raincheck_probes::secret::Secret;
use raincheck_probes::server::{IceServer, Json, ServerList};
use sha2::{Digest, Sha256};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// How long one question may take, connection and TLS included.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(10);
/// How long closing the session may hold up the end.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);
/// What is asked for when all servers are wanted; the list is bounded where it is read.
const ALL: usize = 64;
/// The vendor's detail code for "no policy configured" (Web SDK).
const NONE_CONFIGURED: u64 = 400_100;

/// A stream that bytes can go both ways on.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What [`Connect::open`] gives.
pub type Opening<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'a>>;

/// Opens streams to the platform.
pub trait Connect: Send + Sync {
    /// A verified TLS stream to this host and port, directly or through a proxy. The error's words reach the user.
    fn open<'a>(&'a self, host: &'a str, port: u16) -> Opening<'a>;
}

/// What the platform told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The servers, nearest first as the platform ordered them, with their credentials.
    pub servers: Vec<IceServer>,
    /// How long the credentials live.
    pub ttl: Option<Duration>,
    /// Where the servers are.
    pub data_centres: Vec<String>,
    /// Candidate types that the tenant forbids; `None` when the policy could not be learned.
    pub ice_filtering: Option<Vec<CandidateType>>,
    /// The account's home platform: a host, with a port when it is not 443.
    pub environment: String,
}

/// Signs in, asks for the `nearest` servers (all that the platform will tell for `None`), and signs out.
///
/// # Errors
/// [`SignInError`], one clear line for each way in which it can fail. None has a password or a token in it.
pub async fn sign_in(
    connect: &dyn Connect,
    login: &RainbowLogin,
    nearest: Option<usize>,
) -> Result<SignedIn, SignInError> {
    let given = Platform::parse(&login.host).ok_or_else(|| SignInError::Host(login.host.clone()))?;
    let mut session = Session::new(connect, given, QUESTION_TIMEOUT);
    if let Some(home) = home_platform(&mut session, &login.login).await? {
        session.move_to(home);
    }
    let token = log_in(&mut session, login).await?;
    session.authorize(&token);
    let list = ice_servers(&mut session, nearest).await;
    let filtering = match &list {
        Ok(_) => policy(&mut session).await,
        Err(_) => None,
    };
    log_out(&mut session).await;
    let list = list?;
    Ok(SignedIn {
        servers: list.servers,
        ttl: list.ttl,
        data_centres: list.data_centres,
        ice_filtering: filtering,
        environment: session.platform().to_string(),
    })
}

/// The platform that the account lives on, where it is another than the one that was asked.
async fn home_platform(session: &mut Session<'_>, login: &str) -> Result<Option<Platform>, SignInError> {
    let path = format!(
        "/api/rainbow/multienvironments/v1.0/environments?loginEmail={}",
        http::percent_encode(login)
    );
    let answer = session.get(Question::Home, &path).await?;
    // A platform that stands alone has no such interface, and one that does not know the account says so
    // better when the login is refused.
    if matches!(answer.status, 400..=404 | 501) {
        return Ok(None);
    }
    let document = answer.json(Question::Home)?;
    let Some(url) = reply::environment_url(&document) else { return Ok(None) };
    let home = Platform::from_url(&url).ok_or(SignInError::HomePlatform)?;
    Ok(Some(home).filter(|home| home != session.platform()))
}

async fn log_in(session: &mut Session<'_>, login: &RainbowLogin) -> Result<Secret, SignInError> {
    session.log_in_with(basic(&login.login, login.password.expose()), application(login));
    let answer = session.get(Question::Login, "/api/rainbow/authentication/v1.0/login").await?;
    session.forget_login();
    if matches!(answer.status, 401 | 403) && !answer.is_web_page() {
        return Err(refused(session, login, &answer).await);
    }
    let document = answer.json(Question::Login)?;
    match document.get("token").and_then(Json::text) {
        Some(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => {
            Ok(Secret::new(token))
        }
        _ => Err(SignInError::Shape { question: Question::Login, missing: "token" }),
    }
}

/// Why a login was refused: a password that is wrong looks the same as an account that has none.
async fn refused(session: &mut Session<'_>, login: &RainbowLogin, answer: &Answer) -> SignInError {
    let path = format!("/api/rainbow/authentication/v1.0/urls?uid={}", http::percent_encode(&login.login));
    let methods = match session.get(Question::Methods, &path).await {
        Ok(answer) => answer.json(Question::Methods).map(|document| reply::is_sso_only(&document)),
        Err(error) => Err(error),
    };
    if matches!(methods, Ok(true)) {
        return SignInError::Sso { login: login.login.clone() };
    }
    let words = answer.words();
    if login.application.is_none() && words.as_deref().is_some_and(reply::is_about_application) {
        return SignInError::Application;
    }
    SignInError::Password { login: login.login.clone(), words }
}

async fn ice_servers(session: &mut Session<'_>, nearest: Option<usize>) -> Result<ServerList, SignInError> {
    let count = nearest.unwrap_or(ALL);
    let path = format!("/api/rainbow/geolocation/v1.0/settings/iceservers?nbServers={count}");
    let answer = session.get(Question::Servers, &path).await?;
    let document = answer.json(Question::Servers)?;
    if reply::is_empty_list(&document) {
        return Err(SignInError::NoServers);
    }
    ServerList::from_json(&document).map_err(SignInError::Servers)
}

/// The tenant's policy. Not knowing it is no reason to fail.
async fn policy(session: &mut Session<'_>) -> Option<Vec<CandidateType>> {
    let answer = session.get(Question::Policy, "/api/rainbow/enduser/v1.0/settings/webrtc").await.ok()?;
    if answer.detail_code() == Some(NONE_CONFIGURED) {
        return Some(Vec::new());
    }
    reply::ice_filtering(&answer.json(Question::Policy).ok()?)
}

/// Closes the session on the platform (Node SDK, `signout`). Whether that worked changes nothing for the user.
async fn log_out(session: &mut Session<'_>) {
    let goodbye = session.get(Question::Logout, "/api/rainbow/authentication/v1.0/logout");
    let _ = tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await;
}

/// RFC 7617.
fn basic(user: &str, password: &str) -> Secret {
    let pair = Secret::new(format!("{user}:{password}"));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())))
}

/// `x-rainbow-app-auth`: the application's id, and a digest that binds its secret to the user's password.
fn application(login: &RainbowLogin) -> Option<Secret> {
    let (id, secret) = login.application.as_ref()?;
    let joined = Secret::new(format!("{}{}", secret.expose(), login.password.expose()));
    Some(basic(id, &hex::encode(Sha256::digest(joined.expose()))))
}

#[cfg(test)]
mod tests;
