//! What gathering takes: over a line that loses packets, by the client's own schedule.

use raincheck_lab::net::{self, SplitMix64};
use raincheck_probes::evidence::Transport;
use raincheck_probes::ice::gather::{Slot, SlotKind};
use raincheck_probes::ice::network::{AdapterKind, Network};
use raincheck_probes::ice::stack::Profile;
use std::net::IpAddr;
use std::time::Duration;

/// What carries the client's leg to its server.
pub(crate) fn leg(transport: Transport) -> net::Protocol {
    match transport {
        Transport::Udp => net::Protocol::Udp,
        Transport::Tcp => net::Protocol::Tcp,
        Transport::Tls => net::Protocol::Tls,
    }
}

/// The one network of a host: wired.
pub(crate) fn ethernet(address: IpAddr) -> Network {
    Network {
        name: "eth0".to_owned(),
        kind: AdapterKind::Ethernet,
        underlying: None,
        address,
        prefix: 24,
        default_local: Some(address),
        default_route: true,
        speed: None,
    }
}

/// How long a slot takes over this line, and whether it comes to anything: a transaction for a Binding; two for an
/// Allocate, with the TCP and TLS handshakes before.
pub(crate) fn time_of(
    profile: &Profile,
    slot: &Slot,
    link: net::Impairment,
    chance: &mut SplitMix64,
) -> (Duration, bool) {
    let round_trip = (link.delay + link.jitter) * 2;
    let lost = 1.0 - (1.0 - link.loss) * (1.0 - link.loss);
    let transactions = match slot.kind {
        SlotKind::Host | SlotKind::HostTcp(_) => return (Duration::ZERO, true),
        SlotKind::Relay(Transport::Tcp) => return (round_trip * 3, true),
        SlotKind::Relay(Transport::Tls) => return (round_trip * 5, true),
        SlotKind::Srflx => 1,
        SlotKind::Relay(Transport::Udp) => 2,
    };
    let schedule = profile.schedule(Transport::Udp);
    let mut takes = Duration::ZERO;
    for _ in 0..transactions {
        match schedule.sends_ms.iter().find(|_| !chance.chance(lost)) {
            Some(sent) => takes += Duration::from_millis(*sent) + round_trip,
            None => return (takes + Duration::from_millis(schedule.gives_up_ms), false),
        }
    }
    (takes, true)
}
