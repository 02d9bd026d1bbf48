//! Section 5: addresses.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn section_5_lists_268_addresses_and_blocks_in_53_rows() {
    let mut listed = BTreeMap::new();
    for row in catalog().addresses(None, None).unwrap() {
        *listed.entry(row.service).or_insert(0) += row.networks.len();
    }
    let expected = [
        (Service::Misc, 8),
        (Service::LoadBalancers, 58),
        (Service::Turn, 20),
        (Service::Conference, 155),
        (Service::Mail, 2),
        (Service::CloudPbx, 6),
        (Service::DeviceDiscovery, 17),
        (Service::Connectors, 1),
        (Service::CallbackProxy, 1),
    ];
    assert_eq!(listed.into_iter().collect::<Vec<_>>(), expected);
    let rows = catalog().addresses(None, None).unwrap();
    assert_eq!(rows.len(), 53);
    assert_eq!(rows.iter().flat_map(|row| &row.networks).count(), 268);
    assert_eq!(rows.iter().flat_map(|row| &row.networks).filter(|network| !network.is_single()).count(), 9);
}

#[test]
fn the_addresses_of_section_5_add_up() {
    let rows = catalog().addresses(None, None).unwrap();
    let number = |network: &Network| match network.address() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => panic!("{v6}: the document has no IPv6"),
    };
    let sum: u64 = rows.iter().flat_map(|row| &row.networks).map(number).sum();
    assert_eq!(sum, 521_594_073_666, "the sum of all dotted quads of the second table, as 32-bit numbers");
}

#[test]
fn addresses_per_region_are_as_many_as_section_5_lists() {
    let listed = |service| {
        let rows = catalog().addresses(Some(service), None).unwrap();
        rows.iter().map(|row| (row.as_written.as_str(), row.networks.len())).collect::<Vec<_>>()
    };
    let balancers = [
        ("North America", 15),
        ("South America", 1),
        ("Europe", 24),
        ("Germany", 4),
        ("Asia", 8),
        ("Oceania", 6),
    ];
    assert_eq!(listed(Service::LoadBalancers), balancers);
    let turn = [
        ("North America / US West", 1),
        ("North America / US Central", 1),
        ("North America / US East", 1),
        ("North America / Canada", 1),
        ("South America / Brazil", 1),
        ("Europe / France", 4),
        ("Europe / Germany", 3),
        ("Asia / India", 1),
        ("Asia / Singapore", 1),
        ("Asia / China", 1),
        ("Asia / Japan", 1),
        ("Oceania / Australia", 1),
        ("Africa / South Africa", 1),
        ("Middle East / Bahrain", 2),
    ];
    assert_eq!(listed(Service::Turn), turn);
    let conference = [
        ("North America / Canada", 12),
        ("North America / US East", 15),
        ("South America / Brazil", 3),
        ("Europe / France", 70),
        ("Europe / Germany", 45),
        ("Asia / Singapore", 3),
        ("Asia / China", 2),
        ("Oceania / Australia", 3),
        ("Africa / South Africa", 1),
        ("Middle East / Bahrain", 1),
    ];
    assert_eq!(listed(Service::Conference), conference);
    let discovery = [
        ("Europe / France", 8),
        ("Europe / Germany", 3),
        ("Oceania / Australia", 2),
        ("Asia / Singapore", 2),
        ("North America / Canada", 2),
    ];
    assert_eq!(listed(Service::DeviceDiscovery), discovery);
}

#[test]
fn only_the_duplicates_of_the_document_are_in_the_data() {
    let all = catalog().addresses(None, None).unwrap();
    let networks: Vec<String> = all.iter().flat_map(|row| &row.networks).map(ToString::to_string).collect();
    let twice: Vec<&str> = counts(networks.iter().map(String::as_str))
        .into_iter()
        .filter(|(_, times)| *times > 1)
        .map(|(network, times)| {
            assert_eq!(times, 2, "{network}");
            network
        })
        .collect();
    let expected = [
        "139.99.177.193",
        "139.99.212.214",
        "178.32.125.149",
        "178.32.125.241",
        "178.32.125.56",
        "178.32.126.196",
        "178.33.41.118",
        "87.98.184.126",
    ];
    assert_eq!(twice, expected);
    for network in expected {
        let noted = all.iter().any(|row| row.notes.iter().any(|note| note.contains(network)));
        assert!(noted || network.starts_with("139.99."), "{network} is noted");
    }
}

#[test]
fn an_address_belongs_to_the_service_that_lists_it_and_else_to_its_block() {
    let place = |text: &str| {
        catalog().contains_address(ip(text)).map(|(service, region)| (service, region.id.as_str()))
    };
    assert_eq!(place("51.38.218.217"), Some((Service::Turn, "france")));
    assert_eq!(place("157.175.244.247"), Some((Service::Turn, "bahrain")));
    assert_eq!(place("54.153.56.183"), Some((Service::Turn, "china")));
    assert_eq!(place("169.38.94.246"), Some((Service::LoadBalancers, "asia")));
    assert_eq!(place("91.121.36.216"), Some((Service::Conference, "france")));
    assert_eq!(place("54.37.194.109"), Some((Service::DeviceDiscovery, "germany")));
    assert_eq!(place("109.226.50.177"), Some((Service::CloudPbx, "israel")));
    assert_eq!(place("141.94.145.111"), Some((Service::Connectors, "worldwide")));
    assert_eq!(place("51.178.224.225"), Some((Service::Misc, "france")));
    assert_eq!(place("135.148.197.1"), Some((Service::Turn, "us-east")), "though it lies in a misc block");
    assert_eq!(place("162.19.180.112"), None, "removed by edition 33");
    assert_eq!(place("::ffff:51.38.218.217"), None);
    let rows = catalog().rows_with(ip("135.148.197.1"));
    let services: Vec<Service> = rows.iter().map(|row| row.service).collect();
    assert_eq!(services, [Service::Turn, Service::Misc]);
}

#[test]
fn addresses_of_a_country_include_the_rows_that_enclose_it() {
    let rows = catalog().addresses(Some(Service::LoadBalancers), Some("germany")).unwrap();
    let written: Vec<&str> = rows.iter().map(|row| row.as_written.as_str()).collect();
    assert_eq!(written, ["Europe", "Germany"]);
    let rows = catalog().addresses(Some(Service::Misc), Some("us-east")).unwrap();
    assert_eq!(rows[0].as_written, "North America / US");
    let services = |text| {
        let rows = catalog().addresses(None, Some(text)).unwrap();
        rows.iter().map(|row| row.service).collect::<BTreeSet<_>>()
    };
    assert!(services("japan").contains(&Service::Connectors), "world wide rows count everywhere");
    assert!(catalog().addresses(None, Some("atlantis")).is_err());
}
