//! Two ends of the same role.

use super::wire::*;
use crate::ice::agent::{CheckEnd, EventKind, IceRole};
use crate::machine::Offset;

const CLIENTS: [&str; 4] = ["chromium", "firefox", "gateway", "rfc8445"];

fn both(role: IceRole, profiles: [&str; 2], seeds: [u64; 2]) -> Wire {
    let mut wire = Wire::of([setup(profiles[0], role, seeds[0]), setup(profiles[1], role, seeds[1])]);
    wire.base(0, host("192.0.2.1:1100"));
    wire.base(1, host("192.0.2.2:2000"));
    wire.signal();
    wire
}

#[test]
fn two_ends_of_one_role_settle_it_and_connect_whoever_they_are() {
    for role in [IceRole::Controlling, IceRole::Controlled] {
        for near in CLIENTS {
            for far in CLIENTS {
                for seeds in [[1, 2], [2, 1], [7, 8], [90, 3]] {
                    let mut wire = both(role, [near, far], seeds);
                    let what = format!("{role:?} {near} {far} {seeds:?}");
                    assert!(wire.connect(), "{what}");
                    assert_ne!(wire.sides[0].agent.role(), wire.sides[1].agent.role(), "{what}");
                    let turned = |end: usize| {
                        let events = wire.sides[end].events.iter();
                        events.filter(|event| matches!(event.kind, EventKind::RoleChanged(_))).count()
                    };
                    assert_eq!(turned(0) + turned(1), 1, "{what}");
                }
            }
        }
    }
}

#[test]
fn the_smaller_tie_breaker_gives_way_when_both_control() {
    // The same seeds, swapped: the role follows the tie-breaker, not the end.
    let role = |seeds| {
        let mut wire = both(IceRole::Controlling, ["rfc8445", "rfc8445"], seeds);
        assert!(wire.connect());
        wire.sides[0].agent.role()
    };
    assert_eq!(role([1, 2]), role([2, 1]).other());
}

#[test]
fn a_conflict_is_in_the_record_and_the_pair_is_asked_again() {
    let mut wire = both(IceRole::Controlling, ["rfc8445", "rfc8445"], [1, 2]);
    assert!(wire.connect());
    let conflicts = |end: usize| {
        let pairs = wire.sides[end].agent.pairs().iter();
        pairs.flat_map(|pair| &pair.checks).filter(|check| check.end == Some(CheckEnd::RoleConflict)).count()
    };
    assert_eq!(conflicts(0) + conflicts(1), 1);
}

#[test]
fn with_equal_tie_breakers_the_rfc_settles_what_it_can() {
    // Both make their tie-breaker from the same seed. Both controlled: one takes control, the rest follows.
    let mut wire = both(IceRole::Controlled, ["rfc8445", "gateway"], [5, 5]);
    wire.run_until(Offset::from_ms(3_000));
    assert_ne!(wire.sides[0].agent.role(), wire.sides[1].agent.role());
}
