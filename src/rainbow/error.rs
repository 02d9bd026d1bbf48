//! The ways in which signing in can fail, one line each.

use raincheck_probes::server::ListError;
use std::fmt;
use thiserror::Error;

/// What the platform was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Which platform is the account's home.
    Home,
    /// The login itself.
    Login,
    /// How the account signs in.
    Methods,
    /// The ICE servers.
    Servers,
    /// The tenant's policy.
    Policy,
    /// The end of the session.
    Logout,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Home => "home platform lookup",
            Self::Login => "login",
            Self::Methods => "lookup of sign-in methods",
            Self::Servers => "ICE server list",
            Self::Policy => "tenant policy",
            Self::Logout => "logout",
        })
    }
}

/// Why signing in failed. No variant holds a password, a token or a reply's body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignInError {
    /// A host that cannot be read.
    #[error("--rainbow-host: {0:?} is not a host, such as openrainbow.com")]
    Host(String),
    /// No stream to the platform.
    #[error("cannot connect to {host} for the {question}: {reason}")]
    Connect {
        /// The platform.
        host: String,
        /// For which question.
        question: Question,
        /// The connection's own words.
        reason: String,
    },
    /// The stream broke, or what came is not HTTP.
    #[error("{host} broke off during the {question}: {reason}")]
    Broken {
        /// The platform.
        host: String,
        /// During which question.
        question: Question,
        /// HTTP's words.
        reason: String,
    },
    /// No answer in time.
    #[error("{host} did not answer the {question} within {seconds} s")]
    Timeout {
        /// The platform.
        host: String,
        /// Which question.
        question: Question,
        /// The limit.
        seconds: u64,
    },
    /// A reply that is larger than any real one.
    #[error("{host} answered the {question} with more than {limit} bytes")]
    TooLarge {
        /// The platform.
        host: String,
        /// Which question.
        question: Question,
        /// The limit, bytes.
        limit: usize,
    },
    /// A web page where JSON belongs: a login portal, a proxy's message, the wrong host.
    #[error(
        "{host} answered the {question} with a web page (HTTP {status}), not as a Rainbow platform does; is a portal or proxy in between, or the host wrong?"
    )]
    WebPage {
        /// The platform.
        host: String,
        /// Which question.
        question: Question,
        /// HTTP's status.
        status: u16,
    },
    /// Something else where JSON belongs.
    #[error("{host} answered the {question} with something that is not JSON (HTTP {status})")]
    NotJson {
        /// The platform.
        host: String,
        /// Which question.
        question: Question,
        /// HTTP's status.
        status: u16,
    },
    /// A redirect to another host, which credentials must not follow.
    #[error(
        "{host} sends the {question} elsewhere ({to}); if that is the right platform, name it with --rainbow-host"
    )]
    Redirect {
        /// The platform.
        host: String,
        /// Which question.
        question: Question,
        /// The other host.
        to: String,
    },
    /// A status that no case here explains.
    #[error("{host} refused the {question}: HTTP {status}{}", in_words(.words))]
    Status {
        /// The platform.
        host: String,
        /// Which question.
        question: Question,
        /// HTTP's status.
        status: u16,
        /// The platform's words.
        words: Option<String>,
    },
    /// The home platform's address is not one.
    #[error(
        "the platform names no usable address as the account's home; give the right one with --rainbow-host"
    )]
    HomePlatform,
    /// Refused credentials.
    #[error("the platform refused the login {login:?} with this password{}", in_words(.words))]
    Password {
        /// The login.
        login: String,
        /// The platform's words.
        words: Option<String>,
    },
    /// An account without a password of its own.
    #[error(
        "the account {login:?} signs in through its company (single sign-on) and has no password here; use --ice-servers, or an account with a password"
    )]
    Sso {
        /// The login.
        login: String,
    },
    /// The platform wants to know the application.
    #[error("the platform asks for an application; give --rainbow-app-id and --rainbow-app-secret-file")]
    Application,
    /// JSON without what belongs in it.
    #[error("the platform's answer to the {question} has no {missing}")]
    Shape {
        /// Which question.
        question: Question,
        /// The member that is missing.
        missing: &'static str,
    },
    /// No servers for this account.
    #[error("the platform has no ICE servers for this account")]
    NoServers,
    /// A list of servers that cannot be read.
    #[error("the platform's ICE server list cannot be read: {0}")]
    Servers(ListError),
}

fn in_words(words: &Option<String>) -> String {
    words.as_ref().map(|words| format!(" ({words})")).unwrap_or_default()
}
