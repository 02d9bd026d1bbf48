//! `NO_PROXY`: which hosts are reached without a proxy.

use raincheck_probes::server::Host;

/// Whether a host and port are reached without the proxy that has these exceptions.
pub fn is_bypassed(except: &[String], host: &Host, port: u16) -> bool {
    let _ = (except, host, port);
    todo!()
}
