//! `raincheck call`: its arguments, and what surrounds the run.

use super::args::{GlobalArgs, OUTPUT, PatienceArg, ProbeArgs, RUN, Refused, of_lab};
use super::exit::{Answer, Codes, Failure};
use super::names;
use super::output::Output;
use super::resolve::{self, Times};
use super::view::View;
use crate::call::record::CallRole;
use crate::settings::call::{CODE_VARIABLE, CallSettings, Signal, connect_to, duration, in_words, listen_at};
use crate::settings::secrets::read_secret;
use crate::settings::{Inputs, SettingsError};
use clap::{Args, ValueEnum};
use raincheck_probes::secret::Secret;
use std::path::{Path, PathBuf};
use std::time::Duration;

const CALL: &str = "The call";

/// `raincheck call`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CallArgs {
    /// Which end of the call this is
    #[arg(value_name = "END")]
    pub end: End,
    /// What every probing command takes.
    #[command(flatten)]
    pub probe: ProbeArgs,
    /// What only a call takes.
    #[command(flatten)]
    pub call: CallOptions,
    /// How long and how.
    #[command(flatten)]
    pub tasks: TaskArgs,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = OUTPUT)]
    pub format: CallFormat,
}

/// How the two ends meet.
#[derive(Debug, Args)]
#[command(next_help_heading = CALL)]
pub struct CallOptions {
    /// How the two ends find each other [default: paste]
    #[arg(long, value_name = "HOW")]
    pub signal: Option<SignalArg>,
    /// Wait here for the other end, and show a one-time code for it; a port
    /// alone is every address of this host
    #[arg(long, value_name = "[ADDRESS:]PORT", conflicts_with = "connect")]
    pub listen: Option<String>,
    /// Connect to the end that listens
    #[arg(long, value_name = "HOST:PORT")]
    pub connect: Option<String>,
    /// File with the code that the listening end shows, - for standard input;
    /// or set RAINCHECK_CODE, or be asked in a terminal
    #[arg(long, value_name = "FILE")]
    pub code_file: Option<PathBuf>,
    /// Refused: the command line is no place for it.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    code: Option<Refused>,
    /// The client at the far end of call self [default: that of --profile]
    #[arg(long, value_name = "NAME[@VERSION]")]
    pub far_profile: Option<String>,
}

/// What is done with the call.
#[derive(Debug, Args)]
#[command(next_help_heading = RUN)]
pub struct TaskArgs {
    /// Check every candidate of one end against every one of the other (call
    /// self)
    #[arg(long)]
    pub matrix: bool,
    /// Once connected, cut this path and measure the switch to another:
    /// selected, direct, relay, udp, tcp, tls, a server such as turn1 or
    /// turn1/tcp, or a path id from a report
    #[arg(long, value_name = "PATH")]
    pub fail: Option<String>,
    /// Keep the call up this long (30s, 5m, 2h) and tell what ended it
    #[arg(long, value_name = "DURATION")]
    pub soak: Option<String>,
}

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum End {
    /// Both ends here, the far one as a user outside
    #[value(name = "self")]
    Own,
    /// The end that calls
    Offer,
    /// The end that is called
    Answer,
}

/// `--signal`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignalArg {
    /// One line each way, carried over by hand
    Paste,
    /// A channel of its own, with --listen and --connect
    Tcp,
    /// Session descriptions on standard output and input, for a browser
    Sdp,
}

/// `call --format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CallFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

/// A call, ready to be made.
#[derive(Debug, Clone)]
pub struct CallCommand {
    /// What to do.
    pub settings: CallSettings,
    /// The lab's scenario to do it in, when there is one.
    pub lab: Option<String>,
    /// How to print what came of it.
    pub format: CallFormat,
    /// How much of it, and in what colours.
    pub view: View,
}

impl CallCommand {
    /// Resolves the arguments.
    pub fn new(args: &CallArgs, global: &GlobalArgs, inputs: &dyn Inputs) -> Result<Self, SettingsError> {
        refuse(args, global)?;
        let role = match args.end {
            End::Own => CallRole::Own,
            End::Offer => CallRole::Offer,
            End::Answer => CallRole::Answer,
        };
        let fail = args.tasks.fail.as_deref().map(str::parse).transpose()?;
        let soak = args.tasks.soak.as_deref().map(|text| duration("--soak", text)).transpose()?;
        let far_profile = args.call.far_profile.as_deref();
        let far_profile = far_profile.map(|text| names::profile_of("--far-profile", text)).transpose()?;
        let deadline = deadline(args, global, soak)?;
        let lab = resolve::lab(&args.probe.servers).map(|name| names::scenario("--lab", name)).transpose()?;
        let signal = signal(args, inputs)?;
        // With SDP on standard output the result has another place, and that is no terminal of ours to colour.
        let to_stdout = global.output.is_none() && !matches!(signal, Signal::Sdp);
        let view = View::of(global, to_stdout, inputs);
        let run = resolve::settings(&args.probe, Times { media: Duration::ZERO, deadline }, inputs)?;
        let far_profile = far_profile.unwrap_or_else(|| run.profile.clone());
        let matrix = args.tasks.matrix;
        let settings = CallSettings { run, role, far_profile, signal, matrix, fail, soak };
        Ok(Self { settings, lab, format: args.format, view })
    }
}

/// What contradicts itself.
fn refuse(args: &CallArgs, global: &GlobalArgs) -> Result<(), SettingsError> {
    let call = &args.call;
    if call.code.is_some() {
        return Err(SettingsError::SecretOnCommandLine {
            flag: "--code",
            instead: "--code-file FILE or RAINCHECK_CODE",
        });
    }
    let tcp = match (&call.listen, &call.connect) {
        (Some(_), _) => Some("--listen"),
        (None, Some(_)) => Some("--connect"),
        (None, None) => None,
    };
    if args.end == End::Own {
        let meeting = call.signal.map(|_| "--signal").or(tcp);
        if let Some(flag) = meeting.or(call.code_file.as_ref().map(|_| "--code-file")) {
            return Err(conflict(flag, "call self", "both of its ends are here"));
        }
    } else {
        let far = call.far_profile.as_ref().map(|_| "--far-profile");
        if let Some(flag) = args.tasks.matrix.then_some("--matrix").or(far) {
            return Err(conflict(flag, end(args.end), "only call self has both ends"));
        }
    }
    if let (Some(signal @ (SignalArg::Paste | SignalArg::Sdp)), Some(flag)) = (call.signal, tcp) {
        let named = if signal == SignalArg::Sdp { "--signal sdp" } else { "--signal paste" };
        return Err(conflict(flag, named, "it is for --signal tcp"));
    }
    if call.signal == Some(SignalArg::Tcp) && tcp.is_none() {
        return Err(needs(
            "--signal tcp",
            "--listen [ADDRESS:]PORT at one end and --connect HOST:PORT at the other",
        ));
    }
    if call.code_file.is_some() && call.connect.is_none() {
        return Err(needs("--code-file", "--connect HOST:PORT; the end that listens makes the code"));
    }
    if args.tasks.fail.is_some() && args.tasks.soak.is_some() {
        return Err(conflict(
            "--fail",
            "--soak",
            "one ends the path that the other keeps; ask one after the other",
        ));
    }
    let to_stdout = global.output.as_deref().is_none_or(|path| path == Path::new("-"));
    if call.signal == Some(SignalArg::Sdp)
        && to_stdout
        && (args.format == CallFormat::Json || global.output.is_some())
    {
        return Err(needs(
            "the result of --signal sdp",
            "-o FILE; standard output carries the session description",
        ));
    }
    stdin_once(args)
}

/// A person or a browser answers on standard input; nothing else can be read from it then.
fn stdin_once(args: &CallArgs) -> Result<(), SettingsError> {
    let readers = resolve::from_stdin(&args.probe);
    let code = args.call.code_file.as_deref().filter(|path| *path == Path::new("-")).map(|_| "--code-file");
    let signal = match (args.end, args.call.signal) {
        (End::Own, _) | (_, Some(SignalArg::Tcp)) => None,
        (_, Some(SignalArg::Sdp)) => Some("--signal sdp"),
        _ if args.call.listen.is_some() || args.call.connect.is_some() => None,
        _ => Some("--signal paste"),
    };
    let all: Vec<&'static str> = readers.into_iter().chain(code).chain(signal).collect();
    match all[..] {
        [first, second, ..] => Err(SettingsError::StdinTwice { first, second }),
        _ => Ok(()),
    }
}

fn signal(args: &CallArgs, inputs: &dyn Inputs) -> Result<Signal, SettingsError> {
    let call = &args.call;
    if let Some(text) = &call.listen {
        return listen_at(text).map(Signal::Listen);
    }
    if let Some(text) = &call.connect {
        let to = connect_to(text)?;
        let code = code(call.code_file.as_deref(), inputs)?;
        return Ok(Signal::Connect { to, code });
    }
    Ok(match (args.end, call.signal) {
        (End::Own, _) => Signal::Within,
        (_, Some(SignalArg::Sdp)) => Signal::Sdp,
        _ => Signal::Paste,
    })
}

fn code(file: Option<&Path>, inputs: &dyn Inputs) -> Result<Secret, SettingsError> {
    if let Some(path) = file {
        return read_secret(inputs, "--code-file", path);
    }
    if let Some(value) = inputs.env(CODE_VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(Secret::new(value.as_str()));
    }
    match inputs.prompt("Code that the other end shows: ") {
        Ok(Some(code)) if !code.is_empty() => Ok(code),
        Ok(_) | Err(_) => Err(needs(
            "--connect",
            "the code that the other end shows: --code-file FILE or RAINCHECK_CODE, or run in a terminal",
        )),
    }
}

/// When the whole call ends: `--deadline`, or what a person expects and the soak on top.
fn deadline(args: &CallArgs, global: &GlobalArgs, soak: Option<Duration>) -> Result<Duration, SettingsError> {
    let Some(text) = &global.deadline else {
        return Ok(expected(args) + soak.unwrap_or_default());
    };
    let deadline = resolve::seconds("--deadline", text, false)?;
    match soak {
        Some(soak) if soak >= deadline => Err(SettingsError::Value {
            flag: "--soak",
            value: args.tasks.soak.clone().unwrap_or_default().chars().take(80).collect(),
            expected: format!("shorter than the --deadline of {}, which ends the call", in_words(deadline)),
        }),
        _ => Ok(deadline),
    }
}

/// How long a call takes without its soak. A person who carries a line over takes minutes: an offer is good for 15.
fn expected(args: &CallArgs) -> Duration {
    let checks = match args.probe.run.patience {
        PatienceArg::Prompt => Duration::from_secs(30),
        PatienceArg::Client => Duration::from_secs(90),
    };
    // libwebrtc gives an unanswered path up after 15 s, and calls it dead after 30 s.
    let cut = if args.tasks.fail.is_some() { Duration::from_secs(45) } else { Duration::ZERO };
    let waits = args.end != End::Own && args.call.connect.is_none();
    let other_end = if waits { Duration::from_secs(600) } else { Duration::ZERO };
    other_end.max(checks) + cut
}

fn end(end: End) -> &'static str {
    match end {
        End::Own => "call self",
        End::Offer => "call offer",
        End::Answer => "call answer",
    }
}

fn conflict(one: &'static str, other: &'static str, why: &'static str) -> SettingsError {
    SettingsError::Conflict { one, other, why }
}

fn needs(given: &str, missing: &'static str) -> SettingsError {
    SettingsError::Needs { given: given.to_owned(), missing }
}

/// Opens the output, makes the call, completes the output; the exit status.
pub fn run<R>(command: &CallCommand, global: &GlobalArgs, run: R) -> Result<u8, Failure>
where
    R: FnOnce(&CallCommand, &mut Output) -> Result<Answer, Failure>,
{
    let mut output = match (&command.settings.signal, &global.output) {
        (Signal::Sdp, None) => Output::stderr(),
        (_, path) => Output::open(path.as_deref())?,
    };
    let answer = run(command, &mut output)?;
    output.finish()?;
    Ok(Codes::Own.of(answer))
}

const EXAMPLES: &str = concat!(
    "Examples:\n",
    of_lab!(
        "  See what it does, without a network:
    raincheck call self --lab\n"
    ),
    "  Both ends here, the far one as a user outside would be:
    raincheck call self --ice-servers servers.json
  What happens to the call when UDP dies in the middle of it:
    raincheck call self --ice-servers servers.json --fail udp
  Whether a call lives for an hour, and which timer or box ends it:
    raincheck call self --ice-servers servers.json --soak 1h
  Between two machines, one line to paste each way:
    raincheck call offer --ice-servers servers.json
    raincheck call answer --ice-servers servers.json
  Between two machines that reach each other:
    raincheck call offer --ice-servers servers.json --listen 7000
    raincheck call answer --ice-servers servers.json \\
      --connect desk.example:7000
  With a browser, the offer on standard output, its answer on standard input:
    raincheck call offer --signal sdp -o result.txt

Call offer and call answer wait ten minutes for the other end. A line to paste
holds the password of this one call: send it to the other end only."
);

#[cfg(test)]
mod tests;
