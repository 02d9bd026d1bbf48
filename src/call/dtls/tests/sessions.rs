//! After the handshake.

use super::path::Direction;
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

async fn connected(path: Path, versions: Versions) -> (Session, Session) {
    let (a, b) = call(path, versions).await;
    (a.session.unwrap(), b.session.unwrap())
}

#[tokio::test(start_paused = true)]
async fn data_crosses_both_ways_and_a_goodbye_ends_it_for_both() {
    for versions in [Versions::Any, Versions::Only(DtlsVersion::V1_2)] {
        let (mut a, mut b) = connected(path(|_, _, _| Verdict::Pass), versions).await;
        assert!(a.send(b"from a".to_vec()).await);
        assert_eq!(b.receive().await.unwrap(), b"from a");
        assert!(b.send(b"from b".to_vec()).await);
        assert_eq!(a.receive().await.unwrap(), b"from b");
        assert_eq!(a.close().await, Ended::Here);
        assert_eq!(b.ended().await, Ended::Peer);
        assert_eq!(b.receive().await, None);
        assert!(!b.send(b"too late".to_vec()).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_proves_datagrams_of_exactly_the_size_asked_for() {
    for versions in [Versions::Any, Versions::Only(DtlsVersion::V1_2)] {
        let (a, _b) = connected(path(|_, _, _| Verdict::Late(Duration::from_millis(10))), versions).await;
        for size in [64, 576, 1200] {
            let echo = a.echo(size, 1, Duration::from_secs(1)).await.unwrap();
            assert_eq!((echo.sent, echo.received, echo.tries), (size, size, 1));
            assert!((20..23).contains(&echo.rtt.as_millis()), "{:?}", echo.rtt);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_echo_is_asked_again_and_one_that_never_comes_is_none() {
    // The first datagram of 500 bytes is lost, and after the handshake all beyond 1000.
    let lost = AtomicUsize::new(0);
    let path = path(move |way, number, datagram| match datagram.len() {
        500 if way == Direction::Forth && lost.fetch_add(1, Ordering::Relaxed) == 0 => Verdict::Lose,
        1000.. if number > 0 => Verdict::Lose,
        _ => Verdict::Pass,
    });
    let (a, _b) = connected(path, Versions::Any).await;
    assert_eq!(a.echo(500, 4, Duration::from_millis(200)).await.unwrap().tries, 2);
    let began = Instant::now();
    assert_eq!(a.echo(1200, 3, Duration::from_millis(200)).await, None);
    assert!((600..610).contains(&began.elapsed().as_millis()));
}

#[tokio::test(start_paused = true)]
async fn a_last_flight_that_was_lost_is_sent_again_after_the_handshake() {
    // In 1.2 the server's Finished is the last flight; in 1.3 the client's.
    for versions in [Versions::Any, Versions::Only(DtlsVersion::V1_2)] {
        for lost in 1..5 {
            let path = path(move |_, number, _| if number == lost { Verdict::Lose } else { Verdict::Pass });
            let (a, _b) = connected(path, versions).await;
            assert!(a.echo(100, 5, Duration::from_secs(1)).await.is_some(), "{versions:?} {lost}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_a_session_says_goodbye() {
    let (a, mut b) = connected(path(|_, _, _| Verdict::Pass), Versions::Any).await;
    drop(a);
    assert_eq!(b.ended().await, Ended::Peer);
}

#[tokio::test(start_paused = true)]
async fn a_path_that_closes_ends_the_session() {
    let path = path(|_, _, _| Verdict::Pass);
    let conn = Arc::clone(&path.here);
    let (mut a, _b) = connected(path, Versions::Any).await;
    conn.close().await.unwrap();
    assert_eq!(a.ended().await, Ended::Failed(DtlsCause::Closed));
    assert_eq!(a.echo(100, 3, Duration::from_secs(1)).await, None);
}

#[tokio::test(start_paused = true)]
async fn data_that_nobody_fetches_is_dropped_and_the_session_lives() {
    let (a, b) = connected(path(|_, _, _| Verdict::Pass), Versions::Any).await;
    for _ in 0..200 {
        assert!(b.send(vec![1; 100]).await);
    }
    assert!(a.echo(200, 3, Duration::from_secs(1)).await.is_some());
}
