use domain::Stage;
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{AtHand, Change, Deaths, Lease, SaveError, Store};

use crate::{
    fixtures::{account, at, received},
    twins::Twin,
};

async fn acquire(store: &Store, owner: &str, now: i64, until: i64) -> Option<Lease> {
    store.acquire(&account(), owner, at(now), at(until)).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn one_at_a_time_holds_the_lease(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let first = acquire(&store, "first", 0, 75).await.unwrap();
    assert_eq!(
        first,
        Lease { account: account(), owner: "first".to_owned(), epoch: 1, until: at(75), deaths: Deaths::default() }
    );
    assert_eq!(acquire(&store, "second", 74, 150).await, None);
    assert_eq!(store.lease(&account()).await, Ok(Some(first.clone())));

    assert_eq!(store.release(&first).await, Ok(true));
    assert_eq!(store.lease(&account()).await, Ok(None));
    assert_eq!(acquire(&store, "second", 74, 150).await.unwrap().epoch, 2);
}

#[rstest]
#[tokio::test]
async fn of_many_at_once_one_gets_the_lease(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    for round in 1..=3 {
        let owners: Vec<String> = (0..8).map(|owner| format!("owner-{round}-{owner}")).collect();
        let (now, until) = (round * 100, round * 100 + 50);
        let all = futures::future::join_all(owners.iter().map(|owner| acquire(&store, owner, now, until))).await;
        let held: Vec<_> = all.into_iter().flatten().collect();
        assert_eq!(held.len(), 1);
        assert_eq!(store.lease(&account()).await, Ok(held.first().cloned()));
    }
}

#[rstest]
#[tokio::test]
async fn a_zombie_cannot_release(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let zombie = acquire(&store, "zombie", 0, 75).await.unwrap();
    let heir = acquire(&store, "heir", 75, 150).await.unwrap();
    assert_eq!(heir.epoch, zombie.epoch + 1);

    assert_eq!(store.release(&zombie).await, Ok(false));
    assert_eq!(store.lease(&account()).await, Ok(Some(heir)));
}

#[rstest]
#[tokio::test]
async fn a_zombie_cannot_write(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let before = received(1, 0);
    store.record(&before).await.unwrap();
    let mut after = before.clone();
    after.run(Stage::Fetched, at(1)).unwrap();
    let save = |lease| store.save(Change { lease, ..Change::new(&before, &after) });

    let zombie = acquire(&store, "zombie", 0, 75).await.unwrap();
    let heir = acquire(&store, "heir", 80, 150).await.unwrap();
    assert_eq!(save(Some(&zombie)).await, Err(SaveError::LeaseLost));
    assert_eq!(store.transaction(&before.id).await, Ok(Some(before.clone())));

    assert!(save(Some(&heir)).await.is_ok());
    store.release(&heir).await.unwrap();
    assert_eq!(save(Some(&heir)).await, Err(SaveError::LeaseLost));
}

#[rstest]
#[tokio::test]
async fn the_owner_counts_as_well_as_the_epoch(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let held = acquire(&store, "holder", 0, 75).await.unwrap();
    let forged = Lease { owner: "other".to_owned(), ..held.clone() };
    assert_eq!(store.release(&forged).await, Ok(false));
    assert_eq!(store.lease(&account()).await, Ok(Some(held)));
}

/// Takes over from a dead holder, `hundreds` of seconds after the beginning.
async fn succeed(store: &Store, hundreds: i64) -> Lease {
    acquire(store, &format!("owner-{hundreds}"), hundreds * 100, hundreds * 100 + 75).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn deaths_are_counted_until_a_lease_is_given_back(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    for deaths in 0..5 {
        let lease = succeed(&store, i64::from(deaths)).await;
        assert_eq!(lease.deaths, Deaths { in_a_row: deaths, ..Deaths::default() });
    }
    let last = succeed(&store, 5).await;
    assert_eq!(store.release(&last).await, Ok(true));
    assert_eq!(succeed(&store, 6).await.deaths, Deaths::default());
}

#[rstest]
#[tokio::test]
async fn the_lead_at_hand_at_two_deaths_is_the_killer(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let lead = received(1, 0);
    let mut first = succeed(&store, 0).await;
    assert_eq!(store.take_in_hand(&mut first, &lead).await, Ok(true));
    assert_eq!(store.lease(&account()).await, Ok(Some(first)));
    let mut second = succeed(&store, 1).await;
    assert_eq!(second.deaths.killer(), None);
    assert_eq!(second.deaths.suspect, Some(AtHand { id: lead.id.clone(), revision: 0 }));
    assert_eq!(store.take_in_hand(&mut second, &lead).await, Ok(true));

    for heir in 2..4 {
        let heir = succeed(&store, heir).await;
        assert_eq!(heir.deaths.killer().map(|killer| &killer.id), Some(&lead.id), "who dies at once keeps it");
    }
    let mut heir = succeed(&store, 4).await;
    assert_eq!(store.take_in_hand(&mut heir, &received(2, 0)).await, Ok(true));
    assert_eq!(succeed(&store, 5).await.deaths.killer(), None);
}

#[rstest]
#[case::another_lead(received(2, 0))]
#[case::it_got_on(domain::Transaction { revision: 1, ..received(1, 0) })]
#[tokio::test]
async fn a_death_is_not_blamed_on(
    #[values(Twin::Memory, Twin::DynamoDb)] twin: Twin,
    #[case] second_at_hand: domain::Transaction,
) {
    let store = twin.store().await;
    let mut first = succeed(&store, 0).await;
    store.take_in_hand(&mut first, &received(1, 0)).await.unwrap();
    let mut second = succeed(&store, 1).await;
    store.take_in_hand(&mut second, &second_at_hand).await.unwrap();
    assert_eq!(succeed(&store, 2).await.deaths.killer(), None);
}

#[rstest]
#[tokio::test]
async fn a_zombie_has_nothing_at_hand(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let mut zombie = succeed(&store, 0).await;
    let heir = succeed(&store, 1).await;
    assert_eq!(store.take_in_hand(&mut zombie, &received(1, 0)).await, Ok(false));
    assert_eq!(store.lease(&account()).await, Ok(Some(heir)));
}
