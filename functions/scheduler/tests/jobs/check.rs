use std::{collections::BTreeSet, time::Duration};

use domain::{Connection, ConnectionState, LeadSource, Reason, State};
use pretty_assertions::assert_eq;
use rstest::rstest;
use scheduler::Job;
use store::Change;

use crate::world::{FORM, World, minutes, slug};

/// Whoever parks a lead may have read the connection before it was opened, and whoever opens it may die before its leads are
/// released: they go on in the next round, as long as the connection is open.
#[rstest]
#[case::open(ConnectionState::Active, State::Received)]
#[case::closed(ConnectionState::KeyRejected, State::Received)]
#[case::paused_by_a_person(ConnectionState::Paused, State::Parked)]
#[tokio::test]
async fn what_a_working_connection_holds_goes_on(#[case] state: ConnectionState, #[case] expected: State) {
    let world = World::new(Duration::ZERO).await;
    let bundle = world.bundle("repair", FORM, Some(minutes(600))).await;
    let lead = world.lead(FORM);
    world.store.take_in(&world.event(&lead, FORM), &bundle, LeadSource::Webhook, world.now()).await.unwrap();
    let before = world.transaction("repair", &lead).await.unwrap();
    let mut after = before.clone();
    after.park(Reason::GraphToken, Some(slug("fb")), world.now()).unwrap();
    world.store.save(Change::new(&before, &after)).await.unwrap();
    let connection = world.store.connection(&slug("fb")).await.unwrap().unwrap();
    let closed = Connection { state, ..connection.clone() };
    world.store.save_connection(&connection, &closed).await.unwrap();

    let outcome = world.run(Job::Check).await;

    let found = world.transaction("repair", &lead).await.unwrap();
    assert_eq!(found.state, expected);
    let woken = BTreeSet::from_iter((expected == State::Received).then_some(found.account_id));
    assert_eq!(BTreeSet::from_iter(outcome.accounts), woken);
}

/// Each takes seconds, and a round has ten of them before its margin.
#[tokio::test(start_paused = true)]
async fn what_a_round_has_no_time_for_comes_first_in_the_next() {
    let world = World::new(Duration::from_secs(1)).await;
    for number in 1..=20 {
        let page_id = format!("1200000000000{number:02}");
        let token = world.meta.add_page(&page_id, "Another");
        world.connect_page(&format!("fb-{number}"), &page_id, &token).await;
    }
    let (mut checked, mut rounds) = (BTreeSet::new(), 0);
    while checked.len() < 22 {
        let started = world.now();
        world.run_within(Job::Check, Duration::from_secs(27)).await;
        let connections = world.store.connections().await.unwrap();
        let now_checked = connections.into_iter().filter(|connection| connection.checked_at > started);
        let now_checked = now_checked.map(|connection| connection.id).collect::<BTreeSet<_>>();
        assert!(!now_checked.is_empty() && now_checked.len() < 22, "round {rounds}: {now_checked:?}");
        let again = checked.intersection(&now_checked).count();
        assert!(again == 0 || checked.len() + now_checked.len() - again == 22, "none twice before all are once");
        checked.extend(now_checked);
        rounds += 1;
    }
    assert!(rounds > 1);
}
