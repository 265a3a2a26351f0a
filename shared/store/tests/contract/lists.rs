use domain::{AccountId, LeadSource, Reason, Stage, Transaction};
use jiff::Timestamp;
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{Change, Store};

use crate::{
    fixtures::{account, at, bundle, done, event, meta_id, received, slug},
    twins::Twin,
};

async fn record(store: &Store, transaction: &Transaction) {
    store.record(transaction).await.unwrap();
}

async fn save(store: &Store, before: &Transaction, change: impl FnOnce(&mut Transaction)) -> Transaction {
    let mut after = before.clone();
    change(&mut after);
    store.save(Change::new(before, &after)).await.unwrap()
}

/// The leads that are due, in their order.
async fn due(store: &Store, now: Timestamp, limit: usize) -> Vec<u64> {
    leads(&store.due(&account(), now, limit).await.unwrap())
}

async fn held(store: &Store) -> (Vec<u64>, Vec<u64>) {
    let by_bundle = store.held_by_bundle(&slug("repair"), 10).await.unwrap();
    let by_connection = store.held_by_connection(&slug("shop"), 10).await.unwrap();
    (leads(&by_bundle), leads(&by_connection))
}

fn leads(ids: &[domain::TransactionId]) -> Vec<u64> {
    ids.iter().map(|id| id.leadgen_id.as_str().parse().unwrap()).collect()
}

fn backfill(lead: u64, seconds: i64) -> Transaction {
    Transaction::received(&event(lead), &bundle("repair"), account(), LeadSource::Backfill, at(seconds))
}

#[rstest]
#[tokio::test]
async fn due_work_is_live_first_and_oldest_first(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    assert_eq!(store.next_due(&account()).await, Ok(None));
    for transaction in [backfill(1, 0), received(30, 30), received(4, 10), backfill(5, 5), received(200, 20)] {
        record(&store, &transaction).await;
    }
    let other = Transaction { account_id: AccountId::new("other"), ..received(6, 0) };
    record(&store, &other).await;

    assert_eq!(due(&store, at(30), 10).await, [4, 200, 30, 1, 5]);
    assert_eq!(due(&store, at(30), 4).await, [4, 200, 30, 1]);
    assert_eq!(due(&store, at(29), 10).await, [4, 200, 1, 5]);
    assert_eq!(due(&store, at(30), 0).await, [0; 0]);
    let later = async |now| leads(&store.due_later(&account(), now).await.unwrap());
    assert_eq!((later(at(4)).await, later(at(5)).await), (vec![4, 200, 30, 5], vec![4, 200, 30]));
    assert_eq!(later(at(30)).await, [0; 0]);
    assert_eq!(store.next_due(&account()).await, Ok(Some(at(0))));
}

#[rstest]
#[tokio::test]
async fn equally_due_work_goes_by_age(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let mut late = received(1, 9);
    let mut early = received(2, 3);
    for transaction in [&mut late, &mut early] {
        transaction.due_at = Some(at(50));
        record(&store, transaction).await;
    }
    assert_eq!(due(&store, at(50), 10).await, [2, 1]);
}

#[rstest]
#[tokio::test]
async fn times_are_ordered_to_the_nanosecond(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let millis = jiff::SignedDuration::from_millis;
    for (lead, after) in [(1, 100), (2, 20), (3, 0), (4, 1_000)] {
        let transaction = Transaction { due_at: Some(at(0) + millis(after)), ..received(lead, 0) };
        record(&store, &transaction).await;
    }
    assert_eq!(due(&store, at(1), 10).await, [3, 2, 1, 4]);
    assert_eq!(due(&store, at(0) + millis(20), 10).await, [3, 2]);
}

#[rstest]
#[tokio::test]
async fn a_transaction_stands_in_one_list(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let now = received(7, 0);
    record(&store, &now).await;
    let now = save(&store, &now, |it| it.run(Stage::Fetched, at(10)).unwrap()).await;
    assert_eq!(due(&store, at(0), 10).await, [7], "work on it does not move it");

    let now = save(&store, &now, |it| it.wait(Reason::Throttled, Some(at(60)), at(11)).unwrap()).await;
    assert_eq!((due(&store, at(59), 10).await, due(&store, at(60), 10).await), (vec![], vec![7]));
    assert_eq!(store.next_due(&account()).await, Ok(Some(at(60))));

    let now = save(&store, &now, |it| it.wait(Reason::BundleStopped, None, at(61)).unwrap()).await;
    assert_eq!((due(&store, at(99), 10).await, held(&store).await), (vec![], (vec![7], vec![])));

    let blame = Some(slug("shop"));
    let now = save(&store, &now, |it| it.park(Reason::KeyRejected, blame, at(62)).unwrap()).await;
    assert_eq!((due(&store, at(99), 10).await, held(&store).await), (vec![], (vec![], vec![7])));

    let now = save(&store, &now, |it| it.park(Reason::Mapping, None, at(63)).unwrap()).await;
    assert_eq!((due(&store, at(99), 10).await, held(&store).await), (vec![], (vec![], vec![])));

    let now = save(&store, &now, |it| it.retry(at(64)).unwrap()).await;
    assert_eq!((due(&store, at(64), 10).await, held(&store).await), (vec![7], (vec![], vec![])));

    save(&store, &now, |it| *it = done(it, at(65))).await;
    assert_eq!((due(&store, at(99), 10).await, held(&store).await), (vec![], (vec![], vec![])));
    assert_eq!(store.next_due(&account()).await, Ok(None));
}

#[rstest]
#[tokio::test]
async fn held_work_is_released_oldest_first(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    for lead in [5, 1, 4, 2, 3] {
        let mut transaction = received(lead, i64::try_from(lead).unwrap());
        transaction.wait(Reason::BundleStopped, None, at(10)).unwrap();
        record(&store, &transaction).await;
    }
    let mut released = Vec::new();
    loop {
        let page = store.held_by_bundle(&slug("repair"), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        for transaction in store.transactions(&page).await.unwrap() {
            save(&store, &transaction, |it| it.retry(at(20)).unwrap()).await;
            released.push(transaction.id.leadgen_id);
        }
    }
    assert_eq!(released, [1, 2, 3, 4, 5].map(meta_id));
    assert_eq!(due(&store, at(20), 10).await, [1, 2, 3, 4, 5]);
}

#[rstest]
#[tokio::test]
async fn a_refused_save_moves_nothing(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let read = received(7, 0);
    record(&store, &read).await;
    save(&store, &read, |it| it.wait(Reason::Throttled, Some(at(60)), at(1)).unwrap()).await;

    let late = done(&read, at(2));
    assert!(store.save(Change::new(&read, &late)).await.is_err());
    assert_eq!(due(&store, at(60), 10).await, [7]);
}
