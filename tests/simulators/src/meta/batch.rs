use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Meta;
use super::call::{Call, InBatch};
use super::errors::GraphError;
use crate::AnswerLost;

/// Most parts of a batch.
const MOST: usize = 50;

/// One part of a batch.
#[derive(Debug, Deserialize)]
struct Item {
    method: String,
    relative_url: String,
    #[serde(default)]
    body: String,
}

impl Meta {
    /// `POST /`: several calls in one. Each part goes its way through the router, and its answer is told apart.
    pub(super) async fn batch(&self, call: &Call) -> Result<Value, GraphError> {
        self.state().enter(call)?;
        let items = items(call)?;
        let with_headers = call.param("include_headers") != Some("false");
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            let response = self.router().oneshot(request(call, item)?).await;
            let Ok(response) = response;
            answers.push(told(response, with_headers).await);
        }
        Ok(answers.into())
    }
}

fn items(call: &Call) -> Result<Vec<Item>, GraphError> {
    let invalid = |reason: String| GraphError::new(100, None).say(format!("(#100) Invalid batch: {reason}"));
    let batch = call.json("batch")?.ok_or_else(|| invalid("it is missing".to_owned()))?;
    let items: Vec<Item> = serde_json::from_value(batch).map_err(|error| invalid(error.to_string()))?;
    if items.len() > MOST {
        let message = format!("Too many requests in batch message. Maximum batch size is {MOST}");
        return Err(GraphError::new(100, None).say(message));
    }
    Ok(items)
}

/// A part as a request of its own, with the batch's token and proof unless it has its own.
fn request(call: &Call, item: Item) -> Result<Request, GraphError> {
    let invalid = |_| GraphError::new(100, None).say("(#100) Invalid batch: relative_url cannot be read");
    let version = call.version.as_deref().unwrap_or_default();
    let relative = item.relative_url.trim_start_matches('/');
    let mut url = format!("{}/{version}/{relative}", call.origin);
    let mut request = Request::builder().method(item.method.to_ascii_uppercase().as_str());
    if !relative.contains("access_token=") && !item.body.contains("access_token=") {
        request =
            request.header(header::AUTHORIZATION, format!("Bearer {}", call.token.as_deref().unwrap_or_default()));
        if let Some(proof) = call.param("appsecret_proof").filter(|_| !relative.contains("appsecret_proof=")) {
            url = format!("{url}{}appsecret_proof={proof}", if relative.contains('?') { '&' } else { '?' });
        }
    }
    request
        .uri(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .extension(InBatch)
        .body(Body::from(item.body))
        .map_err(invalid)
}

/// The answer to a part: `null` when it was lost, and its body is a text.
async fn told(response: Response, with_headers: bool) -> Value {
    if response.extensions().get::<AnswerLost>().is_some() {
        return Value::Null;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else { return Value::Null };
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    let mut told = json!({ "code": parts.status.as_u16(), "body": body });
    if with_headers {
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| json!({ "name": name.as_str(), "value": String::from_utf8_lossy(value.as_bytes()) });
        told["headers"] = parts.headers.iter().map(header).collect();
    }
    told
}
