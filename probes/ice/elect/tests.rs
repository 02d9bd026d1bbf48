use super::*;
use crate::evidence::Transport;

fn contender(transport: Transport, priority: u32, ready_ms: u64, round_trip_ms: u64) -> Contender {
    let last = (priority >> 20) as u8;
    let candidate = Candidate {
        kind: CandidateType::Relay,
        address: Ipv4Addr::new(198, 51, 100, last).into(),
        port: 50_000 + ready_ms as u16,
        priority,
        relay_protocol: Some(transport),
        network_cost: Some(0),
        network_id: Some(1),
        ..far_candidate(FAR_V4.into())
    };
    Contender {
        candidate,
        ready: Duration::from_millis(ready_ms),
        round_trip: Duration::from_millis(round_trip_ms),
    }
}

/// UDP, TCP and TLS to one server, as libwebrtc M146 and on ranks them.
fn three() -> [Contender; 3] {
    [
        contender(Transport::Tls, 8_332_287, 250, 45),
        contender(Transport::Udp, 58_664_191, 140, 40),
        contender(Transport::Tcp, 25_109_247, 180, 42),
    ]
}

fn clients() -> impl Iterator<Item = Profile> {
    ["chromium", "mobile", "firefox", "gateway", "rfc8445"]
        .map(|name| Profile::parse(name).unwrap())
        .into_iter()
}

#[test]
fn a_call_that_waited_for_everything_takes_the_best_relay() {
    for profile in clients() {
        assert_eq!(outgoing(&profile, &three()).selected, Some(1), "{profile}");
    }
}

#[test]
fn the_order_before_the_call_is_that_of_the_priorities() {
    for profile in clients() {
        let candidates = three().map(|contender| contender.candidate);
        let order: Vec<usize> = order(&profile, &candidates).iter().map(|(index, _)| *index).collect();
        assert_eq!(order, [1, 2, 0], "{profile}");
    }
}

#[test]
fn nothing_to_choose_from_is_no_call() {
    let none = outgoing(&Profile::default(), &[]);
    assert_eq!((none.selected, none.stopped_gathering), (None, None));
    assert!(order(&Profile::default(), &[]).is_empty());
}

#[test]
fn chromium_never_looks_at_a_relay_that_is_ready_after_a_pair_has_become_strong() {
    let [mut tls, udp, tcp] = three();
    tls.ready = Duration::from_millis(900);
    let election = incoming(&Profile::default(), &[tls, udp, tcp]);
    let stopped = election.stopped_gathering.expect("libwebrtc stops gathering");
    // Ready at 140 ms, and one round trip for the first check.
    assert!(stopped >= Offset::from_ms(180) && stopped < Offset::from_ms(900), "{stopped}");
    assert_eq!((election.selected, election.never_looked), (Some(1), vec![0]));
}

#[test]
fn chromium_misses_the_better_relay_when_it_is_ready_too_late() {
    let [tls, mut udp, tcp] = three();
    udp.ready = Duration::from_millis(2_000);
    let contenders = [tls, udp, tcp];
    assert_eq!(outgoing(&Profile::default(), &contenders).selected, Some(1));
    let election = incoming(&Profile::default(), &contenders);
    // TCP is ready at 180 ms and answers 42 ms later, which TLS is too late for as well.
    assert_eq!((election.selected, election.never_looked), (Some(2), vec![0, 1]));
}

#[test]
fn other_clients_gather_to_the_end() {
    for profile in clients().filter(|profile| !["chromium", "mobile"].contains(&profile.client.name())) {
        let election = incoming(&profile, &three());
        assert_eq!((election.stopped_gathering, election.never_looked), (None, vec![]), "{profile}");
    }
}
