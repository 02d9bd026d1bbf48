use super::*;
use crate::path::connect::connect;
use crate::path::open::Bounds;
use io::ErrorKind;

const A4: &str = "192.0.2.1:80";
const B4: &str = "192.0.2.2:80";
const A6: &str = "[2001:db8::1]:80";
const B6: &str = "[2001:db8::2]:80";

struct Race {
    log: PathLog,
    dial: Arc<FakeDial>,
    won: Result<SocketAddr, Cause>,
}

async fn race(to: &[&str], from: Option<&str>, meets: fn((SocketAddr, usize)) -> Meets) -> Race {
    let log = open_log();
    let dial = Arc::new(FakeDial::new(log.clock(), meets));
    let addresses: Vec<SocketAddr> = to.iter().map(|to| address(to)).collect();
    let from = from.map(|from| from.parse().unwrap());
    let won = connect(&*dial, &Bounds::default(), &addresses, from, &log).await.map(|won| won.to);
    Race { log, dial, won }
}

fn times(race: &Race) -> Vec<(f64, Option<f64>)> {
    steps(&race.log).iter().map(|step| (step.began.as_ms(), step.ended.map(Offset::as_ms))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_silent_address_is_asked_five_times_and_given_up_after_2800_ms() {
    let race = race(&[A4], None, |_| Meets::Silence).await;
    let cause = Cause::ConnectTimeout { attempts: 5, waited_ms: 2800 };
    assert_eq!(race.won, Err(cause.clone()));
    let dialled: Vec<f64> = race.dial.dialled().into_iter().map(|(at, _)| at).collect();
    assert_eq!(dialled, [0.0, 500.0, 1000.0, 1500.0, 2000.0]);
    assert_eq!(times(&race), [(0.0, Some(2800.0))]);
    assert_eq!(step(&race.log, Stage::Connect).outcome, Outcome::Failed(cause));
    assert_eq!(race.dial.live.load(Ordering::SeqCst), 0);
}

#[test]
fn nine_connection_requests_leave_before_an_address_is_called_silent() {
    // Linux sends a SYN again after 1 s and, doubling, after 3 s (RFC 6298 section 2); newer kernels more often.
    let Bounds { attempts, connect, .. } = Bounds::default();
    let sent = attempts.iter().flat_map(|begun| [0, 1, 3].map(|after| *begun + Duration::from_secs(after)));
    assert_eq!(sent.filter(|at| *at < connect).count(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer_and_ends_the_race_for_its_address() {
    let race = race(&[A4], None, |_| Meets::Error(40, ErrorKind::ConnectionRefused)).await;
    assert_eq!(race.won, Err(Cause::Refused));
    assert_eq!(times(&race), [(0.0, Some(40.0))]);
    assert_eq!(step(&race.log, Stage::Connect).facts.get("attempts"), Some(&1.into()));
}

#[tokio::test(start_paused = true)]
async fn what_the_system_says_decides_the_cause() {
    for (kind, code) in [
        (ErrorKind::PermissionDenied, "local-refusal"),
        (ErrorKind::AddrNotAvailable, "local-refusal"),
        (ErrorKind::NetworkUnreachable, "unreachable"),
        (ErrorKind::HostUnreachable, "unreachable"),
        (ErrorKind::ConnectionReset, "reset"),
        (ErrorKind::OutOfMemory, "local-failure"),
    ] {
        let log = open_log();
        let dial = FakeDial::new(log.clock(), move |_| Meets::Error(1, kind));
        let failed = connect(&dial, &Bounds::default(), &[address(A4)], None, &log).await;
        assert_eq!(failed.err().map(|cause| cause.code()), Some(code));
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_the_system_gives_up_is_silence() {
    let race = race(&[A4], None, |_| Meets::Error(100, ErrorKind::TimedOut)).await;
    assert_eq!(race.won, Err(Cause::ConnectTimeout { attempts: 5, waited_ms: 2800 }));
}

#[tokio::test(start_paused = true)]
async fn a_later_attempt_wins_where_the_first_was_lost() {
    let race =
        race(&[A4], None, |(_, attempt)| if attempt == 2 { Meets::Answer(40) } else { Meets::Silence }).await;
    assert_eq!(race.won, Ok(address(A4)));
    assert_eq!(times(&race), [(0.0, Some(1040.0))]);
    assert_eq!(step(&race.log, Stage::Connect).facts.get("attempts"), Some(&3.into()));
    assert_eq!(race.dial.live.load(Ordering::SeqCst), 0, "the others are closed");
}

#[tokio::test(start_paused = true)]
async fn the_families_take_turns_each_address_250_ms_after_the_one_before() {
    let race = race(&[A6, B6, A4, B4, A6], None, |_| Meets::Silence).await;
    let tried: Vec<_> =
        steps(&race.log).iter().map(|step| (step.began.as_ms(), step.address.unwrap().to_string())).collect();
    let expected = [(0.0, A6), (250.0, A4), (500.0, B6), (750.0, B4)];
    assert_eq!(tried, expected.map(|(at, to)| (at, to.to_owned())));
    assert_eq!(times(&race).last(), Some(&(750.0, Some(3550.0))));
    assert_eq!(race.won, Err(Cause::ConnectTimeout { attempts: 5, waited_ms: 2800 }));
}

#[tokio::test(start_paused = true)]
async fn the_next_address_follows_a_failure_at_once() {
    let race = race(&[A6, A4], None, |(to, _)| match to.is_ipv6() {
        true => Meets::Error(7, ErrorKind::NetworkUnreachable),
        false => Meets::Answer(20),
    })
    .await;
    assert_eq!(race.won, Ok(address(A4)));
    assert_eq!(times(&race), [(0.0, Some(7.0)), (7.0, Some(27.0))]);
}

#[tokio::test(start_paused = true)]
async fn the_first_to_answer_wins_and_the_other_is_left_unfinished() {
    let race = race(&[A6, A4, B4], None, |(to, _)| match to.is_ipv6() {
        true => Meets::Silence,
        false => Meets::Answer(30),
    })
    .await;
    assert_eq!(race.won, Ok(address(A4)));
    assert_eq!(times(&race), [(0.0, None), (250.0, Some(280.0))]);
    let first = &steps(&race.log)[0];
    assert_eq!((&first.outcome, first.facts.get("overtaken")), (&Outcome::Unfinished, Some(&true.into())));
    assert_eq!(race.dial.live.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_local_address_leaves_only_its_own_family() {
    let both = race(&[A6, A4], Some("192.0.2.9"), |_| Meets::Answer(1)).await;
    assert_eq!(both.dial.dialled(), [(0.0, A4.to_owned())]);
    let none = race(&[A6], Some("192.0.2.9"), |_| Meets::Answer(1)).await;
    assert_eq!(none.won.err().map(|cause| cause.code()), Some("local-refusal"));
    assert_eq!(story(&none.log), ["Connect local-refusal"]);
}
