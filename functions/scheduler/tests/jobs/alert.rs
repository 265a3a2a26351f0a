use std::{collections::BTreeMap, time::Duration};

use domain::{Connection, ConnectionState, LeadSource, Reason, Transaction};
use jiff::SignedDuration;
use pretty_assertions::assert_eq;
use scheduler::{Job, Trouble, Watched};
use simulators::remonline::DEMO_API_KEY;
use store::{Change, Finding, FindingKind};

use crate::world::{FORM, World, counted, minutes, slug};

/// With the bundle `repair`, and nothing wrong.
async fn healthy() -> World {
    let world = World::new(Duration::ZERO).await;
    world.bundle("repair", FORM, Some(minutes(600))).await;
    world
}

impl World {
    async fn connection(&self, id: &str) -> Connection {
        self.store.connection(&slug(id)).await.unwrap().unwrap()
    }

    async fn put(&self, id: &str, state: ConnectionState) -> Connection {
        let before = self.connection(id).await;
        let after = Connection { state, ..before.clone() };
        self.store.save_connection(&before, &after).await.unwrap();
        after
    }

    /// A lead after `change`.
    async fn taken_in(&self, change: impl FnOnce(&mut Transaction)) -> Transaction {
        let bundle = self.store.bundle(&slug("repair")).await.unwrap().unwrap();
        let lead = self.lead(FORM);
        self.store.take_in(&self.event(&lead, FORM), &bundle, LeadSource::Webhook, self.now()).await.unwrap();
        let before = self.transaction("repair", &lead).await.unwrap();
        let mut after = before.clone();
        change(&mut after);
        self.store.save(Change::new(&before, &after)).await.unwrap()
    }

    async fn parked(&self) -> Transaction {
        self.taken_in(|lead| lead.park(Reason::Mapping, None, self.now()).unwrap()).await
    }

    /// What people are told this minute, and that they were.
    async fn told(&self) -> Option<Trouble> {
        let alert = self.scheduler.watch().await.unwrap().alert?;
        self.scheduler.note_told(&alert).await.unwrap();
        Some(alert.trouble)
    }
}

fn measured(watched: &Watched, name: &str) -> Option<i64> {
    watched.metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
}

fn parked(count: usize) -> Option<Trouble> {
    Some(Trouble { parked: count, ..Trouble::default() })
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_that_all_is_well() {
    let world = healthy().await;
    assert_eq!(world.told().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_is_told_at_once_and_once() {
    let world = healthy().await;
    world.parked().await;
    assert_eq!(world.told().await, parked(1));
    let closed = world.put("shop", ConnectionState::KeyRejected).await;
    let trouble = world.told().await.unwrap();
    assert_eq!((trouble.closed, trouble.parked), (vec![closed], 1));
    world.pass(minutes(120)).await;
    assert_eq!(world.told().await, None);
}

#[tokio::test(start_paused = true)]
async fn one_that_closes_again_is_told_again() {
    let world = healthy().await;
    world.put("fb", ConnectionState::Forbidden).await;
    assert!(world.told().await.is_some());
    world.put("fb", ConnectionState::Active).await;
    assert_eq!(world.told().await, None);
    world.put("fb", ConnectionState::Forbidden).await;
    assert!(world.told().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_a_person_paused_is_not_told() {
    let world = healthy().await;
    world.put("shop", ConnectionState::Paused).await;
    assert_eq!(world.told().await, None);
}

#[tokio::test(start_paused = true)]
async fn more_leads_are_told_together_an_hour_later() {
    let world = healthy().await;
    world.parked().await;
    assert_eq!(world.told().await, parked(1));
    world.parked().await;
    world.parked().await;
    world.pass(minutes(59)).await;
    assert_eq!(world.told().await, None);
    world.pass(minutes(1)).await;
    assert_eq!(world.told().await, parked(3));
    world.pass(minutes(600)).await;
    assert_eq!(world.told().await, None);
}

#[tokio::test(start_paused = true)]
async fn as_many_as_before_are_told_when_they_are_others() {
    let world = healthy().await;
    let lead = world.parked().await;
    assert_eq!(world.told().await, parked(1));
    let mut retried = lead.clone();
    retried.retry(world.now()).unwrap();
    world.store.save(Change::new(&lead, &retried)).await.unwrap();
    assert_eq!(world.told().await, None);
    world.parked().await;
    world.pass(minutes(60)).await;
    assert_eq!(world.told().await, parked(1));
}

#[tokio::test(start_paused = true)]
async fn whoever_could_not_be_reached_is_told_in_the_next_round() {
    let world = healthy().await;
    world.parked().await;
    let unheard = world.scheduler.watch().await.unwrap().alert.unwrap();
    assert_eq!(world.told().await, Some(unheard.trouble));
}

#[tokio::test(start_paused = true)]
async fn a_finding_is_told_once() {
    let world = healthy().await;
    let lead = world.parked().await;
    assert_eq!(world.told().await, parked(1));
    world.pass(minutes(60)).await;
    let kind = FindingKind::OrderDoubled;
    let finding = Finding {
        kind,
        account_id: lead.account_id.clone(),
        transaction: lead.id.clone(),
        ids: vec![41, 42],
        found_at: world.now(),
    };
    world.store.note_finding(&finding).await.unwrap();
    assert_eq!(world.told().await.unwrap().found, BTreeMap::from([(kind, 1)]));
    world.pass(minutes(60)).await;
    assert_eq!(world.told().await, None);
}

#[tokio::test(start_paused = true)]
async fn leads_that_meta_did_not_announce_are_told() {
    let world = healthy().await;
    world.lead(FORM);
    let round = world.run(Job::Reconcile).await;
    assert_eq!((counted(&round, "LeadsFoundByReconcile"), counted(&round, "ReconcileRounds")), (1, 1));
    world.scheduler.note_missed(round.missed).await.unwrap();
    assert_eq!(world.told().await, Some(Trouble { missed: 1, ..Trouble::default() }));
    assert_eq!(world.told().await, None);
}

/// From the refused call to the alert: the check closes the connection, the next minute tells.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_is_told_a_minute_later() {
    let world = healthy().await;
    world.remonline.revoke_key(DEMO_API_KEY);
    world.run(Job::Check).await;
    let watched = world.scheduler.watch().await.unwrap();
    assert_eq!(measured(&watched, "ConnectionsClosed"), Some(1));
    assert_eq!(watched.alert.unwrap().trouble.closed[0].id, slug("shop"));
}

#[tokio::test(start_paused = true)]
async fn the_longest_wait_is_measured() {
    let world = healthy().await;
    assert_eq!(measured(&world.scheduler.watch().await.unwrap(), "OldestWaitingMs"), None);
    let later = world.now() + SignedDuration::from_hours(5);
    world.taken_in(|lead| lead.wait(Reason::RemonlineUnavailable, Some(later), world.now()).unwrap()).await;
    world.pass(minutes(61)).await;
    assert_eq!(measured(&world.scheduler.watch().await.unwrap(), "OldestWaitingMs"), Some(61 * 60_000));
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_nobody_got_to_waits_too() {
    let world = healthy().await;
    world.taken_in(|_| ()).await;
    world.pass(minutes(75)).await;
    assert_eq!(measured(&world.scheduler.watch().await.unwrap(), "OldestWaitingMs"), Some(75 * 60_000));
}
