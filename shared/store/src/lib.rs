//! Every table read and write.
//!
//! [`Store`] says what the product keeps: connections, bundles, transactions with their lists, who is which client,
//! leases, pacing. It stands on a [`Database`] of a few operations on rows, which is DynamoDB or memory. Keys are
//! built in `keys.rs` and nowhere else. A table is always read as it is now; only the history goes through indexes,
//! which lag a moment behind.
//!
//! Where new things go: another kind of row is a file here with its keys in `keys.rs`; another storage is a
//! [`Database`] that passes the contract tests.

mod alerts;
mod backfills;
mod breaker;
mod bundles;
mod connections;
pub mod database;
mod dedup;
mod dynamodb;
mod erasure;
mod error;
mod findings;
mod hashing;
mod history;
mod intake;
mod keys;
mod lease;
mod memory;
mod pacing;
mod probe;
mod release;
mod row;
mod save;
mod secrets;
mod statistics;
mod transactions;
mod unrouted;
mod watermarks;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};

pub use alerts::Told;
pub use backfills::Backfill;
pub use breaker::Standing;
pub use connections::SealedConnection;
pub use database::{Database, Unavailable};
pub use dedup::{KnownOrder, PersonEntry, PersonWrite};
pub use dynamodb::{DynamoDb, TableNames};
pub use erasure::{Erased, Erasure, Subject};
pub use error::{ChangeError, CreateError, StoreError};
pub use findings::{Finding, FindingKind};
pub use hashing::{Hasher, HasherError};
pub use history::{Filter, HistoryError, Page};
pub use intake::{Intake, IntakeError, TakenIn};
pub use lease::{AtHand, Deaths, Lease};
pub use memory::Memory;
pub use pacing::{CallsOfDay, Pace};
pub use release::{RetryError, Rules};
pub use save::{AnswersChange, Change, SaveError};
pub use secrets::{Sealed, Sealer, SecretError};
pub use statistics::{Day, Statistics};
pub use transactions::{Answers, Recorded, RequestBody};
pub use unrouted::{Unrouted, UnroutedForm};
pub use watermarks::{Reach, Watermark};

use database::{Condition, Key, Query, Table, Write, WriteError};

/// How often a change that others keep getting ahead of is begun anew.
const ROUNDS: usize = 64;

/// What the product keeps. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    database: Arc<dyn Database>,
    /// Months that are known to stand in the history's list of months.
    months: Arc<Mutex<BTreeSet<String>>>,
}

impl Store {
    /// A store on these rows.
    pub fn new(database: Arc<dyn Database>) -> Self {
        Self { database, months: Arc::default() }
    }

    /// A store in DynamoDB.
    pub fn dynamodb(client: aws_sdk_dynamodb::Client, tables: TableNames) -> Self {
        Self::new(Arc::new(DynamoDb::new(client, tables)))
    }

    /// An empty store in memory.
    pub fn memory() -> Self {
        Self::new(Arc::new(Memory::default()))
    }

    fn known_months(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.months.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read<T: DeserializeOwned>(&self, table: Table, key: &Key) -> Result<Option<T>, StoreError> {
        self.database.get(table, key).await?.map(|item| row::value(table, item)).transpose()
    }

    async fn list<T: DeserializeOwned>(&self, query: &Query) -> Result<Vec<T>, StoreError> {
        let items = self.database.query(query).await?;
        items.into_iter().map(|item| row::value(query.table, item)).collect()
    }

    async fn put<T: Serialize>(
        &self,
        table: Table,
        key: &Key,
        value: &T,
        condition: Condition,
    ) -> Result<(), PutError> {
        let item = row::row(key, value)?;
        Ok(self.database.write(&[Write::Put { table, item, condition }]).await?)
    }

    /// Writes a row that names its writer. The row may be found already as wanted: then an earlier try was ours and
    /// its answer was lost.
    async fn put_own<T: Serialize>(
        &self,
        table: Table,
        key: &Key,
        value: &T,
        condition: Condition,
    ) -> Result<(), PutError> {
        let Err(error) = self.put(table, key, value, condition).await else { return Ok(()) };
        let stored = self.database.get(table, key).await.map_err(StoreError::from)?;
        if stored == Some(row::row(key, value)?) { Ok(()) } else { Err(error) }
    }

    async fn write_anyway(&self, write: Write) -> Result<(), StoreError> {
        self.write_all_anyway(&[write]).await
    }

    async fn write_all_anyway(&self, writes: &[Write]) -> Result<(), StoreError> {
        match self.database.write(writes).await {
            Ok(()) | Err(WriteError::Conflict { .. }) => Ok(()),
            Err(WriteError::Unavailable(error)) => Err(error.into()),
        }
    }
}

/// Why one row was not written.
#[derive(Debug)]
enum PutError {
    Conflict,
    Store(StoreError),
}

impl From<StoreError> for PutError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<WriteError> for PutError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict { .. } => Self::Conflict,
            WriteError::Unavailable(error) => Self::Store(error.into()),
        }
    }
}
