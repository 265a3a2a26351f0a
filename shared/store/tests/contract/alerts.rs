use domain::{Reason, State, Transaction};
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{Change, ChangeError, Store, Told};

use crate::{
    fixtures::{at, received, slug},
    twins::Twin,
};

async fn lead(store: &Store, lead: u64, received_at: i64, change: impl FnOnce(&mut Transaction)) {
    let recorded = received(lead, received_at);
    store.record(&recorded).await.unwrap();
    let mut changed = recorded.clone();
    change(&mut changed);
    store.save(Change::new(&recorded, &changed)).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn what_people_were_told_is_changed_by_one_at_a_time(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let nothing = store.told().await.unwrap();
    assert_eq!(nothing, Told::default());
    let first = Told { at: Some(at(5)), closed: [slug("shop")].into(), parked: 3, ..Told::default() };
    store.save_told(&nothing, &first).await.unwrap();
    assert_eq!(store.told().await.unwrap(), first);
    assert!(matches!(store.save_told(&nothing, &Told::default()).await, Err(ChangeError::Stale)));
    let second = Told { missed: 1, ..first.clone() };
    store.save_told(&first, &second).await.unwrap();
    assert_eq!(store.told().await.unwrap(), second);
}

#[rstest]
#[tokio::test]
async fn leads_are_counted_as_far_as_it_matters(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    for number in 1..=3 {
        lead(&store, number, 0, |it| it.park(Reason::Mapping, None, at(1)).unwrap()).await;
    }
    assert_eq!(store.count_up_to(10, State::Parked).await.unwrap(), 3);
    assert_eq!(store.count_up_to(2, State::Parked).await.unwrap(), 2);
    assert_eq!(store.count_up_to(10, State::Review).await.unwrap(), 0);
}

#[rstest]
#[tokio::test]
async fn the_lead_is_known_that_waits_longest(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    assert_eq!(store.waiting_since(|_| false).await.unwrap(), None);
    lead(&store, 1, 30, |it| it.wait(Reason::Throttled, Some(at(90)), at(31)).unwrap()).await;
    lead(&store, 2, 20, |it| it.wait(Reason::RemonlineUnavailable, Some(at(80)), at(21)).unwrap()).await;
    lead(&store, 3, 10, |it| it.park(Reason::Mapping, None, at(11)).unwrap()).await;
    assert_eq!(store.waiting_since(|_| false).await.unwrap(), Some(at(20)));
    assert_eq!(store.waiting_since(|_| true).await.unwrap(), None);
}

/// More than are read at once.
#[rstest]
#[tokio::test]
async fn a_heap_of_a_stopped_bundle_hides_nobody(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    for number in 1..=250 {
        let mut recorded = received(number, 0);
        recorded.id.bundle_id = slug("stopped");
        store.record(&recorded).await.unwrap();
        let mut held = recorded.clone();
        held.wait(Reason::BundleStopped, None, at(1)).unwrap();
        store.save(Change::new(&recorded, &held)).await.unwrap();
    }
    lead(&store, 900, 7, |it| it.wait(Reason::Throttled, Some(at(90)), at(8)).unwrap()).await;
    assert_eq!(store.waiting_since(|bundle| *bundle == slug("stopped")).await.unwrap(), Some(at(7)));
}
