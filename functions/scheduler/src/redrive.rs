//! Messages that were received too often go back to the lead queue: whatever kept them from being recorded is over when
//! the tables answer.

use anyhow::Context;
use aws_sdk_sqs::{Client, types::QueueAttributeName};
use serde::Deserialize;
use store::StoreError;

use crate::{Outcome, Scheduler};

impl Scheduler {
    /// Says that dead letters may go back, if the tables answer: otherwise they would only die again.
    pub(crate) async fn redrive(&self) -> Result<Outcome, StoreError> {
        self.store.probe().await?;
        Ok(Outcome { redrive: true, ..Outcome::default() })
    }
}

/// The queue behind the lead queue.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    sqs: Client,
    lead_queue_url: String,
}

/// Where the two queues are.
struct Queues {
    leads: String,
    dead_letters: String,
}

/// Source: Amazon SQS, `GetQueueAttributes`, `RedrivePolicy`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
}

impl DeadLetters {
    pub(crate) fn new(sqs: Client, lead_queue_url: impl Into<String>) -> Self {
        Self { sqs, lead_queue_url: lead_queue_url.into() }
    }

    /// Has SQS move them back. There is one move of a queue at a time, and one of an empty queue ends at once.
    /// Source: Amazon SQS, `StartMessageMoveTask`.
    pub(crate) async fn move_back(&self) -> anyhow::Result<()> {
        let queues = self.queues().await?;
        if self.is_moving(&queues).await? {
            tracing::info!("dead letters are being moved already");
            return Ok(());
        }
        let task = self.sqs.start_message_move_task().source_arn(queues.dead_letters).destination_arn(queues.leads);
        task.send().await.map_err(aws_sdk_sqs::Error::from).context("dead letters could not be moved")?;
        tracing::info!("dead letters go back to the lead queue");
        Ok(())
    }

    async fn queues(&self) -> anyhow::Result<Queues> {
        let wanted = [QueueAttributeName::QueueArn, QueueAttributeName::RedrivePolicy];
        let request = self.sqs.get_queue_attributes().queue_url(&self.lead_queue_url);
        let answer = request.set_attribute_names(Some(wanted.into())).send().await;
        let answer = answer.map_err(aws_sdk_sqs::Error::from).context("the lead queue tells nothing of itself")?;
        let attribute = |name: QueueAttributeName| {
            let found = answer.attributes().and_then(|attributes| attributes.get(&name));
            found.with_context(|| format!("the lead queue has no {}", name.as_str()))
        };
        let policy: RedrivePolicy = serde_json::from_str(attribute(QueueAttributeName::RedrivePolicy)?)?;
        let leads = attribute(QueueAttributeName::QueueArn)?.clone();
        Ok(Queues { leads, dead_letters: policy.dead_letter_target_arn })
    }

    async fn is_moving(&self, queues: &Queues) -> anyhow::Result<bool> {
        let tasks = self.sqs.list_message_move_tasks().source_arn(&queues.dead_letters).send().await;
        let tasks = tasks.map_err(aws_sdk_sqs::Error::from).context("moves of dead letters could not be listed")?;
        Ok(tasks.results().iter().any(|task| task.status() == Some("RUNNING")))
    }
}
