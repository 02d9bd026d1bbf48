//! The command line as types. Parsing does nothing: no file is read, no name resolved.

use super::call::CallArgs;
use super::catalog::CatalogArgs;
#[cfg(feature = "lab")]
use super::lab::LabArgs;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

const SERVERS: &str = "Servers and credentials";
const CLIENT: &str = "The emulated client";
const NETWORK: &str = "Network and proxies";
pub(super) const RUN: &str = "The run";
pub(super) const OUTPUT: &str = "Output";

/// Which media paths to the TURN servers work here, which layer broke, what to change.
#[derive(Debug, Parser)]
#[command(
    name = "raincheck",
    version,
    max_term_width = 80,
    arg_required_else_help = true,
    disable_help_flag = true,
    disable_help_subcommand = true,
    after_help = EXIT_STATUS
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prove which paths to the TURN servers work, and say what to change
    Check(Box<CheckArgs>),
    /// List the candidates that the client would signal
    Gather(Box<GatherArgs>),
    /// Make an ICE call, alone or with another end, and show the path it takes
    Call(Box<CallArgs>),
    /// Show the shipped list of servers, flows and addresses
    Catalog(CatalogArgs),
    /// Keep the embedded lab running for others to connect to
    #[cfg(feature = "lab")]
    Lab(LabArgs),
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = OUTPUT)]
pub struct GlobalArgs {
    /// Write the result to a file; it is replaced only once the run is complete
    #[arg(short, long, global = true, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Show more: stages and candidates; twice for every step
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Show the verdict only
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colour; auto heeds NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Show no progress while it runs
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// End the run after this many seconds, whatever is still open [default: 20
    /// for check with 5 seconds of media, 15 for gather, 30 for call self, 600
    /// for call offer and answer, and the soak on top]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub deadline: Option<String>,
    /// Print help
    // One form for -h and --help: the long one of clap spreads each flag over several lines.
    #[arg(short, long, global = true, action = ArgAction::HelpShort, help_heading = None)]
    help: Option<bool>,
}

/// `raincheck check`
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// What every probing command takes.
    #[command(flatten)]
    pub probe: ProbeArgs,
    /// Seconds of media to send on the selected path; 0 for none
    #[arg(long, value_name = "SECONDS", default_value = "5", help_heading = RUN)]
    pub media: String,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = OUTPUT)]
    pub format: CheckFormat,
}

/// `raincheck gather`
#[derive(Debug, Args)]
#[command(after_help = GATHER_EXAMPLES)]
pub struct GatherArgs {
    /// What every probing command takes.
    #[command(flatten)]
    pub probe: ProbeArgs,
    /// How to print the candidates
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = OUTPUT)]
    pub format: GatherFormat,
}

/// What every probing command takes.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// Where the servers come from.
    #[command(flatten)]
    pub servers: ServerArgs,
    /// Who is emulated.
    #[command(flatten)]
    pub client: ClientArgs,
    /// What the traffic goes through.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// How long and how.
    #[command(flatten)]
    pub run: RunArgs,
    /// Secrets that people try to give as values.
    #[command(flatten)]
    pub refused: RefusedArgs,
}

/// Servers and credentials.
#[derive(Debug, Args)]
#[command(next_help_heading = SERVERS)]
pub struct ServerArgs {
    /// Servers as JSON: an array of RTCIceServer, or an object with iceServers
    /// or data; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["turn", "rainbow_host", "rainbow_login"])]
    pub ice_servers: Option<PathBuf>,
    /// A server as a URI, such as turn:turn.example:3478?transport=udp;
    /// repeatable
    #[arg(long, value_name = "URI", conflicts_with_all = ["rainbow_host", "rainbow_login"])]
    pub turn: Vec<String>,
    /// User name for the TURN servers
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// File with the credential of --username, - for standard input; or set
    /// RAINCHECK_CREDENTIAL
    #[arg(long, value_name = "FILE", conflicts_with = "turn_secret_file")]
    pub credential_file: Option<PathBuf>,
    /// File with the secret shared with the TURN servers, to make time-limited
    /// credentials from; --username becomes their user part
    #[arg(long, value_name = "FILE")]
    pub turn_secret_file: Option<PathBuf>,
    /// Sign in to this Rainbow platform and use the servers it gives
    #[arg(long, value_name = "HOST")]
    pub rainbow_host: Option<String>,
    /// Login name for it
    #[arg(long, value_name = "LOGIN")]
    pub rainbow_login: Option<String>,
    /// File with its password, - for standard input; or set
    /// RAINCHECK_RAINBOW_PASSWORD, or be asked in a terminal
    #[arg(long, value_name = "FILE")]
    pub rainbow_password_file: Option<PathBuf>,
    /// Application id, when the platform asks for one
    #[arg(long, value_name = "ID")]
    pub rainbow_app_id: Option<String>,
    /// File with the application's secret
    #[arg(long, value_name = "FILE")]
    pub rainbow_app_secret_file: Option<PathBuf>,
    /// Only this server of the catalog, by name or label such as turn-rbx1;
    /// repeatable
    #[arg(long, value_name = "NAME")]
    pub server: Vec<String>,
    /// Only the catalog's servers of this region
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Use the nearest servers of the catalog or the platform [default: 2]
    #[arg(long, value_name = "COUNT", conflicts_with = "all")]
    pub nearest: Option<String>,
    /// Use all of them
    #[arg(long)]
    pub all: bool,
    /// Run against the embedded lab on loopback; no network is needed
    /// [default scenario: open]
    #[cfg(feature = "lab")]
    #[arg(
        long,
        value_name = "SCENARIO",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "open",
        conflicts_with_all = [
            "ice_servers", "turn", "username", "credential_file", "turn_secret_file", "rainbow_host",
            "rainbow_login", "server", "region", "proxy", "interface"
        ]
    )]
    pub lab: Option<String>,
}

/// Who is emulated.
#[derive(Debug, Args)]
#[command(next_help_heading = CLIENT)]
pub struct ClientArgs {
    /// chromium, firefox, mobile, gateway, gateway-tls or rfc8445
    #[arg(long, value_name = "NAME[@VERSION]", default_value = "chromium")]
    pub profile: String,
    /// Which candidates the client may use
    #[arg(long, value_name = "POLICY", default_value = "all")]
    pub policy: PolicyArg,
    /// Whether the client has the microphone, as it has in a call
    #[arg(long, value_name = "YES|NO", default_value = "yes")]
    pub media_permission: YesNo,
}

/// What the traffic goes through.
#[derive(Debug, Args)]
#[command(next_help_heading = NETWORK)]
pub struct NetworkArgs {
    /// http:// or https:// URL of a proxy (ports 80 and 443 unless given), auto
    /// or none; repeatable: the client takes the first, the others are compared;
    /// NO_PROXY applies to auto only [default: auto, the
    /// environment's (https_proxy, all_proxy), else the system's]
    #[arg(long, value_name = "URL|auto|none")]
    pub proxy: Vec<String>,
    /// File with user:password for the proxies
    #[arg(long, value_name = "FILE")]
    pub proxy_credential_file: Option<PathBuf>,
    /// Named by the contract, not built yet.
    #[arg(long, value_name = "URL|FILE", hide = true)]
    pub pac: Option<String>,
    /// Trust these certificates too (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Send from this interface or local address only
    #[arg(long, value_name = "NAME|IP")]
    pub interface: Option<String>,
    /// Use IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long)]
    pub ipv6: bool,
    /// Use this address for a host instead of asking the DNS; repeatable
    #[arg(long, value_name = "HOST=IP")]
    pub resolve: Vec<String>,
}

/// How long and how.
#[derive(Debug, Args)]
#[command(next_help_heading = RUN)]
pub struct RunArgs {
    /// Whose retries to keep: our own, sure within seconds, or the client's
    #[arg(long, value_name = "WHOSE", default_value = "prompt")]
    pub patience: PatienceArg,
    /// Make everything random repeatable
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<String>,
}

/// Flags that would put a secret on the command line. They exist to be refused with a word of help.
#[derive(Debug, Args)]
pub struct RefusedArgs {
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", aliases = ["credentials", "password", "turn-password"])]
    credential: Option<Refused>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    turn_secret: Option<Refused>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    rainbow_password: Option<Refused>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    rainbow_app_secret: Option<Refused>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", aliases = ["proxy-user", "proxy-password"])]
    proxy_credential: Option<Refused>,
}

/// Stands for a value that was dropped unseen.
#[derive(Debug, Clone)]
pub(super) struct Refused;

impl FromStr for Refused {
    type Err = Infallible;

    fn from_str(_: &str) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

impl RefusedArgs {
    /// The flag that was tried, and what to use in its place.
    pub fn tried(&self) -> Option<(&'static str, &'static str)> {
        [
            (&self.credential, "--credential", "--credential-file FILE or RAINCHECK_CREDENTIAL"),
            (&self.turn_secret, "--turn-secret", "--turn-secret-file FILE"),
            (
                &self.rainbow_password,
                "--rainbow-password",
                "--rainbow-password-file FILE or RAINCHECK_RAINBOW_PASSWORD",
            ),
            (&self.rainbow_app_secret, "--rainbow-app-secret", "--rainbow-app-secret-file FILE"),
            (&self.proxy_credential, "--proxy-credential", "--proxy-credential-file FILE"),
        ]
        .into_iter()
        .find_map(|(value, flag, instead)| value.as_ref().map(|_| (flag, instead)))
    }
}

/// `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `check --format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// One line and the exit codes of monitoring plugins
    Nagios,
}

/// `gather --format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GatherFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// One session description with all candidates
    Sdp,
    /// One candidate per line, as it is found
    Trickle,
}

/// `--policy`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyArg {
    /// Every kind
    All,
    /// Relayed ones only
    Relay,
}

/// `--media-permission`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    /// Yes
    Yes,
    /// No
    No,
}

/// `--patience`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PatienceArg {
    /// Our own
    Prompt,
    /// The emulated client's
    Client,
}

/// Text about the embedded lab, where this build has one.
#[cfg(feature = "lab")]
macro_rules! of_lab {
    ($text:literal) => {
        $text
    };
}
#[cfg(not(feature = "lab"))]
macro_rules! of_lab {
    ($text:literal) => {
        ""
    };
}

pub(super) use of_lab;

const EXIT_STATUS: &str = concat!(
    "\
Exit status:
  0  everything asked for works
  1  something asked for does not work
  2  the question could not be put: a wrong option, an unreadable file
  3  the evidence does not decide

",
    of_lab!("Start with: raincheck check --lab\n"),
    "More about a command: raincheck COMMAND --help"
);

const CHECK_EXAMPLES: &str = concat!(
    "Examples:\n",
    of_lab!(
        "  See what it does, without a network:
    raincheck check --lab
    raincheck check --lab=udp-blocked\n"
    ),
    "  Every server of the shipped catalog, without credentials:
    raincheck check --all
  With the servers that a web client was given:
    raincheck check --ice-servers servers.json
  One server, through a proxy:
    raincheck check --turn turns:turn.example:443 --username alice \\
      --credential-file secret.txt --proxy http://proxy.example:3128
  As an account of the platform:
    raincheck check --rainbow-host openrainbow.com \\
      --rainbow-login me@example.com

With --format nagios the exit status is 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."
);

const GATHER_EXAMPLES: &str = concat!(
    "Examples:\n",
    of_lab!("  See what it does, without a network:\n    raincheck gather --lab\n"),
    "  As Chromium before version 146 gathers, for a script:
    raincheck gather --ice-servers servers.json --profile chromium@145 \\
      --format json
  Only what a relay-only call would signal:
    raincheck gather --ice-servers servers.json --policy relay --format sdp"
);
