//! The association after the handshake: data, echoes of a chosen size, and the goodbye.

use super::DtlsCause;
use super::end::LARGEST;
use super::engine::{Engine, Event, Turn};
use super::outcome::DtlsVersion;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use webrtc_util::conn::Conn;

/// Data that waits for a reader; more is dropped.
const MAX_WAITING: usize = 64;
/// Echoes that are waited for at once.
const MAX_ECHOES: usize = 16;
/// The first bytes of an echo request and of its answer between two rainchecks. The leading zero byte is no beginning
/// of an SCTP packet with a browser's ports.
const REQUEST: &[u8; 16] = b"\0raincheck echo?";
const ANSWER: &[u8; 16] = b"\0raincheck echo!";

/// A connected association. It answers repeated flights, timers and echo requests by itself; dropping it says goodbye.
pub struct Session {
    commands: mpsc::Sender<Command>,
    data: mpsc::Receiver<Vec<u8>>,
    ended: watch::Receiver<Option<Ended>>,
}

/// An echo that came back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Echo {
    /// Size of our datagram that reached the peer, bytes.
    pub sent: usize,
    /// Size of the datagram with its answer, bytes.
    pub received: usize,
    /// From one to the other.
    pub rtt: Duration,
    /// How many requests it took.
    pub tries: u32,
}

/// Why an association is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// We said goodbye.
    Here,
    /// The peer said goodbye.
    Peer,
    /// The path was closed, or the protocol was broken.
    Failed(DtlsCause),
}

enum Command {
    Send(Vec<u8>),
    Echo { datagram: usize, reply: oneshot::Sender<Echo> },
    Close,
}

impl Session {
    pub(super) fn start(
        conn: Arc<dyn Conn + Send + Sync>,
        engine: Engine,
        early: VecDeque<Vec<u8>>,
        wake: Instant,
    ) -> Self {
        let (commands, asked) = mpsc::channel(MAX_WAITING);
        let (deliver, data) = mpsc::channel(MAX_WAITING);
        let (tell, ended) = watch::channel(None);
        let happened = early.into_iter().map(|data| (Event::Data(data), 0)).collect();
        let runner = Runner { conn, engine, deliver, wake, echoes: HashMap::new(), next_echo: 0, happened };
        tokio::spawn(async move {
            let end = runner.run(asked).await;
            tell.send_replace(Some(end));
        });
        Self { commands, data, ended }
    }

    /// Sends application data, at most one datagram's worth, with a datagram's certainty; `false` when the
    /// association is over.
    pub async fn send(&self, data: Vec<u8>) -> bool {
        self.commands.send(Command::Send(data)).await.is_ok()
    }

    /// The next application data; `None` when the association is over. Data that nobody fetches is dropped.
    pub async fn receive(&mut self) -> Option<Vec<u8>> {
        self.data.recv().await
    }

    /// Sends requests whose datagrams are of exactly this size, until the peer's answer of the same size is back: the
    /// proof that such datagrams cross both ways. Only another raincheck answers. Sizes below 64 are made 64.
    ///
    /// Each of the `tries` waits `wait` before the next. `None`: no answer.
    pub async fn echo(&self, datagram: usize, tries: u32, wait: Duration) -> Option<Echo> {
        for tried in 1..=tries {
            let (reply, answer) = oneshot::channel();
            self.commands.send(Command::Echo { datagram, reply }).await.ok()?;
            if let Ok(Ok(echo)) = timeout(wait, answer).await {
                return Some(Echo { tries: tried, ..echo });
            }
        }
        None
    }

    /// Says goodbye (`close_notify`) and waits until it is sent.
    pub async fn close(mut self) -> Ended {
        let _ = self.commands.send(Command::Close).await;
        self.ended().await
    }

    /// Waits until the association is over, and says why.
    pub async fn ended(&mut self) -> Ended {
        match self.ended.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(Ended::Here),
            Err(_) => Ended::Failed(DtlsCause::Closed),
        }
    }
}

struct Runner {
    conn: Arc<dyn Conn + Send + Sync>,
    engine: Engine,
    deliver: mpsc::Sender<Vec<u8>>,
    wake: Instant,
    echoes: HashMap<u64, Waiting>,
    next_echo: u64,
    /// What happened and is not dealt with yet, with the size of the datagram that brought it.
    happened: VecDeque<(Event, usize)>,
}

struct Waiting {
    reply: oneshot::Sender<Echo>,
    sent: usize,
    at: Instant,
}

impl Runner {
    async fn run(mut self, mut asked: mpsc::Receiver<Command>) -> Ended {
        let conn = Arc::clone(&self.conn);
        let mut buffer = vec![0; LARGEST];
        if let Err(end) = self.settle().await {
            return end;
        }
        loop {
            let step = tokio::select! {
                biased;
                command = asked.recv() => self.command(command).await,
                came = conn.recv(&mut buffer) => match came {
                    Ok(length) => self.came(buffer.get(..length).unwrap_or_default()).await,
                    Err(_) => Err(Ended::Failed(DtlsCause::Closed)),
                },
                () = sleep_until(self.wake) => {
                    let turn = self.engine.time(Instant::now().into_std());
                    self.take(turn, 0).await
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn command(&mut self, command: Option<Command>) -> Result<(), Ended> {
        match command {
            Some(Command::Send(data)) => {
                let turn = self.engine.send(&data, Instant::now().into_std());
                self.take(turn, 0).await
            }
            Some(Command::Echo { datagram, reply }) => self.ask_echo(datagram, reply).await,
            Some(Command::Close) | None => {
                let turn = self.engine.close(Instant::now().into_std());
                let _ = self.take(Ok(turn), 0).await;
                Err(Ended::Here)
            }
        }
    }

    async fn came(&mut self, datagram: &[u8]) -> Result<(), Ended> {
        if !super::is_dtls(datagram) {
            return Ok(());
        }
        let turn = self.engine.receive(datagram, Instant::now().into_std());
        self.take(turn, datagram.len()).await
    }

    /// Does what a step asks for. `came` is the size of the datagram that made the step, 0 when none did.
    async fn take(&mut self, turn: Result<Turn, DtlsCause>, came: usize) -> Result<(), Ended> {
        self.note(turn, came).await?;
        self.settle().await
    }

    async fn note(&mut self, turn: Result<Turn, DtlsCause>, came: usize) -> Result<(), Ended> {
        let turn = turn.map_err(Ended::Failed)?;
        self.wake = Instant::from_std(turn.wake);
        self.happened.extend(turn.events.into_iter().map(|event| (event, came)));
        self.send_all(&turn.datagrams).await
    }

    async fn settle(&mut self) -> Result<(), Ended> {
        while let Some((event, came)) = self.happened.pop_front() {
            match event {
                Event::Data(data) => self.data(data, came).await?,
                Event::Goodbye => {
                    let turn = self.engine.close(Instant::now().into_std());
                    self.send_all(&turn.datagrams).await?;
                    return Err(Ended::Peer);
                }
                Event::Certificate(_) | Event::Srtp(_) | Event::Connected => {}
            }
        }
        Ok(())
    }

    async fn send_all(&self, datagrams: &[Vec<u8>]) -> Result<(), Ended> {
        for datagram in datagrams {
            self.conn.send(datagram).await.map_err(|_| Ended::Failed(DtlsCause::Closed))?;
        }
        Ok(())
    }

    async fn ask_echo(&mut self, datagram: usize, reply: oneshot::Sender<Echo>) -> Result<(), Ended> {
        self.echoes.retain(|_, waiting| !waiting.reply.is_closed());
        if self.echoes.len() >= MAX_ECHOES {
            return Ok(());
        }
        let id = self.next_echo;
        self.next_echo += 1;
        let mut request = [&REQUEST[..], &id.to_be_bytes()].concat();
        request.resize(datagram.max(64).saturating_sub(self.overhead()), 0);
        let turn = self.engine.send(&request, Instant::now().into_std()).map_err(Ended::Failed)?;
        let sent = turn.datagrams.iter().map(Vec::len).max().unwrap_or_default();
        self.echoes.insert(id, Waiting { reply, sent, at: Instant::now() });
        self.take(Ok(turn), 0).await
    }

    async fn data(&mut self, mut data: Vec<u8>, came: usize) -> Result<(), Ended> {
        if data.starts_with(REQUEST) {
            if let Some(head) = data.get_mut(..ANSWER.len()) {
                head.copy_from_slice(ANSWER);
            }
            let turn = self.engine.send(&data, Instant::now().into_std());
            return self.note(turn, 0).await;
        }
        if let Some(id) = data.strip_prefix(&ANSWER[..]).and_then(<[u8]>::first_chunk::<8>) {
            if let Some(waiting) = self.echoes.remove(&u64::from_be_bytes(*id)) {
                let Waiting { reply, sent, at } = waiting;
                let _ = reply.send(Echo { sent, received: came, rtt: at.elapsed(), tries: 1 });
            }
            return Ok(());
        }
        let _ = self.deliver.try_send(data);
        Ok(())
    }

    /// Bytes that a record adds to its data: header, explicit nonce, tag (RFC 6347 section 4.1, RFC 5288, RFC 7905; in
    /// 1.3 the short header, the type and the tag, RFC 9147 section 4).
    fn overhead(&self) -> usize {
        match (self.engine.version(), self.engine.tap.suite) {
            (Some(DtlsVersion::V1_3), _) => 5 + 1 + 16,
            (_, Some(0xCCA9 | 0xCCA8)) => 13 + 16,
            _ => 13 + 8 + 16,
        }
    }
}
