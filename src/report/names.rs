//! Short names for servers in text.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Short names: the first label of each host name where that is unique, and where it is no address.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    /// Short names for these hosts.
    pub(super) fn of<'a>(hosts: impl Iterator<Item = &'a str> + Clone) -> Self {
        let label = |host: &str| host.split('.').next().unwrap_or(host).to_owned();
        let mut hosts: Vec<&str> = hosts.collect();
        hosts.sort_unstable();
        hosts.dedup();
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for host in &hosts {
            *times.entry(label(host)).or_default() += 1;
        }
        let is_name = |host: &str| host.parse::<IpAddr>().is_err();
        let unique = |host: &&&str| times.get(&label(host)) == Some(&1) && is_name(host);
        let mut short: Vec<(String, String)> =
            hosts.iter().filter(unique).map(|host| ((*host).to_owned(), label(host))).collect();
        // A name that is the beginning of another must not be replaced inside it.
        short.sort_by_key(|(host, _)| std::cmp::Reverse(host.len()));
        Self(short)
    }

    /// The short name of a host.
    pub(super) fn short<'a>(&'a self, host: &'a str) -> &'a str {
        self.0.iter().find(|(long, _)| long == host).map_or(host, |(_, short)| short)
    }

    /// The text with every host name shortened, but for those inside a certificate's subject or a URL.
    pub(super) fn shorten(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (long, short)| {
            let mut shortened = String::with_capacity(text.len());
            let mut rest = text.as_str();
            while let Some(at) = rest.find(long.as_str()) {
                let (before, from) = rest.split_at(at);
                shortened.push_str(before);
                let inside = shortened.ends_with(['=', ':', '@', '/', '.']);
                shortened.push_str(if inside { long } else { short });
                rest = from.get(long.len()..).unwrap_or_default();
            }
            shortened + rest
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_only_where_they_stay_unique() {
        let hosts = ["turn1.example.net", "turn2.example.net", "turn2.other.net", "192.0.2.1"];
        let names = Names::of(hosts.into_iter());
        assert_eq!(
            hosts.map(|h| names.short(h)),
            ["turn1", "turn2.example.net", "turn2.other.net", "192.0.2.1"]
        );
        assert_eq!(names.shorten("to turn1.example.net, turn2.other.net"), "to turn1, turn2.other.net");
        let whole = "CN=turn1.example.net at turn:turn1.example.net:3478";
        assert_eq!(names.shorten(whole), whole);
    }
}
