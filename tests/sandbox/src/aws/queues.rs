mod backend;
mod moving;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::{Message, MessageAttribute};
use winterbaume_sqs::{SqsState, SqsStateView};

pub(super) use self::backend::Backend;

/// What the queues hold. The crate's own backend neither writes its messages down nor tells when one arrives.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    state: Mutex<SqsState>,
    arrivals: Notify,
    /// The bodies of all messages sent so far by queue, once they are to be kept.
    sent: OnceLock<Mutex<BTreeMap<String, Vec<String>>>>,
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCount {
    /// Ready to be received, or delayed.
    pub waiting: usize,
    /// Received and neither deleted nor back yet.
    pub in_flight: usize,
}

/// The queues with their messages, for the data directory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Snapshot {
    configuration: SqsStateView,
    messages: BTreeMap<String, Vec<StoredMessage>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredMessage {
    id: String,
    body: String,
    body_md5: String,
    sender_id: String,
    sent_at: i64,
    first_received_at: Option<i64>,
    receive_count: u32,
    visible_at: i64,
    attributes: BTreeMap<String, StoredAttribute>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredAttribute {
    data_type: String,
    string_value: Option<String>,
    binary_value: Option<Vec<u8>>,
}

impl Queues {
    /// Receives at most `max` messages of the queue, at once and possibly none.
    pub(super) fn receive(&self, queue: &str, max: usize) -> Result<Vec<Message>, SqsError> {
        self.lock().receive_message(queue, max, None)
    }

    /// Deletes a received message. One that is no longer there is no error, as in SQS.
    pub(super) fn delete(&self, queue: &str, receipt_handle: &str) -> Result<(), SqsError> {
        match self.lock().delete_message(queue, receipt_handle) {
            Err(SqsError::InvalidReceiptHandle { .. }) => Ok(()),
            other => other,
        }
    }

    /// Resolves when a message arrives in any queue. Enabled before looking into a queue, it misses none.
    pub(crate) fn arrival(&self) -> Notified<'_> {
        self.arrivals.notified()
    }

    /// How much `queue` holds.
    pub(crate) fn count(&self, queue: &str) -> QueueCount {
        let state = self.lock();
        let Some(queue) = state.queues.get(queue) else { return QueueCount::default() };
        let in_flight = |message: &&Message| !message.is_visible() && message.approximate_receive_count > 0;
        let in_flight = queue.messages.iter().filter(in_flight).count();
        QueueCount { waiting: queue.messages.len() - in_flight, in_flight }
    }

    /// The bodies of all messages of `queue`, without receiving them.
    pub(crate) fn peek(&self, queue: &str) -> Vec<String> {
        let state = self.lock();
        let messages = state.queues.get(queue).map(|queue| queue.messages.as_slice()).unwrap_or_default();
        messages.iter().map(|message| message.body.clone()).collect()
    }

    /// Keeps the body of every message from now on.
    pub(crate) fn keep_sent(&self) {
        self.sent.get_or_init(Mutex::default);
    }

    /// The bodies of all messages that were sent to `queue`, those that are done included.
    pub(crate) fn sent(&self, queue: &str) -> Vec<String> {
        let sent = self.sent.get().map(|sent| sent.lock().unwrap_or_else(PoisonError::into_inner));
        sent.and_then(|sent| sent.get(queue).cloned()).unwrap_or_default()
    }

    fn note_sent(&self, queue: &str, body: String) {
        if let Some(sent) = self.sent.get() {
            sent.lock().unwrap_or_else(PoisonError::into_inner).entry(queue.to_owned()).or_default().push(body);
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        let stored = |messages: &[Message]| messages.iter().map(StoredMessage::from).collect();
        Snapshot {
            configuration: SqsStateView::from(&*state),
            messages: state.queues.iter().map(|(name, queue)| (name.clone(), stored(&queue.messages))).collect(),
        }
    }

    /// Puts everything back. Who had received a message is gone, so messages in flight are ready again.
    pub(super) fn restore(&self, snapshot: Snapshot) {
        let mut state = SqsState::from(snapshot.configuration);
        for (name, messages) in snapshot.messages {
            if let Some(queue) = state.queues.get_mut(&name) {
                queue.messages = messages.into_iter().map(Message::from).collect();
            }
        }
        *self.lock() = state;
    }

    fn lock(&self) -> MutexGuard<'_, SqsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&Message> for StoredMessage {
    fn from(message: &Message) -> Self {
        let attributes = message.message_attributes.iter();
        Self {
            id: message.message_id.clone(),
            body: message.body.clone(),
            body_md5: message.body_md5.clone(),
            sender_id: message.sender_id.clone(),
            sent_at: message.sent_timestamp,
            first_received_at: message.approximate_first_receive_timestamp,
            receive_count: message.approximate_receive_count,
            visible_at: message.visible_at,
            attributes: attributes.map(|(name, value)| (name.clone(), StoredAttribute::from(value))).collect(),
        }
    }
}

impl From<StoredMessage> for Message {
    fn from(stored: StoredMessage) -> Self {
        let attributes = stored.attributes.into_iter();
        Self {
            message_id: stored.id,
            body: stored.body,
            body_md5: stored.body_md5,
            receipt_handle: None,
            all_receipt_handles: Vec::new(),
            sender_id: stored.sender_id,
            sent_timestamp: stored.sent_at,
            approximate_first_receive_timestamp: stored.first_received_at,
            approximate_receive_count: stored.receive_count,
            visible_at: if stored.receive_count > 0 { 0 } else { stored.visible_at },
            message_attributes: attributes.map(|(name, value)| (name, MessageAttribute::from(value))).collect(),
        }
    }
}

impl From<&MessageAttribute> for StoredAttribute {
    fn from(attribute: &MessageAttribute) -> Self {
        let MessageAttribute { data_type, string_value, binary_value } = attribute.clone();
        Self { data_type, string_value, binary_value }
    }
}

impl From<StoredAttribute> for MessageAttribute {
    fn from(stored: StoredAttribute) -> Self {
        let StoredAttribute { data_type, string_value, binary_value } = stored;
        Self { data_type, string_value, binary_value }
    }
}
