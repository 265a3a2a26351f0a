use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{MetaId, Reason, Slug, State, Transaction, TransactionId};
use jiff::Timestamp;

use crate::{
    Store, StoreError,
    database::{Index, Item, Order, Query, SORT, Table, Write},
    keys, row,
};

const TABLE: Table = Table::Transactions;

/// How many rows are read at once while looking for those that match.
const BATCH: usize = 100;

/// After looking at so many, a page ends, full or not: a filter that fits hardly anything must not take longer than
/// its caller waits.
const MOST_LOOKED_AT: usize = 5_000;

/// Which transactions a history shows. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this bundle.
    pub bundle: Option<Slug>,
    /// Read or written through this connection.
    pub connection: Option<Slug>,
    /// In this state.
    pub state: Option<State>,
    /// For this reason.
    pub reason: Option<Reason>,
    /// Of this lead.
    pub leadgen_id: Option<MetaId>,
    /// With this phone number, by keyed hash.
    pub phone_hash: Option<String>,
    /// With this e-mail address, by keyed hash.
    pub email_hash: Option<String>,
    /// Received at this time or later.
    pub from: Option<Timestamp>,
    /// Received before this time.
    pub to: Option<Timestamp>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end.
    pub next_cursor: Option<String>,
}

/// Why there is no history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The cursor is not one of ours.
    #[error("the cursor is not one that was given with a page")]
    Cursor,
    /// No answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Some transactions next to each other in the history, and where the next ones begin.
struct Stretch {
    transactions: Vec<Transaction>,
    /// How many were looked at to find them.
    looked_at: usize,
    /// The place of the last one that was looked at; `None` when there was nothing more.
    last: Option<String>,
}

impl Filter {
    fn matches(&self, transaction: &Transaction) -> bool {
        let Transaction { source_connection, client_connection, received_at, .. } = transaction;
        let connection = |wanted| wanted == source_connection || wanted == client_connection;
        self.bundle.as_ref().is_none_or(|bundle| *bundle == transaction.id.bundle_id)
            && self.connection.as_ref().is_none_or(connection)
            && self.state.is_none_or(|state| state == transaction.state)
            && self.reason.is_none_or(|reason| Some(reason) == transaction.reason)
            && self.leadgen_id.as_ref().is_none_or(|lead| *lead == transaction.id.leadgen_id)
            && (self.phone_hash.is_none() || self.phone_hash == transaction.phone_hash)
            && (self.email_hash.is_none() || self.email_hash == transaction.email_hash)
            && self.from.is_none_or(|from| *received_at >= from)
            && self.to.is_none_or(|to| *received_at < to)
    }

    /// The narrowest index that has everything, with its partition; `None` for the months.
    fn index(&self) -> Option<(Index, &str)> {
        let phone = self.phone_hash.as_deref().map(|hash| (Index::Phone, hash));
        let email = || self.email_hash.as_deref().map(|hash| (Index::Email, hash));
        let state = || self.state.and_then(keys::listed_state).map(|state| (Index::State, state));
        phone.or_else(email).or_else(state)
    }

    /// How many transactions to look at for so many that match. Each is read, so none too many where all of them match.
    fn most(&self, wanted: usize) -> usize {
        let all_match = *self == Self { from: self.from, to: self.to, ..Self::default() };
        if all_match { wanted.min(BATCH) } else { BATCH }
    }

    /// Whether the transaction at a place in the history may match, as far as the place tells.
    fn may_match(&self, id: &TransactionId) -> bool {
        self.bundle.as_ref().is_none_or(|bundle| *bundle == id.bundle_id)
    }
}

impl Store {
    /// The transactions that match, the last received first, `limit` at a time until there are no more. Walking on
    /// with `next_cursor` shows each row once, whatever is recorded meanwhile.
    ///
    /// The history goes through indexes, which lag a moment behind: a lead recorded this second may be missing. What
    /// is shown of a transaction is what it is now.
    pub async fn history(
        &self,
        filter: &Filter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Transaction>, HistoryError> {
        let to = filter.to.map(keys::history_from);
        let mut before = match cursor.map(place_of).transpose()? {
            Some(place) => Some(to.map_or(place.clone(), |to| to.min(place))),
            None => to,
        };
        let (mut found, mut looked_at) = (Vec::new(), 0);
        while found.len() <= limit && looked_at < MOST_LOOKED_AT {
            let most = filter.most(limit + 1 - found.len());
            let stretch = self.stretch(filter, before, most).await?;
            looked_at += stretch.looked_at;
            found.extend(stretch.transactions.into_iter().filter(|transaction| filter.matches(transaction)));
            before = stretch.last;
            if before.is_none() {
                break;
            }
        }
        Ok(page(found, limit, before))
    }

    /// The next transactions received before `before` that may match, among `most`.
    async fn stretch(&self, filter: &Filter, before: Option<String>, most: usize) -> Result<Stretch, StoreError> {
        if let Some(lead) = &filter.leadgen_id {
            return self.stretch_of_lead(lead, before).await;
        }
        if let Some((index, partition)) = filter.index() {
            return self.stretch_of_index(index, partition, filter, before, most).await;
        }
        for month in self.months(filter.from, before.as_deref()).await? {
            let stretch = self.stretch_of_index(Index::History, &month, filter, before.clone(), most).await?;
            if stretch.last.is_some() {
                return Ok(stretch);
            }
        }
        Ok(Stretch { transactions: Vec::new(), looked_at: 0, last: None })
    }

    async fn stretch_of_lead(&self, lead: &MetaId, before: Option<String>) -> Result<Stretch, StoreError> {
        let mut transactions = self.transactions_of_lead(lead).await?;
        transactions
            .retain(|transaction| before.as_ref().is_none_or(|before| keys::history_key(transaction) < *before));
        transactions.sort_by_key(|transaction| std::cmp::Reverse(keys::history_key(transaction)));
        Ok(Stretch { looked_at: transactions.len(), transactions, last: None })
    }

    async fn stretch_of_index(
        &self,
        index: Index,
        partition: &str,
        filter: &Filter,
        before: Option<String>,
        most: usize,
    ) -> Result<Stretch, StoreError> {
        let query = Query {
            index: Some(index),
            from: filter.from.map(keys::history_from),
            to: before,
            order: Order::Descending,
            limit: most,
            ..Query::partition(TABLE, partition)
        };
        let found = self.database.query(&query).await?;
        let places: Vec<&str> = found.iter().filter_map(place).collect();
        let ids = places.iter().filter_map(|place| keys::transaction_id(place)).filter(|id| filter.may_match(id));
        let transactions = self.transactions(&ids.collect::<Vec<_>>()).await?;
        Ok(Stretch { transactions, looked_at: places.len(), last: places.last().map(|place| (*place).to_owned()) })
    }

    /// The months in which something was received in the time asked for, the last one first.
    pub(crate) async fn months(
        &self,
        from: Option<Timestamp>,
        before: Option<&str>,
    ) -> Result<Vec<String>, StoreError> {
        let from = from.map(|from| keys::month(&keys::history_from(from)).to_owned());
        let to = before.map(|before| keys::after_prefix(keys::month(before)));
        let months = Query { from, to, order: Order::Descending, ..Query::partition(TABLE, keys::MONTHS) };
        let rows = self.database.query(&months).await?;
        Ok(rows.iter().filter_map(|row| row.get(SORT)?.as_str()).map(str::to_owned).collect())
    }

    /// Puts the month of a transaction on the list of months, once for each month and process.
    pub(crate) async fn note_month(&self, transaction: &Transaction) -> Result<(), StoreError> {
        let place = keys::history_key(transaction);
        let month = keys::month(&place);
        if self.known_months().contains(month) {
            return Ok(());
        }
        self.write_anyway(Write::put(TABLE, row::mark(&keys::month_row(month)))).await?;
        self.known_months().insert(month.to_owned());
        Ok(())
    }
}

/// Cuts what was found to a page. One more than fits tells that there is a next page, and so does a place up to which
/// was looked.
fn page(mut found: Vec<Transaction>, limit: usize, looked_up_to: Option<String>) -> Page<Transaction> {
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(keys::history_key).or(looked_up_to.filter(|_| !more));
    Page { items: found, next_cursor: last.map(|last| URL_SAFE_NO_PAD.encode(last)) }
}

pub(crate) fn place(entry: &Item) -> Option<&str> {
    entry.get(Index::SORT)?.as_str()
}

/// The place in the history that a cursor names.
fn place_of(cursor: &str) -> Result<String, HistoryError> {
    let decoded = URL_SAFE_NO_PAD.decode(cursor).ok();
    let place = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    place.filter(|place| keys::is_history_key(place)).ok_or(HistoryError::Cursor)
}
