//! However a run ends, coturn sees every allocation of it end too.

use crate::ask::{Credentials, ice_servers, start};
use crate::harness::Case;
use crate::world::{Finished, Firewall, Running, SQUID, World};
use std::time::Duration;

/// coturn looks at its timers once a second.
const SERVERS_NOTICE: Duration = Duration::from_secs(4);
/// A round trip and the servers' writing of their logs.
const UNDER_WAY: Duration = Duration::from_millis(300);
/// Long enough to be interrupted in.
const LONG_MEDIA: &str = "20";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("leave::after_success_every_allocation_is_closed", after_success),
        Case::new("leave::after_gather_every_allocation_is_closed", after_gather),
        Case::new("leave::after_ctrl_c_every_allocation_is_closed", after_ctrl_c),
        Case::new("leave::after_ctrl_c_among_the_first_allocations_every_one_is_closed", after_early_ctrl_c),
        Case::new("leave::after_sigterm_every_allocation_is_closed", after_sigterm),
        Case::new("leave::after_the_deadline_every_allocation_is_closed", after_deadline),
        Case::new("leave::after_a_killed_proxy_every_allocation_is_closed", after_killed_proxy),
    ]
}

fn after_success(world: &mut World) {
    let finished = watch(world, "check", &["--media", "1", "--proxy", "none"], 6, |_, _| {});
    assert_eq!(code(&finished), 0, "{finished:#?}");
}

fn after_gather(world: &mut World) {
    let finished = watch(world, "gather", &["--proxy", "none"], 6, |_, _| {});
    assert_eq!(code(&finished), 0, "{finished:#?}");
}

fn after_ctrl_c(world: &mut World) {
    let more = ["--media", LONG_MEDIA, "--proxy", "none"];
    let finished = watch(world, "check", &more, 6, |_, running| running.signal("INT"));
    ended_early(&finished);
}

fn after_early_ctrl_c(world: &mut World) {
    let finished = watch(world, "check", &["--proxy", "none"], 1, |_, running| running.signal("INT"));
    ended_early(&finished);
}

fn after_sigterm(world: &mut World) {
    let more = ["--media", LONG_MEDIA, "--proxy", "none"];
    let finished = watch(world, "check", &more, 6, |_, running| running.signal("TERM"));
    ended_early(&finished);
}

fn after_deadline(world: &mut World) {
    let more = ["--media", LONG_MEDIA, "--proxy", "none", "--deadline", "2"];
    let finished = watch(world, "check", &more, 6, |_, _| {});
    ended_early(&finished);
}

fn after_killed_proxy(world: &mut World) {
    world.firewall(Firewall::OnlyProxy);
    let more = ["--media", "3", "--proxy", SQUID];
    let finished = watch(world, "check", &more, 4, |world, _| world.kill_squid());
    assert_eq!(code(&finished), 1, "{finished:#?}");
}

/// Runs a command; once that many allocations have been opened, does `then`; after the end of the run waits for
/// all of them to be closed.
fn watch(
    world: &mut World,
    command: &str,
    more: &[&str],
    allocations: usize,
    then: impl Fn(&mut World, &Running),
) -> Finished {
    let servers = ice_servers(world, Credentials::Right);
    let before = world.allocations().opened();
    let running = start(world, command, &servers, more);
    let enough =
        world.allocations().wait_until(Duration::from_secs(10), |seen| seen.opened() - before >= allocations);
    then(world, &running);
    let finished = running.finish(Duration::from_secs(30));
    assert!(enough, "fewer than {allocations} allocations were opened: {finished:#?}");
    let mut seen = world.allocations();
    // An allocation that was asked for just before the end is told of a little later.
    seen.wait_until(UNDER_WAY, |_| false);
    let closed = seen.wait_until(SERVERS_NOTICE, |seen| seen.open().is_empty());
    assert!(closed, "allocations left behind:\n{}\n{finished:#?}", seen.open().join("\n"));
    finished
}

fn ended_early(finished: &Finished) {
    assert!(finished.status.is_some(), "it did not end: {finished:#?}");
    assert!(finished.took < Duration::from_secs(8), "it took its time: {finished:#?}");
}

fn code(finished: &Finished) -> i32 {
    finished
        .status
        .and_then(|status| status.code())
        .unwrap_or_else(|| panic!("no exit status: {finished:#?}"))
}
