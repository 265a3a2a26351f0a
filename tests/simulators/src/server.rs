use std::io;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A router listening on a socket. Dropping it lets the requests in flight end and then stops.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and the address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops listening and waits for the requests in flight.
    ///
    /// # Errors
    /// When accepting connections had failed.
    pub async fn stop(self) -> io::Result<()> {
        drop(self.stop);
        self.task.await.map_err(io::Error::other)?
    }
}

/// Serves `router` on `address`; port 0 takes a free one.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(router: Router, address: SocketAddr) -> io::Result<Server> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        // Nothing is ever sent: the channel closes when the server is dropped.
        let _closed = stopped.await;
    });
    Ok(Server { address, stop, task: tokio::spawn(serving.into_future()) })
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use bytes::Bytes;
    use transport::{Https, Transport, TransportError};

    use super::*;
    use crate::{lost_answer, serve};

    async fn fetch(url: String) -> Result<http::Response<Bytes>, TransportError> {
        let request = http::Request::get(url).body(Bytes::new()).unwrap();
        Https::new(1.0).unwrap().send(request).await
    }

    #[tokio::test]
    async fn answers_until_it_is_stopped() {
        let router = Router::new().route("/", get(|| async { "here" }));
        let server = serve(router, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = server.url();
        assert_eq!(fetch(url.clone()).await.unwrap().body(), "here");
        server.stop().await.unwrap();
        assert!(matches!(fetch(url).await, Err(TransportError::NotSent(_))));
    }

    #[tokio::test]
    async fn a_lost_answer_kills_the_connection() {
        let router = Router::new().route("/", get(|| async { lost_answer() }));
        let server = serve(router, ([127, 0, 0, 1], 0).into()).await.unwrap();
        assert!(matches!(fetch(server.url()).await, Err(TransportError::OutcomeUnknown(_))));
    }
}
