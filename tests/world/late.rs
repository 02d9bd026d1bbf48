//! What comes late or collides: candidates, the end of gathering, restarts, roles.

use super::call::Call;
use super::scene::{LINE, ONE, Scene, Signalling, TWO};
use super::truth;
use raincheck_lab::net::{Filtering, Impairment, Mapping, NatKind, Side};
use raincheck_probes::ice::CandidateType;
use raincheck_probes::ice::agent::{EventKind, IceRole};
use std::time::Duration;

const CLIENTS: [&str; 4] = ["chromium", "firefox", "gateway", "rfc8445"];

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn decided(scene: &Scene) -> Call {
    let mut call = Call::new(scene);
    assert!(call.run_till(Duration::from_secs(60), Call::is_decided), "{}", call.story());
    call
}

#[test]
fn relayed_candidates_alone_connect_and_direct_ones_move_the_clients_that_go_on() {
    // Who moves to a better pair that comes after the first was nominated (ice-clients: libwebrtc at any time; libnice
    // upgrades; nICEr and RFC 8445 section 8.1.1 have ended their checks).
    for (profile, moves) in
        [("chromium", true), ("mobile", true), ("gateway", true), ("firefox", false), ("rfc8445", false)]
    {
        let home = NatKind::PORT_RESTRICTED_CONE;
        let scene = Scene { direct_late: Duration::from_secs(3), ..Scene::new([profile, profile], ONE) }
            .behind(home, home);
        let mut call = decided(&scene);
        assert!(call.now < Duration::from_secs(3), "{}", call.story());
        call.run_until(ms(2900));
        assert!(call.agree() && !call.is_direct(), "{}", call.story());
        call.run_for(Duration::from_secs(5));
        assert!(call.agree(), "{}", call.story());
        assert_eq!(call.is_direct(), moves, "{}", call.story());
        assert!(call.talks(ms(500)), "{}", call.story());
    }
}

#[test]
fn an_answer_that_comes_ten_seconds_late_connects_all_the_same() {
    for near in CLIENTS {
        for far in CLIENTS {
            let signalling = Signalling::Trickle(Duration::from_secs(10));
            let mut call = decided(&Scene { signalling, ..Scene::new([near, far], ONE) });
            call.run_for(Duration::from_secs(5));
            assert!(call.agree() && call.is_direct(), "{}", call.story());
        }
    }
}

/// libwebrtc stops gathering at the first pair that is strong: what a slow server would have given is never there.
#[test]
fn only_libwebrtc_ends_gathering_early_and_then_the_slow_relay_is_missing() {
    // The line to everything is slow, so that TLS takes ten times as long as a check.
    let line = Impairment { delay: ms(100), ..LINE };
    for profile in CLIENTS {
        let scene = Scene { impairments: [line, line], ..Scene::new([profile, profile], TWO) };
        let mut call = decided(&scene);
        call.run_for(Duration::from_secs(10));
        let end = &call.ends[0];
        let early = end.stopped_gathering.is_some();
        assert_eq!(early, profile == "chromium", "{}", call.story());
        let said = end.times(|kind| *kind == EventKind::GatheringStopped);
        assert_eq!(said.first().copied(), end.stopped_gathering, "{profile}");
        let relays = end.bases.iter().filter(|base| base.relay.is_some()).count();
        assert!(relays > 0 || early, "{profile}");
        if early {
            let all = Call::new(&Scene { signalling: Signalling::AtOnce, ..scene.clone() });
            let mut all = all;
            all.run_for(Duration::from_secs(10));
            let everything = all.ends[0].bases.iter().filter(|base| base.relay.is_some()).count();
            assert!(relays < everything, "{relays} of {everything}");
        }
    }
}

/// Data flows every 20 ms before, during and after a restart, and the new session selects a pair of its own.
#[test]
fn a_restart_during_a_call_costs_no_data() {
    for near in CLIENTS {
        for far in CLIENTS {
            let scene = Scene { media: Some(ms(20)), ..Scene::new([near, far], ONE) };
            let mut call = decided(&scene);
            call.run_for(Duration::from_secs(5));
            let began = call.now;
            call.restart(0);
            call.run_for(Duration::from_secs(10));
            assert!(call.agree(), "{}", call.story());
            for end in &call.ends {
                let selected = end.agent.selected().unwrap();
                assert_eq!(end.agent.pairs()[selected.0].session, 1, "{}", call.story());
                assert_eq!(end.times(|kind| *kind == EventKind::Restarted).len(), 1);
                let mut times = end.data.iter().map(|(at, _)| *at).filter(|at| *at >= began);
                let mut before = began;
                let longest = times.try_fold(Duration::ZERO, |longest, at| {
                    let gap = at - before;
                    before = at;
                    Some(longest.max(gap))
                });
                assert!(longest.unwrap() <= ms(40), "{longest:?}: {}", call.story());
                assert!(before + ms(60) >= call.now, "{}", call.story());
            }
        }
    }
}

#[test]
fn a_restart_after_the_network_changed_finds_the_path_that_is_left() {
    for profile in CLIENTS {
        // With everything gathered first: what libwebrtc's new session would gather again is there then.
        let mut call =
            decided(&Scene { signalling: Signalling::AtOnce, ..Scene::new([profile, profile], ONE) });
        call.run_for(Duration::from_secs(5));
        assert!(call.is_direct());
        let servers = call.world.servers.clone();
        for side in Side::BOTH {
            let servers = servers.clone();
            call.world.block(side, move |flow| !servers.contains(&flow.remote.ip()));
        }
        call.restart(0);
        call.run_for(Duration::from_secs(20));
        assert!(call.agree() && !call.is_direct(), "{}", call.story());
        assert!(call.talks(ms(500)), "{}", call.story());
    }
}

/// Both ends begin with the same role, over lines that lose one packet in ten each: one gives way and the call stands.
#[test]
fn roles_that_collide_are_told_apart_in_a_lossy_world() {
    let (mut seed, mut apart) = (0, 0);
    for near in CLIENTS {
        for far in CLIENTS {
            for role in [IceRole::Controlling, IceRole::Controlled] {
                for _ in 0..3 {
                    seed += 1;
                    let lossy = Impairment { delay: ms(30), ..Impairment::LOSSY };
                    let scene = Scene {
                        roles: [role, role],
                        impairments: [lossy, lossy],
                        seed,
                        ..Scene::new([near, far], ONE)
                    };
                    let mut call = decided(&scene);
                    call.run_for(Duration::from_secs(10));
                    let [a, b] = call.ends.each_ref().map(|end| end.agent.role());
                    assert_eq!(a, b.other(), "{role:?}: {}", call.story());
                    apart += usize::from(!call.agree());
                    assert!(call.agree() || truth::given_up(&call), "{role:?}: {}", call.story());
                    let turned = call
                        .ends
                        .iter()
                        .map(|end| end.times(|kind| matches!(kind, EventKind::RoleChanged(_))).len());
                    assert_eq!(turned.sum::<usize>() % 2, 1, "an odd number of turns: {}", call.story());
                }
            }
        }
    }
    assert!(apart <= 3, "{apart} of {seed}");
}

/// A peer behind a NAT that no server has seen is known by its checks alone.
#[test]
fn an_end_without_any_server_is_reached_as_peer_reflexive() {
    for profile in CLIENTS {
        let scene = Scene::new([profile, profile], &[]).behind(NatKind::SYMMETRIC, NatKind::PUBLIC);
        let mut call = decided(&scene);
        call.run_for(Duration::from_secs(5));
        assert!(call.agree(), "{}", call.story());
        let far = &call.ends[1].agent;
        let remote = far.remote(far.selected().unwrap()).unwrap();
        assert_eq!(remote.kind, CandidateType::Prflx, "{}", call.story());
    }
}

fn at_once(profile: &'static str, a: NatKind, b: NatKind) -> Call {
    let scene = Scene { signalling: Signalling::AtOnce, ..Scene::new([profile, profile], ONE) };
    let mut call = decided(&scene.behind(a, b));
    call.run_for(Duration::from_secs(10));
    call
}

/// What went wrong: the list of peer-reflexive candidates was full, a check from one more was answered all the same,
/// and its sender nominated a pair that the other end did not have.
#[test]
fn where_every_answer_shows_another_port_both_ends_take_the_same_relay() {
    let shifting = NatKind::new(Mapping::AddressAndPortDependent, Filtering::EndpointIndependent);
    for profile in ["chromium", "rfc8445"] {
        let mut call = at_once(profile, shifting, shifting);
        assert!(call.agree() && !call.is_direct(), "{}", call.story());
        assert!(call.talks(ms(500)), "{}", call.story());
    }
}

/// What went wrong: the TCP candidate in the middle of Firefox's description makes no pair, and yet it began the checks,
/// so that the server-reflexive candidate after it had to wait for all that came before.
#[test]
fn a_candidate_that_makes_no_pair_does_not_begin_the_checks_of_a_description() {
    let firewall = NatKind::new(Mapping::None, Filtering::AddressDependent);
    let call = at_once("firefox", firewall, NatKind::FULL_CONE);
    assert!(call.agree() && call.is_direct(), "{}", call.story());
}

/// What went wrong: a pair that the peer's check made after the first nomination was given up at once, where nICEr checks
/// it and follows.
#[test]
fn firefox_follows_to_a_peer_reflexive_pair_that_is_nominated_after_the_first() {
    let shifting = NatKind::new(Mapping::AddressDependent, Filtering::AddressAndPortDependent);
    let call = at_once("firefox", shifting, NatKind::new(Mapping::None, Filtering::AddressDependent));
    assert!(call.agree() && call.is_direct(), "{}", call.story());
}
