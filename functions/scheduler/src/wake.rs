use std::collections::BTreeSet;

use domain::{AccountId, BundleState, Connection, ConnectionState, Slug};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use runtime::Metric;
use store::StoreError;

use crate::{Outcome, Scheduler};

/// Accounts looked at side by side.
const PARALLEL: usize = 8;

impl Scheduler {
    /// Names every account that has something due. A crash, a retry time and a nudge that went astray all end here. Once
    /// a minute it is also the one who sees how things stand: what waits too long, and what people are to be told.
    pub(crate) async fn wake(&self) -> Result<Outcome, StoreError> {
        let connections = self.store.connections().await?;
        let accounts = self.due(&connections).await?;
        let mut metrics = vec![Metric::count("ConnectionsClosed", closed(&connections))];
        metrics.extend(self.oldest_waiting().await?);
        let alert = self.alert(connections).await?;
        Ok(Outcome { accounts, metrics, alert, ..Outcome::default() })
    }

    async fn due(&self, connections: &[Connection]) -> Result<BTreeSet<AccountId>, StoreError> {
        let now = self.clock.now();
        let accounts = connections.iter().filter_map(Connection::account).map(|account| account.id.clone());
        let accounts = accounts.collect::<BTreeSet<_>>();
        let due: BTreeSet<AccountId> = futures::stream::iter(accounts)
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

    /// How long the lead waits that waits longest, in milliseconds. Those of stopped bundles wait for a person.
    async fn oldest_waiting(&self) -> Result<Option<Metric>, StoreError> {
        let bundles = self.store.bundles().await?;
        let stopped = bundles.iter().filter(|bundle| bundle.state == BundleState::Stopped);
        let stopped = stopped.map(|bundle| &bundle.id).collect::<BTreeSet<&Slug>>();
        let since = self.store.waiting_since(|bundle| stopped.contains(bundle)).await?;
        let age =
            |since: Timestamp| i64::try_from(self.clock.now().duration_since(since).as_millis()).unwrap_or(i64::MAX);
        Ok(since.map(|since| Metric::milliseconds("OldestWaitingMs", age(since))))
    }
}

fn closed(connections: &[Connection]) -> usize {
    let closed = |state| matches!(state, ConnectionState::KeyRejected | ConnectionState::Forbidden);
    connections.iter().filter(|connection| closed(connection.state)).count()
}
