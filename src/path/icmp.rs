//! ICMP errors, and which of them are rejections.

use raincheck_probes::evidence::Cause;
use std::net::{IpAddr, SocketAddr};

/// An ICMP error that came back for a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcmpError {
    /// Where the datagram was sent.
    pub about: SocketAddr,
    /// Who sent the error, where the system tells.
    pub from: Option<IpAddr>,
    /// ICMP type (RFC 792), or ICMPv6 type (RFC 4443) when `about` is an IPv6 address.
    pub icmp_type: u8,
    /// ICMP code.
    pub icmp_code: u8,
}

/// That datagrams to a server are turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What it means for the path.
    pub cause: Cause,
    /// The ICMP error, where the system tells more than the number of an error.
    pub icmp: Option<IcmpError>,
}

/// Who gave a datagram up.
enum Verdict {
    /// Somebody who will not have it.
    Refused,
    /// Somebody who does not know how to pass it on.
    Unreachable(&'static str),
}

impl IcmpError {
    /// What it means for the path; `None` when it does not say that the datagram was turned away, such as that it
    /// was too long.
    pub fn cause(&self) -> Option<Cause> {
        match self.verdict()? {
            Verdict::Refused => Some(Cause::Refused),
            Verdict::Unreachable(what) => {
                let from = self.from.map_or_else(String::new, |from| format!(", says {from}"));
                Some(Cause::Unreachable { detail: format!("{what}{from}") })
            }
        }
    }

    /// The rejection that it is, if it is one.
    pub fn rejection(&self) -> Option<Rejection> {
        self.cause().map(|cause| Rejection { cause, icmp: Some(self.clone()) })
    }

    /// RFC 792, RFC 1122 section 3.2.2.1 and RFC 1812 section 5.2.7.1; for IPv6 RFC 4443 sections 3.1 and 3.3.
    fn verdict(&self) -> Option<Verdict> {
        use Verdict::{Refused, Unreachable};
        Some(match (self.about.is_ipv4(), self.icmp_type, self.icmp_code) {
            // Protocol, port; the network, the host, communication prohibited.
            (true, 3, 2 | 3 | 9 | 10 | 13) => Refused,
            (true, 3, 0 | 6 | 11) => Unreachable("no way to the network"),
            (true, 3, 1 | 7 | 8 | 12) => Unreachable("no way to the host"),
            (true, 3, 5 | 14 | 15) => Unreachable("not passed on"),
            (true, 11, 0) | (false, 3, 0) => Unreachable("too many hops"),
            // Prohibited, port, ingress or egress policy, reject route.
            (false, 1, 1 | 4 | 5 | 6) => Refused,
            (false, 1, 0 | 2) => Unreachable("no way to the network"),
            (false, 1, 3) => Unreachable("no way to the host"),
            (false, 1, _) => Unreachable("not passed on"),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(about: &str, icmp_type: u8, icmp_code: u8) -> Option<Cause> {
        let from = Some(IpAddr::from([192, 0, 2, 1]));
        IcmpError { about: about.parse().unwrap(), from, icmp_type, icmp_code }.cause()
    }

    #[test]
    fn a_closed_port_and_a_prohibition_are_refusals() {
        for code in [2, 3, 9, 10, 13] {
            assert_eq!(cause("198.51.100.1:3478", 3, code), Some(Cause::Refused), "code {code}");
        }
        for code in [1, 4, 5, 6] {
            assert_eq!(cause("[2001:db8::1]:3478", 1, code), Some(Cause::Refused), "code {code}");
        }
    }

    #[test]
    fn what_cannot_be_passed_on_is_unreachable_and_says_who_says_so() {
        let unreachable = |what: &str| Some(Cause::Unreachable { detail: format!("{what}, says 192.0.2.1") });
        assert_eq!(cause("198.51.100.1:3478", 3, 0), unreachable("no way to the network"));
        assert_eq!(cause("198.51.100.1:3478", 3, 1), unreachable("no way to the host"));
        assert_eq!(cause("198.51.100.1:3478", 11, 0), unreachable("too many hops"));
        assert_eq!(cause("[2001:db8::1]:3478", 1, 0), unreachable("no way to the network"));
        assert_eq!(cause("[2001:db8::1]:3478", 1, 3), unreachable("no way to the host"));
    }

    #[test]
    fn a_datagram_that_was_too_long_is_not_rejected() {
        assert_eq!(cause("198.51.100.1:3478", 3, 4), None);
        assert_eq!(cause("198.51.100.1:3478", 11, 1), None);
        assert_eq!(cause("[2001:db8::1]:3478", 2, 0), None);
    }
}
