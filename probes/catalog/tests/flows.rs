//! Section 4.

use super::*;

#[test]
fn roles_have_as_many_flows_as_their_tables_have_rows() {
    let expected = [
        (Role::Desktop, "4.1", 9),
        (Role::Mobile, "4.2", 11),
        (Role::Connectors, "4.3", 9),
        (Role::Room, "4.4", 6),
        (Role::PbxAgent, "4.5", 2),
        (Role::Gateway, "4.6.1", 4),
        (Role::GatewayLan, "4.6.2", 13),
        (Role::GatewayDmz, "4.6.3", 4 + 13),
        (Role::SipDevice, "4.7", 7),
    ];
    let roles = catalog().roles().iter();
    let found: Vec<(Role, &str, usize)> =
        roles.map(|info| (info.id, info.section.as_str(), catalog().flows(info.id).len())).collect();
    assert_eq!(found, expected);
}

/// Destinations and proxy column of one flow, as text.
fn shown(role: Role, id: &str) -> String {
    let flows = catalog().flows(role);
    let flow = flows.iter().find(|flow| flow.id == id).unwrap();
    let ports = |ports: &[PortSpec]| ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let to = |to: &Destination| {
        format!("{}{} {}", if to.fallback { "else " } else { "" }, to.to, ports(&to.ports))
    };
    let to = flow.destinations.iter().map(to).collect::<Vec<_>>().join(", ");
    let from = ports(&flow.source.ports);
    format!("{} {from} > {to} | {} {}", flow.source.who, flow.proxy, ports(&flow.proxy_ports))
}

#[test]
fn flows_say_what_section_4_says() {
    for (role, id, expected) in [
        (Role::Desktop, "rest", "client dynamic > rainbow-servers TLS/443 | yes "),
        (
            Role::Desktop,
            "media-internet",
            "client dynamic > turn UDP/3478 TLS/443 TCP/80 | yes TLS/443 TCP/80",
        ),
        (
            Role::Desktop,
            "conference",
            "client dynamic > conference UDP/49152-65535, else turn UDP/3478 TLS/443 TCP/80 | yes TLS/443 TCP/80",
        ),
        (Role::Desktop, "softphone-lan", "client dynamic > gateway UDP/20000-29999 | not-applicable "),
        (Role::Connectors, "hub-direct", "client dynamic > cloud-pbx UDP/30000-44999 | no "),
        (Role::Desktop, "hub-turn", "client dynamic > else turn UDP/3478 TLS/443 | yes TLS/443 TCP/80"),
        (Role::Mobile, "media-internet", "client dynamic > turn UDP/3478 TLS/443 | no "),
        (Role::Mobile, "push-apple", "client dynamic > apple-push TCP/5223 TCP/2197 TCP/443 | no "),
        (Role::Mobile, "push-google", "client dynamic > google-push TCP/5228-5230 TCP/443 | no "),
        (Role::Mobile, "hub-direct", "client dynamic > cloud-pbx UDP/30000-44999 | not-applicable "),
        (Role::Room, "push-google", "client dynamic > google-push TCP/5228-5230 | no "),
        (Role::PbxAgent, "dns", "pbx-agent  > dns-server UDP/53 | no "),
        (Role::Gateway, "ice", "gateway UDP/20000-29999 > turn UDP/3478 | yes TCP/80 TLS/443"),
        (Role::GatewayDmz, "sip-tls-in", "pbx TCP/dynamic > gateway TCP/5061 | not-stated "),
        (Role::GatewayLan, "dns", "gateway UDP/1024-65535 > dns-server UDP/53 | not-stated "),
        (Role::SipDevice, "srtp", "desk-phone UDP/30000-40000 > cloud-pbx UDP/30000-44999 | no "),
        (Role::SipDevice, "sip-tls", "desk-phone TCP/5061 > cloud-pbx TCP/5061 | no "),
    ] {
        assert_eq!(shown(role, id), expected, "{role} {id}");
    }
}

#[test]
fn flows_are_named_once_in_a_role_and_go_somewhere() {
    for role in [Role::Desktop, Role::Mobile, Role::Room, Role::PbxAgent, Role::Gateway, Role::GatewayLan] {
        let flows = catalog().flows(role);
        assert!(flows.iter().all(|flow| flow.role == role));
        assert_eq!(flows.iter().map(|flow| &flow.id).collect::<BTreeSet<_>>().len(), flows.len(), "{role}");
        assert!(flows.iter().flat_map(|flow| &flow.destinations).all(|to| !to.ports.is_empty()), "{role}");
    }
    let with_proxy_ports = catalog().flows.iter().filter(|flow| !flow.proxy_ports.is_empty());
    assert!(with_proxy_ports.clone().all(|flow| flow.proxy == ProxySupport::Yes));
    assert_eq!(with_proxy_ports.count(), 6, "four of desktop, two of the gateway");
}

#[test]
fn notes_carry_the_marks_of_the_document() {
    let reference = |id: &str| catalog().note(id).unwrap().reference();
    assert_eq!(reference("4.1-note1"), "4.1 note 1");
    assert_eq!(reference("4.1-note2"), "4.1 note 2");
    assert_eq!(reference("4.1-note3"), "4.1 note 3");
    assert_eq!(reference("4.6.1-proxy"), "4.6.1 *");
    assert_eq!(reference("4.6.1-tls"), "4.6.1 **");
    assert_eq!(reference("4.6.1-checks"), "4.6.1 ***");
    assert_eq!(reference("4.6.1-nat"), "4.6.1");
    assert!(catalog().note("4.6.1-nat").unwrap().text.contains("at least 10 minutes"));
    assert!(catalog().note("4.2-push-nat").unwrap().text.contains("at least 30 minutes"));
}

#[test]
fn section_4_8_gives_dynamic_ports_of_five_systems() {
    let ports: Vec<Ports> = catalog().dynamic_ports().iter().map(|system| system.ports).collect();
    let iana = Ports::Range(49152, 65535);
    assert_eq!(ports, [iana, iana, iana, Ports::Range(37000, 50000), Ports::Range(32768, 60999)]);
}
