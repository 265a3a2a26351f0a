//! The event source mapping: messages of a queue become invocations of a function
//! ("Using Lambda with Amazon SQS" in the Lambda guide).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use winterbaume_sqs::types::Message;

use crate::aws::{REGION, Services};
use crate::lambda::Pool;
use crate::template::Mapping;

/// Most pollers of one queue on one machine, whatever the template allows.
const MAX_POLLERS: usize = 4;

/// How often an empty queue is looked at: a message may come back to it without a sound.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Starts the pollers of `mapping` among `tasks`. With `stop` they take no more messages and end with the batch they have.
pub(crate) fn start(
    mapping: &Mapping,
    services: &Arc<Services>,
    function: &Arc<Pool>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    for _ in 0..mapping.scaling_config.maximum_concurrency.min(MAX_POLLERS) {
        let poller = Poller {
            queue: mapping.queue.rsplit(':').next().unwrap_or_default().to_owned(),
            mapping: mapping.clone(),
            services: Arc::clone(services),
            function: Arc::clone(function),
        };
        let stop = stop.clone();
        tasks.spawn(async move { poller.poll(stop).await });
    }
}

struct Poller {
    queue: String,
    mapping: Mapping,
    services: Arc<Services>,
    function: Arc<Pool>,
}

impl Poller {
    async fn poll(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let arrival = self.services.queues().arrival();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            match self.services.receive(&self.queue, self.mapping.batch_size).await {
                Ok(batch) if !batch.is_empty() => self.deliver(&batch).await,
                Ok(_) => {
                    // However it ends, the queue is looked at again.
                    let _arrived = stop.run_until_cancelled(timeout(LOOK_INTERVAL, arrival)).await;
                }
                Err(error) => {
                    tracing::error!(%error, queue = self.queue, "messages cannot be received");
                    tokio::time::sleep(LOOK_INTERVAL).await;
                }
            }
        }
    }

    /// Invokes the function and deletes what it has done. The rest comes back by the visibility time-out.
    async fn deliver(&self, batch: &[Message]) {
        let event = event(batch, &self.mapping.queue);
        let Ok(answer) = self.function.invoke(event.to_string().into()).await else { return };
        let done = self.done(&answer, batch);
        if let Err(error) = self.services.delete(&self.queue, &done).await {
            tracing::error!(%error, queue = self.queue, "messages cannot be deleted");
        }
    }

    /// Receipt handles of the messages that the function has done.
    fn done<'a>(&self, answer: &[u8], batch: &'a [Message]) -> Vec<&'a str> {
        let reports_failures =
            self.mapping.function_response_types.iter().any(|kind| kind == "ReportBatchItemFailures");
        let failed = if reports_failures { failed_items(answer, batch) } else { Some(BTreeSet::new()) };
        let Some(failed) = failed else {
            tracing::warn!(queue = self.queue, "the answer names no message of the batch: the whole batch failed");
            return Vec::new();
        };
        let done = batch.iter().filter(|message| !failed.contains(&message.message_id));
        done.filter_map(|message| message.receipt_handle.as_deref()).collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchResponse {
    batch_item_failures: Option<Vec<BatchItemFailure>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

/// Ids of the failed messages; `None` when the answer is malformed or names another message, so that all failed.
fn failed_items(answer: &[u8], batch: &[Message]) -> Option<BTreeSet<String>> {
    if answer.trim_ascii().is_empty() {
        return Some(BTreeSet::new());
    }
    let response: Option<BatchResponse> = serde_json::from_slice(answer).ok()?;
    let failures = response.and_then(|response| response.batch_item_failures).unwrap_or_default();
    let failed: BTreeSet<String> = failures.into_iter().map(|failure| failure.item_identifier).collect();
    let known = |id: &String| batch.iter().any(|message| message.message_id == *id);
    failed.iter().all(known).then_some(failed)
}

fn event(batch: &[Message], queue_arn: &str) -> Value {
    json!({"Records": batch.iter().map(|message| record(message, queue_arn)).collect::<Vec<_>>()})
}

fn record(message: &Message, queue_arn: &str) -> Value {
    let first_received = message.approximate_first_receive_timestamp.unwrap_or(message.sent_timestamp);
    json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": message.approximate_receive_count.to_string(),
            "SentTimestamp": message.sent_timestamp.to_string(),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": first_received.to_string(),
        },
        "messageAttributes": message_attributes(message),
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    })
}

fn message_attributes(message: &Message) -> Map<String, Value> {
    let attributes = message.message_attributes.iter();
    attributes
        .map(|(name, value)| {
            let value = json!({
                "stringValue": value.string_value,
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value.data_type,
            });
            (name.clone(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rstest::rstest;
    use winterbaume_sqs::types::MessageAttribute;

    use super::*;

    fn message(id: &str) -> Message {
        let attribute = MessageAttribute {
            data_type: "String".to_owned(),
            string_value: Some("backfill".to_owned()),
            binary_value: None,
        };
        Message {
            message_id: id.to_owned(),
            body: "{}".to_owned(),
            body_md5: "99914b932bd37a50b983c5e7c90ae93b".to_owned(),
            receipt_handle: Some(format!("receipt of {id}")),
            all_receipt_handles: Vec::new(),
            sender_id: "sender".to_owned(),
            sent_timestamp: 1_000,
            approximate_first_receive_timestamp: Some(2_000),
            approximate_receive_count: 3,
            visible_at: 0,
            message_attributes: HashMap::from([("source".to_owned(), attribute)]),
        }
    }

    #[rstest]
    #[case("", Some(vec![]))]
    #[case("null", Some(vec![]))]
    #[case("{}", Some(vec![]))]
    #[case(r#"{"batchItemFailures":null}"#, Some(vec![]))]
    #[case(r#"{"batchItemFailures":[]}"#, Some(vec![]))]
    #[case(r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#, Some(vec!["b"]))]
    #[case(r#"{"batchItemFailures":[{"itemIdentifier":"stranger"}]}"#, None)]
    #[case(r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":""}]}"#, None)]
    #[case(r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, None)]
    #[case(r#"{"batchItemFailures":[{"id":"b"}]}"#, None)]
    #[case(r#""fine""#, None)]
    fn answers_are_read_as_lambda_reads_them(#[case] answer: &str, #[case] failed: Option<Vec<&str>>) {
        let failed = failed.map(|failed| failed.into_iter().map(str::to_owned).collect());
        assert_eq!(failed_items(answer.as_bytes(), &[message("a"), message("b")]), failed);
    }

    #[test]
    fn a_message_becomes_a_record() {
        let event = event(&[message("a")], "arn:aws:sqs:us-east-1:123456789012:LeadQueue");
        let record = &event["Records"][0];
        assert_eq!(record["messageId"], "a");
        assert_eq!(record["attributes"]["ApproximateReceiveCount"], "3");
        assert_eq!(record["messageAttributes"]["source"]["stringValue"], "backfill");
        assert_eq!(record["eventSourceARN"], "arn:aws:sqs:us-east-1:123456789012:LeadQueue");
    }
}
