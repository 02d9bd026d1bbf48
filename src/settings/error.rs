//! What can be wrong with the options, each said in one line: what, where, what to do.

use raincheck_probes::server::{ListError, UriError};
use std::path::PathBuf;
use thiserror::Error;

/// An option that cannot be used. Ends the program with status 2 before anything was sent.
///
/// No variant holds a secret, and whatever the user wrote is shown escaped, on one line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A file that cannot be read.
    #[error("{flag}: cannot read {path:?}: {reason}")]
    Unreadable {
        /// The flag that names it.
        flag: &'static str,
        /// The file, `-` for standard input.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A file that is larger than anything it could sensibly hold.
    #[error("{flag}: {path:?} is larger than {} KiB", limit / 1024)]
    TooLarge {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// The limit, bytes.
        limit: usize,
    },
    /// A file with a password or secret that does not hold just that.
    #[error("{flag}: {path:?} {trouble}")]
    SecretFile {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        trouble: SecretTrouble,
    },
    /// Two flags that want standard input.
    #[error("{first} and {second} both read standard input; give one of them a file")]
    StdinTwice {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A list of ICE servers that cannot be used.
    #[error("--ice-servers: {path:?}, {error}")]
    IceServers {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: ListError,
    },
    /// A `--turn` URI that cannot be read.
    #[error("--turn{}: {error}", ordinal(*number))]
    Turn {
        /// Which of them, from 1; 0 when there is only one.
        number: usize,
        /// What is wrong.
        error: UriError,
    },
    /// More servers than one run takes.
    #[error("{flag}: more than {most} servers")]
    TooManyServers {
        /// The flag.
        flag: &'static str,
        /// The limit.
        most: usize,
    },
    /// A value that cannot be used.
    #[error("{flag}: {value:?} is not {expected}")]
    Value {
        /// The flag.
        flag: &'static str,
        /// The value.
        value: String,
        /// What would do.
        expected: String,
    },
    /// One flag needs another.
    #[error("{given} needs {missing}")]
    Needs {
        /// What was given, in words that name the flag or variable.
        given: String,
        /// What is missing, in words that name the flags.
        missing: &'static str,
    },
    /// Two flags that exclude each other.
    #[error("{one} cannot be used with {other}: {why}")]
    Conflict {
        /// One.
        one: &'static str,
        /// The other.
        other: &'static str,
        /// Why, in a few words.
        why: &'static str,
    },
    /// A secret as a value on the command line, where every user of the machine can read it.
    #[error("{flag} is not accepted, since other users can read the command line; use {instead}")]
    SecretOnCommandLine {
        /// The flag.
        flag: &'static str,
        /// The flags and variables to use.
        instead: &'static str,
    },
    /// A proxy that cannot be used.
    #[error("{from}: {trouble}")]
    Proxy {
        /// The flag or the environment variable.
        from: String,
        /// What is wrong.
        trouble: ProxyTrouble,
    },
    /// Something that the contract names and this version does not do.
    #[error("{what} is not supported yet; {instead}")]
    NotSupported {
        /// The flag.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A file of certificates that cannot be used.
    #[error("--ca-file: {path:?} {trouble}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        trouble: CaTrouble,
    },
    /// A name that is not in its list.
    #[error("{flag}: {name:?} is not known{}", suggest(.flag, .known))]
    Unknown {
        /// The flag or argument.
        flag: &'static str,
        /// The name.
        name: String,
        /// Names like it, or all of them when they are few; none to point to the list.
        known: Vec<String>,
    },
    /// No password, and nobody to ask.
    #[error(
        "--rainbow-login: no password; use --rainbow-password-file FILE or RAINCHECK_RAINBOW_PASSWORD, or run in a terminal"
    )]
    NoPassword,
    /// A wall clock that cannot be right, so that time-limited credentials would be refused.
    #[error(
        "--turn-secret-file: this computer's clock says {year}, so the credentials would be refused; set the clock"
    )]
    Clock {
        /// The year that the clock shows.
        year: i64,
    },
    /// An output file that cannot be written.
    #[error("-o: cannot write {path:?}: {reason}")]
    Output {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

/// What is wrong with a file that should hold one secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretTrouble {
    /// Nothing in it.
    #[error("is empty; it should hold the secret on one line")]
    Empty,
    /// More than one line.
    #[error("holds more than one line; it should hold the secret on one line")]
    ManyLines,
    /// Not UTF-8.
    #[error("is not text in UTF-8")]
    NotText,
    /// A control character, which no protocol could send.
    #[error("holds a control character")]
    Control,
    /// `--proxy-credential-file` without a colon.
    #[error("should hold user:password on one line, and there is no colon in it")]
    NoColon,
    /// `--proxy-credential-file` that begins with a colon.
    #[error("should hold user:password on one line, and the user is missing")]
    NoUser,
}

/// What is wrong with a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProxyTrouble {
    /// A scheme of no proxy.
    #[error("the scheme {0:?} is not http or https; write http://HOST:PORT")]
    Scheme(String),
    /// SOCKS.
    #[error("SOCKS proxies are not supported yet; use an HTTP proxy, or --proxy none")]
    Socks,
    /// A password on the command line.
    #[error(
        "a password cannot stand in the URL, since other users can read the command line; use --proxy-credential-file"
    )]
    Password,
    /// Something after the host and port.
    #[error("nothing can follow the host and port; write http://HOST:PORT")]
    Path,
    /// Credentials that are not percent-encoded UTF-8.
    #[error("the user name or password in the URL is not percent-encoded text")]
    Encoding,
    /// A host or port that cannot be read.
    #[error("{0}")]
    Host(UriError),
}

/// What is wrong with a file of certificates.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CaTrouble {
    /// DER, as Windows exports it.
    #[error("is a certificate in binary form; convert it: openssl x509 -inform der -in FILE -out FILE.pem")]
    Der,
    /// Nothing to read.
    #[error("holds no certificate; it should hold PEM, with lines BEGIN CERTIFICATE")]
    None,
    /// Broken PEM.
    #[error("is not whole: certificate {0} cannot be read as PEM")]
    Pem(usize),
    /// PEM of something that is no certificate.
    #[error("is not usable: certificate {0} is not X.509")]
    NotX509(usize),
    /// A server's certificate, which can vouch for nothing.
    #[error("holds more than {0} certificates")]
    TooMany(usize),
}

fn ordinal(number: usize) -> String {
    if number == 0 { String::new() } else { format!(" (number {number})") }
}

fn suggest(flag: &str, known: &[String]) -> String {
    match known {
        [] if matches!(flag, "--server" | "--region") => "; raincheck catalog servers lists them".to_owned(),
        [] => String::new(),
        [one] => format!("; did you mean {one}?"),
        [head @ .., last] => format!("; try {} or {last}", head.join(", ")),
    }
}
