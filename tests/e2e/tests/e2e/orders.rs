//! Orders: how they are filled and when one is enough.

use jiff::{SignedDuration, Timestamp};
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};

use crate::bundle::{bundle, marker};
use crate::person::Person;
use crate::transaction::{assert_holds, step, steps};
use crate::world::{FORM, World, now};

/// Statuses of the simulated shop.
const IN_PROGRESS: i64 = 13;
const CLOSED: i64 = 17;

/// The bundle `repair` with these rules about known orders.
fn with_duplicates(rules: &Value) -> Value {
    let mut document = bundle("repair", FORM);
    document["order"]["duplicates"] = rules.clone();
    document
}

fn days_ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(24 * days)
}

/// A known client with an order that the shop's staff made.
fn known_with_order(world: &World, person: &Person, status: i64, created: Timestamp) -> i64 {
    let client = world.remonline.insert_person(person.card(&person.national()));
    let created = created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    world.remonline.insert_order(json!({
        "client_id": client, "branch_id": 15001, "order_type_id": 21001, "status_id": status,
        "created_at": created, "closed_at": if status == CLOSED { json!(created) } else { Value::Null },
        "manager_notes": "Brought in by hand",
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_client_and_order_can_be_filled() {
    let world = World::start().await;
    let mut document = bundle("repair", FORM);
    document["timezone"] = "Europe/Kyiv".into();
    document["client"]["fields"]["ad_campaign_id"] = 777.into();
    document["client"]["fields"]["custom_fields"] = json!({ "f5001": "{{ tracking.utm_source }}" });
    document["order"]["fields"] = json!({
        "branch_id": 15001, "order_type_id": "{{ 21000 + 2 }}", "manager_id": 9002, "urgent": true,
        "malfunction": "{{ answers['what_is_broken?'] }} ({{ raw['what_is_broken?'] }})",
        "manager_notes": "{{ answers.city | upper }}, {{ lead.platform }}",
        "custom_fields": { "f6001": "{{ lead.id }}" },
    });
    world.add_bundle(&document).await;
    let lead = world.submit(FORM, Person::invent().lead()).await;
    world.done("repair", &lead).await;
    assert_holds(
        &world.new_clients()[0],
        &json!({
            "ad_campaign": { "id": 777 }, "custom_fields": { "f5001": "facebook" },
        }),
    );
    assert_holds(
        &world.remonline.orders()[0],
        &json!({
            "branch_id": 15001, "order_type": { "id": 21002 }, "manager_id": 9002, "urgent": true,
            "malfunction": "Екран (screen)", "custom_fields": { "f6001": lead },
            "manager_notes": format!("КИЇВ, fb\n{}", marker("repair", &lead)),
        }),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_without_an_order_makes_the_client_only() {
    let world = World::start().await;
    let mut document = bundle("repair", FORM);
    document.as_object_mut().unwrap().remove("order");
    world.add_bundle(&document).await;
    let lead = world.submit(FORM, Person::invent().lead()).await;
    assert_holds(
        &world.done("repair", &lead).await,
        &json!({ "client_outcome": "created", "order_outcome": "none", "order_id": null }),
    );
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_is_set_after_creation_where_it_differs() {
    let world = World::start().await;
    for (case, status, differs) in [("another", 12, true), ("the-first-anyway", 11, false)] {
        let form = world.add_form(case);
        let mut document = bundle(case, &form);
        document["order"]["fields"]["status_id"] = status.into();
        world.add_bundle(&document).await;
        let lead = world.submit(&form, Person::invent().lead()).await;
        let transaction = world.done(case, &lead).await;
        let [order] = &world.orders_of(case, &lead)[..] else { panic!("one order") };
        assert_eq!(order["status"]["id"], status);
        let path = format!("/v2/orders/{}/status", order["id"]);
        assert_eq!(world.requests("POST", &path), usize::from(differs));
        assert_eq!(steps(&transaction).contains(&"set_status set 200".to_owned()), differs, "{transaction:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_for_each_client_if_the_bundle_says_so() {
    let world = World::start().await;
    world.add_bundle(&with_duplicates(&json!({ "match_on": ["client_id"], "mode": "create_if_missing" }))).await;
    let person = Person::invent();
    let first = world.submit(FORM, person.lead()).await;
    let order = world.done("repair", &first).await["order_id"].clone();
    let again = world.submit(FORM, person.lead()).await;
    let transaction = world.done("repair", &again).await;
    assert_holds(&transaction, &json!({ "order_id": order, "order_outcome": "found" }));
    assert_eq!(step(&transaction, "find_order")["outcome"], "found");
    assert_eq!(world.remonline.orders().len(), 1);
    assert_eq!(world.remonline.comments(order.as_i64().unwrap()), [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_orders_that_count_are_found() {
    let world = World::start().await;
    let cases = [
        ("young", 10, json!({ "within_days": 30 }), IN_PROGRESS, "found"),
        ("old", 40, json!({ "within_days": 30 }), IN_PROGRESS, "created"),
        ("open", 1, json!({ "only_open": true }), IN_PROGRESS, "found"),
        ("closed", 1, json!({ "only_open": true }), CLOSED, "created"),
        ("closed-counts", 1, json!({}), CLOSED, "found"),
    ];
    for (case, days, mut rules, status, outcome) in cases {
        let form = world.add_form(case);
        rules["mode"] = "create_if_missing".into();
        let mut document = bundle(case, &form);
        document["order"]["duplicates"] = rules;
        world.add_bundle(&document).await;
        let person = Person::invent();
        let known = known_with_order(&world, &person, status, days_ago(days));
        let lead = world.submit(&form, person.lead()).await;
        let transaction = world.done(case, &lead).await;
        assert_eq!(transaction["order_outcome"], outcome, "{case}: {transaction:#}");
        assert_eq!(transaction["order_id"] == known, outcome == "found", "{case}");
        assert_eq!(world.orders_of(case, &lead).len(), usize::from(outcome == "created"), "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_found_order_gets_a_comment_if_the_bundle_says_so() {
    let world = World::start().await;
    world.add_bundle(&with_duplicates(&json!({ "mode": "create_if_missing", "when_found": "comment" }))).await;
    let person = Person::invent();
    let known = known_with_order(&world, &person, IN_PROGRESS, days_ago(3));
    let lead = world.submit(FORM, person.lead()).await;
    let transaction = world.done("repair", &lead).await;
    assert_holds(&transaction, &json!({ "order_id": known, "order_outcome": "commented" }));
    assert!(steps(&transaction).contains(&"comment commented 201".to_owned()), "{transaction:#}");
    let [comment] = &world.remonline.comments(known)[..] else { panic!("one comment") };
    let text = comment["comment"].as_str().unwrap();
    assert!(text.starts_with("Екран") && text.ends_with(&marker("repair", &lead)), "{text}");
    assert_eq!(world.remonline.order(known).unwrap()["manager_notes"], "Brought in by hand");
    assert_eq!(world.remonline.orders().len(), 1);
}

#[rstest]
#[case::each_lead("create_always", 2)]
#[case::each_client("create_if_missing", 1)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_leads_of_one_new_person_at_once_make_one_client(#[case] mode: &str, #[case] orders: usize) {
    let world = World::start().await;
    world.add_bundle(&with_duplicates(&json!({ "mode": mode }))).await;
    let person = Person::invent();
    let leads = [(); 2].map(|()| world.meta.add_lead(FORM, person.lead()));
    world.announce(&[&leads[0], &leads[1]]).await;
    let (one, other) = (world.done("repair", &leads[0]).await, world.done("repair", &leads[1]).await);
    assert_eq!(one["client_id"], other["client_id"]);
    assert_eq!(world.new_clients().len(), 1);
    assert_eq!(world.requests("POST", "/v2/contacts/people"), 1);
    assert_eq!(world.remonline.orders().len(), orders);
    assert_eq!(one["order_id"] == other["order_id"], orders == 1);
}
