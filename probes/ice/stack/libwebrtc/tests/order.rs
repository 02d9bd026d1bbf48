//! CompareConnections: each criterion before the next, and a total order of them all.

use crate::ice::agent::Criterion;
use crate::ice::agent::IceRole::{self, Controlled, Controlling};
use crate::ice::stack::libwebrtc::link::Write;
use crate::ice::stack::libwebrtc::select::{Receiving, Standing};
use crate::machine::IdSource;
use std::cmp::Ordering;

const PAIR: Standing = Standing {
    write: Write::Writable,
    receiving: true,
    receiving_since: 0,
    connected: true,
    remote_nomination: 0,
    last_data: None,
    cost: 0,
    priority: 1_000,
    session: 0,
    rtt: 40,
};

/// Better by each criterion, the most important first, and worse by every one that follows.
fn ladder() -> Vec<(Criterion, Standing)> {
    let mut steps: Vec<(Criterion, Standing)> = Vec::new();
    let mut worse = Standing { rtt: 50, ..PAIR };
    let mut push = |criterion, better: fn(&mut Standing), spoil: fn(&mut Standing)| {
        let mut standing = worse;
        better(&mut standing);
        steps.push((criterion, standing));
        spoil(&mut worse);
    };
    push(Criterion::RoundTrip, |s| s.rtt = 40, |s| s.rtt = 30);
    push(Criterion::Session, |s| s.session = 1, |_| {});
    push(Criterion::Priority, |s| s.priority = 2_000, |s| s.session = 2);
    push(Criterion::NetworkCost, |s| s.cost = 0, |s| s.priority = 9_000);
    steps
}

#[test]
fn each_criterion_decides_only_when_those_before_it_do_not() {
    let tie = Standing { rtt: 40, ..PAIR };
    assert_eq!(PAIR.sort(&tie, Controlled), None);
    type Change = fn(&mut Standing);
    // What makes a pair worse, the most important first, and who looks at it.
    let criteria: [(Criterion, bool, Change); 10] = [
        (Criterion::Works, true, |s| s.write = Write::Init),
        (Criterion::WriteState, true, |s| s.write = Write::Unreliable),
        (Criterion::Receiving, true, |s| s.receiving = false),
        (Criterion::Connected, true, |s| s.connected = false),
        (Criterion::Nominated, false, |s| s.remote_nomination = 0),
        (Criterion::LastData, false, |s| s.last_data = Some(5)),
        (Criterion::NetworkCost, true, |s| s.cost = 20),
        (Criterion::Priority, true, |s| s.priority = 500),
        (Criterion::Session, true, |s| s.session = 0),
        (Criterion::RoundTrip, true, |s| s.rtt = 90),
    ];
    let best = Standing {
        remote_nomination: 1,
        last_data: Some(9),
        cost: 10,
        priority: 1_000,
        session: 1,
        rtt: 60,
        ..PAIR
    };
    for (place, (criterion, always, spoil)) in criteria.iter().enumerate() {
        // Worse by this, better by everything after it.
        let mut other = Standing { rtt: 10, session: 2, priority: 5_000, cost: 0, ..best };
        other.last_data = Some(20);
        other.remote_nomination = 2;
        for (_, _, equal) in &criteria[..place] {
            let mut probe = best;
            equal(&mut probe);
            // Equal by all that come before.
            if probe.cost != best.cost {
                other.cost = best.cost;
            }
            if probe.priority != best.priority {
                other.priority = best.priority;
            }
            if probe.session != best.session {
                other.session = best.session;
            }
            if probe.remote_nomination != best.remote_nomination {
                other.remote_nomination = best.remote_nomination;
            }
            if probe.last_data != best.last_data {
                other.last_data = best.last_data;
            }
        }
        spoil(&mut other);
        assert_eq!(best.sort(&other, Controlled), Some((Ordering::Less, *criterion)), "{criterion:?}");
        assert_eq!(other.sort(&best, Controlled), Some((Ordering::Greater, *criterion)), "{criterion:?}");
        let controlling = best.sort(&other, Controlling);
        if *always {
            let told = matches!(controlling, Some((Ordering::Less, by)) if by == *criterion);
            assert!(told, "{criterion:?} counts on both sides: {controlling:?}");
        } else {
            let told = matches!(controlling, Some((Ordering::Greater, Criterion::NetworkCost)));
            assert!(told, "{criterion:?} counts on the controlled side alone: {controlling:?}");
        }
    }
}

#[test]
fn cost_comes_before_priority_and_priority_before_the_round_trip() {
    for (criterion, better) in ladder() {
        let verdict = match criterion {
            Criterion::RoundTrip => better.sort(&Standing { rtt: 50, ..PAIR }, Controlling),
            Criterion::Session => better.sort(&Standing { rtt: 30, ..PAIR }, Controlling),
            Criterion::Priority => better.sort(&Standing { rtt: 30, session: 2, ..PAIR }, Controlling),
            _ => {
                better.sort(&Standing { rtt: 30, session: 2, priority: 9_000, cost: 10, ..PAIR }, Controlling)
            }
        };
        assert_eq!(verdict, Some((Ordering::Less, criterion)));
    }
}

#[test]
fn the_selection_moves_for_receiving_states_only_when_both_have_lasted() {
    let old = Standing { receiving: false, receiving_since: 2_000, ..PAIR };
    let new = Standing { receiving: true, receiving_since: 1_000, priority: 500, ..PAIR };
    let compare = |since| {
        let mut missed = false;
        let verdict = old.compare(&new, Receiving::Since(since, &mut missed), Controlling);
        (verdict, missed)
    };
    assert_eq!(compare(2_000), (Some((Ordering::Greater, Criterion::Receiving)), false));
    assert_eq!(compare(1_999), (Some((Ordering::Less, Criterion::Priority)), true), "skipped, and noted");
    // In the other direction there is no delay.
    let mut missed = false;
    let verdict = new.compare(&old, Receiving::Since(0, &mut missed), Controlling);
    assert_eq!((verdict, missed), (Some((Ordering::Less, Criterion::Receiving)), false));
}

#[test]
fn the_order_of_any_pairs_is_total() {
    let mut ids = IdSource::new(7);
    let mut standing = || {
        let mut pick = |of: u64| ids.next_u64() % of;
        Standing {
            write: [Write::Writable, Write::Unreliable, Write::Init, Write::Timeout][pick(4) as usize],
            receiving: pick(2) == 0,
            receiving_since: pick(3),
            connected: pick(2) == 0,
            remote_nomination: pick(2) as u32,
            last_data: [None, Some(1), Some(2)][pick(3) as usize],
            cost: pick(2) as u32,
            priority: pick(2),
            session: pick(2) as u32,
            rtt: pick(2),
        }
    };
    let order = |one: &Standing, other: &Standing, role: IceRole| {
        one.sort(other, role).map_or(Ordering::Equal, |verdict| verdict.0)
    };
    for _ in 0..20_000 {
        let [a, b, c] = [standing(), standing(), standing()];
        for role in [Controlling, Controlled] {
            assert_eq!(order(&a, &b, role), order(&b, &a, role).reverse());
            if order(&a, &b, role).is_le() && order(&b, &c, role).is_le() {
                assert!(order(&a, &c, role).is_le(), "{a:?} {b:?} {c:?}");
            }
        }
    }
}
