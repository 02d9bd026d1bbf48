use super::authority::{Authority, Identity};
use super::*;
use crate::path::tls::{Ask, Handshake, Trust, handshake};
use raincheck_probes::evidence::FirstBytes;
use raincheck_probes::server::Host;
use rustls::pki_types::CertificateDer;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;

const VALID: (i32, i32) = (2020, 2099);

struct Client<'a> {
    host: &'a str,
    roots: Vec<CertificateDer<'static>>,
    alpn: &'a [&'a str],
}

impl Client<'_> {
    async fn shake(self, stream: DuplexStream) -> Handshake {
        let host = self.host.parse().map_or_else(|_| Host::Name(self.host.to_owned()), Host::Ip);
        let alpn: Vec<Vec<u8>> = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let trust = Trust::load(self.roots);
        let ask = Ask { host: &host, alpn: &alpn, trust: &trust, within: Duration::from_secs(4) };
        handshake(Box::new(stream), &ask, Clock::start()).await
    }
}

/// A handshake with a server that shows this identity, then echoes.
async fn with_identity(identity: &Identity, host: &str, roots: Vec<CertificateDer<'static>>) -> Handshake {
    with_acceptor(identity.acceptor(&[]), host, roots, &[]).await
}

async fn with_acceptor(
    acceptor: TlsAcceptor,
    host: &str,
    roots: Vec<CertificateDer<'static>>,
    alpn: &[&str],
) -> Handshake {
    let (ours, theirs) = duplex(16_384);
    tokio::spawn(async move {
        if let Ok(mut stream) = acceptor.accept(theirs).await {
            let mut buffer = [0; 64];
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                let _ = stream.write_all(&buffer[..length]).await;
            }
        }
    });
    Client { host, roots, alpn }.shake(ours).await
}

/// A handshake with whatever sends these bytes once it has been spoken to, and then closes or stays.
async fn with_bytes(bytes: &'static [u8], closes: bool) -> Handshake {
    let (ours, mut theirs) = duplex(16_384);
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        assert_ne!(theirs.read(&mut buffer).await.unwrap(), 0);
        theirs.write_all(bytes).await.unwrap();
        if !closes {
            pending::<()>().await;
        }
    });
    Client { host: "turn.example", roots: vec![], alpn: &[] }.shake(ours).await
}

fn passes_on(handshake: Handshake) -> DuplexEnd {
    handshake.stream.unwrap()
}

type DuplexEnd = Box<dyn crate::path::open::ByteStream>;

#[tokio::test]
async fn a_chain_to_an_added_root_is_trusted_and_shown() {
    let authority = Authority::new("Lab Root");
    let identity = authority.identity(&["turn.example", "192.0.2.1"], VALID);
    let handshake = with_identity(&identity, "turn.example", vec![authority.root()]).await;
    assert_eq!(handshake.cause, None);
    let seen = &handshake.seen;
    assert_eq!((seen.trusted, &seen.untrusted_because), (Some(true), &None));
    assert_eq!(seen.version.as_deref(), Some("TLS 1.3"));
    assert!(seen.cipher.as_deref().is_some_and(|cipher| cipher.starts_with("TLS_")), "{:?}", seen.cipher);
    let [leaf, root] = seen.chain.as_slice() else { panic!("{:?}", seen.chain) };
    assert_eq!(
        (leaf.subject.as_str(), leaf.issuer.as_str()),
        ("CN=leaf,O=Lab\\, Inc", "CN=Lab Root,O=Lab\\, Inc")
    );
    assert_eq!(leaf.names, ["turn.example", "192.0.2.1"]);
    assert_eq!(
        (leaf.not_before.as_str(), leaf.not_after.as_str()),
        ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z")
    );
    assert_eq!(root.names, Vec::<String>::new());
    assert_eq!((leaf.sha256.len(), leaf.key_sha256.len()), (64, 64));
    assert_ne!(leaf.key_sha256, root.key_sha256);
    assert_eq!(handshake.facts.get("sni"), Some(&json!("turn.example")));
    assert!(handshake.facts.get("server_hello_ms").is_some());
    let mut stream = passes_on(handshake);
    stream.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ping");
}

/// The cause, after checking that the handshake was completed all the same and is marked.
fn untrusted(handshake: Handshake) -> Cause {
    assert!(handshake.stream.is_some());
    assert_eq!(handshake.seen.trusted, Some(false));
    assert_eq!(handshake.seen.untrusted_because, handshake.cause);
    assert!(!handshake.seen.chain.is_empty() && handshake.seen.version.is_some());
    handshake.cause.unwrap()
}

#[tokio::test]
async fn an_unknown_authority_is_named() {
    let identity = Authority::new("Inspection CA").identity(&["turn.example"], VALID);
    let cause =
        untrusted(with_identity(&identity, "turn.example", vec![Authority::new("Other").root()]).await);
    assert_eq!(cause, Cause::TlsUntrusted { issuer: "CN=Inspection CA,O=Lab\\, Inc".into() });
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_not_trusted() {
    for is_authority in [false, true] {
        let identity = Identity::self_signed(&["turn.example"], is_authority);
        let cause = untrusted(with_identity(&identity, "turn.example", vec![]).await);
        assert_eq!(cause, Cause::TlsUntrusted { issuer: "CN=alone,O=Lab\\, Inc".into() });
    }
}

#[tokio::test]
async fn a_servers_own_certificate_that_was_given_is_trusted_for_its_names_alone() {
    for is_authority in [false, true] {
        let identity = Identity::self_signed(&["turn.example"], is_authority);
        let given = identity.chain.clone();
        let handshake = with_identity(&identity, "turn.example", given.clone()).await;
        assert_eq!(
            (handshake.cause, handshake.seen.trusted),
            (None, Some(true)),
            "authority: {is_authority}"
        );
        let cause = untrusted(with_identity(&identity, "other.example", given).await);
        assert_eq!(cause, Cause::TlsNameMismatch { presented: vec!["turn.example".into()] });
    }
}

#[tokio::test]
async fn validity_is_judged_by_this_hosts_clock() {
    let authority = Authority::new("Lab Root");
    let expired = authority.identity(&["turn.example"], (2010, 2020));
    let cause = untrusted(with_identity(&expired, "turn.example", vec![authority.root()]).await);
    assert_eq!(cause, Cause::TlsExpired { not_after: "2020-01-01T00:00:00Z".into() });
    let early = authority.identity(&["turn.example"], (2098, 2099));
    let cause = untrusted(with_identity(&early, "turn.example", vec![authority.root()]).await);
    assert_eq!(cause, Cause::TlsNotYetValid { not_before: "2098-01-01T00:00:00Z".into() });
}

#[tokio::test]
async fn a_certificate_for_others_shows_its_names() {
    let authority = Authority::new("Lab Root");
    let identity = authority.identity(&["a.example", "*.b.example", "192.0.2.1"], VALID);
    let presented = vec!["a.example".to_owned(), "*.b.example".to_owned(), "192.0.2.1".to_owned()];
    for host in ["turn.example", "192.0.2.2"] {
        let cause = untrusted(with_identity(&identity, host, vec![authority.root()]).await);
        assert_eq!(cause, Cause::TlsNameMismatch { presented: presented.clone() });
    }
    let nameless = authority.identity(&[], VALID);
    let cause = untrusted(with_identity(&nameless, "turn.example", vec![authority.root()]).await);
    assert_eq!(cause, Cause::TlsNameMismatch { presented: vec!["CN=leaf,O=Lab\\, Inc".into()] });
}

#[tokio::test]
async fn an_address_is_checked_against_the_addresses_of_the_certificate() {
    let authority = Authority::new("Lab Root");
    let identity = authority.identity(&["192.0.2.1", "2001:db8::1"], VALID);
    for host in ["192.0.2.1", "2001:db8::1"] {
        let handshake = with_identity(&identity, host, vec![authority.root()]).await;
        assert_eq!((handshake.cause, handshake.facts.get("sni")), (None, None));
    }
}

#[tokio::test]
async fn alpn_is_offered_only_when_it_is_asked_for() {
    let authority = Authority::new("Lab Root");
    let identity = authority.identity(&["turn.example"], VALID);
    let roots = || vec![authority.root()];
    let picky = || identity.acceptor(&["h2"]);
    assert_eq!(
        with_acceptor(picky(), "turn.example", roots(), &["h2"]).await.seen.alpn.as_deref(),
        Some("h2")
    );
    assert_eq!(with_acceptor(picky(), "turn.example", roots(), &[]).await.seen.alpn, None);
    let refused = with_acceptor(picky(), "turn.example", roots(), &["stun.turn"]).await;
    assert_eq!(refused.cause, Some(Cause::TlsAlert { alert: "no_application_protocol".into() }));
    assert!(refused.stream.is_none() && refused.seen.trusted.is_none() && refused.seen.chain.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_named() {
    let handshake = with_bytes(b"\x15\x03\x03\x00\x02\x02\x28", true).await;
    assert_eq!(handshake.cause, Some(Cause::TlsAlert { alert: "handshake_failure".into() }));
    let handshake = with_bytes(b"\x15\x03\x03\x00\x02\x02\x70", true).await;
    assert_eq!(handshake.cause, Some(Cause::TlsAlert { alert: "unrecognized_name".into() }));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_tls_is_shown() {
    for (bytes, closes) in [
        (&b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n"[..], true),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", false),
        (b"SSH", true),
        (b"SSH", false),
        (b"\x01\x01\x00\x0c\x21\x12\xa4\x42", false),
        (b"\x15\x15", true),
    ] {
        let expected = Cause::TlsNotTls { first_bytes: FirstBytes::of(bytes) };
        assert_eq!(with_bytes(bytes, closes).await.cause, Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_in_the_handshake_counts_what_had_come() {
    assert_eq!(with_bytes(b"", true).await.cause, Some(Cause::Closed { received: 0 }));
    assert_eq!(
        with_bytes(b"\x16\x03\x03\x01\x00\x02", true).await.cause,
        Some(Cause::Closed { received: 6 })
    );
}

#[tokio::test(start_paused = true)]
async fn silence_is_judged_after_four_seconds() {
    let began = Clock::start();
    let handshake = with_bytes(b"", false).await;
    assert_eq!(handshake.cause, Some(Cause::TlsTimeout { waited_ms: 4000 }));
    assert_eq!(began.now().as_ms(), 4000.0);
    assert_eq!(handshake.facts.get("server_hello_ms"), None);
    let half = with_bytes(b"\x16\x03\x03\x01\x00\x02", false).await;
    assert_eq!(half.cause, Some(Cause::TlsTimeout { waited_ms: 4000 }));
}

#[tokio::test]
async fn a_host_that_no_certificate_can_name_is_our_own_failure() {
    let (ours, _theirs) = duplex(64);
    let handshake = Client { host: "not a name", roots: vec![], alpn: &[] }.shake(ours).await;
    assert_eq!(handshake.cause.map(|cause| cause.code()), Some("local-failure"));
}
