use domain::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    PutError, Store, StoreError,
    database::{Condition, Table, Test, Write},
    keys,
};

const TABLE: Table = Table::Connections;
const EPOCH: &str = "epoch";
const OWNER: &str = "owner";

/// The right to write to an account until a deadline. Whoever gets it next has a higher epoch, so that a holder who
/// lost it cannot write any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The account.
    pub account: AccountId,
    /// Who holds it.
    pub owner: String,
    /// How often the account's lease was given.
    pub epoch: u64,
    /// When it ends.
    pub until: Timestamp,
}

/// The lease as it is kept. The row stays when the lease is released, because it counts the epochs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    owner: Option<String>,
    epoch: u64,
    until: Timestamp,
}

impl Lease {
    /// Holds as long as nobody else was given the lease and it was not released.
    pub(crate) fn check(&self) -> Write {
        Write::Check { table: TABLE, key: keys::lease(&self.account), condition: self.held() }
    }

    fn held(&self) -> Condition {
        let (epoch, owner) = (self.epoch.into(), self.owner.as_str().into());
        Condition::All(vec![Test::Equals(EPOCH, epoch), Test::Equals(OWNER, owner)])
    }
}

impl Kept {
    fn lease(self, account: &AccountId) -> Option<Lease> {
        let Self { owner, epoch, until } = self;
        owner.map(|owner| Lease { account: account.clone(), owner, epoch, until })
    }
}

impl Store {
    /// Takes the lease of an account until `until`, if nobody holds it at `now`. `owner` names the invocation and is
    /// never used by another one.
    pub async fn acquire(
        &self,
        account: &AccountId,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        let key = keys::lease(account);
        let last: Option<Kept> = self.read(TABLE, &key).await?;
        if last.as_ref().is_some_and(|last| last.owner.is_some() && last.until > now) {
            return Ok(None);
        }
        let condition = last.as_ref().map_or_else(Condition::absent, |last| Condition::equals(EPOCH, last.epoch));
        let epoch = last.map_or(0, |last| last.epoch) + 1;
        let wanted = Kept { owner: Some(owner.to_owned()), epoch, until };
        match self.put_own(TABLE, &key, &wanted, condition).await {
            Ok(()) => Ok(wanted.lease(account)),
            Err(PutError::Conflict) => Ok(None),
            Err(PutError::Store(error)) => Err(error),
        }
    }

    /// Gives the lease back, so that the next one need not wait for its end. False when it was no longer ours: then
    /// nothing is changed.
    pub async fn release(&self, lease: &Lease) -> Result<bool, StoreError> {
        let free = Kept { owner: None, epoch: lease.epoch, until: lease.until };
        match self.put_own(TABLE, &keys::lease(&lease.account), &free, lease.held()).await {
            Ok(()) => Ok(true),
            Err(PutError::Conflict) => Ok(false),
            Err(PutError::Store(error)) => Err(error),
        }
    }

    /// Who holds or last held the lease of an account without giving it back.
    pub async fn lease(&self, account: &AccountId) -> Result<Option<Lease>, StoreError> {
        let kept: Option<Kept> = self.read(TABLE, &keys::lease(account)).await?;
        Ok(kept.and_then(|kept| kept.lease(account)))
    }
}
