//! Passwords and shared secrets: from files, standard input and environment, never from the command line.

use super::{Inputs, SecretTrouble, SettingsError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use raincheck_probes::secret::Secret;
use raincheck_probes::server::Credentials;
use sha1::Sha1;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The largest file that can hold one secret.
const MAX_SECRET: usize = 16 * 1024;
/// How long time-limited credentials live: more than any run.
const LIFETIME: Duration = Duration::from_secs(3600);
/// 2024-01-01 and 2101-01-01: outside of them a clock cannot be right.
const PLAUSIBLE: std::ops::Range<i64> = 1_704_067_200..4_133_980_800;

/// Reads a file, or standard input for `-`, and refuses more than `limit` bytes.
pub fn read_bounded(
    inputs: &dyn Inputs,
    flag: &'static str,
    path: &Path,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, SettingsError> {
    // One byte more than allowed tells a file that is too large.
    let read = if path == Path::new("-") { inputs.stdin(limit + 1) } else { inputs.file(path, limit + 1) };
    match read {
        Ok(bytes) if bytes.len() > limit => Err(SettingsError::TooLarge { flag, path: path.into(), limit }),
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            Err(SettingsError::Unreadable { flag, path: path.into(), reason: plain_reason(&error) })
        }
    }
}

/// Reads one secret: the one line of a file, without its end of line. Spaces are part of a secret.
pub fn read_secret(inputs: &dyn Inputs, flag: &'static str, path: &Path) -> Result<Secret, SettingsError> {
    let bytes = read_bounded(inputs, flag, path, MAX_SECRET)?;
    one_line(&bytes).map(Secret::new).map_err(|trouble| SettingsError::SecretFile {
        flag,
        path: path.into(),
        trouble,
    })
}

/// Reads `user:password`, as `--proxy-credential-file` holds it. The user ends at the first colon (RFC 7617).
pub fn read_user_and_password(
    inputs: &dyn Inputs,
    flag: &'static str,
    path: &Path,
) -> Result<Credentials, SettingsError> {
    let line = read_secret(inputs, flag, path)?;
    let wrong = |trouble| SettingsError::SecretFile { flag, path: PathBuf::from(path), trouble };
    match line.expose().split_once(':') {
        None => Err(wrong(SecretTrouble::NoColon)),
        Some(("", _)) => Err(wrong(SecretTrouble::NoUser)),
        Some((user, password)) => {
            Ok(Credentials { username: user.to_owned(), password: Secret::new(password) })
        }
    }
}

/// Makes time-limited credentials from a shared secret: `EXPIRY:user`, and as the password the base64 of
/// HMAC-SHA1(secret, username) (draft-uberti-behave-turn-rest-00 section 2.2; coturn's `use-auth-secret`).
pub fn time_limited(secret: &Secret, user: &str, now: SystemTime) -> Result<Credentials, SettingsError> {
    let now = match now.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    };
    if !PLAUSIBLE.contains(&now) {
        return Err(SettingsError::Clock { year: year_of(now) });
    }
    let username = format!("{}:{user}", now.saturating_add_unsigned(LIFETIME.as_secs()));
    Ok(Credentials { password: sign(secret, &username), username })
}

fn sign(secret: &Secret, username: &str) -> Secret {
    match Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes()) {
        Ok(mut mac) => {
            mac.update(username.as_bytes());
            Secret::new(STANDARD.encode(mac.finalize().into_bytes()))
        }
        // HMAC takes keys of every length.
        Err(_) => Secret::new(""),
    }
}

fn year_of(unix: i64) -> i64 {
    time::OffsetDateTime::from_unix_timestamp(unix)
        .map_or(1970 + unix / 31_556_952, |date| i64::from(date.year()))
}

fn one_line(bytes: &[u8]) -> Result<&str, SecretTrouble> {
    // Windows' editors begin a file with a byte order mark.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| SecretTrouble::NotText)?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        Err(SecretTrouble::Empty)
    } else if line.contains(['\n', '\r']) {
        Err(SecretTrouble::ManyLines)
    } else if line.chars().any(char::is_control) {
        Err(SecretTrouble::Control)
    } else {
        Ok(line)
    }
}

/// The system's words for the error without the number that Rust adds.
pub(crate) fn plain_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(unix)
    }

    #[test]
    fn time_limited_credentials_are_those_of_coturn() {
        // printf 1800003600:alice | openssl dgst -sha1 -hmac north -binary | base64
        let made = time_limited(&Secret::new("north"), "alice", at(1_800_000_000)).expect("credentials");
        assert_eq!(made.username, "1800003600:alice");
        assert_eq!(made.password.expose(), "qe6uQh2FdtYywRuncfIrYF8O4Rk=");
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_refused_with_its_year() {
        let year = |now| match time_limited(&Secret::new("s"), "u", now) {
            Err(SettingsError::Clock { year }) => Some(year),
            _ => None,
        };
        assert_eq!(year(at(0)), Some(1970));
        assert_eq!(year(at(1_704_067_199)), Some(2023));
        assert_eq!(year(at(1_704_067_200)), None);
        assert_eq!(year(at(4_133_980_799)), None);
        assert_eq!(year(at(4_133_980_800)), Some(2101));
        assert_eq!(year(UNIX_EPOCH - Duration::from_secs(86400 * 366)), Some(1968));
        // Not every system can represent it.
        if let Some(remote) = UNIX_EPOCH.checked_add(Duration::from_secs(1 << 50)) {
            assert!(year(remote).is_some_and(|year| year > 30_000_000));
        }
    }

    #[test]
    fn a_secret_is_the_one_line_of_its_file() {
        assert_eq!(one_line(b"s3cret"), Ok("s3cret"));
        assert_eq!(one_line(b"s3cret\n"), Ok("s3cret"));
        assert_eq!(one_line(b"\xEF\xBB\xBFs3cret\r\n"), Ok("s3cret"));
        assert_eq!(one_line(b" with spaces \n"), Ok(" with spaces "));
        assert_eq!(one_line(b""), Err(SecretTrouble::Empty));
        assert_eq!(one_line(b"\r\n"), Err(SecretTrouble::Empty));
        assert_eq!(one_line(b"a\nb"), Err(SecretTrouble::ManyLines));
        assert_eq!(one_line(b"a\n\n"), Err(SecretTrouble::ManyLines));
        assert_eq!(one_line(b"a\0b"), Err(SecretTrouble::Control));
        assert_eq!(one_line(b"\xFF\xFE"), Err(SecretTrouble::NotText));
    }
}
