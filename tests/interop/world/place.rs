//! Places in the network and the processes in them.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A network namespace.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    namespace: String,
}

impl Place {
    pub(super) fn new(prefix: &str, name: &str) -> Self {
        Self { namespace: format!("{prefix}-{name}") }
    }

    /// A command in this place, with nothing of the host's proxies or credentials in its environment.
    pub(crate) fn command(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program.as_ref()).args(arguments);
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.env_remove("RAINCHECK_CREDENTIAL").stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed and gives it this input.
    pub(super) fn run_with_input(&self, program: &str, arguments: &[&str], input: &str) {
        let mut child = self
            .command(program, arguments)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("command in a namespace");
        child.stdin.take().expect("stdin").write_all(input.as_bytes()).expect("input");
        let output = child.wait_with_output().expect("command in a namespace");
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}\n{input}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// A process of ours; killed when dropped.
pub(crate) struct Running {
    child: Child,
    began: Instant,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its status; none when it was killed for taking too long.
    pub(crate) status: Option<ExitStatus>,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
    /// From its start to its end.
    pub(crate) took: Duration,
}

impl Running {
    /// Starts a command, output kept.
    pub(crate) fn start(mut command: Command) -> Self {
        let began = Instant::now();
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, began }
    }

    /// Starts a server; its own output goes to a file.
    pub(super) fn start_server(mut command: Command, output: &Path) -> Self {
        let file = fs::File::create(output).expect("log file");
        let copy = file.try_clone().expect("log file");
        let child =
            command.stdout(file).stderr(copy).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, began: Instant::now() }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends the process a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill");
        assert!(status.success(), "kill -s {name} {pid}");
    }

    /// Whether it has not ended yet.
    pub(super) fn is_up(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end; kills it when that takes longer than `limit` from now.
    pub(crate) fn finish(mut self, limit: Duration) -> Finished {
        let stdout = collect(self.child.stdout.take());
        let stderr = collect(self.child.stderr.take());
        // Both pipes end with the process, so waiting for them is waiting for it.
        let out = stdout.recv_timeout(limit);
        if out.is_err() {
            let _ = self.child.kill();
        }
        let status = self.child.wait().expect("wait");
        let took = self.began.elapsed();
        let killed = out.is_err();
        let rest = Duration::from_secs(2);
        let stdout = out.or_else(|_| stdout.recv_timeout(rest)).unwrap_or_default();
        let stderr = stderr.recv_timeout(rest).unwrap_or_default();
        Finished { status: (!killed).then_some(status), stdout, stderr, took }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a pipe to its end in the background.
fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// Lets the servers' own users write there.
pub(super) fn everyone_may_write(dir: &Path) {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o777)).expect("permissions");
}

/// Whether a program is on the path or where Debian puts servers.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':').chain(["/usr/sbin", "/sbin"]).any(|dir| Path::new(dir).join(program).exists())
}
