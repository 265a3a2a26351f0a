use std::{
    collections::BTreeMap,
    ops::Bound,
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
    tables: Mutex<BTreeMap<Table, Rows>>,
}

type Rows = BTreeMap<Key, Item>;

impl Memory {
    fn tables(&self) -> MutexGuard<'_, BTreeMap<Table, Rows>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Database for Memory {
    async fn get(&self, table: Table, key: &Key) -> Result<Option<Item>, Unavailable> {
        Ok(stored(&self.tables(), table, key).cloned())
    }

    async fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Item>>, Unavailable> {
        let tables = self.tables();
        Ok(keys.iter().map(|key| stored(&tables, table, key).cloned()).collect())
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, Unavailable> {
        let tables = self.tables();
        let Some(rows) = tables.get(&query.table).filter(|_| !query.is_empty()) else { return Ok(Vec::new()) };
        let mut found = match query.index {
            None => of_partition(rows, query),
            Some(index) => of_index(rows, index, query),
        };
        if query.order == Order::Descending {
            found.reverse();
        }
        found.truncate(query.limit);
        Ok(found)
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        let mut tables = self.tables();
        if let Some(which) = writes.iter().position(|write| !may_write(&tables, write)) {
            return Err(WriteError::Conflict { which });
        }
        for write in writes {
            apply(&mut tables, write);
        }
        Ok(())
    }
}

fn stored<'a>(tables: &'a BTreeMap<Table, Rows>, table: Table, key: &Key) -> Option<&'a Item> {
    tables.get(&table).and_then(|rows| rows.get(key))
}

fn of_partition(rows: &Rows, query: &Query) -> Vec<Item> {
    let from = Key::new(&query.partition, query.from.as_deref().unwrap_or_default());
    let within = rows.range((Bound::Included(from), Bound::Unbounded));
    let same = within.take_while(|(key, _)| key.partition == query.partition);
    let below = same.take_while(|(key, _)| query.to.as_ref().is_none_or(|to| key.sort < *to));
    // From the other end the limit counts later.
    let limit = if query.order == Order::Ascending { query.limit } else { usize::MAX };
    below.take(limit).map(|(_, item)| item.clone()).collect()
}

fn of_index(rows: &Rows, index: Index, query: &Query) -> Vec<Item> {
    let text = |item: &Item, attribute: &str| item.get(attribute).and_then(Value::as_str).map(str::to_owned);
    let within = |sort: &String| {
        query.from.as_ref().is_none_or(|from| sort >= from) && query.to.as_ref().is_none_or(|to| sort < to)
    };
    let of_partition = rows.values().filter(|item| text(item, index.partition()).as_ref() == Some(&query.partition));
    let sorted = of_partition.filter_map(|item| Some((text(item, Index::SORT)?, item)));
    let within = sorted.filter(|(sort, _)| within(sort)).collect::<BTreeMap<_, _>>();
    within.into_values().map(|item| projected(item, index)).collect()
}

fn projected(item: &Item, index: Index) -> Item {
    let keys = [PARTITION, SORT, index.partition(), Index::SORT];
    let shown = |name: &str| keys.contains(&name) || index.projected().contains(&name);
    item.iter().filter(|(name, _)| shown(name)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn target<'a>(tables: &'a BTreeMap<Table, Rows>, write: &Write) -> Option<&'a Item> {
    match write {
        Write::Put { table, item, .. } => Key::of(item).and_then(|key| stored(tables, *table, &key)),
        Write::Delete { table, key, .. } | Write::Check { table, key, .. } => stored(tables, *table, key),
    }
}

fn may_write(tables: &BTreeMap<Table, Rows>, write: &Write) -> bool {
    let (Write::Put { condition, .. } | Write::Delete { condition, .. } | Write::Check { condition, .. }) = write;
    condition.holds(target(tables, write))
}

fn apply(tables: &mut BTreeMap<Table, Rows>, write: &Write) {
    match write {
        Write::Put { table, item, .. } => {
            if let Some(key) = Key::of(item) {
                tables.entry(*table).or_default().insert(key, item.clone());
            }
        }
        Write::Delete { table, key, .. } => {
            tables.entry(*table).or_default().remove(key);
        }
        Write::Check { .. } => {}
    }
}
