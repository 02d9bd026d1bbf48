//! Section 5: names.

use super::*;

fn labels(servers: &[&TurnServer]) -> Vec<String> {
    servers.iter().map(|server| server.label.clone()).collect()
}

#[test]
fn section_5_names_27_turn_hosts() {
    let by_region = counts(catalog().turn_servers().iter().map(|server| server.region.as_str()));
    let expected = [
        ("australia", 1),
        ("bahrain", 2),
        ("brazil", 2),
        ("canada", 1),
        ("china", 1),
        ("france", 4),
        ("germany", 7),
        ("india", 1),
        ("japan", 1),
        ("singapore", 1),
        ("south-africa", 1),
        ("us-east", 3),
        ("us-west", 2),
    ];
    assert_eq!(by_region, expected);
    assert_eq!(catalog().turn_servers().len(), 27);
}

#[test]
fn turn_hosts_are_where_section_5_says() {
    for (label, country, region, zone) in [
        ("turn-bhs1", "Canada", "canada", Zone::NorthAmerica),
        ("turn-cap1", "South Africa", "south-africa", Zone::Africa),
        ("turn-bhr2", "Bahrain", "bahrain", Zone::MiddleEast),
        ("turn-dal1", "United States", "us-west", Zone::NorthAmerica),
        ("turn-vin3", "United States", "us-east", Zone::NorthAmerica),
        ("turn-lim7", "Germany", "germany", Zone::Europe),
        ("turn-gra2", "France", "france", Zone::Europe),
        ("turn-sao2", "Brazil", "brazil", Zone::SouthAmerica),
        ("turn-tok1", "Japan", "japan", Zone::Asia),
        ("turn-syd1", "Australia", "australia", Zone::Oceania),
    ] {
        let server = catalog().find_server(label).unwrap();
        assert_eq!((server.country.as_str(), server.region.as_str(), server.zone), (country, region, zone));
        assert_eq!(server.name, format!("{label}.openrainbow.com"));
    }
    let china = catalog().find_server("turn-dli2").unwrap();
    assert_eq!(china.name, "turn-dli2.myopenrainbow.cn.com");
    assert!(china.notes[0].contains("wildcard"), "{:?}", china.notes);
}

#[test]
fn a_turn_host_has_three_uris_in_the_order_of_section_4_1() {
    let uris = catalog().find_server("rbx1").unwrap().uris();
    let texts = uris.each_ref().map(|uri| uri.text.as_str());
    let expected = [
        "turn:turn-rbx1.openrainbow.com:3478?transport=udp",
        "turns:turn-rbx1.openrainbow.com:443?transport=tcp",
        "turn:turn-rbx1.openrainbow.com:80?transport=tcp",
    ];
    assert_eq!(texts, expected);
    assert_eq!(uris.map(|uri| uri.port), [Some(3478), Some(443), Some(80)]);
}

#[test]
fn a_server_is_found_by_name_label_or_site_in_any_case() {
    for text in ["turn-rbx1.openrainbow.com", "TURN-RBX1", "rbx1", " turn-rbx1.openrainbow.com. "] {
        assert_eq!(catalog().find_server(text).unwrap().label, "turn-rbx1", "{text}");
    }
}

#[test]
fn an_unknown_server_tells_near_misses() {
    let error = catalog().find_server("turn-rbx3.openrainbow.com").unwrap_err();
    assert_eq!(error.near, ["turn-rbx1", "turn-rbx2"].map(String::from));
    assert_eq!(catalog().find_server("trun-sao1").unwrap_err().near[0], "turn-sao1");
    let error = catalog().find_server("stun.example.org").unwrap_err();
    assert!(error.near.is_empty());
    assert_eq!(
        error.to_string(),
        "unknown server \"stun.example.org\": `raincheck catalog servers` lists what there is"
    );
}

#[test]
fn servers_are_selected_by_country_region_zone_and_label() {
    let select = |text: &str| labels(&catalog().servers_in(text).unwrap());
    assert_eq!(select("France"), ["turn-rbx1", "turn-rbx2", "turn-gra1", "turn-gra2"]);
    assert_eq!(select("US West"), ["turn-dal1", "turn-sjc1"]);
    assert_eq!(select("usa").len(), 5);
    assert_eq!(select("europe").len(), 11);
    assert_eq!(select("north-america").len(), 6);
    assert_eq!(select("americas").len(), 8);
    assert_eq!(select("EMEA").len(), 14);
    assert_eq!(select("APAC").len(), 5);
    assert_eq!(select("turn-lim").len(), 7);
    assert_eq!(select("vin"), ["turn-vin1", "turn-vin2", "turn-vin3"]);
    assert_eq!(select("turn-syd1"), ["turn-syd1"]);
}

#[test]
fn a_region_without_turn_hosts_or_unknown_tells_near_misses() {
    assert_eq!(catalog().servers_in("Grmany").unwrap_err().near, ["germany"]);
    assert_eq!(catalog().servers_in("austria").unwrap_err().near, ["australia"]);
    for text in ["", "atlantis", "israel", "tu"] {
        assert!(catalog().servers_in(text).is_err(), "{text}");
    }
}

#[test]
fn suggestions_mix_servers_and_regions() {
    assert_eq!(catalog().suggest("turn-gra3"), ["turn-gra1", "turn-gra2"]);
    assert_eq!(catalog().suggest("singapur"), ["singapore"]);
    assert_eq!(catalog().suggest("xyzzy"), [""; 0]);
}

#[test]
fn section_5_names_158_conference_hosts() {
    let names: Vec<&str> =
        catalog().conference_hosts().iter().flat_map(|group| &group.names).map(String::as_str).collect();
    let expected = [
        ("rtc-bhr", 1),
        ("rtc-bhs", 12),
        ("rtc-cap", 1),
        ("rtc-gra", 23),
        ("rtc-lim", 46),
        ("rtc-rbx", 36),
        ("rtc-sao", 3),
        ("rtc-sbg", 14),
        ("rtc-sgp", 3),
        ("rtc-syd", 3),
        ("rtc-vin", 16),
    ];
    assert_eq!(counts(names.iter().map(|name| &name[..7])), expected);
    assert_eq!(names.len(), 158);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 158, "no name twice");
}

#[test]
fn conference_hosts_are_in_the_country_that_is_printed_odd_ones_too() {
    let mut hosts = BTreeMap::new();
    for group in catalog().conference_hosts() {
        *hosts.entry(group.region.as_str()).or_insert(0) += group.names.len();
    }
    let expected = [
        ("australia", 3),
        ("bahrain", 1),
        ("brazil", 3),
        ("canada", 12),
        ("france", 74),
        ("germany", 46),
        ("singapore", 2),
        ("south-africa", 1),
        ("us", 16),
    ];
    assert_eq!(hosts.into_iter().collect::<Vec<_>>(), expected);
    for (name, printed) in [("rtc-sao4", "france"), ("rtc-sgp1", "brazil"), ("rtc-sgp2", "singapore")] {
        let name = format!("{name}.openrainbow.com");
        let group = catalog().conference_hosts().iter().find(|group| group.names.contains(&name)).unwrap();
        assert_eq!(group.region, printed, "{name}");
        assert_eq!(group.notes.is_empty(), name.contains("sgp2"), "{name}");
    }
}

#[test]
fn section_5_lists_names_in_14_rows_below_one_wildcard_for_all() {
    let rows: Vec<(&str, usize)> =
        catalog().domains().iter().map(|row| (row.id.as_str(), row.names.len())).collect();
    let expected = [
        ("all", 1),
        ("resources", 4),
        ("rest", 1),
        ("xmpp", 1),
        ("connectors", 1),
        ("developer-hub", 1),
        ("turn", 1 + 27),
        ("conference", 1 + 158),
        ("files", 8),
        ("pbx-agent", 1),
        ("gateway", 0),
        ("sandbox", 2),
        ("mail", 5),
        ("device-discovery", 1),
        ("cloud-pbx", 4),
    ];
    assert_eq!(rows, expected);
    let wildcards = catalog().domains().iter().flat_map(|row| &row.names).filter(|name| name.contains('*'));
    assert_eq!(wildcards.count(), 10);
}

#[test]
fn every_name_is_a_well_formed_host_name() {
    for name in catalog().domains().iter().flat_map(|row| &row.names) {
        assert!(name.split('.').count() >= 2 && name.len() <= 253, "{name}");
        for (at, label) in name.split('.').enumerate() {
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(
                !label.is_empty() && label.chars().all(|c| allowed(c) || (at == 0 && c == '*')),
                "{name}"
            );
        }
    }
}
