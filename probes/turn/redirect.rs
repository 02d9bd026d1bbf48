//! Following 300 Try Alternate without being led astray.

use crate::evidence::Cause;
use std::net::SocketAddr;

/// How many servers are asked one after the other.
const MAX_HOPS: usize = 5;

/// The servers that one question has been sent on to (RFC 8489 section 10, and libwebrtc's
/// `TurnPort::SetAlternateServer`): same family, none twice, no way onto loopback, at most five.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirects {
    seen: Vec<SocketAddr>,
}

impl Redirects {
    /// Begins at the server that was asked first.
    pub fn new(first: SocketAddr) -> Self {
        Self { seen: vec![first] }
    }

    /// How often the question was sent on.
    pub fn hops(&self) -> usize {
        self.seen.len() - 1
    }

    /// Notes that the question goes on to `to`.
    ///
    /// # Errors
    /// [`Cause::BadRedirect`] when it must not: the rest of the address is then not asked.
    pub fn follow(&mut self, to: SocketAddr) -> Result<(), Cause> {
        match self.objection(to) {
            Some(detail) => Err(Cause::BadRedirect { detail: detail.to_owned(), to: Some(to) }),
            None => {
                self.seen.push(to);
                Ok(())
            }
        }
    }

    fn objection(&self, to: SocketAddr) -> Option<&'static str> {
        let first = self.seen.first()?;
        if to.is_ipv4() != first.is_ipv4() {
            Some("the other server is of another address family")
        } else if to.port() == 0 || to.ip().is_unspecified() || to.ip().is_multicast() {
            Some("the other server's address is no server's")
        } else if to.ip().is_loopback() && !first.ip().is_loopback() {
            Some("the other server would be this host")
        } else if self.seen.contains(&to) {
            Some("that server was asked already")
        } else if self.hops() >= MAX_HOPS {
            Some("sent on more than 5 times")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn refusal(redirects: &mut Redirects, to: &str) -> String {
        match redirects.follow(at(to)) {
            Err(Cause::BadRedirect { detail, to: Some(led) }) if led == at(to) => detail,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_circle_is_noticed() {
        let mut redirects = Redirects::new(at("192.0.2.1:3478"));
        redirects.follow(at("192.0.2.2:3478")).unwrap();
        assert_eq!(refusal(&mut redirects, "192.0.2.1:3478"), "that server was asked already");
        assert_eq!(redirects.hops(), 1);
    }

    #[test]
    fn five_hops_are_the_limit() {
        let mut redirects = Redirects::new(at("192.0.2.1:3478"));
        for port in 1..=5 {
            redirects.follow(SocketAddr::new([192, 0, 2, 9].into(), port)).unwrap();
        }
        assert_eq!(refusal(&mut redirects, "192.0.2.9:6"), "sent on more than 5 times");
    }

    #[test]
    fn another_family_loopback_and_nowhere_are_refused() {
        let mut redirects = Redirects::new(at("192.0.2.1:3478"));
        assert!(refusal(&mut redirects, "[2001:db8::1]:3478").contains("family"));
        assert!(refusal(&mut redirects, "127.0.0.1:3478").contains("this host"));
        assert!(refusal(&mut redirects, "0.0.0.0:3478").contains("no server's"));
        assert!(refusal(&mut redirects, "192.0.2.3:0").contains("no server's"));
    }

    #[test]
    fn a_server_on_loopback_may_lead_to_loopback() {
        assert_eq!(Redirects::new(at("127.0.0.1:3478")).follow(at("127.0.0.1:3479")), Ok(()));
    }
}
