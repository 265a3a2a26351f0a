//! The orders in RemOnline compared with our records: the check that nothing was lost there and nothing made twice.

mod compare;

use std::collections::{BTreeMap, BTreeSet};

use domain::{AccountId, Bundle, Connection, ConnectionState, Transaction, TransactionId};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use remonline::{Client, Order};
use runtime::Metric;
use store::{Filter, Finding, FindingKind};

use crate::{Outcome, Scheduler};

/// How far an audit looks back.
const HOURLY: SignedDuration = SignedDuration::from_hours(3);

/// How far the one at [`NIGHT`] does.
const NIGHTLY: SignedDuration = SignedDuration::from_hours(8 * 24);

/// The hour of the day, in UTC, in which the audit looks back further.
const NIGHT: i8 = 1;

/// Transactions read at once.
const BATCH: usize = 200;

/// Orders that the list lacks and that are asked for one by one, at most.
const MOST_ASKED: usize = 50;

/// The orders of an account since the beginning of the audit.
struct Listed {
    orders: Vec<Order>,
    /// The list was read to its end.
    complete: bool,
}

impl Scheduler {
    /// Looks for orders that are doubled, lost or unexpected, and for clients that we made twice. What is found is told
    /// once and kept for people; nothing is mended, because nobody but a person knows what was done in RemOnline.
    pub(crate) async fn audit(&self, deadline: Timestamp) -> anyhow::Result<Outcome> {
        let now = self.clock.now();
        let night = TimeZone::UTC.to_datetime(now).hour() == NIGHT;
        let since = now - if night { NIGHTLY } else { HOURLY };
        let stop_at = deadline - self.timing.send_margin();
        let recorded = self.recorded(since).await?;
        let bundles = self.store.bundles().await?;
        let mut new = Vec::new();
        for connection in self.one_for_each_account().await? {
            let Some(account) = connection.account().map(|account| account.id.clone()) else { continue };
            let of_account = recorded.iter().filter(|transaction| transaction.account_id == account);
            let of_account = of_account.cloned().collect::<Vec<_>>();
            let audit = Audit { scheduler: self, connection, account, recorded: of_account, since, stop_at };
            for finding in audit.findings(&bundles).await? {
                if self.store.note_finding(&finding).await? {
                    tell(&finding);
                    new.push(finding.kind);
                }
            }
        }
        let count = |kind| new.iter().filter(|found| **found == kind).count();
        let metrics = vec![
            Metric::count("OrdersDoubled", count(FindingKind::OrderDoubled)),
            Metric::count("OrdersLost", count(FindingKind::OrderLost)),
            Metric::count("OrdersUnexpected", count(FindingKind::OrderUnexpected)),
            Metric::count("ClientsDoubled", count(FindingKind::ClientDoubled)),
        ];
        tracing::info!(transactions = recorded.len(), found = new.len(), night, "audited");
        Ok(Outcome { metrics, ..Outcome::default() })
    }

    /// The transactions received since, without their steps.
    async fn recorded(&self, since: Timestamp) -> anyhow::Result<Vec<Transaction>> {
        let filter = Filter { from: Some(since), ..Filter::default() };
        let (mut recorded, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.store.history(&filter, BATCH, cursor.as_deref()).await?;
            recorded.extend(page.items.into_iter().map(|transaction| Transaction { steps: Vec::new(), ..transaction }));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(recorded);
            }
        }
    }

    /// A connection in use to each RemOnline account.
    async fn one_for_each_account(&self) -> anyhow::Result<Vec<Connection>> {
        let mut connections = self.store.connections().await?;
        let mut seen = BTreeSet::new();
        connections.retain(|connection| {
            let in_use = connection.state == ConnectionState::Active;
            in_use && connection.account().is_some_and(|account| seen.insert(account.id.clone()))
        });
        Ok(connections)
    }
}

/// The audit of one account.
struct Audit<'s> {
    scheduler: &'s Scheduler,
    connection: Connection,
    account: AccountId,
    recorded: Vec<Transaction>,
    since: Timestamp,
    stop_at: Timestamp,
}

impl Audit<'_> {
    async fn findings(&self, bundles: &[Bundle]) -> anyhow::Result<Vec<Finding>> {
        let mut found = compare::doubled_clients(&self.recorded, bundles);
        if let Some(client) = self.client().await {
            match self.compared(&client).await? {
                Ok(orders) => found.extend(orders),
                Err(error) => self.refused(&error).await?,
            }
        }
        let (account_id, found_at) = (&self.account, self.scheduler.clock.now());
        let finding = |(kind, transaction, ids): compare::Found| Finding {
            kind,
            account_id: account_id.clone(),
            transaction,
            ids: ids.into_iter().collect(),
            found_at,
        };
        Ok(found.into_iter().map(finding).collect())
    }

    async fn client(&self) -> Option<Client> {
        let client = self.scheduler.systems.remonline(&self.connection).await;
        client
            .inspect_err(|error| tracing::error!(account_id = %self.account, %error, "the account is not audited"))
            .ok()
    }

    /// What the account's orders tell; the inner error is RemOnline's.
    async fn compared(&self, client: &Client) -> anyhow::Result<Result<Vec<compare::Found>, remonline::Error>> {
        let listed = match self.listed(client).await {
            Ok(listed) => listed,
            Err(error) => return Ok(Err(error)),
        };
        let marked = compare::by_marker(&listed.orders);
        let known = self.known(marked.keys()).await?;
        let mut found = compare::orders(&marked, &known);
        if listed.complete {
            match self.lost(client, &listed.orders).await {
                Ok(lost) => found.extend(lost),
                Err(error) => self.refused(&error).await?,
            }
        }
        Ok(Ok(found))
    }

    /// The transactions of these ids. Most of them are among those of the audit's time, and read.
    async fn known(&self, ids: impl Iterator<Item = &TransactionId>) -> anyhow::Result<Vec<Transaction>> {
        let read = self.recorded.iter().map(|transaction| (&transaction.id, transaction)).collect::<BTreeMap<_, _>>();
        let (mut known, mut others) = (Vec::new(), Vec::new());
        for id in ids {
            match read.get(id) {
                Some(transaction) => known.push(Transaction::clone(transaction)),
                None => others.push(id.clone()),
            }
        }
        known.extend(self.scheduler.store.transactions(&others).await?);
        Ok(known)
    }

    async fn listed(&self, client: &Client) -> Result<Listed, remonline::Error> {
        let (mut orders, mut next) = (Vec::new(), Some(1));
        while let Some(number) = next {
            if self.scheduler.clock.now() >= self.stop_at {
                tracing::warn!(account_id = %self.account, "there was no time to list all orders");
                return Ok(Listed { orders, complete: false });
            }
            let page = client.orders_created_since(self.since, number).await?;
            orders.extend(page.rows);
            next = page.next;
        }
        Ok(Listed { orders, complete: true })
    }

    /// Orders that we recorded and that the list lacks. A search may lag, so each is asked for by its id.
    async fn lost(&self, client: &Client, listed: &[Order]) -> Result<Vec<compare::Found>, remonline::Error> {
        let mut lost = Vec::new();
        for (transaction, order_id) in compare::unlisted(&self.recorded, listed).into_iter().take(MOST_ASKED) {
            if self.scheduler.clock.now() >= self.stop_at {
                break;
            }
            if client.order(order_id).await?.is_none() {
                lost.push((FindingKind::OrderLost, transaction, BTreeSet::from([order_id])));
            }
        }
        Ok(lost)
    }

    /// RemOnline does not answer as it should: the next audit looks again, with another key if this one is refused.
    async fn refused(&self, error: &remonline::Error) -> anyhow::Result<()> {
        tracing::warn!(account_id = %self.account, %error, "the account could not be audited to the end");
        let systems = &self.scheduler.systems;
        systems.heed(&self.account, error).await;
        if matches!(error, remonline::Error::KeyRejected(_)) {
            systems.close(&self.connection, ConnectionState::KeyRejected).await?;
        }
        Ok(())
    }
}

/// One line for each finding, with ids only.
fn tell(finding: &Finding) {
    let Finding { kind, account_id, transaction, ids, .. } = finding;
    let (leadgen_id, bundle_id) = (&transaction.leadgen_id, &transaction.bundle_id);
    match kind {
        FindingKind::OrderDoubled => {
            tracing::error!(%account_id, %leadgen_id, %bundle_id, orders = ?ids, "a lead has more than one order");
        }
        FindingKind::OrderLost => {
            tracing::error!(%account_id, %leadgen_id, %bundle_id, orders = ?ids, "the order of a lead is gone");
        }
        FindingKind::OrderUnexpected => {
            tracing::warn!(%account_id, %leadgen_id, %bundle_id, orders = ?ids, "an order has the marker of no lead");
        }
        FindingKind::ClientDoubled => {
            tracing::warn!(%account_id, %leadgen_id, %bundle_id, clients = ?ids, "a client was made twice");
        }
    }
}
