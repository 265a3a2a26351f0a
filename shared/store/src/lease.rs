use domain::{AccountId, Transaction, TransactionId};
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
    /// The holders before this one that died.
    pub deaths: Deaths,
}

/// Holders in a row that died: none of them gave the lease back. A lease that is given back forgets them all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deaths {
    /// How many.
    pub in_a_row: u32,
    /// What the last of them had at hand, if it noted that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspect: Option<AtHand>,
    /// What is at hand now, if that is noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hand: Option<AtHand>,
}

/// A lead that a holder works on, as it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtHand {
    /// The lead.
    pub id: TransactionId,
    /// How often it had been changed. A lead that gets on between two deaths is not what they died of.
    pub revision: u64,
}

/// The lease as it is kept. The row stays when the lease is released, because it counts the epochs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    owner: Option<String>,
    epoch: u64,
    until: Timestamp,
    #[serde(default)]
    deaths: Deaths,
}

impl Deaths {
    /// The lead that the last two holders had at hand when they died, without getting on with it.
    pub fn killer(&self) -> Option<&AtHand> {
        self.suspect.as_ref().filter(|suspect| Some(*suspect) == self.at_hand.as_ref())
    }

    /// After another holder died. A killer stays at hand until it is dealt with, however many more die before that.
    fn another(&self) -> Self {
        let at_hand = self.killer().cloned();
        Self { in_a_row: self.in_a_row.saturating_add(1), suspect: self.at_hand.clone(), at_hand }
    }
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
        let Self { owner, epoch, until, deaths } = self;
        owner.map(|owner| Lease { account: account.clone(), owner, epoch, until, deaths })
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
        let epoch = last.as_ref().map_or(0, |last| last.epoch) + 1;
        let dead = last.filter(|last| last.owner.is_some());
        let deaths = dead.map(|last| last.deaths.another()).unwrap_or_default();
        let wanted = Kept { owner: Some(owner.to_owned()), epoch, until, deaths };
        match self.put_own(TABLE, &key, &wanted, condition).await {
            Ok(()) => Ok(wanted.lease(account)),
            Err(PutError::Conflict) => Ok(None),
            Err(PutError::Store(error)) => Err(error),
        }
    }

    /// Notes which lead the holder has at hand, in case that it dies of it. False when the lease is lost: then nothing
    /// is changed.
    pub async fn take_in_hand(&self, lease: &mut Lease, transaction: &Transaction) -> Result<bool, StoreError> {
        lease.deaths.at_hand = Some(AtHand { id: transaction.id.clone(), revision: transaction.revision });
        let Lease { account, owner, epoch, until, deaths } = lease.clone();
        let noted = Kept { owner: Some(owner), epoch, until, deaths };
        match self.put_own(TABLE, &keys::lease(&account), &noted, lease.held()).await {
            Ok(()) => Ok(true),
            Err(PutError::Conflict) => Ok(false),
            Err(PutError::Store(error)) => Err(error),
        }
    }

    /// Gives the lease back, so that the next one need not wait for its end. False when it was no longer ours: then
    /// nothing is changed.
    pub async fn release(&self, lease: &Lease) -> Result<bool, StoreError> {
        let free = Kept { owner: None, epoch: lease.epoch, until: lease.until, deaths: Deaths::default() };
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
