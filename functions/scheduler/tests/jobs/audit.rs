use std::time::Duration;

use domain::{
    ClientOutcome::{self, Created, Found},
    LeadSource, MetaId, OrderOutcome, Stage, State, Transaction, marker,
};
use jiff::SignedDuration;
use pretty_assertions::assert_eq;
use rstest::rstest;
use scheduler::Job;
use serde_json::json;
use simulators::{Effect, Fault, remonline::DEMO_API_KEY};
use store::{Change, Finding, FindingKind};

use crate::world::{FORM, World, counted, minutes, slug};

/// One with the bundle `repair`; RemOnline answers at once.
async fn audited() -> World {
    let world = World::new(Duration::ZERO).await;
    world.bundle("repair", FORM, Some(minutes(600))).await;
    world
}

impl World {
    /// Somebody's order in RemOnline with the lead's marker.
    fn order(&self, lead: &MetaId) -> i64 {
        let notes = format!("Call after six {}", marker(lead, &slug("repair")));
        let order =
            json!({ "branch_id": 15001, "order_type_id": 21001, "client_id": 31000001, "manager_notes": notes });
        self.remonline.insert_order(order)
    }

    /// A lead that is done: with this client, whom we made, and this order, if any.
    async fn done(&self, lead: &MetaId, client_id: i64, order_id: Option<i64>) -> Transaction {
        self.done_with(lead, order_id, |transaction, now| {
            transaction.set_client(client_id, Created, now).unwrap();
        })
        .await
    }

    async fn done_with(
        &self,
        lead: &MetaId,
        order_id: Option<i64>,
        client: impl FnOnce(&mut Transaction, jiff::Timestamp),
    ) -> Transaction {
        let bundle = self.store.bundle(&slug("repair")).await.unwrap().unwrap();
        let now = self.now();
        self.store.take_in(&self.event(lead, FORM), &bundle, LeadSource::Webhook, now).await.unwrap();
        let before = self.transaction("repair", lead).await.unwrap();
        let mut after = before.clone();
        after.run(Stage::Fetched, now).unwrap();
        client(&mut after, now);
        let outcome = if order_id.is_some() { OrderOutcome::Created } else { OrderOutcome::None };
        after.set_order(order_id, outcome, now).unwrap();
        after.finish(now).unwrap();
        self.store.save(Change::new(&before, &after)).await.unwrap()
    }

    async fn found(&self) -> Vec<(FindingKind, MetaId, Vec<i64>)> {
        let found = self.store.findings().await.unwrap().into_iter();
        found.map(|Finding { kind, transaction, ids, .. }| (kind, transaction.leadgen_id, ids)).collect()
    }
}

fn lead(number: u64) -> MetaId {
    number.to_string().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_as_recorded_is_no_finding() {
    let world = audited().await;
    let order = world.order(&lead(1));
    world.done(&lead(1), 31_000_001, Some(order)).await;
    world.done(&lead(2), 31_000_002, None).await;
    world.remonline.insert_order(json!({ "branch_id": 15001, "order_type_id": 21001, "manager_notes": "walk-in" }));

    let outcome = world.run(Job::Audit).await;

    assert_eq!(world.found().await, []);
    assert!(outcome.metrics.iter().all(|metric| metric.value == 0), "{outcome:?}");
    assert!(world.remonline.busiest_second() <= 3);
}

#[tokio::test(start_paused = true)]
async fn two_orders_with_one_marker_are_doubled_and_told_once() {
    let world = audited().await;
    let orders = [world.order(&lead(1)), world.order(&lead(1))];
    world.done(&lead(1), 31_000_001, Some(orders[0])).await;

    let outcome = world.run(Job::Audit).await;

    assert_eq!(world.found().await, [(FindingKind::OrderDoubled, lead(1), orders.to_vec())]);
    assert_eq!(counted(&outcome, "OrdersDoubled"), 1);
    world.pass(minutes(60)).await;
    assert_eq!(counted(&world.run(Job::Audit).await, "OrdersDoubled"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_order_beside_the_recorded_one_is_doubled_however_much_later_it_was_made() {
    let world = audited().await;
    let recorded = world.order(&lead(1));
    world.done(&lead(1), 31_000_001, Some(recorded)).await;
    world.pass(minutes(240)).await;
    let second = world.order(&lead(1));

    world.run(Job::Audit).await;

    assert_eq!(world.found().await, [(FindingKind::OrderDoubled, lead(1), vec![recorded, second])]);
}

#[tokio::test(start_paused = true)]
async fn a_recorded_order_that_is_gone_is_lost_and_never_made_again() {
    let world = audited().await;
    let order = world.order(&lead(1));
    world.done(&lead(1), 31_000_001, Some(order)).await;
    world.remonline.delete_order(order);

    let outcome = world.run(Job::Audit).await;

    assert_eq!(world.found().await, [(FindingKind::OrderLost, lead(1), vec![order])]);
    assert_eq!((counted(&outcome, "OrdersLost"), outcome.accounts.len()), (1, 0));
    assert_eq!(world.transaction("repair", &lead(1)).await.unwrap().state, State::Done);
    assert_eq!(world.remonline.count("POST", "/"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_the_search_does_not_show_yet_is_not_lost() {
    let world = audited().await;
    let order = world.order(&lead(1));
    world.done(&lead(1), 31_000_001, Some(order)).await;
    world.remonline.update_settings(|settings| settings.order_search_delay_ms = 3_600_000);

    world.run(Job::Audit).await;

    assert_eq!(world.found().await, []);
    assert_eq!(world.remonline.count("GET", &format!("/v2/orders/{order}")), 1);
}

#[tokio::test(start_paused = true)]
async fn a_marker_of_no_lead_is_unexpected() {
    let world = audited().await;
    let order = world.order(&lead(7));

    let outcome = world.run(Job::Audit).await;

    assert_eq!(world.found().await, [(FindingKind::OrderUnexpected, lead(7), vec![order])]);
    assert_eq!(counted(&outcome, "OrdersUnexpected"), 1);
}

/// It is nine in the morning. The audit of the night looks back over a week.
#[tokio::test(start_paused = true)]
async fn the_night_finds_what_the_hours_missed() {
    let world = audited().await;
    let orders = [world.order(&lead(1)), world.order(&lead(1))];
    world.done(&lead(1), 31_000_001, Some(orders[0])).await;
    for _ in 0..130 {
        world.remonline.insert_order(json!({ "branch_id": 15001, "order_type_id": 21001, "manager_notes": "walk-in" }));
    }
    world.pass(minutes(240)).await;
    world.run(Job::Audit).await;
    assert_eq!(world.found().await, []);

    world.pass(minutes(12 * 60 + 10)).await;
    world.run(Job::Audit).await;
    assert_eq!(world.found().await, [(FindingKind::OrderDoubled, lead(1), orders.to_vec())]);
}

#[rstest]
#[case::made_with_the_same_phone((31, Created, "phone", "email"), (32, "phone", "other"), true)]
#[case::made_with_the_same_email((31, Created, "phone", "email"), (32, "other", "email"), true)]
#[case::found_by_the_same_phone((31, Found, "phone", ""), (32, "phone", "email"), true)]
#[case::found_by_one_of_two_keys((31, Found, "phone", "email"), (32, "other", "email"), false)]
#[case::the_found_one_came_later((31, Found, "phone", ""), (30, "phone", "email"), false)]
#[case::somebody_else((31, Created, "phone", "email"), (32, "other", "other"), false)]
#[tokio::test(start_paused = true)]
async fn a_client_made_for_somebody_who_has_another_is_doubled(
    #[case] (first, outcome, phone, email): (i64, ClientOutcome, &str, &str),
    #[case] (second, second_phone, second_email): (i64, &str, &str),
    #[case] doubled: bool,
) {
    let world = audited().await;
    let hash = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let with = |client_id, outcome, phone, email| {
        let (phone, email) = (hash(phone), hash(email));
        move |transaction: &mut Transaction, now| {
            (transaction.phone_hash, transaction.email_hash) = (phone, email);
            transaction.set_client(client_id, outcome, now).unwrap();
        }
    };
    world.done_with(&lead(1), None, with(first, outcome, phone, email)).await;
    world.done_with(&lead(2), None, with(second, Created, second_phone, second_email)).await;

    let outcome = world.run(Job::Audit).await;

    let expected = doubled.then(|| (FindingKind::ClientDoubled, lead(2), vec![first, second]));
    assert_eq!(world.found().await, Vec::from_iter(expected));
    assert_eq!(counted(&outcome, "ClientsDoubled"), i64::from(doubled));
}

#[tokio::test(start_paused = true)]
async fn a_429_is_heeded_and_a_refused_key_closes_the_connection() {
    let world = audited().await;
    world.remonline.inject(Fault::once(Effect::RetryAfter(90)).on("GET", "/v2/orders"));
    world.run(Job::Audit).await;
    let pace = world.store.pace(&domain::AccountId::new("account")).await.unwrap();
    assert_eq!(pace.not_before, Some(world.now() + SignedDuration::from_secs(90)));

    world.remonline.revoke_key(DEMO_API_KEY);
    world.run(Job::Audit).await;
    assert_eq!(world.connection_state("shop").await, domain::ConnectionState::KeyRejected);
    let calls = world.remonline.requests().len();
    world.run(Job::Audit).await;
    assert_eq!(world.remonline.requests().len(), calls);
}
