use domain::{AccountId, Lead, MetaId, Slug, Step, StepKind, Transaction, TransactionId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Store, StoreError,
    database::{Condition, Index, Item, Key, Query, SORT, Table, Write, WriteError},
    keys::{self, Lane},
    row::{self, EXPIRES_AT},
};

const TABLE: Table = Table::Transactions;

/// How long a final transaction is shown.
pub(crate) const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What became of a lead that was to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// It is recorded now.
    New,
    /// It was known, as this transaction.
    Known(Box<Transaction>),
    /// It is not: the person wants to be forgotten.
    Erased,
}

/// What a person answered and what was sent because of it: personal data, kept apart from the transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    /// The answers as fetched from Meta.
    pub lead: Lead,
    /// The bodies of the requests that were sent.
    #[serde(default)]
    pub bodies: Vec<RequestBody>,
    /// When the table removes it, at the latest two days later; `None` while the transaction is not final.
    #[serde(default, rename = "delete_at", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// The body of the request of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestBody {
    /// When the step ended.
    pub at: Timestamp,
    /// What the step was.
    pub step: StepKind,
    /// What was sent.
    pub body: Value,
}

impl Answers {
    /// The answers before anything is sent.
    pub fn of(lead: Lead) -> Self {
        Self { lead, bodies: Vec::new(), expires_at: None }
    }

    /// Kept for so many days from `now` on, since the transaction is final.
    pub fn expire(&mut self, days: u32, now: Timestamp) {
        self.expires_at = Some(now + SignedDuration::from_hours(24 * i64::from(days)));
    }

    /// The body that was sent in this step.
    pub fn body_of(&self, step: &Step) -> Option<&Value> {
        self.bodies.iter().find(|sent| sent.at == step.at && sent.step == step.step).map(|sent| &sent.body)
    }
}

impl Store {
    /// Records a lead that was announced. Of two who record one lead at once, one is told that it is known. Meta announces
    /// leads again and again, so it is looked at first: a read costs a small part of a write that is refused.
    pub async fn record(&self, transaction: &Transaction) -> Result<Recorded, StoreError> {
        if let Some(known) = self.transaction(&transaction.id).await? {
            return Ok(Recorded::Known(Box::new(known)));
        }
        self.note_month(transaction).await?;
        let mut writes = vec![not_erased(&transaction.id.leadgen_id), put_row(transaction, Condition::absent())?];
        writes.extend(keys::list_entry(transaction).as_ref().map(put_entry));
        match self.database.write(&writes).await {
            Ok(()) => Ok(Recorded::New),
            Err(WriteError::Unavailable(error)) => Err(error.into()),
            Err(WriteError::Conflict { which }) => match self.transaction(&transaction.id).await? {
                Some(known) => Ok(Recorded::Known(Box::new(known))),
                None if which == 0 => Ok(Recorded::Erased),
                None => Err(StoreError::busy()),
            },
        }
    }

    /// One transaction.
    pub async fn transaction(&self, id: &TransactionId) -> Result<Option<Transaction>, StoreError> {
        self.read(TABLE, &keys::transaction(id)).await
    }

    /// Those of the transactions that exist, in the order of `ids`.
    pub async fn transactions(&self, ids: &[TransactionId]) -> Result<Vec<Transaction>, StoreError> {
        let keys: Vec<Key> = ids.iter().map(keys::transaction).collect();
        let items = self.database.get_many(TABLE, &keys).await?;
        items.into_iter().flatten().map(|item| row::value(TABLE, item)).collect()
    }

    /// Those of `ids` that no transaction has: a hundred are looked up in one call.
    pub async fn unknown(&self, ids: Vec<TransactionId>) -> Result<Vec<TransactionId>, StoreError> {
        let keys: Vec<Key> = ids.iter().map(keys::transaction).collect();
        let items = self.database.get_many(TABLE, &keys).await?;
        Ok(ids.into_iter().zip(items).filter(|(_, item)| item.is_none()).map(|(id, _)| id).collect())
    }

    /// The transactions of a lead, by bundle.
    pub async fn transactions_of_lead(&self, leadgen_id: &MetaId) -> Result<Vec<Transaction>, StoreError> {
        self.list(&Query {
            from: Some(keys::TRANSACTIONS.to_owned()),
            to: Some(keys::after_prefix(keys::TRANSACTIONS)),
            ..Query::partition(TABLE, keys::lead(leadgen_id))
        })
        .await
    }

    /// What is due at `now` for an account: live leads before backfill, the longest due first.
    pub async fn due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<TransactionId>, StoreError> {
        let mut due = Vec::new();
        for lane in Lane::ALL {
            let list = Query::partition(TABLE, keys::due_list(account, lane));
            let to = Some(keys::due_until(now));
            due.extend(self.entries(&Query { to, limit: limit - due.len(), ..list }).await?);
        }
        Ok(due)
    }

    /// What is due for an account later than `now`: live leads before backfill, the first due first.
    pub async fn due_later(&self, account: &AccountId, now: Timestamp) -> Result<Vec<TransactionId>, StoreError> {
        let mut later = Vec::new();
        for lane in Lane::ALL {
            let list = Query::partition(TABLE, keys::due_list(account, lane));
            later.extend(self.entries(&Query { from: Some(keys::due_until(now)), ..list }).await?);
        }
        Ok(later)
    }

    /// When the next transaction of an account is or was due.
    pub async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, StoreError> {
        let mut first = None;
        for lane in Lane::ALL {
            let list = Query { limit: 1, ..Query::partition(TABLE, keys::due_list(account, lane)) };
            let entries = self.database.query(&list).await?;
            let due_at = entries.iter().filter_map(|entry| entry.get(SORT)?.as_str()).filter_map(keys::due_at);
            first = due_at.chain(first).min();
        }
        Ok(first)
    }

    /// What waits for a stopped bundle, oldest first. A transaction leaves the list when it is retried and saved, so
    /// the next call brings the next ones.
    pub async fn held_by_bundle(&self, bundle: &Slug, limit: usize) -> Result<Vec<TransactionId>, StoreError> {
        self.entries(&Query { limit, ..Query::partition(TABLE, keys::held_by_bundle(bundle)) }).await
    }

    /// What is parked because of a connection, oldest first. Leaves the list like [`Store::held_by_bundle`].
    pub async fn held_by_connection(&self, connection: &Slug, limit: usize) -> Result<Vec<TransactionId>, StoreError> {
        self.entries(&Query { limit, ..Query::partition(TABLE, keys::held_by_connection(connection)) }).await
    }

    /// The answers of a transaction, while they are kept.
    pub async fn answers(&self, id: &TransactionId) -> Result<Option<Answers>, StoreError> {
        self.read(TABLE, &keys::answers(id)).await
    }

    /// Keeps the answers of a transaction outside [`Store::save`].
    pub async fn save_answers(&self, id: &TransactionId, answers: &Answers) -> Result<(), StoreError> {
        self.write_anyway(put_answers(id, answers)?).await
    }

    /// Removes the answers of a transaction outside [`Store::save`].
    pub async fn delete_answers(&self, id: &TransactionId) -> Result<(), StoreError> {
        self.write_anyway(delete_answers(id)).await
    }

    async fn entries(&self, list: &Query) -> Result<Vec<TransactionId>, StoreError> {
        let entries = self.database.query(list).await?;
        Ok(entries.iter().filter_map(|entry| keys::transaction_id(entry.get(SORT)?.as_str()?)).collect())
    }
}

/// Holds as long as nobody wants the lead to be forgotten.
pub(crate) fn not_erased(leadgen_id: &MetaId) -> Write {
    Write::Check { table: TABLE, key: keys::tombstone(leadgen_id), condition: Condition::absent() }
}

/// The row of a transaction with what its indexes and the table's clean-up need. It is written at each step, so nothing is
/// said of what is not there.
pub(crate) fn put_row(transaction: &Transaction, condition: Condition) -> Result<Write, StoreError> {
    let mut item = row::row(&keys::transaction(&transaction.id), transaction)?;
    item.values_mut().for_each(leave_out_nulls);
    let place = keys::history_key(transaction);
    item.insert(Index::History.partition().to_owned(), keys::month(&place).into());
    item.insert(Index::SORT.to_owned(), place.into());
    item.extend(keys::listed_state(transaction.state).map(|state| (Index::State.partition().to_owned(), state.into())));
    let took = transaction.took().map(|took| u64::try_from(took.as_millis()).unwrap_or_default());
    item.extend(took.map(|took| (Index::TOOK.to_owned(), took.into())));
    let expires_at = transaction.is_final().then(|| transaction.updated_at + KEPT);
    Ok(Write::Put { table: TABLE, item: expiring(item, expires_at), condition })
}

fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(leave_out_nulls),
        _ => {}
    }
}

pub(crate) fn put_entry(entry: &Key) -> Write {
    Write::put(TABLE, row::mark(entry))
}

pub(crate) fn put_answers(id: &TransactionId, answers: &Answers) -> Result<Write, StoreError> {
    let item = row::row(&keys::answers(id), answers)?;
    Ok(Write::put(TABLE, expiring(item, answers.expires_at)))
}

pub(crate) fn delete_answers(id: &TransactionId) -> Write {
    Write::delete(TABLE, keys::answers(id))
}

fn expiring(mut item: Item, at: Option<Timestamp>) -> Item {
    item.extend(at.map(|at| (EXPIRES_AT.to_owned(), at.as_second().into())));
    item
}
