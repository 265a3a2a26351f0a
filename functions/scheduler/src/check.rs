use connections::{Checkup, OpenError, PAGE_SUBSCRIPTION};
use domain::{AccountId, Bundle, Connection, ConnectionState};
use futures::{StreamExt, TryStreamExt, future::ready};
use jiff::Timestamp;
use runtime::Metric;
use store::{SecretError, StoreError};

use crate::{Outcome, Scheduler, is_closed, unless_changed};

/// Connections looked at side by side.
const PARALLEL: usize = 4;

impl Scheduler {
    /// Looks at every connection, the one that was not looked at for the longest time first: tells what is wrong, closes one
    /// whose own key is refused, opens one whose key works again, lets go on what an open one holds, and has Meta tell the
    /// app about leads again. One that a person paused stays so. What the time does not suffice for is left to the next round.
    pub(crate) async fn check(&self, deadline: Timestamp) -> Result<Outcome, StoreError> {
        let stop_at = deadline - self.timing.send_margin();
        let bundles = self.store.bundles().await?;
        let mut connections = self.store.connections().await?;
        connections.sort_by_key(|connection| connection.checked_at);
        let all = connections.len();
        let in_time = futures::stream::iter(connections).take_while(|_| ready(self.clock.now() < stop_at));
        let checked = in_time.map(|connection| {
            let bundles = &bundles;
            async move { self.check_one(&connection, bundles).await }
        });
        let checked: Vec<Checked> = checked.buffer_unordered(PARALLEL).try_collect().await?;
        let failed = checked.iter().map(|checked| checked.failed).sum();
        tracing::info!(failed, left = all - checked.len(), "connections were checked");
        let accounts = checked.into_iter().flat_map(|checked| checked.accounts).collect();
        let metrics = vec![Metric::count("ConnectionChecksFailed", failed)];
        Ok(Outcome { accounts, metrics, ..Outcome::default() })
    }

    async fn check_one(&self, connection: &Connection, bundles: &[Bundle]) -> Result<Checked, StoreError> {
        let checkup = match self.systems.check(connection, bundles).await {
            Ok(checkup) => checkup,
            Err(OpenError::Store(error)) => return Err(error),
            Err(error) => return self.unopened(connection, &error).await,
        };
        tell(connection, &checkup);
        let failed = checkup.failed().count();
        let paused = connection.state == ConnectionState::Paused;
        if checkup.has_failed(PAGE_SUBSCRIPTION) && !paused {
            self.subscribe(connection).await;
        }
        let works = checkup.works();
        let is_open = if is_closed(connection) && works {
            self.reopen(connection).await?
        } else {
            self.note(connection, checkup.refused).await?;
            connection.state == ConnectionState::Active && works
        };
        // Oldest first. Also where it was open before: whoever parked a lead may have read the connection before it was
        // opened, and whoever opened it may have died before this.
        let accounts = match is_open {
            true => self.store.release_held_by_connection(&connection.id, self.clock.now()).await?,
            false => Vec::new(),
        };
        Ok(Checked { failed, accounts })
    }

    /// A key that will never open is as good as refused.
    async fn unopened(&self, connection: &Connection, error: &OpenError) -> Result<Checked, StoreError> {
        tracing::warn!(connection_id = %connection.id, check = "secret", %error, "a check failed");
        let lost = matches!(error, OpenError::NoSecret | OpenError::Secret(SecretError::Unopenable { .. }));
        self.note(connection, lost.then_some(ConnectionState::KeyRejected)).await?;
        Ok(Checked { failed: 1, accounts: Vec::new() })
    }

    async fn note(&self, connection: &Connection, refused: Option<ConnectionState>) -> Result<(), StoreError> {
        if connection.state == ConnectionState::Active && refused.is_some() {
            tracing::error!(connection_id = %connection.id, state = ?refused, "the connection is closed");
        }
        unless_changed(self.systems.note_check(connection, refused).await).map(drop)
    }

    /// The key works again. False when somebody changed the connection meanwhile.
    async fn reopen(&self, connection: &Connection) -> Result<bool, StoreError> {
        let opened = Connection { state: ConnectionState::Active, checked_at: self.clock.now(), ..connection.clone() };
        let is_open = unless_changed(self.store.save_connection(connection, &opened).await)?;
        if is_open {
            tracing::info!(connection_id = %connection.id, "the connection works again");
        }
        Ok(is_open)
    }

    /// What stays unmended is told again in the next round.
    async fn subscribe(&self, connection: &Connection) {
        let Some(page_id) = connection.page_id() else { return };
        let Ok(token) = self.systems.secret(connection).await else { return };
        match self.systems.graph.subscribe(&token, page_id).await {
            Ok(()) => tracing::info!(connection_id = %connection.id, "the page tells the app about its leads again"),
            Err(error) => tracing::warn!(connection_id = %connection.id, %error, "the page was not subscribed"),
        }
    }
}

/// What came of one connection.
struct Checked {
    failed: usize,
    /// Accounts that have work because of it.
    accounts: Vec<AccountId>,
}

fn tell(connection: &Connection, checkup: &Checkup) {
    for (finding, fault) in checkup.failed() {
        let bundle_id = finding.bundle.as_ref().map(tracing::field::display);
        tracing::warn!(connection_id = %connection.id, bundle_id, check = finding.name, detail = %fault, "a check failed");
    }
}
