//! The client against servers that are written out by hand.

mod asks;
mod authentication;
mod data;
mod failures;
mod mutation;
mod server;
mod upkeep;

use super::*;
use crate::evidence::Cause;
use crate::machine::{IdSource, Input, Offset};
use crate::secret::Secret;
use crate::server::Credentials;
use crate::stun::Schedule;
use server::Request;
use std::net::SocketAddr;
use std::time::Duration;

/// One way of the round trip between client and server.
const ONE_WAY: Duration = Duration::from_millis(10);

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn config(transport: Framing) -> Config {
    let schedule = match transport {
        Framing::Datagram => Schedule::prompt(1),
        Framing::Stream => Schedule::reliable(Duration::from_secs(3)),
    };
    Config {
        transport,
        schedule,
        credentials: Some(Credentials { username: "ann".into(), password: Secret::new("opensesame") }),
        flavour: Flavour::thorough(),
        upkeep: true,
        ids: IdSource::new(7),
    }
}

/// A client, its clock, and what came out of it.
struct Bench {
    client: Client,
    now: Offset,
    sent: Vec<(Offset, Vec<u8>)>,
    events: Vec<Event>,
    wake: Option<Offset>,
}

impl Bench {
    fn new(config: Config) -> Self {
        let client = Client::new(config);
        Self { client, now: Offset::from_ms(1_000), sent: vec![], events: vec![], wake: None }
    }

    fn udp() -> Self {
        Self::new(config(Framing::Datagram))
    }

    fn tcp() -> Self {
        Self::new(config(Framing::Stream))
    }

    /// A client with an allocation of ten minutes.
    fn allocated(transport: Framing) -> Self {
        let mut bench = Self::new(config(transport));
        bench.ask(Ask::Allocate(Families::V4));
        bench.answer(server::challenge);
        bench.answer(server::allocated);
        assert!(bench.finished().result.is_ok());
        bench
    }

    fn ask(&mut self, ask: Ask) -> AskId {
        let id = self.client.ask(ask, self.now);
        self.settle();
        id
    }

    /// The request that was sent last.
    fn request(&self) -> Request {
        Request::read(&self.sent.last().expect("nothing was sent").1)
    }

    /// Lets the server answer the last request, one round trip after now.
    fn answer(&mut self, server: impl Fn(&Request) -> Vec<u8>) {
        let bytes = server(&self.request());
        self.receive(&bytes);
    }

    /// Lets bytes come in, one round trip after now.
    fn receive(&mut self, bytes: &[u8]) {
        self.now = self.now + ONE_WAY + ONE_WAY;
        self.client.handle(Input::Received(bytes), self.now);
        self.settle();
    }

    /// Jumps to the next wake-up.
    fn tick(&mut self) {
        self.now = self.wake.expect("nothing to wait for");
        self.client.handle(Input::Tick, self.now);
        self.settle();
    }

    /// Jumps from wake-up to wake-up until an event comes.
    fn run_to_event(&mut self) -> Event {
        for _ in 0..1_000 {
            if !self.events.is_empty() {
                return self.events.remove(0);
            }
            self.tick();
        }
        panic!("no event after a thousand wake-ups");
    }

    fn settle(&mut self) {
        for _ in 0..10_000 {
            match self.client.poll() {
                Action::Transmit(bytes) => self.sent.push((self.now, bytes)),
                Action::Event(event) => self.events.push(event),
                Action::WaitUntil(at) => {
                    self.wake = Some(at);
                    return;
                }
                Action::Idle => {
                    self.wake = None;
                    return;
                }
            }
        }
        panic!("the client does not come to rest");
    }

    /// The one event there is: the end of an ask.
    fn finished(&mut self) -> Finished {
        match self.run_to_event() {
            Event::Finished(finished) => finished,
            other => panic!("{other:?}"),
        }
    }

    /// The one event there is: the cause that an ask failed with.
    fn failure(&mut self) -> Cause {
        self.finished().result.expect_err("the ask succeeded")
    }

    fn odd(&mut self) -> Cause {
        match self.run_to_event() {
            Event::Odd { cause } => cause,
            other => panic!("{other:?}"),
        }
    }

    fn codes(finished: &Finished) -> Vec<Option<u16>> {
        finished.rounds.iter().map(|round| round.stun_code).collect()
    }
}
