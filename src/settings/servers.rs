//! Where the servers come from: a file, URIs, the vendor's interface, or the shipped catalog.

use super::secrets::{read_bounded, read_secret, time_limited};
use super::{Inputs, RainbowLogin, ServerSource, SettingsError};
use raincheck_probes::secret::Secret;
use raincheck_probes::server::{
    Credentials, Host, IceServer, IceUri, MAX_LIST_BYTES, MAX_SERVERS, ServerList, UriError,
};
use std::path::{Path, PathBuf};

/// The variable with the credential that goes with `--username`.
pub const CREDENTIAL_VARIABLE: &str = "RAINCHECK_CREDENTIAL";
/// The variable with the password that goes with `--rainbow-login`.
pub const PASSWORD_VARIABLE: &str = "RAINCHECK_RAINBOW_PASSWORD";
/// The user part of time-limited credentials when no `--username` names one.
const DEFAULT_USER: &str = "raincheck";
/// The largest user name that STUN can carry (RFC 8489 section 14.3), bytes.
const MAX_USERNAME: usize = 508;

/// What says who we are to a TURN server.
#[derive(Debug, Clone, Default)]
pub struct CredentialOptions {
    /// `--username`
    pub username: Option<String>,
    /// `--credential-file`
    pub credential_file: Option<PathBuf>,
    /// `--turn-secret-file`
    pub secret_file: Option<PathBuf>,
}

/// What signing in needs, as it was given.
#[derive(Debug, Clone, Default)]
pub struct RainbowOptions {
    /// `--rainbow-host`
    pub host: Option<String>,
    /// `--rainbow-login`
    pub login: Option<String>,
    /// `--rainbow-password-file`
    pub password_file: Option<PathBuf>,
    /// `--rainbow-app-id`
    pub app_id: Option<String>,
    /// `--rainbow-app-secret-file`
    pub app_secret_file: Option<PathBuf>,
}

/// `--ice-servers FILE|-`
pub fn from_file(inputs: &dyn Inputs, path: &Path) -> Result<ServerSource, SettingsError> {
    let bytes = read_bounded(inputs, "--ice-servers", path, MAX_LIST_BYTES)?;
    let list =
        ServerList::parse(&bytes).map_err(|error| SettingsError::IceServers { path: path.into(), error })?;
    let from = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    Ok(ServerSource::Named { servers: list.servers, from })
}

/// `--turn URI`, each with the same credentials. A `stun:` URI is taken too and needs none.
pub fn from_uris(uris: &[String], credentials: Option<Credentials>) -> Result<ServerSource, SettingsError> {
    if uris.len() > MAX_SERVERS {
        return Err(SettingsError::TooManyServers { flag: "--turn", most: MAX_SERVERS });
    }
    let read = |(n, text): (usize, &String)| {
        let number = if uris.len() == 1 { 0 } else { n + 1 };
        let uri = IceUri::parse(text).map_err(|error| SettingsError::Turn { number, error })?;
        let credentials = credentials.clone().filter(|_| uri.scheme.is_turn());
        Ok(IceServer { uri, credentials })
    };
    let servers = uris.iter().enumerate().map(read).collect::<Result<_, SettingsError>>()?;
    Ok(ServerSource::Named { servers, from: "--turn".to_owned() })
}

/// `--username` with its credential from a file or the environment, or time-limited credentials.
pub fn credentials(
    inputs: &dyn Inputs,
    options: &CredentialOptions,
) -> Result<Option<Credentials>, SettingsError> {
    if let Some(username) = &options.username {
        check_name("--username", username, MAX_USERNAME)?;
    }
    if let Some(path) = &options.secret_file {
        let secret = read_secret(inputs, "--turn-secret-file", path)?;
        let user = options.username.as_deref().unwrap_or(DEFAULT_USER);
        return time_limited(&secret, user, inputs.now()).map(Some);
    }
    let from_env = || inputs.env(CREDENTIAL_VARIABLE).filter(|value| !value.is_empty());
    let (password, given) = match &options.credential_file {
        Some(path) => (Some(read_secret(inputs, "--credential-file", path)?), "--credential-file"),
        None => (from_env().map(|value| Secret::new(value.as_str())), CREDENTIAL_VARIABLE),
    };
    match (&options.username, password) {
        (None, None) => Ok(None),
        (Some(username), Some(password)) => Ok(Some(Credentials { username: username.clone(), password })),
        (Some(_), None) => Err(SettingsError::Needs {
            given: "--username".to_owned(),
            missing: "--credential-file FILE, RAINCHECK_CREDENTIAL or --turn-secret-file FILE",
        }),
        (None, Some(_)) => {
            Err(SettingsError::Needs { given: given.to_owned(), missing: "--username NAME beside it" })
        }
    }
}

/// `--rainbow-host` and what goes with it; asks for the password when nothing else gives it.
pub fn rainbow(inputs: &dyn Inputs, options: &RainbowOptions) -> Result<RainbowLogin, SettingsError> {
    let (host, login) = match (&options.host, &options.login) {
        (Some(host), Some(login)) => (rainbow_host(host)?, login.clone()),
        (Some(_), None) => return Err(needs("--rainbow-host", "--rainbow-login LOGIN")),
        (None, Some(_)) => return Err(needs("--rainbow-login", "--rainbow-host HOST")),
        (None, None) => return Err(needs("signing in", "--rainbow-host HOST and --rainbow-login LOGIN")),
    };
    check_name("--rainbow-login", &login, 256)?;
    // Basic authentication ends the user name at the first colon.
    if login.contains(':') {
        return Err(value("--rainbow-login", &login, "a login name, which has no colon"));
    }
    let application = match (&options.app_id, &options.app_secret_file) {
        (None, None) => None,
        (Some(_), None) => return Err(needs("--rainbow-app-id", "--rainbow-app-secret-file FILE")),
        (None, Some(_)) => return Err(needs("--rainbow-app-secret-file", "--rainbow-app-id ID")),
        (Some(id), Some(path)) => {
            check_name("--rainbow-app-id", id, 256)?;
            Some((id.clone(), read_secret(inputs, "--rainbow-app-secret-file", path)?))
        }
    };
    let password = rainbow_password(inputs, options, &login)?;
    Ok(RainbowLogin { host, login, password, application })
}

fn rainbow_password(
    inputs: &dyn Inputs,
    options: &RainbowOptions,
    login: &str,
) -> Result<Secret, SettingsError> {
    if let Some(path) = &options.password_file {
        return read_secret(inputs, "--rainbow-password-file", path);
    }
    if let Some(value) = inputs.env(PASSWORD_VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(Secret::new(value.as_str()));
    }
    match inputs.prompt(&format!("Password of {login}: ")) {
        Ok(Some(password)) if !password.is_empty() => Ok(password),
        Ok(_) | Err(_) => Err(SettingsError::NoPassword),
    }
}

/// `HOST[:PORT]`; a web address with nothing behind the host is understood too.
fn rainbow_host(text: &str) -> Result<String, SettingsError> {
    let wrong = || value("--rainbow-host", text, "a host, such as openrainbow.com or rainbow.example:8443");
    let bare = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
            rest.strip_suffix('/').unwrap_or(rest)
        }
        Some(_) => return Err(wrong()),
        None => text,
    };
    match Host::parse_with_port(bare) {
        Ok(_) => Ok(bare.to_owned()),
        Err(UriError::UserInfo) | Err(_) => Err(wrong()),
    }
}

fn check_name(flag: &'static str, name: &str, most: usize) -> Result<(), SettingsError> {
    if name.is_empty() || name.len() > most || name.chars().any(char::is_control) {
        let shown: String = name.chars().take(40).collect();
        let expected = format!("a name of 1 to {most} bytes without control characters");
        return Err(SettingsError::Value { flag, value: shown, expected });
    }
    Ok(())
}

fn needs(given: &str, missing: &'static str) -> SettingsError {
    SettingsError::Needs { given: given.to_owned(), missing }
}

fn value(flag: &'static str, value: &str, expected: &str) -> SettingsError {
    let value = value.chars().take(80).collect();
    SettingsError::Value { flag, value, expected: expected.to_owned() }
}
