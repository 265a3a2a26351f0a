use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use domain::{Connection, Stage};
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::json;
use store::{
    Change, Database, SaveError, Store, StoreError, Unavailable,
    database::{Item, Key, Query, Table, Write, WriteError},
};

use crate::{
    fixtures::{account, at, received, remonline},
    twins::Twin,
};

/// A database that makes a write whose answer then gets lost: nobody is told, or it is repeated below the caller.
#[derive(Debug)]
struct Lossy {
    rows: Arc<dyn Database>,
    loss: Loss,
    lossy: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
enum Loss {
    Silence,
    Repetition,
}

impl Lossy {
    async fn over(twin: Twin, loss: Loss) -> (Arc<Self>, Store) {
        let lossy = Arc::new(Self { rows: twin.database().await, loss, lossy: AtomicBool::new(false) });
        (lossy.clone(), Store::new(lossy))
    }

    /// The answer of the next write is lost.
    fn lose(&self) {
        self.lossy.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Database for Lossy {
    async fn get(&self, table: Table, key: &Key) -> Result<Option<Item>, Unavailable> {
        self.rows.get(table, key).await
    }

    async fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Item>>, Unavailable> {
        self.rows.get_many(table, keys).await
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, Unavailable> {
        self.rows.query(query).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        let written = self.rows.write(writes).await;
        match (self.lossy.swap(false, Ordering::SeqCst), self.loss) {
            (false, _) => written,
            (true, Loss::Silence) => Err(Unavailable("lost".to_owned()).into()),
            (true, Loss::Repetition) => self.rows.write(writes).await,
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_lease_is_ours_although_the_answer_was_lost(
    #[values(Twin::Memory, Twin::DynamoDb)] twin: Twin,
    #[values(Loss::Silence, Loss::Repetition)] loss: Loss,
) {
    let (lossy, store) = Lossy::over(twin, loss).await;
    lossy.lose();
    let lease = store.acquire(&account(), "owner", at(0), at(75)).await.unwrap().unwrap();
    assert_eq!((lease.epoch, store.lease(&account()).await), (1, Ok(Some(lease.clone()))));
    lossy.lose();
    assert_eq!(store.release(&lease).await, Ok(true));
    assert_eq!(store.lease(&account()).await, Ok(None));
}

#[rstest]
#[tokio::test]
async fn a_connection_is_made_although_the_answer_was_lost(
    #[values(Twin::Memory, Twin::DynamoDb)] twin: Twin,
    #[values(Loss::Silence, Loss::Repetition)] loss: Loss,
) {
    let (lossy, store) = Lossy::over(twin, loss).await;
    let before = remonline("shop", "company-1");
    lossy.lose();
    store.create_connection(&before, &serde_json::from_value(json!("sealed")).unwrap()).await.unwrap();
    let after = Connection { title: "Other".to_owned(), ..before.clone() };
    lossy.lose();
    store.save_connection(&before, &after).await.unwrap();
    assert_eq!(store.connections().await, Ok(vec![after]));
}

#[rstest]
#[tokio::test]
async fn a_step_may_be_repeated(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let (lossy, store) = Lossy::over(twin, Loss::Silence).await;
    let before = received(1, 0);
    store.record(&before).await.unwrap();
    let mut after = before.clone();
    after.run(Stage::Fetched, at(1)).unwrap();
    lossy.lose();
    let lost = store.save(Change::new(&before, &after)).await;
    assert!(matches!(lost, Err(SaveError::Store(StoreError::Unavailable(_)))));

    let saved = store.save(Change::new(&before, &after)).await.unwrap();
    assert_eq!(saved.revision, 1);
    assert_eq!(store.transaction(&before.id).await, Ok(Some(saved)));
}

#[rstest]
#[tokio::test]
async fn a_lost_reservation_only_wastes_a_slot(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let (lossy, store) = Lossy::over(twin, Loss::Repetition).await;
    let interval = jiff::SignedDuration::from_millis(360);
    lossy.lose();
    let mine = store.reserve_slots(&account(), 1, interval, at(0)).await.unwrap();
    let theirs = store.reserve_slots(&account(), 1, interval, at(0)).await.unwrap();
    assert!(theirs[0] >= mine[0] + interval);
}
