//! The seam between the rules of this crate and what keeps the rows.

use std::fmt;

use async_trait::async_trait;
use serde_json::{Map, Value};

/// A row: its attributes by name, its keys `pk` and `sk` among them.
pub type Item = Map<String, Value>;

/// The partition key of every table.
pub(crate) const PARTITION: &str = "pk";
/// The sort key of every table.
pub(crate) const SORT: &str = "sk";

/// The seam between the rules of this crate and what keeps the rows: DynamoDB, or memory. Keys, conditions and
/// every rule stand above it, once.
#[async_trait]
pub trait Database: fmt::Debug + Send + Sync {
    /// Reads one row as it is now.
    async fn get(&self, table: Table, key: &Key) -> Result<Option<Item>, Unavailable>;

    /// Reads rows as they are now, one answer for each key, in the order of `keys`.
    async fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Item>>, Unavailable>;

    /// Reads neighbours. Fewer rows than the limit mean that there are no more. A table answers as it is now, an
    /// index may lag a moment behind and has little more than the keys.
    async fn query(&self, query: &Query) -> Result<Vec<Item>, Unavailable>;

    /// Writes everything or nothing. No two writes may name the same row. A single write whose answer was lost may
    /// be repeated below this call and then find its own condition broken: see `Store::put_own`.
    async fn write(&self, writes: &[Write]) -> Result<(), WriteError>;
}

/// The four tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Connections; leases, pacing and breakers of accounts.
    Connections,
    /// Bundles, every version.
    Bundles,
    /// Who is which client, and the latest order of each.
    Dedup,
    /// Transactions, their lists, answers, unrouted events.
    Transactions,
}

/// The indexes of the transactions table, all sorted by `history_key`. They have the keys only, and what
/// [`Index::projected`] adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Index {
    /// By the month of receipt.
    History,
    /// By keyed hash of the phone number.
    Phone,
    /// By keyed hash of the e-mail address.
    Email,
    /// By state, for states off the straight way: those few are found without reading all the others, and a lead that
    /// goes well costs no write here.
    State,
}

impl Index {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::History, Self::Phone, Self::Email, Self::State];
    /// The attribute that all indexes are sorted by.
    pub const SORT: &str = "history_key";
    /// How long a lead that is done took, in milliseconds; the others have none.
    pub const TOOK: &str = "took_ms";

    /// The index's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::State => "state",
        }
    }

    /// The attribute that partitions the index.
    pub fn partition(self) -> &'static str {
        match self {
            Self::History => "history_month",
            Self::Phone => "phone_hash",
            Self::Email => "email_hash",
            Self::State => "listed_state",
        }
    }

    /// The attributes beside the keys.
    pub fn projected(self) -> &'static [&'static str] {
        match self {
            Self::History => &[Self::TOOK],
            Self::Phone | Self::Email | Self::State => &[],
        }
    }
}

/// What identifies a row in its table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Rows of one partition are read together.
    pub partition: String,
    /// Orders the rows of a partition.
    pub sort: String,
}

impl Key {
    /// A key of two parts.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }

    /// The key of a row.
    pub fn of(item: &Item) -> Option<Self> {
        Some(Self::new(item.get(PARTITION)?.as_str()?, item.get(SORT)?.as_str()?))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.partition, self.sort)
    }
}

/// Rows of one partition whose sort key lies in `from..to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Where to look.
    pub table: Table,
    /// Through which index; `None` for the table itself.
    pub index: Option<Index>,
    /// The partition.
    pub partition: String,
    /// The lowest sort key, itself included.
    pub from: Option<String>,
    /// The sort key to stop before.
    pub to: Option<String>,
    /// Which end to begin with.
    pub order: Order,
    /// At most so many rows.
    pub limit: usize,
}

/// Which end of the sort keys comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Lowest first.
    Ascending,
    /// Highest first.
    Descending,
}

impl Query {
    /// A whole partition of a table, lowest sort key first.
    pub fn partition(table: Table, partition: impl Into<String>) -> Self {
        let (from, to, order) = (None, None, Order::Ascending);
        Self { table, index: None, partition: partition.into(), from, to, order, limit: usize::MAX }
    }

    /// Whether no sort key can lie in the range.
    pub fn is_empty(&self) -> bool {
        self.limit == 0 || matches!((&self.from, &self.to), (Some(from), Some(to)) if from >= to)
    }
}

/// One change of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Makes or replaces the row.
    Put {
        /// Its table.
        table: Table,
        /// The row with its keys.
        item: Item,
        /// What must hold before.
        condition: Condition,
    },
    /// Removes the row, if there is one.
    Delete {
        /// Its table.
        table: Table,
        /// Its key.
        key: Key,
        /// What must hold before.
        condition: Condition,
    },
    /// Changes nothing: the other writes are done only if the condition holds.
    Check {
        /// The row's table.
        table: Table,
        /// Its key.
        key: Key,
        /// What must hold.
        condition: Condition,
    },
}

/// What must hold of a row as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Every test; none at all always holds.
    All(Vec<Test>),
    /// At least one test.
    Any(Vec<Test>),
}

/// A test of one attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The row does not have it, or there is no row.
    Missing(&'static str),
    /// The row has it with this value.
    Equals(&'static str, Value),
}

impl Condition {
    /// Always holds.
    pub fn none() -> Self {
        Self::All(Vec::new())
    }

    /// There is no such row.
    pub fn absent() -> Self {
        Self::All(vec![Test::Missing(PARTITION)])
    }

    /// The attribute has this value.
    pub fn equals(attribute: &'static str, value: impl Into<Value>) -> Self {
        Self::All(vec![Test::Equals(attribute, value.into())])
    }

    /// Whether it holds of what is stored.
    pub fn holds(&self, stored: Option<&Item>) -> bool {
        match self {
            Self::All(tests) => tests.iter().all(|test| test.holds(stored)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(stored)),
        }
    }
}

impl Test {
    fn holds(&self, stored: Option<&Item>) -> bool {
        let attribute = |name: &str| stored.and_then(|item| item.get(name));
        match self {
            Self::Missing(name) => attribute(name).is_none(),
            Self::Equals(name, value) => attribute(name) == Some(value),
        }
    }
}

impl Write {
    /// Makes or replaces a row whatever was there.
    pub fn put(table: Table, item: Item) -> Self {
        Self::Put { table, item, condition: Condition::none() }
    }

    /// Removes a row whatever it is.
    pub fn delete(table: Table, key: Key) -> Self {
        Self::Delete { table, key, condition: Condition::none() }
    }
}

/// The table could not be read or written for now; nothing is known of what became of a write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tables cannot be used now: {0}")]
pub struct Unavailable(pub String);

/// Why a write was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A condition did not hold; nothing was written.
    #[error("the condition of write {which} does not hold")]
    Conflict {
        /// The first of the writes whose condition did not hold.
        which: usize,
    },
    /// Nothing is known.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
