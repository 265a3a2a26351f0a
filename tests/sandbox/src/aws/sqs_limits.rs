//! The limits of SQS that the embedded one does not keep, from the SQS developer guide, "Message quotas".

use bytes::Bytes;
use serde_json::Value;
use winterbaume_core::{MockResponse, json_error_response};

/// Largest message, and largest sum of the messages of a batch, in bytes.
const MAX_BYTES: usize = 1024 * 1024;
const MAX_ENTRIES: usize = 10;

/// The refusal of a call that SQS would not take.
pub(super) fn refusal(target: &str, body: &Bytes) -> Option<MockResponse> {
    let call: Value = serde_json::from_slice(body).ok()?;
    let entries = call["Entries"].as_array();
    if target.ends_with("Batch") && entries.is_some_and(Vec::is_empty) {
        return Some(refused("AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one entry."));
    }
    if entries.is_some_and(|entries| entries.len() > MAX_ENTRIES) {
        let code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
        return Some(refused(code, "Maximum number of entries per request are 10."));
    }
    match target {
        "AmazonSQS.SendMessage" if size(&call) > MAX_BYTES => {
            Some(refused("InvalidParameterValue", "Message must be shorter than 1048576 bytes."))
        }
        "AmazonSQS.SendMessageBatch" if entries?.iter().map(size).sum::<usize>() > MAX_BYTES => {
            let code = "AWS.SimpleQueueService.BatchRequestTooLong";
            Some(refused(code, "Batch requests cannot be longer than 1048576 bytes."))
        }
        _ => None,
    }
}

/// What counts: the body, and the attributes with their names and types.
fn size(message: &Value) -> usize {
    let text = |value: &Value| value.as_str().map_or(0, str::len);
    let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
    let attributes =
        attributes.map(|(name, value)| name.len() + text(&value["DataType"]) + text(&value["StringValue"]));
    text(&message["MessageBody"]) + attributes.sum::<usize>()
}

fn refused(code: &str, message: &str) -> MockResponse {
    json_error_response(400, code, message)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn entries(count: usize, bytes: usize) -> Value {
        json!({"Entries": vec![json!({"MessageBody": "x".repeat(bytes)}); count]})
    }

    #[rstest]
    #[case("AmazonSQS.SendMessage", json!({"MessageBody": "x".repeat(MAX_BYTES)}), None)]
    #[case("AmazonSQS.SendMessage", json!({"MessageBody": "x".repeat(MAX_BYTES + 1)}), Some("InvalidParameterValue"))]
    #[case("AmazonSQS.SendMessageBatch", entries(10, 100), None)]
    #[case("AmazonSQS.SendMessageBatch", entries(11, 1), Some("TooManyEntriesInBatchRequest"))]
    #[case("AmazonSQS.SendMessageBatch", entries(2, MAX_BYTES / 2 + 1), Some("BatchRequestTooLong"))]
    #[case("AmazonSQS.DeleteMessageBatch", entries(0, 0), Some("EmptyBatchRequest"))]
    fn keeps_the_quotas(#[case] target: &str, #[case] call: Value, #[case] code: Option<&str>) {
        let refusal = refusal(target, &Bytes::from(call.to_string()));
        let body = refusal.map(|refusal| String::from_utf8(refusal.body.to_vec()).unwrap());
        match code {
            None => assert_eq!(body, None),
            Some(code) => assert!(body.unwrap().contains(code)),
        }
    }
}
