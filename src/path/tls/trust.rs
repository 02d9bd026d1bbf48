//! The roots in force.

use super::provider;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;
use std::sync::Arc;
use tokio::sync::watch;

/// The roots in force: the platform's, else the built-in ones, and those that the user added. Cheap to clone.
#[derive(Clone)]
pub struct Trust {
    roots: watch::Receiver<Option<Result<Roots, String>>>,
}

/// A verifier and where its roots come from.
#[derive(Clone)]
pub(super) struct Roots {
    pub(super) verifier: Arc<dyn ServerCertVerifier>,
    /// `platform` or `built-in`.
    pub(super) source: &'static str,
    /// What the user gave, as given: also a server's own certificate counts.
    pub(super) given: Arc<[CertificateDer<'static>]>,
}

impl Trust {
    /// Begins to load the roots on a thread of their own, so that it costs no path any time. Call it inside a
    /// runtime. Roots that cannot be read are left out; who takes them from the user says so.
    pub fn load(extra_roots: Vec<CertificateDer<'static>>) -> Self {
        let (tell, roots) = watch::channel(None);
        tokio::task::spawn_blocking(move || tell.send_replace(Some(load(extra_roots))));
        Self { roots }
    }

    /// The roots, once they are loaded. The error is our own inability to load any.
    pub(super) async fn roots(&self) -> Result<Roots, String> {
        let mut loading = self.roots.clone();
        let loaded = loading.wait_for(Option::is_some).await.ok().and_then(|roots| roots.clone());
        loaded.unwrap_or_else(|| Err("the loading of the roots was given up".into()))
    }
}

fn load(extra_roots: Vec<CertificateDer<'static>>) -> Result<Roots, String> {
    let given: Arc<[_]> = extra_roots.clone().into();
    let extra: Vec<_> = extra_roots.into_iter().filter(is_usable).collect();
    let roots = match platform(&extra) {
        Ok(verifier) => Roots { verifier: Arc::new(verifier), source: "platform", given: Arc::default() },
        Err(_) => built_in(extra)?,
    };
    Ok(Roots { given, ..roots })
}

fn is_usable(root: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(root.clone()).is_ok()
}

fn platform(extra: &[CertificateDer<'static>]) -> Result<Verifier, rustls::Error> {
    // On its own first: with extra roots it succeeds on a system that has none of its own.
    let alone = Verifier::new(provider())?;
    if extra.is_empty() {
        Ok(alone)
    } else {
        Verifier::new_with_extra_roots(extra.iter().cloned(), provider())
    }
}

fn built_in(extra: Vec<CertificateDer<'static>>) -> Result<Roots, String> {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    store.add_parsable_certificates(extra);
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider())
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Roots { verifier, source: "built-in", given: Arc::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_roots_falls_back_to_the_built_in_ones() {
        assert_eq!(built_in(vec![]).map(|roots| roots.source), Ok("built-in"));
    }

    #[tokio::test]
    async fn a_root_that_cannot_be_read_does_not_cost_the_others() {
        let trust = Trust::load(vec![CertificateDer::from(vec![1, 2, 3])]);
        assert!(trust.roots().await.is_ok());
    }
}
