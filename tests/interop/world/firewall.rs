//! What the branch office's router lets out.

use super::place::Place;
use std::fmt::Write as _;

/// A set of rules. They bind the client alone; the proxies may go anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Firewall {
    /// Everything passes.
    Open,
    /// No UDP from the client, silently.
    UdpDropped,
    /// No UDP from the client, with an ICMP error.
    UdpRejected,
    /// TCP to port 443 alone.
    Only443,
    /// Nothing but what the proxies do for the client.
    OnlyProxy,
    /// The first TURN server is silent.
    FirstServerSilent,
    /// UDP passes but for DTLS handshakes (RFC 7983: a first byte of 22), whoever sends them.
    DtlsDropped,
}

impl Firewall {
    /// What is added to the empty chain. Bound to the WAN, since some kernels also filter what a switch carries.
    fn rules(self) -> &'static [&'static str] {
        match self {
            Self::Open => &[],
            Self::UdpDropped => &["oifname wan0 ip saddr 10.10.0.2 meta l4proto udp drop"],
            Self::UdpRejected => {
                &["oifname wan0 ip saddr 10.10.0.2 meta l4proto udp reject with icmp port-unreachable"]
            }
            Self::Only443 => &[
                "oifname wan0 ip saddr 10.10.0.2 tcp dport 443 accept",
                "oifname wan0 ip saddr 10.10.0.2 drop",
            ],
            Self::OnlyProxy => &["oifname wan0 ip saddr 10.10.0.2 drop"],
            Self::FirstServerSilent => &["ip daddr 198.51.100.11 drop"],
            // The byte after the eight of the UDP header.
            Self::DtlsDropped => &["meta l4proto udp @th,64,8 22 drop"],
        }
    }

    /// Puts the rules in force on the router, for connections that exist as well.
    pub(super) fn apply(self, router: &Place) {
        let mut script = String::from("flush chain ip firewall forward\n");
        for rule in self.rules() {
            let _ = writeln!(script, "add rule ip firewall forward {rule}");
        }
        router.run_with_input("nft", &["-f", "-"], &script);
    }
}
