//! The line to paste.

use super::*;
use crate::ice::signal::envelope::wrap;

#[track_caller]
fn error(line: &str) -> PasteError {
    let error = Envelope::read_answer(line, CallId(0xfeed), NOW).unwrap_err();
    is_clear(&error);
    error
}

#[test]
fn a_line_is_read_as_it_was_written() {
    let line = offer().to_line();
    assert!(line.starts_with("raincheck1:") && !line.contains(['=', '\n', ' ']), "{line}");
    assert_eq!(Envelope::read_offer(&line, 1_000_000, NOW), Ok(offer()));
    assert_eq!(Envelope::read_answer(&answer().to_line(), CallId(0xfeed), NOW), Ok(answer()));
    assert!(line.len() < 1200, "{} characters", line.len());
}

#[test]
fn what_mail_and_chat_do_to_a_line_does_not_matter() {
    let line = answer().to_line();
    let wrapped: Vec<&str> =
        line.as_bytes().chunks(76).map(|part| std::str::from_utf8(part).unwrap()).collect();
    for text in [format!("  {line}\r\n"), format!("\"{line}\""), format!("`{line}`"), wrapped.join("\r\n")] {
        assert_eq!(Envelope::read_answer(&text, CallId(0xfeed), NOW), Ok(answer()), "{text}");
    }
}

#[test]
fn a_line_that_was_cut_is_told_from_garbage() {
    let line = answer().to_line();
    for have in "raincheck1:".len()..line.len() {
        match error(&line[..have]) {
            PasteError::Cut { have: told, of } => {
                assert_eq!(told, have);
                assert!(have < "raincheck1:".len() + 11 || of == line.len(), "{of} of {}", line.len());
            }
            other => panic!("{have}: {other}"),
        }
    }
    let middle = format!("{}{}", &line[..200], &line[300..]);
    assert!(matches!(error(&middle), PasteError::Cut { .. }));
    for garbage in ["", "hello", "v=0", "raincheck", "raincheck:abc", "raincheck0:abc", "\u{1b}[2J"] {
        assert_eq!(error(garbage), PasteError::NotALine, "{garbage}");
    }
    assert_eq!(error("raincheck1:ab!c"), PasteError::Garbled { column: 14 });
}

#[test]
fn a_terminal_that_cuts_a_line_is_named() {
    let mut long = answer();
    for port in 0..60 {
        long.description.add_line(&HOST.replace("40000", &(41_000 + port).to_string()), NOW);
    }
    let line = long.to_line();
    assert!(error(&line[..4095]).to_string().contains("as much as a terminal takes"));
    assert!(!error(&line[..4000]).to_string().contains("terminal"));
}

#[test]
fn a_damaged_line_is_told_from_a_cut_one() {
    let line = answer().to_line();
    let at = line.len() - 20;
    let other = if &line[at..=at] == "A" { "B" } else { "A" };
    assert_eq!(error(&format!("{}{other}{}", &line[..at], &line[at + 1..])), PasteError::Damaged);
    assert_eq!(error(&format!("{line}{}", &line[11..])), PasteError::Damaged, "pasted twice");
}

#[test]
fn a_newer_line_says_what_to_update() {
    assert_eq!(error("raincheck2:anything at all!"), PasteError::Newer(2));
    assert_eq!(error(&wrap(br#"{"v":7,"kind":"telepathy"}"#)), PasteError::Newer(7));
    assert_eq!(error(&wrap(br#"{"v":1}"#)), PasteError::Shape);
    assert_eq!(error(&wrap(b"not json")), PasteError::Shape);
    assert_eq!(error("raincheck99999999999999999999:x"), PasteError::NotALine);
}

#[test]
fn offers_and_answers_are_not_taken_for_each_other() {
    assert_eq!(error(&offer().to_line()), PasteError::Own);
    let theirs = Envelope { id: CallId(1), ..offer() };
    assert_eq!(error(&theirs.to_line()), PasteError::AnswerExpected);
    let read = Envelope::read_offer(&answer().to_line(), 1_000_000, NOW);
    assert_eq!(read, Err(PasteError::OfferExpected));
}

#[test]
fn an_answer_of_an_earlier_call_is_not_taken() {
    let replayed = Envelope { answers: Some(CallId(0xdead)), ..answer() };
    assert_eq!(error(&replayed.to_line()), PasteError::OtherCall);
    let to_nobody = Envelope { answers: None, ..answer() };
    assert_eq!(error(&to_nobody.to_line()), PasteError::OtherCall);
}

#[test]
fn an_old_offer_is_refused_and_so_is_one_of_the_future() {
    let line = offer().to_line();
    let read = |now| Envelope::read_offer(&line, now, NOW).map(|envelope| envelope.id);
    assert_eq!(read(1_000_000 + 900), Ok(CallId(0xfeed)));
    assert_eq!(read(1_000_000 + 901), Err(PasteError::TooOld(15)));
    assert_eq!(read(1_000_000 - 900), Ok(CallId(0xfeed)));
    assert_eq!(read(1_000_000 - 3600), Err(PasteError::FromFuture(60)));
    assert_eq!(read(u64::MAX), Err(PasteError::TooOld((u64::MAX - 1_000_000) / 60)));
    for error in [PasteError::TooOld(20), PasteError::FromFuture(20)] {
        assert!(error.to_string().contains("the clock here or there is wrong"), "{error}");
    }
}

#[test]
fn more_than_is_taken_is_refused() {
    assert_eq!(error(&"A".repeat(MAX_PASTE + 1)), PasteError::TooLong);
    let json = |candidates: usize| {
        let line = "1 1 udp 1 192.0.2.9 40000 typ host";
        let lines = vec![line; candidates];
        serde_json::json!({"v": 1, "kind": "answer", "id": "0000000000000001", "answers": "000000000000feed",
            "made": 1, "description": {"ufrag": "aB3+", "pwd": PWD, "setup": "active", "mid": "0",
            "candidates": lines}})
    };
    let line = |candidates| wrap(json(candidates).to_string().as_bytes());
    assert_eq!(Envelope::read(&line(100), NOW).unwrap().description.candidates.len(), 100);
    assert_eq!(error(&line(101)), PasteError::Description(JsonError::TooManyCandidates(101)));
    for (key, value, flaw) in [
        ("ufrag", "abc", JsonError::Flaw(Flaw::Ufrag)),
        ("ufrag", "a\r\nb=", JsonError::Flaw(Flaw::Ufrag)),
        ("pwd", "short", JsonError::Flaw(Flaw::Pwd)),
        ("mid", "0\r\na=x", JsonError::Flaw(Flaw::Mid)),
        ("setup", "holdconn", JsonError::Setup),
    ] {
        let mut json = json(1);
        json["description"][key] = value.into();
        assert_eq!(error(&wrap(json.to_string().as_bytes())), PasteError::Description(flaw));
    }
}

#[test]
fn the_longest_line_that_we_can_write_can_be_read() {
    let mut far = own();
    far.candidates.clear();
    let padding = "\\".repeat(MAX_CANDIDATE_LINE - HOST.len() - 3);
    for _ in 0..MAX_CANDIDATES {
        far.add_line(&format!("{HOST} x {padding}"), NOW);
    }
    assert_eq!(far.candidates.len(), MAX_CANDIDATES);
    let longest = Envelope { description: far, ..answer() };
    assert_eq!(Envelope::read(&longest.to_line(), NOW), Ok(longest.clone()));
    let message = Message::Description(Box::new(longest));
    assert_eq!(Reader::new().line(&message.to_line()), Err(LiveError::NoHello), "it was read");
}

#[test]
fn debug_shows_no_password() {
    let text = format!("{:?}", offer());
    assert!(text.contains("aB3+") && text.contains("[secret]") && !text.contains(PWD), "{text}");
}

impl Reader {
    fn line(&mut self, mut bytes: &[u8]) -> Result<Option<Message>, LiveError> {
        self.next(&mut bytes, NOW)
    }
}
