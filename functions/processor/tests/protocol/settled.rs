//! A lead that somebody settles between the moment at which it is found to be due and the moment at which it is read.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::{Reason, State, TransactionId};
use jiff::Timestamp;
use pretty_assertions::assert_eq;
use store::{
    Change, Memory, Store, Unavailable,
    database::{Database, Item, Key, Query, Table, Write, WriteError},
};

use crate::world::{BUNDLE, World, olena, slug};

/// Tables in which a person dismisses a lead just before rows of transactions are read.
#[derive(Debug, Default)]
struct Meddled {
    rows: Arc<Memory>,
    dismissed: Mutex<Option<TransactionId>>,
}

impl Meddled {
    async fn dismiss(&self, id: &TransactionId) {
        let store = Store::new(self.rows.clone());
        let before = store.transaction(id).await.unwrap().unwrap();
        let mut after = before.clone();
        after.skip(Reason::Dismissed, Timestamp::UNIX_EPOCH).unwrap();
        store.save(Change::new(&before, &after)).await.unwrap();
    }
}

#[async_trait]
impl Database for Meddled {
    async fn get(&self, table: Table, key: &Key) -> Result<Option<Item>, Unavailable> {
        self.rows.get(table, key).await
    }

    async fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Item>>, Unavailable> {
        let dismissed = self.dismissed.lock().unwrap().take_if(|_| table == Table::Transactions);
        if let Some(id) = dismissed {
            self.dismiss(&id).await;
        }
        self.rows.get_many(table, keys).await
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, Unavailable> {
        self.rows.query(query).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        self.rows.write(writes).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_was_dismissed_this_moment_is_not_told() {
    let tables = Arc::new(Meddled::default());
    let mut world = World::over(Store::new(tables.clone()), |_| {}).await;
    let lead = world.lead(&olena());
    *tables.dismissed.lock().unwrap() = Some(TransactionId { leadgen_id: lead.clone(), bundle_id: slug(BUNDLE) });

    world.announce([&lead]).await;

    let transaction = world.transaction(&lead).await;
    assert_eq!((transaction.state, transaction.reason), (State::Skipped, Some(Reason::Dismissed)));
    assert_eq!(transaction.steps, []);
    assert!(world.people_with("+380501119901").is_empty());
}
