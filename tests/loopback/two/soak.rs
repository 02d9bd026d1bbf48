//! Calls of two ends that one of them keeps up.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_soak_that_the_other_end_ends_is_told_so() {
    let world = World::named("open").await;
    let both = [offers(&world, Signal::Paste), answers(&world, Signal::Paste)];
    // Who offers does nothing more, and leaves; who answers wants to keep the call up.
    let soaks = CallSettings { soak: Some(Duration::from_secs(120)), ..both[1].clone() };
    let [_, held] = carried_over(&world, [&both[0], &soaks], Duration::ZERO).await;
    assert_eq!((held.verdict.kind, held.codes()), (Kind::Degraded, vec!["call-dropped"]));
    assert_eq!(held.ended_by(), "the other end said goodbye");
    // The other way round the answering end stays for as long as it is needed.
    let soaks = CallSettings { soak: Some(Duration::from_secs(30)), ..both[0].clone() };
    let [held, other] = carried_over(&world, [&soaks, &both[1]], Duration::ZERO).await;
    assert_eq!((held.verdict.kind, other.verdict.kind), (Kind::Works, Kind::Works));
    let soak = held.record.soak.unwrap();
    assert!(soak.received.unwrap() > 1_400, "{soak:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_goodbye_leaves_before_the_socket_closes() {
    let world = World::named("open").await;
    let both = [offers(&world, Signal::Paste), answers(&world, Signal::Paste)];
    let [one, other] = carried_over(&world, [&both[0], &both[1]], Duration::ZERO).await;
    // Without it the answering end stays until it hears nothing any more, which takes libwebrtc 15 s.
    let [one, other] = [one, other].map(|held| held.record.elapsed.as_ms());
    assert!((other - one).abs() < 2_000.0, "{one} {other}");
}
