use domain::{Transaction, TransactionId};

use crate::{
    Answers, KnownOrder, Lease, PersonWrite, Store, StoreError,
    database::{Condition, Table, Write, WriteError},
    dedup, keys,
    row::REVISION,
    transactions::{delete_answers, put_answers, put_entry, put_row},
};

/// One step of a transaction: everything that is to be written together, or not at all.
#[derive(Debug)]
pub struct Change<'a> {
    /// The transaction as it was read.
    pub before: &'a Transaction,
    /// The transaction as it is to be. Its revision and its hashes of the person are set by the store.
    pub after: &'a Transaction,
    /// The lease under which this is done. A holder that lost it cannot write.
    pub lease: Option<&'a Lease>,
    /// What is known from now on of the person. No two may be about one hash.
    pub persons: Vec<PersonWrite>,
    /// The latest order of ours for a client, when it is known from now on.
    pub order: Option<KnownOrder>,
    /// What becomes of the answers.
    pub answers: AnswersChange<'a>,
}

/// What becomes of the answers of a transaction.
#[derive(Debug, Clone, Copy, Default)]
pub enum AnswersChange<'a> {
    /// They stay as they are.
    #[default]
    Keep,
    /// These are kept.
    Save(&'a Answers),
    /// They are removed.
    Delete,
}

/// Why a transaction was not saved; nothing of the change was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SaveError {
    /// Somebody else changed it: read it again.
    #[error("the transaction was changed meanwhile")]
    Conflict,
    /// Another one holds the account's lease: stop writing.
    #[error("the lease of the account is lost")]
    LeaseLost,
    /// A phone number or e-mail address is claimed by another transaction, or settled when it was to be claimed.
    #[error("another transaction is about to create this client")]
    PersonClaimed,
    /// No answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a write of a change is about, and so what its conflict means.
#[derive(Debug, Clone, Copy)]
enum About {
    Lease,
    Transaction,
    Person,
    Other,
}

impl<'a> Change<'a> {
    /// A change of the transaction alone.
    pub fn new(before: &'a Transaction, after: &'a Transaction) -> Self {
        let (lease, persons, order, answers) = (None, Vec::new(), None, AnswersChange::Keep);
        Self { before, after, lease, persons, order, answers }
    }

    fn writes(&self, saved: &Transaction) -> Result<Vec<(About, Write)>, StoreError> {
        let unchanged = Condition::equals(REVISION, self.before.revision);
        let mut writes = Vec::from_iter(self.lease.map(|lease| (About::Lease, lease.check())));
        writes.push((About::Transaction, put_row(saved, unchanged)?));
        writes.extend(self.list_move(saved).into_iter().map(|write| (About::Other, write)));
        for person in &self.persons {
            writes.push((About::Person, dedup::person_write(&saved.account_id, &saved.id, person)?));
        }
        if let Some(order) = &self.order {
            writes.push((About::Other, dedup::order_write(&saved.account_id, order)?));
        }
        writes.extend(self.answers.write(&saved.id)?.map(|write| (About::Other, write)));
        Ok(writes)
    }

    fn list_move(&self, saved: &Transaction) -> Vec<Write> {
        let (from, to) = (keys::list_entry(self.before), keys::list_entry(saved));
        if from == to {
            return Vec::new();
        }
        let left = from.map(|entry| Write::delete(Table::Transactions, entry));
        left.into_iter().chain(to.as_ref().map(put_entry)).collect()
    }
}

impl AnswersChange<'_> {
    fn write(self, id: &TransactionId) -> Result<Option<Write>, StoreError> {
        Ok(match self {
            Self::Keep => None,
            Self::Save(answers) => Some(put_answers(id, answers)?),
            Self::Delete => Some(delete_answers(id)),
        })
    }
}

impl Store {
    /// Writes one step of a transaction, moves it to the list it belongs to, and returns it with its new revision,
    /// from which the next step goes on. Repeating a change whose answer was lost is harmless.
    pub async fn save(&self, change: Change<'_>) -> Result<Transaction, SaveError> {
        let mut saved = Transaction { revision: change.before.revision + 1, ..change.after.clone() };
        dedup::note_hashes(&mut saved.person_hashes, &change.persons);
        let (about, writes): (Vec<_>, Vec<_>) = change.writes(&saved)?.into_iter().unzip();
        match self.database.write(&writes).await {
            Ok(()) => Ok(saved),
            Err(WriteError::Unavailable(error)) => Err(StoreError::from(error).into()),
            Err(WriteError::Conflict { which }) => match about[which] {
                About::Lease => Err(SaveError::LeaseLost),
                About::Person => Err(SaveError::PersonClaimed),
                About::Transaction | About::Other => self.saved_before(saved).await,
            },
        }
    }

    /// A change that finds itself already written is one whose answer was lost.
    async fn saved_before(&self, saved: Transaction) -> Result<Transaction, SaveError> {
        let stored = self.transaction(&saved.id).await?;
        if stored.as_ref() == Some(&saved) { Ok(saved) } else { Err(SaveError::Conflict) }
    }
}
