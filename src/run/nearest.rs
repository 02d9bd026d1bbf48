//! The nearest servers, by who answers first.
//!
//! The vendor's clients are given two servers by geography; without a sign-in the measure is time. Every
//! server is asked at once, over every way that is open here, and the race ends when enough have answered:
//! it lasts as long as the nearest servers are away, not as long as the farthest.

use super::context::RunContext;
use super::link::Link;
use super::session::Session;
use super::{Journal, PathLog};
use crate::path::{SharedUdp, Target, open_stream};
use crate::settings::ProxyServer;
use raincheck_probes::evidence::{PathEvidence, Route, Transport};
use raincheck_probes::server::{Host, IceUri};
use raincheck_probes::turn::{Answer, Ask};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long the race may last when too few answer.
const RACE: Duration = Duration::from_millis(2500);

/// The indices of the `wanted` servers that answered first, nearest first. Fewer when fewer answered.
///
/// Each server is given by one of its UDP URIs and one of its stream URIs.
pub(super) async fn nearest(
    run: &Arc<RunContext>,
    servers: &[(IceUri, IceUri)],
    proxy: Option<&ProxyServer>,
    wanted: usize,
) -> Vec<usize> {
    let from = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let socket = SharedUdp::open(run.path.dial.as_ref(), from, run.clock).ok();
    let mut race = JoinSet::new();
    for (index, (datagram, stream)) in servers.iter().enumerate() {
        if let Some(socket) = socket.clone() {
            let (run, uri) = (Arc::clone(run), datagram.clone());
            race.spawn(async move { binding(&run, &socket, &uri).await.then_some(index) });
        }
        for proxy in std::iter::once(None).chain(proxy.map(Some)) {
            let (run, uri, proxy) = (Arc::clone(run), stream.clone(), proxy.cloned());
            race.spawn(async move { connects(&run, &uri, proxy).await.then_some(index) });
        }
    }
    let mut first = Vec::new();
    let finish = async {
        while let Some(ended) = race.join_next().await {
            if let Ok(Some(index)) = ended
                && !first.contains(&index)
            {
                first.push(index);
                if first.len() >= wanted {
                    break;
                }
            }
        }
    };
    tokio::select! {
        _ = timeout(RACE, finish) => {}
        _ = run.stop.wait() => {}
    }
    first
}

async fn binding(run: &Arc<RunContext>, socket: &SharedUdp, uri: &IceUri) -> bool {
    let log = scratch_log(run, &uri.text, port(uri));
    let addresses = match &uri.host {
        Host::Ip(ip) => Some(vec![*ip]),
        Host::Name(name) => run.path.resolver.resolve(name, &log).await,
    };
    let Some(ip) = addresses.and_then(|all| all.into_iter().find(IpAddr::is_ipv4)) else { return false };
    let Some(link) = socket.link(SocketAddr::new(ip, port(uri))) else { return false };
    let link = Link::Datagrams(link);
    let client = run.client(link.framing(), None);
    let session = Session::start(run, link, client, "nearest", None);
    let ended = session.ask(Ask::Binding).await;
    ended.is_some_and(|ended| matches!(ended.finished.result, Ok(Answer::Bound { .. })))
}

async fn connects(run: &Arc<RunContext>, uri: &IceUri, proxy: Option<ProxyServer>) -> bool {
    let log = scratch_log(run, &uri.text, port(uri));
    let target = Target { host: uri.host.clone(), port: port(uri), tls: false, proxy, from: None };
    open_stream(&run.path, &target, &log).await.is_some()
}

/// A log that nobody reads: the race is no evidence, the probes that follow are.
pub(super) fn scratch_log(run: &RunContext, name: &str, port: u16) -> PathLog {
    let path = PathEvidence::new(name, name, name, port, Transport::Tcp, Route::Direct);
    Journal::new(run.clock).open(path)
}

fn port(uri: &IceUri) -> u16 {
    uri.port.unwrap_or(3478)
}
