use std::{collections::HashSet, time::Duration};

use aws_sdk_sqs::{
    Client,
    types::{BatchResultErrorEntry, SendMessageBatchRequestEntry, SendMessageBatchResultEntry},
};
use futures::{StreamExt, TryStreamExt, stream};

/// Most bytes in a message and in a batch. Source: AWS, SQS developer guide, "Message quotas".
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// Most messages in a batch. Source: the same.
const MAX_MESSAGES: usize = 10;

/// Batches under way at a time: a POST of 100 leads takes one round trip.
const PARALLEL: usize = 10;

/// How often a message is offered before the whole POST is given back to Meta.
const OFFERS: u32 = 3;

/// Why the queue does not have all the messages. Some may be there: whoever reads them takes duplicates.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueueError {
    /// The queue could not be reached, or refused a batch as a whole.
    #[error("the queue could not be reached")]
    Unreachable(#[source] Box<aws_sdk_sqs::Error>),
    /// The queue took the batch and refused messages in it, time after time.
    #[error("the queue refused {0} messages")]
    Refused(usize),
}

/// Puts all messages on the queue, or fails.
pub(crate) async fn send(sqs: &Client, queue_url: &str, messages: Vec<String>) -> Result<(), QueueError> {
    let batches = stream::iter(batches(messages)).map(|batch| send_batch(sqs, queue_url, batch));
    batches.buffer_unordered(PARALLEL).try_collect().await
}

fn batches(messages: Vec<String>) -> Vec<Vec<String>> {
    let (mut batches, mut bytes) = (Vec::<Vec<String>>::new(), 0);
    for message in messages {
        bytes += message.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < MAX_MESSAGES && bytes <= MAX_BYTES => batch.push(message),
            _ => {
                bytes = message.len();
                batches.push(vec![message]);
            }
        }
    }
    batches
}

async fn send_batch(sqs: &Client, queue_url: &str, mut messages: Vec<String>) -> Result<(), QueueError> {
    for offer in 0..OFFERS {
        // Even a sleep of no time takes a millisecond, ten times what the rest of a webhook does.
        if offer > 0 {
            tokio::time::sleep(Duration::from_millis(100) * offer).await;
        }
        let entries = messages.iter().enumerate().map(entry).collect::<Vec<_>>();
        let answer = sqs.send_message_batch().queue_url(queue_url).set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| QueueError::Unreachable(Box::new(error.into())))?;
        let taken = answer.successful().iter().map(SendMessageBatchResultEntry::id).collect::<HashSet<_>>();
        let numbered = messages.into_iter().enumerate();
        messages = numbered.filter(|(n, _)| !taken.contains(n.to_string().as_str())).map(|(_, it)| it).collect();
        if messages.is_empty() {
            return Ok(());
        }
        let code = answer.failed().first().map(BatchResultErrorEntry::code);
        tracing::warn!(refused = messages.len(), code, "the queue refused messages");
    }
    Err(QueueError::Refused(messages.len()))
}

fn entry((n, message): (usize, &String)) -> SendMessageBatchRequestEntry {
    let entry = SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(message);
    entry.build().expect("id and body are set")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn batches_fit_and_lose_nothing(sizes in prop::collection::vec(0..=MAX_BYTES, 0..40)) {
            let messages = sizes.iter().map(|size| "x".repeat(*size)).collect::<Vec<_>>();
            let batches = batches(messages.clone());
            for batch in &batches {
                prop_assert!((1..=MAX_MESSAGES).contains(&batch.len()));
                prop_assert!(batch.iter().map(String::len).sum::<usize>() <= MAX_BYTES);
            }
            prop_assert_eq!(batches.concat(), messages);
        }
    }

    #[test]
    fn small_messages_travel_by_ten() {
        let sizes = |n| batches(vec![String::from("lead"); n]).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!((sizes(1), sizes(10), sizes(11), sizes(0)), (vec![1], vec![10], vec![10, 1], vec![]));
    }
}
