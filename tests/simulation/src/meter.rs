//! Request units of DynamoDB as AWS bills them on demand: a read unit is 4 KB, a write unit 1 KB; each row of a transaction
//! counts twice, its entries in the indexes, which follow later, once.
//! Source: AWS, DynamoDB developer guide, "Read and write operations", "Item sizes and formats".

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use store::database::{Index, Item, Query, Table, Write};

const READ: usize = 4096;
const WRITE: usize = 1024;

/// What every nested list or map takes beside what is in it, and each of its elements.
const NESTED: usize = 3;
const ELEMENT: usize = 1;

/// Request units.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Units {
    /// Read units.
    pub read: f64,
    /// Write units, those of the indexes included.
    pub write: f64,
}

/// Counts what a function consumes.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Units>);

impl Meter {
    /// What was consumed so far.
    pub fn consumed(&self) -> Units {
        *self.units()
    }

    /// Rows were read one by one; a row that is not there is a unit too.
    pub(crate) fn read<'i>(&self, items: impl IntoIterator<Item = Option<&'i Item>>) {
        let units = items.into_iter().map(|item| item.map_or(1, |item| size(item).div_ceil(READ))).sum::<usize>();
        self.units().read += units as f64;
    }

    /// Neighbours were read together. An index is read as it was a moment ago, for half the price.
    pub(crate) fn query(&self, query: &Query, items: &[Item]) {
        let units = items.iter().map(size).sum::<usize>().div_ceil(READ).max(1) as f64;
        self.units().read += if query.index.is_some() { units / 2.0 } else { units };
    }

    /// Rows are written, each with what was there before.
    pub(crate) fn write(&self, writes: &[Write], before: &[Option<Item>]) {
        let times = if writes.len() > 1 { 2 } else { 1 };
        let units = writes.iter().zip(before).map(|(write, before)| {
            let (row, entries) = units_of(write, before.as_ref());
            times * row + entries
        });
        self.units().write += units.sum::<usize>() as f64;
    }

    fn units(&self) -> MutexGuard<'_, Units> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of the row, the larger one before or after; of its entries in the indexes.
fn units_of(write: &Write, before: Option<&Item>) -> (usize, usize) {
    let (table, after) = match write {
        Write::Put { table, item, .. } => (*table, Some(item)),
        Write::Delete { table, .. } => (*table, None),
        Write::Check { table, .. } => (*table, before),
    };
    let row = before.into_iter().chain(after).map(size).max().unwrap_or_default();
    let entries = if table == Table::Transactions { entries_changed(before, after) } else { 0 };
    (row.div_ceil(WRITE).max(1), entries)
}

/// An entry that moves is taken away and made anew.
fn entries_changed(before: Option<&Item>, after: Option<&Item>) -> usize {
    let changed = Index::ALL.map(|index| match (entry(index, before), entry(index, after)) {
        (None, None) => 0,
        (None, Some(_)) | (Some(_), None) => 1,
        (Some(before), Some(after)) if before == after => 0,
        (Some(before), Some(after)) if before[..2] == after[..2] => 1,
        (Some(_), Some(_)) => 2,
    });
    changed.iter().sum()
}

/// The keys of a row's entry in an index, and what else it has there.
fn entry(index: Index, item: Option<&Item>) -> Option<Vec<Option<&Value>>> {
    let item = item?;
    let keys = [item.get(index.partition())?, item.get(Index::SORT)?].map(Some);
    Some(keys.into_iter().chain(index.projected().iter().map(|name| item.get(*name))).collect())
}

fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of(value)).sum()
}

fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(number) => number.to_string().len().div_ceil(2) + 1,
        Value::String(text) => text.len(),
        Value::Array(values) => NESTED + values.iter().map(|value| size_of(value) + ELEMENT).sum::<usize>(),
        Value::Object(values) => NESTED + size(values) + ELEMENT * values.len(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;
    use store::database::{Condition, Key};

    use super::*;

    fn row(value: &Value) -> Item {
        value.as_object().cloned().unwrap_or_default()
    }

    fn put(value: &Value) -> Write {
        Write::Put { table: Table::Transactions, item: row(value), condition: Condition::none() }
    }

    #[rstest]
    #[case::new(None, json!({"pk": "a"}), 1.0)]
    #[case::larger_before(Some(json!({"pk": "a", "text": "x".repeat(2000)})), json!({"pk": "a"}), 2.0)]
    #[case::listed(None, json!({"pk": "a", "history_month": "2026-11", "history_key": "1"}), 2.0)]
    #[case::listed_the_same(Some(json!({"pk": "a", "history_month": "2026-11", "history_key": "1"})),
        json!({"pk": "a", "history_month": "2026-11", "history_key": "1"}), 1.0)]
    #[case::moved(Some(json!({"pk": "a", "listed_state": "parked", "history_key": "1"})),
        json!({"pk": "a", "listed_state": "review", "history_key": "1"}), 3.0)]
    fn a_write_costs_its_row_and_the_entries_it_changes(
        #[case] before: Option<Value>,
        #[case] after: Value,
        #[case] units: f64,
    ) {
        let meter = Meter::default();
        meter.write(&[put(&after)], &[before.map(|before| row(&before))]);
        assert_eq!(meter.consumed().write, units);
    }

    #[test]
    fn a_row_of_a_transaction_costs_double_and_its_entry_does_not() {
        let check = Write::Check { table: Table::Connections, key: Key::new("a", "b"), condition: Condition::none() };
        let listed = put(&json!({"pk": "a", "history_month": "2026-11", "history_key": "1"}));
        let meter = Meter::default();
        meter.write(&[listed, check], &[None, None]);
        assert_eq!(meter.consumed().write, 5.0);
    }

    #[test]
    fn neighbours_are_read_by_their_sum_and_single_rows_by_each() {
        let (row, meter) = (row(&json!({"pk": "x".repeat(1500)})), Meter::default());
        meter.read([Some(&row), Some(&row), None]);
        meter.query(&Query::partition(Table::Transactions, "x"), &[row.clone(), row]);
        assert_eq!(meter.consumed().read, 4.0);
    }
}
