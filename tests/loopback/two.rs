//! Two ends that meet by a line or by session descriptions, in virtual time.

use crate::calls::{Held, own, paced};
use crate::world::World;
use raincheck::call::courier::Show;
use raincheck::call::record::CallRole;
use raincheck::call::{CallError, Courier, run};
use raincheck::settings::call::{CallSettings, Signal};
use raincheck::verdict::Kind;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Somebody at one end: what is shown, and what is typed.
pub(crate) struct Person {
    pub(crate) shown: mpsc::UnboundedReceiver<Show>,
    types: mpsc::Sender<io::Result<String>>,
}

impl Person {
    pub(crate) fn new(interactive: bool) -> (Courier, Self) {
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

    pub(crate) async fn notice(&mut self) -> String {
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

pub(crate) fn settings(world: &World, role: CallRole, signal: Signal) -> CallSettings {
    CallSettings { role, signal, ..own(world.settings()) }
}

pub(crate) fn offers(world: &World, signal: Signal) -> CallSettings {
    settings(world, CallRole::Offer, signal)
}

pub(crate) fn answers(world: &World, signal: Signal) -> CallSettings {
    settings(world, CallRole::Answer, signal)
}

/// One end of a call.
pub(crate) async fn hold(
    world: &World,
    settings: &CallSettings,
    courier: Courier,
) -> Result<Held, CallError> {
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

pub(crate) fn assert_connected(held: &Held) {
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
async fn the_goodbye_leaves_before_the_socket_closes() {
    let world = World::named("open").await;
    let both = [offers(&world, Signal::Paste), answers(&world, Signal::Paste)];
    let [one, other] = carried_over(&world, [&both[0], &both[1]], Duration::ZERO).await;
    // Without it the answering end stays until it hears nothing any more, which takes libwebrtc 15 s.
    let [one, other] = [one, other].map(|held| held.record.elapsed.as_ms());
    assert!((other - one).abs() < 2_000.0, "{one} {other}");
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

#[tokio::test(start_paused = true)]
async fn a_soak_that_the_other_end_ends_is_told_so() {
    let world = World::named("open").await;
    let both = [offers(&world, Signal::Paste), answers(&world, Signal::Paste)];
    // Who offers does nothing more, and leaves; who answers wants to keep the call up.
    let soaks = CallSettings { soak: Some(Duration::from_secs(120)), ..both[1].clone() };
    let [_, held] = carried_over(&world, [&both[0], &soaks], Duration::ZERO).await;
    assert_eq!((held.verdict.kind, held.codes()), (Kind::Degraded, vec!["call-dropped"]));
    assert_eq!(held.ended_by(), "the other end said goodbye");
    // The other way round the answering end stays for as long as it is needed.
    let soaks = CallSettings { soak: Some(Duration::from_secs(30)), ..both[0].clone() };
    let [held, other] = carried_over(&world, [&soaks, &both[1]], Duration::ZERO).await;
    assert_eq!((held.verdict.kind, other.verdict.kind), (Kind::Works, Kind::Works));
    let soak = held.record.soak.unwrap();
    assert!(soak.received.unwrap() > 1_400, "{soak:#?}");
}
