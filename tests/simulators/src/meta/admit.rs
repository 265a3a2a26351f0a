use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::call::Call;
use super::errors::GraphError;
use super::state::State;
use super::webhook::escaped;
use super::{LoggedRequest, Meta};
use crate::{AnswerLost, Effect};

/// Stands before everything: takes the request apart, logs it, shows the faults.
pub(super) async fn admit(Extract(meta): Extract<Meta>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else { return crate::lost_answer() };
    let call = Call::new(&parts, &body);
    let (position, fault) = meta.state().arrive(&call);
    let mut request = Request::from_parts(parts, Body::empty());
    request.extensions_mut().insert(call);
    let response = match fault {
        None => next.run(request).await,
        Some(fault) => fault.play(request, next).await,
    };
    meta.state().answered(position, &response);
    response
}

impl State {
    /// Logs a request and decides what goes wrong with it. The number is its place in the log.
    fn arrive(&mut self, call: &Call) -> (usize, Option<Effect>) {
        self.requests.push(LoggedRequest::of(call, self.now()));
        let page = self.page_of(call).map(str::to_owned);
        (self.requests.len() - 1, self.faults.strike(call, page.as_deref()))
    }

    fn answered(&mut self, position: usize, response: &Response) {
        let lost = response.extensions().get::<AnswerLost>().is_some();
        if let Some(request) = self.requests.get_mut(position).filter(|_| !lost) {
            request.status = Some(response.status().as_u16());
        }
    }

    /// Writes an answer as Meta does: escaped, with its version and, where due, its limits.
    pub(super) fn respond(&self, call: &Call, result: &Result<Value, GraphError>) -> Response {
        let (status, body) = match result {
            Ok(body) => (StatusCode::OK, body.clone()),
            Err(error) => (status(error), error.body(&format!("A{}", self.requests.len()))),
        };
        let mut response = (status, escaped(&body.to_string())).into_response();
        let mut headers = self.usage_headers(call);
        headers.push(("content-type", "application/json; charset=UTF-8".to_owned()));
        headers.extend(call.version.clone().map(|version| ("facebook-api-version", version)));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = r#"OAuth "Facebook Platform" "invalid_token" "Invalid OAuth access token.""#;
            headers.push((header::WWW_AUTHENTICATE.as_str(), challenge.to_owned()));
        }
        response.headers_mut().extend(headers.into_iter().filter_map(header_pair));
        response
    }
}

fn status(error: &GraphError) -> StatusCode {
    StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST)
}

fn header_pair((name, value): (&'static str, String)) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
}
