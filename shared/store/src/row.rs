use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    StoreError,
    database::{Item, Key, PARTITION, SORT, Table},
};

/// The attribute by which DynamoDB removes rows by itself, in seconds since 1970. It may take two days longer.
pub(crate) const EXPIRES_AT: &str = "expires_at";
/// The attribute that counts the changes of a row.
pub(crate) const REVISION: &str = "revision";

/// A row that several may change at once: whoever changes it counts on from the revision that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counted<T> {
    #[serde(flatten)]
    pub(crate) row: T,
    pub(crate) revision: u64,
}

/// The row of a value. What is `null` is left out: a key of an index may not be.
pub(crate) fn row<T: Serialize>(key: &Key, value: &T) -> Result<Item, StoreError> {
    let Ok(Value::Object(mut item)) = serde_json::to_value(value) else {
        return Err(StoreError::Unreadable { row: key.to_string() });
    };
    item.retain(|_, value| !value.is_null());
    item.insert(PARTITION.to_owned(), key.partition.as_str().into());
    item.insert(SORT.to_owned(), key.sort.as_str().into());
    Ok(item)
}

/// A row that has nothing but its keys.
pub(crate) fn mark(key: &Key) -> Item {
    let attributes = [(PARTITION, &key.partition), (SORT, &key.sort)];
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value.as_str().into())).collect()
}

/// The value of a row. The error names the row and not what is in it, which may be personal.
pub(crate) fn value<T: DeserializeOwned>(table: Table, item: Item) -> Result<T, StoreError> {
    let key = Key::of(&item).map(|key| key.to_string()).unwrap_or_default();
    serde_json::from_value(Value::Object(item)).map_err(|_| StoreError::Unreadable { row: format!("{table:?} {key}") })
}
