//! Firewalls × ways out × credentials: each run covers UDP, TCP/80 and TLS/443 of both servers.

use crate::ask::{Answer, Credentials, ask, ice_servers};
use crate::harness::Case;
use crate::world::{Firewall, SERVERS, SQUID, TINYPROXY, World};

const FIREWALLS: [(Firewall, &str); 4] = [
    (Firewall::Open, "open"),
    (Firewall::UdpDropped, "udp_dropped"),
    (Firewall::Only443, "only_443"),
    (Firewall::OnlyProxy, "only_proxy"),
];
const WAYS: [(Option<&str>, &str); 3] =
    [(None, "direct"), (Some(SQUID), "through_squid"), (Some(TINYPROXY), "through_tinyproxy")];
const CREDENTIALS: [(Credentials, &str); 2] =
    [(Credentials::Right, "with_credentials"), (Credentials::None, "without_credentials")];
const TRANSPORTS: [&str; 3] = ["udp", "tcp", "tls"];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (firewall, network) in FIREWALLS {
        for (proxy, way) in WAYS {
            for (credentials, with) in CREDENTIALS {
                let cell = Cell { firewall, proxy, credentials };
                cases.push(Case::new(format!("matrix::{network}::{way}::{with}"), move |world| {
                    cell.check(world)
                }));
            }
        }
    }
    cases
}

#[derive(Clone, Copy)]
struct Cell {
    firewall: Firewall,
    proxy: Option<&'static str>,
    credentials: Credentials,
}

impl Cell {
    fn check(self, world: &mut World) {
        world.firewall(self.firewall);
        let servers = ice_servers(world, self.credentials);
        let mut more = vec!["--media", "0", "--proxy", self.proxy.unwrap_or("none")];
        more.extend(["--profile", "chromium"]);
        let answer = ask(world, "check", &servers, &more);
        self.paths(&answer);
        self.selection(&answer);
        self.capabilities(&answer);
        self.findings(&answer);
        self.verdict(&answer);
    }

    /// Whether the firewall lets this transport through on this route.
    fn passes(self, transport: &str, route: &str) -> bool {
        match (route, self.firewall) {
            ("direct", Firewall::Open) => true,
            ("direct", Firewall::UdpDropped) => transport != "udp",
            ("direct", Firewall::Only443) => transport == "tls",
            ("direct", _) => false,
            _ => transport != "udp",
        }
    }

    fn has_credentials(self) -> bool {
        self.credentials == Credentials::Right
    }

    fn paths(self, answer: &Answer) {
        for server in SERVERS {
            for transport in TRANSPORTS {
                for route in self.routes() {
                    self.path(answer, server, transport, route);
                }
            }
        }
    }

    fn path(self, answer: &Answer, server: &str, transport: &str, route: &str) {
        let path = answer.path(server, transport, route);
        if transport == "udp" && route != "direct" {
            assert!(path.is_none(), "UDP does not go through a proxy:\n{}", answer.pretty());
            return;
        }
        let Some(path) = path else {
            panic!("no path {server} {transport} {route}:\n{}", answer.pretty());
        };
        let about = || format!("{server} {transport} {route}:\n{path:#}\n{}", answer.finished.stderr);
        if !self.passes(transport, route) {
            assert_eq!(path["works"], false, "{}", about());
            assert!(path["proof"].is_null(), "{}", about());
        } else if self.has_credentials() {
            assert_eq!(path["works"], true, "{}", about());
            assert_eq!(path["proof"], "media", "{}", about());
        } else {
            assert_ne!(path["works"], false, "{}", about());
            assert_eq!(path["proof"], "reachable", "{}", about());
        }
    }

    fn routes(self) -> impl Iterator<Item = &'static str> {
        std::iter::once("direct").chain(self.proxy)
    }

    /// The transport that Chromium prefers among those that pass.
    fn preferred(self) -> Option<&'static str> {
        TRANSPORTS.into_iter().find(|transport| self.routes().any(|route| self.passes(transport, route)))
    }

    fn selection(self, answer: &Answer) {
        if !self.has_credentials() {
            return;
        }
        let selected = answer.selected();
        let Some(transport) = self.preferred() else {
            assert!(selected.is_none(), "nothing works, yet a path is selected:\n{}", answer.pretty());
            return;
        };
        let selected = selected.unwrap_or_else(|| panic!("no path is selected:\n{}", answer.pretty()));
        assert_eq!(selected["transport"], transport, "{}", answer.pretty());
        assert_eq!(selected["server"], SERVERS[0], "{}", answer.pretty());
        // Where there is a proxy, Chromium takes TCP and TLS through it.
        let route = if transport == "udp" { "direct" } else { self.proxy.unwrap_or("direct") };
        assert_eq!(selected["route"], route, "{}", answer.pretty());
        let position_one = &answer.list("ranking")[0];
        assert_eq!(position_one["position"], 1, "{}", answer.pretty());
        assert_eq!(position_one["selected"], true, "{}", answer.pretty());
    }

    fn capabilities(self, answer: &Answer) {
        let some_route = |transport: &str| self.routes().any(|route| self.passes(transport, route));
        let relay = |transport: &str| match (some_route(transport), self.has_credentials()) {
            (true, true) => "works",
            (true, false) => "unknown",
            (false, _) => "fails",
        };
        let via_proxy = match (self.proxy, self.has_credentials()) {
            (None, _) => "not-asked",
            (Some(_), true) => "works",
            (Some(_), false) => "unknown",
        };
        let expected = [
            ("direct_udp", if self.passes("udp", "direct") { "works" } else { "fails" }),
            ("relay_udp", relay("udp")),
            ("relay_tcp", relay("tcp")),
            ("relay_tls", relay("tls")),
            ("relay_via_proxy", via_proxy),
        ];
        for (capability, state) in expected {
            assert_eq!(answer.json["capabilities"][capability], state, "{capability}:\n{}", answer.pretty());
        }
    }

    fn findings(self, answer: &Answer) {
        let codes = [("udp-blocked", "udp"), ("tcp-80-blocked", "tcp"), ("tls-443-blocked", "tls")];
        for (code, transport) in codes {
            let finding = answer.finding(code);
            if self.passes(transport, "direct") {
                assert!(finding.is_none(), "{code} is not so:\n{}", answer.pretty());
            } else {
                let finding = finding.unwrap_or_else(|| panic!("no finding {code}:\n{}", answer.pretty()));
                let evidence = finding["evidence"].as_array().is_some_and(|list| !list.is_empty());
                assert!(evidence, "{code} without evidence:\n{finding:#}");
            }
        }
        if self.firewall == Firewall::Open {
            assert!(answer.findings("error").is_empty(), "errors in an open network:\n{}", answer.pretty());
        }
    }

    fn verdict(self, answer: &Answer) {
        let expected = match (self.firewall, self.preferred()) {
            (_, None) => ("fails", 1),
            (Firewall::Open, _) if self.has_credentials() => ("works", 0),
            (Firewall::Open, _) => ("reachable", 0),
            _ => ("degraded", 1),
        };
        assert_eq!((answer.text("verdict"), answer.status()), expected, "{}", answer.pretty());
    }
}
