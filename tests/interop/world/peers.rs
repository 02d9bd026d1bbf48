//! coturn, squid and tinyproxy as Debian ships them, each with a configuration of its own.

use super::certificates::Authority;
use super::log::{AllocationLog, LogTail};
use super::place::{Place, Running};
use super::{Options, SHARED_SECRET, USER};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const START_LIMIT: Duration = Duration::from_secs(20);

/// A user of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    /// Name.
    pub(crate) name: &'static str,
    /// Password.
    pub(crate) password: &'static str,
}

/// How a TURN server knows its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnAuth {
    /// [`USER`], RFC 8489 long-term credentials.
    LongTerm,
    /// Anyone who can sign a name with [`SHARED_SECRET`] (time-limited credentials).
    SharedSecret,
}

/// On what terms a TURN server gives allocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) auth: TurnAuth,
    /// The longest that one lives without a refresh, seconds; none for coturn's own, an hour.
    pub(super) lifetime: Option<u32>,
}

/// A coturn that listens on UDP and TCP 3478, TCP 80 and TLS 443.
pub(super) struct Coturn {
    server: Running,
    terminator: Option<Running>,
    terms: Terms,
    log: AllocationLog,
}

impl Coturn {
    pub(super) fn start(
        place: &Place,
        dir: &Path,
        number: usize,
        terms: Terms,
        authority: &Authority,
        options: Options,
    ) -> Self {
        let addresses = addresses(number, options.more_servers);
        let name = format!("turn{number}");
        let log = dir.join(format!("{name}.log"));
        // What an earlier server wrote there is not this one's.
        let _ = fs::remove_file(&log);
        let config = dir.join(format!("{name}.conf"));
        fs::write(&config, coturn_config(dir, &name, &addresses, terms, authority, options))
            .expect("configuration");
        let tail = LogTail::follow(&log);
        let mut server = Running::start_server(
            place.command("turnserver", &["-c", &config.display().to_string()]),
            &dir.join(format!("{name}.out")),
        );
        let ready = tail.wait_for("SQLite DB connection success", START_LIMIT);
        assert!(server.is_up(), "{name} ended at once, see {}", log.display());
        ready.unwrap_or_else(|error| panic!("{name}: {error}"));
        let terminator = options.tls13.then(|| start_terminator(place, dir, &name, &addresses, authority));
        Self { server, terminator, terms, log: AllocationLog::new(tail) }
    }

    pub(super) fn is_up_with(&mut self, terms: Terms) -> bool {
        self.terms == terms && self.server.is_up() && self.terminator.as_mut().is_none_or(Running::is_up)
    }

    pub(super) fn log(&mut self) -> &mut AllocationLog {
        &mut self.log
    }
}

/// The addresses of a server, its own first.
fn addresses(number: usize, more: u8) -> Vec<String> {
    let own = format!("198.51.100.{}", 10 + number);
    let further =
        (0..usize::from(more)).filter(|n| n % 2 + 1 == number).map(|n| format!("198.51.100.{}", 101 + n));
    std::iter::once(own).chain(further).collect()
}

fn coturn_config(
    dir: &Path,
    name: &str,
    addresses: &[String],
    terms: Terms,
    authority: &Authority,
    options: Options,
) -> String {
    let dir = dir.display();
    let mut config = format!(
        "realm=lab.test\nlistening-port=3478\nlog-file={dir}/{name}.log\npidfile={dir}/{name}.pid\n\
         userdb={dir}/{name}.db\nno-stdout-log\nsimple-log\nnew-log-timestamp\nverbose\nfingerprint\nno-cli\n\
         no-dtls\nno-multicast-peers\nrelay-ip={}\n",
        addresses[0]
    );
    for address in addresses {
        let _ = writeln!(config, "listening-ip={address}\naux-server={address}:80");
    }
    if let Some(seconds) = terms.lifetime {
        let _ = writeln!(config, "max-allocate-lifetime={seconds}");
    }
    let _ = match terms.auth {
        TurnAuth::LongTerm => writeln!(config, "lt-cred-mech\nuser={}:{}", USER.name, USER.password),
        TurnAuth::SharedSecret => writeln!(config, "use-auth-secret\nstatic-auth-secret={SHARED_SECRET}"),
    };
    let _ = if options.tls13 {
        writeln!(config, "no-tls")
    } else {
        let (certificate, key) = (authority.certificate(), authority.key());
        writeln!(config, "tls-listening-port=443\ncert={}\npkey={}", certificate.display(), key.display())
    };
    config
}

/// stunnel before the server's TCP port, with TLS 1.3 alone.
fn start_terminator(
    place: &Place,
    dir: &Path,
    name: &str,
    addresses: &[String],
    authority: &Authority,
) -> Running {
    let (certificate, key) = (authority.certificate(), authority.key());
    let mut config = format!(
        "foreground = yes\npid =\nsyslog = no\ndebug = 5\noutput = {}/{name}-tls.log\nsslVersionMin = TLSv1.3\n\
         socket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n",
        dir.display()
    );
    for (n, address) in addresses.iter().enumerate() {
        let _ = writeln!(
            config,
            "[turn{n}]\naccept = {address}:443\nconnect = {address}:3478\ncert = {}\nkey = {}",
            certificate.display(),
            key.display()
        );
    }
    let file = dir.join(format!("{name}-tls.conf"));
    fs::write(&file, config).expect("configuration");
    let log = dir.join(format!("{name}-tls.log"));
    let tail = LogTail::follow(&log);
    let running = Running::start_server(
        place.command("stunnel4", &[&file.display().to_string()]),
        &dir.join(format!("{name}-tls.out")),
    );
    tail.wait_for("Configuration successful", START_LIMIT)
        .unwrap_or_else(|error| panic!("{name} TLS: {error}"));
    running
}

/// What a proxy asks of its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyAuth {
    /// Nothing.
    None,
    /// RFC 7617, [`USER`].
    Basic,
    /// RFC 7616, [`USER`].
    Digest,
    /// Nothing, but it opens tunnels to port 443 alone, as squid does out of the box.
    OnlyTo443,
}

/// A squid on a port of its own for each kind of authentication.
pub(super) struct Squid {
    server: Running,
    auth: ProxyAuth,
}

impl Squid {
    pub(super) fn start(place: &Place, dir: &Path, prefix: &str, auth: ProxyAuth) -> Self {
        let name = format!("squid-{auth:?}").to_lowercase();
        let log = dir.join(format!("{name}.log"));
        let _ = fs::remove_file(&log);
        let config = dir.join(format!("{name}.conf"));
        fs::write(&config, squid_config(dir, &name, auth)).expect("configuration");
        let tail = LogTail::follow(&log);
        // The service name keeps its shared memory apart from that of other squids.
        let service = format!("{prefix}p{}", port(auth));
        let server = Running::start_server(
            place.command("squid", &["-N", "-n", &service, "-f", &config.display().to_string()]),
            &dir.join(format!("{name}.out")),
        );
        tail.wait_for("Accepting HTTP Socket connections", START_LIMIT)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { server, auth }
    }

    pub(super) fn auth(&self) -> ProxyAuth {
        self.auth
    }

    pub(super) fn url(&self) -> String {
        format!("http://proxy.lab.test:{}", port(self.auth))
    }

    pub(super) fn is_up(&mut self) -> bool {
        self.server.is_up()
    }
}

fn port(auth: ProxyAuth) -> u16 {
    match auth {
        ProxyAuth::None => 3128,
        ProxyAuth::Basic => 3129,
        ProxyAuth::Digest => 3130,
        ProxyAuth::OnlyTo443 => 3131,
    }
}

fn squid_config(dir: &Path, name: &str, auth: ProxyAuth) -> String {
    let users = dir.join(format!("{name}.users"));
    let (helper, who) = match auth {
        ProxyAuth::None | ProxyAuth::OnlyTo443 => (String::new(), "office"),
        ProxyAuth::Basic => {
            fs::write(&users, format!("{}:{}\n", USER.name, openssl_hash(USER.password))).expect("users");
            let program = format!("/usr/lib/squid/basic_ncsa_auth {}", users.display());
            (format!("auth_param basic program {program}\nauth_param basic realm branch office\n"), "known")
        }
        ProxyAuth::Digest => {
            fs::write(&users, format!("{}:{}\n", USER.name, USER.password)).expect("users");
            let program = format!("/usr/lib/squid/digest_file_auth {}", users.display());
            (format!("auth_param digest program {program}\nauth_param digest realm branch office\n"), "known")
        }
    };
    let known = if who == "known" { "acl known proxy_auth REQUIRED\n" } else { "" };
    let ports = if auth == ProxyAuth::OnlyTo443 { "443" } else { "80 443 3478" };
    let dir = dir.display();
    format!(
        "{helper}http_port 10.10.0.3:{}\nacl office src 10.10.0.0/24\n{known}acl turn_ports port {ports}\n\
         http_access deny !turn_ports\nhttp_access allow CONNECT {who}\nhttp_access deny all\n\
         cache deny all\ncache_mem 1 MB\npinger_enable off\npid_filename none\nnetdb_filename none\n\
         coredump_dir {dir}\naccess_log stdio:{dir}/{name}-access.log\ncache_log {dir}/{name}.log\n\
         cache_effective_user proxy\nshutdown_lifetime 0 seconds\nvisible_hostname proxy.lab.test\n",
        port(auth)
    )
}

fn openssl_hash(password: &str) -> String {
    let output = Command::new("openssl").args(["passwd", "-apr1", password]).output().expect("openssl");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A tinyproxy. It answers a CONNECT as HTTP/1.0.
pub(super) struct Tinyproxy {
    server: Running,
}

impl Tinyproxy {
    pub(super) fn start(place: &Place, dir: &Path) -> Self {
        let log = dir.join("tinyproxy.log");
        let _ = fs::remove_file(&log);
        let config: PathBuf = dir.join("tinyproxy.conf");
        fs::write(
            &config,
            format!(
                "Port 8888\nListen 10.10.0.4\nTimeout 600\nMaxClients 200\nAllow 10.10.0.0/24\nLogLevel Info\n\
                 User nobody\nGroup nogroup\nLogFile \"{}\"\nConnectPort 80\nConnectPort 443\nConnectPort 3478\n",
                log.display()
            ),
        )
        .expect("configuration");
        let tail = LogTail::follow(&log);
        let server = Running::start_server(
            place.command("tinyproxy", &["-d", "-c", &config.display().to_string()]),
            &dir.join("tinyproxy.out"),
        );
        tail.wait_for("Reloading config file finished", START_LIMIT)
            .unwrap_or_else(|error| panic!("tinyproxy: {error}"));
        Self { server }
    }

    pub(super) fn is_up(&mut self) -> bool {
        self.server.is_up()
    }
}
