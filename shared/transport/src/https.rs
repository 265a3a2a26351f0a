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
