//! The front door: HTTP requests to the sandbox and its answers.

use bytes::Bytes;
use http::{HeaderMap, Request};
use serde_json::Value;
use transport::{Https, Transport, TransportError};

/// Sends requests to one address.
#[derive(Debug)]
pub(crate) struct Door {
    url: String,
    http: Https,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Door {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), http: Https::new(1.0).unwrap() }
    }

    /// One request with these headers, which is answered.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let answer = self.try_send(method, path, headers, body).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// One request with these headers, which may go unanswered.
    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, TransportError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, body) = self.http.send(request.body(body.into()).unwrap()).await?.into_parts();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// One call of an AWS service by the wire protocol of the SDKs, which succeeds.
    pub(crate) async fn aws(&self, target: &str, input: &Value) -> Value {
        let signature =
            "AWS4-HMAC-SHA256 Credential=a/20261123/us-east-1/b/aws4_request, SignedHeaders=host, Signature=c";
        let headers = [
            ("x-amz-target", target),
            ("x-amz-date", "20261123T000000Z"),
            ("authorization", signature),
            ("content-type", "application/x-amz-json-1.0"),
        ];
        self.send("POST", "/", &headers, input.to_string()).await.expect(200)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send_json("POST", path, &[], body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send_json("PATCH", path, &[], body).await
    }

    pub(crate) async fn send_json(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send(method, path, &headers, body.to_string()).await
    }
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body, once the status is right.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The text of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
