//! Two ends of a call in one process, and what each tells.

use crate::world::World;
use raincheck::call::end::{End, EndEvent, EndSetup};
use raincheck::call::record::EndRecord;
use raincheck::run::Ground;
use raincheck::settings::{ServerSource, Settings};
use raincheck_probes::evidence::Transport;
use raincheck_probes::ice::agent::{EventKind, IceRole, Peer};
use raincheck_probes::ice::{Candidate, Policy};
use raincheck_probes::server::{Scheme, UriTransport};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What only a test that hangs takes.
pub(crate) const HANGS: Duration = Duration::from_secs(20);

/// A packet of media as far as its first byte goes (RFC 7983): RTP version 2.
pub(crate) const MEDIA: &[u8] = b"\x80media";
/// A DTLS handshake record as far as its first byte goes.
pub(crate) const FLIGHT: &[u8] = b"\x16flight";

/// One end and what it told.
pub(crate) struct Side {
    pub(crate) end: End,
    pub(crate) events: mpsc::Receiver<EndEvent>,
    pub(crate) seen: VecDeque<EndEvent>,
}

pub(crate) struct Call {
    pub(crate) ground: Ground,
    pub(crate) near: Side,
    pub(crate) far: Side,
}

fn setup(settings: &Settings, role: IceRole, label: &str) -> EndSetup {
    EndSetup { settings: settings.clone(), role, survey: false, credentials: None, label: label.to_owned() }
}

pub(crate) fn peer(end: &End) -> Peer {
    Peer { credentials: end.credentials().clone(), lite: false, ice2: false }
}

pub(crate) fn is_selection(event: &EndEvent) -> bool {
    matches!(event, EndEvent::Agent { event, .. } if matches!(event.kind, EventKind::Selected { .. }))
}

impl Side {
    pub(crate) fn start(ground: &Ground, settings: &Settings, role: IceRole, label: &str) -> Self {
        let (end, events) = End::start(ground, setup(settings, role, label));
        Self { end, events, seen: VecDeque::new() }
    }

    /// Waits for the first event that fits, old ones included.
    pub(crate) async fn wait<T>(&mut self, what: &str, mut fits: impl FnMut(&EndEvent) -> Option<T>) -> T {
        if let Some(found) = self.seen.iter().find_map(&mut fits) {
            return found;
        }
        let found = timeout(HANGS, async {
            loop {
                let event = self.events.recv().await.unwrap();
                let found = fits(&event);
                self.seen.push_back(event);
                if let Some(found) = found {
                    return found;
                }
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("no {what} in {:#?}", self.seen),
        }
    }

    pub(crate) async fn record(&self) -> EndRecord {
        self.end.snapshot().await.unwrap()
    }

    pub(crate) async fn data(&mut self) -> Vec<u8> {
        self.seen.retain(|event| !matches!(event, EndEvent::Data { .. }));
        self.wait("data", |event| match event {
            EndEvent::Data { bytes, .. } => Some(bytes.clone()),
            _ => None,
        })
        .await
    }
}

impl Call {
    /// Both ends, with what each signals carried to the other at once, until both have selected a pair.
    pub(crate) async fn connect(world: &World, near: &Settings, far: &Settings) -> Self {
        let mut call = Self::start(world, near, far).await;
        call.carry_until(is_selection).await;
        call
    }

    pub(crate) async fn start(world: &World, near: &Settings, far: &Settings) -> Self {
        let ground = Ground::lay(near, world.around()).await.unwrap();
        let near = Side::start(&ground, near, IceRole::Controlling, "near");
        let far = Side::start(&ground, far, IceRole::Controlled, "far");
        near.end.set_peer(peer(&far.end)).await;
        far.end.set_peer(peer(&near.end)).await;
        Self { ground, near, far }
    }

    /// The same with everything gathered first. A client whose pair is strong gathers no further (libwebrtc,
    /// MaybeStopPortAllocatorSessions): without that it may connect before it has a relay.
    pub(crate) async fn gather_and_connect(world: &World, settings: &Settings) -> Self {
        let mut call = Self::start(world, settings, settings).await;
        for side in [&mut call.near, &mut call.far] {
            side.wait("end of gathering", |event| (*event == EndEvent::GatheringDone).then_some(())).await;
        }
        for (from, to) in [(&call.near, &call.far), (&call.far, &call.near)] {
            for event in &from.seen {
                if let EndEvent::Candidate(candidate) = event {
                    to.end.add_remote(candidate.clone()).await;
                }
            }
            to.end.remote_done().await;
        }
        call.carry_until(is_selection).await;
        call
    }

    /// Carries candidates until both ends have told something that fits, now or before.
    pub(crate) async fn carry_until(&mut self, fits: impl Fn(&EndEvent) -> bool) {
        let Self { near, far, .. } = self;
        let mut told = [near.seen.iter().any(&fits), far.seen.iter().any(&fits)];
        let carrying = timeout(HANGS, async {
            while told != [true, true] {
                let (side, event) = tokio::select! {
                    Some(event) = near.events.recv() => (0, event),
                    Some(event) = far.events.recv() => (1, event),
                };
                let (from, to) = if side == 0 { (&mut *near, &*far) } else { (&mut *far, &*near) };
                match &event {
                    EndEvent::Candidate(candidate) => to.end.add_remote(candidate.clone()).await,
                    EndEvent::GatheringDone => to.end.remote_done().await,
                    _ => {}
                }
                told[side] |= fits(&event);
                from.seen.push_back(event);
            }
        });
        if carrying.await.is_err() {
            panic!("near told {:#?} and far {:#?}", near.seen, far.seen);
        }
    }

    /// Ends both, and shows that nothing was left behind.
    pub(crate) async fn close(mut self, world: &World) -> [EndRecord; 2] {
        let (near, far) = tokio::join!(self.near.end.close(), self.far.end.close());
        self.ground.close().await;
        world.shows_nothing_left_behind().await;
        [near.unwrap(), far.unwrap()]
    }
}

pub(crate) fn relay_only(world: &World, transport: Transport) -> Settings {
    let mut settings = world.settings();
    settings.policy = Policy::Relay;
    let ServerSource::Named { servers, .. } = &mut settings.source else { panic!("not named") };
    servers.retain(|server| {
        let over = match (server.uri.scheme, server.uri.transport) {
            (Scheme::Turns, _) => Transport::Tls,
            (_, Some(UriTransport::Tcp)) => Transport::Tcp,
            _ => Transport::Udp,
        };
        over == transport
    });
    assert!(!servers.is_empty());
    settings
}

pub(crate) fn without_servers(world: &World) -> Settings {
    let source = ServerSource::Named { servers: Vec::new(), from: "the test".to_owned() };
    Settings { source, ..world.settings() }
}

pub(crate) fn selected(record: &EndRecord) -> (&Candidate, &Candidate) {
    let pair = &record.pairs[record.selected.unwrap()];
    (&pair.local, &pair.remote)
}
