use super::*;

#[test]
fn without_credentials_the_offer_is_the_cause() {
    let head = "HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\
                Proxy-Authenticate: Digest realm=\"r, Basic\", nonce=\"n\", qop=\"auth,auth-int\", Basic realm=\"b\"\r\n\r\n";
    let schemes = vec![AuthScheme::Negotiate, AuthScheme::Ntlm, AuthScheme::Digest, AuthScheme::Basic];
    let (fate, facts) = answered(head.as_bytes());
    assert_eq!(fate, Fate::Failed(Cause::ProxyAuthRequired { schemes }));
    assert_eq!(facts.get("auth_offered"), Some(&json!(["Negotiate", "NTLM", "Digest", "Basic"])));
}

#[test]
fn basic_is_answered_on_the_same_connection() {
    let (requests, fate, facts) = answer(machine(true), &[BASIC.as_bytes(), OK.as_bytes()]);
    assert_eq!(requests.len(), 2);
    assert!(!requests[0].contains("Authorization"));
    assert!(requests[1].contains("\r\nProxy-Authorization: Basic dXNlcjpwYXNzIHBocmFzZQ==\r\n"));
    assert_eq!(fate, Fate::Open(vec![]));
    assert_eq!(facts.get("auth_scheme"), Some(&json!("Basic")));
    let shown = serde_json::to_string(&facts).unwrap();
    assert!(!shown.contains("pass") && !shown.contains("dXNlcj"), "{shown}");
}

#[test]
fn a_body_is_skipped_however_it_is_delimited() {
    let with = |framing: &str, body: &str| {
        format!("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n{framing}\r\n\r\n{body}")
    };
    for head in [
        with("Content-Length: 9", "some body"),
        with("Content-Length: 0", ""),
        with("Transfer-Encoding: chunked", "4;x=y\r\nsome\r\n5\r\n body\r\n0\r\nTrailer: x\r\n\r\n"),
        with("Transfer-Encoding: chunked", "0\r\n\r\n"),
        with("Content-Length: 3\r\nContent-Length: 3", "abc"),
    ] {
        let (requests, fate, _) = answer(machine(true), &[head.as_bytes(), OK.as_bytes()]);
        assert_eq!((requests.len(), fate), (2, Fate::Open(vec![])), "{head}");
    }
}

#[test]
fn a_connection_that_the_proxy_gives_up_asks_for_another() {
    for head in [
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nProxy-Connection: Close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n",
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 70000\r\n\r\n",
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 1\r\n\r\nab",
    ] {
        let (requests, fate, _) = answer(machine(true), &[head.as_bytes()]);
        assert_eq!((requests.len(), fate), (1, Fate::Reconnect), "{head}");
    }
    let keeps = "HTTP/1.0 407 No\r\nProxy-Authenticate: Basic\r\nProxy-Connection: Keep-Alive\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(answer(machine(true), &[keeps.as_bytes()]).0.len(), 2);
}

#[test]
fn the_next_connection_goes_on_with_what_was_learned() {
    let mut first = machine(true);
    first.handle(Input::Tick, Offset::from_ms(1000));
    let closing = BASIC.replace("Content-Length: 4", "Connection: close");
    first.handle(Input::Received(closing.as_bytes()), Offset::from_ms(1010));
    let Some(Ended { end: End::Reconnect(second), .. }) = drain(&mut first).1 else { panic!("no reconnect") };
    let (requests, fate, facts) = answer(*second, &[OK.as_bytes()]);
    assert!(requests[0].contains("Proxy-Authorization: Basic "));
    assert_eq!(fate, Fate::Open(vec![]));
    assert_eq!(facts.get("reconnects"), Some(&json!(1)));
    assert_eq!(facts.get("requests"), Some(&json!(2)));
}

#[test]
fn a_close_in_place_of_the_second_answer_asks_for_another_connection() {
    let mut machine = machine(true);
    machine.handle(Input::Received(BASIC.as_bytes()), Offset::ZERO);
    assert_eq!(drain(&mut machine).0.len(), 1, "the request of the second round replaces the unsent first");
    machine.handle(Input::Closed, Offset::from_ms(1));
    assert_eq!(drain(&mut machine).1.map(|ended| fate(&ended.end)), Some(Fate::Reconnect));
}

#[test]
fn credentials_that_are_refused_are_named_with_their_scheme() {
    let (_, fate, _) = answer(machine(true), &[BASIC.as_bytes(), BASIC.as_bytes()]);
    assert_eq!(fate, Fate::Failed(Cause::ProxyAuthRejected { scheme: AuthScheme::Basic }));
}

#[test]
fn a_401_after_credentials_is_a_refusal_of_them() {
    let unauthorized = b"HTTP/1.0 401 Unauthorized\r\nServer: tinyproxy/1.11.1\r\n\r\n";
    let (_, fate, facts) = answer(machine(true), &[BASIC.as_bytes(), unauthorized]);
    assert_eq!(fate, Fate::Failed(Cause::ProxyAuthRejected { scheme: AuthScheme::Basic }));
    assert_eq!(facts.get("status"), Some(&json!(401)));
    let unasked = Cause::ProxyStatus { status: 401, reason: "Unauthorized".into() };
    assert_eq!(answer(machine(true), &[unauthorized]).1, Fate::Failed(unasked));
}

#[test]
fn headers_of_the_challenge_are_not_those_of_the_tunnel() {
    let challenge =
        BASIC.replace("Content-Length", "X-Squid-Error: ERR_CACHE_ACCESS_DENIED 0\r\nContent-Length");
    let (_, fate, facts) = answer(machine(true), &[challenge.as_bytes(), OK.as_bytes()]);
    assert_eq!((fate, facts.get("squid_error")), (Fate::Open(vec![]), None));
}

#[test]
fn schemes_that_are_not_supported_are_listed() {
    let head = "HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate TlRMTVNTUAAC==\r\n\
                Proxy-Authenticate: Bearer realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
    let (_, fate, _) = answer(machine(true), &[head.as_bytes()]);
    let schemes = vec![AuthScheme::Ntlm, AuthScheme::Negotiate, AuthScheme::Other("Bearer".into())];
    assert_eq!(fate, Fate::Failed(Cause::ProxyAuthUnsupported { schemes }));
}

fn parameter(request: &str, name: &str) -> Option<String> {
    let line = request.lines().find(|line| line.starts_with("Proxy-Authorization: "))?;
    let at = line.find(&format!(" {name}="))? + name.len() + 2;
    let value = line[at..].split(',').next()?;
    Some(value.trim_matches('"').to_owned())
}

/// RFC 7616 section 3.4.1, computed here with the hash crates alone.
fn expected_response(request: &str, hash: fn(&str) -> String, realm: &str, nonce: &str) -> String {
    let cnonce = parameter(request, "cnonce").unwrap();
    let a1 = hash(&format!("user:{realm}:pass phrase"));
    let a2 = hash("CONNECT:turn.example:443");
    hash(&format!("{a1}:{nonce}:00000001:{cnonce}:auth:{a2}"))
}

fn md5(text: &str) -> String {
    use md5::{Digest, Md5};
    hex::encode(Md5::digest(text))
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(text))
}

#[test]
fn digest_is_answered_with_the_hash_that_was_asked_for() {
    for (algorithm, hash) in
        [("", md5 as fn(&str) -> String), (", algorithm=MD5", md5), (", algorithm=sha-256", sha256)]
    {
        let head =
            digest_407(&format!("realm=\"a \\\"b\\\", c\", nonce=\"n1\", qop=\"auth-int, auth\"{algorithm}"));
        let (requests, fate, facts) = answer(machine(true), &[head.as_bytes(), OK.as_bytes()]);
        assert_eq!(fate, Fate::Open(vec![]));
        let expected = expected_response(&requests[1], hash, "a \"b\", c", "n1");
        assert_eq!(parameter(&requests[1], "response"), Some(expected));
        assert_eq!(parameter(&requests[1], "uri"), Some("turn.example:443".into()));
        assert_eq!(facts.get("auth_scheme"), Some(&json!("Digest")));
    }
}

#[test]
fn the_strongest_offer_is_taken() {
    let md5 = "Digest realm=\"r\", nonce=\"m\", qop=\"auth\", algorithm=MD5";
    let sha = "Digest realm=\"r\", nonce=\"s\", qop=\"auth\", algorithm=SHA-256";
    let odd = "Digest realm=\"r\", nonce=\"o\", algorithm=WHIRLPOOL";
    for offers in [["Basic", md5, sha], [sha, md5, "Basic"], [odd, sha, md5]] {
        let head = format!(
            "HTTP/1.1 407 No\r\nProxy-Authenticate: {}\r\nContent-Length: 0\r\n\r\n",
            offers.join(", ")
        );
        let (requests, ..) = answer(machine(true), &[head.as_bytes()]);
        assert_eq!(parameter(&requests[1], "nonce"), Some("s".into()));
    }
}

#[test]
fn a_stale_nonce_is_replaced_and_a_wrong_password_is_not_tried_again() {
    let first = digest_407("realm=\"r\", nonce=\"n1\", qop=\"auth\"");
    let stale = digest_407("realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=TRUE");
    let (requests, fate, _) = answer(machine(true), &[first.as_bytes(), stale.as_bytes(), OK.as_bytes()]);
    assert_eq!(fate, Fate::Open(vec![]));
    assert_eq!(parameter(&requests[2], "nonce"), Some("n2".into()));

    let rejected = Fate::Failed(Cause::ProxyAuthRejected { scheme: AuthScheme::Digest });
    assert_eq!(answer(machine(true), &[first.as_bytes(), first.as_bytes()]).1, rejected);
    let forever: Vec<&[u8]> = vec![stale.as_bytes(); 9];
    let (requests, fate, _) = answer(machine(true), &forever);
    assert_eq!((requests.len(), fate), (4, rejected));
}

#[test]
fn libnice_sends_basic_unasked_and_knows_nothing_else() {
    let machine = || Connect::new(ask(Client::Gateway, true), IdSource::new(1));
    let (requests, fate, _) = answer(machine(), &[OK.as_bytes()]);
    assert!(requests[0].contains("Proxy-Authorization: Basic "));
    assert_eq!(fate, Fate::Open(vec![]));
    let digest = digest_407("realm=\"r\", nonce=\"n\"");
    let (_, fate, _) = answer(machine(), &[digest.as_bytes()]);
    assert_eq!(fate, Fate::Failed(Cause::ProxyAuthUnsupported { schemes: vec![AuthScheme::Digest] }));
    let (_, fate, _) = answer(machine(), &[BASIC.as_bytes()]);
    assert_eq!(fate, Fate::Failed(Cause::ProxyAuthRejected { scheme: AuthScheme::Basic }));
}
