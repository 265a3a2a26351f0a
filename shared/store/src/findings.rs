use domain::{AccountId, TransactionId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    database::{Condition, Query, Table, Write, WriteError},
    keys,
    row::{self, EXPIRES_AT},
};

const TABLE: Table = Table::Transactions;

/// How long a finding is shown.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Something that an audit of RemOnline found and a person should look at. Rows of their own, because an order without
/// a transaction has no history, and because one query lists them all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The account it is in.
    pub account_id: AccountId,
    /// The lead and the bundle that it is about, as recorded or as the order's marker names them.
    pub transaction: TransactionId,
    /// The orders or, for doubled clients, the clients, lowest first.
    pub ids: Vec<i64>,
    /// When it was found first.
    pub found_at: Timestamp,
}

/// What an audit can find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Several orders have the marker of one transaction.
    OrderDoubled,
    /// The order of a transaction that is done is not there: it was lost, or somebody deleted it.
    OrderLost,
    /// An order has a marker and there is no such transaction.
    OrderUnexpected,
    /// The client that we made has the phone number or the e-mail address of another one.
    ClientDoubled,
}

impl FindingKind {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::OrderDoubled => "order_doubled",
            Self::OrderLost => "order_lost",
            Self::OrderUnexpected => "order_unexpected",
            Self::ClientDoubled => "client_doubled",
        }
    }
}

impl Store {
    /// Keeps a finding for 90 days. False when it was known.
    pub async fn note_finding(&self, finding: &Finding) -> Result<bool, StoreError> {
        let ids = finding.ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let key = keys::finding(finding.kind.name(), &finding.transaction, &ids);
        let mut item = row::row(&key, finding)?;
        item.insert(EXPIRES_AT.to_owned(), (finding.found_at + KEPT).as_second().into());
        match self.database.write(&[Write::Put { table: TABLE, item, condition: Condition::absent() }]).await {
            Ok(()) => Ok(true),
            Err(WriteError::Conflict { .. }) => Ok(false),
            Err(WriteError::Unavailable(error)) => Err(error.into()),
        }
    }

    /// Every finding of the last 90 days, by kind and lead.
    pub async fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        self.list(&Query::partition(TABLE, keys::FINDINGS)).await
    }
}
