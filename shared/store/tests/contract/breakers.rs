use domain::{Breaker, Timing};
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{Standing, Store};

use crate::{
    fixtures::{account, at},
    twins::Twin,
};

/// A breaker after five failures.
fn open() -> Breaker {
    let mut breaker = Breaker::default();
    (0..5).for_each(|second| breaker.note(true, at(second), &Timing::scaled(1.0)));
    breaker
}

async fn standing(store: &Store) -> Standing {
    store.standing(&account()).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn the_next_holder_knows_the_breaker(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    assert_eq!(standing(&store).await, Standing::default());
    let lease = store.acquire(&account(), "first", at(0), at(75)).await.unwrap().unwrap();
    store.throttled(&account(), at(9), at(4)).await.unwrap();

    assert_eq!(store.save_breaker(&lease, &open()).await, Ok(true));
    let kept = standing(&store).await;
    assert_eq!((kept.breaker.is_open(), kept.breaker.holds_until(at(5))), (true, Some(at(64))));
    assert_eq!((kept.breaker, kept.pace.not_before), (open(), Some(at(9))));

    assert_eq!(store.save_breaker(&lease, &Breaker::default()).await, Ok(true));
    assert_eq!(standing(&store).await.breaker, Breaker::default());
}

#[rstest]
#[tokio::test]
async fn a_zombie_cannot_set_the_breaker(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let zombie = store.acquire(&account(), "zombie", at(0), at(75)).await.unwrap().unwrap();
    let heir = store.acquire(&account(), "heir", at(80), at(150)).await.unwrap().unwrap();
    assert_eq!(store.save_breaker(&zombie, &open()).await, Ok(false));
    assert_eq!(standing(&store).await.breaker, Breaker::default());
    assert_eq!(store.save_breaker(&heir, &open()).await, Ok(true));
}
