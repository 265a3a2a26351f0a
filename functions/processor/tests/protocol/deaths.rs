//! Leads that kill whoever works on them.

use domain::{MetaId, Reason, Stage, State};
use pretty_assertions::assert_eq;
use rstest::rstest;
use simulators::{Effect, Fault};

use crate::world::{World, person};

/// The first of three leads is one that nobody survives while what has `part` in it is swallowed.
async fn with_a_killer(part: &'static str) -> (World, [MetaId; 3]) {
    let mut world = World::new(|_| {}).await;
    let leads = [0, 1, 2].map(|number| world.lead(&person(number).answers()));
    world.swallow(part);
    let killed = tokio::time::timeout(std::time::Duration::from_secs(60), world.announce(&leads)).await;
    assert!(killed.is_err());
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    (world, leads)
}

#[rstest]
#[case::looking("GET https://api.roapp.io/v2/contacts/people?phones=%2B380502220000")]
#[case::reading_the_answers("900000000000001")]
#[tokio::test(start_paused = true)]
async fn a_lead_that_kills_four_times_is_parked_and_the_others_are_done(#[case] part: &'static str) {
    let (mut world, leads) = with_a_killer(part).await;
    let mut deaths = 1;
    while !world.survives().await {
        deaths += 1;
        assert!(deaths <= 4, "{:#?}", world.transaction(&leads[0]).await);
    }

    assert_eq!(deaths, 4);
    let killer = world.transaction(&leads[0]).await;
    assert_eq!((killer.state, killer.reason), (State::Parked, Some(Reason::Panicked)));
    for lead in &leads[1..] {
        assert_eq!(world.transaction(lead).await.state, State::Done);
        assert_eq!(world.orders_of(lead).len(), 1);
    }
    assert_eq!(world.store.lease(&world.account()).await, Ok(None), "whoever survives gives the lease back");
}

/// What a lead died of comes after its order was sent: it keeps its intent, and a retry looks the order up.
#[tokio::test(start_paused = true)]
async fn a_parked_killer_keeps_its_intent() {
    let mut world = World::new(|_| {}).await;
    let lead = world.lead(&person(0).answers());
    world.remonline.inject(Fault::once(Effect::ApplyThenDrop).exactly("POST", "/v2/orders"));
    world.announce([&lead]).await;
    world.swallow("GET https://api.roapp.io/v2/orders");
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    while !world.survives().await {}

    let parked = world.transaction(&lead).await;
    assert_eq!((parked.state, parked.reason), (State::Parked, Some(Reason::Panicked)));
    assert!(matches!(parked.stage, Stage::OrderIntent(_)), "{parked:#?}");

    world.swallow(None);
    world.retry(&lead).await;
    assert_eq!(world.settle(&lead, 5).await.state, State::Done);
    assert_eq!((world.orders_of(&lead).len(), world.remonline.count("POST", "/v2/orders")), (1, 1));
}

/// Deaths that come with different leads at hand, or while a lead gets on, are nobody's fault.
#[rstest]
#[tokio::test(start_paused = true)]
async fn whoever_is_killed_at_random_is_not_parked(#[values(700, 1_100, 1_500, 1_900)] millis: u64) {
    let mut world = World::new(|_| {}).await;
    let leads = [0, 1, 2, 3, 4, 5].map(|number| world.lead(&person(number).answers()));
    for _ in 0..6 {
        let killed = tokio::time::timeout(std::time::Duration::from_millis(millis), world.announce(&leads)).await;
        drop(killed);
        tokio::time::sleep(std::time::Duration::from_secs(80)).await;
    }
    for lead in &leads {
        let transaction = world.settle(lead, 30).await;
        assert_eq!(transaction.state, State::Done, "{transaction:#?}");
        assert_eq!(world.orders_of(lead).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_noted_while_nobody_dies() {
    let mut world = World::new(|_| {}).await;
    let lead = world.lead(&person(0).answers());
    let killed = tokio::time::timeout(std::time::Duration::from_millis(300), world.announce([&lead])).await;
    assert!(killed.is_err());
    let dead = world.store.lease(&world.account()).await.unwrap().unwrap();
    assert_eq!(dead.deaths, store::Deaths::default());
}
