//! What a router makes of the addresses behind it, in the terms of RFC 4787.

use super::place::Place;

/// How a router translates UDP. All of them are Linux's connection tracking, told what to do by nftables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nat {
    /// Plain `masquerade`. Tracking is per connection, but keeps the source port while nobody else behind the router
    /// uses it towards the same destination, so one socket has the same mapping towards everyone: endpoint-independent
    /// to whoever looks, as long as ports do not collide. Filtering is address and port-dependent: a packet that is
    /// not of a tracked connection is not translated.
    PortRestricted,
    /// Endpoint-independent mapping and filtering ("full cone"): as above, and whatever UDP arrives from outside goes
    /// to the one host behind the router, whose ports are kept.
    EndpointIndependent,
    /// `masquerade random,fully-random`: a new random port for every destination address and port, so mapping is
    /// address and port-dependent ("symmetric"), and so is filtering. nftables has no mapping that depends on the
    /// address alone.
    AddressAndPortDependent,
}

/// A router in the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Router {
    /// Of the branch office, before the client.
    Branch,
    /// Of the home office, before the far side.
    Home,
}

impl Router {
    pub(super) fn place(self) -> &'static str {
        match self {
            Self::Branch => "router",
            Self::Home => "gateway",
        }
    }

    /// Sends what comes from outside to this TCP port to the one host behind the router, until its NAT is set again.
    pub(super) fn forward(self, port: u16, place: &Place) {
        let inside = self.inside();
        let rule = format!("add rule ip nat prerouting iifname wan0 tcp dport {port} dnat to {inside}\n");
        place.run_with_input("nft", &["-f", "-"], &rule);
    }

    /// The host that everything goes to which nobody asked for, where the NAT lets it in.
    fn inside(self) -> &'static str {
        match self {
            Self::Branch => "10.10.0.2",
            Self::Home => "192.168.7.2",
        }
    }
}

impl Nat {
    /// Puts the translation in force on the router, for connections to come.
    pub(super) fn apply(self, router: Router, place: &Place) {
        let how = if self == Self::AddressAndPortDependent {
            "masquerade random,fully-random"
        } else {
            "masquerade"
        };
        let mut script = format!(
            "flush chain ip nat postrouting\nflush chain ip nat prerouting\n\
             add rule ip nat postrouting oifname wan0 {how}\n"
        );
        if self == Self::EndpointIndependent {
            let inside = router.inside();
            script += &format!("add rule ip nat prerouting iifname wan0 meta l4proto udp dnat to {inside}\n");
        }
        place.run_with_input("nft", &["-f", "-"], &script);
    }
}
