use super::super::args::{Cli, Command};
use super::super::{CheckCommand, GatherCommand};
use super::*;
use crate::settings::ProxyChoice;
use clap::Parser;
use raincheck_probes::secret::Secret;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;
use zeroize::Zeroizing;

mod accepted;
mod refused;

/// Surroundings as tables. Every file is text; what is not there is not found.
#[derive(Default)]
struct Fake {
    files: BTreeMap<&'static str, Vec<u8>>,
    env: BTreeMap<&'static str, &'static str>,
    stdin: &'static str,
    typed: Option<&'static str>,
    system: BTreeMap<&'static str, &'static str>,
    now: u64,
    asked: RefCell<Vec<String>>,
}

impl Fake {
    fn new() -> Self {
        let certificate = rcgen::generate_simple_self_signed(["ca".to_owned()]).expect("certificate");
        let certificate = certificate.cert.pem();
        let one = r#"[{"urls": ["turn:json.example", "stun:json.example"], "username": "j", "credential": "s3cret-j"}]"#;
        let files: [(&'static str, &[u8]); 14] = [
            ("one.json", one.as_bytes()),
            ("wrong.json", b"[{\n  \"urls\": turn:a"),
            ("shape.json", br#"{"iceServers": [{"urls": ["turn:a", "turn://b"]}]}"#),
            ("empty", b""),
            ("nocolon", b"s3cret"),
            ("binary", b"\xff\xfe\x00"),
            ("lines", b"s3cret\ns3cret\n"),
            ("secret", b"s3cret-f\n"),
            ("app", b"s3cret-app"),
            ("proxyauth", b"bob:s3cret:p\n"),
            ("der", b"\x30\x82\x01\x00"),
            ("notca", b"hello"),
            ("cut.pem", b"-----BEGIN CERTIFICATE-----\nMIIB"),
            ("ca.pem", certificate.as_bytes()),
        ];
        let files = files.into_iter().map(|(name, bytes)| (name, bytes.to_vec())).collect();
        Self { files, now: 1_800_000_000, ..Self::default() }
    }

    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.insert(name, value);
        self
    }

    fn limited(bytes: &[u8], limit: usize) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(bytes.iter().copied().take(limit).collect())
    }
}

impl Inputs for Fake {
    fn file(&self, path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        match path.to_str() {
            Some("huge") => Ok(Zeroizing::new(vec![b' '; limit])),
            Some("directory") => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            name => match name.and_then(|name| self.files.get(name)) {
                Some(bytes) => Ok(Self::limited(bytes, limit)),
                None => Err(io::Error::from(io::ErrorKind::NotFound)),
            },
        }
    }

    fn stdin(&self, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        Ok(Self::limited(self.stdin.as_bytes(), limit))
    }

    fn env(&self, name: &str) -> Option<Zeroizing<String>> {
        self.env.get(name).map(|value| Zeroizing::new((*value).to_owned()))
    }

    fn prompt(&self, question: &str) -> io::Result<Option<Secret>> {
        self.asked.borrow_mut().push(question.to_owned());
        Ok(self.typed.map(Secret::new))
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.now)
    }

    fn system_proxy(&self, host: &str) -> Option<String> {
        self.system.get(host).or_else(|| self.system.get("*")).map(|url| (*url).to_owned())
    }

    fn stdout_is_terminal(&self) -> bool {
        true
    }

    fn stderr_is_terminal(&self) -> bool {
        true
    }
}

/// A command line as one text; `'` keeps words together.
fn words(line: &str) -> Vec<String> {
    let quoted = |(n, part): (usize, &str)| match n % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    };
    line.split('\'').enumerate().flat_map(quoted).collect()
}

fn check(line: &str, inputs: &Fake) -> Result<CheckCommand, SettingsError> {
    let line = format!("raincheck check {line}");
    let cli = Cli::try_parse_from(words(&line)).unwrap_or_else(|error| panic!("{line}: {error}"));
    match &cli.command {
        Command::Check(args) => CheckCommand::new(args, &cli.global, inputs),
        other => panic!("{other:?}"),
    }
}

fn gather(line: &str, inputs: &Fake) -> Result<GatherCommand, SettingsError> {
    let line = format!("raincheck gather {line}");
    let cli = Cli::try_parse_from(words(&line)).unwrap_or_else(|error| panic!("{line}: {error}"));
    match &cli.command {
        Command::Gather(args) => GatherCommand::new(args, &cli.global, inputs),
        other => panic!("{other:?}"),
    }
}

/// What differs from a plain `raincheck check`, in words. Secrets are spelled out here and nowhere else.
fn describe(command: &CheckCommand) -> String {
    let settings = &command.settings;
    let mut words = vec![describe_source(&settings.source)];
    let mut say = |differs: bool, text: String| {
        if differs {
            words.push(text);
        }
    };
    let profile = format!("{:?}@{:?}", settings.profile.client, settings.profile.version);
    say(profile != "Chromium@None", profile);
    say(settings.policy != Policy::All, "relay-only".into());
    say(!settings.media_permission, "no-microphone".into());
    say(settings.nearest != Some(2), format!("nearest={:?}", settings.nearest));
    if let ProxyChoice::These(proxies) = &settings.proxies {
        for proxy in proxies {
            let user = proxy.credentials.as_ref().map(spell).unwrap_or_default();
            let except = proxy.except.join("|");
            say(
                true,
                format!("proxy={}{user}{}{except}", proxy.url(), if except.is_empty() { "" } else { "!" }),
            );
        }
    }
    let proxy_credentials = settings.proxy_credentials.as_ref().map(spell);
    say(proxy_credentials.is_some(), format!("proxy-auth{}", proxy_credentials.unwrap_or_default()));
    say(!settings.extra_roots.is_empty(), format!("roots={}", settings.extra_roots.len()));
    say(settings.interface.is_some(), format!("{:?}", settings.interface));
    say(!settings.families.v4, "no-v4".into());
    say(!settings.families.v6, "no-v6".into());
    for (host, address) in &settings.resolve {
        say(true, format!("{host}={address}"));
    }
    say(settings.media != Duration::from_secs(5), format!("media={:?}", settings.media));
    say(settings.patience != Patience::Prompt, "client-patience".into());
    say(settings.deadline != Duration::from_secs(20), format!("deadline={:?}", settings.deadline));
    say(settings.seed.is_some(), format!("seed={}", settings.seed.unwrap_or_default()));
    say(command.lab.is_some(), format!("lab={}", command.lab.clone().unwrap_or_default()));
    say(command.format != super::super::args::CheckFormat::Text, format!("{:?}", command.format));
    let view = command.view;
    say(view.verbose > 0, format!("verbose={}", view.verbose));
    say(view.quiet, "quiet".into());
    say(!view.color, "plain".into());
    say(!view.progress, "no-progress".into());
    words.join(" ")
}

fn describe_source(source: &ServerSource) -> String {
    match source {
        ServerSource::Named { servers, from } => {
            let servers: Vec<_> = servers
                .iter()
                .map(|s| format!("{}{}", s.uri.text, s.credentials.as_ref().map(spell).unwrap_or_default()))
                .collect();
            format!("{from}[{}]", servers.join(" "))
        }
        ServerSource::Catalog { names, region, credentials } => {
            let user = credentials.as_ref().map(spell).unwrap_or_default();
            format!("catalog[{}]{}{user}", names.join(" "), region.as_deref().unwrap_or_default())
        }
        ServerSource::Rainbow(login) => {
            let application =
                login.application.as_ref().map(|(id, secret)| format!(" {id}={}", secret.expose()));
            let application = application.unwrap_or_default();
            format!("rainbow[{} {}={}{application}]", login.host, login.login, login.password.expose())
        }
    }
}

fn spell(credentials: &Credentials) -> String {
    format!("<{}={}>", credentials.username, credentials.password.expose())
}
