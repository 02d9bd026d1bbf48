//! The vendor's own answer to the question which servers to use.

use super::context::RunContext;
use super::engine::RunError;
use super::nearest::scratch_log;
use super::servers::Chosen;
use crate::path::{Target, is_bypassed, open_stream};
use crate::rainbow::{self, Connect, Opening, Stream};
use crate::settings::{ProxyServer, RainbowLogin, Settings};
use raincheck_probes::server::Host;
use std::io;

/// Signs in and takes the servers and the policy that the client would get.
pub(super) async fn sign_in(
    run: &RunContext,
    settings: &Settings,
    login: &RainbowLogin,
) -> Result<Chosen, RunError> {
    let way = Way { run, proxy: settings.proxies().into_iter().next() };
    let signed_in = tokio::select! {
        signed_in = rainbow::sign_in(&way, login, settings.nearest) => signed_in?,
        reason = run.stop.wait() => {
            return Err(RunError::SignInCut(reason.cut_short(settings.deadline).unwrap_or_default()));
        }
    };
    Ok(Chosen {
        servers: signed_in.servers,
        from: format!("{} for {}", signed_in.environment, login.login),
        vendor: true,
        ice_filtering: signed_in.ice_filtering.unwrap_or_default(),
    })
}

/// Streams to the platform, by the way that the client's own REST calls take.
struct Way<'a> {
    run: &'a RunContext,
    proxy: Option<ProxyServer>,
}

impl Connect for Way<'_> {
    fn open<'a>(&'a self, host: &'a str, port: u16) -> Opening<'a> {
        Box::pin(async move {
            let log = scratch_log(self.run, host, port);
            let host = host.parse().map_or_else(|_| Host::Name(host.to_owned()), Host::Ip);
            let proxy = self.proxy.clone().filter(|proxy| !is_bypassed(&proxy.except, &host, port));
            let target = Target { host, port, tls: true, proxy, from: None };
            let opened = open_stream(&self.run.path, &target, &log).await;
            match opened.filter(|opened| opened.trusted) {
                Some(opened) => Ok(Box::new(opened.stream) as Box<dyn Stream>),
                None => {
                    let path = log.path();
                    let why = path.as_ref().and_then(|path| path.first_failure());
                    let words =
                        why.map_or_else(|| "no connection".to_owned(), |(_, cause)| cause.to_string());
                    Err(io::Error::other(words))
                }
            }
        })
    }
}
