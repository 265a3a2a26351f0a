use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::{MAX_BODY, TIMEOUT, Transport, TransportError};

/// [`Transport`] over the network.
#[derive(Debug, Clone)]
pub struct Https {
    reading: reqwest::Client,
    writing: reqwest::Client,
}

impl Https {
    /// Makes a transport whose time-outs are divided by `time_scale` (1 outside tests).
    ///
    /// # Errors
    /// When the TLS configuration cannot be set up.
    pub fn new(time_scale: f64) -> Result<Self, TransportError> {
        let client = |idle_connections| {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that configures clients")]
            reqwest::Client::builder()
                .user_agent(concat!("remonline-leads/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .connect_timeout(scaled(Duration::from_secs(5), time_scale))
                .timeout(scaled(TIMEOUT, time_scale))
                .pool_max_idle_per_host(idle_connections)
                .build()
                .map_err(|error| TransportError::NotSent(describe(error)))
        };
        Ok(Self { reading: client(4)?, writing: client(0)? })
    }

    /// A kept-alive connection that died while the function was frozen turns a write into needless doubt, so
    /// writes always get a fresh one.
    fn client_for(&self, method: &http::Method) -> &reqwest::Client {
        if method.is_safe() { &self.reading } else { &self.writing }
    }
}

#[async_trait]
impl Transport for Https {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let client = self.client_for(request.method());
        let request = reqwest::Request::try_from(request).map_err(|error| TransportError::NotSent(describe(error)))?;
        let mut answer = client.execute(request).await.map_err(classify)?;
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        std::mem::swap(response.headers_mut(), answer.headers_mut());
        *response.body_mut() = read_capped(answer).await?;
        Ok(response)
    }
}

async fn read_capped(mut answer: reqwest::Response) -> Result<Bytes, TransportError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| TransportError::OutcomeUnknown(describe(error)))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(TransportError::OutcomeUnknown(format!("the answer is larger than {MAX_BODY} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn classify(error: reqwest::Error) -> TransportError {
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(describe(error))
    } else {
        TransportError::OutcomeUnknown(describe(error))
    }
}

/// The error with its causes and without its URL, whose query may carry a phone number or a token.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn scaled(duration: Duration, time_scale: f64) -> Duration {
    duration.div_f64(time_scale.max(1.0))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, body::Body, http::StatusCode, response::Redirect, routing::any};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn serve(router: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    async fn post(url: &str) -> Result<http::Response<Bytes>, TransportError> {
        let request = http::Request::post(url).body(Bytes::from_static(b"{}")).unwrap();
        Https::new(1.0).unwrap().send(request).await
    }

    #[tokio::test]
    async fn a_status_is_an_answer() {
        let url = serve(Router::new().fallback(|| async { (StatusCode::BAD_GATEWAY, "no") })).await;
        let answer = post(&url).await.unwrap();
        assert_eq!((answer.status(), answer.body().as_ref()), (StatusCode::BAD_GATEWAY, b"no".as_slice()));
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let router = Router::new()
            .route("/", any(|| async { Redirect::temporary("/elsewhere") }))
            .route("/elsewhere", any(|| async { "followed" }));
        assert_eq!(post(&serve(router).await).await.unwrap().status(), StatusCode::TEMPORARY_REDIRECT);
    }

    #[tokio::test]
    async fn too_large_an_answer_is_none() {
        let huge = || async { Body::from(vec![b' '; MAX_BODY + 1]) };
        let url = serve(Router::new().fallback(huge)).await;
        assert!(matches!(post(&url).await, Err(TransportError::OutcomeUnknown(_))));
    }

    #[tokio::test]
    async fn nobody_listening_means_nothing_was_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(post(&url).await, Err(TransportError::NotSent(_))));
    }

    /// The connection dies at every point at which it can, and the request is sent once.
    #[tokio::test]
    async fn a_lost_answer_is_not_asked_for_again() {
        for answered in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"id\""] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/secret?token=abc", listener.local_addr().unwrap());
            let requests = Arc::new(AtomicUsize::new(0));
            let seen = Arc::clone(&requests);
            tokio::spawn(async move {
                while let Ok((mut socket, _)) = listener.accept().await {
                    let read = socket.read(&mut [0; 4096]).await.unwrap_or(0);
                    seen.fetch_add(usize::from(read > 0), Ordering::SeqCst);
                    let _closed_already = socket.write_all(answered.as_bytes()).await;
                }
            });
            let Err(TransportError::OutcomeUnknown(reason)) = post(&url).await else { panic!("no answer came") };
            assert!(!reason.contains("token"), "{reason}");
            assert_eq!(requests.load(Ordering::SeqCst), 1);
        }
    }
}
