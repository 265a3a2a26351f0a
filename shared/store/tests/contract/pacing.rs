use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::Store;

use crate::{
    fixtures::{account, at},
    twins::Twin,
};

const INTERVAL: SignedDuration = SignedDuration::from_millis(360);

async fn reserve(store: &Store, count: usize, now: Timestamp) -> Vec<Timestamp> {
    store.reserve_slots(&account(), count, INTERVAL, now).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn slots_follow_each_other(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    assert_eq!(reserve(&store, 3, at(0)).await, [at(0), at(0) + INTERVAL, at(0) + INTERVAL * 2]);
    assert_eq!(reserve(&store, 1, at(0)).await, [at(0) + INTERVAL * 3]);
    assert_eq!(reserve(&store, 0, at(0)).await, []);
    assert_eq!(reserve(&store, 1, at(0)).await, [at(0) + INTERVAL * 4]);
    assert_eq!(reserve(&store, 1, at(60)).await, [at(60)]);
}

#[rstest]
#[tokio::test]
async fn no_two_callers_get_one_slot(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let callers = (0..12).map(|caller| reserve(&store, 1 + caller % 3, at(0)));
    let slots: Vec<Timestamp> = futures::future::join_all(callers).await.into_iter().flatten().collect();

    let sorted: Vec<Timestamp> = slots.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(sorted.len(), slots.len());
    assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= INTERVAL), "{sorted:?}");
}

#[rstest]
#[tokio::test]
async fn a_refusal_makes_everybody_pause_and_then_slow_down(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    assert_eq!(store.throttled(&account(), at(8), at(0)).await, Ok(1));
    assert_eq!(store.throttled(&account(), at(4), at(0)).await, Ok(2));
    let pace = store.pace(&account()).await.unwrap();
    assert_eq!((pace.not_before, pace.throttled), (Some(at(8)), 2));

    let slow = INTERVAL * 3 / 2;
    assert_eq!(reserve(&store, 2, at(1)).await, [at(8), at(8) + slow]);
    assert_eq!(reserve(&store, 2, at(60)).await, [at(60), at(60) + INTERVAL]);

    store.calm(&account()).await.unwrap();
    assert_eq!(store.pace(&account()).await.unwrap().throttled, 0);
    assert_eq!(store.throttled(&account(), at(90), at(80)).await, Ok(1));
}

#[rstest]
#[tokio::test]
async fn an_account_that_was_never_called_is_free(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    assert_eq!(store.pace(&account()).await, Ok(store::Pace::default()));
    store.calm(&account()).await.unwrap();
    assert_eq!(store.pace(&account()).await, Ok(store::Pace::default()));
}
