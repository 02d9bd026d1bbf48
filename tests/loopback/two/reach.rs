//! What a peer must not make us reach.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_a_peer_must_not_make_us_reach_gets_not_a_single_packet() {
    let world = World::named("open").await;
    let bound = || {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let port = socket.local_addr().unwrap().port();
        (socket, port)
    };
    let (loopback, loopback_port) = bound();
    let (allowed, allowed_port) = bound();
    let stream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stream.set_nonblocking(true).unwrap();
    let stream_port = stream.local_addr().unwrap().port();
    let office = world.lab.world().client_address();
    let refused = [
        (format!("udp 2122260223 127.0.0.1 {loopback_port} typ host"), "a loopback address"),
        (
            format!("udp 41885439 ::ffff:127.0.0.1 {loopback_port} typ relay raddr 0.0.0.0 rport 0"),
            "a loopback address",
        ),
        (format!("tcp 1518280447 127.0.0.1 {stream_port} typ host tcptype passive"), "a loopback address"),
        ("udp 2122260223 224.0.0.251 5353 typ host".to_owned(), "a multicast address"),
        ("udp 2122260223 ff02::fb 5353 typ host".to_owned(), "a multicast address"),
        ("udp 2122260223 255.255.255.255 9999 typ host".to_owned(), "a broadcast or reserved address"),
        ("udp 2122260223 0.0.0.0 9999 typ host".to_owned(), "the unspecified address"),
        (format!("udp 2122260223 {office} 22 typ host"), "port 22: below 1024"),
        (format!("tcp 1518280447 {office} 22 typ host tcptype passive"), "port 22: below 1024"),
        ("udp 2122260223 router.corp.example 9999 typ host".to_owned(), "is a name"),
    ];
    let lines: Vec<String> =
        refused.iter().enumerate().map(|(n, (line, _))| format!("candidate:{n} 1 {line}")).collect();
    let settings = listening(&world, CallRole::Offer);
    let held = with_peer(&world, &settings, async |mut peer| {
        say(&mut peer, &hello(Half::Answer)).await;
        say(&mut peer, &envelope(Half::Answer, None)).await;
        for line in &lines {
            say(&mut peer, &Message::Candidate(line.clone())).await;
        }
        let line = format!("candidate:x 1 udp 2122260223 {office} {allowed_port} typ host");
        say(&mut peer, &Message::Candidate(line)).await;
        say(&mut peer, &Message::EndOfCandidates).await;
        hear_all(&mut peer).await;
    });
    let held = held.await.unwrap();
    let told = &held.record.passed_over;
    assert_eq!(told.len(), refused.len(), "{told:#?}");
    for (line, why) in &refused {
        // Loopback waits for our own candidates, and is told in the end.
        let said = told.iter().find(|(shown, _)| shown.contains(line.as_str()));
        assert!(said.is_some_and(|(_, because)| because.contains(why)), "{line}: {told:#?}");
    }
    assert!(held.record.near.pairs.iter().all(|pair| pair.remote.port == allowed_port));
    assert!(held.record.near.pairs.iter().any(|pair| pair.local.kind == CandidateType::Relay));
    let mut packet = [0; 2048];
    let nothing = |error: io::Error| assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    nothing(loopback.recv(&mut packet).unwrap_err());
    nothing(stream.accept().unwrap_err());
    // What may be asked was asked: looking at a socket shows something here.
    assert!(allowed.recv(&mut packet).is_ok());
}
