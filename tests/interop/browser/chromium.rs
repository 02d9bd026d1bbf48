//! Headless Chromium, driven with the DevTools protocol over a pipe.
//!
//! The pipe needs no port, so it reaches into any namespace. Every call has a browser context of its own, which has
//! its own proxy and permissions; one process serves them all. The lab's authority is in the NSS database of the
//! browser's home, where Chromium on Linux looks for roots that its user has added.

use super::wire::{Framing, Wire};
use super::{Home, PageOptions};
use crate::world::Place;
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(40);

/// What one process can be only once.
const FLAGS: [&str; 21] = [
    "--headless",
    "--remote-debugging-pipe",
    // Root has no user namespaces to give away, and a sandboxed process would leave the network namespace.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-component-extensions-with-background-pages",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-service-autorun",
    "--no-pings",
    "--metrics-recording-only",
    "--password-store=basic",
    "--use-mock-keychain",
    "--use-fake-device-for-media-stream",
];

/// The feature that puts mDNS names in the place of host addresses.
const HIDES_ADDRESSES: &str = "WebRtcHideLocalIpsWithMdns";

/// A running Chromium with at most one page.
pub(crate) struct Chromium {
    wire: Wire,
    last_id: u64,
    /// Events that came while an answer was awaited.
    events: Vec<Value>,
    page: Option<Page>,
}

struct Page {
    context: String,
    session: String,
}

impl Chromium {
    /// Starts it in this place. Its host addresses are plain unless `hide_addresses`.
    pub(crate) fn start(place: &Place, home: &Home, hide_addresses: bool) -> Self {
        trust(home);
        // The pipe's ends are the file descriptors 3 and 4.
        let script = "exec \"$@\" 3<&0 4>&1 </dev/null >\"$LOG\" 2>&1";
        let profile = format!("--user-data-dir={}", home.join("profile"));
        let features = format!("--disable-features={HIDES_ADDRESSES},AsyncDns,MediaRouter,OptimizationHints");
        let mut arguments = vec!["-c", script, "sh", "chromium"];
        arguments.extend(FLAGS);
        arguments.push(&profile);
        if !hide_addresses {
            arguments.push(&features);
        }
        arguments.push("about:blank");
        let mut command = place.command("sh", &arguments);
        home.environment(&mut command);
        command.env("LOG", home.join("browser.log"));
        let mut chromium = Self {
            wire: Wire::start(command, Framing::Zero, "chromium"),
            last_id: 0,
            events: Vec::new(),
            page: None,
        };
        chromium.ask_within(None, "Browser.getVersion", &json!({}), START_LIMIT);
        chromium
    }

    /// Opens a page, in place of the one before.
    pub(crate) fn open(&mut self, url: &str, options: &PageOptions) {
        self.close();
        let mut wanted = json!({ "disposeOnDetach": true });
        if let Some(proxy) = &options.proxy {
            wanted["proxyServer"] = json!(proxy);
        }
        let context = self.ask(None, "Target.createBrowserContext", &wanted)["browserContextId"].clone();
        if options.microphone {
            let grant = json!({ "permissions": ["audioCapture"], "browserContextId": context });
            self.ask(None, "Browser.grantPermissions", &grant);
        }
        let target = json!({ "url": "about:blank", "browserContextId": context });
        let target = self.ask(None, "Target.createTarget", &target)["targetId"].clone();
        let attach = json!({ "targetId": target, "flatten": true });
        let session = text(&self.ask(None, "Target.attachToTarget", &attach)["sessionId"]);
        self.page = Some(Page { context: text(&context), session: session.clone() });
        self.ask(Some(&session), "Page.enable", &json!({}));
        self.events.clear();
        self.ask(Some(&session), "Page.navigate", &json!({ "url": url }));
        self.wait_for(&session, "Page.loadEventFired", Duration::from_secs(20));
    }

    /// Evaluates an expression whose value is a promise of JSON.
    pub(crate) fn evaluate(&mut self, expression: &str, limit: Duration) -> Value {
        let session = self.page.as_ref().expect("a page").session.clone();
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask_within(Some(&session), "Runtime.evaluate", &params, limit);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {:#}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Closes the page and everything of it.
    pub(crate) fn close(&mut self) {
        if let Some(page) = self.page.take() {
            self.ask(None, "Target.disposeBrowserContext", &json!({ "browserContextId": page.context }));
        }
    }

    fn ask(&mut self, session: Option<&str>, method: &str, params: &Value) -> Value {
        self.ask_within(session, method, params, Duration::from_secs(20))
    }

    fn ask_within(&mut self, session: Option<&str>, method: &str, params: &Value, limit: Duration) -> Value {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        self.wire.send(&message.to_string());
        let until = Instant::now() + limit;
        loop {
            let answer = self.receive(until, method);
            if answer["id"] == self.last_id {
                assert!(answer["error"].is_null(), "{method} {params}: {}", answer["error"]);
                return answer["result"].clone();
            }
            if answer["id"].is_null() {
                self.events.push(answer);
            }
        }
    }

    fn wait_for(&mut self, session: &str, event: &str, limit: Duration) {
        let until = Instant::now() + limit;
        let wanted = |seen: &Value| seen["method"] == event && seen["sessionId"] == session;
        while !self.events.iter().any(wanted) {
            let message = self.receive(until, event);
            self.events.push(message);
        }
        self.events.clear();
    }

    fn receive(&self, until: Instant, waiting_for: &str) -> Value {
        let message = self.wire.next(until);
        let message = message.unwrap_or_else(|| panic!("chromium ended before {waiting_for}"));
        serde_json::from_str(&message).unwrap_or_else(|error| panic!("chromium said {message}: {error}"))
    }
}

/// Puts the lab's authority among the roots of that home.
fn trust(home: &Home) {
    let database = home.join(".pki/nssdb");
    std::fs::create_dir_all(&database).expect("directory of the browser");
    let database = format!("sql:{database}");
    certutil(&["-N", "--empty-password", "-d", &database]);
    certutil(&["-A", "-d", &database, "-n", "lab", "-t", "C,,", "-i", &home.ca_file]);
}

fn certutil(arguments: &[&str]) {
    let output = Command::new("certutil").args(arguments).output().expect("certutil");
    assert!(output.status.success(), "certutil {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
