//! Calls between real browsers: what they are set to, and each network with Chromium in raincheck's place.

use super::browsers::{Browsers, Kind};
use super::connection::{Connection, Settings, Wanted, summary};
use super::program::{Role, RunningCall};
use super::table::{LIMIT, Network, all_allocations_end, settings};
use super::{PageOptions, Party, introduce};
use crate::harness::Case;
use crate::world::{Nat, Router, World};

pub(super) fn cases(browsers: &Browsers) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: String, test: fn(&mut World, &Browsers)| {
        let browsers = browsers.clone();
        cases.push(Case::new(name, move |world| test(world, &browsers)));
    };
    add("calls::browsers_tell_host_addresses_unless_asked_to_hide_them".into(), hidden_addresses);
    add("calls::a_chromium_that_holds_the_microphone_enumerates_networks".into(), microphone);
    add("calls::two_strict_nats_leave_only_the_relay".into(), two_strict_nats);
    for network in Network::ALL {
        for far in [Kind::Chromium, Kind::Firefox] {
            for role in [Role::Offer, Role::Answer] {
                let browsers = browsers.clone();
                let name = format!("calls::chromium_{}s_to_{}::{}", role.word(), far.word(), network.word());
                cases.push(Case::new(name, move |world| in_network(world, &browsers, network, far, role)));
            }
        }
    }
    for role in [Role::Offer, Role::Answer] {
        let browsers = browsers.clone();
        let name = format!("calls::chromium_{}s_to_aioice", role.word());
        cases.push(Case::new(name, move |world| with_aioice(world, &browsers, role)));
    }
    cases
}

/// Chromium in raincheck's place, so that the table is what a real client does.
fn in_network(world: &mut World, browsers: &Browsers, network: Network, far: Kind, role: Role) {
    network.apply(world);
    let mut peer = Connection::new(browsers, world, far, "peer", &settings(None));
    let mut client = Connection::new(browsers, world, Kind::Chromium, "client", &settings(network.proxy()));
    match role {
        Role::Offer => introduce(&mut client, &mut peer),
        Role::Answer => introduce(&mut peer, &mut client),
    }
    client.wait_connected(LIMIT);
    peer.wait_connected(LIMIT);
    client.wait_selected(&network.selects(role), LIMIT);
    let from_there = Wanted { local: &["host"], ..Wanted::default() };
    peer.wait_selected(&from_there, LIMIT);
    // Whoever made the data channel speaks first.
    echoes(if role == Role::Offer { &mut client } else { &mut peer });
    close_both(world, client, peer);
}

fn hidden_addresses(world: &mut World, browsers: &Browsers) {
    for kind in [Kind::Chromium, Kind::Firefox] {
        for hide_addresses in [false, true] {
            let settings = Settings { hide_addresses, ..settings(None) };
            let mut client = Connection::new(browsers, world, kind, "client", &settings);
            let offer = client.offer();
            assert_eq!(offer.contains(".local "), hide_addresses, "{kind:?}:\n{offer}");
            assert_eq!(offer.contains(" 10.10.0.2 "), !hide_addresses, "{kind:?}:\n{offer}");
            client.close();
        }
    }
    all_allocations_end(world);
}

/// The priorities of the host candidate in the recordings `chromium-open` and `chromium-media`.
fn microphone(world: &mut World, browsers: &Browsers) {
    for (microphone, priority) in [(false, " 2113937151 10.10.0.2 "), (true, " 2122260223 10.10.0.2 ")] {
        let settings = Settings { page: PageOptions { proxy: None, microphone }, ..settings(None) };
        let mut client = Connection::new(browsers, world, Kind::Chromium, "client", &settings);
        let offer = client.offer();
        assert!(offer.contains(priority), "no{priority}in\n{offer}");
        client.close();
    }
    all_allocations_end(world);
}

/// Neither NAT lets the other's packets in, so both ends meet at a relay.
fn two_strict_nats(world: &mut World, browsers: &Browsers) {
    world.nat(Router::Branch, Nat::AddressAndPortDependent);
    world.nat(Router::Home, Nat::AddressAndPortDependent);
    let mut client = Connection::new(browsers, world, Kind::Chromium, "client", &settings(None));
    let mut home = Connection::new(browsers, world, Kind::Chromium, "home", &settings(None));
    introduce(&mut client, &mut home);
    client.wait_connected(LIMIT);
    home.wait_connected(LIMIT);
    for end in [&mut client, &mut home] {
        let stats = end.stats();
        let pair = stats.selected().expect("a selected pair");
        let ends = [&pair.local, &pair.remote].map(|end| end.kind.as_deref() == Some("relay"));
        assert!(ends.contains(&true), "a direct pair through two strict NATs: {pair:#?}");
    }
    echoes(&mut client);
    close_both(world, client, home);
}

/// ICE of aioice and DTLS of openssl: nobody there speaks SCTP, and the browser is connected all the same.
fn with_aioice(world: &mut World, browsers: &Browsers, role: Role) {
    let (certificate, key) = world.server_certificate();
    let other = if role == Role::Offer { Role::Answer } else { Role::Offer };
    let mut far = RunningCall::aioice(world, "peer", other, Some((&certificate, &key)));
    let mut client = Connection::new(browsers, world, Kind::Chromium, "client", &settings(None));
    match role {
        Role::Offer => introduce(&mut client, &mut far),
        Role::Answer => introduce(&mut far, &mut client),
    }
    client.wait_connected(LIMIT);
    client.wait_selected(&Network::Open.selects(role), LIMIT);
    assert_ne!(client.stats().channel.as_deref(), Some("open"), "openssl speaks no SCTP");
    client.close();
    let ended = far.wait(LIMIT);
    assert_eq!(ended.json["state"], "connected", "{:#}\n{}", ended.json, ended.messages);
    assert_eq!(ended.json["selected"]["local"]["type"], "host", "{:#}", ended.json);
    all_allocations_end(world);
}

/// Whether messages cross both ways.
pub(super) fn echoes(connection: &mut Connection) {
    let back = connection.echo("rain", LIMIT);
    assert_eq!(back.as_deref(), Some("rain"), "{}", summary(&connection.stats()));
}

/// Ends a call of two browsers.
pub(super) fn close_both(world: &mut World, one: Connection, other: Connection) {
    one.close();
    other.close();
    all_allocations_end(world);
}
