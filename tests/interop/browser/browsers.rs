//! The browsers of a run: started when first asked for, kept for the next case, ended with the ring.

use super::chromium::Chromium;
use super::firefox::Firefox;
use super::{Browser, Home};
use crate::world::{self, World};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::rc::Rc;

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Chromium,
    Firefox,
}

impl Kind {
    /// As it stands in names of cases.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }
}

/// Which browser, where, and whether it hides host addresses: what one process can be only once.
type Key = (Kind, &'static str, bool);

/// The browsers that run now. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Browsers {
    idle: Rc<RefCell<BTreeMap<Key, Browser>>>,
}

/// What these tests need and this host lacks, in words.
pub(crate) fn missing() -> Vec<String> {
    let programs = [
        ("chromium", "chromium"),
        ("firefox-esr", "firefox-esr"),
        ("certutil", "libnss3-tools"),
        ("bash", "bash"),
        ("script", "bsdutils"),
    ];
    let mut missing = Vec::new();
    for (program, package) in programs {
        if !world::is_installed(program) {
            missing.push(format!("{program}, from the package {package}"));
        }
    }
    if !world::python_has("aioice") {
        missing.push("the Python module aioice, from the package python3-aioice".to_owned());
    }
    missing
}

impl Browsers {
    /// A browser in that place, for as long as the caller holds it. One that a failed case held is not used again.
    pub(crate) fn take(&self, world: &World, kind: Kind, place: &'static str, hide_addresses: bool) -> Held {
        let key = (kind, place, hide_addresses);
        let idle = self.idle.borrow_mut().remove(&key);
        let browser = idle.unwrap_or_else(|| start(world, key));
        Held { browser: Some(browser), key, browsers: self.clone() }
    }
}

fn start(world: &World, (kind, place, hide_addresses): Key) -> Browser {
    let hides = if hide_addresses { "-hiding" } else { "" };
    let dir = world.dir().join(format!("{}-in-{place}{hides}", kind.word()));
    // What an earlier one left there, which a failed case held.
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("directory of a browser");
    let home = Home { dir, ca_file: world.ca_file() };
    let place = world.place(place);
    match kind {
        Kind::Chromium => Browser::Chromium(Chromium::start(&place, &home, hide_addresses)),
        Kind::Firefox => Browser::Firefox(Firefox::start(&place, &home, hide_addresses)),
    }
}

/// A browser that one case uses.
pub(crate) struct Held {
    browser: Option<Browser>,
    key: Key,
    browsers: Browsers,
}

impl Held {
    /// The browser itself.
    pub(crate) fn browser(&mut self) -> &mut Browser {
        self.browser.as_mut().expect("held until dropped")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Whatever state a failure left it in, the next case shall not inherit it.
        if !std::thread::panicking()
            && let Some(browser) = self.browser.take()
        {
            self.browsers.idle.borrow_mut().insert(self.key, browser);
        }
    }
}
