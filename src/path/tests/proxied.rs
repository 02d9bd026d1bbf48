//! Streams through proxies on loopback.

use super::authority::Authority;
use super::open::{context, serve, target};
use super::*;
use crate::path::open::{ByteStream, Opened, open_stream};
use crate::path::tunnel::drive;
use crate::settings::ProxyServer;
use raincheck_probes::evidence::{FirstBytes, SkipReason};
use raincheck_probes::ice::stack::{Client, Profile};
use raincheck_probes::machine::IdSource;
use raincheck_probes::secret::Secret;
use raincheck_probes::server::Credentials;
use raincheck_probes::tunnel::{Ask, AuthScheme, Connect, End, Form};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

const OK: &[u8] = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 lab\r\n\r\n";
const DIGEST: &[u8] = b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=\"r\"\r\nProxy-Authenticate: Digest \
                        realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256\r\nConnection: close\r\n\r\n";
const BASIC: &[u8] =
    b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=\"r\"\r\nContent-Length: 5\r\n\r\nsorry";

fn proxy(port: u16, credentials: bool) -> ProxyServer {
    ProxyServer {
        tls: false,
        host: "proxy.example".into(),
        port,
        credentials: credentials
            .then(|| Credentials { username: "user".into(), password: Secret::new("secret") }),
        except: vec![],
    }
}

type Requests = Arc<Mutex<Vec<String>>>;

/// A proxy that gives each connection its answers, one to each request, and closes after the last; when that opens
/// the tunnel it echoes.
async fn scripted<const N: usize>(answers: [&[&'static [u8]]; N]) -> (u16, Requests) {
    let answers = answers.map(<[_]>::to_vec);
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let port = serve(move |number, mut stream| {
        let (seen, answers) = (Arc::clone(&seen), answers[number].clone());
        async move {
            for answer in answers {
                let head = read_head(&mut stream).await;
                seen.lock().unwrap().push(head);
                stream.write_all(answer).await.unwrap();
            }
            let (mut read, mut write) = stream.split();
            let _ = tokio::io::copy(&mut read, &mut write).await;
        }
    })
    .await;
    (port, requests)
}

async fn read_head(stream: &mut (impl ByteStream + ?Sized)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn through(log: &PathLog, proxy: ProxyServer) -> Option<Opened> {
    let ctx = context(log, Client::Chromium, &["proxy.example"], vec![]);
    open_stream(&ctx, &target("turn.example", 443, false, Some(proxy)), log).await
}

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_and_the_server_is_named_not_resolved() {
    let log = open_log();
    let (port, requests) = scripted([&[OK]]).await;
    let mut opened = through(&log, proxy(port, false)).await.unwrap();
    opened.stream.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    opened.stream.read_exact(&mut back).await.unwrap();
    assert_eq!((&back, opened.server), (b"ping", None));
    assert!(requests.lock().unwrap()[0].starts_with("CONNECT turn.example:443 HTTP/1.1\r\n"));
    assert_eq!(story(&log), ["Resolve passed", "Connect passed", "Tunnel passed"]);
    let tunnel = step(&log, Stage::Tunnel);
    assert_eq!(tunnel.address.map(|address| address.port()), Some(port));
    assert_eq!(tunnel.facts.get("via"), Some(&json!("1.1 lab")));
    assert_eq!(step(&log, Stage::Resolve).facts.get("names"), Some(&json!(["proxy.example"])));
}

#[tokio::test]
async fn bytes_that_come_with_the_answer_are_handed_on() {
    let log = open_log();
    let (port, _) = scripted([&[b"HTTP/1.0 200 OK\r\n\r\nearly"]]).await;
    assert_eq!(through(&log, proxy(port, false)).await.unwrap().early, b"early");
}

#[tokio::test]
async fn a_gateway_resolves_the_server_itself() {
    let log = open_log();
    let (port, requests) = scripted([&[OK]]).await;
    let ctx = context(&log, Client::Gateway, &["proxy.example", "turn.example"], vec![]);
    let target = target("turn.example", 80, false, Some(proxy(port, false)));
    let opened = open_stream(&ctx, &target, &log).await.unwrap();
    assert!(requests.lock().unwrap()[0].starts_with("CONNECT 127.0.0.1:80 HTTP/1.0\r\n"));
    assert_eq!(opened.server, Some(address("127.0.0.1:80")));
    assert_eq!(
        step(&log, Stage::Resolve).facts.get("names"),
        Some(&json!(["proxy.example", "turn.example"]))
    );
}

#[tokio::test]
async fn basic_is_answered_on_the_same_connection() {
    let log = open_log();
    let (port, requests) = scripted([&[BASIC, OK]]).await;
    assert!(through(&log, proxy(port, true)).await.is_some());
    assert!(requests.lock().unwrap()[1].contains("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
    assert_eq!(story(&log), ["Resolve passed", "Connect passed", "Tunnel passed"]);
    let shown = serde_json::to_string(&log.path()).unwrap();
    assert!(!shown.contains("secret") && !shown.contains("dXNlcj"), "{shown}");
}

#[tokio::test]
async fn digest_is_answered_on_a_new_connection_where_the_proxy_closes() {
    let log = open_log();
    let (port, requests) = scripted([&[DIGEST], &[OK]]).await;
    assert!(through(&log, proxy(port, true)).await.is_some());
    let request = requests.lock().unwrap()[1].clone();
    assert!(request.contains("Proxy-Authorization: Digest username=\"user\""), "{request}");
    assert_eq!(story(&log), ["Resolve passed", "Connect passed", "Tunnel passed", "Connect passed"]);
    assert_eq!(step(&log, Stage::Tunnel).facts.get("reconnects"), Some(&json!(1)));
}

#[tokio::test]
async fn what_a_proxy_refuses_is_the_cause() {
    let forbidden = Cause::ProxyStatus { status: 403, reason: "Forbidden".into() };
    let not_http = Cause::ProxyNotHttp { first_bytes: FirstBytes::of(b"SSH-2.0-x\r\n") };
    for (answer, expected) in [
        (&b"HTTP/1.1 403 Forbidden\r\n\r\n"[..], forbidden),
        (BASIC, Cause::ProxyAuthRequired { schemes: vec![AuthScheme::Basic] }),
        (b"SSH-2.0-x\r\n", not_http),
    ] {
        let log = open_log();
        let (port, _) = scripted([&[answer]]).await;
        assert!(through(&log, proxy(port, false)).await.is_none());
        assert_eq!(cause(&log, Stage::Tunnel), expected);
    }
    let log = open_log();
    let (port, _) = scripted([&[BASIC, BASIC]]).await;
    assert!(through(&log, proxy(port, true)).await.is_none());
    assert_eq!(cause(&log, Stage::Tunnel), Cause::ProxyAuthRejected { scheme: AuthScheme::Basic });
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_a_connection_that_failed() {
    let log = open_log();
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let ctx = context(&log, Client::Chromium, &["proxy.example"], vec![]);
    let target = target("turn.example", 443, true, Some(proxy(port, false)));
    assert!(open_stream(&ctx, &target, &log).await.is_none());
    let skipped = Outcome::Skipped(SkipReason::EarlierStageFailed);
    assert_eq!(cause(&log, Stage::Connect), Cause::Refused);
    assert_eq!(
        (step(&log, Stage::Tunnel).outcome, step(&log, Stage::Tls).outcome),
        (skipped.clone(), skipped)
    );
}

#[tokio::test]
async fn tls_goes_end_to_end_through_a_proxy_that_is_itself_spoken_to_over_tls() {
    let authority = Authority::new("Lab Root");
    let to_proxy = authority.identity(&["proxy.example"], (2020, 2099)).acceptor(&[]);
    let to_server = authority.identity(&["turn.example"], (2020, 2099)).acceptor(&[]);
    let port = serve(move |_, stream| {
        let (to_proxy, to_server) = (to_proxy.clone(), to_server.clone());
        async move {
            let Ok(mut tunnel) = to_proxy.accept(stream).await else { return };
            read_head(&mut tunnel).await;
            tunnel.write_all(OK).await.unwrap();
            to_server.accept(tunnel).await.unwrap().write_all(b"deep").await.unwrap();
        }
    })
    .await;
    let over_tls = || Some(ProxyServer { tls: true, ..proxy(port, true) });
    let log = open_log();
    let ctx = context(&log, Client::Chromium, &["proxy.example"], vec![authority.root()]);
    let mut opened = open_stream(&ctx, &target("turn.example", 443, true, over_tls()), &log).await.unwrap();
    let mut text = [0; 4];
    opened.stream.read_exact(&mut text).await.unwrap();
    assert_eq!((&text, opened.trusted), (b"deep", true));
    assert_eq!(story(&log), ["Resolve passed", "Connect passed", "Tunnel passed", "Tls passed"]);
    assert_eq!(step(&log, Stage::Tunnel).facts.get("proxy_tls").unwrap()["trusted"], json!(true));

    let log = open_log();
    let ctx = context(&log, Client::Chromium, &["proxy.example"], vec![]);
    assert!(open_stream(&ctx, &target("turn.example", 443, true, over_tls()), &log).await.is_none());
    assert_eq!(cause(&log, Stage::Tunnel), Cause::TlsUntrusted { issuer: "CN=Lab Root,O=Lab\\, Inc".into() });
    assert_eq!(step(&log, Stage::Tls).outcome, Outcome::Skipped(SkipReason::EarlierStageFailed));
}

/// Drives a handshake with a proxy that sends these bytes, then stays or closes. Gives the cause and the time it took.
async fn driven(bytes: &'static [u8], closes: bool) -> (Cause, f64) {
    let (mut ours, mut theirs) = duplex(4096);
    tokio::spawn(async move {
        read_head(&mut theirs).await;
        theirs.write_all(bytes).await.unwrap();
        if !closes {
            pending::<()>().await;
        }
    });
    let ask = Ask {
        host: "turn.example".into(),
        port: 443,
        credentials: None,
        form: Form::of(&Profile { client: Client::Chromium, version: None }),
        within: Duration::from_secs(6),
    };
    let clock = Clock::start();
    let ended = drive(&mut Connect::new(ask, IdSource::new(1)), &mut ours, clock).await;
    let End::Failed(cause) = ended.end else { panic!("the tunnel opened") };
    (cause, clock.now().as_ms())
}

#[tokio::test(start_paused = true)]
async fn a_silent_proxy_is_given_up_after_six_seconds() {
    assert_eq!(driven(b"", false).await, (Cause::TunnelTimeout { waited_ms: 6000 }, 6000.0));
    assert_eq!(
        driven(b"HTTP/1.1 200 OK\r\n", false).await,
        (Cause::TunnelTimeout { waited_ms: 6000 }, 6000.0)
    );
}

#[tokio::test(start_paused = true)]
async fn half_a_head_and_a_close_is_a_close() {
    assert_eq!(driven(b"HTTP/1.1 200 OK\r\n", true).await, (Cause::Closed { received: 17 }, 0.0));
}

#[tokio::test(start_paused = true)]
async fn garbage_is_given_a_moment_to_show_itself() {
    let cause = Cause::ProxyNotHttp { first_bytes: FirstBytes::of(b"220 smtp") };
    assert_eq!(driven(b"220 smtp", false).await, (cause, 200.0));
}

#[tokio::test]
async fn a_reset_by_the_proxy_is_told_from_a_close() {
    let log = open_log();
    let port = serve(|_, mut stream| async move {
        read_head(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    assert!(through(&log, proxy(port, false)).await.is_none());
    assert_eq!(cause(&log, Stage::Tunnel), Cause::Reset { received: 0 });
}
