//! The independent probe, `tests/interop/probe.py`.

use super::{USER, World};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// What the probe saw of one URL.
#[derive(Debug)]
pub(crate) struct Probe(Value);

impl Probe {
    /// How long a step took, milliseconds; none when it was not passed.
    pub(crate) fn step(&self, name: &str) -> Option<f64> {
        self.0["steps"][name].as_f64()
    }

    /// From its first step to the allocation, milliseconds; none when there is no allocation.
    pub(crate) fn total_ms(&self) -> Option<f64> {
        self.0["total_ms"].as_f64()
    }

    /// The version of TLS, as in `TLSv1.3`.
    pub(crate) fn tls_version(&self) -> Option<&str> {
        self.0["tls_version"].as_str()
    }
}

impl World {
    /// Allocates once over this URL with right credentials, through a proxy (`host:port`) when there is one.
    pub(crate) fn probe(&self, url: &str, proxy: Option<&str>) -> Probe {
        let mut more = Vec::new();
        if let Some(proxy) = proxy {
            more.extend(["--proxy", proxy]);
        }
        self.run_probe(url, &more)
    }

    /// The same, and gives up soon.
    pub(crate) fn probe_briefly(&self, url: &str) -> Probe {
        self.run_probe(url, &["--patience", "0.4"])
    }

    fn run_probe(&self, url: &str, more: &[&str]) -> Probe {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/probe.py");
        let script = script.display().to_string();
        let ca_file = self.ca_file();
        let mut arguments = vec![script.as_str(), url, "--username", USER.name, "--password", USER.password];
        arguments.extend(["--ca-file", &ca_file]);
        arguments.extend(more);
        let finished = self.run("/usr/bin/python3", &arguments, Duration::from_secs(20));
        let json = serde_json::from_str(&finished.stdout);
        Probe(json.unwrap_or_else(|error| panic!("the probe of {url}: {error}: {finished:#?}")))
    }
}
