use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use serde_json::Value;

use crate::database::{
    Database, Index, Item, Key, Order, PARTITION, Query, SORT, Table, Unavailable, Write, WriteError,
};

/// Rows in memory, in the order of their keys: the twin of DynamoDB for simulations. Its indexes never lag.
#[derive(Debug, Default)]
pub struct Memory {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    rows: BTreeMap<Table, BTreeMap<Key, Item>>,
    /// Which rows an index has in a partition, in its order.
    entries: BTreeMap<(Table, Index, String), BTreeMap<String, Key>>,
}

impl Memory {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Database for Memory {
    async fn get(&self, table: Table, key: &Key) -> Result<Option<Item>, Unavailable> {
        Ok(self.tables().stored(table, key).cloned())
    }

    async fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Item>>, Unavailable> {
        let tables = self.tables();
        Ok(keys.iter().map(|key| tables.stored(table, key).cloned()).collect())
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, Unavailable> {
        if query.is_empty() {
            return Ok(Vec::new());
        }
        let tables = self.tables();
        Ok(match query.index {
            None => tables.of_partition(query),
            Some(index) => tables.of_index(index, query),
        })
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        let mut tables = self.tables();
        if let Some(which) = writes.iter().position(|write| !tables.may_write(write)) {
            return Err(WriteError::Conflict { which });
        }
        for write in writes {
            tables.apply(write);
        }
        Ok(())
    }
}

impl Tables {
    fn stored(&self, table: Table, key: &Key) -> Option<&Item> {
        self.rows.get(&table).and_then(|rows| rows.get(key))
    }

    fn of_partition(&self, query: &Query) -> Vec<Item> {
        let Some(rows) = self.rows.get(&query.table) else { return Vec::new() };
        let from = Key::new(&query.partition, query.from.as_deref().unwrap_or_default());
        // No partition lies between one and the same with the lowest character at its end.
        let next = || Key::new(format!("{}\0", query.partition), "");
        let to = query.to.as_ref().map_or_else(next, |to| Key::new(&query.partition, to));
        first_of(rows.range((Included(from), Excluded(to))), query, |(_, item)| Some(item.clone()))
    }

    fn of_index(&self, index: Index, query: &Query) -> Vec<Item> {
        let place = (query.table, index, query.partition.clone());
        let Some(entries) = self.entries.get(&place) else { return Vec::new() };
        let from = query.from.as_deref().map_or(Unbounded, Included);
        let to = query.to.as_deref().map_or(Unbounded, Excluded);
        let item = |(_, key): (&String, &Key)| self.stored(query.table, key).map(|item| projected(item, index));
        first_of(entries.range::<str, _>((from, to)), query, item)
    }

    fn may_write(&self, write: &Write) -> bool {
        let (Write::Put { condition, .. } | Write::Delete { condition, .. } | Write::Check { condition, .. }) = write;
        let target = match write {
            Write::Put { table, item, .. } => Key::of(item).and_then(|key| self.stored(*table, &key)),
            Write::Delete { table, key, .. } | Write::Check { table, key, .. } => self.stored(*table, key),
        };
        condition.holds(target)
    }

    fn apply(&mut self, write: &Write) {
        match write {
            Write::Put { table, item, .. } => {
                if let Some(key) = Key::of(item) {
                    self.take_away(*table, &key);
                    for (place, sort) in entries_of(*table, item) {
                        self.entries.entry(place).or_default().insert(sort, key.clone());
                    }
                    self.rows.entry(*table).or_default().insert(key, item.clone());
                }
            }
            Write::Delete { table, key, .. } => self.take_away(*table, key),
            Write::Check { .. } => {}
        }
    }

    fn take_away(&mut self, table: Table, key: &Key) {
        let Some(item) = self.rows.get_mut(&table).and_then(|rows| rows.remove(key)) else { return };
        for (place, sort) in entries_of(table, &item) {
            if let Some(entries) = self.entries.get_mut(&place) {
                entries.remove(&sort);
            }
        }
    }
}

/// As many of what was found as are asked for, from the end that is asked for.
fn first_of<T>(
    mut found: impl DoubleEndedIterator<Item = T>,
    query: &Query,
    item: impl FnMut(T) -> Option<Item>,
) -> Vec<Item> {
    let next: &mut dyn FnMut() -> Option<T> = match query.order {
        Order::Ascending => &mut || found.next(),
        Order::Descending => &mut || found.next_back(),
    };
    std::iter::from_fn(next).take(query.limit).filter_map(item).collect()
}

/// Where a row stands in the indexes, and by which sort key.
fn entries_of(table: Table, item: &Item) -> impl Iterator<Item = ((Table, Index, String), String)> {
    let text = |attribute: &str| item.get(attribute).and_then(Value::as_str).map(str::to_owned);
    Index::ALL.into_iter().filter_map(move |index| Some(((table, index, text(index.partition())?), text(Index::SORT)?)))
}

fn projected(item: &Item, index: Index) -> Item {
    let keys = [PARTITION, SORT, index.partition(), Index::SORT];
    let shown = |name: &str| keys.contains(&name) || index.projected().contains(&name);
    item.iter().filter(|(name, _)| shown(name)).map(|(k, v)| (k.clone(), v.clone())).collect()
}
