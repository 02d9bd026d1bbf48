//! Against the lab's REST interface, which was written without a look at this client.

use super::super::*;
use raincheck_lab::{ClientSide, Door, Lab, Proto, Scenario};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Direct TLS into the lab, certificate verified.
struct IntoLab(ClientSide);

impl Connect for IntoLab {
    fn open<'a>(&'a self, host: &'a str, port: u16) -> Opening<'a> {
        Box::pin(async move {
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            let address = self.0.world.resolve(host).and_then(|found| found.first().copied());
            let address = address.ok_or_else(|| io::Error::other("no such name"))?;
            let Door::Open(door) = self.0.world.door(Proto::Tcp, SocketAddr::new(address, port)) else {
                return Err(io::Error::other("closed"));
            };
            let mut roots = RootCertStore::empty();
            for root in CertificateDer::pem_slice_iter(self.0.ca_pem.as_bytes()) {
                roots.add(root.map_err(io::Error::other)?).map_err(io::Error::other)?;
            }
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(io::Error::other)?
                .with_root_certificates(roots)
                .with_no_client_auth();
            let stream = TcpStream::connect(door).await?;
            let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

#[tokio::test]
async fn the_labs_platform_is_signed_in_to() {
    let lab = Lab::start(&Scenario::named("open").expect("scenario")).await.expect("lab");
    let client = lab.client();
    let mut login = RainbowLogin {
        host: client.rest_host.clone(),
        login: client.rest_login.username.clone(),
        password: Secret::new(client.rest_login.password.clone()),
        application: client.rest_application.clone().map(|pair| (pair.username, Secret::new(pair.password))),
    };
    let connect = IntoLab(client);
    let one = sign_in(&connect, &login, Some(1)).await.expect("signed in");
    let all = sign_in(&connect, &login, None).await.expect("signed in");
    assert_eq!((one.data_centres.len(), all.data_centres.len()), (1, 2));
    assert!(all.servers.len() > one.servers.len());
    assert_eq!(all.ttl, Some(Duration::from_secs(3600)));
    assert!(all.servers.iter().filter(|server| server.uri.scheme.is_turn()).all(|s| s.credentials.is_some()));
    assert!(all.ice_filtering.is_some());

    login.password = Secret::new("wrong");
    let refused = sign_in(&connect, &login, None).await;
    assert!(matches!(refused, Err(SignInError::Password { .. })), "{refused:?}");
    lab.stop().await;
}
