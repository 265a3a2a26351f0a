use domain::{AccountId, Breaker};

use crate::{
    Lease, Pace, Store, StoreError,
    database::{Table, Write, WriteError},
    keys, row,
};

const TABLE: Table = Table::Connections;

/// How RemOnline took the calls of an account so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether it works.
    pub breaker: Breaker,
    /// How fast it may be called.
    pub pace: Pace,
}

impl Store {
    /// How RemOnline took the calls of an account so far.
    pub async fn standing(&self, account: &AccountId) -> Result<Standing, StoreError> {
        let keys = [keys::breaker(account), keys::pace(account)];
        let mut rows = self.database.get_many(TABLE, &keys).await?.into_iter().map(Option::unwrap_or_default);
        let (breaker, pace) = (rows.next().unwrap_or_default(), rows.next().unwrap_or_default());
        Ok(Standing { breaker: row::value(TABLE, breaker)?, pace: row::value(TABLE, pace)? })
    }

    /// Keeps the breaker of the account for whoever holds its lease next. False when the lease is lost: then nothing is
    /// changed.
    pub async fn save_breaker(&self, lease: &Lease, breaker: &Breaker) -> Result<bool, StoreError> {
        let item = row::row(&keys::breaker(&lease.account), breaker)?;
        match self.database.write(&[lease.check(), Write::put(TABLE, item)]).await {
            Ok(()) => Ok(true),
            Err(WriteError::Conflict { .. }) => Ok(false),
            Err(WriteError::Unavailable(error)) => Err(error.into()),
        }
    }
}
