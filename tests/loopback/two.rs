//! Two ends that meet by a line, by session descriptions or over a channel, in virtual time; and one end with a peer
//! that does not keep to the rules.

#[path = "two/reach.rs"]
mod reach;
#[path = "two/soak.rs"]
mod soak;

use crate::calls::{Held, own, paced};
use crate::world::World;
use raincheck::call::channel::{Channel, ChannelError, connect};
use raincheck::call::courier::Show;
use raincheck::call::record::CallRole;
use raincheck::call::{CallError, Courier, run};
use raincheck::settings::call::{CallSettings, Signal};
use raincheck::verdict::Kind;
use raincheck_probes::ice::CandidateType;
use raincheck_probes::ice::signal::{
    CallId, Description, Envelope, Kind as Half, Message, Outcome, Setup, VERSION,
};
use raincheck_probes::secret::Secret;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// Somebody at one end: what is shown, and what is typed.
struct Person {
    shown: mpsc::UnboundedReceiver<Show>,
    types: mpsc::Sender<io::Result<String>>,
}

impl Person {
    fn new(interactive: bool) -> (Courier, Self) {
        let (show, shown) = mpsc::unbounded_channel();
        let (types, lines) = mpsc::channel(64);
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        let show = Box::new(move |what| show.send(what).map_err(gone));
        (Courier { show, lines: Box::new(move || lines), interactive }, Self { shown, types })
    }

    /// What there is to carry over.
    async fn line(&mut self) -> String {
        loop {
            match self.shown.recv().await.unwrap() {
                Show::Line(line) | Show::Sdp(line) => return line.expose().to_owned(),
                _ => {}
            }
        }
    }

    async fn notice(&mut self) -> String {
        loop {
            if let Show::Notice(text) = self.shown.recv().await.unwrap() {
                return text;
            }
        }
    }

    /// Pastes a text with however many lines, and an empty one.
    async fn paste(&self, text: &str) {
        for line in text.lines().chain([""]) {
            self.types.send(Ok(format!("{line}\n"))).await.unwrap();
        }
    }
}

fn settings(world: &World, role: CallRole, signal: Signal) -> CallSettings {
    CallSettings { role, signal, ..own(world.settings()) }
}

fn offers(world: &World, signal: Signal) -> CallSettings {
    settings(world, CallRole::Offer, signal)
}

fn answers(world: &World, signal: Signal) -> CallSettings {
    settings(world, CallRole::Answer, signal)
}

/// One end of a call.
async fn hold(world: &World, settings: &CallSettings, courier: Courier) -> Result<Held, CallError> {
    Ok(Held::new(paced(run(settings, world.around(), courier)).await?, settings))
}

/// Both ends, and somebody who takes so long to carry a line.
async fn carried_over(world: &World, [offers, answers]: [&CallSettings; 2], slow: Duration) -> [Held; 2] {
    let ((one, mut here), (other, mut there)) = (Person::new(false), Person::new(false));
    let carrying = async {
        let offer = here.line().await;
        sleep(slow).await;
        there.paste(&offer).await;
        let answer = there.line().await;
        sleep(slow).await;
        here.paste(&answer).await;
        // The input stays open.
        (here, there)
    };
    let (one, other, _) = tokio::join!(hold(world, offers, one), hold(world, answers, other), carrying);
    paced(world.shows_nothing_left_behind()).await;
    [one.unwrap(), other.unwrap()]
}

fn assert_connected(held: &Held) {
    let told = (held.verdict.kind, held.codes(), held.record.connected);
    assert_eq!(told, (Kind::Works, vec![], true), "{:#?}", held.record);
    let dtls = held.record.dtls.as_ref().unwrap();
    assert_eq!(
        (dtls.ok, dtls.fingerprint_matches, dtls.largest),
        (true, Some(true), [Some(1200); 2]),
        "{dtls:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn two_ends_meet_by_a_line_each_way() {
    let world = World::named("open").await;
    let both = [offers(&world, Signal::Paste), answers(&world, Signal::Paste)];
    let held = carried_over(&world, [&both[0], &both[1]], Duration::ZERO).await;
    held.iter().for_each(assert_connected);
}

#[tokio::test(start_paused = true)]
async fn a_person_who_takes_minutes_to_carry_the_answer_over_finds_the_other_end_there() {
    for profile in ["chromium", "firefox", "gateway", "rfc8445"] {
        let world = World::named("open").await;
        let mut both = [offers(&world, Signal::Paste), answers(&world, Signal::Paste)];
        for settings in &mut both {
            settings.run.profile = profile.parse().unwrap();
        }
        let held = carried_over(&world, [&both[0], &both[1]], Duration::from_secs(180)).await;
        for held in &held {
            assert_connected(held);
            // Nobody was waited for in the handshake.
            let took = held.record.dtls.as_ref().unwrap().handshake.unwrap();
            assert!(took < Duration::from_millis(500), "{profile}: {took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_ends_meet_by_session_descriptions() {
    let world = World::named("open").await;
    let both = [offers(&world, Signal::Sdp), answers(&world, Signal::Sdp)];
    let [one, other] = carried_over(&world, [&both[0], &both[1]], Duration::ZERO).await;
    // A browser sends nothing back, and this might be one.
    for held in [&one, &other] {
        assert_eq!((held.verdict.kind, held.record.connected), (Kind::Works, true), "{:#?}", held.record);
    }
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_not_the_answer_are_refused_each_with_its_reason() {
    let world = World::named("open").await;
    // The answer to an offer of before, which is what somebody replays.
    let both = [offers(&world, Signal::Paste), answers(&world, Signal::Paste)];
    let (one, mut here) = Person::new(true);
    let (other, mut there) = Person::new(false);
    let replays = async {
        let before = here.line().await;
        there.paste(&before).await;
        there.line().await
    };
    let old = tokio::select! {
        old = replays => old,
        _ = hold(&world, &both[0], one) => panic!("it ended"),
        _ = hold(&world, &both[1], other) => panic!("it ended"),
    };
    let (courier, mut person) = Person::new(true);
    let typing = async {
        let own = person.line().await;
        let cut = &old[..old.len() / 2];
        let damaged = old.replace(&old[60..64], "AAAA");
        let tries = [
            (old.clone(), "this answers another call"),
            (own.clone(), "this is your own offer"),
            ("hello?".to_owned(), "this is not a raincheck line"),
            (cut.to_owned(), "the line was cut"),
            (damaged, "the line was damaged"),
            (format!("{} {{}}", &old[..40]), "belongs to no raincheck line"),
        ];
        for (text, why) in tries {
            person.paste(&text).await;
            let notice = person.notice().await;
            assert!(notice.starts_with(why) || notice.contains(why), "{why}: {notice}");
            assert!(
                !notice.contains(text.get(20..60).unwrap_or("\0")),
                "a password could be in it: {notice}"
            );
        }
    };
    // The seed that all tests have would give this call the name of the one before.
    let mut settings = offers(&world, Signal::Paste);
    settings.run.seed = Some(2);
    tokio::select! {
        biased;
        held = hold(&world, &settings, courier) => panic!("it ended: {:?}", held.err()),
        () = typing => {}
    }
    // A script is told at once.
    let (courier, mut script) = Person::new(false);
    let types = async {
        script.line().await;
        script.paste(&old).await;
        script
    };
    let (ended, _) = tokio::join!(hold(&world, &settings, courier), types);
    let error = ended.err().unwrap();
    assert!(
        matches!(error, CallError::Paste(_)) && error.to_string().starts_with("this answers another call"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_line_that_came_in_pieces_is_joined() {
    let world = World::named("open").await;
    let both = [offers(&world, Signal::Paste), answers(&world, Signal::Paste)];
    let ((one, mut here), (other, mut there)) = (Person::new(false), Person::new(false));
    let carrying = async {
        let offer = here.line().await;
        let pieces: Vec<&str> =
            (0..offer.len()).step_by(100).map(|at| &offer[at..offer.len().min(at + 100)]).collect();
        // The first try broke off, and mail has quoted the second.
        there.paste(pieces[0]).await;
        sleep(Duration::from_secs(1)).await;
        there.paste(&format!("> {}", pieces.join("\n> "))).await;
        let answer = there.line().await;
        here.paste(&answer).await;
        (here, there)
    };
    // What an empty line ends is judged: only a person may try again.
    let other = Courier { interactive: true, ..other };
    let (one, other, _) = tokio::join!(hold(&world, &both[0], one), hold(&world, &both[1], other), carrying);
    assert_connected(&one.unwrap());
    assert_connected(&other.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_end_that_nobody_answers_says_so_at_the_deadline() {
    let world = World::named("open").await;
    for signal in [Signal::Paste, Signal::Sdp, Signal::Listen(vec!["127.0.0.1:0".parse().unwrap()])] {
        for role in [CallRole::Offer, CallRole::Answer] {
            let mut settings = settings(&world, role, signal.clone());
            settings.run.deadline = Duration::from_secs(20);
            let (courier, person) = Person::new(false);
            let held = hold(&world, &settings, courier).await.unwrap();
            assert_eq!((held.verdict.kind, held.codes()), (Kind::Unknown, vec!["call-not-signalled"]));
            assert!(held.record.elapsed.as_ms() < 20_000.0, "{:?}", held.record.elapsed);
            drop(person);
            paced(world.shows_nothing_left_behind()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_reached_the_other_end_is_no_call() {
    let world = World::named("open").await;
    let mut both = [offers(&world, Signal::Paste), answers(&world, Signal::Paste)];
    both[1].run.deadline = Duration::from_secs(60);
    let ((one, mut here), (other, there)) = (Person::new(false), Person::new(false));
    let carrying = async {
        there.paste(&here.line().await).await;
        std::future::pending::<()>().await;
    };
    let held = tokio::select! {
        held = hold(&world, &both[1], other) => held.unwrap(),
        _ = hold(&world, &both[0], one) => panic!("it ended"),
        () = carrying => unreachable!(),
    };
    // The other end answers checks before it knows of us: that is no call yet.
    assert_eq!((held.verdict.kind, held.codes()), (Kind::Unknown, vec!["call-not-signalled"]));
    let why = held.record.signalling.unwrap();
    assert!(why.contains("our answer may not have reached it"), "{why}");
}

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
