use super::*;
use crate::ice::agent::tests::wire::relay;
use std::collections::VecDeque;

const NEAR: &str = "198.51.100.11:50000";
const FAR: &str = "198.51.100.11:50001";

fn clients() -> impl Iterator<Item = Profile> {
    ["chromium", "mobile", "firefox", "gateway", "rfc8445"]
        .into_iter()
        .map(|name| Profile::parse(name).unwrap())
}

fn pairing(profile: &Profile, seed: u64) -> Pairing {
    let candidates = [relay(NEAR, 58_664_191), relay(FAR, 58_664_191)];
    Pairing::new(profile, candidates, &mut IdSource::new(seed), Offset::ZERO)
}

/// Lets the agents talk until the near end has its answer, or until then. What `passes` says no to gets lost; the rest
/// takes 40 ms.
fn talk(pairing: &mut Pairing, until: Offset, mut passes: impl FnMut(End, &[u8]) -> bool) -> Offset {
    let mut under_way: VecDeque<(Offset, End, Vec<u8>)> = VecDeque::new();
    let mut now = Offset::ZERO;
    while now < until && pairing.checked().answered == 0 {
        let wake = loop {
            match pairing.poll() {
                Todo::Send { from, to, bytes } => {
                    assert_eq!(to.to_string(), if from == End::Near { FAR } else { NEAR });
                    if passes(from, &bytes) {
                        under_way.push_back((now + Duration::from_millis(40), from.other(), bytes));
                    }
                }
                Todo::WaitUntil(at) => break Some(at),
                Todo::Idle => break None,
            }
        };
        let arrives = under_way.front().map(|(at, _, _)| *at);
        now = wake.into_iter().chain(arrives).min().expect("an agent waits for something").max(now);
        while let Some((_, to, bytes)) = under_way.pop_front_if(|(at, _, _)| *at <= now) {
            let from = if to == End::Near { FAR } else { NEAR };
            pairing.on_bytes(to, from.parse().unwrap(), &bytes, now);
        }
        pairing.on_tick(now);
    }
    now
}

#[test]
fn every_client_has_its_answer_a_moment_after_the_second_crossing() {
    for profile in clients() {
        let mut pairing = pairing(&profile, 1);
        let at = talk(&mut pairing, Offset::from_ms(1_000), |_, _| true);
        let checked = pairing.checked();
        assert_eq!((checked.role, checked.answered), (IceRole::Controlling, 1), "{profile}");
        assert_eq!(checked.round_trip, Some(Duration::from_millis(80)), "{profile}");
        assert!(at >= Offset::from_ms(80) && at <= Offset::from_ms(130), "{profile}: {at}");
    }
}

#[test]
fn a_relay_that_eats_stun_answers_no_client() {
    for profile in clients() {
        let mut pairing = pairing(&profile, 1);
        talk(&mut pairing, Offset::from_ms(2_200), |_, _| false);
        let checked = pairing.checked();
        assert_eq!((checked.answered, checked.far_answered, checked.round_trip), (0, 0, None), "{profile}");
        // Enough for the verdict where nothing else is lost.
        assert!(checked.sent + checked.far_sent >= 6, "{profile}: {checked:?}");
    }
}

#[test]
fn checks_that_reach_the_far_end_alone_are_no_answer() {
    for profile in clients() {
        let mut pairing = pairing(&profile, 1);
        talk(&mut pairing, Offset::from_ms(2_200), |from, _| from == End::Near);
        assert_eq!(pairing.checked().answered, 0, "{profile}");
    }
}

#[test]
fn a_first_check_that_is_lost_is_made_up_for() {
    for profile in clients() {
        let mut pairing = pairing(&profile, 1);
        let mut lost = 0;
        talk(&mut pairing, Offset::from_ms(2_200), |_, _| {
            lost += 1;
            lost > 2
        });
        assert_eq!(pairing.checked().answered, 1, "{profile}");
    }
}

#[test]
fn checks_of_another_pairing_are_neither_answered_nor_turned_down() {
    let (mut one, mut other) = (pairing(&Profile::default(), 1), pairing(&Profile::default(), 2));
    one.on_tick(Offset::from_ms(50));
    let mut passed = 0;
    let mut answers = 0;
    while let Todo::Send { from, bytes, .. } = one.poll() {
        let address = if from == End::Near { NEAR } else { FAR };
        other.on_bytes(from.other(), address.parse().unwrap(), &bytes, Offset::from_ms(60));
        passed += 1;
    }
    while let Todo::Send { bytes, .. } = other.poll() {
        answers += u32::from(Message::parse(&bytes).unwrap().class() != Class::Request);
    }
    assert!(passed > 0);
    assert_eq!(answers, 0);
}

#[test]
fn what_is_no_stun_is_passed_over() {
    let mut pairing = pairing(&Profile::default(), 1);
    for bytes in [&[][..], &[0x80, 0, 0, 0], &[0; 20], &[0xff; 200]] {
        pairing.on_bytes(End::Near, FAR.parse().unwrap(), bytes, Offset::ZERO);
    }
    assert_eq!(pairing.checked().answered, 0);
}
