//! From settings, servers and networks to an ordered list of probes. Pure.
//!
//! A probe is one question: can this server be used over this transport by this way? Some are what the
//! emulated client would do, and then their answers fill slots of the client's gathering; others are there
//! to compare with (the direct way beside a proxy) and fill none.

use crate::path::is_bypassed;
use crate::settings::ProxyServer;
use raincheck_probes::evidence::{PathEvidence, Route, Transport};
use raincheck_probes::ice::gather::{Gathering, Slot, SlotKind};
use raincheck_probes::ice::stack::{Profile, Role};
use raincheck_probes::machine::Offset;
use raincheck_probes::server::{Host, IceServer};
use std::net::IpAddr;
use std::time::Duration;

/// One question to the network.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Unique and stable for the same question: `udp/turn1.example:3478`.
    pub id: String,
    /// The server, with its credentials.
    pub server: IceServer,
    /// The port that is used.
    pub port: u16,
    /// Whether relaying is asked for, or only STUN.
    pub role: Role,
    /// How the server is spoken to.
    pub transport: Transport,
    /// The proxy to go through.
    pub proxy: Option<ProxyServer>,
    /// The address to leave from; none leaves the choice to the system.
    pub binds: Option<IpAddr>,
    /// The interface of that address.
    pub interface: Option<String>,
    /// Whether the client would do this.
    pub client_tries: bool,
    /// Slots of the gathering that a relayed address fills: one a network that shares the connection.
    pub relay_slots: Vec<usize>,
    /// Slots that a mapped address fills.
    pub mapped_slots: Vec<usize>,
    /// Whether the same question is also asked from another network of this host. Of such a path nothing is
    /// left when the server's name does not resolve: that is the same for all networks, and told once.
    pub also_elsewhere: bool,
    /// When the client would begin, after the start of gathering.
    pub starts: Duration,
}

impl Probe {
    /// The server's host as text.
    pub fn host(&self) -> String {
        host_text(&self.server.uri.host)
    }

    /// The way there.
    pub fn route(&self) -> Route {
        self.proxy.as_ref().map_or(Route::Direct, |proxy| Route::Proxy(proxy.url()))
    }

    /// The empty record of this path.
    pub fn evidence(&self) -> PathEvidence {
        let (host, url) = (self.host(), &self.server.uri.text);
        PathEvidence {
            interface: self.interface.clone(),
            client_tries: self.client_tries,
            has_credentials: self.server.credentials.is_some(),
            client_starts: Offset::new(self.starts),
            ..PathEvidence::new(&self.id, &host, url, self.port, self.transport, self.route())
        }
    }
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What the client would do, no more.
    Gather,
    /// Also what tells an administrator where the fault lies.
    Check,
}

/// Makes the plan: servers in their order, and within a server the transports in the order of its URLs.
pub fn plan(
    gathering: &Gathering,
    servers: &[IceServer],
    profile: &Profile,
    proxies: &[ProxyServer],
    purpose: Purpose,
) -> Vec<Probe> {
    let mut planner = Planner { gathering, profile, proxies, purpose, probes: Vec::new() };
    for (index, server) in servers.iter().enumerate() {
        planner.what_the_client_does(index, server);
        if purpose == Purpose::Check {
            planner.what_it_leaves_out(server);
        }
    }
    planner.probes
}

struct Planner<'a> {
    gathering: &'a Gathering,
    profile: &'a Profile,
    proxies: &'a [ProxyServer],
    purpose: Purpose,
    probes: Vec<Probe>,
}

impl Planner<'_> {
    fn what_the_client_does(&mut self, index: usize, server: &IceServer) {
        for slot in self.gathering.slots().iter().filter(|slot| slot.server == Some(index)) {
            let (transport, mapped) = match slot.kind {
                SlotKind::Relay(transport) => (transport, false),
                SlotKind::Srflx => (Transport::Udp, true),
                SlotKind::Host | SlotKind::HostTcp(_) => continue,
            };
            let Some(probe) = self.probe(server, slot, transport) else { continue };
            let probe = self.place(probe);
            if mapped {
                probe.mapped_slots.push(slot.id);
            } else {
                probe.relay_slots.push(slot.id);
            }
        }
    }

    fn probe(&self, server: &IceServer, slot: &Slot, transport: Transport) -> Option<Probe> {
        let reading = slot.reading?;
        let network = &self.gathering.networks().get(slot.network)?.network;
        let bound = transport == Transport::Udp || !slot.binds.is_unspecified();
        Some(Probe {
            id: String::new(),
            server: server.clone(),
            port: reading.port,
            role: reading.role,
            transport,
            proxy: self.client_proxy(server, reading.port, transport).cloned(),
            binds: bound.then_some(slot.binds),
            interface: bound.then(|| network.name.clone()),
            client_tries: true,
            relay_slots: Vec::new(),
            mapped_slots: Vec::new(),
            also_elsewhere: false,
            starts: slot.starts,
        })
    }

    /// The probe that asks this question already, or else this one, now in the plan.
    ///
    /// A connection that is not bound to a network is opened once for all enumerated networks. Without
    /// enumeration a client opens it once for each ANY network: a gathering shows that, a check asks once.
    fn place(&mut self, mut probe: Probe) -> &mut Probe {
        let enumerated = self.gathering.networks().iter().all(|network| !network.is_any());
        let shares = probe.binds.is_some() || enumerated || self.purpose == Purpose::Check;
        let found = self.probes.iter().position(|other| {
            shares
                && (other.server == probe.server || one_binding(other, &probe))
                && other.transport == probe.transport
                && other.proxy == probe.proxy
                && other.binds == probe.binds
        });
        if let Some(other) = found.and_then(|at| self.probes.get_mut(at))
            && other.role == Role::Stun
            && probe.role == Role::Turn
        {
            other.role = Role::Turn;
            other.server = probe.server.clone();
        }
        let at = found.unwrap_or_else(|| {
            probe.id = self.name(&probe);
            probe.also_elsewhere = self.probes.iter().any(|other| {
                other.server == probe.server
                    && other.transport == probe.transport
                    && other.proxy == probe.proxy
            });
            self.probes.push(probe);
            self.probes.len() - 1
        });
        &mut self.probes[at]
    }

    /// The ways that the client would not take, for comparison: direct where it goes through a proxy, and
    /// through each proxy where it does not.
    fn what_it_leaves_out(&mut self, server: &IceServer) {
        let is_stream = |probe: &&Probe| probe.transport != Transport::Udp && probe.server == *server;
        let taken: Vec<Probe> = self.probes.iter().filter(is_stream).cloned().collect();
        for taken in taken {
            let usable = |proxy: &&ProxyServer| !is_bypassed(&proxy.except, &server.uri.host, taken.port);
            let ways = std::iter::once(None).chain(self.proxies.iter().filter(usable).map(Some));
            for way in ways.filter(|way| *way != taken.proxy.as_ref()) {
                let probe = Probe {
                    proxy: way.cloned(),
                    client_tries: false,
                    relay_slots: Vec::new(),
                    mapped_slots: Vec::new(),
                    ..taken.clone()
                };
                self.place(probe);
            }
        }
    }

    fn client_proxy(&self, server: &IceServer, port: u16, transport: Transport) -> Option<&ProxyServer> {
        let through = self.profile.proxy_use(transport).through();
        let host = &server.uri.host;
        self.proxies.iter().find(|proxy| through && !is_bypassed(&proxy.except, host, port))
    }

    /// `udp/turn1.example:3478`, with what else tells it from its neighbours.
    fn name(&self, probe: &Probe) -> String {
        let transport = match probe.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        };
        let host = probe.host();
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let way = probe.proxy.as_ref().map(|proxy| format!("@{}", proxy.url())).unwrap_or_default();
        let plain = format!("{transport}/{host}:{}{way}", probe.port);
        let from = probe.binds.map(|from| format!("{plain}%{from}"));
        let numbered = (2_u32..).map(|number| format!("{plain}#{number}"));
        let is_free = |name: &String| self.probes.iter().all(|other| other.id != *name);
        std::iter::once(plain.clone()).chain(from).chain(numbered).find(is_free).unwrap_or(plain)
    }
}

/// A host as text, without brackets.
/// Whether two URLs mean one Binding from one socket: a `stun:` URL beside the `turn:` URL of the same server.
fn one_binding(one: &Probe, other: &Probe) -> bool {
    one.server.uri.host == other.server.uri.host
        && one.port == other.port
        && (one.role == Role::Stun || other.role == Role::Stun)
}

pub(crate) fn host_text(host: &Host) -> String {
    match host {
        Host::Name(name) => name.clone(),
        Host::Ip(ip) => ip.to_string(),
    }
}

#[cfg(test)]
mod tests;
