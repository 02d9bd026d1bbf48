//! From what was typed to [`Settings`]: reads the files, the environment and, once, a person's answer.

use super::args::{ClientArgs, NetworkArgs, PatienceArg, PolicyArg, ProbeArgs, RunArgs, ServerArgs, YesNo};
use super::names;
use crate::settings::servers::{self, CredentialOptions, RainbowOptions};
use crate::settings::{
    Families, Inputs, InterfaceChoice, Patience, ServerSource, Settings, SettingsError, proxy, roots,
    secrets, shipped,
};
use raincheck_probes::ice::Policy;
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::server::{Credentials, Host};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many servers of the catalog or the platform are used: as many as the vendor's clients ask for.
const NEAREST: usize = 2;
/// The most that `--nearest` takes; the catalog is far smaller.
const MAX_NEAREST: u64 = 1000;
/// The most `--resolve` pairs.
const MAX_RESOLVE: usize = 256;
/// The longest that a run may take, seconds.
const MAX_SECONDS: f64 = 86_400.0;

/// What only some probing commands take, already read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// `--media`
    pub media: Duration,
    /// `--deadline`
    pub deadline: Duration,
}

/// Resolves what every probing command takes.
///
/// With `--lab` the source is an empty list: the lab names its servers and proxies once it is up.
pub fn settings(args: &ProbeArgs, times: Times, inputs: &dyn Inputs) -> Result<Settings, SettingsError> {
    refuse(args)?;
    let client = &args.client;
    let profile = profile(client)?;
    let families = Families { v4: !args.network.ipv6, v6: !args.network.ipv4 };
    let resolve = resolve_pairs(&args.network.resolve)?;
    let interface = args.network.interface.as_deref().map(interface).transpose()?;
    let seed = args.run.seed.as_deref().map(seed).transpose()?;
    let nearest = nearest(&args.servers)?;
    let in_lab = lab(&args.servers).is_some();
    let source = match in_lab {
        true => ServerSource::Named { servers: Vec::new(), from: "the lab".to_owned() },
        false => source(&args.servers, inputs)?,
    };
    let named = matches!(&source, ServerSource::Named { .. })
        || matches!(&source, ServerSource::Catalog { names, .. } if !names.is_empty());
    if named && !in_lab && args.servers.nearest.is_some() {
        return Err(conflict("--nearest", "servers that are named", "those are all used"));
    }
    let proxy_credentials = proxy_credentials(&args.network, inputs)?;
    let proxies = match in_lab {
        true => crate::settings::ProxyChoice::None,
        false => proxy::choose(inputs, &args.network.proxy, &hosts(&source))?,
    };
    let ca_file = args.network.ca_file.as_deref();
    let extra_roots = ca_file.map(|path| roots::read_roots(inputs, path)).transpose()?.unwrap_or_default();
    Ok(Settings {
        profile,
        policy: match client.policy {
            PolicyArg::All => Policy::All,
            PolicyArg::Relay => Policy::Relay,
        },
        media_permission: client.media_permission == YesNo::Yes,
        source,
        nearest: nearest.filter(|_| !named),
        proxies,
        proxy_credentials,
        extra_roots,
        interface,
        families,
        resolve,
        media: times.media,
        patience: match args.run.patience {
            PatienceArg::Prompt => Patience::Prompt,
            PatienceArg::Client => Patience::Client,
        },
        deadline: times.deadline,
        seed,
    })
}

/// The scenario of `--lab`, where this build has a lab.
pub fn lab(servers: &ServerArgs) -> Option<&str> {
    #[cfg(feature = "lab")]
    return servers.lab.as_deref();
    #[cfg(not(feature = "lab"))]
    {
        let _ = servers;
        None
    }
}

/// A number of seconds, fractions allowed; `least` says whether 0 will do.
pub fn seconds(flag: &'static str, text: &str, zero: bool) -> Result<Duration, SettingsError> {
    let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match text.parse::<f64>() {
        Ok(seconds) if digits && seconds <= MAX_SECONDS && (zero || seconds > 0.0) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err(value(flag, text, "a number of seconds up to 86400, such as 10 or 2.5")),
    }
}

/// How long a run may take beside its media, unless `--deadline` says otherwise: ours is sure in seconds, a client
/// in its own time (libwebrtc gives a request up after 39.75 s).
pub fn deadline(args: &RunArgs) -> Duration {
    match args.patience {
        PatienceArg::Prompt => Duration::from_secs(15),
        PatienceArg::Client => Duration::from_secs(60),
    }
}

/// The longest media of a check: what one run of RTP sequence numbers has room for.
const MAX_MEDIA: Duration = Duration::from_secs(1200);

/// Reads `--media`.
pub fn media(text: &str) -> Result<Duration, SettingsError> {
    let media = seconds("--media", text, true)?;
    if media <= MAX_MEDIA { Ok(media) } else { Err(value("--media", text, "at most 1200 seconds")) }
}

/// What no combination of other flags makes right.
fn refuse(args: &ProbeArgs) -> Result<(), SettingsError> {
    if let Some((flag, instead)) = args.refused.tried() {
        return Err(SettingsError::SecretOnCommandLine { flag, instead });
    }
    if args.network.pac.is_some() {
        return Err(SettingsError::NotSupported {
            what: "--pac",
            instead: "give the proxy that the script chooses with --proxy http://HOST:PORT",
        });
    }
    match from_stdin(args)[..] {
        [first, second, ..] => Err(SettingsError::StdinTwice { first, second }),
        _ => Ok(()),
    }
}

/// The flags that read standard input.
pub fn from_stdin(args: &ProbeArgs) -> Vec<&'static str> {
    let servers = &args.servers;
    let readers: [(&'static str, &Option<PathBuf>); 7] = [
        ("--ice-servers", &servers.ice_servers),
        ("--credential-file", &servers.credential_file),
        ("--turn-secret-file", &servers.turn_secret_file),
        ("--rainbow-password-file", &servers.rainbow_password_file),
        ("--rainbow-app-secret-file", &servers.rainbow_app_secret_file),
        ("--proxy-credential-file", &args.network.proxy_credential_file),
        ("--ca-file", &args.network.ca_file),
    ];
    let stdin = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    readers.iter().filter(|(_, path)| stdin(path)).map(|(flag, _)| *flag).collect()
}

fn source(args: &ServerArgs, inputs: &dyn Inputs) -> Result<ServerSource, SettingsError> {
    let signing_in = rainbow_flag(args);
    let from_catalog = match (args.server.is_empty(), &args.region) {
        (false, _) => Some("--server"),
        (true, Some(_)) => Some("--region"),
        (true, None) => None,
    };
    let own_source = match (&args.ice_servers, args.turn.is_empty(), signing_in) {
        (Some(_), ..) => Some("--ice-servers"),
        (None, false, _) => Some("--turn"),
        (None, true, flag) => flag,
    };
    if let (Some(one), Some(other)) = (own_source, from_catalog) {
        return Err(conflict(one, other, "that one chooses from the shipped catalog"));
    }
    if let (Some("--ice-servers" | "--turn"), Some(flag)) = (own_source, signing_in) {
        return Err(conflict(own_source.unwrap_or_default(), flag, "give one source of servers"));
    }
    if let (Some(flag), true) = (credential_flag(args), args.ice_servers.is_some()) {
        return Err(conflict(flag, "--ice-servers", "that file holds the credentials"));
    }
    if let (Some(flag), Some(rainbow)) = (credential_flag(args), signing_in) {
        return Err(conflict(flag, rainbow, "the platform gives the credentials"));
    }
    if let Some(path) = &args.ice_servers {
        return servers::from_file(inputs, path);
    }
    if signing_in.is_some() {
        return servers::rainbow(inputs, &rainbow_options(args)).map(ServerSource::Rainbow);
    }
    if !args.turn.is_empty() {
        // The URIs first: they need no file.
        servers::from_uris(&args.turn, None)?;
        return servers::from_uris(&args.turn, credentials(args, inputs)?);
    }
    shipped::check(&args.server, args.region.as_deref())?;
    Ok(ServerSource::Catalog {
        names: args.server.clone(),
        region: args.region.clone(),
        credentials: credentials(args, inputs)?,
    })
}

fn credentials(args: &ServerArgs, inputs: &dyn Inputs) -> Result<Option<Credentials>, SettingsError> {
    let options = CredentialOptions {
        username: args.username.clone(),
        credential_file: args.credential_file.clone(),
        secret_file: args.turn_secret_file.clone(),
    };
    servers::credentials(inputs, &options)
}

fn credential_flag(args: &ServerArgs) -> Option<&'static str> {
    let given = [
        (args.username.is_some(), "--username"),
        (args.credential_file.is_some(), "--credential-file"),
        (args.turn_secret_file.is_some(), "--turn-secret-file"),
    ];
    given.into_iter().find_map(|(given, flag)| given.then_some(flag))
}

/// The first of the flags that ask to sign in.
fn rainbow_flag(args: &ServerArgs) -> Option<&'static str> {
    let given = [
        (args.rainbow_host.is_some(), "--rainbow-host"),
        (args.rainbow_login.is_some(), "--rainbow-login"),
        (args.rainbow_password_file.is_some(), "--rainbow-password-file"),
        (args.rainbow_app_id.is_some(), "--rainbow-app-id"),
        (args.rainbow_app_secret_file.is_some(), "--rainbow-app-secret-file"),
    ];
    given.into_iter().find_map(|(given, flag)| given.then_some(flag))
}

fn rainbow_options(args: &ServerArgs) -> RainbowOptions {
    RainbowOptions {
        host: args.rainbow_host.clone(),
        login: args.rainbow_login.clone(),
        password_file: args.rainbow_password_file.clone(),
        app_id: args.rainbow_app_id.clone(),
        app_secret_file: args.rainbow_app_secret_file.clone(),
    }
}

/// The hosts that the system's proxy settings are asked for.
fn hosts(source: &ServerSource) -> Vec<String> {
    match source {
        ServerSource::Named { servers, .. } => {
            let mut hosts: Vec<_> = servers.iter().map(|server| server.uri.host.to_string()).collect();
            hosts.dedup();
            hosts
        }
        ServerSource::Catalog { .. } => shipped::hosts(),
        ServerSource::Rainbow(login) => vec![login.host.clone()],
    }
}

fn nearest(args: &ServerArgs) -> Result<Option<usize>, SettingsError> {
    if args.all {
        return Ok(None);
    }
    let Some(text) = &args.nearest else { return Ok(Some(NEAREST)) };
    match whole(text) {
        Some(count @ 1..=MAX_NEAREST) => Ok(usize::try_from(count).ok()),
        _ => Err(value("--nearest", text, "a number from 1 to 1000; for all servers use --all")),
    }
}

fn proxy_credentials(args: &NetworkArgs, inputs: &dyn Inputs) -> Result<Option<Credentials>, SettingsError> {
    const FLAG: &str = "--proxy-credential-file";
    let Some(path) = &args.proxy_credential_file else { return Ok(None) };
    if args.proxy.iter().any(|value| value.eq_ignore_ascii_case("none")) {
        return Err(conflict(FLAG, "--proxy none", "there is no proxy to give them to"));
    }
    secrets::read_user_and_password(inputs, FLAG, path).map(Some)
}

fn resolve_pairs(pairs: &[String]) -> Result<Vec<(String, IpAddr)>, SettingsError> {
    if pairs.len() > MAX_RESOLVE {
        return Err(SettingsError::TooManyServers { flag: "--resolve", most: MAX_RESOLVE });
    }
    let read = |pair: &String| {
        let wrong = || value("--resolve", pair, "HOST=IP, such as turn.example=192.0.2.1");
        let (host, address) = pair.split_once('=').ok_or_else(wrong)?;
        match (Host::parse_with_port(host), bare_address(address)) {
            (Ok((Host::Name(name), None)), Some(address)) => Ok((name, address)),
            _ => Err(wrong()),
        }
    };
    pairs.iter().map(read).collect()
}

fn interface(text: &str) -> Result<InterfaceChoice, SettingsError> {
    if let Some(address) = bare_address(text) {
        return Ok(InterfaceChoice::Address(address));
    }
    if text.trim().is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
        return Err(value("--interface", text, "the name of an interface or a local address"));
    }
    Ok(InterfaceChoice::Name(text.to_owned()))
}

/// An address with or without the brackets that URLs put around IPv6.
fn bare_address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => inside.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

fn seed(text: &str) -> Result<u64, SettingsError> {
    whole(text).ok_or_else(|| value("--seed", text, "a whole number of at most 64 bits"))
}

fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn profile(args: &ClientArgs) -> Result<Profile, SettingsError> {
    names::profile(&args.profile)
}

fn conflict(one: &'static str, other: &'static str, why: &'static str) -> SettingsError {
    SettingsError::Conflict { one, other, why }
}

fn value(flag: &'static str, value: &str, expected: &str) -> SettingsError {
    SettingsError::Value { flag, value: value.chars().take(80).collect(), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests;
