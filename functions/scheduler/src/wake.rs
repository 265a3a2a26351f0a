use anyhow::Context;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::{AccountId, QueueMessage};
use futures::{StreamExt, TryStreamExt};

use crate::Scheduler;

/// Accounts looked at side by side.
const PARALLEL: usize = 8;

/// What one `SendMessageBatch` takes.
const BATCH: usize = 10;

impl Scheduler {
    /// Nudges every account that has something due. A crash, a retry time and a nudge that went astray all end here.
    pub(crate) async fn wake(&self) -> anyhow::Result<()> {
        let accounts = self.store.accounts().await?;
        let now = self.clock.now();
        let due: Vec<AccountId> = futures::stream::iter(accounts)
            .map(|account| async move {
                let next = self.store.next_due(&account).await?;
                anyhow::Ok(next.filter(|next| *next <= now).map(|_| account))
            })
            .buffer_unordered(PARALLEL)
            .try_filter_map(|account| async move { Ok(account) })
            .try_collect()
            .await?;
        tracing::info!(accounts = due.len(), "accounts with due work");
        for accounts in due.chunks(BATCH) {
            self.nudge(accounts).await?;
        }
        Ok(())
    }

    async fn nudge(&self, accounts: &[AccountId]) -> anyhow::Result<()> {
        let entries = accounts.iter().enumerate().map(|(index, account)| {
            let message = QueueMessage::Wake { account_id: account.clone() };
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
            Ok(entry.message_body(serde_json::to_string(&message)?).build()?)
        });
        let entries = entries.collect::<anyhow::Result<Vec<_>>>()?;
        let sent = self.queue.send_message_batch().queue_url(&self.lead_queue_url).set_entries(Some(entries)).send();
        let refused = sent.await.context("the queue took no nudges")?.failed.len();
        if refused > 0 {
            tracing::warn!(refused, "the queue refused nudges; the next run repeats them");
        }
        Ok(())
    }
}
