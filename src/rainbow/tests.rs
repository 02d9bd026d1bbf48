#[cfg(feature = "lab")]
mod lab;

use super::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const PASSWORD: &str = "hunter2";
const TOKEN: &str = "eyJ0.token.x";

const HOME: &str = "/api/rainbow/multienvironments/v1.0/environments?loginEmail=me%40corp.example";
const LOGIN: &str = "/api/rainbow/authentication/v1.0/login";
const METHODS: &str = "/api/rainbow/authentication/v1.0/urls?uid=me%40corp.example";
const SERVERS: &str = "/api/rainbow/geolocation/v1.0/settings/iceservers?nbServers=2";
const POLICY: &str = "/api/rainbow/enduser/v1.0/settings/webrtc";
const LOGOUT: &str = "/api/rainbow/authentication/v1.0/logout";

/// A platform as a table: host and path to status line, extra headers and body.
#[derive(Clone, Default)]
struct Vendor {
    replies: BTreeMap<String, String>,
    seen: Arc<Mutex<Vec<String>>>,
    opened: Arc<Mutex<Vec<String>>>,
    /// Close each connection after one reply, without having said so.
    curt: bool,
    /// Accept and say nothing.
    silent: bool,
}

impl Vendor {
    /// A platform where everything works.
    fn working() -> Self {
        let servers = r#"{"ttl":3600,"data":[
            {"id":1,"dc":"rbx","urls":["turn:t1.example:3478","turns:t1.example:443?transport=tcp"],"username":"u","credential":"c"},
            {"id":2,"dc":"sbg","urls":["turn:t2.example:3478"],"username":"u","credential":"c"}]}"#;
        Self::default()
            .with(HOME, 200, r#"{"data":{"environmentApiUrl":"https://rainbow.example/"}}"#)
            .with(LOGIN, 200, &format!(r#"{{"token":"{TOKEN}","loggedInUser":{{}}}}"#))
            .with(SERVERS, 200, servers)
            .with(POLICY, 200, r#"{"data":{"negotiation":{"iceFiltering":["host","srflx","host","odd"]}}}"#)
            .with(LOGOUT, 200, "{}")
    }

    fn with(self, path: &str, status: u16, body: &str) -> Self {
        self.with_headers(path, status, "", body)
    }

    fn with_headers(mut self, path: &str, status: u16, headers: &str, body: &str) -> Self {
        let reply =
            format!("HTTP/1.1 {status} Word\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
        self.replies.insert(path.to_owned(), reply);
        self
    }

    fn paths(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("seen");
        seen.iter().map(|head| head.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
    }

    fn head(&self, path: &str) -> String {
        let seen = self.seen.lock().expect("seen");
        seen.iter().find(|head| head.contains(path)).cloned().unwrap_or_default()
    }

    async fn serve(self, mut stream: DuplexStream) {
        let mut pending = Vec::new();
        loop {
            while !pending.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => pending.push(byte),
                    Err(_) => return,
                }
            }
            if self.silent {
                std::future::pending::<()>().await;
            }
            let head = String::from_utf8_lossy(&std::mem::take(&mut pending)).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            self.seen.lock().expect("seen").push(head);
            let none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned();
            let reply = self.replies.get(&path).cloned().unwrap_or(none);
            if stream.write_all(reply.as_bytes()).await.is_err() || self.curt {
                return;
            }
        }
    }
}

impl Connect for Vendor {
    fn open<'a>(&'a self, host: &'a str, port: u16) -> Opening<'a> {
        Box::pin(async move {
            if host.starts_with("down") {
                return Err(io::Error::other("connection refused"));
            }
            self.opened.lock().expect("opened").push(format!("{host}:{port}"));
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            tokio::spawn(self.clone().serve(theirs));
            Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }
}

fn login(host: &str) -> RainbowLogin {
    RainbowLogin {
        host: host.to_owned(),
        login: "me@corp.example".to_owned(),
        password: Secret::new(PASSWORD),
        application: Some(("app".to_owned(), Secret::new("appsecret"))),
    }
}

async fn try_with(vendor: &Vendor) -> Result<SignedIn, SignInError> {
    let result = sign_in(vendor, &login("rainbow.example"), Some(2)).await;
    let shown = format!("{result:?} {}", result.as_ref().err().map(ToString::to_string).unwrap_or_default());
    for secret in [PASSWORD, TOKEN, "appsecret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(!shown.contains('\n') && shown.len() < 2000, "{shown}");
    result
}

async fn error_with(vendor: &Vendor) -> String {
    try_with(vendor).await.expect_err("must fail").to_string()
}

#[tokio::test]
async fn signing_in_gives_servers_policy_and_home_and_closes_the_session() {
    let vendor = Vendor::working();
    let signed_in = try_with(&vendor).await.expect("signed in");
    let urls: Vec<_> = signed_in.servers.iter().map(|server| server.uri.text.as_str()).collect();
    assert_eq!(urls, ["turn:t1.example:3478", "turns:t1.example:443?transport=tcp", "turn:t2.example:3478"]);
    assert_eq!(signed_in.ttl, Some(Duration::from_secs(3600)));
    assert_eq!(signed_in.data_centres, ["rbx", "sbg"]);
    assert_eq!(signed_in.ice_filtering, Some(vec![CandidateType::Host, CandidateType::Srflx]));
    assert_eq!(signed_in.environment, "rainbow.example");
    assert_eq!(vendor.paths(), [HOME, LOGIN, SERVERS, POLICY, LOGOUT]);
    assert_eq!(*vendor.opened.lock().expect("opened"), ["rainbow.example:443"], "one connection for all");
}

#[tokio::test]
async fn each_question_carries_what_the_interface_asks_for_and_no_more() {
    let vendor = Vendor::working();
    try_with(&vendor).await.expect("signed in");
    let head = vendor.head(LOGIN).to_lowercase();
    assert!(head.contains("host: rainbow.example\r\n"), "{head}");
    assert!(head.contains("x-rainbow-client: raincheck\r\n"), "{head}");
    assert!(
        head.contains(concat!("x-rainbow-client-version: ", env!("CARGO_PKG_VERSION"), "\r\n")),
        "{head}"
    );
    // printf me@corp.example:hunter2 | base64
    assert!(vendor.head(LOGIN).contains("Basic bWVAY29ycC5leGFtcGxlOmh1bnRlcjI="), "{head}");
    // printf app:$(printf appsecrethunter2 | sha256sum | cut -d' ' -f1) | base64
    assert!(vendor.head(LOGIN).contains("Basic YXBwOjhjNzQ4ZmI0YWU5ODBkYjEzYzA0NWRjM2E3Mzg3NTBjODc5MDliNmJlYzI2YTRlMWM3NzU2MDc3YzZjZTZhNjg="), "{head}");
    assert!(!vendor.head(HOME).to_lowercase().contains("auth"));
    for path in [SERVERS, POLICY, LOGOUT] {
        let head = vendor.head(path);
        assert!(
            head.contains(&format!("Bearer {TOKEN}")) && !head.to_lowercase().contains("app-auth"),
            "{head}"
        );
    }
}

#[tokio::test]
async fn the_home_platform_is_used_when_it_is_another() {
    for (reply, expected) in [
        (
            r#"{"data":[{"environmentApiUrl":"https://eu.rainbow.example:8443/api"}]}"#,
            "eu.rainbow.example:8443",
        ),
        (r#"{"environmentApiUrl":"eu.rainbow.example"}"#, "eu.rainbow.example"),
        (r#"{"data":{}}"#, "rainbow.example"),
    ] {
        let signed_in = try_with(&Vendor::working().with(HOME, 200, reply)).await.expect("signed in");
        assert_eq!(signed_in.environment, expected, "{reply}");
    }
    let plain = Vendor::working().with(HOME, 200, r#"{"environmentApiUrl":"http://rainbow.example"}"#);
    assert_eq!(try_with(&plain).await, Err(SignInError::HomePlatform));
    let alone = Vendor::working().with(HOME, 404, "<html>");
    assert!(try_with(&alone).await.is_ok(), "a platform without that interface is its own home");
}

#[tokio::test]
async fn all_servers_are_asked_for_when_all_are_wanted() {
    let path = SERVERS.replace("=2", "=64");
    let vendor = Vendor::working().with(&path, 200, r#"{"data":[{"urls":"turn:t1.example"}]}"#);
    let signed_in = sign_in(&vendor, &login("rainbow.example"), None).await.expect("signed in");
    assert_eq!((signed_in.servers.len(), signed_in.ttl), (1, None));
}

#[tokio::test]
async fn a_refused_login_is_told_from_an_account_without_a_password() {
    let refusal = r#"{"errorCode":401,"errorMsg":"Unauthorized","errorDetailsCode":401500,"errorDetails":"Unknown user\nor wrong password"}"#;
    let refused = Vendor::working().with(LOGIN, 401, refusal);
    assert_eq!(
        error_with(&refused).await,
        "the platform refused the login \"me@corp.example\" with this password (Unknown user or wrong password)"
    );
    assert_eq!(refused.paths(), [HOME, LOGIN, METHODS]);
    assert!(!refused.head(METHODS).contains("Basic"), "the password is sent once");

    let saml = refused.clone().with(METHODS, 200, r#"{"data":[{"type":"SAML","loginUrl":"https://idp"}]}"#);
    assert!(matches!(try_with(&saml).await, Err(SignInError::Sso { .. })));
    let both = refused.clone().with(METHODS, 200, r#"{"data":[{"type":"OIDC"},{"type":"RAINBOW"}]}"#);
    assert!(matches!(try_with(&both).await, Err(SignInError::Password { .. })));

    let application =
        Vendor::working().with(LOGIN, 403, r#"{"errorDetails":"x-rainbow-app-auth header missing"}"#);
    let mut without = login("rainbow.example");
    without.application = None;
    assert_eq!(sign_in(&application, &without, Some(2)).await, Err(SignInError::Application));
    assert!(!application.head(LOGIN).contains("app-auth"));
}

#[tokio::test]
async fn a_web_page_or_garbage_is_told_from_a_platform() {
    for status in [200, 401, 403, 511] {
        let portal = Vendor::working().with(LOGIN, status, "\n<!DOCTYPE html><title>Welcome</title>");
        let expected =
            SignInError::WebPage { host: "rainbow.example".into(), question: Question::Login, status };
        assert_eq!(try_with(&portal).await, Err(expected));
    }
    let garbage = Vendor::working().with(SERVERS, 200, "hello");
    assert!(matches!(
        try_with(&garbage).await,
        Err(SignInError::NotJson { question: Question::Servers, .. })
    ));
    assert_eq!(
        garbage.paths().last().map(String::as_str),
        Some(LOGOUT),
        "the session is closed all the same"
    );
    let busy = Vendor::working().with(SERVERS, 503, r#"{"errorMsg":"busy"}"#);
    assert_eq!(error_with(&busy).await, "rainbow.example refused the ICE server list: HTTP 503 (busy)");
    let tokenless = Vendor::working().with(LOGIN, 200, r#"{"token":"a b"}"#);
    assert_eq!(error_with(&tokenless).await, "the platform's answer to the login has no token");
}

#[tokio::test]
async fn no_servers_and_servers_that_cannot_be_read_are_told_apart() {
    let none = Vendor::working().with(SERVERS, 200, r#"{"ttl":60,"data":[]}"#);
    assert_eq!(try_with(&none).await, Err(SignInError::NoServers));
    let wrong = Vendor::working().with(SERVERS, 200, r#"{"data":[{"urls":["turn://t1"]}]}"#);
    let text = error_with(&wrong).await;
    assert!(text.contains("data[0].urls[0]"), "{text}");
}

#[tokio::test]
async fn a_policy_that_is_not_configured_or_not_told_fails_nothing() {
    for (status, body, expected) in [
        (400, r#"{"errorCode":400,"errorDetailsCode":400100}"#, Some(Vec::new())),
        (400, r#"{"errorDetailsCode":"400100"}"#, Some(Vec::new())),
        (200, r#"{"data":{"negotiation":{}}}"#, Some(Vec::new())),
        (200, r#"{"data":{"negotiation":{"iceFiltering":["relay"]}}}"#, Some(vec![CandidateType::Relay])),
        (200, r#"{"data":{"negotiation":{"iceFiltering":"relay"}}}"#, None),
        (200, "[]", None),
        (500, "{}", None),
        (403, "<html>", None),
    ] {
        let signed_in = try_with(&Vendor::working().with(POLICY, status, body)).await.expect("signed in");
        assert_eq!(signed_in.ice_filtering, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn redirects_are_followed_within_the_host_only() {
    let moved = |to: &str| Vendor::working().with_headers(SERVERS, 307, &format!("Location: {to}\r\n"), "");
    let new = "/new?nbServers=2";
    for to in
        [new.to_owned(), format!("https://rainbow.example{new}"), format!("https://RAINBOW.example:443{new}")]
    {
        let vendor = moved(&to).with(new, 200, r#"{"data":[{"urls":"turn:t1.example"}]}"#);
        assert_eq!(try_with(&vendor).await.map(|signed_in| signed_in.servers.len()), Ok(1), "{to}");
    }
    for to in [
        "https://evil.example/x?token=1",
        "//evil.example/x",
        "http://rainbow.example/new",
        "https://rainbow.example:8443/new",
        "%%",
    ] {
        let vendor = moved(to);
        let text = error_with(&vendor).await;
        assert!(text.contains("sends the ICE server list elsewhere"), "{text}");
        assert!(!text.contains("token"), "{text}");
        assert!(vendor.opened.lock().expect("opened").iter().all(|host| host == "rainbow.example:443"));
    }
    let text = error_with(&moved(SERVERS)).await;
    assert!(text.contains("too many redirects"), "{text}");
}

#[tokio::test]
async fn a_reply_is_bounded() {
    let vendor = Vendor::working().with(SERVERS, 200, &" ".repeat(http::MAX_REPLY + 1));
    assert!(matches!(
        try_with(&vendor).await,
        Err(SignInError::TooLarge { question: Question::Servers, .. })
    ));
    let header = format!("X: {}\r\n", "y".repeat(100_000));
    let vendor = Vendor::working().with_headers(SERVERS, 200, &header, "{}");
    assert!(matches!(try_with(&vendor).await, Err(SignInError::Broken { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_stays_silent_is_given_ten_seconds() {
    let began = tokio::time::Instant::now();
    let vendor = Vendor { silent: true, ..Vendor::working() };
    assert_eq!(
        error_with(&vendor).await,
        "rainbow.example did not answer the home platform lookup within 10 s"
    );
    assert_eq!(began.elapsed(), QUESTION_TIMEOUT);
}

#[tokio::test]
async fn a_connection_that_fails_or_closes_is_dealt_with() {
    let vendor = Vendor::working();
    let result = sign_in(&vendor, &login("down.example:8443"), Some(2)).await;
    assert_eq!(
        result.map_err(|error| error.to_string()),
        Err("cannot connect to down.example:8443 for the home platform lookup: connection refused".into())
    );
    let curt = Vendor { curt: true, ..Vendor::working() };
    assert!(try_with(&curt).await.is_ok(), "a connection that was closed is opened again");
    assert_eq!(curt.opened.lock().expect("opened").len(), 5);
    let bad = sign_in(&vendor, &login("bad host"), None).await;
    assert_eq!(bad, Err(SignInError::Host("bad host".into())));
}
