//! Messages over a channel.

use super::*;

fn everything() -> Vec<Message> {
    let outcome = Outcome {
        connected: true,
        local: Some(HOST.to_owned()),
        remote: Some(RELAY.to_owned()),
        text: Some("host to relay".to_owned()),
    };
    vec![
        Message::Hello { version: VERSION, role: Kind::Answer },
        Message::Description(Box::new(answer())),
        Message::Candidate(HOST.to_owned()),
        Message::EndOfCandidates,
        Message::Outcome(outcome),
        Message::Bye("the call has ended".to_owned()),
    ]
}

fn bytes(messages: &[Message]) -> Vec<u8> {
    messages.iter().flat_map(|message| message.to_line().to_vec()).collect()
}

/// Reads in pieces of this size.
fn read(bytes: &[u8], piece: usize) -> Result<Vec<Message>, LiveError> {
    let mut reader = Reader::new();
    let mut found = Vec::new();
    for mut piece in bytes.chunks(piece) {
        while let Some(message) = reader.next(&mut piece, NOW)? {
            found.push(message);
        }
        assert!(piece.is_empty());
    }
    reader.finish().map(|()| found)
}

#[test]
fn messages_are_read_in_whatever_pieces_they_come() {
    let all = bytes(&everything());
    for piece in [1, 7, 100, all.len()] {
        assert_eq!(read(&all, piece), Ok(everything()), "{piece}");
    }
}

#[test]
fn the_first_message_is_hello_and_no_other_is() {
    let hello = Message::Hello { version: VERSION, role: Kind::Offer };
    assert_eq!(read(&bytes(&[Message::EndOfCandidates]), 10), Err(LiveError::NoHello));
    assert_eq!(read(&bytes(&[hello.clone(), hello]), 10), Err(LiveError::SecondHello(2)));
    let newer = Message::Hello { version: 2, role: Kind::Offer };
    assert_eq!(read(&bytes(&[newer]), 10), Err(LiveError::Newer(2)));
}

#[test]
fn an_end_that_is_no_raincheck_is_told_at_once() {
    for other in ["SSH-2.0-OpenSSH_9.2\r\n", "GET / HTTP/1.1\r\n\r\n", "{}\n", "\n", "[[[[\n", "\u{0}\n"] {
        assert_eq!(read(other.as_bytes(), 5), Err(LiveError::NotAMessage(1)), "{other}");
    }
}

#[test]
fn a_message_without_end_is_not_kept() {
    let mut reader = Reader::new();
    let noise = vec![b'x'; 4096];
    let mut fed = 0;
    let error = loop {
        match reader.next(&mut &noise[..], NOW) {
            Ok(message) => assert_eq!(message, None),
            Err(error) => break error,
        }
        fed += noise.len();
        assert!(fed <= MAX_MESSAGE);
    };
    assert_eq!(error, LiveError::TooLong(1));
    assert_eq!(reader.next(&mut &b"\n"[..], NOW), Err(LiveError::TooLong(1)), "and stays so");
    assert_eq!(reader.finish(), Err(LiveError::TooLong(1)));
}

#[test]
fn a_flood_of_messages_ends() {
    let mut all = vec![Message::Hello { version: VERSION, role: Kind::Offer }];
    all.extend(std::iter::repeat_n(Message::EndOfCandidates, 300));
    assert_eq!(read(&bytes(&all), 1000), Err(LiveError::TooMany));
}

#[test]
fn a_channel_that_ends_inside_a_message_says_which() {
    let all = bytes(&everything());
    assert_eq!(read(&all[..all.len() - 5], 64), Err(LiveError::Cut(6)));
    assert_eq!(read(b"", 1), Ok(vec![]));
}

#[test]
fn what_the_other_end_says_cannot_move_the_cursor() {
    let hello = r#"{"type":"hello","version":1,"role":"offer"}"#;
    let rude = r#"{"type":"bye","reason":"\u001b[2J\u202e\n"}"#;
    let long = format!(r#"{{"type":"outcome","connected":false,"text":"{}"}}"#, "x".repeat(5000));
    let found = read(format!("{hello}\n{rude}\n{long}\n").as_bytes(), 50).unwrap();
    assert_eq!(found[1], Message::Bye("?[2J??".to_owned()));
    let Message::Outcome(Outcome { text: Some(text), .. }) = &found[2] else { panic!("{found:?}") };
    assert_eq!(text.chars().count(), 301);
}

#[test]
fn a_description_out_of_bounds_is_an_error_that_names_it() {
    let line = String::from_utf8(bytes(&everything()[..2])).unwrap();
    let broken = line.replace(PWD, "hunter2");
    let error = read(broken.as_bytes(), 99).unwrap_err();
    assert_eq!(error, LiveError::Description(2, JsonError::Flaw(Flaw::Pwd)));
    is_clear(&error);
    assert!(!error.to_string().contains("hunter2"));
}
