//! `call self` in the branch office: the selected path is cut, the call is kept up, and something ends it.

use crate::browser::{Client, EndedCall, RunningCall, all_allocations_end};
use crate::harness::Case;
use crate::world::{Firewall, SQUID, World};
use serde_json::Value;
use std::time::Duration;

/// The longest of the client's timers, and what a call needs before and after it.
const LIMIT: Duration = Duration::from_secs(60);
/// Allocations that live so long, seconds, are refreshed within a short soak, and end by themselves when nobody can
/// give them back.
const LIFETIME: u32 = 10;
const TCP: &str = "turn:turn1.lab.test:80?transport=tcp";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("own::a_cut_of_udp_moves_the_call_to_a_relay_over_tcp", cut),
        Case::new("own::a_soak_refreshes_its_allocations_and_holds", held),
        Case::new("own::dropped_udp_moves_the_call_in_the_middle_of_a_soak", udp_dropped),
        Case::new("own::everything_dropped_ends_a_soak", everything_dropped),
        Case::new("own::killed_turn_servers_end_a_soak", servers_killed),
        Case::new("own::a_killed_squid_ends_a_soak_behind_it", squid_killed),
    ]
}

fn cut(world: &mut World) {
    let mut arguments = Client::default().arguments(world);
    arguments.extend(["--fail".to_owned(), "udp".to_owned()]);
    let ended = RunningCall::raincheck(world, "client", "self", &arguments).wait(LIMIT);
    let about = || ended.about();
    works(&ended);
    let cut = &ended.json["cut"];
    assert_eq!((&cut["path"], &cut["touched"]), (&Value::from("udp"), &Value::from(true)), "{}", about());
    for time in ["switched_ms", "gap_ms"] {
        assert!(cut[time].as_f64().is_some_and(|ms| ms > 0.0), "{time}: {}", about());
    }
    let (before, after) = (pair(&ended, &cut["before"]), pair(&ended, &cut["after"]));
    assert_ne!(before["local"]["type"], "relay", "{}", about());
    assert_eq!((&after["local"]["url"], &after["selected"]), (&TCP.into(), &true.into()), "{}", about());
    all_allocations_end(world);
}

fn held(world: &mut World) {
    world.start_turn_with_lifetime(LIFETIME);
    let ended = soak(world, Client::default(), "20s").wait(LIMIT);
    works(&ended);
    let soak = &ended.json["soak"];
    assert_eq!((&soak["ended_by"], &soak["held_ms"]), (&Value::Null, &soak["asked_ms"]), "{}", ended.about());
    for kind in ["allocation", "consent"] {
        for upkeep in upkeep(&ended, kind) {
            let count = |name: &str| upkeep[name].as_u64().unwrap_or_default();
            assert!(count("due") > 0 && count("answered") > 0, "{upkeep}: {}", ended.about());
            assert_eq!(upkeep["cause"], Value::Null, "{}", ended.about());
        }
    }
    all_allocations_end(world);
}

fn udp_dropped(world: &mut World) {
    world.start_turn_with_lifetime(LIFETIME);
    let call = soak(world, Client::default(), "12s");
    call.progress("00:01 of 00:12");
    world.firewall(Firewall::UdpDropped);
    let ended = call.wait(LIMIT);
    works(&ended);
    assert_eq!(ended.json["soak"]["ended_by"], Value::Null, "{}", ended.about());
    for end in [&ended.json, &ended.json["far"]] {
        assert_eq!(end["selected"]["local"]["relay_protocol"], "tcp", "{}", ended.about());
    }
    all_allocations_end(world);
}

fn everything_dropped(world: &mut World) {
    world.start_turn_with_lifetime(LIFETIME);
    let call = soak(world, Client::default(), "50s");
    call.progress("00:01 of 00:50");
    // There is no proxy either.
    world.firewall(Firewall::OnlyProxy);
    let ended = call.wait(LIMIT);
    dropped(&ended, &["nothing came any more"]);
    all_allocations_end(world);
}

/// The first server takes the call down to the second, and that one ends it.
fn servers_killed(world: &mut World) {
    let call = soak(world, Client::default(), "50s");
    call.progress("00:01 of 00:50");
    world.kill_turn(1);
    call.progress("00:08 of 00:50");
    world.kill_turn(2);
    let ended = call.wait(LIMIT);
    dropped(&ended, &["tcp/turn1.lab.test:80", "tcp/turn2.lab.test:80", "reset"]);
    let events = list(&ended.json["events"]).iter().filter_map(|event| event["event"].as_str());
    let moved =
        events.into_iter().any(|event| event.starts_with("selected: ") && event.contains("198.51.100.12:"));
    assert!(moved, "{}", ended.about());
}

fn squid_killed(world: &mut World) {
    world.firewall(Firewall::OnlyProxy);
    let call = soak(world, Client { proxy: Some(SQUID), ..Client::default() }, "40s");
    call.progress("00:01 of 00:40");
    world.kill_squid();
    let ended = call.wait(LIMIT);
    dropped(&ended, &["proxy.lab.test:3128"]);
    all_allocations_end(world);
}

fn soak(world: &World, client: Client<'_>, duration: &str) -> RunningCall {
    let mut arguments = client.arguments(world);
    arguments.extend(["--soak".to_owned(), duration.to_owned()]);
    RunningCall::raincheck_in_a_terminal(world, "client", "self", &arguments)
}

fn works(ended: &EndedCall) {
    assert_eq!(ended.json["state"], "connected", "{}", ended.about());
    assert_eq!(ended.json["dtls"]["ok"], true, "{}", ended.about());
    assert!(ended.status.success(), "{}", ended.about());
}

/// The call ended before its time, and that is told with these words.
fn dropped(ended: &EndedCall, words: &[&str]) {
    let about = || ended.about();
    assert_eq!(ended.status.code(), Some(1), "{}", about());
    assert_eq!(ended.json["state"], "connected", "{}", about());
    let soak = &ended.json["soak"];
    let ended_by = soak["ended_by"].as_str().unwrap_or_default();
    for word in words {
        assert!(ended_by.contains(word), "no {word:?} in {ended_by:?}: {}", about());
    }
    assert!(soak["held_ms"].as_f64() < soak["asked_ms"].as_f64(), "{}", about());
    let finding = list(&ended.json["findings"]).iter().find(|finding| finding["code"] == "call-dropped");
    let finding = finding.unwrap_or_else(|| panic!("no call-dropped: {}", about()));
    assert_eq!(finding["severity"], "error", "{}", about());
}

/// The pair in that position.
fn pair<'a>(ended: &'a EndedCall, position: &Value) -> &'a Value {
    let found = list(&ended.json["pairs"]).iter().find(|pair| &pair["position"] == position);
    found.unwrap_or_else(|| panic!("no pair {position}: {}", ended.about()))
}

/// What was kept up of this kind, at each end.
fn upkeep<'a>(ended: &'a EndedCall, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let of_kind = list(&ended.json["soak"]["upkeep"]).iter().filter(move |upkeep| upkeep["what"] == kind);
    let count = of_kind.clone().count();
    assert_eq!(count, 2, "{kind}: {}", ended.about());
    of_kind
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
