//! People who want to be forgotten. The wish is written down first and stays until nothing is left of them, whatever
//! stops in between; each lead leaves a tombstone, so that nothing announces it anew.

use std::collections::BTreeSet;

use domain::{MetaId, State, Transaction, TransactionId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    AnswersChange, Change, Filter, HistoryError, PersonWrite, SaveError, Store, StoreError,
    database::{Condition, Query, Table, Test, Write},
    dedup::CLAIMED_BY,
    keys,
    row::{self, EXPIRES_AT},
    transactions::KEPT,
};

const TABLE: Table = Table::Transactions;

/// How long a phone number or e-mail address is looked for again: the indexes lag, if only for a moment.
const LOOKED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// How many transactions are looked up at once.
const BATCH: usize = 100;

/// How often a transaction that others change is tried before it is left to the next round.
const TRIES: usize = 3;

/// Who is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Whoever has the phone number with this keyed hash.
    Phone(String),
    /// Whoever has the e-mail address with this keyed hash.
    Email(String),
    /// Whoever sent this lead.
    Lead(MetaId),
}

/// A wish to be forgotten that is not carried out yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Whose wish.
    pub subject: Subject,
    /// When it was uttered. What the person sends later is not meant.
    pub asked_at: Timestamp,
}

/// How far a wish is carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Nothing of the person is left in these.
    pub erased: Vec<TransactionId>,
    /// These are being worked on, and follow when their step ends.
    pub pending: Vec<TransactionId>,
    /// The person's clients in RemOnline, which stay there.
    pub client_ids: BTreeSet<i64>,
    /// The person's orders in RemOnline, which stay there.
    pub order_ids: BTreeSet<i64>,
}

impl Store {
    /// Forgets a person. What cannot be erased now is erased by [`Store::carry_out`] later.
    pub async fn erase(&self, subject: Subject, now: Timestamp) -> Result<Erased, StoreError> {
        let erasure = Erasure { subject, asked_at: now };
        self.write_anyway(Write::put(TABLE, row::row(&keys::erasure(&erasure.subject), &erasure)?)).await?;
        self.carry_out(&erasure, now).await
    }

    /// The wishes that are not carried out yet.
    pub async fn erasures(&self) -> Result<Vec<Erasure>, StoreError> {
        self.list(&Query::partition(TABLE, keys::ERASURES)).await
    }

    /// Erases what can be erased at `now`. The wish is done with when nothing is pending and nothing can turn up any
    /// more.
    pub async fn carry_out(&self, erasure: &Erasure, now: Timestamp) -> Result<Erased, StoreError> {
        let mut erased = Erased::default();
        for lead in self.leads_of(erasure).await? {
            self.erase_lead(&lead, now, &mut erased).await?;
        }
        if let Subject::Phone(hash) | Subject::Email(hash) = &erasure.subject {
            self.forget_everywhere(hash, &mut erased).await?;
        }
        let settled = matches!(erasure.subject, Subject::Lead(_)) || now >= erasure.asked_at + LOOKED_FOR;
        if settled && erased.pending.is_empty() {
            self.write_anyway(Write::delete(TABLE, keys::erasure(&erasure.subject))).await?;
        }
        Ok(erased)
    }

    /// The leads that are the person's, as far as they are known to be.
    async fn leads_of(&self, erasure: &Erasure) -> Result<BTreeSet<MetaId>, StoreError> {
        let filter = match &erasure.subject {
            Subject::Lead(lead) => return Ok(BTreeSet::from([lead.clone()])),
            Subject::Phone(hash) => Filter { phone_hash: Some(hash.clone()), ..Filter::default() },
            Subject::Email(hash) => Filter { email_hash: Some(hash.clone()), ..Filter::default() },
        };
        let (mut leads, mut cursor) = (BTreeSet::new(), None);
        loop {
            let page = match self.history(&filter, BATCH, cursor.as_deref()).await {
                Ok(page) => page,
                Err(HistoryError::Store(error)) => return Err(error),
                Err(HistoryError::Cursor) => return Ok(leads),
            };
            let meant = page.items.into_iter().filter(|found| found.received_at <= erasure.asked_at);
            leads.extend(meant.map(|found| found.id.leadgen_id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(leads);
            }
        }
    }

    /// The tombstone comes first: from then on nobody records the lead anew.
    async fn erase_lead(&self, lead: &MetaId, now: Timestamp, erased: &mut Erased) -> Result<(), StoreError> {
        let mut tombstone = row::mark(&keys::tombstone(lead));
        tombstone.insert(EXPIRES_AT.to_owned(), (now + KEPT).as_second().into());
        self.write_anyway(Write::put(TABLE, tombstone)).await?;
        self.forget_unrouted_lead(lead).await?;
        for transaction in self.transactions_of_lead(lead).await? {
            let id = transaction.id.clone();
            erased.client_ids.extend(transaction.client_id);
            erased.order_ids.extend(transaction.order_id);
            let done = self.erase_transaction(transaction, now).await?;
            if done { erased.erased.push(id) } else { erased.pending.push(id) }
        }
        Ok(())
    }

    /// False when it is being worked on.
    async fn erase_transaction(&self, mut before: Transaction, now: Timestamp) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let mut after = before.clone();
            if before.state == State::Erased {
                return Ok(true);
            }
            if after.erase(now).is_err() {
                return Ok(false);
            }
            let persons = self.forgettable(&before).await?;
            let change = Change { persons, answers: AnswersChange::Delete, ..Change::new(&before, &after) };
            match self.save(change).await {
                Ok(_) => return Ok(true),
                Err(SaveError::Store(error)) => return Err(error),
                Err(SaveError::Conflict | SaveError::LeaseLost | SaveError::PersonClaimed) => {}
            }
            let Some(changed) = self.transaction(&before.id).await? else { return Ok(true) };
            before = changed;
        }
        Ok(false)
    }

    /// What the dedup index knows of the person because of this lead, unless another lead is about to create the
    /// client: that one's own end settles it.
    async fn forgettable(&self, lead: &Transaction) -> Result<Vec<PersonWrite>, StoreError> {
        let hashes: BTreeSet<&String> =
            lead.person_hashes.iter().chain(&lead.phone_hash).chain(&lead.email_hash).collect();
        let hashes: Vec<String> = hashes.into_iter().cloned().collect();
        let entries = self.persons(&lead.account_id, &hashes).await?;
        let known = hashes.into_iter().zip(entries).filter_map(|(hash, entry)| Some((hash, entry?)));
        let free = known.filter(|(_, entry)| entry.claimed_by.as_ref().is_none_or(|by| *by == lead.id));
        Ok(free.map(|(hash, _)| PersonWrite::Forget { hash }).collect())
    }

    /// Forgets a phone number or e-mail address in every account, also where no lead tells of it any more.
    async fn forget_everywhere(&self, hash: &str, erased: &mut Erased) -> Result<(), StoreError> {
        for account in self.accounts().await? {
            let Some(entry) = self.person(&account, hash).await? else { continue };
            erased.client_ids.extend(entry.client_id);
            let condition = Condition::All(vec![Test::Missing(CLAIMED_BY)]);
            let key = keys::person(&account, hash);
            self.write_anyway(Write::Delete { table: Table::Dedup, key, condition }).await?;
        }
        Ok(())
    }
}
