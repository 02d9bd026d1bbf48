//! Headless Firefox, driven with Marionette.
//!
//! Marionette listens on the loopback of the namespace; a shell there carries it to our pipe. Proxy and permissions
//! are preferences that change while the browser runs, and the lab's authority is added to its certificate database
//! through the same door, so one process serves all calls.

use super::wire::{Framing, Wire};
use super::{Home, PageOptions};
use crate::world::{LogTail, Place};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(60);
/// Where it listens; one that hides addresses on the next, since both may run in one place.
const PORT: u16 = 2828;

/// The preferences of a profile that talks to nobody of its own accord.
const PREFERENCES: [(&str, &str); 20] = [
    ("media.navigator.permission.disabled", "true"),
    ("media.navigator.streams.fake", "true"),
    ("media.peerconnection.enabled", "true"),
    ("network.proxy.type", "0"),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("network.manage-offline-status", "false"),
    ("network.prefetch-next", "false"),
    ("network.dns.disablePrefetch", "true"),
    ("network.trr.mode", "5"),
    ("app.update.disabledForTesting", "true"),
    ("app.normandy.enabled", "false"),
    ("browser.safebrowsing.downloads.enabled", "false"),
    ("browser.safebrowsing.malware.enabled", "false"),
    ("browser.safebrowsing.phishing.enabled", "false"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("extensions.update.enabled", "false"),
    ("services.settings.server", "\"data:,#remote-settings-dummy/v1\""),
    ("toolkit.telemetry.enabled", "false"),
];

/// A running Firefox with one page.
pub(crate) struct Firefox {
    wire: Wire,
    last_id: u64,
    _browser: Browser,
}

/// The process group of the browser.
struct Browser {
    _wire: Wire,
}

impl Firefox {
    /// Starts it in this place. Its host addresses are plain unless `hide_addresses`.
    pub(crate) fn start(place: &Place, home: &Home, hide_addresses: bool) -> Self {
        let profile = home.join("profile");
        fs::create_dir_all(&profile).expect("directory of the browser");
        fs::write(Path::new(&profile).join("user.js"), preferences(hide_addresses)).expect("preferences");
        let log = home.join("browser.log");
        let tail = LogTail::follow(Path::new(&log));
        let script = "exec \"$@\" </dev/null >\"$LOG\" 2>&1";
        let arguments = [
            "-c",
            script,
            "sh",
            "firefox-esr",
            "--headless",
            "--marionette",
            // Without it preferences and certificates are out of reach.
            "--remote-allow-system-access",
            "--no-remote",
            "--profile",
            &profile,
        ];
        let mut command = place.command("sh", &arguments);
        home.environment(&mut command);
        command.env("LOG", &log);
        let browser = Browser { _wire: Wire::start(command, Framing::Line, "firefox") };
        tail.wait_for("Listening on port", START_LIMIT).unwrap_or_else(|error| panic!("firefox: {error}"));

        let carry = format!("exec 3<>/dev/tcp/127.0.0.1/{}; cat <&3 & exec cat >&3", port(hide_addresses));
        let wire = Wire::start(place.command("bash", &["-c", &carry]), Framing::Length, "marionette");
        let greeting = wire.next(Instant::now() + START_LIMIT).unwrap_or_default();
        assert!(greeting.contains("marionetteProtocol"), "marionette said {greeting}");
        let mut firefox = Self { wire, last_id: 0, _browser: browser };
        firefox.ask("WebDriver:NewSession", &json!({ "capabilities": { "alwaysMatch": {} } }));
        firefox.trust(&home.ca_file);
        firefox
    }

    /// Opens a page, in place of the one before.
    pub(crate) fn open(&mut self, url: &str, options: &PageOptions) {
        let (host, port) = match &options.proxy {
            Some(proxy) => {
                let authority = proxy.trim_start_matches("http://");
                let (host, port) = authority.rsplit_once(':').expect("http://HOST:PORT");
                (host.to_owned(), port.parse::<u16>().expect("port of the proxy"))
            }
            None => (String::new(), 0),
        };
        let script = "const [host, port] = arguments; const prefs = Services.prefs;
            prefs.setCharPref('network.proxy.http', host); prefs.setIntPref('network.proxy.http_port', port);
            prefs.setCharPref('network.proxy.ssl', host); prefs.setIntPref('network.proxy.ssl_port', port);
            prefs.setIntPref('network.proxy.type', host ? 1 : 0);";
        self.privileged(script, &[json!(host), json!(port)]);
        self.ask("WebDriver:Navigate", &json!({ "url": url }));
    }

    /// Evaluates an expression whose value is a promise of JSON.
    pub(crate) fn evaluate(&mut self, expression: &str, limit: Duration) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; ({expression}).then(done);");
        self.ask("WebDriver:SetTimeouts", &json!({ "script": limit.as_millis() as u64 }));
        let script = json!({ "script": script, "args": [], "sandbox": null, "newSandbox": false });
        self.ask_within("WebDriver:ExecuteAsyncScript", &script, limit)["value"].clone()
    }

    /// Closes the page and everything of it.
    pub(crate) fn close(&mut self) {
        self.ask("WebDriver:Navigate", &json!({ "url": "about:blank" }));
    }

    /// Puts the lab's authority among its roots.
    fn trust(&mut self, ca_file: &str) {
        let pem = fs::read_to_string(ca_file).expect("certificate of the authority");
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let script = "Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB)
            .addCertFromBase64(arguments[0], 'C,,'); return true;";
        assert_eq!(self.privileged(script, &[json!(base64)]), true, "the authority was not added");
    }

    /// Runs a script with the browser's own rights.
    fn privileged(&mut self, script: &str, arguments: &[Value]) -> Value {
        self.ask("Marionette:SetContext", &json!({ "value": "chrome" }));
        let value = self.ask("WebDriver:ExecuteScript", &json!({ "script": script, "args": arguments }));
        self.ask("Marionette:SetContext", &json!({ "value": "content" }));
        value["value"].clone()
    }

    fn ask(&mut self, command: &str, params: &Value) -> Value {
        self.ask_within(command, params, Duration::from_secs(20))
    }

    fn ask_within(&mut self, command: &str, params: &Value, limit: Duration) -> Value {
        self.last_id += 1;
        self.wire.send(&json!([0, self.last_id, command, params]).to_string());
        let until = Instant::now() + limit + Duration::from_secs(5);
        loop {
            let message = self.wire.next(until);
            let message = message.unwrap_or_else(|| panic!("firefox ended before {command}"));
            let answer: Value = serde_json::from_str(&message)
                .unwrap_or_else(|error| panic!("firefox said {message}: {error}"));
            if answer[1] == self.last_id {
                assert!(answer[2].is_null(), "{command} {params}: {:#}", answer[2]);
                return answer[3].clone();
            }
        }
    }
}

fn port(hide_addresses: bool) -> u16 {
    PORT + u16::from(hide_addresses)
}

fn preferences(hide_addresses: bool) -> String {
    let line = |name: &str, value: &str| format!("user_pref(\"{name}\", {value});\n");
    let mut all: String = PREFERENCES.into_iter().map(|(name, value)| line(name, value)).collect();
    all += &line("media.peerconnection.ice.obfuscate_host_addresses", &hide_addresses.to_string());
    all += &line("marionette.port", &port(hide_addresses).to_string());
    all
}
