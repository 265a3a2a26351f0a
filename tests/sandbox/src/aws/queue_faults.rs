use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};
use winterbaume_core::{MockResponse, json_error_response};

/// What goes wrong with what functions send to a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueFault {
    /// SQS answers every call with 503.
    Down,
    /// Of the messages in batches the next so many are refused, then all is well.
    Refuses(usize),
    /// Of the messages in batches the next so many are taken, then all are refused.
    Takes(usize),
}

/// The faults of the queues, by the queue's name.
#[derive(Debug, Default)]
pub(crate) struct QueueFaults(Mutex<BTreeMap<String, QueueFault>>);

impl QueueFaults {
    /// Gives a queue a fault, or its health back.
    pub(crate) fn set(&self, queue: &str, fault: Option<QueueFault>) {
        let mut faults = self.lock();
        match fault {
            Some(fault) => faults.insert(queue.to_owned(), fault),
            None => faults.remove(queue),
        };
    }

    /// The answer to a call that sends to a queue that is down.
    pub(super) fn refusal(&self, target: &str, body: &Bytes) -> Option<MockResponse> {
        let call: Value = sending(target, body)?;
        let down = self.lock().get(queue_of(&call)?) == Some(&QueueFault::Down);
        down.then(|| json_error_response(503, "ServiceUnavailable", "The queue is down."))
    }

    /// Takes out of a batch the messages that the queue refuses; returns what SQS says of each.
    pub(super) fn refuse(&self, target: &str, body: &mut Bytes) -> Vec<Value> {
        let Some(mut call) = sending(target, body) else { return Vec::new() };
        let mut faults = self.lock();
        let Some(fault) = queue_of(&call).and_then(|queue| faults.get_mut(queue)) else { return Vec::new() };
        let Some(entries) = call["Entries"].as_array_mut() else { return Vec::new() };
        let refused: Vec<_> = entries.extract_if(.., |_| fault.strikes()).collect();
        *body = call.to_string().into();
        let said = |entry: Value| json!({"Id": entry["Id"], "Code": "InternalError", "SenderFault": false});
        refused.into_iter().map(said).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, QueueFault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueFault {
    /// Counts one message of a batch; true when it is refused.
    fn strikes(&mut self) -> bool {
        match self {
            Self::Down => true,
            Self::Refuses(left) => count_down(left),
            Self::Takes(left) => !count_down(left),
        }
    }
}

/// Whether one was left.
fn count_down(left: &mut usize) -> bool {
    let one = left.checked_sub(1);
    *left = one.unwrap_or_default();
    one.is_some()
}

/// The answer to a batch with what the queue refused of it.
pub(super) fn with_refused(mut answer: MockResponse, refused: Vec<Value>) -> MockResponse {
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { return answer };
    if answer.status == 200 && !refused.is_empty() {
        body["Failed"] = refused.into();
        answer.body = body.to_string().into();
    }
    answer
}

/// A call that sends messages.
fn sending(target: &str, body: &Bytes) -> Option<Value> {
    let sends = ["AmazonSQS.SendMessage", "AmazonSQS.SendMessageBatch"].contains(&target);
    if sends { serde_json::from_slice(body).ok() } else { None }
}

/// The name at the end of the queue's address.
fn queue_of(call: &Value) -> Option<&str> {
    call["QueueUrl"].as_str()?.rsplit('/').next()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    fn batch(ids: &[&str]) -> Bytes {
        let entries: Vec<_> = ids.iter().map(|id| json!({"Id": id, "MessageBody": id})).collect();
        json!({"QueueUrl": "http://127.0.0.1/123456789012/LeadQueue", "Entries": entries}).to_string().into()
    }

    fn ids(body: &Bytes) -> Vec<Value> {
        let call: Value = serde_json::from_slice(body).unwrap();
        call["Entries"].as_array().unwrap().iter().map(|entry| entry["Id"].clone()).collect()
    }

    #[rstest]
    #[case(QueueFault::Refuses(2), &["3"], &["4", "5"])]
    #[case(QueueFault::Takes(2), &["1", "2"], &[])]
    fn batches_are_taken_in_part(#[case] fault: QueueFault, #[case] first: &[&str], #[case] then: &[&str]) {
        let faults = QueueFaults::default();
        faults.set("LeadQueue", Some(fault));
        for (sent, taken) in [(["1", "2", "3"].as_slice(), first), (["4", "5"].as_slice(), then)] {
            let mut body = batch(sent);
            let refused = faults.refuse("AmazonSQS.SendMessageBatch", &mut body);
            assert_eq!(
                (ids(&body), refused.len()),
                (taken.iter().map(|id| json!(id)).collect(), sent.len() - taken.len())
            );
        }
    }

    #[test]
    fn what_was_refused_stands_in_the_answer() {
        let answer = MockResponse::json(200, r#"{"Successful":[{"Id":"1"}],"Failed":[]}"#);
        let answer = with_refused(answer, vec![json!({"Id": "2"})]);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body, json!({"Successful": [{"Id": "1"}], "Failed": [{"Id": "2"}]}));
    }

    #[test]
    fn only_sending_to_the_queue_that_is_down_fails() {
        let faults = QueueFaults::default();
        faults.set("LeadQueue", Some(QueueFault::Down));
        let refusal = |target| faults.refusal(target, &batch(&["1"])).map(|refusal| refusal.status);
        assert_eq!(refusal("AmazonSQS.SendMessageBatch"), Some(503));
        assert_eq!(refusal("AmazonSQS.GetQueueAttributes"), None);
        let other = Bytes::from(r#"{"QueueUrl":"http://127.0.0.1/123456789012/QuarantineQueue"}"#);
        assert!(faults.refusal("AmazonSQS.SendMessage", &other).is_none());
        faults.set("LeadQueue", None);
        assert_eq!(refusal("AmazonSQS.SendMessageBatch"), None);
    }
}
