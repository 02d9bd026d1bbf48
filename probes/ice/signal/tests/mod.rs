//! What others send us, and what we make of it.

mod candidate;
mod hostile;
mod live;
mod paste;
mod reach;
mod samples;
mod sdp;

use super::*;
use crate::machine::Offset;
use crate::secret::Secret;

const NOW: Offset = Offset::from_ms(1500);
const PWD: &str = "hunter2hunter2hunter2hunter2";
const HOST: &str = "candidate:1 1 udp 2122260223 192.0.2.9 40000 typ host generation 0 network-id 1";
const RELAY: &str = "candidate:2 1 UDP 58664191 198.51.100.9 40001 typ relay raddr 0.0.0.0 rport 0";
const ACTIVE: &str = "candidate:3 1 tcp 1518280447 192.0.2.9 9 typ host tcptype active generation 0";

/// One of ours, with three candidates.
fn own() -> Description {
    let mut own = Description::new("aB3+", Secret::new(PWD), Setup::ActPass).unwrap();
    own.session_id = 4_611_686_018_427_387_905;
    own.raincheck = Some("chromium@146".parse().unwrap());
    own.fingerprints.push(Fingerprint::new(Hash::Sha256, vec![0xA7; 32]).unwrap());
    for line in [HOST, RELAY, ACTIVE] {
        assert_eq!(own.add_line(line, NOW), Added::Candidate);
    }
    own.end_of_candidates = true;
    own
}

/// The first offer of a call, made at 1 000 000.
fn offer() -> Envelope {
    Envelope { kind: Kind::Offer, id: CallId(0xfeed), answers: None, made: 1_000_000, description: own() }
}

fn answer() -> Envelope {
    Envelope { kind: Kind::Answer, id: CallId(0xbeef), answers: Some(CallId(0xfeed)), ..offer() }
}

/// Errors are one line, printable, short, and show no password.
#[track_caller]
fn is_clear(error: &impl std::error::Error) {
    let text = error.to_string();
    assert!(text.len() < 300 && !text.contains(['\n', '\r', '\u{1b}']) && !text.contains(PWD), "{text}");
    assert!(!format!("{error:?}").contains(PWD));
}
