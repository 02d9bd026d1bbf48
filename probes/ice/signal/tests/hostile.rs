//! Hostile text and bytes: no input makes anything panic, and whatever is taken keeps its bounds.

use super::samples::{chromium_call, chromium_data, firefox_call, firefox_data};
use super::*;
use crate::ice::signal::envelope::wrap;
use crate::machine::IdSource;
use proptest::prelude::*;

/// How many changed inputs of each kind to try; `RAINCHECK_MUTATIONS` asks for another number.
fn mutations() -> u64 {
    std::env::var("RAINCHECK_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

/// What means something in one of the forms.
const TOKENS: &[&str] = &[
    "\r\n",
    "\n",
    " ",
    "a=",
    "m=audio 9 RTP/AVP 0\r\n",
    "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n",
    "v=0",
    ":",
    "candidate:",
    "a=candidate:1 1 udp 1 ::1 1 typ host\r\n",
    "typ",
    "raddr",
    "tcptype active",
    " ufrag x",
    " pwd y",
    "a=group:BUNDLE 0 0 1\r\n",
    "a=mid:0\r\n",
    "a=setup:active\r\n",
    "a=bundle-only\r\n",
    "99999999999999999999",
    "-1",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    "null",
    "\\u0000",
    "\u{1b}",
    "\u{e9}",
    "\u{202e}",
    "raincheck1:",
    "AAAA",
    "_",
    "1e999",
    "\"candidates\":[]",
    "\"v\":2",
    ".local",
    "127.0.0.1",
];

/// Changes: flips, deletions, tokens, stretches said twice, pieces of other inputs, cuts.
fn mutate(seed: &[u8], others: &[Vec<u8>], ids: &mut IdSource) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let mut below = |limit: usize| (ids.next_u64() % limit.max(1) as u64) as usize;
    for _ in 0..1 + below(5) {
        let at = below(bytes.len() + 1);
        match below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            1 if below(4) == 0 => bytes.truncate(at),
            2 => drop(bytes.drain(at..bytes.len().min(at + below(12)))),
            3 => {
                let stretch: Vec<u8> = bytes[at..].iter().copied().take(below(200)).collect();
                bytes.splice(at..at, stretch);
            }
            4 => {
                let other = &others[below(others.len())];
                let from = below(other.len());
                let piece: Vec<u8> = other[from..].iter().copied().take(below(80)).collect();
                bytes.splice(at..at, piece);
            }
            _ => {
                let token = TOKENS[below(TOKENS.len())];
                bytes.splice(at..at, token.bytes());
            }
        }
    }
    bytes
}

/// A description that was taken keeps every bound, and what we write of it is what we read.
fn keeps_bounds(description: &Description) {
    assert_eq!(description.check(), Ok(()));
    assert!(description.candidates.len() + description.hidden.len() <= MAX_CANDIDATES);
    assert!(
        description.dropped.len() <= MAX_DROPPED && description.dropped.len() <= description.dropped_count
    );
    for dropped in &description.dropped {
        assert!(dropped.line.chars().count() <= 121 && !dropped.line.contains(char::is_control));
        is_clear(&dropped.reason);
    }
    let mut reach = Reach::default();
    for candidate in &description.candidates {
        assert!(candidate.sdp.len() <= MAX_CANDIDATE_LINE && !candidate.sdp.contains(" pwd "));
        let again = Remote::parse(&candidate.sdp, NOW).map(|remote| remote.what);
        assert_eq!(again, Ok(What::Address(candidate.clone())));
        if reach.admit(candidate).is_ok() {
            let ip = candidate.address.to_canonical();
            assert!(!ip.is_loopback() && !ip.is_multicast() && !ip.is_unspecified(), "{ip}");
        }
    }
}

/// Reads as SDP of either kind.
fn try_sdp(text: &str) -> bool {
    let mut read = false;
    for kind in [Kind::Offer, Kind::Answer] {
        match Sdp::read(text, kind, NOW) {
            Ok(sdp) => {
                read = true;
                keeps_bounds(&sdp.description);
                assert!(sdp.sections.len() <= MAX_SECTIONS);
                let answer = own().to_answer_sdp(&sdp);
                assert!(answer.len() <= 2 * MAX_SDP + MAX_SECTIONS * 1024, "{}", answer.len());
                assert_eq!(answer.matches("\r\nm=").count(), sdp.sections.len());
                assert_eq!(answer.matches('\n').count(), answer.matches("\r\n").count());
                let ours = Sdp::read(&answer, Kind::Answer, NOW).map(|sdp| sdp.description.ufrag);
                assert_eq!(ours.as_deref(), Ok("aB3+"), "{answer}");
            }
            Err(error) => is_clear(&error),
        }
    }
    read
}

fn try_line(text: &str) -> bool {
    match Remote::parse(text, NOW) {
        Ok(remote) => {
            assert_eq!(Remote::parse(remote.sdp(), NOW), Ok(remote.clone()));
            true
        }
        Err(reason) => {
            is_clear(&reason);
            false
        }
    }
}

fn try_paste(text: &str) -> Option<Envelope> {
    let offer = Envelope::read_offer(text, 1_000_000, NOW);
    let answer = Envelope::read_answer(text, CallId(0xfeed), NOW);
    for error in [&offer, &answer].into_iter().filter_map(|read| read.as_ref().err()) {
        is_clear(error);
    }
    let envelope = offer.or(answer).ok()?;
    keeps_bounds(&envelope.description);
    Some(envelope)
}

/// Reads in pieces, and whole; both say the same.
fn try_messages(bytes: &[u8]) -> usize {
    let read = |size: usize| {
        let mut reader = Reader::new();
        let mut found = Vec::new();
        for mut piece in bytes.chunks(size) {
            loop {
                match reader.next(&mut piece, NOW) {
                    Ok(Some(message)) => found.push(message),
                    Ok(None) => break,
                    Err(error) => return (found, Some(error)),
                }
            }
        }
        (found, reader.finish().err())
    };
    let (found, error) = read(bytes.len().max(1));
    assert_eq!(read(61), (found.clone(), error.clone()));
    error.iter().for_each(is_clear);
    for message in &found {
        if let Message::Description(envelope) = message {
            keeps_bounds(&envelope.description);
        }
    }
    found.len()
}

fn both(read: u64, of: u64) {
    assert!(read > 0 && read < of, "the mutations reach both ends: {read} of {of} were read");
}

#[test]
fn mutated_candidate_lines_never_panic() {
    let mdns =
        "candidate:0 1 UDP 2122187007 6be5041e-989a-4ba8-a1ee-24e28ff38c58.local 47567 typ host ufrag abcd";
    let seeds: Vec<Vec<u8>> = [HOST, RELAY, ACTIVE, mdns].map(|line| line.as_bytes().to_vec()).into();
    let (mut ids, mut read) = (IdSource::new(21), 0);
    for n in 0..mutations() {
        let bytes = mutate(&seeds[n as usize % seeds.len()], &seeds, &mut ids);
        read += u64::from(try_line(&String::from_utf8_lossy(&bytes)));
    }
    both(read, mutations());
}

#[test]
fn mutated_sdp_never_panics_and_never_breaks_the_answer() {
    let json = serde_json::json!({"type": "offer", "sdp": chromium_data("actpass")}).to_string();
    let seeds: Vec<Vec<u8>> = [
        chromium_data("actpass"),
        chromium_call(),
        firefox_data("active"),
        firefox_call(),
        own().to_offer_sdp(),
        json,
    ]
    .map(String::into_bytes)
    .into();
    let (mut ids, mut read) = (IdSource::new(22), 0);
    for n in 0..mutations() {
        let bytes = mutate(&seeds[n as usize % seeds.len()], &seeds, &mut ids);
        read += u64::from(try_sdp(&String::from_utf8_lossy(&bytes)));
    }
    both(read, mutations());
}

#[test]
fn mutated_paste_lines_are_never_taken_for_another() {
    let seeds = vec![offer().to_line().into_bytes(), answer().to_line().into_bytes()];
    let (mut ids, mut read) = (IdSource::new(23), 0);
    for n in 0..mutations() {
        let bytes = mutate(&seeds[n as usize % 2], &seeds, &mut ids);
        if let Some(envelope) = try_paste(&String::from_utf8_lossy(&bytes)) {
            read += 1;
            assert!(envelope == offer() || envelope == answer(), "{envelope:?}");
        }
    }
    both(read, mutations());
}

#[test]
fn mutated_json_with_a_right_checksum_never_panics() {
    let hello = Message::Hello { version: VERSION, role: Kind::Answer }.to_line();
    let seeds: Vec<Vec<u8>> = [offer(), answer()]
        .map(|envelope| {
            let line = Message::Description(Box::new(envelope)).to_line();
            line[..line.len() - 1].to_vec()
        })
        .into();
    let (mut ids, mut pasted, mut read) = (IdSource::new(24), 0, 0);
    for n in 0..mutations() {
        let json = mutate(&seeds[n as usize % 2], &seeds, &mut ids);
        pasted += u64::from(try_paste(&wrap(&json)).is_some());
        let mut session = hello.to_vec();
        session.extend_from_slice(&json);
        session.push(b'\n');
        session.extend_from_slice(&Message::Candidate(HOST.to_owned()).to_line());
        let session = if n % 3 == 0 { mutate(&session, &seeds, &mut ids) } else { session };
        read += u64::from(try_messages(&session) == 3);
    }
    both(pasted, mutations());
    both(read, mutations());
}

proptest! {
    #[test]
    fn no_text_at_all_makes_anything_panic(text in any::<String>()) {
        try_line(&format!("candidate:{text}"));
        try_sdp(&format!("v=0\r\n{text}"));
        try_paste(&format!("raincheck1:{text}"));
    }

    #[test]
    fn no_bytes_at_all_make_anything_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        try_messages(&bytes);
        try_paste(&wrap(&bytes));
        try_sdp(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn whatever_one_end_is_the_other_reads_it(
        (ufrag, pwd) in ("[a-zA-Z0-9+/]{4,256}", "[a-zA-Z0-9+/]{22,256}"),
        (lite, trickle, renomination, ice2) in any::<(bool, bool, bool, bool)>(),
        (id, other, made, session_id) in any::<(u64, u64, u64, u64)>(),
        (mid, end, ports) in ("[a-zA-Z0-9{}-]{1,64}", any::<bool>(), prop::collection::vec(any::<u16>(), 0..100)),
    ) {
        let mut description = Description::new(ufrag, Secret::new(pwd), Setup::ActPass).unwrap();
        description.options = IceOptions { trickle, renomination, ice2 };
        (description.lite, description.mid, description.end_of_candidates) = (lite, mid, end);
        description.session_id = session_id >> 1;
        description.fingerprints.push(Fingerprint::new(Hash::Sha512, vec![id as u8; 64]).unwrap());
        for port in ports {
            description.add_line(&HOST.replace("40000", &port.to_string()), NOW);
        }
        let sdp = Sdp::read(&description.to_offer_sdp(), Kind::Offer, NOW);
        prop_assert_eq!(sdp.map(|sdp| sdp.description), Ok(description.clone()));
        let sent = Envelope { kind: Kind::Answer, id: CallId(id), answers: Some(CallId(other)), made, description };
        prop_assert_eq!(Envelope::read_answer(&sent.to_line(), CallId(other), NOW), Ok(sent));
    }
}
