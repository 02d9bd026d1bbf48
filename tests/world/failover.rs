//! The selected path dies in the middle of a call: who moves to another, and after how long.
//!
//! The timers are the clients' own. libwebrtc (`p2p/base/p2p_constants.h`, `p2p/base/basic_ice_controller.cc`): a pair is
//! not receiving after 2500 ms, another takes its place when it has been receiving for 1000 ms more; unwritable 5 s
//! after the first of five checks that nobody answered; given up 15 s after it. Firefox (`ice_component.c`): disconnected
//! at the first consent check that is missed, failed 30 s after the last answer. RFC 7675 section 5.1: the same 30 s.
//! libnice asks for no consent unless it is told to. None of the last three moves by itself.

use super::call::Call;
use super::scene::{LINE, ONE, Scene, Signalling, TWO_UDP};
use raincheck_lab::net::{Flow, Impairment, NatKind, RuleId, Side};
use raincheck_probes::ice::Policy;
use raincheck_probes::ice::agent::{AgentState, CheckEnd, Criterion, EventKind, PairId};
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A call that is up, 4 s after it began: libwebrtc forgets pairs that it has pruned after 10 s.
fn up(scene: &Scene) -> Call {
    let mut call = Call::new(scene);
    assert!(call.run_till(ms(4000), Call::is_decided), "{}", call.story());
    call.run_until(ms(4000));
    assert!(call.agree(), "{}", call.story());
    call
}

fn with_media(profile: &'static str, servers: &'static [&'static str]) -> Scene {
    Scene { media: Some(ms(20)), signalling: Signalling::AtOnce, ..Scene::new([profile, profile], servers) }
}

/// Nothing passes between the two sites any more, but to and from the servers.
fn cut_direct(call: &mut Call) -> [RuleId; 2] {
    let servers = call.world.servers.clone();
    Side::BOTH.map(|side| {
        let servers = servers.clone();
        call.world.block(side, move |flow: &Flow| !servers.contains(&flow.remote.ip()))
    })
}

/// Nothing passes at all.
fn cut_all(call: &mut Call) {
    for side in Side::BOTH {
        call.world.block(side, |_: &Flow| true);
    }
}

/// When something last came in on a pair.
fn last_received(call: &Call, end: usize, pair: PairId) -> Duration {
    call.ends[end].agent.pairs()[pair.0].last_received().unwrap().as_duration()
}

/// The first selection after a time: when, which pair, and why.
fn next_selection(call: &Call, end: usize, after: Duration) -> Option<(Duration, PairId, Criterion)> {
    call.ends[end].events.iter().find_map(|event| match event.kind {
        EventKind::Selected { pair, because, .. } if event.at.as_duration() > after => {
            Some((event.at.as_duration(), pair, because))
        }
        _ => None,
    })
}

/// The first change to a state after a time.
fn next_state(call: &Call, end: usize, state: AgentState, after: Duration) -> Option<Duration> {
    call.ends[end].became(state).into_iter().find(|at| *at > after)
}

/// libwebrtc, on the end that controls: silent 2500 ms after the last packet, and moved 1000 ms after the first packet on
/// the other pair, which is checked at once and answers after a round trip.
fn moves_in_time(call: &mut Call, round_trip: Duration) {
    let (cut, died) = (call.now, call.ends[0].agent.selected().unwrap());
    // Data is in flight when the path is cut; what arrived last is what counts.
    call.run_for(ms(1));
    let last = last_received(call, 0, died);
    call.run_until(cut + Duration::from_secs(10));
    let end = &call.ends[0];
    let silent = end.times(|kind| *kind == EventKind::Silent(died)).into_iter().find(|at| *at > cut);
    // It is seen when pairs are looked at next: at least every 250 ms (P2PTransportChannel::CheckAndPing).
    let silent = silent.unwrap();
    assert!((ms(2500)..=ms(2750)).contains(&(silent - last)), "{silent:?} {last:?}: {}", call.story());
    let (moved, pair, because) = next_selection(call, 0, cut).unwrap();
    assert_eq!(because, Criterion::Receiving);
    assert_ne!(pair, died);
    // The first packet on the other pair, after which both have to stay as they are for 1000 ms.
    let first = call.ends[0].agent.pairs()[pair.0].checks.iter().find_map(|check| match check.end {
        Some(CheckEnd::Answered { at, .. }) if at.as_duration() > cut => Some(at.as_duration()),
        _ => None,
    });
    assert_eq!(Some(moved), first.map(|first| first + ms(1000)), "{}", call.story());
    // Checks of weak pairs leave every 48 ms, a round of all of them.
    let pairs = u32::try_from(call.ends[0].agent.pairs().len()).unwrap();
    assert!(moved <= silent + ms(48) * pairs + round_trip + ms(1000), "{moved:?}: {}", call.story());
    assert!(call.agree(), "{}", call.story());
    assert!(call.talks(ms(500)), "{}", call.story());
}

#[test]
fn libwebrtc_moves_from_a_dead_direct_path_to_a_relay() {
    for profile in ["chromium", "mobile", "chromium@145"] {
        let mut call = up(&with_media(profile, ONE));
        assert!(call.is_direct());
        cut_direct(&mut call);
        // By one relay, to the peer itself: 10 ms to the server and 10 ms on, and back.
        moves_in_time(&mut call, ms(40));
        assert!(!call.is_direct());
    }
}

#[test]
fn libwebrtc_moves_from_a_dead_relay_to_the_next() {
    let relays = Scene { policies: [Policy::Relay, Policy::All], ..with_media("chromium", TWO_UDP) };
    let mut call = up(&relays.behind(NatKind::SYMMETRIC, NatKind::SYMMETRIC));
    let relay = call.ends[0].own_relay().unwrap();
    call.kill_relay(relay);
    moves_in_time(&mut call, ms(40));
    assert_ne!(call.ends[0].own_relay(), Some(relay));
}

#[test]
fn libwebrtc_goes_back_when_the_direct_path_lives_again() {
    let mut call = up(&with_media("chromium", ONE));
    let direct = call.ends[0].agent.selected();
    let rules = cut_direct(&mut call);
    call.run_for(Duration::from_secs(6));
    assert!(!call.is_direct() && call.agree(), "{}", call.story());
    rules.into_iter().for_each(|rule| assert!(call.world.net.unblock(rule)));
    call.run_for(Duration::from_secs(20));
    assert!(call.is_direct() && call.agree(), "{}", call.story());
    assert_eq!(call.ends[0].agent.selected(), direct);
}

/// Where the other pairs are gone, as they are soon, nobody moves although a relay would do.
#[test]
fn libwebrtc_has_nowhere_to_go_on_the_same_network_once_pruned_pairs_are_forgotten() {
    let mut call = up(&with_media("chromium", ONE));
    call.run_until(Duration::from_secs(30));
    let cut = call.now;
    cut_direct(&mut call);
    call.run_for(Duration::from_secs(40));
    for end in [0, 1] {
        assert_eq!(next_selection(&call, end, cut), None);
        assert_eq!(call.ends[end].agent.state(), AgentState::Failed, "{}", call.story());
    }
}

/// With nowhere to go: disconnected when its pair is unwritable, failed when it is given up.
#[test]
fn libwebrtc_without_another_path_is_disconnected_and_then_fails() {
    let mut call = up(&with_media("chromium", &[]));
    let (cut, pair) = (call.now, call.ends[0].agent.selected().unwrap());
    cut_all(&mut call);
    call.run_for(Duration::from_secs(40));
    let end = &call.ends[0];
    let first_missed = end.agent.pairs()[pair.0]
        .checks
        .iter()
        .find(|check| check.began.as_duration() > cut - ms(20))
        .map(|check| check.began.as_duration())
        .unwrap();
    let disconnected = next_state(&call, 0, AgentState::Disconnected, cut).unwrap();
    let failed = next_state(&call, 0, AgentState::Failed, cut).unwrap();
    // Both are seen at the next of the checks that leave every 48 ms.
    assert!(
        (ms(5000)..=ms(5100)).contains(&(disconnected - first_missed)),
        "{disconnected:?} {first_missed:?}"
    );
    assert!((ms(15_000)..=ms(15_100)).contains(&(failed - first_missed)), "{failed:?} {first_missed:?}");
}

/// Consent: the end fails 30 s after the last answer, to the millisecond, and moves nowhere though a relay would do.
fn fails_with_consent(profile: &'static str) -> (Duration, Duration) {
    let mut call = up(&with_media(profile, ONE));
    assert!(call.is_direct());
    let (cut, pair) = (call.now, call.ends[0].agent.selected().unwrap());
    cut_direct(&mut call);
    call.run_for(Duration::from_secs(45));
    let answered = call.ends[0].agent.pairs()[pair.0].last_answer.unwrap().as_duration();
    assert!(answered <= cut);
    for end in [0, 1] {
        assert_eq!(next_selection(&call, end, cut), None, "{profile} does not move");
        assert_eq!(call.ends[end].agent.state(), AgentState::Failed, "{profile}");
    }
    let failed = next_state(&call, 0, AgentState::Failed, cut).unwrap();
    assert_eq!(failed - answered, Duration::from_secs(30), "{profile}");
    let lost = call.ends[0].times(|kind| *kind == EventKind::ConsentLost(pair));
    assert_eq!(lost, [failed], "{profile}");
    (answered, next_state(&call, 0, AgentState::Disconnected, cut).unwrap_or(failed))
}

#[test]
fn firefox_is_disconnected_at_the_first_missed_consent_check_and_fails_after_30_s() {
    let (answered, disconnected) = fails_with_consent("firefox");
    // One check that was answered, one that was missed, and the time when the next is due: 4 to 6 s between them.
    let waited = disconnected - answered;
    assert!((ms(8000) - ms(40)..=ms(12_000)).contains(&waited), "{waited:?}");
}

#[test]
fn a_textbook_agent_fails_after_30_s_without_consent() {
    fails_with_consent("rfc8445");
}

#[test]
fn the_gateway_asks_for_no_consent_and_stays_where_it_is() {
    let mut call = up(&with_media("gateway", ONE));
    let (cut, selected) = (call.now, call.ends.each_ref().map(|end| end.agent.selected()));
    cut_direct(&mut call);
    call.run_for(Duration::from_secs(120));
    for end in [0, 1] {
        assert_eq!(next_selection(&call, end, cut), None);
        assert_eq!(next_state(&call, end, AgentState::Failed, cut), None);
        assert_eq!(call.ends[end].agent.selected(), selected[end]);
    }
}

/// What the agent says it would do is what it does.
#[test]
fn the_successor_that_is_named_beforehand_is_the_one_that_takes_over() {
    use raincheck_probes::ice::agent::{BaseId, Successor};
    for profile in ["chromium", "firefox", "rfc8445"] {
        let relays = Scene { policies: [Policy::Relay, Policy::All], ..with_media(profile, TWO_UDP) };
        let mut call = up(&relays);
        let end = &call.ends[0];
        let relay = end.own_relay().unwrap();
        let lost = end.bases.iter().position(|base| base.relay == Some(relay)).unwrap();
        let named = end.agent.without(&[BaseId(lost)]);
        let cut = call.now;
        call.kill_relay(relay);
        call.run_for(Duration::from_secs(10));
        match (named, next_selection(&call, 0, cut)) {
            // Untried: pruned before it was ever pinged, and found all the same.
            (Successor::Switch { pair, .. } | Successor::Untried(pair), Some((_, moved, _))) => {
                assert_eq!(pair, moved, "{profile}");
            }
            (Successor::Restart(_) | Successor::Nothing, None) => {}
            (named, moved) => panic!("{profile} named {named:?} and moved {moved:?}"),
        }
    }
}

/// Silence that ends in time is no reason to move.
#[test]
fn a_gap_shorter_than_the_timers_moves_nobody() {
    for profile in ["chromium", "firefox", "gateway", "rfc8445"] {
        let mut call = up(&with_media(profile, ONE));
        let cut = call.now;
        let gap = Impairment { loss: 1.0, ..LINE };
        call.world.impair(Side::A, gap, gap);
        call.run_for(ms(2400));
        call.world.impair(Side::A, LINE, LINE);
        call.run_for(Duration::from_secs(10));
        assert_eq!([0, 1].map(|end| next_selection(&call, end, cut)), [None, None], "{profile}");
        assert!(call.agree() && call.is_direct(), "{}", call.story());
    }
}
