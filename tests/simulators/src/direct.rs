use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use tower::ServiceExt;
use transport::{MAX_BODY, TIMEOUT, Transport, TransportError};

use crate::AnswerLost;

/// [`Transport`] that calls the simulators' routers in process, chosen by the host of the request.
///
/// It keeps the promises of the real one (size cap, time-out) on tokio time, which a simulation may pause.
#[derive(Debug, Clone, Default)]
pub struct Direct {
    hosts: BTreeMap<String, Router>,
    latency: Duration,
}

impl Direct {
    /// Knows no host yet: every request ends as not sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends requests for `host` (a name without a port) to `router`.
    #[must_use]
    pub fn host(mut self, host: &str, router: Router) -> Self {
        self.hosts.insert(host.to_owned(), router);
        self
    }

    /// Lets every request and every answer travel for `latency`, so that a caller can be cut off before and after
    /// its request took effect. Default: none.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    async fn exchange(&self, router: Router, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.travel().await;
        let Ok(response) = router.oneshot(request.map(Body::from)).await;
        self.travel().await;
        if response.extensions().get::<AnswerLost>().is_some() {
            return Err(TransportError::OutcomeUnknown("the connection broke".to_owned()));
        }
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|error| TransportError::OutcomeUnknown(error.to_string()))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    async fn travel(&self) {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
    }
}

#[async_trait]
impl Transport for Direct {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let host = request.uri().host().unwrap_or_default();
        let Some(router) = self.hosts.get(host).cloned() else {
            return Err(TransportError::NotSent(format!("no such host: {host}")));
        };
        let exchange = tokio::time::timeout(TIMEOUT, self.exchange(router, request)).await;
        exchange.unwrap_or_else(|_| Err(TransportError::OutcomeUnknown("no answer in time".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use rstest::rstest;

    use super::*;
    use crate::lost_answer;

    fn direct() -> Direct {
        let router = Router::new()
            .route("/fine", get(|| async { "here" }))
            .route("/lost", get(|| async { lost_answer() }))
            .route("/full", get(|| async { vec![b'x'; MAX_BODY] }))
            .route("/huge", get(|| async { vec![b'x'; MAX_BODY + 1] }))
            .route("/slow", get(|| tokio::time::sleep(TIMEOUT * 2)));
        Direct::new().host("crm.example", router)
    }

    async fn fetch(direct: &Direct, url: &str) -> Result<Response<Bytes>, TransportError> {
        direct.send(Request::get(url).body(Bytes::new()).unwrap()).await
    }

    #[rstest]
    #[case("/fine", 4)]
    #[case("/full", MAX_BODY)]
    #[tokio::test]
    async fn brings_the_answer_back(#[case] path: &str, #[case] length: usize) {
        let answer = fetch(&direct(), &format!("https://crm.example{path}")).await.unwrap();
        assert_eq!(answer.body().len(), length);
    }

    #[rstest]
    #[case("/lost")]
    #[case("/huge")]
    #[case("/slow")]
    #[tokio::test(start_paused = true)]
    async fn leaves_the_outcome_unknown(#[case] path: &str) {
        let failure = fetch(&direct(), &format!("https://crm.example{path}")).await.unwrap_err();
        assert!(matches!(failure, TransportError::OutcomeUnknown(_)), "{failure}");
    }

    #[tokio::test]
    async fn does_not_send_to_a_stranger() {
        let failure = fetch(&direct(), "https://other.example/fine").await.unwrap_err();
        assert_eq!(failure, TransportError::NotSent("no such host: other.example".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn latency_is_paid_there_and_back() {
        let start = tokio::time::Instant::now();
        fetch(&direct().latency(Duration::from_millis(70)), "https://crm.example/fine").await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(140));
    }
}
