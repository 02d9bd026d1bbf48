//! Two ends over paths that lose, eat, reorder and stay silent, in virtual time.

use super::*;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use webrtc_util::conn::Conn;

mod path;
mod reading;
mod sessions;

use path::{Path, Verdict, addresses, path};

const WITHIN: Duration = Duration::from_secs(20);

fn schedule() -> Schedule {
    Schedule::libwebrtc(Some(Duration::from_millis(50)), WITHIN)
}

/// Both handshakes over a path, each with what it was told of the other.
async fn both(
    path: Path,
    active: (&DtlsEnd, &[Fingerprint]),
    passive: (&DtlsEnd, &[Fingerprint]),
) -> (Handshake, Handshake) {
    let (active, passive) = tokio::join!(
        active.0.handshake(path.here, Setup::Active, active.1, schedule()),
        passive.0.handshake(path.there, Setup::Passive, passive.1, schedule()),
    );
    (active.unwrap(), passive.unwrap())
}

async fn call(path: Path, versions: Versions) -> (Handshake, Handshake) {
    let (a, b) = (DtlsEnd::new().unwrap().speaking(versions), DtlsEnd::new().unwrap().speaking(versions));
    let (of_a, of_b) = (a.fingerprint().clone(), b.fingerprint().clone());
    both(path, (&a, &[of_b]), (&b, &[of_a])).await
}

fn assert_connected(outcome: &DtlsOutcome, version: DtlsVersion) {
    assert_eq!(outcome.cause, None);
    assert!(outcome.ok);
    assert_eq!(outcome.version, Some(version));
    assert_eq!(outcome.fingerprint_matches, Some(true));
    assert!(outcome.cipher_suite.as_deref().unwrap().starts_with("TLS_"), "{outcome:?}");
    assert!(outcome.srtp_profile.as_deref().unwrap().starts_with("SRTP_"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn two_ends_connect_with_the_newest_version_and_srtp() {
    let (a, b) = call(path(|_, _, _| Verdict::Pass), Versions::Any).await;
    for outcome in [&a.outcome, &b.outcome] {
        assert_connected(outcome, DtlsVersion::V1_3);
        assert_eq!(outcome.retransmissions, 0);
        assert_eq!((outcome.sent.repeats, outcome.received.repeats), (0, 0));
    }
    assert_eq!(a.outcome.cipher_suite, b.outcome.cipher_suite);
    assert_eq!(a.outcome.srtp_profile, b.outcome.srtp_profile);
}

#[tokio::test(start_paused = true)]
async fn two_ends_connect_with_dtls_1_2_when_one_has_no_more() {
    for (first, second) in [
        (Versions::Any, Versions::Only(DtlsVersion::V1_2)),
        (Versions::Only(DtlsVersion::V1_2), Versions::Any),
    ] {
        let (a, b) = (DtlsEnd::new().unwrap().speaking(first), DtlsEnd::new().unwrap().speaking(second));
        let (of_a, of_b) = (a.fingerprint().clone(), b.fingerprint().clone());
        let (a, b) = both(path(|_, _, _| Verdict::Pass), (&a, &[of_b]), (&b, &[of_a])).await;
        assert_connected(&a.outcome, DtlsVersion::V1_2);
        assert_connected(&b.outcome, DtlsVersion::V1_2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_hello_proves_a_datagram_of_full_size() {
    let (a, b) = call(path(|_, _, _| Verdict::Pass), Versions::Any).await;
    assert_eq!(a.outcome.proven_sent, MTU);
    assert_eq!(b.outcome.proven_received, MTU);
    assert!(
        b.outcome.proven_sent > 500 && b.outcome.proven_sent == a.outcome.proven_received,
        "{:?}",
        b.outcome
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_handshake_is_that_of_its_round_trips() {
    // 25 ms each way: in 1.3 the client is done after one round trip.
    let (a, b) = call(path(|_, _, _| Verdict::Late(Duration::from_millis(25))), Versions::Any).await;
    let (a, b) = (a.outcome.handshake_ms.unwrap(), b.outcome.handshake_ms.unwrap());
    assert!((50.0..55.0).contains(&a), "{a}");
    assert!((50.0..55.0).contains(&b), "{b}");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_handshake_does_not_count_the_wait_for_a_peer_that_had_not_begun() {
    let path = path(|_, _, _| Verdict::Late(Duration::from_millis(25)));
    let (a, b) = (DtlsEnd::new().unwrap(), DtlsEnd::new().unwrap());
    let (of_a, of_b) = ([a.fingerprint().clone()], [b.fingerprint().clone()]);
    let late = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        b.handshake(path.there, Setup::Passive, &of_a, schedule()).await
    };
    let (a, b) = tokio::join!(a.handshake(path.here, Setup::Active, &of_b, schedule()), late);
    let (a, b) = (a.unwrap().outcome, b.unwrap().outcome);
    let (took, waited) = (a.handshake_ms.unwrap(), a.unanswered_ms.unwrap());
    assert!((50.0..55.0).contains(&took), "{a:?}");
    assert!((970.0..980.0).contains(&waited), "{a:?}");
    assert!(b.handshake_ms.unwrap() < 100.0 && b.unanswered_ms.is_none(), "{b:?}");
}

#[tokio::test(start_paused = true)]
async fn lost_flights_are_sent_again_and_counted() {
    for versions in [Versions::Any, Versions::Only(DtlsVersion::V1_2)] {
        // Of each direction the first and the third datagram are lost.
        let lossy = path(|_, number, _| if matches!(number, 0 | 2) { Verdict::Lose } else { Verdict::Pass });
        let (a, b) = call(lossy, versions).await;
        assert!(a.outcome.ok && b.outcome.ok, "{:?} {:?}", a.outcome, b.outcome);
        assert!(a.outcome.retransmissions >= 1, "{:?}", a.outcome);
        let all = a.outcome.handshake_ms.unwrap() + a.outcome.unanswered_ms.unwrap();
        assert!(all >= 70.0, "{:?}", a.outcome);
        assert!(b.outcome.retransmissions >= 1, "{:?}", b.outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn every_single_lost_datagram_is_survived() {
    for versions in [Versions::Any, Versions::Only(DtlsVersion::V1_2)] {
        for lost in 0..6 {
            for direction in [path::Direction::Forth, path::Direction::Back] {
                let lossy =
                    path(
                        move |way, number, _| {
                            if way == direction && number == lost { Verdict::Lose } else { Verdict::Pass }
                        },
                    );
                let (a, b) = call(lossy, versions).await;
                assert!(
                    a.outcome.ok && b.outcome.ok,
                    "{versions:?} {lost} {direction:?}: {:?} {:?}",
                    a.outcome,
                    b.outcome
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn datagrams_that_overtake_each_other_do_not_end_a_handshake() {
    for versions in [Versions::Any, Versions::Only(DtlsVersion::V1_2)] {
        // Of each direction every even datagram is 20 ms later than the odd ones.
        let shuffled =
            path(|_, number, _| Verdict::Late(Duration::from_millis(if number % 2 == 0 { 25 } else { 5 })));
        let (a, b) = call(shuffled, versions).await;
        assert!(a.outcome.ok && b.outcome.ok, "{:?} {:?}", a.outcome, b.outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn a_middlebox_that_eats_dtls_and_passes_stun_leaves_no_answer() {
    let path = path(|_, _, datagram| if is_dtls(datagram) { Verdict::Lose } else { Verdict::Pass });
    // STUN passes both ways, before and while DTLS dies.
    let stun = [&[0_u8, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[7; 12]].concat();
    path.here.send(&stun).await.unwrap();
    let mut buffer = [0; 64];
    assert_eq!(path.there.recv(&mut buffer).await.unwrap(), stun.len());
    path.there.send(&stun).await.unwrap();
    let (a, b) = call(path, Versions::Any).await;
    let Some(DtlsCause::NoAnswer { flights, waited_ms }) = a.outcome.cause else { panic!("{:?}", a.outcome) };
    // 100 ms doubled with a quarter of jitter: the eighth repetition falls after 20 s.
    assert!((7..=9).contains(&flights), "{flights}");
    assert_eq!(waited_ms, 20_000);
    assert_eq!(a.outcome.retransmissions, flights - 1);
    assert_eq!(a.outcome.received, Flow::default());
    assert_eq!(a.outcome.ignored, 1, "the STUN message");
    assert!(a.session.is_none());
    assert_eq!(b.outcome.cause, Some(DtlsCause::NoAnswer { flights: 0, waited_ms: 20_000 }));
    assert_eq!(b.outcome.handshake_ms, None);
}

#[tokio::test(start_paused = true)]
async fn a_path_that_passes_small_datagrams_only_passes_no_client_hello() {
    let small = path(|_, _, datagram| if datagram.len() > 1100 { Verdict::Lose } else { Verdict::Pass });
    let (a, b) = call(small, Versions::Any).await;
    assert!(matches!(a.outcome.cause, Some(DtlsCause::NoAnswer { .. })), "{:?}", a.outcome);
    assert_eq!(a.outcome.sent.largest_datagram, MTU);
    assert!(matches!(b.outcome.cause, Some(DtlsCause::NoAnswer { flights: 0, .. })), "{:?}", b.outcome);
}

#[tokio::test(start_paused = true)]
async fn a_path_that_dies_after_the_first_flight_is_told_as_stalled() {
    for versions in [Versions::Any, Versions::Only(DtlsVersion::V1_2)] {
        let dying = path(|way, number, _| match way {
            path::Direction::Forth if number > 0 => Verdict::Lose,
            _ => Verdict::Pass,
        });
        let (_, b) = call(dying, versions).await;
        let Some(DtlsCause::Stalled { flights, unanswered_datagram, heard, silent_ms }) = &b.outcome.cause
        else {
            panic!("{:?}", b.outcome)
        };
        assert!(*flights >= 7, "{flights}");
        assert!(*unanswered_datagram > 500, "{unanswered_datagram}");
        assert_eq!(heard, &["client_hello"]);
        assert_eq!(*silent_ms, 20_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_was_not_signalled_fails_both_ends_at_once() {
    let other = DtlsEnd::new().unwrap().fingerprint().clone();
    for versions in [Versions::Any, Versions::Only(DtlsVersion::V1_2)] {
        let (a, b) = (DtlsEnd::new().unwrap().speaking(versions), DtlsEnd::new().unwrap().speaking(versions));
        let (of_a, of_b) = (a.fingerprint().clone(), b.fingerprint().clone());
        let began = Instant::now();
        let wrong = std::slice::from_ref(&other);
        let (active, passive) = both(path(|_, _, _| Verdict::Pass), (&a, wrong), (&b, &[of_a])).await;
        let expected =
            DtlsCause::FingerprintMismatch { expected: vec![other.to_string()], seen: of_b.to_string() };
        assert_eq!(active.outcome.cause, Some(expected));
        assert_eq!(active.outcome.fingerprint_matches, Some(false));
        assert_eq!(active.outcome.peer_fingerprint, Some(of_b.to_string()));
        assert!(active.session.is_none());
        assert_eq!(passive.outcome.cause, Some(DtlsCause::alert(42)), "{:?}", passive.outcome);
        assert!(began.elapsed() <= Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_passive_end_does_not_finish_with_a_wrong_client_certificate() {
    let other = DtlsEnd::new().unwrap().fingerprint().clone();
    let (a, b) = (DtlsEnd::new().unwrap(), DtlsEnd::new().unwrap());
    let a = a.speaking(Versions::Only(DtlsVersion::V1_2));
    let of_b = b.fingerprint().clone();
    let (active, passive) = both(path(|_, _, _| Verdict::Pass), (&a, &[of_b]), (&b, &[other])).await;
    assert!(
        matches!(passive.outcome.cause, Some(DtlsCause::FingerprintMismatch { .. })),
        "{:?}",
        passive.outcome
    );
    assert_eq!(active.outcome.cause, Some(DtlsCause::alert(42)), "{:?}", active.outcome);
}

#[tokio::test(start_paused = true)]
async fn a_path_that_closes_ends_the_handshake_at_once() {
    let path = path(|_, _, _| Verdict::Lose);
    let end = DtlsEnd::new().unwrap();
    let signalled = [end.fingerprint().clone()];
    let began = Instant::now();
    let (closing, conn) = (Arc::clone(&path.here), path.here);
    let (done, ()) = tokio::join!(end.handshake(conn, Setup::Active, &signalled, schedule()), async {
        tokio::time::sleep_until(began + Duration::from_secs(1)).await;
        closing.close().await.unwrap();
    });
    assert_eq!(done.unwrap().outcome.cause, Some(DtlsCause::Closed));
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn nothing_signalled_is_refused_before_a_packet() {
    let path = path(|_, _, _| Verdict::Pass);
    let end = DtlsEnd::new().unwrap();
    let refused = end.handshake(path.here, Setup::Active, &[], schedule()).await.err();
    assert_eq!(refused, Some(DtlsError::NoFingerprint));
}

#[tokio::test(start_paused = true)]
async fn garbage_of_all_kinds_does_not_keep_two_ends_from_connecting() {
    let noisy = path(|_, number, _| if number < 8 { Verdict::Garbage } else { Verdict::Pass });
    let (a, b) = call(noisy, Versions::Any).await;
    assert!(a.outcome.ok && b.outcome.ok, "{:?} {:?}", a.outcome, b.outcome);
}

#[tokio::test(start_paused = true)]
async fn a_full_path_drops_and_counts_as_a_socket_does() {
    let (here, there) = addresses();
    let (conn, mut end) = PathConn::pair(2, here, there);
    for _ in 0..3 {
        assert_eq!(conn.send(b"datagram").await.unwrap(), 8);
        end.feed.deliver(vec![9; 100]);
    }
    assert_eq!(end.outgoing.recv().await.unwrap(), b"datagram");
    let mut small = [0; 40];
    assert_eq!(conn.recv_from(&mut small).await.unwrap(), (40, there));
    let counted = ConnCounters { sent: 2, sent_dropped: 1, received: 1, received_dropped: 1, cut: 1 };
    assert_eq!(conn.counters(), counted);
    conn.close().await.unwrap();
    assert!(conn.recv(&mut small).await.is_err());
    assert!(conn.send(b"late").await.is_err());
}
