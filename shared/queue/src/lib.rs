//! The lead queue as those see it who nudge the processor: the tables hold what is to be done, a message only says
//! that somebody should look.

use aws_sdk_sqs::{
    Client,
    types::{QueueAttributeName, SendMessageBatchRequestEntry},
};
use domain::{AccountId, QueueMessage};
use jiff::SignedDuration;

/// What one `SendMessageBatch` takes. Source: Amazon SQS, message quotas.
const BATCH: usize = 10;

/// Longest delay of a message. Source: Amazon SQS, message quotas.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_secs(900);

/// The queue of leads and nudges.
#[derive(Debug, Clone)]
pub struct LeadQueue {
    client: Client,
    url: String,
}

/// The queue took no nudge, or not every one. What is due is found by the scheduler's next round.
#[derive(Debug, thiserror::Error)]
pub enum NudgeError {
    /// It did not answer, or refused.
    #[error("the queue took no nudges: {0}")]
    Refused(String),
    /// It took some of a batch.
    #[error("the queue refused {0} nudges")]
    Partly(usize),
    /// A message could not be written.
    #[error("a nudge cannot be written: {0}")]
    Unwritable(#[from] serde_json::Error),
}

impl LeadQueue {
    /// The queue at this address.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Has the processor look at these accounts at once.
    ///
    /// # Errors
    /// When the queue does not take every nudge.
    pub async fn wake(&self, accounts: impl IntoIterator<Item = AccountId>) -> Result<(), NudgeError> {
        let messages = accounts.into_iter().map(|account_id| serde_json::to_string(&QueueMessage::Wake { account_id }));
        for bodies in messages.collect::<Result<Vec<_>, _>>()?.chunks(BATCH) {
            self.send(bodies).await?;
        }
        Ok(())
    }

    /// Has the processor look at an account after `delay`. What is later than the queue can delay is left to the
    /// scheduler.
    ///
    /// # Errors
    /// When the queue does not take the nudge.
    pub async fn wake_later(&self, account_id: AccountId, delay: SignedDuration) -> Result<(), NudgeError> {
        if delay > LONGEST_DELAY {
            return Ok(());
        }
        // A nudge that comes too early finds nothing to do.
        let seconds = delay.max(SignedDuration::ZERO).as_secs() + i64::from(delay.subsec_nanos() > 0);
        let body = serde_json::to_string(&QueueMessage::Wake { account_id })?;
        let message = self.client.send_message().queue_url(&self.url).message_body(body);
        let sent = message.delay_seconds(i32::try_from(seconds).unwrap_or(i32::MAX)).send().await;
        sent.map(drop).map_err(refused)
    }

    async fn send(&self, bodies: &[String]) -> Result<(), NudgeError> {
        let entries = bodies.iter().enumerate().map(|(index, body)| {
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body);
            entry.build().map_err(refused)
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
        match sent.map_err(refused)?.failed.len() {
            0 => Ok(()),
            refused => Err(NudgeError::Partly(refused)),
        }
    }
}

/// The queue of webhooks that were signed and could not be read, as those see it who watch it.
#[derive(Debug, Clone)]
pub struct QuarantineQueue {
    client: Client,
    url: String,
}

/// The queue did not say how much is in it.
#[derive(Debug, thiserror::Error)]
#[error("the quarantine queue did not answer: {0}")]
pub struct UncountedError(String);

impl QuarantineQueue {
    /// The queue at this address.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// How many webhooks are in it, about: SQS does not count exactly.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn depth(&self) -> Result<u64, UncountedError> {
        let count = QueueAttributeName::ApproximateNumberOfMessages;
        let asked = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(count.clone());
        let answer = asked.send().await.map_err(|error| UncountedError(aws_sdk_sqs::Error::from(error).to_string()))?;
        let told = answer.attributes.and_then(|attributes| attributes.get(&count)?.parse().ok());
        told.ok_or_else(|| UncountedError("no number".to_owned()))
    }
}

fn refused(error: impl Into<aws_sdk_sqs::Error>) -> NudgeError {
    NudgeError::Refused(error.into().to_string())
}
