//! Taking a world away, however its run ended.

use super::{topology, topology_script};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command};
use std::thread;
use tokio::signal::unix::{SignalKind, signal};

const SHARED_MEMORY: &str = "/dev/shm";

/// The prefix of the namespaces of this run.
pub(super) fn prefix() -> String {
    format!("rc{}", process::id())
}

/// The directory of this run.
pub(super) fn directory() -> PathBuf {
    directory_of(&prefix())
}

/// Ends every process in the network of that prefix and removes the network.
pub(super) fn remove_network(prefix: &str) {
    topology(&["down", prefix]);
    // squid, killed rather than asked to end, leaves its shared memory behind.
    for entry in fs::read_dir(SHARED_MEMORY).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&format!("{prefix}p")) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes the logs of that prefix.
pub(super) fn remove_directory(prefix: &str) {
    let _ = fs::remove_dir_all(directory_of(prefix));
}

/// Takes away what runs left behind that were killed outright.
pub(super) fn sweep() {
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(prefix) = name.strip_suffix("-client") else { continue };
        let pid = prefix.strip_prefix("rc").and_then(|pid| pid.parse::<u32>().ok());
        // Dead processes that nobody has waited for yet have an empty command line.
        let alive = |pid| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty());
        if pid.is_some_and(|pid| !alive(pid)) {
            remove_network(prefix);
            remove_directory(prefix);
        }
    }
}

/// From now on, Ctrl-C and SIGTERM take the world away before they end the process.
pub(super) fn remove_on_signals() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    thread::spawn(move || {
        runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT");
            let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM");
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        // By a child that outlives us: the cases must not go on in half a world.
        let script = "trap '' INT TERM; \"$0\" down \"$1\"; rm -rf \"$2\" \"$3/$1p\"*";
        let _ = Command::new("sh")
            .args(["-c", script])
            .args([topology_script(), PathBuf::from(prefix()), directory(), PathBuf::from(SHARED_MEMORY)])
            .process_group(0)
            .spawn();
        process::exit(130);
    });
}

fn directory_of(prefix: &str) -> PathBuf {
    std::env::temp_dir().join(format!("raincheck-interop-{prefix}"))
}
