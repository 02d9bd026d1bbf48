//! Streams straight to a server on loopback.

use super::authority::Authority;
use super::*;
use crate::path::dial::SystemDial;
use crate::path::open::{Bounds, PathContext, Target, open_stream};
use crate::path::resolve::{RESOLVE_WITHIN, Resolver};
use crate::path::tls::Trust;
use crate::settings::{Families, ProxyServer};
use raincheck_probes::ice::stack::{Client, Profile};
use raincheck_probes::machine::IdSource;
use raincheck_probes::server::Host;
use raincheck_probes::tunnel::Form;
use rustls::pki_types::CertificateDer;
use std::future::Future;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A context on the real network in which every name given is on loopback.
pub(super) fn context(
    log: &PathLog,
    client: Client,
    names: &[&str],
    roots: Vec<CertificateDer<'static>>,
) -> PathContext {
    let dial: Arc<dyn Dial> = Arc::new(SystemDial {
        families: Families { v4: true, v6: false },
        source_v4: None,
        source_v6: None,
        pins: names.iter().map(|name| ((*name).to_owned(), [127, 0, 0, 1].into())).collect(),
    });
    PathContext {
        resolver: Resolver::new(Arc::clone(&dial), log.clock(), RESOLVE_WITHIN),
        dial,
        trust: Trust::load(roots),
        form: Form::of(&Profile { client, version: None }),
        alpn: vec![],
        bounds: Bounds::default(),
        ids: Arc::new(Mutex::new(IdSource::new(1))),
    }
}

pub(super) fn target(host: &str, port: u16, tls: bool, proxy: Option<ProxyServer>) -> Target {
    let host = host.parse().map_or_else(|_| Host::Name(host.to_owned()), Host::Ip);
    Target { host, port, tls, proxy, from: None }
}

/// A server on loopback that hands each connection, with its number, to the handler.
pub(super) async fn serve<F: Future<Output = ()> + Send + 'static>(
    mut handler: impl FnMut(usize, TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(handler(number, stream));
        }
    });
    port
}

async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_plain_stream_leaves_a_step_for_each_layer() {
    let log = open_log();
    let port = serve(|_, mut stream| async move { stream.write_all(b"hi").await.unwrap() }).await;
    let ctx = context(&log, Client::Chromium, &["turn.example"], vec![]);
    let mut opened = open_stream(&ctx, &target("turn.example", port, false, None), &log).await.unwrap();
    let mut text = String::new();
    opened.stream.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), opened.trusted, opened.early.len()), ("hi", true, 0));
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!((opened.server, log.path().unwrap().address), (Some(at), Some(at)));
    assert!(opened.local.ip().is_loopback());
    assert_eq!(story(&log), ["Resolve passed", "Connect passed"]);
}

#[tokio::test]
async fn what_comes_after_a_failed_layer_is_skipped() {
    let log = open_log();
    let ctx = context(&log, Client::Chromium, &["turn.example"], vec![]);
    let refused = target("turn.example", closed_port().await, true, None);
    assert!(open_stream(&ctx, &refused, &log).await.is_none());
    assert_eq!(story(&log), ["Resolve passed", "Connect refused", "Tls skipped EarlierStageFailed"]);

    let log = open_log();
    let dial = Arc::new(FakeDial::new(log.clock(), |_| Meets::Silence));
    let ctx = PathContext {
        resolver: Resolver::new(Arc::clone(&dial) as Arc<dyn Dial>, log.clock(), RESOLVE_WITHIN),
        dial,
        ..ctx
    };
    assert!(open_stream(&ctx, &target("gone.example", 80, false, None), &log).await.is_none());
    assert_eq!(story(&log), ["Resolve name-not-found", "Connect skipped EarlierStageFailed"]);
}

#[tokio::test]
async fn an_address_needs_no_resolver() {
    let log = open_log();
    let ctx = context(&log, Client::Chromium, &[], vec![]);
    let port = serve(|_, _| async {}).await;
    assert!(open_stream(&ctx, &target("127.0.0.1", port, false, None), &log).await.is_some());
    assert_eq!(story(&log), ["Connect passed"]);
}

#[tokio::test]
async fn a_trusted_tls_stream_is_open_for_credentials() {
    let log = open_log();
    let authority = Authority::new("Lab Root");
    let acceptor = authority.identity(&["turn.example"], (2020, 2099)).acceptor(&[]);
    let port = serve(move |_, stream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(stream).await.unwrap().write_all(b"hi").await.unwrap() }
    })
    .await;
    let ctx = context(&log, Client::Chromium, &["turn.example"], vec![authority.root()]);
    let mut opened = open_stream(&ctx, &target("turn.example", port, true, None), &log).await.unwrap();
    assert!(opened.trusted);
    let mut text = [0; 2];
    opened.stream.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"hi");
    assert_eq!(story(&log), ["Resolve passed", "Connect passed", "Tls passed"]);
    assert_eq!(log.path().unwrap().tls.unwrap().chain.len(), 2);
}

#[tokio::test]
async fn an_untrusted_tls_stream_fails_its_step_and_is_marked() {
    let log = open_log();
    let acceptor = Authority::new("Inspection CA").identity(&["turn.example"], (2020, 2099)).acceptor(&[]);
    let port = serve(move |_, stream| {
        let acceptor = acceptor.clone();
        async move { drop(acceptor.accept(stream).await) }
    })
    .await;
    let ctx = context(&log, Client::Chromium, &["turn.example"], vec![]);
    let opened = open_stream(&ctx, &target("turn.example", port, true, None), &log).await.unwrap();
    assert!(!opened.trusted);
    assert_eq!(story(&log), ["Resolve passed", "Connect passed", "Tls tls-untrusted"]);
    assert_eq!(log.path().unwrap().tls.unwrap().trusted, Some(false));
}

#[tokio::test]
async fn a_reset_in_the_handshake_is_told_from_a_close() {
    let log = open_log();
    let port = serve(|_, mut stream| async move {
        stream.read_exact(&mut [0; 8]).await.unwrap();
        stream.set_zero_linger().unwrap();
    })
    .await;
    let ctx = context(&log, Client::Chromium, &[], vec![]);
    assert!(open_stream(&ctx, &target("127.0.0.1", port, true, None), &log).await.is_none());
    assert_eq!(cause(&log, Stage::Tls), Cause::Reset { received: 0 });
}
