use std::sync::Arc;

use proptest::{prelude::*, sample::subsequence};
use serde_json::json;
use store::{
    Database, Memory, Store,
    database::{Condition, Index, Item, Key, Order, Query, Table, Test, Write},
};

use crate::dynamodb::dynamodb;

/// The two storages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Twin {
    Memory,
    DynamoDb,
}

impl Twin {
    pub(crate) async fn database(self) -> Arc<dyn Database> {
        match self {
            Self::Memory => Arc::new(Memory::default()),
            Self::DynamoDb => Arc::new(dynamodb().await),
        }
    }

    pub(crate) async fn store(self) -> Store {
        Store::new(self.database().await)
    }
}

/// One thing that is asked of both twins.
#[derive(Debug, Clone)]
enum Operation {
    Get(Table, Key),
    GetMany(Vec<Key>),
    Query(Query),
    Write(Vec<Write>),
}

/// What a twin answers.
async fn answer(database: &dyn Database, operation: &Operation) -> String {
    match operation {
        Operation::Get(table, key) => format!("{:?}", database.get(*table, key).await),
        Operation::GetMany(keys) => format!("{:?}", database.get_many(Table::Transactions, keys).await),
        Operation::Query(query) => format!("{:?}", database.query(query).await),
        Operation::Write(writes) => format!("{:?}", database.write(writes).await),
    }
}

fn all_keys() -> Vec<Key> {
    ["a", "b"].into_iter().flat_map(|pk| ["1", "2", "2#", "3"].map(|sk| Key::new(pk, sk))).collect()
}

fn any_table() -> impl Strategy<Value = Table> {
    prop_oneof![4 => Just(Table::Transactions), 1 => Just(Table::Connections)]
}

fn any_key() -> impl Strategy<Value = Key> {
    prop::sample::select(all_keys())
}

/// A row with a counter, a value that may be of any kind, and perhaps a place in the indexes.
fn any_item(key: Key) -> impl Strategy<Value = Item> {
    let kinds = [json!(true), json!(null), json!(""), json!({ "deep": [1, "x", null] }), json!(i64::MIN)];
    let value = prop::sample::select(kinds.to_vec());
    let month = prop::option::weighted(0.7, prop::sample::select(vec!["2026-10", "2026-11"]));
    (0..3_u64, value, month).prop_map(move |(revision, value, month)| {
        let mut item = json!({ "pk": key.partition, "sk": key.sort, "revision": revision, "value": value });
        if let Some(month) = month {
            item["history_month"] = json!(month);
            item["history_key"] = json!(format!("{}{}", key.partition, key.sort));
        }
        item.as_object().unwrap().clone()
    })
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let test = prop_oneof![
        prop::sample::select(vec!["pk", "revision", "other"]).prop_map(Test::Missing),
        (0..3_u64).prop_map(|revision| Test::Equals("revision", json!(revision))),
        Just(Test::Equals("value", json!({ "deep": [1, "x", null] }))),
    ];
    prop_oneof![
        3 => Just(Condition::none()),
        1 => prop::collection::vec(test.clone(), 1..3).prop_map(Condition::All),
        1 => prop::collection::vec(test, 1..3).prop_map(Condition::Any),
    ]
}

fn any_write(key: Key) -> impl Strategy<Value = Write> {
    let parts = (any_table(), any_item(key.clone()), any_condition(), 0..5_u8);
    parts.prop_map(move |(table, item, condition, kind)| match kind {
        0..3 => Write::Put { table, item, condition },
        3 => Write::Delete { table, key: key.clone(), condition },
        _ if condition == Condition::none() => Write::delete(table, key.clone()),
        _ => Write::Check { table, key: key.clone(), condition },
    })
}

fn any_query() -> impl Strategy<Value = Query> {
    let table = (Just(None::<Index>), Just("a"), range(vec!["1", "2", "2#", "3"]));
    let index = (Just(Some(Index::History)), Just("2026-11"), range(vec!["a1", "a2", "a2#", "b1", "b3"]));
    let order = prop_oneof![Just(Order::Ascending), Just(Order::Descending)];
    (prop_oneof![table, index], order, 0..5_usize).prop_map(|((index, partition, (from, to)), order, limit)| Query {
        index,
        from,
        to,
        order,
        limit,
        ..Query::partition(Table::Transactions, partition)
    })
}

fn range(keys: Vec<&'static str>) -> impl Strategy<Value = (Option<String>, Option<String>)> {
    let bound = prop::option::of(prop::sample::select(keys).prop_map(str::to_owned));
    (bound.clone(), bound)
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let writes =
        subsequence(all_keys(), 1..4).prop_flat_map(|keys| keys.into_iter().map(any_write).collect::<Vec<_>>());
    prop_oneof![
        1 => (any_table(), any_key()).prop_map(|(table, key)| Operation::Get(table, key)),
        1 => prop::collection::vec(any_key(), 1..5).prop_map(Operation::GetMany),
        5 => any_query().prop_map(Operation::Query),
        6 => writes.prop_map(Operation::Write),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn twins_answer_alike(operations in prop::collection::vec(any_operation(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (memory, dynamodb) = (Memory::default(), dynamodb().await);
            for operation in &operations {
                let answers = (answer(&memory, operation).await, answer(&dynamodb, operation).await);
                prop_assert_eq!(answers.0, answers.1, "{:?}", operation);
            }
            Ok(())
        })?;
    }
}
