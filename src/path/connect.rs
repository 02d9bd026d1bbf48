//! Happy eyeballs (RFC 8305), and how silence is judged.
//!
//! Every address is a race of its own: more connections are begun to it while the first ones stay without an answer,
//! so that lost packets cannot make a server look silent. Nine or more connection requests leave in the time that
//! one address is given, counting those that the system sends again after one second. The addresses race each other,
//! staggered. Whoever is late is closed.

use super::dial::{BoxFuture, Dial};
use super::open::Bounds;
use super::resolve::in_ms;
use crate::run::{Clock, OpenStep, PathLog};
use raincheck_probes::evidence::{Cause, Stage};
use raincheck_probes::machine::Offset;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep_until;

/// How long an address has the field for itself (RFC 8305 section 5).
pub const STAGGER: Duration = Duration::from_millis(250);

/// A TCP connection.
pub(super) struct Connected {
    pub(super) stream: TcpStream,
    pub(super) to: SocketAddr,
    pub(super) local: SocketAddr,
}

/// Connects to the first of the addresses that answers, each of those that are tried leaving a Connect step. The error
/// is that of the last to fail.
pub(super) async fn connect(
    dial: &dyn Dial,
    bounds: &Bounds,
    addresses: &[SocketAddr],
    from: Option<IpAddr>,
    log: &PathLog,
) -> Result<Connected, Cause> {
    let clock = log.clock();
    let mut order = interleaved(addresses, from).into_iter().peekable();
    if order.peek().is_none() {
        let detail = "the server has no address of the family of the local address".to_owned();
        let cause = Cause::LocalRefusal { detail };
        log.begin(Stage::Connect, None).fail(cause.clone());
        return Err(cause);
    }
    let mut racers: Vec<(OpenStep, BoxFuture<'_, Finish>)> = Vec::new();
    let mut next_at = clock.now();
    loop {
        let is_due = racers.is_empty() || clock.now() >= next_at;
        if let Some(to) = order.next_if(|_| is_due) {
            let step = log.begin(Stage::Connect, Some(to));
            racers.push((step, Box::pin(try_address(dial, bounds, to, from, clock))));
            next_at = clock.now() + STAGGER;
        }
        let (step, finish) = tokio::select! {
            finished = poll_fn(|cx| poll_any(&mut racers, cx)) => finished,
            () = sleep_until(clock.instant(next_at)), if order.peek().is_some() => continue,
        };
        step.fact("attempts", finish.attempts);
        match finish.result {
            Ok(connected) => {
                step.fact("local", connected.local.to_string());
                step.pass();
                racers.iter().for_each(|(step, _)| step.fact("overtaken", true));
                return Ok(connected);
            }
            Err(cause) => {
                step.fail(cause.clone());
                if racers.is_empty() && order.peek().is_none() {
                    return Err(cause);
                }
            }
        }
        next_at = clock.now();
    }
}

/// What an error of a socket means for the layer that it ended.
pub fn cause_of(error: &io::Error) -> Cause {
    use io::ErrorKind as Kind;
    let detail = error.to_string();
    match error.kind() {
        Kind::ConnectionRefused => Cause::Refused,
        Kind::ConnectionReset => Cause::Reset { received: 0 },
        Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof | Kind::NotConnected => {
            Cause::Closed { received: 0 }
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => Cause::Unreachable { detail },
        Kind::PermissionDenied | Kind::AddrNotAvailable => Cause::LocalRefusal { detail },
        _ => Cause::LocalFailure { detail },
    }
}

/// How the race for one address ended.
struct Finish {
    attempts: u32,
    result: Result<Connected, Cause>,
}

/// Tries one address until it answers in some way or its time is over.
async fn try_address(
    dial: &dyn Dial,
    bounds: &Bounds,
    to: SocketAddr,
    from: Option<IpAddr>,
    clock: Clock,
) -> Finish {
    let began = clock.now();
    let deadline = began + bounds.connect;
    let schedule: &[Duration] = if bounds.attempts.is_empty() { &[Duration::ZERO] } else { &bounds.attempts };
    let mut schedule =
        schedule.iter().copied().map(|after| began + after).filter(|at| *at < deadline).peekable();
    let mut attempts = 0;
    let mut running: Vec<((), BoxFuture<'static, io::Result<TcpStream>>)> = Vec::new();
    let result = loop {
        while schedule.next_if(|at| *at <= clock.now()).is_some() {
            attempts += 1;
            running.push(((), dial.tcp(to, from)));
        }
        let wake: Offset = schedule.peek().map_or(deadline, |at| *at);
        tokio::select! {
            ((), outcome) = poll_fn(|cx| poll_any(&mut running, cx)) => match outcome {
                Ok(stream) => break local_end(&stream).map(|local| Connected { stream, to, local }),
                // The system gave up on this attempt; that is silence, not an answer.
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                Err(error) => break Err(cause_of(&error)),
            },
            () = sleep_until(clock.instant(wake)) => {}
        }
        if clock.now() >= deadline {
            break Err(Cause::ConnectTimeout { attempts, waited_ms: in_ms(clock.now().since(began)) });
        }
    };
    Finish { attempts, result }
}

fn local_end(stream: &TcpStream) -> Result<SocketAddr, Cause> {
    stream.local_addr().map_err(|error| cause_of(&error))
}

/// Each address once, the families taking turns from that of the first (RFC 8305 section 4).
fn interleaved(addresses: &[SocketAddr], from: Option<IpAddr>) -> Vec<SocketAddr> {
    let usable = |address: &&SocketAddr| from.is_none_or(|from| from.is_ipv4() == address.is_ipv4());
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (mut turn, mut other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().filter(usable).rev().partition(|address| address.is_ipv4() == first_is_v4);
    let mut order: Vec<SocketAddr> = Vec::new();
    while let Some(address) = turn.pop().or_else(|| other.pop()) {
        if !order.contains(&address) {
            order.push(address);
        }
        if !other.is_empty() {
            std::mem::swap(&mut turn, &mut other);
        }
    }
    order
}

/// Takes out the first future that is ready, with what it was kept with. Pending while there is none.
fn poll_any<K, T>(running: &mut Vec<(K, BoxFuture<'_, T>)>, cx: &mut Context<'_>) -> Poll<(K, T)> {
    for at in 0..running.len() {
        if let Some((_, future)) = running.get_mut(at)
            && let Poll::Ready(output) = future.as_mut().poll(cx)
        {
            let (kept, _) = running.remove(at);
            return Poll::Ready((kept, output));
        }
    }
    Poll::Pending
}
