//! Two ends, and everybody else, on loopback.

use super::proof::{Binding, Role};
use super::*;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Far beyond what loopback takes: a test that reaches it fails.
fn patience() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn quick() -> Limits {
    Limits { wrong_delay: Duration::from_millis(1), ..Limits::default() }
}

struct Waiting {
    address: SocketAddr,
    code: Code,
    notices: mpsc::UnboundedReceiver<Notice>,
    accepted: JoinHandle<Result<Channel, ChannelError>>,
}

async fn waiting(limits: Limits) -> Waiting {
    let (listener, code) = Listener::bind("127.0.0.1:0").await.unwrap();
    let listener = listener.within(limits);
    let address = listener.address();
    let (tell, notices) = mpsc::unbounded_channel();
    let accepted = tokio::spawn(listener.accept(patience(), move |notice| tell.send(notice).unwrap()));
    Waiting { address, code, notices, accepted }
}

impl Waiting {
    async fn connect(&self, code: &Code) -> Result<Channel, ChannelError> {
        connect(&self.address.to_string(), code, patience()).await
    }

    async fn turned_away(&mut self) -> ChannelError {
        self.notices.recv().await.unwrap().why
    }

    /// The right peer still comes in.
    async fn still_waits(self) {
        let mut there = self.connect(&self.code).await.unwrap();
        let mut here = self.accepted.await.unwrap().unwrap();
        there.send(b"through", patience()).await.unwrap();
        assert_eq!(here.receive(patience()).await.unwrap().unwrap(), b"through");
    }
}

fn why(result: Result<Channel, ChannelError>) -> ChannelError {
    result.err().expect("no channel")
}

#[tokio::test]
async fn the_code_opens_a_channel_both_ways_and_a_goodbye_ends_it() {
    let waiting = waiting(Limits::default()).await;
    let shown = waiting.code.reveal();
    assert_eq!(shown.len(), 19);
    let told: Code = shown.to_lowercase().replace('-', " ").parse().unwrap();
    let mut there = waiting.connect(&told).await.unwrap();
    let mut here = waiting.accepted.await.unwrap().unwrap();
    assert_eq!(there.peer(), Some(waiting.address));
    for line in [&b""[..], b"{\"candidate\":1}", &vec![b'x'; MAX_LINE]] {
        here.send(line, patience()).await.unwrap();
        assert_eq!(there.receive(patience()).await.unwrap().unwrap(), line);
        there.send(line, patience()).await.unwrap();
        assert_eq!(here.receive(patience()).await.unwrap().unwrap(), line);
    }
    there.close(patience()).await;
    assert_eq!(here.receive(patience()).await, Ok(None));
    let gone = connect(&waiting.address.to_string(), &waiting.code, patience()).await;
    assert!(matches!(why(gone), ChannelError::Refused { .. }), "the code is good once");
}

#[tokio::test]
async fn a_wrong_code_is_told_on_both_ends_and_the_right_one_still_opens() {
    let mut waiting = waiting(quick()).await;
    let wrong = Code::generate().unwrap();
    assert_eq!(why(waiting.connect(&wrong).await), ChannelError::WrongCode);
    assert_eq!(waiting.turned_away().await, ChannelError::WrongCode);
    waiting.still_waits().await;
}

#[tokio::test]
async fn after_three_wrong_codes_a_source_has_to_wait() {
    let mut waiting = waiting(quick()).await;
    let wrong = Code::generate().unwrap();
    for _ in 0..3 {
        assert_eq!(why(waiting.connect(&wrong).await), ChannelError::WrongCode);
        assert_eq!(waiting.turned_away().await, ChannelError::WrongCode);
    }
    assert_eq!(why(waiting.connect(&waiting.code).await), ChannelError::Barred);
    assert_eq!(waiting.turned_away().await, ChannelError::Barred);
    assert!(!waiting.accepted.is_finished(), "the listener goes on waiting for others");
}

#[tokio::test]
async fn a_source_is_barred_for_its_time_only() {
    let (first, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    let mut bar = bar::Bar::new(Duration::from_secs(60));
    let now = Instant::now();
    for _ in 0..3 {
        assert!(!bar.holds(bar::Source::of(first), now));
        bar.wrong(bar::Source::of(first), now);
    }
    assert!(bar.holds(bar::Source::of(first), now + Duration::from_secs(59)));
    assert!(!bar.holds(bar::Source::of(first), now + Duration::from_secs(60)));
    assert!(!bar.holds(bar::Source::of(other), now));
    let six = |text: &str| bar::Source::of(text.parse().unwrap());
    assert_eq!(six("2001:db8:1:2:3::4"), six("2001:db8:1:2::9"));
    assert_ne!(six("2001:db8:1:2::9"), six("2001:db8:1:3::9"));
    assert_eq!(six("::ffff:192.0.2.1"), bar::Source::of(first));
}

#[tokio::test]
async fn garbage_costs_its_sender_only_its_own_connection() {
    let mut waiting = waiting(quick()).await;
    for (bytes, seen) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "an HTTP client asks \"GET / HTTP/1.1\""),
        (b"\x16\x05garbage that is no TLS", "it begins with"),
        (&[0; 300], "it begins with"),
        (b"SSH-2.0-scanner\r\n", "SSH, \"SSH-2.0-scanner\""),
    ] {
        let mut stranger = TcpStream::connect(waiting.address).await.unwrap();
        stranger.write_all(bytes).await.unwrap();
        let ChannelError::NotRaincheck { seen: told } = waiting.turned_away().await else { panic!("{seen}") };
        assert!(told.starts_with(seen), "{told}");
    }
    drop(TcpStream::connect(waiting.address).await.unwrap());
    assert_eq!(waiting.turned_away().await, ChannelError::Cut);
    waiting.still_waits().await;
}

#[tokio::test]
async fn a_silent_connection_ends_by_itself_and_does_not_hold_the_others_up() {
    let mut waiting = waiting(Limits { proof_within: Duration::from_millis(200), ..quick() }).await;
    let _silent = TcpStream::connect(waiting.address).await.unwrap();
    assert!(matches!(waiting.turned_away().await, ChannelError::Silent { .. }));
    waiting.still_waits().await;
}

#[tokio::test]
async fn connections_of_one_source_are_bounded() {
    let mut waiting = waiting(Limits { from_one_source: 2, ..quick() }).await;
    let held = [
        TcpStream::connect(waiting.address).await.unwrap(),
        TcpStream::connect(waiting.address).await.unwrap(),
    ];
    let mut third = TcpStream::connect(waiting.address).await.unwrap();
    assert_eq!(waiting.turned_away().await, ChannelError::TooMuch);
    assert_eq!(third.read(&mut [0; 8]).await.unwrap_or(0), 0);
    drop(held);
    for _ in 0..2 {
        assert_eq!(waiting.turned_away().await, ChannelError::Cut);
    }
    waiting.still_waits().await;
}

#[tokio::test]
async fn nobody_comes_and_the_listener_says_who_came_instead() {
    let (listener, _) = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.address();
    let (tell, mut told) = mpsc::unbounded_channel();
    let waiting = tokio::spawn(
        listener
            .within(quick())
            .accept(Instant::now() + Duration::from_secs(1), move |notice| tell.send(notice).unwrap()),
    );
    connect(&address.to_string(), &Code::generate().unwrap(), patience()).await.err().unwrap();
    told.recv().await.unwrap();
    let error = why(waiting.await.unwrap());
    assert_eq!(error.to_string(), "nobody came with the code in 1 s; turned away: 1 with a wrong code");
}

#[tokio::test]
async fn what_is_not_a_listener_is_told_in_one_line() {
    let cases: [(&'static [u8], &str); 4] = [
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "not a waiting raincheck: an HTTP server answers \"HTTP/1.1 400 Bad Request\"",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not a waiting raincheck: SSH, \"SSH-2.0-OpenSSH_9.2\""),
        (b"220 mail ESMTP\r\n", "not a waiting raincheck: a mail or FTP server, \"220 mail ESMTP\""),
        (b"", "the connection was cut"),
    ];
    for (answer, line) in cases {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.unwrap();
            let read = stream.read(&mut [0; 2048]).await.unwrap();
            assert!(read > 0);
            stream.write_all(answer).await.unwrap();
            stream
        });
        let (result, stream) = tokio::join!(
            async {
                let code = Code::generate().unwrap();
                connect(&address, &code, patience()).await
            },
            async {
                let mut stream = serving.await.unwrap();
                stream.shutdown().await.unwrap();
                stream
            }
        );
        assert_eq!(why(result).to_string(), line);
        drop(stream);
    }
}

#[tokio::test]
async fn a_tls_server_for_something_else_is_not_raincheck() {
    let config = {
        let mut config = (*tls::server().unwrap()).clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    };
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (stream, _) = server.accept().await.unwrap();
        let _ = tokio_rustls::TlsAcceptor::from(config).accept(stream).await;
    });
    let error = why(connect(&address, &Code::generate().unwrap(), patience()).await);
    assert_eq!(error.to_string(), "not a waiting raincheck: it speaks TLS for something else");
}

#[tokio::test]
async fn refused_and_silent_listeners_are_told_apart() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    let code = Code::generate().unwrap();
    let soon = Instant::now() + Duration::from_millis(300);
    assert!(matches!(why(connect(&address, &code, soon).await), ChannelError::Silent { .. }));
    drop(server);
    assert_eq!(why(connect(&address, &code, patience()).await), ChannelError::Refused { address });
    assert!(matches!(why(connect("no port", &code, patience()).await), ChannelError::Resolve { .. }));
}

/// Passes bytes between two streams and keeps what the first one sent.
async fn recording_relay(to: SocketAddr) -> (SocketAddr, Arc<Mutex<(Vec<u8>, Vec<u8>)>>) {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, kept) = (door.local_addr().unwrap(), Arc::new(Mutex::new((Vec::new(), Vec::new()))));
    let tape = Arc::clone(&kept);
    tokio::spawn(async move {
        let (mut a, _) = door.accept().await.unwrap();
        let mut b = TcpStream::connect(to).await.unwrap();
        let (mut forth, mut back) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                read = a.read(&mut forth) => match read {
                    Ok(n @ 1..) => { tape.lock().unwrap().0.extend(&forth[..n]); b.write_all(&forth[..n]).await.unwrap(); }
                    _ => return,
                },
                read = b.read(&mut back) => match read {
                    Ok(n @ 1..) => { tape.lock().unwrap().1.extend(&back[..n]); a.write_all(&back[..n]).await.unwrap(); }
                    _ => return,
                },
            }
        }
    });
    (address, kept)
}

#[tokio::test]
async fn a_recorded_stream_played_back_fails_on_either_side() {
    let first = waiting(quick()).await;
    let (relay, tape) = recording_relay(first.address).await;
    let mut there = connect(&relay.to_string(), &first.code, patience()).await.unwrap();
    let mut here = first.accepted.await.unwrap().unwrap();
    there.send(b"a secret offer", patience()).await.unwrap();
    here.receive(patience()).await.unwrap();
    let (connector, listener) = tape.lock().unwrap().clone();

    // To a listener that waits with the same code.
    let (again, _) = Listener::bind("127.0.0.1:0").await.unwrap();
    let mut again = again.within(quick());
    again.reuse_code(first.code.clone());
    let address = again.address();
    let (tell, mut told) = mpsc::unbounded_channel();
    let accepted = tokio::spawn(again.accept(patience(), move |notice| tell.send(notice).unwrap()));
    let mut replayer = TcpStream::connect(address).await.unwrap();
    replayer.write_all(&connector).await.unwrap();
    assert!(matches!(told.recv().await.unwrap().why, ChannelError::Tls { .. }));
    assert!(!accepted.is_finished());

    // To a connector with the same code.
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = server.accept().await.unwrap();
        stream.write_all(&listener).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let error = why(connect(&address, &first.code, patience()).await);
    assert!(matches!(error, ChannelError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn somebody_between_cannot_pass_a_proof_on() {
    // Ends TLS on both sides and passes the lines on: each side proves for its own session.
    let waiting = waiting(quick()).await;
    let config = tls::server().unwrap();
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (between, to) = (door.local_addr().unwrap().to_string(), waiting.address);
    let man = tokio::spawn(async move {
        let (stream, _) = door.accept().await.unwrap();
        let session = tokio_rustls::TlsAcceptor::from(config).accept(stream).await.unwrap();
        let mut victim = Channel::new(session, None);
        let (config, name) = tls::client().unwrap();
        let stream = TcpStream::connect(to).await.unwrap();
        let session = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.unwrap();
        let mut listener = Channel::new(session, None);
        let proof = victim.receive(patience()).await.unwrap().unwrap();
        listener.send(&proof, patience()).await.unwrap();
        let answer = listener.receive(patience()).await.unwrap().unwrap();
        victim.send(&proof, patience()).await.unwrap();
        answer
    });
    let error = why(connect(&between, &waiting.code, patience()).await);
    assert_eq!(error, ChannelError::Impostor, "its own proof came back");
    assert_eq!(man.await.unwrap(), b"wrong-code");
    waiting.still_waits().await;
}

#[test]
fn a_proof_fits_one_code_one_role_and_one_session() {
    let (code, other) = (Code::generate().unwrap(), Code::generate().unwrap());
    let (one, two) = (Binding::test([1; 32]), Binding::test([2; 32]));
    let proof = one.prove(&code, Role::Connector).unwrap();
    let proof = proof.as_bytes();
    assert_eq!(one.check(&code, Role::Connector, proof), Ok(Some(true)));
    assert_eq!(one.check(&other, Role::Connector, proof), Ok(Some(false)));
    assert_eq!(one.check(&code, Role::Listener, proof), Ok(Some(false)));
    assert_eq!(two.check(&code, Role::Connector, proof), Ok(Some(false)));
    for garbage in [&b""[..], b"proof", b"proof zz", &proof[..proof.len() - 1], b"hello"] {
        assert_eq!(one.check(&code, Role::Connector, garbage), Ok(None));
    }
}

#[test]
fn codes_differ_are_read_leniently_and_never_printed() {
    let (one, two) = (Code::generate().unwrap(), Code::generate().unwrap());
    assert!(one != two);
    assert_eq!(format!("{one:?}"), "[code]");
    let code: Code = "oil0-1234-5678-9abc".parse().unwrap();
    assert_eq!(code.reveal(), "0110-1234-5678-9ABC");
    for wrong in ["", "0110-1234-5678-9AB", "0110-1234-5678-9ABCD", "U110-1234-5678-9ABC", "ééééééééé"]
    {
        assert_eq!(wrong.parse::<Code>(), Err(ChannelError::NotACode), "{wrong}");
    }
}

#[tokio::test]
async fn lines_are_bounded_in_length_number_and_time() {
    let (here, there) = tokio::io::duplex(1 << 20);
    let (mut here, mut there) = (Channel::new(here, None), Channel::new(there, None));
    assert_eq!(here.send(&vec![b'x'; MAX_LINE + 1], patience()).await, Err(ChannelError::BadLine));
    assert_eq!(here.send(b"two\nlines", patience()).await, Err(ChannelError::BadLine));
    let now = Instant::now();
    assert!(matches!(there.receive(now).await, Err(ChannelError::Silent { .. })));
    for _ in 0..MAX_LINES {
        here.send(b"", patience()).await.unwrap();
        assert_eq!(there.receive(patience()).await, Ok(Some(Vec::new())));
    }
    here.send(b"", patience()).await.unwrap();
    assert_eq!(there.receive(patience()).await, Err(ChannelError::TooMuch));
}

#[tokio::test]
async fn a_line_without_end_is_refused_before_it_fills_the_memory() {
    let (mut here, there) = tokio::io::duplex(4096);
    let mut there = Channel::new(there, None);
    let endless = tokio::spawn(async move { while here.write_all(&[b'x'; 1000]).await.is_ok() {} });
    assert_eq!(there.receive(patience()).await, Err(ChannelError::BadLine));
    drop(there);
    endless.await.unwrap();
}

#[tokio::test]
async fn a_cut_is_told_from_a_goodbye() {
    let waiting = waiting(quick()).await;
    let (relay, _) = recording_relay(waiting.address).await;
    let there = connect(&relay.to_string(), &waiting.code, patience()).await.unwrap();
    let mut here = waiting.accepted.await.unwrap().unwrap();
    // The relay hangs up without passing the goodbye on, as it does when a path dies.
    drop(there);
    assert_eq!(here.receive(patience()).await, Err(ChannelError::Cut));
}
