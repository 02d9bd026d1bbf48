//! What is left behind: nothing, however a run ends.

use crate::world::World;
use raincheck::plan::Purpose;
use std::time::Duration;

/// Milliseconds that only a run that hangs takes: how fast it is decides no test.
const HANGS: f64 = 15_000.0;

/// Both servers answer so late that a run can be ended between their allocating and our hearing of it.
const LATE: &str = r#"
[[server]]
name = "turn1.lab.test"
delay-ms = 150
[[server]]
name = "turn2.lab.test"
delay-ms = 150
"#;

#[tokio::test]
async fn a_run_that_is_dropped_with_answers_on_their_way_gives_everything_back() {
    let world = World::inline(LATE).await;
    let settings = world.settings();
    tokio::select! {
        _ = world.run(&settings, Purpose::Check) => panic!("it was over before anything was allocated"),
        () = world.lab.any_open() => {}
    }
    assert!(world.shows_nothing_left_behind().await > 0);
}

#[tokio::test]
async fn a_deadline_with_answers_on_their_way_gives_everything_back() {
    let world = World::inline(LATE).await;
    let mut settings = world.settings();
    // Answers to the second Allocate come at 300 ms; a quarter of the deadline is kept back for leaving.
    settings.deadline = Duration::from_millis(300);
    let evidence = world.run(&settings, Purpose::Check).await.unwrap();
    assert_eq!(
        evidence.cut_short.as_deref(),
        Some("stopped in time to leave clean before the deadline of 0.3 s")
    );
    assert!(evidence.elapsed.as_ms() < HANGS, "{:?}", evidence.elapsed);
    assert!(world.shows_nothing_left_behind().await > 0);
}

#[tokio::test]
async fn a_deadline_while_media_flows_gives_everything_back() {
    let world = World::named("open").await;
    let mut settings = world.settings();
    settings.media = Duration::from_secs(60);
    settings.deadline = Duration::from_secs(2);
    let evidence = world.run(&settings, Purpose::Check).await.unwrap();
    assert!(evidence.cut_short.is_some());
    assert!(evidence.elapsed.as_ms() < HANGS, "{:?}", evidence.elapsed);
    assert_eq!(world.shows_nothing_left_behind().await, 12);
}

/// The program itself, ended by Ctrl-C while its allocations are on their way.
#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_with_answers_on_their_way_gives_everything_back() {
    use std::process::{Command, Stdio};
    let world = World::inline(LATE).await;
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(assert_cmd::cargo::cargo_bin("raincheck"))
        .args(["check", "--format", "json", "--no-progress"])
        .args(world.lab.flags(folder.path()).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    world.lab.any_open().await;
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(ended.status.code(), Some(3), "{}", String::from_utf8_lossy(&ended.stderr));
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert!(report["summary"].as_str().unwrap().contains("interrupted"), "{}", report["summary"]);
    assert!(world.shows_nothing_left_behind().await > 0);
}
