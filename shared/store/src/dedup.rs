use std::collections::BTreeSet;

use domain::{AccountId, TransactionId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    database::{Condition, Key, PARTITION, Table, Test, Write},
    keys, row,
};

const TABLE: Table = Table::Dedup;
pub(crate) const CLAIMED_BY: &str = "claimed_by";
const CLIENT_ID: &str = "client_id";

/// What is known of a person in one account, by the keyed hash of a phone number or an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonEntry {
    /// The client in RemOnline.
    pub client_id: Option<i64>,
    /// The transaction that is about to create the client.
    pub claimed_by: Option<TransactionId>,
}

/// What becomes known of a person, by keyed hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonWrite {
    /// The transaction is about to create the client. Refused when another one is, or the client is known.
    Claim {
        /// Hash of the phone number or e-mail address.
        hash: String,
    },
    /// This is the client. Refused when another transaction is about to create it.
    Settle {
        /// Hash of the phone number or e-mail address.
        hash: String,
        /// The client in RemOnline.
        client_id: i64,
    },
    /// The client is gone in RemOnline. Refused when the key leads to another one by now, or is claimed.
    Lose {
        /// Hash of the phone number or e-mail address.
        hash: String,
        /// The client that is gone.
        client_id: i64,
    },
    /// The transaction will not create the client after all. Refused when the claim is not its own.
    Release {
        /// Hash of the phone number or e-mail address.
        hash: String,
    },
    /// The person is not to be known any more. Refused when another transaction is about to create the client.
    Forget {
        /// Hash of the phone number or e-mail address.
        hash: String,
    },
}

/// The latest order of ours for a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownOrder {
    /// The client in RemOnline.
    pub client_id: i64,
    /// The order in RemOnline.
    pub order_id: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Store {
    /// What is known of a person.
    pub async fn person(&self, account: &AccountId, hash: &str) -> Result<Option<PersonEntry>, StoreError> {
        self.read(TABLE, &keys::person(account, hash)).await
    }

    /// What is known of each person, in the order of `hashes`.
    pub async fn persons(
        &self,
        account: &AccountId,
        hashes: &[String],
    ) -> Result<Vec<Option<PersonEntry>>, StoreError> {
        let keys: Vec<Key> = hashes.iter().map(|hash| keys::person(account, hash)).collect();
        let items = self.database.get_many(TABLE, &keys).await?;
        items.into_iter().map(|item| item.map(|item| row::value(TABLE, item)).transpose()).collect()
    }

    /// Forgets who a person is, who is to be erased.
    pub async fn forget(&self, account: &AccountId, hash: &str) -> Result<(), StoreError> {
        self.write_anyway(Write::delete(TABLE, keys::person(account, hash))).await
    }

    /// The latest order of ours for a client.
    pub async fn latest_order(&self, account: &AccountId, client_id: i64) -> Result<Option<KnownOrder>, StoreError> {
        self.read(TABLE, &keys::latest_order(account, client_id)).await
    }
}

/// What a transaction remembers of what it tells the index.
pub(crate) fn note_hashes(hashes: &mut BTreeSet<String>, writes: &[PersonWrite]) {
    for write in writes {
        match write {
            PersonWrite::Claim { hash } | PersonWrite::Settle { hash, .. } => hashes.insert(hash.clone()),
            PersonWrite::Release { hash } | PersonWrite::Lose { hash, .. } | PersonWrite::Forget { hash } => {
                hashes.remove(hash)
            }
        };
    }
}

pub(crate) fn person_write(account: &AccountId, id: &TransactionId, write: &PersonWrite) -> Result<Write, StoreError> {
    let ours = Test::Equals(CLAIMED_BY, serde_json::json!(id));
    let absent_or_ours = Condition::Any(vec![Test::Missing(PARTITION), ours.clone()]);
    let unclaimed_or_ours = Condition::Any(vec![Test::Missing(CLAIMED_BY), ours]);
    let delete = |hash: &str, condition| Write::Delete { table: TABLE, key: keys::person(account, hash), condition };
    let put = |hash: &str, entry: PersonEntry, condition| {
        let item = row::row(&keys::person(account, hash), &entry)?;
        Ok(Write::Put { table: TABLE, item, condition })
    };
    match write {
        PersonWrite::Claim { hash } => {
            put(hash, PersonEntry { client_id: None, claimed_by: Some(id.clone()) }, absent_or_ours)
        }
        PersonWrite::Settle { hash, client_id } => {
            put(hash, PersonEntry { client_id: Some(*client_id), claimed_by: None }, unclaimed_or_ours)
        }
        PersonWrite::Lose { hash, client_id } => {
            let gone = Test::Equals(CLIENT_ID, (*client_id).into());
            Ok(delete(hash, Condition::Any(vec![Test::Missing(PARTITION), gone])))
        }
        PersonWrite::Release { hash } => Ok(delete(hash, absent_or_ours)),
        PersonWrite::Forget { hash } => Ok(delete(hash, unclaimed_or_ours)),
    }
}

pub(crate) fn order_write(account: &AccountId, order: &KnownOrder) -> Result<Write, StoreError> {
    Ok(Write::put(TABLE, row::row(&keys::latest_order(account, order.client_id), order)?))
}
