//! What calls to DynamoDB cost: each is made to say how many units it consumed, and they are counted for who made it.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::MAX_CALL;
use super::access::access_key;

/// Request units as AWS bills them on demand: a read unit is 4 KB, a write unit 1 KB; each part of a transaction counts twice.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Units {
    /// Read units.
    pub read: f64,
    /// Write units, those of the indexes included.
    pub write: f64,
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.write += other.write;
    }
}

impl Sub for Units {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { read: self.read - other.read, write: self.write - other.write }
    }
}

/// Counts units by who consumed them.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Arc<Mutex<BTreeMap<String, Units>>>);

impl Meter {
    /// What was consumed so far, by access key.
    pub(super) fn consumed(&self) -> BTreeMap<String, Units> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, key: &str, units: Units) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.entry(key.to_owned()).or_default() += units;
    }
}

/// Counts what a call consumes.
pub(super) async fn count(State(meter): State<Meter>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_CALL).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let Ok(mut input) = serde_json::from_slice::<Value>(&body) else {
        return next.run(Request::from_parts(parts, Body::from(body))).await;
    };
    let (key, action) = (access_key(&parts.headers).unwrap_or_default().to_owned(), action(&parts.headers));
    if is_metered(&action) {
        input["ReturnConsumedCapacity"] = json!("TOTAL");
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    let response = next.run(Request::from_parts(parts, Body::from(input.to_string()))).await;
    let (head, answer) = response.into_parts();
    let Ok(answer) = to_bytes(Body::new(answer), MAX_CALL).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let output = serde_json::from_slice(&answer).unwrap_or_default();
    meter.count(&key, if head.status.is_success() { consumed(&action, &output) } else { refused(&input, &output) });
    Response::from_parts(head, Body::from(answer))
}

fn action(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

fn is_metered(action: &str) -> bool {
    reads(action) || ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"].contains(&action)
}

fn reads(action: &str) -> bool {
    ["GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan"].contains(&action)
}

/// What the answer says. Source: AWS, DynamoDB API reference, `ConsumedCapacity`.
fn consumed(action: &str, output: &Value) -> Units {
    let consumed = &output["ConsumedCapacity"];
    let tables = consumed.as_array().map_or_else(|| vec![consumed], |tables| tables.iter().collect());
    let units = tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum();
    if reads(action) { Units { read: units, write: 0.0 } } else { Units { read: 0.0, write: units } }
}

/// A write whose condition does not hold is billed as well; what it says of that is nothing, so each part counts as one of
/// at most 1 KB. Source: AWS, DynamoDB developer guide, "Read and write operations".
fn refused(input: &Value, output: &Value) -> Units {
    let error = output["__type"].as_str().and_then(|name| name.rsplit('#').next()).unwrap_or_default();
    let write = match error {
        "ConditionalCheckFailedException" => 1.0,
        "TransactionCanceledException" => {
            let parts = input["TransactItems"].as_array().map_or(0, Vec::len);
            2.0 * u32::try_from(parts).map_or(0.0, f64::from)
        }
        _ => 0.0,
    };
    Units { read: 0.0, write }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::read("GetItem", json!({"ConsumedCapacity": {"CapacityUnits": 0.5}}), (0.5, 0.0))]
    #[case::several_tables("BatchGetItem",
        json!({"ConsumedCapacity": [{"CapacityUnits": 1.0}, {"CapacityUnits": 0.5}]}), (1.5, 0.0))]
    #[case::write("PutItem", json!({"ConsumedCapacity": {"CapacityUnits": 3.0}}), (0.0, 3.0))]
    #[case::transaction("TransactWriteItems", json!({"ConsumedCapacity": [{"CapacityUnits": 8.0}]}), (0.0, 8.0))]
    #[case::of_no_table("ListTables", json!({"TableNames": []}), (0.0, 0.0))]
    fn the_answer_says_what_was_consumed(#[case] action: &str, #[case] output: Value, #[case] units: (f64, f64)) {
        assert_eq!(consumed(action, &output), Units { read: units.0, write: units.1 });
    }

    #[rstest]
    #[case::condition("ConditionalCheckFailedException", 1.0)]
    #[case::transaction("TransactionCanceledException", 4.0)]
    #[case::nonsense("ValidationException", 0.0)]
    fn what_is_refused_costs_too(#[case] error: &str, #[case] write: f64) {
        let output = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{error}")});
        assert_eq!(refused(&json!({"TransactItems": [{}, {}]}), &output), Units { read: 0.0, write });
    }
}
