//! What else either end may be: a browser that hides its addresses or may only use relays, raincheck with `--policy
//! relay`, and raincheck as each of the clients that it emulates.
//!
//! Where a real browser can take raincheck's place it does so afterwards, and must come to select the same. An ICE
//! restart that the browser asks for is not here: `raincheck call` takes one description from the other end, and no
//! second one.

use super::browsers::{Browsers, Kind};
use super::connection::{Connection, Settings, Wanted};
use super::introduce;
use super::program::{Client, Role};
use super::same::Facts;
use super::table::{LIMIT, Network, all_allocations_end, selected_as_wanted, settings};
use crate::harness::Case;
use crate::world::{SQUID, World};
use serde_json::Value;

const UDP: &str = "turn:turn1.lab.test:3478?transport=udp";
const TCP: &str = "turn:turn1.lab.test:80?transport=tcp";

pub(super) fn cases(browsers: &Browsers) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, call: Call| {
        let browsers = browsers.clone();
        cases.push(Case::new(format!("calls::{name}"), move |world| call.hold(world, &browsers)));
    };
    for (name, call) in far_ends() {
        add(&name, call);
    }
    for (name, call) in near_ends() {
        add(name, call);
    }
    let of_browsers = browsers.clone();
    cases.push(Case::new("calls::a_gateway_without_a_proxy_has_no_path_when_udp_is_dropped", move |world| {
        gateway_without_a_way(world, &of_browsers)
    }));
    cases
}

/// A call from the branch office to a browser at the public host.
#[derive(Clone)]
struct Call {
    network: Network,
    client: Client<'static>,
    /// A browser that then calls from raincheck's place.
    stand_in: Option<Kind>,
    far: Kind,
    far_settings: Settings,
    selects: Wanted<'static>,
    /// Whether several local candidates have the priority of the one that is selected.
    tie: bool,
}

impl Call {
    fn to(far: Kind, selects: Wanted<'static>) -> Self {
        let client = Client::default();
        // What a Chromium makes of a Firefox is in `calls`.
        let stand_in = (far == Kind::Chromium).then_some(Kind::Chromium);
        let far_settings = settings(None);
        Self { network: Network::Open, client, stand_in, far, far_settings, selects, tie: false }
    }

    fn hold(&self, world: &mut World, browsers: &Browsers) {
        self.network.apply(world);
        let mut browser = Connection::new(browsers, world, self.far, "peer", &self.far_settings);
        let mut call = self.client.call(world, "client", Role::Offer);
        introduce(&mut call, &mut browser);
        browser.wait_connected(LIMIT);
        let ended = selected_as_wanted(call, self.selects);
        let passed_over = ended.json["passed_over"].as_array().map(Vec::as_slice).unwrap_or_default();
        let hidden = |one: &Value| one["candidate"].as_str().is_some_and(|line| line.contains(".local "));
        assert_eq!(passed_over.iter().any(hidden), self.far_settings.hide_addresses, "{passed_over:#?}");
        browser.close();
        all_allocations_end(world);
        if let Some(kind) = self.stand_in {
            let told = Facts::told(&ended);
            let seen = self.stand_in(world, browsers, kind, &told);
            let [told, seen] = [told, seen].map(|facts| if self.tie { facts.but_for_ties() } else { facts });
            assert_eq!(told, seen, "raincheck and the browser in its place");
        }
    }

    /// What a real browser selects in raincheck's place, once it has come to a pair of those priorities.
    fn stand_in(&self, world: &mut World, browsers: &Browsers, kind: Kind, told: &Facts) -> Facts {
        let like_raincheck = Settings { relay_only: self.client.relay_only, ..settings(self.client.proxy) };
        let mut browser = Connection::new(browsers, world, self.far, "peer", &self.far_settings);
        let mut client = Connection::new(browsers, world, kind, "client", &like_raincheck);
        introduce(&mut client, &mut browser);
        client.wait_connected(LIMIT);
        browser.wait_connected(LIMIT);
        let wanted = Wanted { priorities: told.priorities(), ..self.selects };
        let facts = Facts::seen(&client.wait_selected(&wanted, LIMIT));
        client.close();
        browser.close();
        all_allocations_end(world);
        facts
    }
}

fn far_ends() -> Vec<(String, Call)> {
    let hiding = |settings: Settings| Settings { hide_addresses: true, ..settings };
    let mut calls = Vec::new();
    for far in [Kind::Chromium, Kind::Firefox] {
        let mut add = |name: &str, call: Call| calls.push((format!("{name}::{}", far.word()), call));
        let from = |remote| Wanted { local: &["srflx"], remote: Some(remote), ..Wanted::default() };
        // The server sees the address that the name hides.
        let call = Call::to(far, from("srflx"));
        add("a_browser_that_hides_its_addresses", Call { far_settings: hiding(settings(None)), ..call });
        // Its checks are the first that anybody hears of where it is.
        let nothing_but_names = hiding(Settings { urls: Vec::new(), ..settings(None) });
        let call = Call { network: Network::EndpointIndependentNat, ..Call::to(far, from("prflx")) };
        add(
            "a_browser_that_only_gives_a_name_is_found_by_its_checks",
            Call { far_settings: nothing_but_names, ..call },
        );
        let relay_only = Settings { relay_only: true, ..settings(None) };
        let call = Call { far_settings: relay_only, ..Call::to(far, from("relay")) };
        add("a_browser_that_may_only_use_relays", call);
        let over_relay =
            Wanted { local: &["relay"], relay_protocol: Some("udp"), url: Some(UDP), ..from("host") };
        let client = Client { relay_only: true, ..Client::default() };
        add(
            "raincheck_that_may_only_use_relays",
            Call { client, stand_in: None, ..Call::to(far, over_relay) },
        );
    }
    calls
}

fn near_ends() -> Vec<(&'static str, Call)> {
    let direct = |local| Wanted { local, remote: Some("host"), ..Wanted::default() };
    let relay = |protocol, url| Wanted { relay_protocol: protocol, url, ..direct(&["relay"]) };
    let call = |network, profile, selects| Call {
        network,
        client: Client { profile, ..Client::default() },
        stand_in: None,
        ..Call::to(Kind::Chromium, selects)
    };
    let firefox =
        |network, selects| Call { stand_in: Some(Kind::Firefox), ..call(network, "firefox", selects) };
    let through_squid = Client { profile: "gateway", proxy: Some(SQUID), ..Client::default() };
    vec![
        ("profile_firefox::open", firefox(Network::Open, direct(&["srflx"]))),
        // Its relays over TCP and TLS have one and the same priority.
        (
            "profile_firefox::udp_dropped",
            Call { tie: true, ..firefox(Network::UdpDropped, relay(None, None)) },
        ),
        ("profile_mobile::open", call(Network::Open, "mobile", direct(&["srflx"]))),
        ("profile_mobile::udp_dropped", call(Network::UdpDropped, "mobile", relay(Some("tcp"), Some(TCP)))),
        ("profile_rfc8445::open", call(Network::Open, "rfc8445", direct(&["srflx"]))),
        ("profile_rfc8445::udp_dropped", call(Network::UdpDropped, "rfc8445", relay(None, None))),
        ("profile_gateway::open", call(Network::Open, "gateway", direct(&["srflx"]))),
        (
            "profile_gateway::udp_dropped_with_a_proxy",
            Call { client: through_squid, ..call(Network::UdpDropped, "gateway", relay(Some("tcp"), None)) },
        ),
    ]
}

/// It tries no TCP where it has no proxy.
fn gateway_without_a_way(world: &mut World, browsers: &Browsers) {
    Network::UdpDropped.apply(world);
    let mut browser = Connection::new(browsers, world, Kind::Chromium, "peer", &settings(None));
    let client = Client { profile: "gateway", ..Client::default() };
    let mut call = client.call(world, "client", Role::Offer);
    introduce(&mut call, &mut browser);
    let ended = call.wait(LIMIT);
    let about = || ended.about();
    assert_eq!((&ended.json["state"], ended.status.code()), (&Value::from("failed"), Some(1)), "{}", about());
    let paths = ended.json["paths"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(paths.iter().all(|path| path["transport"] == "udp"), "{}", about());
    browser.close();
    all_allocations_end(world);
}
