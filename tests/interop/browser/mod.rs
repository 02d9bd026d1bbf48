//! Real browsers in the ring: headless Chromium and Firefox as ends of a call, and calls between them.
//!
//! [`Browsers`] starts a browser in a place when it is first asked for and keeps it for the cases to come, since
//! starting one takes seconds. [`Connection`] is one `RTCPeerConnection` in a page of it. [`program`] has the ends of
//! a call that are programs, raincheck and aioice, and [`table`] says what every call between raincheck and a foreign
//! end must select in each network. [`same`] compares raincheck with two Chromiums, [`clients`] has what else either
//! end may be, and [`dtls`] what stands in the way of the media.

mod browsers;
mod calls;
mod chromium;
mod clients;
mod connection;
mod dtls;
mod firefox;
mod networks;
mod program;
mod same;
mod table;
mod wire;

pub(crate) use browsers::missing;
pub(crate) use program::{Client, EndedCall, RunningCall};
pub(crate) use table::all_allocations_end;

use crate::harness::Case;
use chromium::Chromium;
use firefox::Firefox;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    let browsers = browsers::Browsers::default();
    let of_browsers = [networks::cases(), calls::cases(&browsers), same::cases(&browsers)].concat();
    [of_browsers, table::cases(&browsers), clients::cases(&browsers), dtls::cases(&browsers)].concat()
}

/// A running browser with at most one page.
pub(crate) enum Browser {
    Chromium(Chromium),
    Firefox(Firefox),
}

impl Browser {
    /// Opens a page, in place of the one before.
    fn open(&mut self, url: &str, options: &PageOptions) {
        match self {
            Self::Chromium(browser) => browser.open(url, options),
            Self::Firefox(browser) => browser.open(url, options),
        }
    }

    /// Evaluates an expression whose value is a promise of JSON.
    fn evaluate(&mut self, expression: &str, limit: Duration) -> Value {
        match self {
            Self::Chromium(browser) => browser.evaluate(expression, limit),
            Self::Firefox(browser) => browser.evaluate(expression, limit),
        }
    }

    fn close(&mut self) {
        match self {
            Self::Chromium(browser) => browser.close(),
            Self::Firefox(browser) => browser.close(),
        }
    }
}

/// One end of a call, by whole session descriptions: every candidate is in them (RFC 8839, no trickle).
pub(crate) trait Party {
    /// Makes an offer.
    fn offer(&mut self) -> String;
    /// Takes an offer and gives an answer.
    fn answer(&mut self, offer: &str) -> String;
    /// Takes the answer to its offer.
    fn accept(&mut self, answer: &str);
}

/// Carries offer and answer between two ends.
pub(crate) fn introduce(offerer: &mut impl Party, answerer: &mut impl Party) {
    let offer = offerer.offer();
    let answer = answerer.answer(&offer);
    offerer.accept(&answer);
}

/// What may differ from page to page in one browser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PageOptions {
    /// An HTTP proxy, `http://HOST:PORT`; none means that there is none.
    pub(crate) proxy: Option<String>,
    /// Whether the page holds the (fake) microphone, so that networks are enumerated.
    pub(crate) microphone: bool,
}

/// The directory of one browser, where it has its profile and its log.
pub(crate) struct Home {
    dir: PathBuf,
    /// The certificate of the lab's authority, PEM.
    ca_file: String,
}

impl Home {
    fn join(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// Nothing of the user who runs the tests, and no desktop.
    fn environment(&self, command: &mut Command) {
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"] {
            command.env_remove(name);
        }
        // Also what packagers and desktops tell browsers.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if ["MOZ_", "CHROME_", "CHROMIUM_", "XDG_"].iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.env("HOME", &self.dir);
    }
}
