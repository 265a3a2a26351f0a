//! Answers of RemOnline that were lost: whatever was applied is found, whatever was not is sent again.

use std::time::Duration;

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use simulators::{Effect, Fault};

use crate::person::Person;
use crate::transaction::{assert_holds, steps};
use crate::world::{FORM, World};

const CLIENTS: &str = "/v2/contacts/people";
const ORDERS: &str = "/v2/orders";

/// Longer than the first look-ups, shorter than the quiet period.
const LATE: Duration = Duration::from_millis(1500);

#[rstest]
#[case::dropped(Effect::ApplyThenDrop, true)]
#[case::status_500(Effect::apply_then_status(500), true)]
#[case::status_504(Effect::apply_then_status(504), true)]
#[case::unreadable(Effect::Garbage, true)]
#[case::late(Effect::ApplyAfter(LATE), true)]
#[case::not_applied_500(Effect::status(500), false)]
#[case::not_applied_dropped(Effect::DropBefore, false)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_whose_answer_was_lost_is_there_once(
    #[values(CLIENTS, ORDERS)] path: &str,
    #[case] effect: Effect,
    #[case] is_applied: bool,
) {
    let world = World::with_short_waits().await;
    world.remonline.inject(Fault::once(effect).exactly("POST", path));
    let person = Person::invent();
    let lead = world.submit(FORM, person.lead()).await;
    let transaction = world.settled("repair", &lead, "waiting", "outcome_unknown").await;
    assert!(transaction["next_at"].is_string(), "{transaction:#}");
    let transaction = world.done("repair", &lead).await;

    let [client] = &world.new_clients()[..] else { panic!("one client: {:#?}", world.new_clients()) };
    let [order] = &world.remonline.orders()[..] else { panic!("one order: {:#?}", world.remonline.orders()) };
    assert_holds(
        &transaction,
        &json!({
            "client_id": client["id"], "client_outcome": "created", "order_id": order["id"], "order_outcome": "created",
        }),
    );
    assert_eq!(order["client"]["id"], client["id"]);
    assert_eq!(world.orders_of("repair", &lead).len(), 1);
    assert!(steps(&transaction).iter().any(|step| step.contains(" outcome_unknown")), "{transaction:#}");
    let sent = |at| world.requests("POST", at);
    let expected = |at| if at == path && !is_applied { 2 } else { 1 };
    assert_eq!((sent(CLIENTS), sent(ORDERS)), (expected(CLIENTS), expected(ORDERS)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_lags_behind_makes_no_second_client() {
    let world = World::with_short_waits().await;
    world.remonline.update_settings(|settings| {
        settings.people_search_delay_ms = 1500;
        settings.order_search_delay_ms = 1500;
    });
    world.remonline.inject(Fault::once(Effect::ApplyThenDrop).exactly("POST", CLIENTS));
    world.remonline.inject(Fault::once(Effect::ApplyThenDrop).exactly("POST", ORDERS));
    let lead = world.submit(FORM, Person::invent().lead()).await;
    world.done("repair", &lead).await;
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (1, 1));
    assert_eq!((world.requests("POST", CLIENTS), world.requests("POST", ORDERS)), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_lead_of_the_person_waits_for_the_doubt_to_be_settled() {
    let world = World::with_short_waits().await;
    world.remonline.inject(Fault::once(Effect::ApplyAfter(LATE)).exactly("POST", CLIENTS));
    let person = Person::invent();
    let leads = [(); 2].map(|()| world.meta.add_lead(FORM, person.lead()));
    world.announce(&[&leads[0], &leads[1]]).await;
    let (one, other) = (world.done("repair", &leads[0]).await, world.done("repair", &leads[1]).await);
    assert_eq!(one["client_id"], other["client_id"]);
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (1, 2));
    assert_eq!(world.requests("POST", CLIENTS), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_attempts_without_an_outcome_are_a_case_for_a_person() {
    let world = World::with_short_waits().await;
    world.remonline.inject(Fault::always(Effect::status(502)).exactly("POST", ORDERS));
    let lead = world.submit(FORM, Person::invent().lead()).await;
    let transaction = world.settled("repair", &lead, "review", "outcome_unknown").await;
    assert_holds(&transaction, &json!({ "client_outcome": "created", "order_id": null, "next_at": null }));
    assert_eq!(world.requests("POST", ORDERS), 3);
    assert_eq!(world.remonline.orders(), Vec::<Value>::new());
}
