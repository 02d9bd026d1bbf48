//! The rules around the tables: duplicates, errors, lines, foundations.

use super::*;

#[test]
fn libwebrtc_drops_a_reflexive_address_that_is_its_own_or_known() {
    let mut gathering = Gathering::new(&setup("chromium", vec![ethernet()], &["stun a", "stun b", "stun c"]));
    let base: SocketAddr = "10.0.0.1:5000".parse().unwrap();
    let mapped = "203.0.113.9:5000".parse().unwrap();
    assert_eq!(gathering.learned(0, Learned::Bound(base), Offset::ZERO).len(), 1);
    assert!(gathering.learned(1, Learned::Mapped { base, mapped: base }, Offset::ZERO).is_empty());
    let srflx = gathering.learned(2, Learned::Mapped { base, mapped }, Offset::from_ms(5));
    assert_eq!(srflx[0].url.as_deref(), Some("stun:b.test:3478"));
    assert_eq!((srflx[0].related_port, srflx[0].at_ms), (Some(5000), Offset::from_ms(5)));
    assert!(gathering.learned(3, Learned::Mapped { base, mapped }, Offset::ZERO).is_empty());
    assert_eq!(gathering.candidates().count(), 2);
}

#[test]
fn firefox_signals_a_better_reflexive_candidate_after_a_lesser_one_and_keeps_one_of_them() {
    let order = |first: usize, second: usize| {
        let mut gathering = Gathering::new(&setup("firefox", vec![ethernet()], &["udp a", "udp b"]));
        let mut learn = |slot: usize| {
            let relayed = SocketAddr::new("198.51.100.9".parse().unwrap(), u16::try_from(slot).unwrap());
            let base = "10.0.0.1:5000".parse().unwrap();
            let mapped = Some("203.0.113.9:5000".parse().unwrap());
            let learned = Learned::Relayed { base, mapped, relayed, path: None, route: None };
            gathering.learned(slot, learned, Offset::ZERO).len()
        };
        let signalled = [learn(first), learn(second)];
        (signalled, gathering.candidates().count())
    };
    assert_eq!((order(1, 2), order(2, 1)), (([2, 1], 3), ([2, 2], 3)));
}

#[test]
fn each_url_of_one_server_is_asked_once_for_a_binding() {
    let gathering =
        Gathering::new(&setup("chromium", vec![ethernet()], &["stun a", "udp a", "tcp a", "udp a"]));
    let count = |kind| gathering.slots().iter().filter(|slot| slot.kind == kind).count();
    assert_eq!((count(SlotKind::Srflx), count(SlotKind::Relay(Udp)), count(SlotKind::Relay(Tcp))), (1, 2, 1));
}

#[test]
fn a_server_of_the_other_family_is_an_error_for_stun_and_nothing_for_turn() {
    let gathering = Gathering::new(&setup("chromium", vec![ethernet()], &["udp 2001:db8::9"]));
    assert!(gathering.slots().iter().all(|slot| slot.server.is_none()));
    let error = &gathering.errors()[0];
    assert_eq!((error.url.as_str(), error.code), ("stun:[2001:db8::9]:3478", 701));
    assert_eq!(error.text, "STUN server address is incompatible.");
    assert!(Gathering::new(&setup("firefox", vec![ethernet()], &["udp 2001:db8::9"])).errors().is_empty());
}

#[test]
fn chromium_discards_a_stream_that_left_by_another_network() {
    let networks = vec![ethernet(), network("wlan0", Wifi, "10.2.0.1", 24)];
    let learn = |client: &str, base: &str| {
        let mut gathering = Gathering::new(&setup(client, networks.clone(), &["tls a"]));
        let slot =
            gathering.slots().iter().position(|s| s.network == 1 && s.kind == SlotKind::Relay(Tls)).unwrap();
        let relayed = "198.51.100.9:7000".parse().unwrap();
        let base = base.parse().unwrap();
        let learned = Learned::Relayed { base, mapped: None, relayed, path: None, route: None };
        let made = gathering.learned(slot, learned, Offset::ZERO).len();
        (made, gathering.errors().first().map(|error| (error.code, error.text.clone(), error.url.clone())))
    };
    let words = "Address not associated with the desired network interface.".to_owned();
    let url = "turns:a.test:443?transport=tcp".to_owned();
    assert_eq!(learn("chromium", "10.0.0.1:6000"), (0, Some((701, words, url))));
    assert_eq!(learn("chromium", "10.2.0.1:6000"), (1, None));
    assert_eq!(learn("chromium", "127.0.0.1:6000"), (1, None), "a local proxy");
}

#[test]
fn streams_of_chromium_are_neither_bound_nor_resolved_by_family_those_of_others_are() {
    let slot_of = |client: &str| {
        let gathering = Gathering::new(&setup(client, vec![ethernet()], &["tcp a"]));
        let slot = gathering.slots().iter().find(|slot| slot.kind == SlotKind::Relay(Tcp)).unwrap();
        (slot.binds.to_string(), slot.resolve_family)
    };
    assert_eq!(slot_of("chromium"), ("0.0.0.0".to_owned(), None));
    for client in ["mobile", "firefox"] {
        assert_eq!(slot_of(client), ("10.0.0.1".to_owned(), Some(Family::V4)));
    }
}

#[test]
fn errors_are_reported_in_the_client_s_words() {
    let report = |client: &str, kind: SlotKind, failure: Failure| {
        let mut gathering = Gathering::new(&setup(client, vec![ethernet()], &["udp a", "tls a"]));
        let slot = gathering.slots().iter().position(|slot| slot.kind == kind).unwrap();
        assert!(gathering.learned(slot, Learned::Failed(failure), Offset::from_ms(9)).is_empty());
        let error = gathering.errors()[0].clone();
        (error.url, error.stage, error.code, error.stun_code, error.text)
    };
    let owned = |url: &str, stage: &str, code, stun_code, text: &str| {
        (url.to_owned(), stage.to_owned(), code, stun_code, text.to_owned())
    };
    let (udp, tls) = (SlotKind::Relay(Udp), SlotKind::Relay(Tls));
    let turn = "turn:a.test:3478?transport=udp";
    assert_eq!(
        report("chromium", SlotKind::Srflx, Failure::TimedOut),
        owned("stun:a.test:3478", "binding", 701, None, "STUN binding request timed out.")
    );
    assert_eq!(
        report("chromium", udp, Failure::TimedOut),
        owned(turn, "allocate", 701, None, "TURN allocate request timed out.")
    );
    assert_eq!(
        report("chromium", udp, Failure::LookupFailed),
        owned(turn, "resolve", 701, None, "TURN host lookup received error.")
    );
    let quota = Failure::StunError { code: 486, reason: "Allocation Quota Reached".to_owned() };
    assert_eq!(
        report("mobile", udp, quota.clone()),
        owned(turn, "allocate", 486, Some(486), "Allocation Quota Reached")
    );
    assert_eq!(
        report("chromium", tls, Failure::ConnectFailed("refused".to_owned())),
        owned("turns:a.test:443?transport=tcp", "connect", 701, None, "refused")
    );
    assert_eq!(
        report("firefox", udp, Failure::TimedOut),
        owned("turn:a.test:3478", "allocate", 701, None, "")
    );
    assert_eq!(report("gateway", udp, quota).2, 486);
}

#[test]
fn a_chromium_peer_preferred_a_relay_because_our_lines_named_no_cost() {
    let networks = vec![network("eth0", Ethernet, "10.10.0.2", 24)];
    let line = |setup: GatherSetup| {
        let mut gathering = Gathering::new(&setup);
        gathering.learned(0, Learned::Bound("10.10.0.2:5000".parse().unwrap()), Offset::ZERO)[0].sdp.clone()
    };
    let unseen = GatherSetup { media_permission: false, ..setup("chromium", networks.clone(), &[]) };
    assert!(line(unseen).ends_with(" typ host generation 0 network-cost 999"));
    assert!(line(setup("chromium", networks, &[])).ends_with(" typ host generation 0 network-id 1"));
}

#[test]
fn the_lines_of_native_libwebrtc_name_the_network() {
    let mut gathering = Gathering::new(&setup("mobile", vec![network("wlan0", Wifi, "10.1.0.1", 24)], &[]));
    let host = gathering.learned(0, Learned::Bound("10.1.0.1:5000".parse().unwrap()), Offset::ZERO);
    assert!(host[0].sdp.ends_with("typ host generation 0 network-id 1 network-cost 10"), "{}", host[0].sdp);
    let tcp = gathering.learned(1, Learned::Bound("10.1.0.1:5001".parse().unwrap()), Offset::ZERO);
    assert!(tcp[0].sdp.contains(" tcp 1518280447 10.1.0.1 5001 typ host tcptype passive generation 0"));
}

#[test]
fn foundations_depend_on_the_seed_except_for_relays_over_streams() {
    let foundations = |seed: u64| {
        let mut setup = setup("chromium", vec![ethernet()], &["udp a", "tcp a"]);
        setup.seed = seed;
        let mut gathering = Gathering::new(&setup);
        let base = "10.0.0.1:5000".parse().unwrap();
        let relayed = "198.51.100.11:7000".parse().unwrap();
        let mut relay = |kind| {
            let slot = gathering.slots().iter().position(|slot| slot.kind == SlotKind::Relay(kind)).unwrap();
            let learned = Learned::Relayed { base, mapped: None, relayed, path: None, route: None };
            gathering.learned(slot, learned, Offset::ZERO).remove(0).foundation
        };
        (relay(Udp), relay(Tcp))
    };
    let (one, two) = (foundations(1), foundations(2));
    assert_ne!(one.0, two.0);
    assert_eq!((one.1.as_str(), two.1.as_str()), ("3918728425", "3918728425"));
    assert_eq!(foundations(1), one);
}

#[test]
fn what_does_not_fit_a_slot_changes_nothing() {
    let mut gathering = Gathering::new(&setup("chromium", vec![ethernet()], &SIX));
    let base = "10.0.0.1:5000".parse().unwrap();
    assert!(gathering.learned(0, Learned::Mapped { base, mapped: base }, Offset::ZERO).is_empty());
    assert!(gathering.learned(999, Learned::Bound(base), Offset::ZERO).is_empty());
    assert!(gathering.learned(0, Learned::Failed(Failure::TimedOut), Offset::ZERO).is_empty());
    assert_eq!((gathering.candidates().count(), gathering.errors().len()), (0, 0));
}

#[test]
fn an_unknown_local_address_is_never_signalled() {
    let mut offline = setup("chromium", Vec::new(), &["udp a"]);
    offline.media_permission = true;
    let mut gathering = Gathering::new(&offline);
    assert!(gathering.networks().iter().all(IceNetwork::is_any), "nothing to enumerate");
    assert!(gathering.learned(0, Learned::Bound("0.0.0.0:5000".parse().unwrap()), Offset::ZERO).is_empty());
    let base = "0.0.0.0:5000".parse().unwrap();
    let mapped = "203.0.113.9:5000".parse().unwrap();
    let srflx = gathering.learned(1, Learned::Mapped { base, mapped }, Offset::ZERO);
    assert!(srflx[0].sdp.contains("typ srflx raddr 0.0.0.0 rport 0 "), "{}", srflx[0].sdp);
}
