mod auth;

use super::*;
use crate::evidence::{Cause, Facts, FirstBytes};
use crate::ice::stack::{Client, Profile};
use crate::machine::{IdSource, Input, Machine, Offset, Poll};
use crate::secret::Secret;
use crate::server::Credentials;
use serde_json::json;
use std::time::Duration;

const BASIC: &str = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\
                     Content-Length: 4\r\n\r\nbody";
const OK: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn form(client: Client) -> Form {
    Form::of(&Profile { client, version: Some(146) })
}

fn ask(client: Client, credentials: bool) -> Ask {
    Ask {
        host: "turn.example".into(),
        port: 443,
        credentials: credentials
            .then(|| Credentials { username: "user".into(), password: Secret::new("pass phrase") }),
        form: form(client),
        within: Duration::from_secs(6),
    }
}

fn machine(credentials: bool) -> Connect {
    Connect::new(ask(Client::Chromium, credentials), IdSource::new(7))
}

/// Takes what the machine wants to send, and its end when it has come to one.
fn drain(machine: &mut Connect) -> (Vec<String>, Option<Ended>) {
    let mut sent = Vec::new();
    loop {
        match machine.poll() {
            Poll::Transmit(bytes) => sent.push(String::from_utf8(bytes).unwrap()),
            Poll::WaitUntil(_) => return (sent, None),
            Poll::Done(ended) => return (sent, Some(ended)),
        }
    }
}

/// What became of a handshake, in a form that can be compared.
#[derive(Debug, PartialEq, Clone)]
enum Fate {
    Open(Vec<u8>),
    Failed(Cause),
    Reconnect,
    Waiting,
}

fn fate(end: &End) -> Fate {
    match end {
        End::Open { early } => Fate::Open(early.clone()),
        End::Failed(cause) => Fate::Failed(cause.clone()),
        End::Reconnect(_) => Fate::Reconnect,
    }
}

/// Answers the first request with these pieces, one millisecond apart, then lets 300 ms pass.
fn answer(mut machine: Connect, pieces: &[&[u8]]) -> (Vec<String>, Fate, Facts) {
    machine.handle(Input::Tick, Offset::ZERO);
    let (mut requests, mut end) = drain(&mut machine);
    let mut now = 0;
    for piece in pieces {
        now += 1;
        machine.handle(Input::Received(piece), Offset::from_ms(now));
        let (sent, ended) = drain(&mut machine);
        requests.extend(sent);
        match ended {
            // A driver hands nothing in after the end; what is left has come early.
            Some(ended) if end.is_none() => end = Some(ended),
            _ => {}
        }
        if end.is_some() {
            break;
        }
    }
    if end.is_none() {
        machine.handle(Input::Tick, Offset::from_ms(now + 300));
        end = drain(&mut machine).1;
    }
    match end {
        Some(ended) => (requests, fate(&ended.end), ended.facts),
        None => (requests, Fate::Waiting, Facts::default()),
    }
}

fn answered(bytes: &[u8]) -> (Fate, Facts) {
    let (_, fate, facts) = answer(machine(false), &[bytes]);
    (fate, facts)
}

fn opens(bytes: &[u8]) -> Facts {
    let (fate, facts) = answered(bytes);
    assert!(matches!(fate, Fate::Open(_)), "{fate:?} for {}", bytes.escape_ascii());
    facts
}

#[test]
fn each_client_writes_its_own_request() {
    let request =
        |client| String::from_utf8(form(client).request("turn.example", 443, Some("Basic eA=="))).unwrap();
    assert_eq!(
        request(Client::Chromium),
        "CONNECT turn.example:443 HTTP/1.1\r\nHost: turn.example:443\r\nProxy-Connection: keep-alive\r\n\
         User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/146.0.0.0 Safari/537.36\r\nProxy-Authorization: Basic eA==\r\n\r\n"
    );
    assert_eq!(
        request(Client::Firefox),
        "CONNECT turn.example:443 HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) \
         Gecko/20100101 Firefox/146.0\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\n\
         Host: turn.example:443\r\nProxy-Authorization: Basic eA==\r\nALPN: webrtc,c-webrtc\r\n\r\n"
    );
    assert_eq!(
        request(Client::Gateway),
        "CONNECT turn.example:443 HTTP/1.0\r\nHost: turn.example\r\nUser-Agent: libnice\r\nContent-Length: 0\r\n\
         Proxy-Connection: Keep-Alive\r\nConnection: Keep-Alive\r\nCache-Control: no-cache\r\n\
         Pragma: no-cache\r\nProxy-Authorization: Basic eA==\r\n\r\n"
    );
}

#[test]
fn an_ipv6_host_is_written_in_brackets() {
    let request = String::from_utf8(form(Client::Chromium).request("2001:db8::1", 80, None)).unwrap();
    assert!(request.starts_with("CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n"));
}

#[test]
fn a_line_break_in_a_host_cannot_add_a_header() {
    let request = String::from_utf8(form(Client::Chromium).request("a\r\nX: y", 80, None)).unwrap();
    assert!(request.starts_with("CONNECT aX: y:80 HTTP/1.1\r\n"), "{request}");
}

#[test]
fn a_plain_200_opens_the_tunnel() {
    let (requests, fate, facts) = answer(machine(false), &[OK.as_bytes()]);
    assert_eq!(requests.len(), 1);
    assert!(!requests[0].contains("Authorization"));
    assert_eq!(fate, Fate::Open(vec![]));
    let expected =
        json!({"status": 200, "reason": "Connection established", "http_version": "1.1", "requests": 1});
    assert_eq!(serde_json::to_value(facts).unwrap(), expected);
}

#[test]
fn bytes_after_the_head_are_handed_on() {
    let (fate, facts) = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello world");
    assert_eq!(fate, Fate::Open(b"hello world".to_vec()));
    assert_eq!(facts.get("early_bytes"), Some(&json!(11)));
}

#[test]
fn odd_answers_that_browsers_accept_open_the_tunnel() {
    for head in [
        "HTTP/1.0 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 200 \r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\r\nA: b\n\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "http/1.1 200 ok\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.1  200  OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nVia: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\nno colon\r\n: empty\r\n folded\r\n\r\n",
        "HTTP/1.1 201 Created\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        opens(head.as_bytes());
    }
    opens(b"HTTP/1.1 200 Verbindung hergestellt f\xfcr Sie\r\n\r\n");
}

#[test]
fn what_was_odd_is_a_fact() {
    let facts =
        opens(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 f\xfcr\r\nVia: 1.1 a\r\nVIA: 1.0 b\r\nodd\r\n\r\n");
    assert_eq!(facts.get("http_version"), Some(&json!("1.0")));
    assert_eq!(facts.get("reason"), Some(&json!("für")));
    assert_eq!(facts.get("via"), Some(&json!("1.1 a, 1.0 b")));
    assert_eq!(facts.get("odd_lines"), Some(&json!(1)));
    assert_eq!(facts.get("interim"), Some(&json!(1)));
}

#[test]
fn text_from_the_proxy_is_cleaned_and_cut() {
    let long = "x".repeat(300);
    let facts = opens(format!("HTTP/1.1 200 a\u{1b}[31mb\r\nServer: {long}\r\n\r\n").as_bytes());
    assert_eq!(facts.get("reason"), Some(&json!("a[31mb")));
    assert_eq!(facts.get("server"), Some(&json!(format!("{}…", "x".repeat(200)))));
}

#[test]
fn another_status_is_the_cause() {
    for (head, status, reason) in [
        ("HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\nbody", 403, "Forbidden"),
        ("HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n", 302, "Found"),
        ("HTTP/1.1 500 Unable to connect\r\n\r\n", 500, "Unable to connect"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", 502, "Bad Gateway"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, "Switching Protocols"),
        ("HTTP/1.1 999 \r\n\r\n", 999, ""),
    ] {
        let cause = Cause::ProxyStatus { status, reason: reason.into() };
        assert_eq!(answered(head.as_bytes()).0, Fate::Failed(cause));
    }
}

#[test]
fn an_answer_that_is_not_http_is_shown() {
    for bytes in
        [&b"SSH-2.0-OpenSSH_9.2p1\r\n"[..], b"\x15\x03\x01\x00\x02\x02\x46", b"HTTQ", b"<html>", b"\x00"]
    {
        let cause = Cause::ProxyNotHttp { first_bytes: FirstBytes::of(bytes) };
        assert_eq!(answered(bytes).0, Fate::Failed(cause.clone()));
        let mut closing = machine(false);
        closing.handle(Input::Received(bytes), Offset::ZERO);
        closing.handle(Input::Closed, Offset::from_ms(1));
        assert_eq!(drain(&mut closing).1.map(|ended| fate(&ended.end)), Some(Fate::Failed(cause)));
    }
}

#[test]
fn a_broken_head_says_what_is_wrong() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(150));
    let long = format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(20_000));
    let long_whole = format!("{long}\r\n\r\n");
    for (head, detail) in [
        ("HTTP/2 200 OK\r\n\r\n", "HTTP version \"2\""),
        ("HTTP/1.10 200 OK\r\n\r\n", "HTTP version \"1.10\""),
        ("HTTP/1.1 20 OK\r\n\r\n", "status line \"HTTP/1.1 20 OK\""),
        ("HTTP/1.1 2000 OK\r\n\r\n", "status line \"HTTP/1.1 2000 OK\""),
        ("HTTP/1.1 +20 OK\r\n\r\n", "status line \"HTTP/1.1 +20 OK\""),
        ("HTTP/1.1 099 OK\r\n\r\n", "status line \"HTTP/1.1 099 OK\""),
        ("HTTP/1.1\r\n\r\n", "status line \"HTTP/1.1\""),
        ("HTTP/\r\n\r\n", "HTTP version \"\""),
        (&many, "the head has more than 100 header lines"),
        (&long, "the head is longer than 16384 bytes"),
        (&long_whole, "the head is longer than 16384 bytes"),
    ] {
        let cause = Cause::ProxyBadHead { detail: detail.into() };
        assert_eq!(answered(head.as_bytes()).0, Fate::Failed(cause));
    }
    let full = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(100));
    opens(full.as_bytes());
}

#[test]
fn silence_is_judged_at_the_bound_and_half_a_head_is_silence() {
    for so_far in [&b""[..], b"HTTP/1.1 200 OK\r\nVia"] {
        let mut machine = machine(false);
        machine.handle(Input::Tick, Offset::from_ms(100));
        machine.handle(Input::Received(so_far), Offset::from_ms(150));
        assert!(matches!(machine.poll(), Poll::Transmit(_)));
        assert!(matches!(machine.poll(), Poll::WaitUntil(at) if at == Offset::from_ms(6100)));
        machine.handle(Input::Tick, Offset::from_ms(6099));
        assert!(drain(&mut machine).1.is_none());
        machine.handle(Input::Tick, Offset::from_ms(6100));
        let end = drain(&mut machine).1.map(|ended| fate(&ended.end));
        assert_eq!(end, Some(Fate::Failed(Cause::TunnelTimeout { waited_ms: 6000 })));
    }
}

#[test]
fn a_close_counts_what_had_come() {
    for (so_far, received) in [(&b""[..], 0), (b"HTTP/1.1 2", 10)] {
        let mut machine = machine(false);
        machine.handle(Input::Received(so_far), Offset::ZERO);
        machine.handle(Input::Closed, Offset::from_ms(1));
        let end = drain(&mut machine).1.map(|ended| fate(&ended.end));
        assert_eq!(end, Some(Fate::Failed(Cause::Closed { received })));
    }
}

fn digest_407(parameters: &str) -> String {
    format!("HTTP/1.1 407 No\r\nProxy-Authenticate: Digest {parameters}\r\nContent-Length: 0\r\n\r\n")
}

/// Answers of every kind, one to each request, for the tests that cut and change them.
fn corpus() -> Vec<Vec<String>> {
    let digest = digest_407("realm=\"ä\\\"x\", nonce=\"n1\", qop=\"auth\", opaque=\"\\\\o\", stale=true");
    let chunked = "HTTP/1.1 407 A\r\nProxy-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    vec![
        vec![OK.into()],
        vec![BASIC.into(), OK.into()],
        vec![digest.clone(), digest, OK.into()],
        vec![chunked.into(), OK.into()],
        vec![format!("HTTP/1.1 100 Continue\r\n\r\n{OK}")],
        vec!["HTTP/1.0 403 Forbidden\r\nVia: 1.0 a,\r\n\tb\r\nServer: squid\r\n\r\n".into()],
        vec!["SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 and so on until there are sixty-four bytes".into()],
        vec!["HTTP/2 200\r\n\r\n".into()],
    ]
}

#[test]
fn it_does_not_matter_how_an_answer_is_cut() {
    for answers in corpus() {
        let whole: Vec<&[u8]> = answers.iter().map(|text| text.as_bytes()).collect();
        let bytes: Vec<&[u8]> = whole.iter().flat_map(|answer| answer.chunks(1)).collect();
        assert_eq!(answer(machine(true), &whole), answer(machine(true), &bytes), "{answers:?}");
    }
}

#[test]
fn no_mutation_of_an_answer_makes_it_panic_or_hang() {
    let runs = std::env::var("RAINCHECK_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000u32);
    let corpus = corpus();
    let mut random = IdSource::new(2026);
    for run in 0..runs {
        let mut answers: Vec<Vec<u8>> =
            corpus[run as usize % corpus.len()].iter().map(|text| text.clone().into_bytes()).collect();
        let changed = (random.next_u64() % answers.len() as u64) as usize;
        for _ in 0..1 + random.next_u64() % 8 {
            mutate(&mut answers[changed], &mut random);
        }
        let mut machine = machine(run % 5 != 0);
        machine.handle(Input::Tick, Offset::ZERO);
        let size = 1 + (random.next_u64() % 40) as usize;
        let mut ended = drain(&mut machine).1.is_some();
        for piece in answers.iter().flat_map(|answer| answer.chunks(size)) {
            machine.handle(Input::Received(piece), Offset::from_ms(1));
            ended |= drain(&mut machine).1.is_some();
        }
        machine.handle(Input::Closed, Offset::from_ms(2));
        ended |= drain(&mut machine).1.is_some();
        assert!(ended, "run {run}: no end for {}", answers.concat().escape_ascii());
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut IdSource) {
    const PIECES: [&[u8]; 12] = [
        b"\r\n",
        b"\n",
        b"\"",
        b"\\",
        b",",
        b"=",
        b"\xff",
        b"\xc3\xa9",
        b"0",
        b" ",
        b"99999999999999999999",
        b"HTTP/1.1 ",
    ];
    if bytes.is_empty() {
        return;
    }
    let mut below = |n: usize| (random.next_u64() % n.max(1) as u64) as usize;
    let at = below(bytes.len());
    match below(5) {
        0 => bytes[at] ^= 1 << below(8),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..(at + 1 + below(12)).min(bytes.len()))),
        3 => drop(bytes.splice(at..at, PIECES[below(PIECES.len())].iter().copied())),
        _ => {
            let end = (at + 1 + below(60)).min(bytes.len());
            bytes.extend_from_within(at..end);
        }
    }
}
