//! What a client in the branch office selects when it calls a public peer, in each network, and the calls of
//! raincheck that must select it.
//!
//! The expectations are Chromium's: `calls` holds the same calls with a real Chromium in raincheck's place.

use super::PageOptions;
use super::browsers::{Browsers, Kind};
use super::connection::{Connection, Settings, Wanted};
use super::introduce;
use super::program::{Client, EndedCall, Role, RunningCall};
use crate::ask::urls;
use crate::harness::Case;
use crate::world::{Firewall, Nat, Router, SERVERS, SQUID, World};
use std::time::Duration;

/// Far above what connecting may take; only a failure meets it.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// The client's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Open,
    AddressDependentNat,
    EndpointIndependentNat,
    UdpDropped,
    Only443,
    OnlyProxy,
}

impl Network {
    pub(crate) const ALL: [Self; 6] = [
        Self::Open,
        Self::AddressDependentNat,
        Self::EndpointIndependentNat,
        Self::UdpDropped,
        Self::Only443,
        Self::OnlyProxy,
    ];

    /// As it stands in names of cases.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::AddressDependentNat => "behind_an_address_dependent_nat",
            Self::EndpointIndependentNat => "behind_an_endpoint_independent_nat",
            Self::UdpDropped => "udp_dropped",
            Self::Only443 => "only_443",
            Self::OnlyProxy => "only_proxy",
        }
    }

    /// Makes the client's network so.
    pub(crate) fn apply(self, world: &World) {
        match self {
            Self::Open => {}
            Self::AddressDependentNat => world.nat(Router::Branch, Nat::AddressAndPortDependent),
            Self::EndpointIndependentNat => world.nat(Router::Branch, Nat::EndpointIndependent),
            Self::UdpDropped => world.firewall(Firewall::UdpDropped),
            Self::Only443 => world.firewall(Firewall::Only443),
            Self::OnlyProxy => world.firewall(Firewall::OnlyProxy),
        }
    }

    /// The proxy that a client is told of there.
    pub(crate) fn proxy(self) -> Option<&'static str> {
        (self == Self::OnlyProxy).then_some(SQUID)
    }

    /// What Chromium selects there in that role, seen from the client.
    pub(crate) fn selects(self, role: Role) -> Wanted<'static> {
        let direct = |local| Wanted { local, remote: Some("host"), ..Wanted::default() };
        let relay =
            |protocol, url| Wanted { relay_protocol: Some(protocol), url: Some(url), ..direct(&["relay"]) };
        match self {
            // One address and port either way, but who answers knows the peer before its own servers have answered,
            // and so may learn that address from the peer.
            Self::Open | Self::EndpointIndependentNat if role == Role::Answer => direct(&["srflx", "prflx"]),
            Self::Open | Self::EndpointIndependentNat => direct(&["srflx"]),
            // The peer sees a port that no server saw.
            Self::AddressDependentNat => direct(&["prflx"]),
            Self::UdpDropped | Self::OnlyProxy => relay("tcp", "turn:turn1.lab.test:80?transport=tcp"),
            Self::Only443 => relay("tls", "turns:turn1.lab.test:443?transport=tcp"),
        }
    }
}

/// The settings of a browser that is given every server, as in the recordings.
pub(super) fn settings(proxy: Option<&str>) -> Settings {
    Settings {
        urls: all_urls(),
        relay_only: false,
        hide_addresses: false,
        page: PageOptions { proxy: proxy.map(str::to_owned), microphone: false },
    }
}

/// The URLs of the recordings, in their order.
pub(super) fn all_urls() -> Vec<String> {
    SERVERS.iter().flat_map(|server| urls(server)).collect()
}

/// raincheck offers and answers, with a browser at the public host, in each network.
pub(crate) fn cases(browsers: &Browsers) -> Vec<Case> {
    let mut cases = Vec::new();
    for network in Network::ALL {
        for far in [Kind::Chromium, Kind::Firefox] {
            for role in [Role::Offer, Role::Answer] {
                let browsers = browsers.clone();
                let name = format!("calls::raincheck_{}s_to_{}::{}", role.word(), far.word(), network.word());
                cases.push(Case::new(name, move |world| {
                    raincheck_calls(world, &browsers, network, far, role)
                }));
            }
        }
        for role in [Role::Offer, Role::Answer] {
            let name = format!("calls::raincheck_{}s_to_aioice::{}", role.word(), network.word());
            cases.push(Case::new(name, move |world| raincheck_calls_aioice(world, network, role)));
        }
    }
    cases
}

fn raincheck_calls(world: &mut World, browsers: &Browsers, network: Network, far: Kind, role: Role) {
    network.apply(world);
    let mut browser = Connection::new(browsers, world, far, "peer", &settings(None));
    let mut call = raincheck(world, network, role);
    match role {
        Role::Offer => introduce(&mut call, &mut browser),
        Role::Answer => introduce(&mut browser, &mut call),
    }
    browser.wait_connected(LIMIT);
    // Only the browser's side of the pair that both must be on.
    let from_there = Wanted { local: &["host"], ..Wanted::default() };
    browser.wait_selected(&from_there, LIMIT);
    selected_as_wanted(call, network.selects(role));
    browser.close();
    all_allocations_end(world);
}

fn raincheck_calls_aioice(world: &mut World, network: Network, role: Role) {
    network.apply(world);
    let (certificate, key) = world.server_certificate();
    let other = if role == Role::Offer { Role::Answer } else { Role::Offer };
    let mut far = RunningCall::aioice(world, "peer", other, Some((&certificate, &key)));
    let mut call = raincheck(world, network, role);
    match role {
        Role::Offer => introduce(&mut call, &mut far),
        Role::Answer => introduce(&mut far, &mut call),
    }
    selected_as_wanted(call, network.selects(role));
    assert_eq!(far.wait(LIMIT).json["state"], "connected");
    all_allocations_end(world);
}

fn raincheck(world: &World, network: Network, role: Role) -> RunningCall {
    Client { proxy: network.proxy(), ..Client::default() }.call(world, "client", role)
}

/// Waits for raincheck's result, by the names of the JSON interface.
pub(super) fn selected_as_wanted(call: RunningCall, wanted: Wanted<'_>) -> EndedCall {
    let ended = call.wait(LIMIT);
    let about = || ended.about();
    assert_eq!(ended.json["state"], "connected", "{}", about());
    assert_eq!(ended.json["dtls"]["ok"], true, "{}", about());
    let pair = &ended.json["selected"];
    let local = pair["local"]["type"].as_str().unwrap_or_default();
    let any = wanted.local.is_empty();
    assert!(any || wanted.local.contains(&local), "wanted {wanted:?}: {}", about());
    let members = [
        ("local", "relay_protocol", wanted.relay_protocol),
        ("local", "url", wanted.url),
        ("remote", "type", wanted.remote),
    ];
    for (end, member, value) in members {
        if let Some(value) = value {
            assert_eq!(pair[end][member], value, "{end} {member}: {}", about());
        }
    }
    assert!(ended.status.success(), "{}: {}", ended.status, about());
    ended
}

/// Whoever made allocations gives them back.
pub(crate) fn all_allocations_end(world: &mut World) {
    let mut seen = world.allocations();
    let closed = seen.wait_until(Duration::from_secs(10), |seen| seen.open().is_empty());
    assert!(closed, "allocations left behind:\n{}", seen.open().join("\n"));
}
