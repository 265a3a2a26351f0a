//! HTTPS for what stands in for AWS, RemOnline and Meta, with a certificate of this run.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context;
use axum::{Router, serve::Listener};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
    server::TlsStream,
};

/// Where Linux keeps the roots that a function trusts besides, so that it reads as many as in real life.
const ROOTS: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// A certificate for `localhost`, and the file by which functions trust it.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    folder: tempfile::TempDir,
}

/// Takes connections and speaks TLS on them.
struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Makes the certificate.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key)?;
        let folder = tempfile::tempdir()?;
        let roots = ROOTS.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        std::fs::write(folder.path().join("roots.pem"), made.cert.pem() + &roots)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), folder })
    }

    /// The file for `SSL_CERT_FILE`.
    pub(crate) fn roots(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }

    /// Serves `router`; gives the address.
    pub(crate) async fn serve(&self, router: Router) -> anyhow::Result<String> {
        let tcp = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("https://localhost:{}", tcp.local_addr()?.port());
        let listener = TlsListener { tcp, acceptor: self.acceptor.clone() };
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(url)
    }

    /// Stands before a service that speaks plain HTTP; gives the address.
    pub(crate) async fn before(&self, plain: &str) -> anyhow::Result<String> {
        let plain: SocketAddr = plain.strip_prefix("http://").context("not plain HTTP")?.parse()?;
        let tcp = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("https://localhost:{}", tcp.local_addr()?.port());
        let mut listener = TlsListener { tcp, acceptor: self.acceptor.clone() };
        tokio::spawn(async move {
            loop {
                let (mut outside, _) = listener.accept().await;
                tokio::spawn(async move {
                    let mut inside = TcpStream::connect(plain).await?;
                    inside.set_nodelay(true)?;
                    tokio::io::copy_bidirectional(&mut outside, &mut inside).await
                });
            }
        });
        Ok(url)
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((connection, address)) = self.tcp.accept().await else { continue };
            let _too_late = connection.set_nodelay(true);
            // Whoever does not trust the certificate hangs up.
            let Ok(connection) = self.acceptor.accept(connection).await else { continue };
            return (connection, address);
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
