use std::collections::BTreeSet;

use domain::{BundleState, Connection, Slug};
use jiff::Timestamp;
use runtime::Metric;
use store::StoreError;

use crate::{Alert, Scheduler, is_closed};

/// How things stand.
#[derive(Debug)]
pub struct Watched {
    /// What is measured.
    pub metrics: Vec<Metric>,
    /// What people are to be told.
    pub alert: Option<Alert>,
}

impl Scheduler {
    /// Looks, once a minute, at what waits too long and at what people are to be told. It comes after the accounts were
    /// woken, and apart from it: whatever keeps it from looking keeps no lead from going on.
    ///
    /// # Errors
    /// When a table refuses.
    pub async fn watch(&self) -> Result<Watched, StoreError> {
        let connections = self.store.connections().await?;
        let closed = connections.iter().filter(|connection| is_closed(connection)).count();
        let mut metrics = vec![Metric::count("ConnectionsClosed", closed)];
        metrics.extend(self.oldest_waiting(&connections).await?);
        Ok(Watched { metrics, alert: self.alert(connections).await? })
    }

    /// How long the lead waits that waits longest, in milliseconds: one that was put off, or that is due and nobody got to.
    /// Those of stopped bundles wait for a person.
    async fn oldest_waiting(&self, connections: &[Connection]) -> Result<Option<Metric>, StoreError> {
        let bundles = self.store.bundles().await?;
        let stopped = bundles.iter().filter(|bundle| bundle.state == BundleState::Stopped);
        let stopped = stopped.map(|bundle| &bundle.id).collect::<BTreeSet<&Slug>>();
        let mut oldest = self.store.waiting_since(|bundle| stopped.contains(bundle)).await?;
        let accounts = connections.iter().filter_map(Connection::account).map(|account| &account.id);
        for account in accounts.collect::<BTreeSet<_>>() {
            let due_since = self.store.next_due(account).await?;
            oldest = oldest.into_iter().chain(due_since).min();
        }
        let now = self.clock.now();
        let age = |since: Timestamp| i64::try_from(now.duration_since(since).as_millis()).unwrap_or(i64::MAX);
        Ok(oldest.filter(|since| *since <= now).map(|since| Metric::milliseconds("OldestWaitingMs", age(since))))
    }
}
