use domain::{BundleState, ClientOutcome, OrderOutcome, State};
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::json;
use simulators::{Effect, Fault};

use crate::world::{Somebody, World, document, person};

const PEOPLE: &str = "/v2/contacts/people";

/// One client has the phone of another one, and a search does not show it yet. The dedup index leads to it by its e-mail
/// address, and its card has the phone.
#[tokio::test(start_paused = true)]
async fn a_client_that_has_all_keys_is_found_by_the_one_that_leads_to_it() {
    let always = |bundle: &mut serde_json::Value| bundle["client"]["duplicates"] = json!({ "mode": "create_always" });
    let mut world = World::new(always).await;
    let mut by_all = document();
    by_all["client"]["duplicates"] = json!({ "match_on": ["phone", "email"], "match": "all" });
    let lead = |world: &World, email: &str| {
        world.lead(&[("full_name", "Олена Коваль"), ("phone_number", "+380501119901"), ("email", email)])
    };
    let first = lead(&world, "first@example.com");
    world.announce([&first]).await;
    world.remonline.update_settings(|settings| settings.people_search_delay_ms = 20_000);
    let second = lead(&world, "second@example.com");
    world.announce([&second]).await;
    let made = world.transaction(&second).await.client_id;

    world.bundle("all", &by_all, BundleState::Active).await;
    let third = lead(&world, "second@example.com");
    world.announce([&third]).await;

    let found = world.transaction_of("all", &third).await;
    assert_ne!(found.client_outcome, Some(ClientOutcome::Created), "{:#?}", found.steps);
    assert_eq!(found.client_id, made);
}

/// Somebody who sends the form twice has one order, also while RemOnline does not show it in its list yet.
#[rstest]
#[tokio::test(start_paused = true)]
async fn an_order_made_a_moment_ago_counts_before_a_search_shows_it(#[values(false, true)] only_open: bool) {
    let if_missing = |bundle: &mut serde_json::Value| {
        bundle["order"]["duplicates"] = json!({ "mode": "create_if_missing", "only_open": only_open });
    };
    let mut world = World::new(if_missing).await;
    world.remonline.update_settings(|settings| settings.order_search_delay_ms = 60_000);
    let leads = [world.lead(&person(0).answers()), world.lead(&person(0).answers())];
    for lead in &leads {
        world.announce([lead]).await;
    }

    let [first, second] = [world.transaction(&leads[0]).await, world.transaction(&leads[1]).await];
    assert_eq!(first.order_outcome, Some(OrderOutcome::Created));
    assert_eq!((second.order_outcome, second.order_id), (Some(OrderOutcome::Found), first.order_id), "{second:#?}");

    world.remonline.delete_order(first.order_id.unwrap());
    let third = world.lead(&person(0).answers());
    world.announce([&third]).await;
    assert_eq!(world.transaction(&third).await.order_outcome, Some(OrderOutcome::Created), "one that is gone is not");
}

/// The phone belongs to one client and the e-mail to another, both in the dedup index, and no search shows a new card.
async fn two_clients_of_one_person() -> (World, Somebody) {
    let by_all = |bundle: &mut serde_json::Value| bundle["client"]["duplicates"] = json!({ "match": "all" });
    let mut world = World::new(by_all).await;
    let somebody = person(0);
    for key in [("phone_number", somebody.phone.as_str()), ("email", somebody.email.as_str())] {
        let lead = world.lead(&[("full_name", "Олена Коваль"), key]);
        world.announce([&lead]).await;
        assert_eq!(world.transaction(&lead).await.client_outcome, Some(ClientOutcome::Created));
    }
    world.remonline.update_settings(|settings| settings.people_search_delay_ms = 600_000);
    (world, somebody)
}

/// Neither client is the person's, so a third is made, and is the one of every later lead.
#[tokio::test(start_paused = true)]
async fn a_client_made_for_phone_and_email_together_is_known_by_both_together() {
    let (mut world, somebody) = two_clients_of_one_person().await;
    let [first, second] = [world.lead(&somebody.answers()), world.lead(&somebody.answers())];
    world.announce([&first]).await;
    let made = world.transaction(&first).await;
    assert_eq!(made.client_outcome, Some(ClientOutcome::Created), "{:#?}", made.steps);
    let looks = world.remonline.count("GET", PEOPLE);

    world.announce([&second]).await;

    let found = world.transaction(&second).await;
    assert_eq!(found.client_id, made.client_id, "{:#?}", found.steps);
    assert_eq!(world.remonline.count("GET", PEOPLE), looks + 1, "its card is read");

    world.remonline.delete_person(made.client_id.unwrap());
    let third = world.lead(&somebody.answers());
    world.announce([&third]).await;
    assert_eq!(world.transaction(&third).await.client_outcome, Some(ClientOutcome::Created));
}

#[rstest]
#[case::answer_lost(Effect::ApplyThenDrop)]
#[case::never_applied(Effect::status(500))]
#[tokio::test(start_paused = true)]
async fn while_that_client_is_in_doubt_nobody_else_makes_it(#[case] effect: Effect) {
    let (mut world, somebody) = two_clients_of_one_person().await;
    world.remonline.update_settings(|settings| settings.people_search_delay_ms = 20_000);
    let leads = [world.lead(&somebody.answers()), world.lead(&somebody.answers())];
    let creates = world.remonline.count("POST", PEOPLE);
    world.remonline.inject(Fault::once(effect).exactly("POST", PEOPLE));

    world.announce(&leads).await;

    assert_eq!(world.remonline.count("POST", PEOPLE), creates + 1);
    let [first, second] = [world.settle(&leads[0], 60).await, world.settle(&leads[1], 60).await];
    assert_eq!((first.state, second.state), (State::Done, State::Done));
    assert_eq!(first.client_id, second.client_id);
}

/// The first look shows nobody, the create has no effect, and the second look shows a client who was there all along, with
/// an order.
#[tokio::test(start_paused = true)]
async fn a_client_who_turns_up_after_a_lost_answer_may_have_an_order() {
    let if_missing = |bundle: &mut serde_json::Value| {
        bundle["order"]["duplicates"] = json!({ "mode": "create_if_missing" });
    };
    let mut world = World::new(if_missing).await;
    let somebody = person(0);
    world.remonline.update_settings(|settings| settings.people_search_delay_ms = 5_000);
    let client = world.remonline.insert_person(json!({ "first_name": "A", "phones": [{ "phone": somebody.phone }] }));
    let order = json!({ "branch_id": 15001, "order_type_id": 21001, "client_id": client });
    let order = world.remonline.insert_order(order);
    world.remonline.inject(Fault::once(Effect::status(500)).exactly("POST", PEOPLE));
    let lead = world.lead(&somebody.answers());
    world.announce([&lead]).await;

    let settled = world.settle(&lead, 60).await;

    assert_eq!(settled.client_id, Some(client), "{settled:#?}");
    assert_eq!((settled.order_outcome, settled.order_id), (Some(OrderOutcome::Found), Some(order)));
}
