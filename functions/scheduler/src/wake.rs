use std::collections::BTreeSet;

use domain::AccountId;
use futures::{StreamExt, TryStreamExt};
use store::StoreError;

use crate::Scheduler;

/// Accounts looked at side by side.
const PARALLEL: usize = 8;

impl Scheduler {
    /// Names every account that has something due. A crash, a retry time and a nudge that went astray all end here.
    pub(crate) async fn wake(&self) -> Result<BTreeSet<AccountId>, StoreError> {
        let now = self.clock.now();
        let due: BTreeSet<AccountId> = futures::stream::iter(self.store.accounts().await?)
            .map(|account| async move {
                let next = self.store.next_due(&account).await?;
                Ok::<_, StoreError>(next.filter(|next| *next <= now).map(|_| account))
            })
            .buffer_unordered(PARALLEL)
            .try_filter_map(|account| async move { Ok(account) })
            .try_collect()
            .await?;
        tracing::info!(accounts = due.len(), "accounts with due work");
        Ok(due)
    }
}
