//! Whole calls in the lab, in virtual time: what a call that is kept up, cut or left alone comes to.
//!
//! Sockets are real and time is not: the clock moves on when nothing is left to be read, so that minutes of a call pass
//! in seconds.

use crate::world::World;
use raincheck::call::record::{CallRecord, CallRole, SuccessorRecord, UpkeepRecord};
use raincheck::call::{Courier, run};
use raincheck::run::{Phase, Progress, Surroundings};
use raincheck::settings::Settings;
use raincheck::settings::call::{CallSettings, Signal};
use raincheck::verdict::Kind;
use raincheck::verdict::call::{Asked, CallVerdict, judge_call};
use raincheck_probes::evidence::Cause;
use raincheck_probes::ice::Policy;
use raincheck_probes::ice::agent::AgentState;
use std::time::Duration;
use tokio::time::sleep;

/// Without a lab and a deadline there is nothing to wait for.
const DEADLINE: Duration = Duration::from_secs(1200);

/// Virtual time may run this much ahead before it waits for the system.
const BEAT: Duration = Duration::from_millis(20);

/// Holds virtual time back to some hundred times the pace of the real one: the system takes a moment to hand a packet
/// over, in which the clock would otherwise leap to the next deadline.
pub(crate) async fn paced<T>(held: impl Future<Output = T>) -> T {
    let beats = async {
        loop {
            sleep(BEAT).await;
            std::thread::sleep(Duration::from_micros(1));
        }
    };
    tokio::select! {
        biased;
        held = held => held,
        () = beats => unreachable!(),
    }
}

/// A call of both ends, and nothing done with it.
pub(crate) fn own(run: Settings) -> CallSettings {
    let run = Settings { deadline: DEADLINE, ..run };
    CallSettings {
        far_profile: run.profile.clone(),
        run,
        role: CallRole::Own,
        signal: Signal::Within,
        matrix: false,
        fail: None,
        soak: None,
    }
}

/// What came of a call.
pub(crate) struct Held {
    pub(crate) record: CallRecord,
    pub(crate) verdict: CallVerdict,
}

impl Held {
    pub(crate) fn new(record: CallRecord, settings: &CallSettings) -> Self {
        let verdict = judge_call(&record, &Asked::of(settings));
        Self { record, verdict }
    }

    pub(crate) fn codes(&self) -> Vec<&'static str> {
        let roots = self.verdict.findings.iter().filter(|finding| finding.explained_by.is_none());
        roots.map(|finding| finding.code).collect()
    }

    pub(crate) fn ended_by(&self) -> &str {
        let soak = self.record.soak.as_ref().unwrap();
        soak.ended_by.as_deref().unwrap_or_else(|| panic!("it held: {soak:#?}"))
    }

    fn upkeep(&self, far: bool, what: &str) -> &UpkeepRecord {
        let soak = self.record.soak.as_ref().unwrap();
        soak.upkeep.iter().find(|kind| kind.far == far && kind.what == what).unwrap()
    }
}

/// Holds a call; when it is kept up, something may happen to it.
async fn hold_while(around: Surroundings, settings: &CallSettings, happens: impl AsyncFnOnce()) -> Held {
    let (progress, mut watched) = Progress::new();
    let around = Surroundings { progress, ..around };
    let happening = async {
        let up = watched.wait_for(|state| matches!(state.phase, Phase::Soaking { .. }));
        if up.await.is_ok() {
            happens().await;
        }
    };
    let held = async { tokio::join!(run(settings, around, Courier::none()), happening) };
    let (record, ()) = paced(held).await;
    Held::new(record.unwrap(), settings)
}

async fn hold(world: &World, settings: &CallSettings) -> Held {
    let held = hold_while(world.around(), settings, async || {}).await;
    paced(world.shows_nothing_left_behind()).await;
    held
}

/// Both servers say so of every allocation.
fn both(of_each: &str) -> String {
    ["turn1", "turn2"].map(|name| format!("[[server]]\nname = \"{name}.lab.test\"\n{of_each}\n")).concat()
}

fn soak(settings: Settings, seconds: u64) -> CallSettings {
    CallSettings { soak: Some(Duration::from_secs(seconds)), ..own(settings) }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_kept_up_counts_what_came_due() {
    let world = World::inline(&both("lifetime-s = 10")).await;
    let held = hold(&world, &soak(world.settings(), 60)).await;
    let record = held.record.soak.as_ref().unwrap();
    assert_eq!((held.verdict.kind, &record.ended_by), (Kind::Works, &None), "{record:#?}");
    assert_eq!(record.held, Duration::from_secs(60));
    // 50 packets each second from each end, and none of them lost.
    assert!((5_990..=6_004).contains(&record.sent), "{record:#?}");
    assert_eq!(record.received, Some(record.sent));
    // Half of a lifetime that is as short as this: twelve times in a minute, for each allocation that is held.
    let refreshed = held.upkeep(true, "allocation");
    assert!(refreshed.due >= 11 && refreshed.answered == refreshed.due, "{refreshed:#?}");
    let consent = held.upkeep(false, "consent");
    assert!(consent.due >= 20 && consent.answered >= consent.due - 1, "{consent:#?}");
}

const REFUSES: &str = "lifetime-s = 10\n[[server.fault]]\non = \"refresh\"\nanswer = 437";

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_the_allocation_is_named_by_what_it_did() {
    let world = World::inline(&both(REFUSES)).await;
    // To such a server nothing can be given back.
    let held = hold_while(world.around(), &soak(world.settings(), 120), async || {}).await;
    assert_eq!((held.verdict.kind, held.codes()), (Kind::Degraded, vec!["call-dropped"]));
    let ended_by = held.ended_by();
    assert!(
        ended_by.starts_with("the allocation of the far end on udp/turn1.lab.test:3478 could not be"),
        "{ended_by}"
    );
    assert!(ended_by.contains("437"), "{ended_by}");
    let soak = held.record.soak.as_ref().unwrap();
    assert!(soak.held < Duration::from_secs(20), "{soak:#?}");
    let broken = &soak.upkeep[soak.broken.unwrap()];
    assert!(matches!(broken.failure, Some(Cause::StunError { stun_code: 437, .. })), "{broken:#?}");
    let observed = &held.verdict.findings[0].observed;
    assert!(observed.contains("Allocation refresh answered 0 of "), "{observed}");
}

#[tokio::test(start_paused = true)]
async fn an_allocation_that_the_call_can_do_without_does_not_end_it() {
    let world = World::inline(&format!("[[server]]\nname = \"turn1.lab.test\"\n{REFUSES}")).await;
    let held = hold_while(world.around(), &soak(world.settings(), 60), async || {}).await;
    let record = held.record.soak.as_ref().unwrap();
    assert_eq!((held.verdict.kind, &record.ended_by), (Kind::Works, &None), "{record:#?}");
    // It is told all the same.
    let refused = held.upkeep(true, "allocation");
    assert!(refused.failure.is_some() && refused.answered < refused.due, "{refused:#?}");
    // The client notices by silence that its far end has moved.
    let (_, gap) = record.longest_gap.unwrap();
    assert!((2_000..8_000).contains(&gap.as_millis()), "{gap:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_over_tcp_is_named_with_its_path() {
    let world = World::named("udp-blocked").await;
    let held = killed(world).await;
    assert_eq!((held.verdict.kind, held.codes()), (Kind::Degraded, vec!["call-dropped", "udp-blocked"]));
    let ended_by = held.ended_by();
    assert!(ended_by.starts_with("the path on tcp/turn1.lab.test:80 was lost: "), "{ended_by}");
    // A stream that closes is seen at once.
    assert!(held.record.soak.unwrap().held < Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_over_udp_looks_like_a_path_that_fell_silent() {
    let held = killed(World::named("open").await).await;
    assert_eq!((held.verdict.kind, held.codes()), (Kind::Degraded, vec!["call-dropped"]));
    let ended_by = held.ended_by();
    assert!(
        ended_by.starts_with("nothing came any more for ") && ended_by.contains("or what is there is gone"),
        "{ended_by}"
    );
    assert_eq!(held.record.near.state, AgentState::Failed);
}

/// A call that is kept up for five minutes; after ten seconds the servers die.
async fn killed(world: World) -> Held {
    let settings = soak(world.settings(), 300);
    let around = world.around();
    hold_while(around, &settings, async move || {
        sleep(Duration::from_secs(10)).await;
        world.lab.stop().await;
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_path_that_falls_silent_is_told_from_a_server_that_ends_the_call() {
    let world = World::named("open").await;
    let settings = soak(world.settings(), 300);
    let falls_silent = async || {
        sleep(Duration::from_secs(10)).await;
        world.lab.world().fall_silent();
    };
    let held = hold_while(world.around(), &settings, falls_silent).await;
    assert_eq!((held.verdict.kind, held.codes()), (Kind::Degraded, vec!["call-dropped"]));
    let ended_by = held.ended_by();
    assert!(ended_by.starts_with("nothing came any more for "), "{ended_by}");
    let soak = held.record.soak.as_ref().unwrap();
    // It held until the last packet came, not until that was noticed.
    assert!((9_900..=10_100).contains(&soak.held.as_millis()), "{:?}", soak.held);
    assert_eq!(soak.broken.map(|at| soak.upkeep[at].what.as_str()), Some("consent"), "{soak:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_cut_shows_when_each_client_moves() {
    for profile in ["chromium", "firefox", "gateway", "rfc8445"] {
        let world = World::named("open").await;
        let settings = Settings { profile: profile.parse().unwrap(), ..world.settings() };
        let held =
            hold(&world, &CallSettings { fail: Some("selected".parse().unwrap()), ..own(settings) }).await;
        let cut = held.record.cut.as_ref().unwrap();
        let before = &held.record.near.pairs[cut.before.unwrap()];
        assert!(before.cut, "{profile}: {before:#?}");
        if profile == "chromium" {
            assert_eq!((held.verdict.kind, held.codes()), (Kind::Works, vec![]));
            // Silence counts after 2.5 s, and a second later it moves.
            let switched = cut.switched.unwrap();
            assert!((3_400..4_500).contains(&switched.as_millis()), "{switched:?}");
            assert!(cut.gap.unwrap() >= switched, "{cut:?}");
            let after = &held.record.near.pairs[cut.after.unwrap()];
            assert!(!after.cut && held.record.near.selected == cut.after, "{after:#?}");
            // What is told as the next way out is none that was cut.
            let Some(SuccessorRecord::Switch { pair, .. }) = held.record.near.successor else {
                panic!("{:?}", held.record.near.successor);
            };
            assert!(!held.record.near.pairs[pair].cut);
        } else {
            assert_eq!(
                (held.verdict.kind, held.codes()),
                (Kind::Degraded, vec!["call-no-failover"]),
                "{profile}"
            );
            assert_eq!((cut.after, cut.switched), (None, None), "{profile}");
            let advice = &held.verdict.findings[0].advice[0];
            assert!(advice.contains("needs an ICE restart"), "{profile}: {advice}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_beside_the_call_is_told_in_seconds() {
    let world = World::named("open").await;
    let held =
        hold(&world, &CallSettings { fail: Some("relay".parse().unwrap()), ..own(world.settings()) }).await;
    let cut = held.record.cut.as_ref().unwrap();
    assert_eq!((cut.after, held.verdict.kind), (None, Kind::Works), "{cut:#?}");
    assert!(held.verdict.summary.contains("the cut of relay did not touch it"), "{}", held.verdict.summary);
    assert!(held.record.elapsed.as_ms() < 6_000.0, "{:?}", held.record.elapsed);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_come_about_is_told_when_everything_is_decided() {
    for (name, within_ms) in
        [("nothing-works", 8_000.0), ("bad-credentials", 5_000.0), ("proxy-auth", 8_000.0)]
    {
        for profile in ["chromium", "firefox", "gateway", "rfc8445"] {
            let world = World::named(name).await;
            let settings = Settings { profile: profile.parse().unwrap(), ..world.settings() };
            let held = hold(&world, &own(settings)).await;
            assert_eq!((held.verdict.kind, held.record.connected), (Kind::Fails, false), "{name} {profile}");
            assert_eq!(held.record.cut_short, None, "{name} {profile}");
            assert!(held.record.elapsed.as_ms() < within_ms, "{name} {profile}: {:?}", held.record.elapsed);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pairs_on_which_nothing_comes_are_given_up_before_the_deadline() {
    // Nothing that goes through a relay arrives, and the far end has nothing else.
    let world = World::inline(&both("[[server.fault]]\non = \"data\"\nanswer = \"drop\"")).await;
    for profile in ["chromium", "firefox", "gateway", "rfc8445"] {
        let settings = Settings { profile: profile.parse().unwrap(), ..world.settings() };
        let held = hold(&world, &own(settings)).await;
        assert_eq!((held.verdict.kind, held.codes()), (Kind::Fails, vec!["call-no-answer"]), "{profile}");
        // RFC 8445 leaves a check 39.5 s, and more with many pairs.
        let within_ms = if profile == "rfc8445" { 300_000.0 } else { 25_000.0 };
        assert!(held.record.elapsed.as_ms() < within_ms, "{profile}: {:?}", held.record.elapsed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_hangs_does_not_outlive_the_deadline() {
    let world = World::named("dtls-eaten").await;
    let mut settings = own(world.settings());
    settings.run.deadline = Duration::from_secs(5);
    let held = hold(&world, &settings).await;
    assert!(held.record.connected && held.record.cut_short.is_some());
    assert_eq!(held.verdict.kind, Kind::Unknown);
    assert!(held.record.elapsed.as_ms() < 5_000.0, "{:?}", held.record.elapsed);
}

#[tokio::test(start_paused = true)]
async fn dtls_that_is_eaten_where_stun_passes_is_a_finding() {
    let world = World::named("dtls-eaten").await;
    let held = hold(&world, &own(world.settings())).await;
    assert_eq!((held.verdict.kind, held.codes()), (Kind::Degraded, vec!["dtls-blocked"]));
    let dtls = held.record.dtls.as_ref().unwrap();
    assert_eq!((dtls.ok, dtls.received, dtls.handshake), (false, 0, None), "{dtls:#?}");
    // What travels inside TURN is not looked at: there DTLS passes.
    let mut relayed = own(world.settings());
    relayed.run.policy = Policy::Relay;
    assert_eq!(hold(&world, &relayed).await.verdict.kind, Kind::Works);
}
