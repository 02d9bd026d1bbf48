//! Two ends that meet over a channel of their own, in virtual time; and one end with a peer that does not keep to the
//! rules.

use crate::calls::{Held, paced};
use crate::two::{Person, answers, assert_connected, hold, settings};
use crate::world::World;
use raincheck::call::channel::{Channel, ChannelError, connect};
use raincheck::call::courier::Show;
use raincheck::call::record::CallRole;
use raincheck::call::{CallError, Courier};
use raincheck::settings::call::{CallSettings, Signal};
use raincheck::verdict::Kind;
use raincheck_probes::ice::CandidateType;
use raincheck_probes::ice::signal::{
    CallId, Description, Envelope, Kind as Half, Message, Outcome, Setup, VERSION,
};
use raincheck_probes::secret::Secret;
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// One end that listens, and a peer made by hand that knows its code.
async fn with_peer(
    world: &World,
    settings: &CallSettings,
    peer: impl AsyncFnOnce(Channel),
) -> Result<Held, CallError> {
    let (courier, mut person) = Person::new(false);
    let peering = async {
        let Some(Show::Listening { at, code }) = person.shown.recv().await else {
            panic!("it does not listen")
        };
        let code = code.expose().parse().unwrap();
        peer(connect(&at.to_string(), &code, soon()).await.unwrap()).await;
        person
    };
    let (held, _) = tokio::join!(hold(world, settings, courier), peering);
    paced(world.shows_nothing_left_behind()).await;
    held
}

fn listening(world: &World, role: CallRole) -> CallSettings {
    settings(world, role, Signal::Listen(vec!["127.0.0.1:0".parse().unwrap()]))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn say(channel: &mut Channel, message: &Message) {
    let line = message.to_line();
    channel.send(line.strip_suffix(b"\n").unwrap(), soon()).await.unwrap();
}

/// The next line of the other end; none at its end.
async fn hear(channel: &mut Channel) -> Option<String> {
    channel.receive(soon()).await.ok().flatten().map(|line| String::from_utf8(line).unwrap())
}

/// Everything that the other end still says.
async fn hear_all(channel: &mut Channel) -> Vec<String> {
    let mut heard = Vec::new();
    while let Some(line) = hear(channel).await {
        heard.push(line);
    }
    heard
}

fn hello(role: Half) -> Message {
    Message::Hello { version: VERSION, role }
}

fn envelope(kind: Half, answers: Option<CallId>) -> Message {
    let setup = if kind == Half::Offer { Setup::ActPass } else { Setup::Active };
    let mut description = Description::new("abcd", Secret::new("0123456789012345678901"), setup).unwrap();
    let fingerprint = format!("sha-256 {}", ["AB"; 32].join(":"));
    description.fingerprints = vec![raincheck_probes::ice::signal::Fingerprint::parse(&fingerprint).unwrap()];
    Message::Description(Box::new(Envelope { kind, id: CallId(1), answers, made: 0, description }))
}

#[tokio::test(start_paused = true)]
async fn two_ends_meet_over_a_channel_of_their_own() {
    for listens in [CallRole::Offer, CallRole::Answer] {
        let world = World::named("open").await;
        let (courier, mut person) = Person::new(false);
        let here = listening(&world, listens);
        let other = async {
            let Some(Show::Listening { at, code }) = person.shown.recv().await else {
                panic!("it does not listen")
            };
            let role = if listens == CallRole::Offer { CallRole::Answer } else { CallRole::Offer };
            let there = settings(&world, role, Signal::Connect { to: at.to_string(), code });
            hold(&world, &there, Courier::none()).await
        };
        let (here, there) = tokio::join!(hold(&world, &here, courier), other);
        assert_connected(&here.unwrap());
        assert_connected(&there.unwrap());
        paced(world.shows_nothing_left_behind()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn both_ends_with_the_same_role_are_told_so() {
    let world = World::named("open").await;
    let settings = listening(&world, CallRole::Offer);
    let ended = with_peer(&world, &settings, async |mut peer| {
        say(&mut peer, &hello(Half::Offer)).await;
        hear_all(&mut peer).await;
    });
    assert!(matches!(ended.await, Err(CallError::SameRole("offer"))));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_code_is_refused_and_the_right_one_still_taken() {
    let world = World::named("open").await;
    let (courier, mut person) = Person::new(false);
    let here = listening(&world, CallRole::Offer);
    let other = async {
        let Some(Show::Listening { at, code }) = person.shown.recv().await else {
            panic!("it does not listen")
        };
        let wrong = Secret::new("0000-0000-0000-0000");
        let at = at.to_string();
        let there = answers(&world, Signal::Connect { to: at.clone(), code: wrong });
        let refused = hold(&world, &there, Courier::none()).await.err().unwrap();
        assert!(matches!(refused, CallError::Channel(ChannelError::WrongCode)), "{refused}");
        let notice = person.notice().await;
        assert!(notice.starts_with("turned away 127.0.0.1:") && !notice.contains("0000"), "{notice}");
        hold(&world, &answers(&world, Signal::Connect { to: at, code }), Courier::none()).await
    };
    let (here, there) = tokio::join!(hold(&world, &here, courier), other);
    assert_connected(&here.unwrap());
    assert_connected(&there.unwrap());
}

/// What an end says of a peer that says these lines and then waits, or closes.
async fn of_peer(role: CallRole, lines: &[Vec<u8>], closes: bool) -> (Held, Vec<String>) {
    let world = World::named("open").await;
    let mut settings = listening(&world, role);
    settings.run.deadline = Duration::from_secs(40);
    let mut heard = Vec::new();
    let held = with_peer(&world, &settings, async |mut peer| {
        for line in lines {
            if peer.send(line, soon()).await.is_err() {
                break;
            }
        }
        if closes {
            return peer.close(soon()).await;
        }
        heard = hear_all(&mut peer).await;
    });
    (held.await.unwrap(), heard)
}

fn bytes(message: &Message) -> Vec<u8> {
    message.to_line().strip_suffix(b"\n").unwrap().to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_keep_to_the_rules_is_told_and_the_call_is_not_known() {
    let [hi, answer] = [bytes(&hello(Half::Answer)), bytes(&envelope(Half::Answer, None))];
    let flood = (0..300).map(|n| {
        bytes(&Message::Candidate(format!("candidate:1 1 udp 1 203.0.113.9 {} typ host", 2000 + n)))
    });
    let flood: Vec<Vec<u8>> = [hi.clone(), answer.clone()].into_iter().chain(flood).collect();
    let cases: [(&str, Vec<Vec<u8>>, bool, &str); 8] = [
        ("garbage", vec![b"\x16\x03\xff nonsense".to_vec()], false, "is not a raincheck message"),
        ("no hello", vec![answer.clone()], false, "did not begin with hello"),
        ("two hellos", vec![hi.clone(), hi.clone()], false, "is a second hello"),
        (
            "garbage later",
            vec![hi.clone(), answer.clone(), b"{}".to_vec()],
            false,
            "is not a raincheck message",
        ),
        ("closes", vec![hi.clone()], true, "the other end left: it closed the channel"),
        ("closes later", vec![hi.clone(), answer.clone()], true, "the other end left: it closed the channel"),
        ("silence", vec![], false, "the other end connected and said nothing"),
        ("flood", flood, false, "sent more than 256 messages"),
    ];
    for (name, lines, closes, why) in cases {
        let (held, heard) = of_peer(CallRole::Offer, &lines, closes).await;
        assert_eq!((held.verdict.kind, held.codes()), (Kind::Unknown, vec!["call-not-signalled"]), "{name}");
        let told = held.record.signalling.as_deref().unwrap();
        assert!(told.contains(why), "{name}: {told}");
        assert!(held.record.elapsed.as_ms() < 40_000.0, "{name}: {:?}", held.record.elapsed);
        // The other end is told why, unless it has said nothing at all.
        let bye = heard.iter().any(|line| line.contains("\"bye\"") && line.contains(&told[..10]));
        assert!(bye || closes || name == "silence", "{name}: {heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_leaves_says_why_and_cannot_steer_a_terminal() {
    let lines = [hello(Half::Answer), envelope(Half::Answer, None), Message::Bye("lunch \x1b[2J".to_owned())];
    let (held, _) = of_peer(CallRole::Offer, &lines.map(|line| bytes(&line)), false).await;
    let told = held.record.signalling.unwrap();
    assert!(told.starts_with("the other end left: lunch ") && !told.contains('\x1b'), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_whose_own_pairs_all_failed_ends_the_call_here_too() {
    let outcome = Outcome { connected: false, local: None, remote: None, text: None };
    let mut lines = vec![hello(Half::Answer), envelope(Half::Answer, None)];
    lines.push(Message::Candidate("candidate:1 1 udp 2122260223 203.0.113.9 2000 typ host".to_owned()));
    lines.extend([Message::EndOfCandidates, Message::Outcome(outcome)]);
    let lines: Vec<Vec<u8>> = lines.iter().map(bytes).collect();
    let (held, heard) = of_peer(CallRole::Offer, &lines, false).await;
    assert_eq!((held.verdict.kind, held.record.connected), (Kind::Fails, false));
    assert!(held.record.elapsed.as_ms() < 10_000.0, "{:?}", held.record.elapsed);
    assert!(heard.iter().any(|line| line.contains("\"outcome\"")), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_check_fails_the_call_before_the_deadline() {
    let world = World::named("open").await;
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let office = world.lab.world().client_address();
    let settings = listening(&world, CallRole::Offer);
    let held = with_peer(&world, &settings, async |mut peer| {
        say(&mut peer, &hello(Half::Answer)).await;
        say(&mut peer, &envelope(Half::Answer, None)).await;
        let line = format!("candidate:1 1 udp 2122260223 {office} {port} typ host");
        say(&mut peer, &Message::Candidate(line)).await;
        say(&mut peer, &Message::EndOfCandidates).await;
        hear_all(&mut peer).await;
    });
    let held = held.await.unwrap();
    assert_eq!((held.verdict.kind, held.codes()), (Kind::Fails, vec!["call-no-answer"]));
    assert!(held.record.elapsed.as_ms() < 25_000.0, "{:?}", held.record.elapsed);
    // It was asked, many times.
    silent.set_nonblocking(true).unwrap();
    let mut asked = 0;
    while silent.recv(&mut [0; 2048]).is_ok() {
        asked += 1;
    }
    assert!(asked >= 9, "{asked}");
}

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
    for ((_, because), (line, why)) in told.iter().zip(&refused) {
        assert!(because.contains(why), "{line}: {because}");
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
