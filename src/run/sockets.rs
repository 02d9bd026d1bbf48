//! Datagram sockets by local address, as the client shares them.
//!
//! A client asks all servers from one socket a network, so that its host, reflexive and UDP relay candidates
//! have one base. Second allocations need another port and have sockets of their own.

use super::context::RunContext;
use crate::path::connect::cause_of;
use crate::path::{Dial, SharedUdp, UdpLink};
use crate::plan::Probe;
use raincheck_probes::evidence::Cause;
use raincheck_probes::machine::IdSource;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many ports of a fixed range are tried before the range counts as taken.
const PORT_TRIES: usize = 50;

/// The sockets of a run.
pub(super) struct Sockets {
    ports: Option<RangeInclusive<u16>>,
    /// What the unspecified address stands for, by family: the default route's own.
    default_local: Vec<IpAddr>,
    inner: Mutex<Inner>,
}

struct Inner {
    ids: IdSource,
    /// The client's own socket of each address.
    own: HashMap<IpAddr, SharedUdp>,
    /// Further ones.
    more: HashMap<IpAddr, Vec<SharedUdp>>,
    /// Where each probe leaves from.
    bases: HashMap<String, SocketAddr>,
}

impl Sockets {
    /// No sockets yet. `ports` is the client's own range, where it has one.
    pub(super) fn new(ports: Option<RangeInclusive<u16>>, default_local: Vec<IpAddr>, ids: IdSource) -> Self {
        let inner = Inner { ids, own: HashMap::new(), more: HashMap::new(), bases: HashMap::new() };
        Self { ports, default_local, inner: Mutex::new(inner) }
    }

    /// Opens the client's own socket of an address, or finds it open; says where it is bound.
    pub(super) fn open(&self, run: &RunContext, ip: IpAddr) -> Result<SocketAddr, Cause> {
        let mut inner = self.lock();
        if let Some(socket) = inner.own.get(&ip) {
            return Ok(self.with_default(socket.local()));
        }
        let socket = self.bind(run, &mut inner, ip).map_err(|error| cause_of(&error))?;
        let local = self.with_default(socket.local());
        inner.own.insert(ip, socket);
        Ok(local)
    }

    /// The socket that is bound there.
    pub(super) fn at(&self, base: SocketAddr) -> Option<SharedUdp> {
        let inner = self.lock();
        let mut all = inner.own.values().chain(inner.more.values().flatten());
        all.find(|socket| self.with_default(socket.local()) == base).cloned()
    }

    /// A link to a server from the probe's address: over the client's own socket, or over another one for
    /// the second allocation or when the server is being spoken to already.
    pub(super) fn link(
        &self,
        run: &RunContext,
        probe: &Probe,
        server: SocketAddr,
        second: bool,
    ) -> Result<UdpLink, Cause> {
        let ip = probe.binds.unwrap_or(unspecified(server));
        if !second {
            self.open(run, ip)?;
        }
        let mut inner = self.lock();
        let own = inner.own.get(&ip).filter(|_| !second);
        let more = inner.more.get(&ip).into_iter().flatten();
        if let Some(link) = own.into_iter().chain(more).find_map(|socket| socket.link(server)) {
            return Ok(link);
        }
        let socket = self.bind(run, &mut inner, ip).map_err(|error| cause_of(&error))?;
        let link = socket.link(server);
        inner.more.entry(ip).or_default().push(socket);
        link.ok_or_else(|| Cause::LocalFailure { detail: "a new socket was already in use".to_owned() })
    }

    /// Where a probe leaves from, once that is known.
    pub(super) fn base(&self, probe: &Probe) -> Option<SocketAddr> {
        self.lock().bases.get(&probe.id).copied()
    }

    /// Keeps where a probe leaves from.
    pub(super) fn note_base(&self, probe: &Probe, local: SocketAddr) {
        let base = self.with_default(local);
        self.lock().bases.insert(probe.id.clone(), base);
    }

    fn bind(&self, run: &RunContext, inner: &mut Inner, ip: IpAddr) -> io::Result<SharedUdp> {
        let dial: &dyn Dial = run.path.dial.as_ref();
        let Some(ports) = &self.ports else {
            return SharedUdp::open(dial, SocketAddr::new(ip, 0), run.clock);
        };
        let span = u64::from(ports.end() - ports.start()) + 1;
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..PORT_TRIES {
            let port = ports.start() + (inner.ids.next_u64() % span) as u16;
            match SharedUdp::open(dial, SocketAddr::new(ip, port), run.clock) {
                Ok(socket) => return Ok(socket),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// The address with the default route's own in place of the unspecified one.
    fn with_default(&self, local: SocketAddr) -> SocketAddr {
        let stands_for = self.default_local.iter().find(|ip| ip.is_ipv4() == local.is_ipv4());
        match stands_for {
            Some(ip) if local.ip().is_unspecified() => SocketAddr::new(*ip, local.port()),
            _ => local,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The unspecified address of the family of another.
pub(super) fn unspecified(like: SocketAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}
