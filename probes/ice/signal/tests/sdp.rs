//! SDP.

use super::samples::{chromium_call, chromium_data, firefox_call, firefox_data};
use super::*;

#[track_caller]
fn read(text: &str) -> Sdp {
    Sdp::read(text, Kind::Offer, NOW).unwrap()
}

#[track_caller]
fn error(text: &str, expected: Kind) -> SdpError {
    let error = Sdp::read(text, expected, NOW).unwrap_err();
    is_clear(&error);
    error
}

fn fates(sdp: &Sdp) -> Vec<Fate> {
    sdp.sections.iter().map(|section| section.fate).collect()
}

/// The lines of the sections, without those of the session.
fn sections(sdp: &str) -> Vec<Vec<&str>> {
    sdp.split("\r\nm=").skip(1).map(|section| section.lines().collect()).collect()
}

#[test]
fn our_offer_is_read_as_it_was_written() {
    let text = own().to_offer_sdp();
    assert!(text.lines().all(|line| text.contains(&format!("{line}\r\n"))));
    let read = read(&text);
    assert_eq!(read.description, own());
    assert_eq!((fates(&read), read.bundled), (vec![Fate::Transport], true));
    let lite = Description { lite: true, raincheck: None, end_of_candidates: false, ..own() };
    assert_eq!(Sdp::read(&lite.to_offer_sdp(), Kind::Offer, NOW).unwrap().description, lite);
}

#[test]
fn an_offer_of_chromium_is_read() {
    let sdp = read(&chromium_data("actpass"));
    let far = &sdp.description;
    assert_eq!((far.ufrag.as_str(), far.pwd.expose()), ("Qz7I", "ZOw45RDuVrynmWhrK7M4T6a5"));
    assert_eq!(
        (far.setup, far.mid.as_str(), far.session_id),
        (Setup::ActPass, "0", 8_742_912_310_677_183_931)
    );
    assert_eq!(far.options, IceOptions { trickle: true, ..IceOptions::default() });
    assert_eq!(far.fingerprints, own().fingerprints);
    let addresses: Vec<String> = far.candidates.iter().map(|c| format!("{} {}", c.address, c.port)).collect();
    assert_eq!(addresses, ["192.0.2.2 51066", "fd00::2 53635", "192.0.2.2 9", "198.51.100.9 60063"]);
    assert!(!far.lite && !far.end_of_candidates && far.raincheck.is_none());
}

#[test]
fn an_offer_of_firefox_has_its_fingerprint_and_options_in_the_session() {
    let sdp = read(&firefox_data("actpass"));
    let far = &sdp.description;
    assert_eq!((far.ufrag.as_str(), far.fingerprints.len(), far.end_of_candidates), ("cd234ad4", 1, true));
    assert!(far.options.trickle);
    assert_eq!((far.candidates.len(), far.hidden.len(), far.dropped_count), (1, 2, 0));
    assert!(far.hidden.iter().all(Hidden::is_mdns));
}

#[test]
fn a_section_speaks_louder_than_its_session() {
    let text = chromium_data("actpass").replace(
        "t=0 0\r\n",
        "t=0 0\r\na=ice-ufrag:sess\r\na=fingerprint:sha-512 00\r\na=ice-pwd:x\r\na=ice-lite\r\n",
    );
    let far = read(&text).description;
    assert_eq!((far.ufrag.as_str(), far.fingerprints.len(), far.lite), ("Qz7I", 1, true));
    let session = text.replace("a=ice-ufrag:Qz7I\r\n", "");
    assert_eq!(read(&session).description.ufrag, "sess");
}

#[test]
fn json_of_the_browser_is_taken_too() {
    let json = |kind: &str| serde_json::json!({"type": kind, "sdp": chromium_data("actpass")}).to_string();
    assert_eq!(read(&json("offer")), read(&chromium_data("actpass")));
    assert_eq!(error(&json("answer"), Kind::Offer), SdpError::OfferExpected);
    assert_eq!(error(&json("offer"), Kind::Answer), SdpError::AnswerExpected);
    assert_eq!(error("{\"type\": \"offer\", \"sdp\": \"v=0", Kind::Offer), SdpError::NotJson);
}

#[test]
fn a_call_of_chromium_is_answered_on_the_transport_of_its_audio() {
    let offer = read(&chromium_call());
    assert_eq!(fates(&offer), [Fate::Transport, Fate::Bundled, Fate::Bundled]);
    assert_eq!((offer.description.mid.as_str(), offer.description.candidates.len()), ("0", 4));
    let answer = own().to_answer_sdp(&offer);
    let sections = sections(&answer);
    assert!(answer.contains("a=group:BUNDLE 0 1 2\r\n"));
    let first: Vec<&str> = sections.iter().map(|lines| lines[0]).collect();
    let expected = [
        "audio 9 UDP/TLS/RTP/SAVPF 111",
        "video 9 UDP/TLS/RTP/SAVPF 96",
        "application 9 UDP/DTLS/SCTP webrtc-datachannel",
    ];
    assert_eq!(first, expected);
    for wanted in ["a=inactive", "a=rtcp-mux", "a=setup:active", "a=mid:0", "a=rtpmap:111 opus/48000/2"] {
        assert!(sections[0].contains(&wanted), "{wanted} in {answer}");
    }
    assert!(sections[2].contains(&"a=sctp-port:5000") && !sections[2].contains(&"a=inactive"));
    let candidates = |lines: &Vec<&str>| lines.iter().filter(|line| line.contains("candidate")).count();
    assert_eq!(sections.iter().map(candidates).collect::<Vec<_>>(), [4, 0, 0]);
    let ours = Sdp::read(&answer, Kind::Answer, NOW).unwrap();
    assert_eq!(ours.description, Description { setup: Setup::Active, ..own() });
}

#[test]
fn a_bundle_only_section_with_port_0_is_not_rejected() {
    let offer = read(&firefox_call());
    assert_eq!(fates(&offer), [Fate::Transport, Fate::Bundled]);
    assert_eq!(offer.description.dropped[0].reason, DropReason::Component(2));
    let answer = own().to_answer_sdp(&offer);
    assert!(sections(&answer)[1][0].starts_with("application 9 "), "{answer}");
}

#[test]
fn what_is_not_ours_is_rejected_in_its_place() {
    // Without a bundle each section has its own transport, and one is enough.
    let text = chromium_call().replace("a=group:BUNDLE 0 1 2\r\n", "");
    let offer = read(&text);
    assert_eq!((fates(&offer), offer.bundled), (vec![Fate::Unused, Fate::Unused, Fate::Transport], false));
    let answer = own().to_answer_sdp(&offer);
    assert!(!answer.contains("BUNDLE"), "{answer}");
    let first: Vec<&str> = sections(&answer).iter().map(|lines| lines[0]).collect();
    let expected = [
        "audio 0 UDP/TLS/RTP/SAVPF 111 63 9 0",
        "video 0 UDP/TLS/RTP/SAVPF 96 97",
        "application 9 UDP/DTLS/SCTP webrtc-datachannel",
    ];
    assert_eq!(first, expected);
}

#[test]
fn the_transport_moves_on_when_the_first_of_a_bundle_is_rejected() {
    let offer = read(&chromium_call().replace("m=audio 51066", "m=audio 0"));
    assert_eq!(fates(&offer), [Fate::Rejected, Fate::Transport, Fate::Bundled]);
    let answer = own().to_answer_sdp(&offer);
    assert!(answer.contains("a=group:BUNDLE 1 2\r\n") && sections(&answer)[0][0].starts_with("audio 0 "));
}

#[test]
fn an_offer_with_audio_alone_is_answered_inactive() {
    let text = chromium_call();
    let audio = &text[..text.find("m=video").unwrap()];
    let offer = read(&audio.replace("BUNDLE 0 1 2", "BUNDLE 0"));
    assert_eq!(fates(&offer), [Fate::Transport]);
    // A format without its map cannot be named again; a static one can.
    let unmapped: String = audio.split_inclusive('\n').filter(|line| !line.contains("rtpmap")).collect();
    assert_eq!(read(&unmapped).sections[0].format, Some(("9".to_owned(), None)));
}

#[test]
fn setup_is_answered_as_rfc_8842_says() {
    let answer = |theirs: &str, ours: Setup| {
        let offer = read(&chromium_data(theirs));
        let answer = Description { setup: ours, ..own() }.to_answer_sdp(&offer);
        Sdp::read(&answer, Kind::Answer, NOW).unwrap().description.setup
    };
    assert_eq!(answer("actpass", Setup::ActPass), Setup::Active);
    assert_eq!(answer("actpass", Setup::Passive), Setup::Passive);
    assert_eq!(answer("active", Setup::Active), Setup::Passive);
    assert_eq!(answer("passive", Setup::Passive), Setup::Active);
    assert_eq!(error(&chromium_data("holdconn"), Kind::Offer), SdpError::Setup);
    assert_eq!(error(&chromium_data("actpass"), Kind::Answer), SdpError::AnswerExpected);
    let client = |ours: Setup, theirs| ours.is_client(theirs);
    assert_eq!(client(Setup::ActPass, Setup::Active), Some(false));
    assert_eq!(client(Setup::Active, Setup::ActPass), Some(true));
    assert_eq!(client(Setup::Active, Setup::Active), None);
}

#[test]
fn answers_of_both_browsers_are_read() {
    for text in [chromium_data("active"), firefox_data("active")] {
        assert_eq!(Sdp::read(&text, Kind::Answer, NOW).unwrap().description.setup, Setup::Active);
    }
    let rejected = chromium_data("active").replace("m=application 51066", "m=application 0");
    assert_eq!(error(&rejected, Kind::Answer), SdpError::AllRejected);
}

#[test]
fn sha_1_is_named_and_not_verified_with() {
    let text = firefox_data("actpass").replace(
        "a=group",
        "a=fingerprint:SHA-1 AA:BB\r\na=fingerprint:sha-1 \
        00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13\r\na=fingerprint:sha-9 00\r\na=group",
    );
    let far = read(&text).description;
    assert_eq!(far.fingerprints.iter().map(|f| f.hash).collect::<Vec<_>>(), [Hash::Sha256, Hash::Sha1]);
    assert_eq!(far.verifiable().collect::<Vec<_>>(), [&own().fingerprints[0]]);
    let lines = "a=fingerprint:md5 00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f\r\n".repeat(9);
    let many = firefox_data("actpass").replace("a=group", &format!("{lines}a=group"));
    assert_eq!(error(&many, Kind::Offer), SdpError::Flaw(Flaw::Fingerprints));
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let good = chromium_data("actpass");
    let without =
        |name: &str| -> String { good.split_inclusive('\n').filter(|line| !line.contains(name)).collect() };
    let cases = [
        ("hello".to_owned(), SdpError::NotSdp),
        (String::new(), SdpError::NotSdp),
        ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n".to_owned(), SdpError::NoTransport),
        (without("ice-ufrag"), SdpError::Missing("ice-ufrag")),
        (without("ice-pwd"), SdpError::Missing("ice-pwd")),
        (without("fingerprint"), SdpError::NoFingerprint),
        (good.replace("a=ice-ufrag:Qz7I", "a=ice-ufrag:Qz7"), SdpError::Flaw(Flaw::Ufrag)),
        (good.replace("ZOw45RDuVrynmWhrK7M4T6a5", PWD.split_at(20).0), SdpError::Flaw(Flaw::Pwd)),
        (good.replace("t=0 0", "the 0 0"), SdpError::NotALine { line: 4 }),
        (good.replace("s=-", &format!("s={}", "-".repeat(5000))), SdpError::LineTooLong { line: 3 }),
        (good.replace("m=application 51066", "m=application x"), SdpError::NotMedia { line: 7 }),
        (good.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000"), SdpError::NoTransport),
        (format!("{good}{}", "m=audio 9 RTP/AVP 0\r\n".repeat(200)), SdpError::TooManySections),
        (format!("{good}{}", "a=x:y\r\n".repeat(10_000)), SdpError::TooLong),
    ];
    for (text, expected) in cases {
        assert_eq!(error(&text, Kind::Offer), expected);
    }
}

#[test]
fn a_plain_ice_agent_needs_no_fingerprint() {
    let text = "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\nm=audio 9 RTP/AVP 0\na=ice-ufrag:abcd\n\
                a=ice-pwd:0123456789abcdef012345\na=candidate:1 1 UDP 1 192.0.2.1 5000 typ host\n";
    let sdp = read(text);
    assert_eq!((sdp.description.fingerprints.len(), sdp.description.candidates.len()), (0, 1));
    assert!(own().to_answer_sdp(&sdp).contains("m=audio 9 RTP/AVP 0\r\n"));
}

#[test]
fn a_candidate_cannot_bring_a_line_into_our_sdp() {
    let mut ours = own();
    ours.candidates[0].sdp.push_str("\r\na=ice-ufrag:evil");
    assert!(!ours.to_offer_sdp().contains("evil"));
}
