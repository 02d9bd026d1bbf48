//! A thousand worlds drawn from seeds: NATs of every kind, lines that lose, delay, repeat and reorder, clients of every
//! kind on both ends.
//!
//! `RAINCHECK_WORLD_SEEDS` says which: a number for so many from 0, or `FROM..TO`; a failed seed is named, and
//! `RAINCHECK_WORLD_SEEDS=17..18` runs seed 17 alone and tells its whole story.

use super::call::Call;
use super::scene::{ONE, STUN, Scene, Signalling, TWO};
use super::{tell, truth};
use raincheck_lab::net::{Impairment, Mapping, Nat, NatKind, NatStack, SplitMix64};
use raincheck_probes::ice::CandidateType;
use raincheck_probes::ice::agent::{AgentState, CheckEnd, EventKind, IceRole, PairId, PairState};
use raincheck_probes::ice::stack::Client;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// By then every call has connected or failed. A textbook agent whose last pair was triggered by the peer's last
/// repetition takes 71 s. Where both ends shift their ports and let strangers in, every answer shows another port: with
/// libwebrtc it takes longest until the list of such candidates is full and all of them have timed out.
const BOUND: Duration = Duration::from_secs(240);
/// After the first selection on both ends.
const SETTLED: Duration = Duration::from_secs(20);
/// The share of worlds in which a client may have missed the best pair or the other end's, by its own rules, in percent.
const MOST_MISSED: usize = 3;

/// A libwebrtc channel that is strong checks one pair every 480 ms, and boxes that shift ports make it 200 of them.
const ALL_CHECKED: Duration = Duration::from_secs(100);
/// The longest pause between two checks of a client that has not given up: a textbook agent's last two.
const LONGEST_SILENCE: Duration = Duration::from_secs(40);
/// The share of worlds without an end, in percent.
const MOST_ENDLESS: usize = 1;

/// What became of a world.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// As it should.
    Best,
    /// No pair can carry anything, and the call failed.
    Nothing,
    /// A client gave up, by its own rules, what losses kept it from knowing.
    Missed,
    /// Nothing can be found, and neither end ever says so: each check shows another port and makes the other end check
    /// that one, for ever. The oracle's third case; a client's user hangs up.
    Endless,
    /// Wrong.
    Wrong(String),
}

#[test]
fn every_seeded_call_ends_agrees_and_takes_the_best_pair() {
    let seeds = seeds();
    let alone = seeds.end - seeds.start == 1;
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let outcomes: Vec<(u64, Outcome)> = std::thread::scope(|scope| {
        let share = |first: usize| {
            let seeds = seeds.clone().skip(first).step_by(threads);
            scope.spawn(move || seeds.map(|seed| (seed, hold(seed, alone))).collect::<Vec<_>>())
        };
        let running: Vec<_> = (0..threads).map(share).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let count = |of: &Outcome| outcomes.iter().filter(|(_, outcome)| outcome == of).count();
    let (best, nothing, missed) = (count(&Outcome::Best), count(&Outcome::Nothing), count(&Outcome::Missed));
    let (endless, all) = (count(&Outcome::Endless), outcomes.len());
    println!("{all} worlds: {best} best, {nothing} without any path, {missed} missed, {endless} endless");
    let wrong: Vec<String> = outcomes
        .iter()
        .filter_map(|(seed, outcome)| match outcome {
            Outcome::Wrong(what) => Some(format!("RAINCHECK_WORLD_SEEDS={seed}..{}: {what}", seed + 1)),
            _ => None,
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), outcomes.len(), wrong.join("\n"));
    assert!(all < 100 || missed * 100 <= all * MOST_MISSED, "{missed} missed");
    assert!(all < 100 || endless * 100 <= all * MOST_ENDLESS, "{endless} endless");
}

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("RAINCHECK_WORLD_SEEDS") else { return 0..1000 };
    match text.split_once("..") {
        Some((from, to)) => from.parse().unwrap()..to.parse().unwrap(),
        None => 0..text.parse().unwrap(),
    }
}

/// The world of a seed.
pub(crate) fn draw(seed: u64) -> Scene {
    let mut chance = SplitMix64::new(seed);
    let clients = ["chromium", "firefox", "gateway", "mobile", "rfc8445"];
    let profiles = [0, 1].map(|_| clients[chance.below(5) as usize]);
    let servers = [STUN, ONE, ONE, TWO][chance.below(4) as usize];
    let boxes = [0, 1].map(|_| boxes(&mut chance));
    let impairments = [0, 1].map(|_| line(&mut chance));
    let signalling = match chance.below(3) {
        0 => Signalling::AtOnce,
        _ => Signalling::Trickle(chance.within(Duration::from_millis(300))),
    };
    let roles = match chance.below(8) {
        0 => [IceRole::Controlling, IceRole::Controlling],
        1 => [IceRole::Controlled, IceRole::Controlled],
        2..=4 => [IceRole::Controlled, IceRole::Controlling],
        _ => [IceRole::Controlling, IceRole::Controlled],
    };
    // libwebrtc's controlled end goes by where data comes from.
    let media = Some(Duration::from_millis(200));
    Scene { boxes, impairments, signalling, roles, media, seed, ..Scene::new(profiles, servers) }
}

fn boxes(chance: &mut SplitMix64) -> NatStack {
    let kinds: Vec<NatKind> = NatKind::all().collect();
    let depth = [0, 1, 1, 1, 1, 1, 2, 2][chance.below(8) as usize];
    (0..depth).map(|_| kinds[chance.below(16) as usize]).collect()
}

/// An access line: one in four is perfect but for its length; of the others a packet that crosses two of them is lost
/// with a chance of up to one in five.
fn line(chance: &mut SplitMix64) -> Impairment {
    let delay = Duration::from_millis(1) + chance.within(Duration::from_millis(80));
    if chance.below(4) == 0 {
        return Impairment { delay, ..Impairment::NONE };
    }
    let mut share = |most: f64| most * chance.below(1000) as f64 / 1000.0;
    let (loss, reorder, duplicate) = (share(0.105), share(0.1), share(0.1));
    Impairment {
        delay,
        jitter: chance.within(Duration::from_millis(30)),
        loss,
        reorder,
        held_back: chance.within(Duration::from_millis(80)),
        duplicate,
        rate: None,
    }
}

/// Holds the call of a seed.
fn hold(seed: u64, alone: bool) -> Outcome {
    let scene = draw(seed);
    let held = || {
        let mut call = Call::new(&scene);
        let outcome = judge(&scene, &mut call);
        if alone {
            println!("{scene:?}\n{}", tell::history(&call));
        }
        outcome
    };
    catch_unwind(AssertUnwindSafe(held)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Outcome::Wrong(format!("panicked: {}", text.unwrap_or_else(|| scene.to_string())))
    })
}

fn judge(scene: &Scene, call: &mut Call) -> Outcome {
    let lossy = scene.impairments.iter().any(|line| line.loss > 0.0 || line.reorder > 0.0);
    let wrong = |call: &Call, what: &str| Outcome::Wrong(format!("{what}: {}", call.story()));
    if !call.run_till(BOUND, Call::is_decided) {
        return if is_endless(call) { Outcome::Endless } else { wrong(call, "undecided") };
    }
    call.run_for(SETTLED);
    let selected = call.ends.iter().filter(|end| end.agent.selected().is_some()).count();
    if selected == 0 {
        return match truth::carrying(call, 0).is_empty() {
            true => Outcome::Nothing,
            false if lossy && gives_up(call) => Outcome::Missed,
            false => wrong(call, "failed, though a pair carries packets"),
        };
    }
    let apart = !call.agree();
    if selected == 1 || (apart && !truth::given_up(call)) {
        return wrong(call, "the ends do not agree");
    }
    if !(0..30).any(|_| call.talks(Duration::from_millis(500))) {
        return wrong(call, "data does not pass");
    }
    let unexcused = |call: &Call| matches!(better(call), Some((_, false)));
    if unexcused(call) {
        call.run_for(ALL_CHECKED);
    }
    match better(call) {
        _ if apart => Outcome::Missed,
        None => Outcome::Best,
        Some((_, true)) => Outcome::Missed,
        Some((pair, false)) => wrong(call, &format!("a better pair carries packets: {pair}")),
    }
}

/// Whether two ends behind boxes that shift every port keep each other busy, without a relay and where the oracle knows
/// of no direct path.
fn is_endless(call: &Call) -> bool {
    let busy = |number: usize| {
        let end = &call.ends[number];
        let heard = end.agent.pairs().iter().filter_map(|pair| pair.last_check_received).max();
        let shifts = |nat: &Nat| nat.kind.mapping == Mapping::AddressAndPortDependent;
        call.world.site(end.side).stack.0.iter().any(shifts)
            && heard.is_some_and(|at| at.as_duration() + LONGEST_SILENCE > call.now)
            && end.bases.iter().all(|base| base.relay.is_none())
    };
    !call.world.direct_path_possible() && busy(0) && busy(1)
}

/// Whether a client of these sends a check only so often.
fn gives_up(call: &Call) -> bool {
    call.ends.iter().any(|end| !matches!(end.profile.client, Client::Chromium | Client::Mobile))
}

/// A pair that carries packets and that the controlling client prefers to the selected one; and whether rules excuse it:
/// an end that has ended its checks never learned that the pair works before it decided, or no longer opens its own box
/// for the other end, which still tries. Two libwebrtc go on checking.
fn better(call: &Call) -> Option<(String, bool)> {
    let number = (0..2).find(|end| call.ends[*end].agent.role() == IceRole::Controlling)?;
    let end = &call.ends[number];
    let selected = end.agent.selected()?;
    let ours = end.agent.priority(selected);
    let better = truth::carrying(call, number)
        .into_iter()
        .filter(|(pair, seen)| *pair != selected && truth::priority(call, number, *pair, *seen) > ours);
    better
        .map(|(pair, _)| {
            let (local, remote) = (end.agent.local(pair).unwrap(), end.agent.remote(pair).unwrap());
            let name = format!(
                "{:?} {}:{} > {:?} {}:{}",
                local.kind, local.address, local.port, remote.kind, remote.address, remote.port
            );
            let excused = gives_up(call) && !was_known(call, number, pair);
            (name, excused || was_outranked(call, number, pair))
        })
        .min_by_key(|(_, excused)| *excused)
}

/// Whether a check of this pair had been answered when the client decided; at any time where it may still change its
/// mind. A textbook agent decides when it sends the one check that nominates.
fn was_known(call: &Call, number: usize, pair: PairId) -> bool {
    let end = &call.ends[number];
    let nominating = end.agent.selected().and_then(|selected| {
        let mut checks = end.agent.pairs()[selected.0].checks.iter();
        checks.find(|check| check.use_candidate).map(|check| check.began)
    });
    // That check waits for its turn, Ta.
    let turn = Duration::from_millis(50);
    let in_time =
        |at| end.profile.client != Client::Rfc8445 || nominating.is_some_and(|sent| at + turn < sent);
    end.agent.pairs()[pair.0]
        .checks
        .iter()
        .any(|check| matches!(check.end, Some(CheckEnd::Answered { at, .. }) if in_time(at)))
}

/// Whether libwebrtc gave this pair up for one whose remote candidate it knew by a check alone, and which turned out to be
/// a relay when it was signalled: a check from a relay carries the PRIORITY of a peer-reflexive candidate, which is above
/// that of a server-reflexive one (`p2p/base/connection.cc`, Connection::prflx_priority). Nothing takes back a pruning.
fn was_outranked(call: &Call, number: usize, pair: PairId) -> bool {
    let end = &call.ends[number];
    let relay = |of: PairId| end.agent.remote(of).is_some_and(|remote| remote.kind == CandidateType::Relay);
    let nameless = |kind: &EventKind| matches!(kind, EventKind::PeerReflexive { pair } if relay(*pair));
    let libwebrtc = matches!(end.profile.client, Client::Chromium | Client::Mobile);
    libwebrtc && end.agent.pairs()[pair.0].state == PairState::Pruned && !end.times(nameless).is_empty()
}

#[test]
fn a_call_between_strangers_that_nothing_connects_fails_on_both_ends() {
    let scene = Scene::new(["chromium", "firefox"], STUN).behind(NatKind::SYMMETRIC, NatKind::SYMMETRIC);
    let mut call = Call::new(&scene);
    assert!(call.run_till(BOUND, Call::is_decided), "{}", call.story());
    assert!(call.ends.iter().all(|end| end.agent.state() == AgentState::Failed), "{}", call.story());
    assert!(truth::carrying(&call, 0).is_empty() && truth::carrying(&call, 1).is_empty());
}
