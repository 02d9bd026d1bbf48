use super::*;
use crate::evidence::Transport::{Tcp, Tls, Udp};
use crate::ice::Protocol;
use crate::machine::Offset;

/// A relay with the path of that name.
fn relay(path: &str, transport: Transport, priority: u32) -> Candidate {
    Candidate {
        kind: CandidateType::Relay,
        protocol: Protocol::Udp,
        tcp_type: None,
        address: "198.51.100.9".parse().unwrap(),
        port: 7000,
        related_address: None,
        related_port: None,
        priority,
        foundation: "1".to_owned(),
        component: 1,
        network_id: None,
        network_cost: Some(0),
        url: None,
        relay_protocol: Some(transport),
        route: Some("direct".to_owned()),
        base: None,
        at_ms: Offset::ZERO,
        sdp: String::new(),
        path: Some(path.to_owned()),
    }
}

fn ranked(profile: &str, candidates: &[Candidate]) -> Vec<(String, String)> {
    let ranks = rank(&Profile::parse(profile).unwrap(), candidates);
    assert_eq!(ranks.iter().filter(|rank| rank.selected).count(), usize::from(!ranks.is_empty()));
    assert!(ranks.iter().enumerate().all(|(at, rank)| rank.position == at + 1 && rank.selected == (at == 0)));
    ranks.into_iter().map(|rank| (rank.path, rank.because)).collect()
}

fn order(profile: &str, candidates: &[Candidate]) -> String {
    ranked(profile, candidates).into_iter().map(|(path, _)| path).collect::<Vec<_>>().join(" ")
}

fn libwebrtc() -> Vec<Candidate> {
    vec![
        relay("tls-b", Tls, 8_331_519),
        relay("tls-a", Tls, 8_332_287),
        relay("tcp-b", Tcp, 25_108_479),
        relay("tcp-a", Tcp, 25_109_247),
        relay("udp-b", Udp, 58_663_423),
        relay("udp-a", Udp, 58_664_191),
    ]
}

#[test]
fn the_pair_priorities_of_the_table() {
    let pairs: [(u32, u64); 20] = [
        (2_122_260_223, 9_115_038_255_648_079_870),
        (1_853_824_767, 7_962_116_751_041_232_894),
        (1_686_052_607, 7_241_540_810_661_953_534),
        (58_664_191, 251_960_786_052_710_398),
        (58_663_423, 251_957_487_517_827_070),
        (25_109_247, 107_843_398_953_598_974),
        (25_108_479, 107_840_100_418_715_646),
        (8_332_287, 35_786_904_427_298_814),
        (8_331_519, 35_783_605_892_415_486),
        (41_886_975, 179_903_192_014_782_462),
        (41_886_207, 179_899_893_479_899_134),
        (2_122_252_543, 9_115_005_270_299_246_590),
        (92_217_343, 396_070_476_570_427_390),
        (92_215_807, 396_063_879_500_660_734),
        (8_331_263, 35_782_506_380_787_710),
        (2_015_363_327, 8_655_919_583_284_166_654),
        (505_413_887, 2_170_736_119_870_652_414),
        (505_463_039, 2_170_947_226_103_185_406),
        (337_674_495, 1_450_300_916_979_728_382),
        (337_707_263, 1_450_441_654_468_083_710),
    ];
    for (local, pair) in pairs {
        assert_eq!(pair_priority(local, REMOTE_PRIORITY), pair, "{local}");
    }
    // The controlling side's candidate is the greater: one more than the other way round.
    assert_eq!(pair_priority(5, 3), (3 << 32) + 10 + 1);
    assert_eq!(pair_priority(3, 5), (3 << 32) + 10);
}

#[test]
fn libwebrtc_ranks_by_transport_and_then_by_place_in_the_list() {
    let ranks = ranked("chromium", &libwebrtc());
    let expected = [
        ("udp-a", "UDP ranks above TCP and TLS; its server comes earlier in the list"),
        ("udp-b", "same transport, but its server comes later in the list"),
        ("tcp-a", "TCP ranks below UDP"),
        ("tcp-b", "same transport, but its server comes later in the list"),
        ("tls-a", "TLS ranks below TCP"),
        ("tls-b", "same transport, but its server comes later in the list"),
    ];
    assert_eq!(ranks, expected.map(|(path, because)| (path.to_owned(), because.to_owned())));
}

#[test]
fn pair_priorities_are_decimal_digits() {
    let ranks = rank(&Profile::default(), &libwebrtc());
    assert_eq!(ranks[0].pair_priority, "251960786052710398");
    assert_eq!(ranks[0].candidate.as_ref().unwrap().priority, 58_664_191);
}

#[test]
fn libwebrtc_puts_network_cost_before_priority_and_firefox_does_not() {
    let mut candidates = libwebrtc();
    for wifi in candidates.iter_mut().filter(|candidate| candidate.relay_protocol == Some(Udp)) {
        wifi.network_cost = Some(10);
    }
    assert_eq!(order("mobile", &candidates), "tcp-a tcp-b tls-a tls-b udp-a udp-b");
    let ranks = ranked("mobile", &candidates);
    assert_eq!(ranks[0].1, "TCP ranks above TLS; its server comes earlier in the list");
    assert_eq!(ranks[4].1, "its network costs more, which counts before the priority");
    candidates.retain(|candidate| ["udp-a", "tls-a"].contains(&candidate.path.as_deref().unwrap()));
    assert_eq!(
        ranked("chromium", &candidates)[0].1,
        "its network costs less, which counts before the priority"
    );
    assert_eq!(order("firefox", &candidates), "udp-a tls-a");
}

#[test]
fn line_21_streams_tie_in_firefox_and_the_first_to_complete_wins() {
    let mut candidates = vec![
        relay("tls-a", Tls, 8_331_263),
        relay("tcp-b", Tcp, 8_331_263),
        relay("udp-b", Udp, 92_215_807),
        relay("udp-a", Udp, 92_217_343),
    ];
    candidates[0].at_ms = Offset::from_ms(253);
    candidates[1].at_ms = Offset::from_ms(182);
    let ranks = ranked("firefox", &candidates);
    assert_eq!(
        ranks.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        ["udp-a", "udp-b", "tcp-b", "tls-a"]
    );
    assert_eq!(ranks[2].1, "ties with tls-a; the first to complete wins");
    assert_eq!(ranks[3].1, "ties with tcp-b; the first to complete wins");
}

#[test]
fn line_22_the_gateway_prefers_the_later_server() {
    let candidates = [
        relay("udp-a", Udp, 505_413_887),
        relay("tcp-a", Tcp, 337_674_495),
        relay("udp-b", Udp, 505_463_039),
        relay("tcp-b", Tcp, 337_723_647),
        relay("tls-b", Tls, 337_707_263),
        relay("tls-a", Tls, 337_658_111),
    ];
    assert_eq!(order("gateway", &candidates), "udp-b udp-a tcp-b tls-b tcp-a tls-a");
    let ranks = ranked("gateway", &candidates[..4]);
    assert!(ranks[0].1.contains("later in the list, which the gateway prefers"), "{}", ranks[0].1);
}

#[test]
fn a_textbook_agent_goes_by_the_list_alone() {
    let candidates = [relay("tls-a", Tls, 16_777_215), relay("udp-b", Udp, 16_776_959)];
    let ranks = ranked("rfc8445", &candidates);
    assert_eq!(ranks[0], ("tls-a".to_owned(), "its server comes earlier in the list".to_owned()));
    assert_eq!(ranks[1], ("udp-b".to_owned(), "its server comes later in the list".to_owned()));
}

#[test]
fn another_network_of_equal_cost_is_named_as_the_reason() {
    let candidates = [relay("one", Udp, 58_662_911), relay("two", Udp, 58_597_375)];
    let ranks = ranked("chromium", &candidates);
    assert_eq!(ranks[0].1, "its network is preferred");
    assert_eq!(ranks[1].1, "same transport, but another network is preferred");
}

#[test]
fn a_path_is_ranked_once_and_only_relays_with_a_path_are() {
    let mut candidates = vec![relay("tcp-a", Tcp, 16_786_175), relay("tcp-a", Tcp, 16_786_175)];
    let mut nameless = relay("none", Udp, 58_664_191);
    nameless.path = None;
    let mut host = relay("host", Udp, 2_122_260_223);
    host.kind = CandidateType::Host;
    candidates.extend([nameless, host]);
    assert_eq!(
        ranked("chromium", &candidates),
        [("tcp-a".to_owned(), "the only relay that works".to_owned())]
    );
    assert!(rank(&Profile::default(), &[]).is_empty());
}

fn contender(path: &str, transport: Transport, priority: u32, ready_ms: u64) -> Contender {
    let mut candidate = relay(path, transport, priority);
    candidate.port = 7000 + ready_ms as u16;
    let ms = Duration::from_millis;
    Contender { candidate, ready: ms(ready_ms), round_trip: ms(40) }
}

#[test]
fn a_slow_udp_server_is_preferred_and_yet_overlooked_by_a_call_that_chromium_answers() {
    let contenders = [contender("udp-a", Udp, 58_664_191, 2_000), contender("tcp-a", Tcp, 25_109_247, 180)];
    let ranks = rank_measured(&Profile::default(), &contenders);
    let marks: Vec<_> =
        ranks.iter().map(|rank| (rank.path.as_str(), rank.selected, rank.selected_answering)).collect();
    assert_eq!(marks, [("udp-a", true, false), ("tcp-a", false, true)]);
    let overlooked = ranks[0].overlooked.as_deref().unwrap();
    assert!(overlooked.contains(": ready after 2.0 s, and"), "{overlooked}");
    assert_eq!(ranks[1].overlooked, None);
    let firefox = rank_measured(&Profile::parse("firefox").unwrap(), &contenders);
    assert!(firefox.iter().all(|rank| rank.overlooked.is_none()), "Firefox gathers to the end");
}

#[test]
fn no_path_is_left_out_where_a_client_would_not_pair_as_many() {
    for profile in ["chromium", "firefox", "gateway", "rfc8445"] {
        let many: Vec<Candidate> = (0..180u16)
            .map(|n| Candidate {
                port: 7000 + n,
                ..relay(&format!("udp-{n}"), Udp, 58_664_191 - u32::from(n) * 256)
            })
            .collect();
        assert_eq!(ranked(profile, &many).len(), 180, "{profile}");
    }
}
