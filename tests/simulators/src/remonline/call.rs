use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::{HeaderValue, header};
use serde_json::Value;

use super::answer::Refusal;
use super::query::Query;
use super::state::Row;

/// One request that was let in.
#[derive(Debug)]
pub(super) struct Call {
    id: Option<i64>,
    pub(super) query: Query,
    /// Outside `/v2`.
    pub(super) unversioned: bool,
    declared_json: bool,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Call {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let (mut parts, body) = request.into_parts();
        let params = RawPathParams::from_request_parts(&mut parts, state).await;
        let id = params.ok().and_then(|params| params.iter().next().and_then(|(_, id)| id.parse().ok()));
        let content_type = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        Ok(Self {
            id,
            query: Query::of(&parts.uri),
            unversioned: is_unversioned(parts.uri.path()),
            declared_json: content_type.is_some_and(|value| value.starts_with(b"application/json")),
            // `admit` has read it whole already: it cannot break off here.
            body: axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default(),
        })
    }
}

impl Call {
    /// The id in the path; one that is no number belongs to nothing.
    pub(super) fn id(&self) -> Result<i64, Refusal> {
        self.id.ok_or(Refusal::NotFound)
    }

    /// The JSON object in the body.
    pub(super) fn body(&self) -> Result<Row, Refusal> {
        if !self.declared_json {
            return Err(Refusal::invalid("body", "Content-Type must be application/json"));
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(row)) => Ok(row),
            _ => Err(Refusal::invalid("body", "must be a JSON object")),
        }
    }
}

/// Whether a path lies outside `/v2`.
pub(super) fn is_unversioned(path: &str) -> bool {
    !path.starts_with("/v2/")
}
