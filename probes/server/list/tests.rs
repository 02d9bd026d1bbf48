use super::*;
use crate::machine::IdSource;

const USER: &str = "1700000000:alice";

fn read(text: &str) -> ServerList {
    ServerList::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn urls(list: &ServerList) -> Vec<&str> {
    list.servers.iter().map(|server| server.uri.text.as_str()).collect()
}

fn error(text: &str) -> String {
    ServerList::parse(text.as_bytes()).map(|_| ()).expect_err(text).to_string()
}

#[test]
fn every_shape_gives_the_same_server() {
    let server = format!(r#"{{"urls": ["turn:a.example"], "username": "{USER}", "credential": "s3cret"}}"#);
    let shapes = [
        server.clone(),
        format!("[{server}]"),
        format!(r#"{{"iceServers": [{server}]}}"#),
        format!(r#"{{"iceServers": {server}}}"#),
        format!(r#"{{"data": [{server}]}}"#),
        format!(r#"{{"data": {{"iceServers": [{server}]}}}}"#),
        format!("\u{feff}[{server}]"),
        server.replace(r#"["turn:a.example"]"#, r#""turn:a.example""#),
        server.replace("urls", "url"),
        server.replace("{", r#"{"credentialType": "password", "x": {"y": [1, 2.5, true, null]}, "#),
    ];
    let expected = Credentials { username: USER.into(), password: Secret::new("s3cret") };
    for shape in shapes {
        let list = read(&shape);
        assert_eq!(urls(&list), ["turn:a.example"], "{shape}");
        assert_eq!(list.servers[0].credentials.as_ref(), Some(&expected), "{shape}");
    }
}

#[test]
fn the_vendors_reply_is_read_with_ttl_and_data_centres() {
    let list = read(
        r#"{"ttl": 3600, "data": [
            {"id": 1, "dc": "rbx", "urls": ["turn:t1.example:3478", "turns:t1.example:443?transport=tcp"],
             "username": "u", "credential": "c"},
            {"id": 2, "dc": "sbg", "urls": "turn:t2.example:80?transport=tcp", "username": "u2", "credential": "c2"},
            {"id": 3, "dc": "rbx", "urls": "stun:t3.example", "username": "u3", "credential": "c3"}]}"#,
    );
    assert_eq!(list.ttl, Some(Duration::from_secs(3600)));
    assert_eq!(list.data_centres, ["rbx", "sbg"]);
    assert_eq!(urls(&list)[1..3], ["turns:t1.example:443?transport=tcp", "turn:t2.example:80?transport=tcp"]);
    let users: Vec<_> =
        list.servers.iter().map(|s| s.credentials.as_ref().map(|c| c.username.as_str())).collect();
    assert_eq!(users, [Some("u"), Some("u"), Some("u2"), None], "a STUN server asks for no credentials");
}

#[test]
fn a_time_to_live_may_be_a_number_or_a_text_and_nonsense_is_unknown() {
    let ttl = |value: &str| read(&format!(r#"{{"ttl": {value}, "data": [{{"urls": "stun:a"}}]}}"#)).ttl;
    assert_eq!(ttl("60"), Some(Duration::from_secs(60)));
    assert_eq!(ttl(r#""60""#), Some(Duration::from_secs(60)));
    assert_eq!(ttl(r#""86400s""#), Some(Duration::from_secs(86400)));
    for nonsense in ["-1", "1e300", "null", r#""soon""#, r#""NaN""#, r#""inf""#, "[]"] {
        assert_eq!(ttl(nonsense), None, "{nonsense}");
    }
}

#[test]
fn null_and_empty_credentials_are_none() {
    for rest in [r#""username": null"#, r#""username": "", "credential": """#] {
        let list = read(&format!(r#"[{{"urls": "turn:a", {rest}}}]"#));
        assert_eq!(list.servers[0].credentials, None);
    }
}

#[test]
fn each_error_says_where() {
    let cases = [
        ("", "it is empty; it should hold an array of RTCIceServer objects"),
        (" \n", "it is empty; it should hold an array of RTCIceServer objects"),
        ("[\n  {,", "line 2, column 4: not JSON (key must be a string)"),
        ("[", "line 1, column 1: not JSON (EOF while parsing a list)"),
        ("[] x", "line 1, column 4: not JSON (trailing characters)"),
        ("[]", "the document: the list is empty"),
        ("5", "the document: expected an array of servers or an object, found a number"),
        (r#""turn:a""#, "the document: expected an array of servers or an object, found a text"),
        ("{}", "the document: no urls, iceServers or data in this object"),
        (r#"{"iceServers": null}"#, "iceServers: expected an array of servers or an object, found null"),
        (r#"{"iceServers": []}"#, "iceServers: the list is empty"),
        (r#"{"data": {"data": {"data": []}}}"#, "data.data.data: the list is empty"),
        (r#"["turn:a"]"#, "[0]: expected a server object, found a text"),
        (r#"[{"urls": "turn:a"}, {}]"#, "[1]: no urls in this server"),
        (r#"[{"urls": []}]"#, "[0].urls: the list is empty"),
        (r#"[{"urls": 5}]"#, "[0].urls: expected a URL text or an array of them, found a number"),
        (r#"{"data": [{"url": [true]}]}"#, "data[0].url[0]: expected a URL text, found true or false"),
        (
            r#"{"iceServers": [{"urls": ["turn:a", "turn:a:99999"]}]}"#,
            r#"iceServers[0].urls[1]: the port "99999" is not a number from 1 to 65535"#,
        ),
        (r#"[{"urls": "turn:a", "username": 5}]"#, "[0].username: expected a text, found a number"),
        (r#"[{"urls": "turn:a", "username": "u"}]"#, "[0]: there is a username but no credential"),
        (r#"[{"urls": "turn:a", "credential": "c"}]"#, "[0]: there is a credential but no username"),
        (
            r#"[{"urls": "turn:a", "username": "u", "credential": "c", "credentialType": "oauth"}]"#,
            "[0].credentialType: the credential type oauth is not supported, only password is",
        ),
        (
            r#"[{"urls": "turn:a", "username": "u", "credential": {"macKey": "k"}}]"#,
            "[0].credential: the credential type oauth is not supported, only password is",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn size_count_and_depth_are_bounded() {
    assert_eq!(ServerList::parse(&vec![b' '; MAX_LIST_BYTES + 1]), Err(ListError::TooLarge));
    let many = |servers: usize, urls: usize| {
        let server = format!(r#"{{"urls": [{}]}}"#, vec![r#""stun:a""#; urls].join(","));
        format!("[{}]", vec![server; servers].join(","))
    };
    assert_eq!(read(&many(MAX_SERVERS, 4)).servers.len(), MAX_URIS);
    assert_eq!(error(&many(MAX_SERVERS + 1, 1)), "the document: more than 64 servers");
    assert_eq!(error(&many(2, 129)), "[1].urls[127]: more than 256 server URLs");
    assert!(error(&"[".repeat(100_000)).contains("recursion limit"));
}

#[test]
fn no_error_repeats_a_credential() {
    let secret = "hunter2";
    for text in [
        r#"[{"urls": "turn:a", "credential": "hunter2"}]"#,
        r#"[{"urls": "turn:a", "username": 1, "credential": "hunter2"}]"#,
        r#"[{"urls": "turn:u:hunter2@a", "username": "u", "credential": "hunter2"}]"#,
        r#"[{"urls": "turn:a", "username": "u", "credential": "hunter2}]"#,
        r#"[{"urls": "turn:a", "username": "u", "credential": hunter2}]"#,
    ] {
        assert!(!error(text).contains(secret), "{text}");
    }
    let list = read(r#"[{"urls": "turn:a", "username": "u", "credential": "hunter2"}]"#);
    assert!(!format!("{list:?}").contains(secret));
}

/// How many mutated inputs to try, from `RAINCHECK_MUTATIONS`.
fn mutations() -> usize {
    std::env::var("RAINCHECK_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000)
}

/// Changes some bytes: flips, deletions, insertions of bytes that mean something here, copies of a stretch.
fn mutate(seed: &[u8], ids: &mut IdSource) -> Vec<u8> {
    const TOKENS: &[&[u8]] = &[
        b"\"",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b"\\u0000",
        b"\xff",
        b"turn:",
        b"@",
        b"?transport=",
        b"//",
        b"[::",
        b"99999",
        b"-",
        b"null",
        b"1e999",
        b"urls",
        b"%",
        b"\xc3\xa9",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..1 + ids.next_u64() % 6 {
        let at = (ids.next_u64() as usize) % (bytes.len() + 1);
        match ids.next_u64() % 5 {
            0 if at < bytes.len() => bytes[at] ^= 1 << (ids.next_u64() % 8),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => {
                let stretch: Vec<u8> = bytes[at..].iter().copied().take(20).collect();
                bytes.splice(at..at, stretch);
            }
            _ => {
                let token = TOKENS[(ids.next_u64() as usize) % TOKENS.len()];
                bytes.splice(at..at, token.iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn mutated_documents_and_uris_never_panic_and_never_grow_an_error() {
    let documents: &[&str] = &[
        r#"{"ttl":3600,"data":[{"id":1,"dc":"rbx","urls":["turn:t1.example:3478?transport=udp"],"username":"u","credential":"c"}]}"#,
        r#"[{"url":"stun:[2001:db8::1]:3478"},{"urls":"turns:a.example","username":"u","credential":"c","credentialType":"password"}]"#,
        r#"{"iceServers":{"urls":["turn:192.0.2.1"],"username":null}}"#,
    ];
    let uris: &[&str] = &[
        "turns:[2001:db8::1]:443?transport=tcp",
        "turn:turn.example.org:80?transport=udp",
        "stun:192.0.2.1",
    ];
    let mut ids = IdSource::new(7);
    let (mut read, mut refused) = (0_usize, 0_usize);
    for n in 0..mutations() {
        let document = mutate(documents[n % documents.len()].as_bytes(), &mut ids);
        match ServerList::parse(&document) {
            Ok(list) => {
                read += 1;
                assert!(!list.servers.is_empty() && list.servers.len() <= MAX_URIS);
            }
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                assert!(text.len() < 400 && !text.contains('\n'), "{text}");
            }
        }
        let uri = mutate(uris[n % uris.len()].as_bytes(), &mut ids);
        if let Ok(uri) = std::str::from_utf8(&uri) {
            match IceUri::parse(uri) {
                Ok(parsed) => assert_eq!(IceUri::parse(&parsed.text), Ok(parsed)),
                Err(error) => assert!(error.to_string().len() < 400 && !error.to_string().contains('\n')),
            }
        }
    }
    assert!(read > 0 && refused > 0, "the mutations reach both ends: {read} read, {refused} refused");
}
