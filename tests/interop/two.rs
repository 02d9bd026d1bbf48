//! Two rainchecks: one in the branch office offers, one at the public host or in the home office answers.

use crate::browser::{Client, EndedCall, RunningCall, all_allocations_end};
use crate::harness::Case;
use crate::world::{Firewall, Nat, Router, World};
use serde_json::Value;
use std::cell::RefCell;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(40);
const PORT: u16 = 7000;
/// What a line to paste begins with.
const LINE: &str = "raincheck1:";

pub(crate) fn cases() -> Vec<Case> {
    let direct = Selects { local: &["srflx"], relay_protocol: None, remote: &["host"] };
    // Whether a server or the other end told first what the NAT makes of an address.
    let through_both =
        Selects { local: &["srflx", "prflx"], relay_protocol: None, remote: &["srflx", "prflx"] };
    let by_code = [("peer", "the_public_host", direct), ("home", "the_home_office", through_both)];
    let mut cases = Vec::new();
    for (place, word, selects) in by_code {
        for (how, meet) in
            [("by_code", by_code_at as fn(&mut World, &'static str) -> Pair), ("by_paste", by_paste_at)]
        {
            let name = format!("two::{how}_with_{word}");
            cases.push(Case::new(name, move |world| meet(world, place).both_select(world, selects)));
        }
    }
    cases.push(Case::new("two::behind_two_symmetric_nats_only_a_relay_works", two_symmetric_nats));
    cases.push(Case::new("two::with_udp_dropped_on_one_side_a_relay_over_tcp", udp_dropped));
    cases
}

/// What the end in the branch office selects.
#[derive(Clone, Copy)]
struct Selects {
    local: &'static [&'static str],
    relay_protocol: Option<&'static str>,
    remote: &'static [&'static str],
}

/// Both results, the one of the branch office first.
struct Pair([EndedCall; 2]);

/// The end elsewhere listens and shows a code.
fn by_code_at(world: &mut World, place: &'static str) -> Pair {
    // A person who waits behind a NAT opens a port in it.
    let address = if place == "home" {
        world.forward(Router::Home, PORT);
        format!("198.51.100.40:{PORT}")
    } else {
        format!("peer.lab.test:{PORT}")
    };
    let arguments = Client::default().arguments(world);
    let listen = [arguments.clone(), words(&["--listen", &PORT.to_string()])].concat();
    let answers = RunningCall::raincheck(world, place, "answer", &listen);
    let code = answers.told(|line| line.trim().strip_prefix("code").map(|code| code.trim().to_owned()));
    let code = world.file("code", &code);
    let connect = [arguments, words(&["--connect", &address, "--code-file", &code])].concat();
    let offers = RunningCall::raincheck(world, "client", "offer", &connect);
    Pair([offers.wait(LIMIT), answers.wait(LIMIT)])
}

/// A line each way.
fn by_paste_at(world: &mut World, place: &'static str) -> Pair {
    let arguments = Client::default().arguments(world);
    let mut offers = RunningCall::raincheck(world, "client", "offer", &arguments);
    let mut answers = RunningCall::raincheck(world, place, "answer", &arguments);
    answers.type_in(&line_to_paste(&offers));
    offers.type_in(&line_to_paste(&answers));
    Pair([offers.wait(LIMIT), answers.wait(LIMIT)])
}

/// What is to be carried over: pieces that terminals take, up to an empty line.
fn line_to_paste(call: &RunningCall) -> String {
    let pieces = RefCell::new(Vec::new());
    call.told(|line| {
        let (line, mut pieces) = (line.trim_end(), pieces.borrow_mut());
        match (line.is_empty(), pieces.is_empty()) {
            (true, false) => Some(pieces.join("\n")),
            (false, true) if !line.starts_with(LINE) => None,
            (true, true) => None,
            (false, _) => {
                pieces.push(line.to_owned());
                None
            }
        }
    })
}

fn two_symmetric_nats(world: &mut World) {
    world.nat(Router::Branch, Nat::AddressAndPortDependent);
    world.nat(Router::Home, Nat::AddressAndPortDependent);
    let pair = by_paste_at(world, "home");
    let kinds = pair.0.each_ref().map(|end| end.selected()["local"]["type"].as_str().unwrap_or_default());
    assert!(kinds.contains(&"relay"), "a direct pair through two symmetric NATs: {kinds:?}");
    pair.agree();
    all_allocations_end(world);
}

fn udp_dropped(world: &mut World) {
    world.firewall(Firewall::UdpDropped);
    let over_tcp = Selects { local: &["relay"], relay_protocol: Some("tcp"), remote: &["srflx", "prflx"] };
    by_paste_at(world, "home").both_select(world, over_tcp);
}

impl Pair {
    fn both_select(&self, world: &mut World, wanted: Selects) {
        let [offers, _] = &self.0;
        let pair = offers.selected();
        let kind = |end: &str| pair[end]["type"].as_str().unwrap_or_default().to_owned();
        assert!(wanted.local.contains(&kind("local").as_str()), "{}", offers.about());
        assert!(wanted.remote.contains(&kind("remote").as_str()), "{}", offers.about());
        assert_eq!(pair["local"]["relay_protocol"].as_str(), wanted.relay_protocol, "{}", offers.about());
        self.agree();
        all_allocations_end(world);
    }

    /// Both are connected over one and the same pair.
    fn agree(&self) {
        let [offers, answers] = &self.0;
        for end in &self.0 {
            assert_eq!(end.json["state"], "connected", "{}", end.about());
            assert_eq!(end.json["dtls"]["ok"], true, "{}", end.about());
            assert_eq!(end.json["dtls"]["fingerprint_matches"], true, "{}", end.about());
            assert!(end.json["dtls"]["largest_sent"].as_u64() >= Some(1200), "{}", end.about());
            assert!(end.status.success(), "{}: {}", end.status, end.about());
        }
        let at = |candidate: &Value| (candidate["address"].clone(), candidate["port"].clone());
        let (here, there) = (offers.selected(), answers.selected());
        assert_eq!(at(&here["remote"]), at(&there["local"]), "{}\n{}", offers.about(), answers.about());
        assert_eq!(at(&here["local"]), at(&there["remote"]), "{}\n{}", offers.about(), answers.about());
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
