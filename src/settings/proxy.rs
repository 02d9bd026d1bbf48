//! Proxies: from `--proxy`, the environment, or the system's settings.
//!
//! A URL without a port means 80 for `http` and 443 for `https`, as URLs do and as Chromium reads its proxies;
//! curl's 1080 is a SOCKS port that no HTTP proxy listens on. Proxies that the user names are used for every
//! server; `NO_PROXY` belongs to those of the environment.

use super::{Inputs, ProxyChoice, ProxyServer, ProxyTrouble, SettingsError};
use raincheck_probes::secret::Secret;
use raincheck_probes::server::{Credentials, Host};
use zeroize::Zeroizing;

/// In curl's order: the lower-case name wins.
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// The most entries of `NO_PROXY` that are looked at.
const MAX_EXCEPTIONS: usize = 256;
/// The most proxies of one run.
const MAX_PROXIES: usize = 16;

/// What `--proxy` says, in order. `hosts` are those of the servers, for which the system's settings are asked.
pub fn choose(inputs: &dyn Inputs, asked: &[String], hosts: &[String]) -> Result<ProxyChoice, SettingsError> {
    if asked.len() > MAX_PROXIES {
        return Err(SettingsError::TooManyServers { flag: "--proxy", most: MAX_PROXIES });
    }
    if asked.iter().any(|value| value.eq_ignore_ascii_case("none")) {
        if asked.len() > 1 {
            return Err(SettingsError::Conflict {
                one: "--proxy none",
                other: "another --proxy",
                why: "none means no proxy at all",
            });
        }
        return Ok(ProxyChoice::None);
    }
    let automatic = ["auto".to_owned()];
    let asked = if asked.is_empty() { automatic.as_slice() } else { asked };
    let mut proxies: Vec<ProxyServer> = Vec::new();
    for value in asked {
        let found = if value.eq_ignore_ascii_case("auto") {
            discover(inputs, hosts)?
        } else {
            Some(parse(value, Userinfo::Refused).map_err(|trouble| wrong("--proxy", trouble))?)
        };
        proxies.extend(found.filter(|proxy| !proxies.contains(proxy)));
    }
    Ok(if proxies.is_empty() { ProxyChoice::None } else { ProxyChoice::These(proxies) })
}

/// The environment's proxy, else the system's.
fn discover(inputs: &dyn Inputs, hosts: &[String]) -> Result<Option<ProxyServer>, SettingsError> {
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| {
            let value = inputs.env(name)?;
            (!value.trim().is_empty()).then_some((*name, value))
        })
    };
    if let Some((name, value)) = first(&VARIABLES) {
        let mut proxy = parse(value.trim(), Userinfo::Accepted).map_err(|trouble| wrong(name, trouble))?;
        if let Some((_, list)) = first(&EXCEPTIONS) {
            proxy.except = exceptions(&list);
        }
        return Ok(Some(proxy));
    }
    let Some((value, unproxied)) = ask_system(inputs, hosts) else { return Ok(None) };
    let mut proxy =
        parse(&value, Userinfo::Accepted).map_err(|trouble| wrong("the system's proxy settings", trouble))?;
    proxy.except = unproxied;
    Ok(Some(proxy))
}

/// The system's proxy, and the hosts that its settings reach without it.
fn ask_system(inputs: &dyn Inputs, hosts: &[String]) -> Option<(String, Vec<String>)> {
    let answers: Vec<_> = hosts.iter().map(|host| (host, inputs.system_proxy(host))).collect();
    let proxy = answers.iter().find_map(|(_, proxy)| proxy.clone())?;
    let without = answers.into_iter().filter(|(_, proxy)| proxy.is_none());
    Some((proxy, without.map(|(host, _)| host.clone()).collect()))
}

fn wrong(from: &str, trouble: ProxyTrouble) -> SettingsError {
    SettingsError::Proxy { from: from.to_owned(), trouble }
}

/// Whether `user:password@` may stand in a URL: in the environment, where curl's users have it, and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Userinfo {
    Accepted,
    Refused,
}

/// Reads a proxy URL without credentials.
///
/// # Errors
/// [`ProxyTrouble`], also when there are credentials in it.
pub fn parse_url(text: &str) -> Result<ProxyServer, ProxyTrouble> {
    parse(text, Userinfo::Refused)
}

fn parse(text: &str, userinfo: Userinfo) -> Result<ProxyServer, ProxyTrouble> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => return Err(ProxyTrouble::Socks),
        // What stands before :// may hold a password when the URL is malformed.
        _ if scheme.contains('@') => return Err(ProxyTrouble::Password),
        _ => return Err(ProxyTrouble::Scheme(scheme.chars().take(20).collect())),
    };
    // A password may hold a slash or a question mark that nobody encoded.
    let (credentials, authority) = match rest.rsplit_once('@') {
        Some(_) if userinfo == Userinfo::Refused => return Err(ProxyTrouble::Password),
        Some((before, after)) => (Some(decode_userinfo(before)?), after),
        None => (None, rest),
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if authority.contains(['/', '?', '#']) {
        return Err(ProxyTrouble::Path);
    }
    let (host, port) = Host::parse_with_port(authority).map_err(ProxyTrouble::Host)?;
    let port = port.unwrap_or(if tls { 443 } else { 80 });
    Ok(ProxyServer { tls, host: host.to_string(), port, credentials, except: Vec::new() })
}

fn decode_userinfo(text: &str) -> Result<Credentials, ProxyTrouble> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let password = percent_decode(password)?;
    Ok(Credentials { username: percent_decode(user)?.to_string(), password: Secret::new(password.as_str()) })
}

fn percent_decode(text: &str) -> Result<Zeroizing<String>, ProxyTrouble> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let hex = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match hex.filter(|_| first == b'%').map(|pair| u8::from_str_radix(pair, 16)) {
            Some(Ok(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            // A percent sign that begins no pair stands for itself, as curl has it.
            _ => bytes.push(first),
        }
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) if !text.chars().any(char::is_control) => Ok(Zeroizing::new(text.to_owned())),
        _ => Err(ProxyTrouble::Encoding),
    }
}

fn exceptions(list: &str) -> Vec<String> {
    list.split([',', ' ', '\t'])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .take(MAX_EXCEPTIONS)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
