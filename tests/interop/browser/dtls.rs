//! A box that lets STUN pass and not DTLS: both ends are connected, and nobody hears anything.

use super::browsers::{Browsers, Kind};
use super::connection::{Connection, Wanted};
use super::introduce;
use super::program::{Client, EndedCall, Role};
use super::table::{LIMIT, all_allocations_end, settings};
use crate::harness::Case;
use crate::world::{Firewall, World};

pub(super) fn cases(browsers: &Browsers) -> Vec<Case> {
    let browsers = browsers.clone();
    let name = "calls::dtls_that_is_dropped_where_stun_passes_is_found";
    vec![Case::new(name, move |world| dropped(world, &browsers))]
}

/// Both parts of the handshake at a time, since each waits long before it gives up: raincheck begins with Firefox, and
/// Chromium with raincheck.
fn dropped(world: &mut World, browsers: &Browsers) {
    world.firewall(Firewall::DtlsDropped);
    let mut firefox = Connection::new(browsers, world, Kind::Firefox, "peer", &settings(None));
    let mut chromium = Connection::new(browsers, world, Kind::Chromium, "peer", &settings(None));
    let mut answers = Client::default().call(world, "client", Role::Answer);
    introduce(&mut firefox, &mut answers);
    let mut offers = Client::default().call(world, "client", Role::Offer);
    introduce(&mut offers, &mut chromium);
    let over_udp = Wanted { local: &["host"], ..Wanted::default() };
    chromium.wait_selected(&over_udp, LIMIT);
    blocked(&answers.wait(LIMIT), true);
    blocked(&offers.wait(LIMIT), false);
    firefox.close();
    chromium.close();
    all_allocations_end(world);
}

fn blocked(ended: &EndedCall, began: bool) {
    let about = || ended.about();
    assert_eq!(ended.json["state"], "connected", "{}", about());
    let pair = &ended.json["selected"];
    assert!(pair["checks_answered"].as_u64() > Some(0), "{}", about());
    assert_ne!(pair["local"]["type"], "relay", "{}", about());
    let dtls = &ended.json["dtls"];
    assert_eq!(dtls["ok"], false, "{}", about());
    assert_eq!(dtls["datagrams_received"], 0, "{}", about());
    assert_eq!(dtls["flights_sent"].as_u64() > Some(0), began, "{}", about());
    let findings = ended.json["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let blocked = findings.iter().find(|finding| finding["code"] == "dtls-blocked");
    let blocked = blocked.unwrap_or_else(|| panic!("no dtls-blocked: {}", about()));
    assert_eq!(blocked["severity"], "error", "{}", about());
    assert_eq!(ended.status.code(), Some(1), "{}", about());
}
