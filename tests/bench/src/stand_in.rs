//! SSM and SQS as `ingest` sees them: one secret is known, and every message is taken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::tls::Tls;

/// The app secret that SSM knows.
pub(crate) const SECRET: &str = "bench-app-secret";

/// The running services.
pub(crate) struct StandIn {
    /// Their address.
    pub(crate) url: String,
    seen: Seen,
}

#[derive(Clone)]
struct Seen {
    calls: Arc<AtomicUsize>,
    messages: Arc<AtomicUsize>,
    delay: Duration,
}

impl StandIn {
    /// Serves both; each answer of SQS takes `delay`.
    pub(crate) async fn serve(tls: &Tls, delay: Duration) -> anyhow::Result<Self> {
        let seen = Seen { calls: Arc::default(), messages: Arc::default(), delay };
        let router = Router::new().fallback(answer).with_state(seen.clone());
        Ok(Self { url: tls.serve(router).await?, seen })
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> usize {
        self.seen.calls.load(Ordering::Relaxed)
    }

    /// Messages taken so far.
    pub(crate) fn messages(&self) -> usize {
        self.seen.messages.load(Ordering::Relaxed)
    }
}

async fn answer(State(seen): State<Seen>, headers: HeaderMap, body: Bytes) -> Response {
    seen.calls.fetch_add(1, Ordering::Relaxed);
    let target = headers.get(HeaderName::from_static("x-amz-target")).and_then(|target| target.to_str().ok());
    let Ok(input) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let output = match target {
        Some("AmazonSSM.GetParameter") => {
            json!({"Parameter": {"Name": input["Name"], "Type": "SecureString", "Value": SECRET, "Version": 1}})
        }
        Some("AmazonSQS.SendMessageBatch") => {
            // The shortest sleep is a millisecond.
            if !seen.delay.is_zero() {
                tokio::time::sleep(seen.delay).await;
            }
            let entries = input["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
            seen.messages.fetch_add(entries.len(), Ordering::Relaxed);
            let taken = |entry: &Value| json!({"Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": "0"});
            json!({"Successful": entries.iter().map(taken).collect::<Vec<_>>(), "Failed": []})
        }
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    ([(CONTENT_TYPE, "application/x-amz-json-1.0")], output.to_string()).into_response()
}
