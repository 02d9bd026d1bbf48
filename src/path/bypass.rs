//! `NO_PROXY`: which hosts are reached without a proxy.
//!
//! Read as curl reads it (`lib/noproxy.c`): a name stands for itself and everything below it, with or without a
//! leading dot; an address may carry a prefix length; `*` alone is everything. Beyond curl, an entry may end in a
//! port, and `*.name` is read as `.name`, since both are widely written.

use raincheck_probes::server::Host;
use std::net::IpAddr;

/// Whether a host and port are reached without the proxy that has these exceptions. Each string may hold several,
/// separated by commas or blanks.
pub fn is_bypassed(except: &[String], host: &Host, port: u16) -> bool {
    except
        .iter()
        .flat_map(|text| text.split([',', ' ', '\t']))
        .filter(|entry| !entry.is_empty())
        .any(|entry| matches(entry, host, port))
}

fn matches(entry: &str, host: &Host, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let (pattern, only_port) = split_port(entry);
    if only_port.is_some_and(|only| only != port) {
        return false;
    }
    match host {
        Host::Ip(address) => covers(pattern, *address),
        Host::Name(name) => is_below(pattern, name),
    }
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some(bracketed) = entry.strip_prefix('[') {
        let (inside, after) = bracketed.split_once(']').unwrap_or((bracketed, ""));
        return (inside, after.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        // More than one colon is an IPv6 address.
        Some((pattern, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (pattern, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn is_below(pattern: &str, name: &str) -> bool {
    let pattern = pattern.strip_prefix("*.").unwrap_or(pattern);
    let pattern = pattern.trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if pattern.is_empty() {
        return false;
    }
    name.strip_suffix(&pattern).is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

fn covers(pattern: &str, address: IpAddr) -> bool {
    let (network, length) = match pattern.split_once('/') {
        Some((network, length)) => match length.parse::<u32>() {
            Ok(length) => (network, Some(length)),
            Err(_) => return false,
        },
        None => (pattern, None),
    };
    let same_prefix = |width: u32, a: u128, b: u128| match length.unwrap_or(width) {
        0 => true,
        length => length <= width && (a ^ b) >> (width - length) == 0,
    };
    match (network.parse(), address) {
        (Ok(IpAddr::V4(network)), IpAddr::V4(address)) => {
            same_prefix(32, network.to_bits().into(), address.to_bits().into())
        }
        (Ok(IpAddr::V6(network)), IpAddr::V6(address)) => {
            same_prefix(128, network.to_bits(), address.to_bits())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bypassed(except: &str, host: &str, port: u16) -> bool {
        let host = match host.parse() {
            Ok(address) => Host::Ip(address),
            Err(_) => Host::Name(host.to_owned()),
        };
        is_bypassed(&[except.to_owned()], &host, port)
    }

    #[test]
    fn names_stand_for_themselves_and_what_is_below_them() {
        for except in ["example.com", ".example.com", "*.example.com", "EXAMPLE.com.", "a, b example.com"] {
            assert!(bypassed(except, "example.com", 443), "{except}");
            assert!(bypassed(except, "www.Example.com.", 443), "{except}");
            assert!(!bypassed(except, "badexample.com", 443), "{except}");
            assert!(!bypassed(except, "example.com.evil.net", 443), "{except}");
        }
    }

    #[test]
    fn a_star_alone_is_everything_and_nothing_is_nothing() {
        assert!(bypassed("*", "a.example", 1) && bypassed("x,*", "2001:db8::1", 1));
        for except in ["", ",", ".", "*.", "**", "*a.example"] {
            assert!(!bypassed(except, "a.example", 1), "{except}");
        }
    }

    #[test]
    fn addresses_are_compared_as_addresses() {
        assert!(bypassed("192.0.2.1", "192.0.2.1", 80));
        assert!(!bypassed("192.0.2.1", "192.0.2.11", 80));
        assert!(bypassed("2001:DB8::0:1", "2001:db8::1", 80) && bypassed("[2001:db8::1]", "2001:db8::1", 80));
        assert!(!bypassed("0.2.1", "192.0.2.1", 80), "a suffix is for names");
    }

    #[test]
    fn prefixes_are_compared_bit_by_bit() {
        assert!(bypassed("192.0.2.0/23", "192.0.3.255", 80) && !bypassed("192.0.2.0/23", "192.0.4.0", 80));
        assert!(bypassed("0.0.0.0/0", "8.8.8.8", 80) && !bypassed("0.0.0.0/0", "2001:db8::1", 80));
        assert!(bypassed("2001:db8::/33", "2001:db8:7fff::1", 80));
        assert!(!bypassed("2001:db8::/33", "2001:db8:8000::1", 80));
        assert!(!bypassed("192.0.2.1/33", "192.0.2.1", 80) && !bypassed("192.0.2.1/x", "192.0.2.1", 80));
        assert!(bypassed("192.0.2.1/32", "192.0.2.1", 80) && !bypassed("192.0.2.0/32", "192.0.2.1", 80));
    }

    #[test]
    fn a_port_narrows_an_entry() {
        assert!(bypassed("example.com:443", "a.example.com", 443));
        assert!(!bypassed("example.com:443", "a.example.com", 80));
        assert!(
            bypassed("[2001:db8::1]:80", "2001:db8::1", 80)
                && !bypassed("[2001:db8::1]:80", "2001:db8::1", 81)
        );
        assert!(bypassed("192.0.2.0/24:80", "192.0.2.9", 80) && !bypassed("192.0.2.9:81", "192.0.2.9", 80));
    }
}
