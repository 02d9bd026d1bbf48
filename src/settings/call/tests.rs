//! Durations, addresses, selectors.

use super::*;

fn seconds(text: &str) -> Option<f64> {
    duration("--soak", text).ok().map(|duration| duration.as_secs_f64())
}

#[test]
fn durations_are_numbers_with_units() {
    let read = ["30s", "5m", "2h", "90", "1h30m", "500ms", "1.5m", "1m0.5s", "10min", "168h"].map(seconds);
    let expected = [30.0, 300.0, 7200.0, 90.0, 5400.0, 0.5, 90.0, 60.5, 600.0, 604_800.0];
    assert_eq!(read, expected.map(Some));
}

#[test]
fn what_is_no_duration_is_said_to_be_none() {
    for text in
        ["", "s", "5x", "5 m", "-5s", "+5s", "1e9s", "5m5m", "5s5m", "5m5", "inf", "nan", "1..5s", "²s", "5S"]
    {
        assert_eq!(seconds(text), None, "{text}");
    }
    let said = |text: &str| duration("--soak", text).expect_err(text).to_string();
    assert_eq!(said("soon"), "--soak: \"soon\" is not a duration, such as 30s, 5m, 2h or 1h30m");
    assert_eq!(said("0s"), "--soak: \"0s\" is not longer than nothing; write 30s, 5m or 2h");
    assert_eq!(said("169h"), "--soak: \"169h\" is not at most a week (168h)");
    assert!(said(&"9".repeat(400)).len() < 200);
}

#[test]
fn durations_read_as_a_person_writes_them() {
    let words = [0.5, 30.0, 62.3, 300.0, 5400.0, 7261.0].map(|s| in_words(Duration::from_secs_f64(s)));
    assert_eq!(words, ["0.5 s", "30 s", "1 min 2 s", "5 min", "1 h 30 min", "2 h 1 min 1 s"]);
}

fn local(kind: CandidateType, path: Option<&str>) -> Candidate {
    let leg = path.and_then(|path| path.split_once('/')).and_then(|(leg, _)| transport(leg));
    let mut candidate = crate::verdict::call::sample::candidate(kind, "192.0.2.1:40000");
    (candidate.path, candidate.relay_protocol) = (path.map(str::to_owned), leg);
    candidate
}

#[test]
fn a_selector_cuts_what_it_names_and_nothing_else() {
    let candidates = [
        local(CandidateType::Host, None),
        local(CandidateType::Srflx, None),
        local(CandidateType::Relay, Some("udp/turn1.example:3478")),
        local(CandidateType::Relay, Some("tcp/turn1.example:80@http://proxy:3128")),
        local(CandidateType::Relay, Some("tls/turn2.example:443%192.0.2.1")),
        local(CandidateType::Relay, Some("tcp/[2001:db8::1]:80#2")),
    ];
    let cut = |text: &str| -> String {
        let selector: PathSelector = text.parse().expect(text);
        let selected = candidates.get(2);
        candidates.iter().map(|c| if selector.cuts(c, selected) { 'x' } else { '.' }).collect()
    };
    for (text, expected) in [
        ("direct", "xx...."),
        ("relay", "..xxxx"),
        ("selected", "..x..."),
        ("udp", "xxx..."),
        ("tcp", "...x.x"),
        ("tls", "....x."),
        ("turn1", "..xx.."),
        ("TURN1.example", "..xx.."),
        ("turn1/tcp", "...x.."),
        ("turn3", "......"),
        ("[2001:db8::1]", ".....x"),
        ("[2001:db8::1]/tcp", ".....x"),
        ("udp/turn1.example:3478", "..x..."),
        ("tcp/turn1.example:80@http://proxy:3128", "...x.."),
        ("tcp/turn1.example:80", "......"),
    ] {
        assert_eq!(cut(text), expected, "{text}");
    }
    let selector: PathSelector = "selected".parse().expect("selector");
    // Host and server-reflexive candidates of one socket die together.
    assert!(selector.cuts(&candidates[0], Some(&candidates[1])));
    assert!(!selector.cuts(&candidates[0], None) && selector.is_selected());
}

#[test]
fn what_is_no_selector_is_said_to_be_none() {
    for text in ["", "turn1/sctp", "turn1/", "/tcp", "a b", "turn1:3478", "x\u{1b}[31m"] {
        let error = text.parse::<PathSelector>().expect_err(text).to_string();
        assert!(error.starts_with("--fail: ") && !error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn places_to_listen_at_and_to_connect_to_have_a_port() {
    let all = listen_at("7000").expect("port");
    assert_eq!((all.len(), listen_at(":7000").ok()), (2, Some(all)));
    assert_eq!(listen_at("127.0.0.1:0").ok(), Some(vec!["127.0.0.1:0".parse().expect("address")]));
    for text in ["", ":", "127.0.0.1", "70000", "desk.example:7000", "+1"] {
        assert!(listen_at(text).is_err(), "{text}");
    }
    assert_eq!(connect_to("desk.example:7000").ok().as_deref(), Some("desk.example:7000"));
    assert_eq!(connect_to("[2001:db8::1]:7000").ok().as_deref(), Some("[2001:db8::1]:7000"));
    for text in ["", "desk.example", "desk.example:0", "desk.example:x", "http://desk.example:7000", ":7000"]
    {
        assert!(connect_to(text).is_err(), "{text}");
    }
}
