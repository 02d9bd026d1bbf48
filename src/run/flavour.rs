//! The emulated client's habits on the wire, for `--patience client`.

use super::context::Schedules;
use raincheck_probes::evidence::Transport;
use raincheck_probes::ice::stack::{Client, Profile};
use raincheck_probes::stun::Schedule;
use raincheck_probes::turn::Flavour;

/// How the client speaks TURN.
pub fn flavour_of(profile: &Profile) -> Flavour {
    match profile.client {
        Client::Chromium | Client::Mobile => Flavour::chromium(profile.version),
        Client::Firefox => Flavour::firefox(),
        Client::Gateway | Client::GatewayTls => Flavour::libnice(),
        Client::Rfc8445 => Flavour::thorough(),
    }
}

/// When the client sends again and gives up.
pub fn schedules_of(profile: &Profile) -> Schedules {
    let of = |transport| {
        let plain = profile.schedule(transport);
        Schedule::from_ms(plain.sends_ms, plain.gives_up_ms)
    };
    Schedules { datagram: of(Transport::Udp), stream: of(Transport::Tcp) }
}
