//! Connection: every threshold to the millisecond.

use crate::ice::stack::libwebrtc::link::{Link, Write};

/// A writable pair whose pings were answered at 1000 ms, after a round trip of `rtt`.
fn writable(rtt: u64) -> Link {
    let mut link = Link::new(0, true);
    link.note_ping(1_000 - rtt);
    assert!(link.note_answer(1_000 - rtt, 1_000));
    link.write = Write::Writable;
    link
}

#[test]
fn what_a_pair_receives_counts_for_2500_ms() {
    let mut link = Link::new(0, true);
    assert!(!link.receives(0), "nothing came yet");
    link.ping_received = Some(1_000);
    assert!(link.receives(3_500) && !link.receives(3_501));
    link.data_received = Some(2_000);
    assert!(link.receives(4_500) && !link.receives(4_501));
}

#[test]
fn a_pair_whose_last_ping_was_answered_receives_however_long_ago_that_was() {
    let mut link = writable(40);
    assert!(link.receives(26_000));
    link.note_ping(26_000);
    assert!(!link.receives(26_000), "now an answer is due, and the last one is old");
}

#[test]
fn five_pings_and_five_seconds_without_an_answer_make_a_pair_unreliable() {
    let mut link = writable(40);
    for sent in [2_000, 2_100, 2_200, 2_300] {
        link.note_ping(sent);
    }
    assert!(!link.becomes_unreliable(60_000), "four are not enough");
    link.note_ping(2_400);
    assert!(!link.becomes_unreliable(7_000) && link.becomes_unreliable(7_001));
}

#[test]
fn the_fifth_ping_is_given_two_round_trips_and_100_ms_at_least() {
    for (rtt, patience) in [(40, 100), (400, 800)] {
        let mut link = writable(rtt);
        for sent in [2_000, 3_000, 4_000, 5_000, 8_000] {
            link.note_ping(sent);
        }
        assert!(!link.becomes_unreliable(8_000 + patience), "{rtt}");
        assert!(link.becomes_unreliable(8_001 + patience), "{rtt}");
    }
}

#[test]
fn fifteen_seconds_from_the_first_unanswered_ping_time_a_pair_out_that_does_not_work() {
    for (write, falls) in [(Write::Init, true), (Write::Unreliable, true), (Write::Writable, false)] {
        let mut link = Link::new(0, true);
        link.write = write;
        assert!(!link.times_out(60_000), "it was never pinged");
        link.note_ping(1_000);
        link.note_ping(10_000);
        assert!(!link.times_out(16_000));
        assert_eq!(link.times_out(16_001), falls, "{write:?}");
    }
}

#[test]
fn a_pair_is_dead_after_30_s_of_silence_and_30_s_of_an_unanswered_ping() {
    let mut link = writable(40);
    assert!(!link.dead(31_000) && link.dead(31_001));
    link.note_ping(20_000);
    assert!(!link.dead(50_000) && link.dead(50_001));
}

#[test]
fn a_pair_that_never_received_lives_while_it_is_pinged_and_10_s_otherwise() {
    let mut link = Link::new(1_000, true);
    link.note_ping(1_000);
    assert!(!link.dead(600_000));
    link.write = Write::Timeout;
    assert!(!link.dead(11_000) && link.dead(11_001));
}

#[test]
fn a_round_trip_is_3000_ms_until_measured_and_then_smoothed_three_to_one() {
    let mut link = Link::new(0, true);
    assert_eq!(link.rtt, 3_000);
    let mut estimates = Vec::new();
    for (sent, answered) in [(0, 100), (1_000, 1_020), (2_000, 2_020), (3_000, 3_500)] {
        link.note_ping(sent);
        link.note_answer(sent, answered);
        estimates.push(link.rtt);
    }
    assert_eq!(estimates, [100, 80, 65, 173]);
}

#[test]
fn a_pair_is_stable_after_five_round_trips_and_while_no_answer_is_overdue() {
    let mut link = Link::new(0, true);
    for sent in [0, 100, 200, 300] {
        link.note_ping(sent);
        link.note_answer(sent, sent + 40);
    }
    assert!(!link.stable(400), "four");
    link.note_ping(400);
    link.note_answer(400, 440);
    assert!(link.stable(10_000));
    link.note_ping(10_000);
    assert!(link.stable(10_080) && !link.stable(10_081));
}

#[test]
fn an_answer_that_was_overtaken_nominates_no_more() {
    let mut link = Link::new(0, true);
    link.note_ping(0);
    link.note_ping(48);
    assert!(link.note_answer(48, 90));
    assert!(!link.note_answer(0, 95), "the later ping was answered before");
}
