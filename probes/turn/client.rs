//! The client: asks under way, paired with what comes in.

mod answers;

use super::auth::Session;
use super::judge::{Judgement, stun_error};
use super::pending::Pending;
use super::relay::Relay;
use super::{Action, Answer, Ask, AskId, Config, Event, Finished, Framing, request};
use crate::evidence::{Cause, Facts, FirstBytes};
use crate::machine::{Input, Offset};
use crate::stun::raw::{ChannelData, Class, TransactionId, Writer};
use crate::stun::{Deframer, ErrorCode, Frame, Message, Transaction, attr};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// The most asks that are under way at once.
const MAX_PENDING: usize = 1_024;
/// The most [`Event::Odd`] of one client.
const MAX_ODD: u32 = 32;
/// How many ended transactions are remembered, so that answers to retransmissions are not called odd.
const MAX_ENDED: usize = 256;

/// A STUN and TURN client on one 5-tuple, without a socket and without a clock.
///
/// Drive it like any machine: after [`new`](Self::new), [`ask`](Self::ask) and every [`handle`](Self::handle), call
/// [`poll`](Self::poll) until it answers [`Action::WaitUntil`] or [`Action::Idle`]; wake it with [`Input::Tick`] at that
/// time. Asks may be put at any time; each ends in exactly one [`Event::Finished`].
#[derive(Debug, Clone)]
pub struct Client {
    config: Config,
    session: Option<Session>,
    relay: Relay,
    pending: Vec<Pending>,
    ended: VecDeque<TransactionId>,
    deframer: Deframer,
    /// Why nothing can be asked any more.
    dead: Option<Cause>,
    out: VecDeque<Action>,
    asked: u32,
    odd: u32,
}

impl Client {
    /// A client that has asked nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            session: None,
            relay: Relay::default(),
            pending: Vec::new(),
            ended: VecDeque::new(),
            deframer: Deframer::new(),
            dead: None,
            out: VecDeque::new(),
            asked: 0,
            odd: 0,
        }
    }

    /// Asks the server something now. The first request is in the next [`poll`](Self::poll).
    pub fn ask(&mut self, ask: Ask, now: Offset) -> AskId {
        let id = self.begin(ask, false, now);
        self.advance(now);
        id
    }

    /// Tells the client what happened, and when.
    pub fn handle(&mut self, input: Input<'_>, now: Offset) {
        match (input, self.config.transport) {
            (Input::Tick, _) => {}
            (Input::Received(bytes), Framing::Datagram) => self.on_datagram(bytes, now),
            (Input::Received(bytes), Framing::Stream) => self.on_stream(bytes, now),
            (Input::Closed, _) => {
                let unfinished = self.deframer.unfinished();
                if !unfinished.is_empty() {
                    let first_bytes = FirstBytes::of(unfinished).0;
                    self.pending.iter_mut().for_each(|p| p.facts.set("first_bytes", first_bytes.clone()));
                }
                self.abort(Cause::Closed { received: self.deframer.received() }, now);
            }
        }
        self.advance(now);
    }

    /// Asks what to do next. Call it until it answers [`Action::WaitUntil`] or [`Action::Idle`].
    pub fn poll(&mut self) -> Action {
        if let Some(action) = self.out.pop_front() {
            return action;
        }
        let transactions = self.pending.iter().map(|pending| pending.transaction.wake());
        let upkeep = self.relay.wake().filter(|_| self.config.upkeep && self.dead.is_none());
        transactions.chain(upkeep).min().map_or(Action::Idle, Action::WaitUntil)
    }

    /// Ends everything that is under way with this cause: the driver learned that the path is gone (an ICMP error,
    /// a reset). The ends come out of [`poll`](Self::poll). A stream cannot be asked anything more then.
    pub fn abort(&mut self, cause: Cause, now: Offset) {
        for mut pending in std::mem::take(&mut self.pending) {
            pending.end_round(None, false, now);
            self.retire(pending, Err(cause.clone()), now);
        }
        if self.config.transport == Framing::Stream {
            self.dead.get_or_insert(cause);
            // Servers end an allocation with its stream.
            self.relay.clear();
        }
    }

    /// The bytes that carry `payload` to `peer`, to be sent at once: ChannelData when a channel is bound to it, else
    /// a Send indication. None when the payload does not fit into one.
    pub fn send(&mut self, peer: SocketAddr, payload: &[u8]) -> Option<Vec<u8>> {
        match self.relay.channel_to(peer) {
            Some(number) => {
                let padded = self.config.transport == Framing::Stream;
                ChannelData { number, payload }.encode(padded)
            }
            None => request::send_indication(peer, payload, &self.config.ids.bytes()),
        }
    }

    /// The bytes of a Send indication with `payload` for `peer`, also where a channel is bound: as clients send
    /// connectivity checks that bind a channel for data alone. None when the payload does not fit into one.
    pub fn indicate(&mut self, peer: SocketAddr, payload: &[u8]) -> Option<Vec<u8>> {
        request::send_indication(peer, payload, &self.config.ids.bytes())
    }

    /// A signed Refresh with lifetime 0, to be written at once when the run is cut short; no answer is awaited, and
    /// upkeep ends. None when the server can hold nothing of ours.
    ///
    /// An Allocate that went out signed and was not answered counts as one that may hold.
    pub fn release_bytes(&mut self) -> Option<Vec<u8>> {
        if !self.relay.may_hold() {
            return None;
        }
        self.relay.clear();
        let id = self.config.ids.bytes();
        self.remember(id);
        self.encode(&Ask::Release, 0, &id)
    }

    /// Whether the server holds, or may hold, an allocation of ours.
    pub fn may_hold_allocation(&self) -> bool {
        self.relay.may_hold()
    }

    /// The asks of the driver that have not ended.
    pub fn unfinished(&self) -> impl Iterator<Item = (AskId, &Ask)> {
        self.pending.iter().filter(|pending| !pending.upkeep).map(|pending| (pending.id, &pending.ask))
    }

    /// What came in and fitted nothing, also what was too much for [`Event::Odd`].
    pub fn odd(&self) -> u32 {
        self.odd
    }

    fn begin(&mut self, ask: Ask, upkeep: bool, now: Offset) -> AskId {
        let id = AskId(self.asked);
        self.asked = self.asked.wrapping_add(1);
        let transaction = Transaction::new([0; 12], Vec::new(), self.config.schedule.clone(), now);
        let mut pending = Pending {
            id,
            ask,
            upkeep,
            channel: 0,
            transaction,
            signer: None,
            stale: 0,
            misfit: None,
            authenticated: false,
            facts: Facts::default(),
            began: now,
            rounds: Vec::new(),
        };
        // A Binding needs no credentials, unless the server says so.
        let signed = self.session.is_some() && pending.ask != Ask::Binding;
        match self.prepare(&mut pending).and_then(|()| self.start_round(&mut pending, signed, now)) {
            Ok(()) => self.pending.push(pending),
            Err(cause) => self.retire(pending, Err(cause), now),
        }
        id
    }

    /// Checks that an ask can be put at all, and takes what it needs.
    fn prepare(&mut self, pending: &mut Pending) -> Result<(), Cause> {
        if let Some(cause) = &self.dead {
            return Err(cause.clone());
        }
        if self.pending.len() >= MAX_PENDING {
            return Err(local(format!("more than {MAX_PENDING} requests at once")));
        }
        match &pending.ask {
            Ask::Permission(peers) if peers.is_empty() || peers.len() > request::MAX_PEERS => {
                Err(local(format!("permission for {} peers in one request", peers.len())))
            }
            Ask::Channel(peer) => {
                let number = self.relay.reserve(*peer);
                pending.channel = number.ok_or_else(|| local("no channel number is left".to_owned()))?;
                self.deframer.bind(pending.channel);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start_round(&mut self, pending: &mut Pending, signed: bool, now: Offset) -> Result<(), Cause> {
        let id: TransactionId = self.config.ids.bytes();
        let session = self.session.clone().filter(|_| signed);
        let bytes = self.encode_with(&pending.ask, pending.channel, &id, session.as_ref());
        let bytes = bytes.ok_or_else(|| local("the request does not fit into a message".to_owned()))?;
        pending.signer = session.as_ref().map(|session| session.signer().clone());
        if let Some(session) = &session {
            pending.note_session(session);
        }
        if matches!(pending.ask, Ask::Allocate(_)) && signed {
            self.relay.allocating();
        }
        pending.transaction = Transaction::new(id, bytes, self.config.schedule.clone(), now);
        Ok(())
    }

    fn encode(&self, ask: &Ask, channel: u16, id: &TransactionId) -> Option<Vec<u8>> {
        self.encode_with(ask, channel, id, self.session.as_ref())
    }

    fn encode_with(
        &self,
        ask: &Ask,
        channel: u16,
        id: &TransactionId,
        session: Option<&Session>,
    ) -> Option<Vec<u8>> {
        let flavour = &self.config.flavour;
        let bytes = request::encode(ask, channel, id, flavour)?;
        let writer = match (session, &self.config.credentials) {
            (Some(session), Some(credentials)) => session.sign(bytes, &credentials.username),
            _ => Writer::continuing(bytes),
        };
        if flavour.fingerprint { writer.fingerprint() } else { writer }.finish()
    }

    /// Sends what is due, gives up what is over, keeps alive what must be.
    fn advance(&mut self, now: Offset) {
        if self.config.upkeep && self.dead.is_none() {
            for ask in self.relay.due(now) {
                self.begin(ask, true, now);
            }
        }
        let mut index = 0;
        while let Some(pending) = self.pending.get_mut(index) {
            if pending.transaction.expired(now) {
                let pending = self.pending.remove(index);
                self.give_up(pending, now);
                continue;
            }
            if let Some(bytes) = pending.transaction.transmit(now) {
                self.out.push_back(Action::Transmit(bytes.to_vec()));
            }
            index += 1;
        }
    }

    fn give_up(&mut self, mut pending: Pending, now: Offset) {
        pending.end_round(None, false, now);
        let (requests, waited) = (pending.transaction.sends(), now - pending.transaction.began());
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        let cause = pending.misfit.take().unwrap_or(Cause::NoAnswer { requests, waited_ms });
        self.retire(pending, Err(cause), now);
    }

    fn on_stream(&mut self, bytes: &[u8], now: Offset) {
        self.deframer.push(bytes);
        loop {
            match self.deframer.next_frame() {
                Ok(Some(Frame::Stun(bytes))) => self.on_message(&bytes, now),
                Ok(Some(Frame::Channel { number, payload })) => self.on_channel(number, payload),
                Ok(None) => break,
                Err(cause) => {
                    self.abort(cause, now);
                    break;
                }
            }
        }
    }

    fn on_datagram(&mut self, bytes: &[u8], now: Offset) {
        match ChannelData::parse(bytes) {
            Some(data) if self.relay.peer_of(data.number).is_some() => {
                self.on_channel(data.number, data.payload.to_vec());
            }
            _ => self.on_message(bytes, now),
        }
    }

    fn on_channel(&mut self, number: u16, payload: Vec<u8>) {
        if let Some(peer) = self.relay.peer_of(number) {
            self.out.push_back(Action::Event(Event::Data { peer, payload }));
        }
    }
}

fn local(detail: String) -> Cause {
    Cause::LocalFailure { detail }
}
