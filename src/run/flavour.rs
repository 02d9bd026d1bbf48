//! The emulated client's habits on the wire, for `--patience client`.

use super::context::Schedules;
use raincheck_probes::ice::stack::{Client, Profile};
use raincheck_probes::stun::Schedule;
use raincheck_probes::turn::Flavour;

/// How the client speaks TURN.
pub(super) fn flavour_of(profile: &Profile) -> Flavour {
    match profile.client {
        Client::Chromium | Client::Mobile => Flavour::chromium(profile.version),
        Client::Firefox => Flavour::firefox(),
        Client::Gateway | Client::GatewayTls => Flavour::libnice(),
        Client::Rfc8445 => Flavour::thorough(),
    }
}

/// When the client sends again and gives up. libwebrtc repeats itself on streams too.
pub(super) fn schedules_of(profile: &Profile) -> Schedules {
    let (datagram, stream) = match profile.client {
        Client::Chromium | Client::Mobile => (Schedule::chromium(), Schedule::chromium()),
        Client::Firefox => (Schedule::firefox(), Schedule::firefox_reliable()),
        Client::Gateway | Client::GatewayTls => {
            (Schedule::libnice(), Schedule::reliable(Schedule::libnice().give_up()))
        }
        Client::Rfc8445 => (Schedule::rfc8489(), Schedule::reliable(Schedule::rfc8489().give_up())),
    };
    Schedules { datagram, stream }
}
