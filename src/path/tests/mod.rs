//! Tests of whole layers: against a dialler that does what it is told, in paused time, and against little servers on
//! loopback.

mod authority;
mod connect;
mod open;
mod proxied;
mod resolve;
mod tls;
mod udp;

use super::dial::{BoxFuture, Datagrams, Dial, LookupFailure};
use crate::run::{Clock, Journal, PathLog};
use raincheck_probes::evidence::{Cause, Outcome, PathEvidence, Route, Stage, Step, Transport};
use raincheck_probes::machine::Offset;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;

fn open_log() -> PathLog {
    Journal::new(Clock::start()).open(PathEvidence::new(
        "path",
        "server",
        "url",
        80,
        Transport::Tcp,
        Route::Direct,
    ))
}

fn steps(log: &PathLog) -> Vec<Step> {
    log.path().unwrap().steps
}

/// The stages and how they ended, in short.
fn story(log: &PathLog) -> Vec<String> {
    let short = |step: &Step| match &step.outcome {
        Outcome::Passed => format!("{:?} passed", step.stage),
        Outcome::Failed(cause) => format!("{:?} {}", step.stage, cause.code()),
        Outcome::Skipped(why) => format!("{:?} skipped {why:?}", step.stage),
        Outcome::Unfinished => format!("{:?} unfinished", step.stage),
    };
    steps(log).iter().map(short).collect()
}

fn step(log: &PathLog, stage: Stage) -> Step {
    steps(log).into_iter().rfind(|step| step.stage == stage).unwrap()
}

fn cause(log: &PathLog, stage: Stage) -> Cause {
    step(log, stage).cause().cloned().unwrap_or_else(|| panic!("{:?}", story(log)))
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What a connection attempt meets.
#[derive(Debug, Clone, Copy)]
enum Meets {
    Silence,
    Answer(u64),
    Error(u64, io::ErrorKind),
}

type Rule<K, A> = Box<dyn Fn(K) -> A + Send + Sync>;

/// A dialler that does what it is told and keeps what it was asked.
struct FakeDial {
    clock: Clock,
    /// By address and number of the attempt to it.
    meets: Rule<(SocketAddr, usize), Meets>,
    names: Rule<String, (u64, Result<Vec<IpAddr>, LookupFailure>)>,
    dialled: Mutex<Vec<(Offset, SocketAddr)>>,
    looked_up: Mutex<Vec<String>>,
    /// Attempts that were begun and neither ended nor dropped.
    live: Arc<AtomicUsize>,
}

impl FakeDial {
    fn new(clock: Clock, meets: impl Fn((SocketAddr, usize)) -> Meets + Send + Sync + 'static) -> Self {
        Self {
            clock,
            meets: Box::new(meets),
            names: Box::new(|_| (0, Err(LookupFailure::NotFound))),
            dialled: Mutex::default(),
            looked_up: Mutex::default(),
            live: Arc::default(),
        }
    }

    fn with_names(
        clock: Clock,
        names: impl Fn(String) -> (u64, Result<Vec<IpAddr>, LookupFailure>) + Send + Sync + 'static,
    ) -> Self {
        Self { names: Box::new(names), ..Self::new(clock, |_| Meets::Silence) }
    }

    /// When each address was dialled, in milliseconds.
    fn dialled(&self) -> Vec<(f64, String)> {
        self.dialled.lock().unwrap().iter().map(|(at, to)| (at.as_ms(), to.to_string())).collect()
    }
}

struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Dial for FakeDial {
    fn tcp(&self, to: SocketAddr, _: Option<IpAddr>) -> BoxFuture<'static, io::Result<TcpStream>> {
        let mut dialled = self.dialled.lock().unwrap();
        let attempt = dialled.iter().filter(|(_, before)| *before == to).count();
        dialled.push((self.clock.now(), to));
        let meets = (self.meets)((to, attempt));
        self.live.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(Arc::clone(&self.live));
        Box::pin(async move {
            let _alive = alive;
            match meets {
                Meets::Silence => pending().await,
                Meets::Answer(after) => {
                    sleep(Duration::from_millis(after)).await;
                    connected()
                }
                Meets::Error(after, kind) => {
                    sleep(Duration::from_millis(after)).await;
                    Err(kind.into())
                }
            }
        })
    }

    fn udp(&self, _: SocketAddr) -> io::Result<Arc<dyn Datagrams>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn lookup(&self, name: &str) -> BoxFuture<'static, Result<Vec<IpAddr>, LookupFailure>> {
        self.looked_up.lock().unwrap().push(name.to_owned());
        let (after, answer) = (self.names)(name.to_owned());
        Box::pin(async move {
            sleep(Duration::from_millis(after)).await;
            answer
        })
    }
}

/// A real connection, made without waiting.
fn connected() -> io::Result<TcpStream> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    stream.set_nonblocking(true)?;
    TcpStream::from_std(stream)
}
