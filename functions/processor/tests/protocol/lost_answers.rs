use std::time::Duration;

use domain::{BundleState, ClientOutcome, MetaId, OrderOutcome, Reason, State, Transaction};
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::json;
use simulators::{Effect, Fault};

use crate::world::{World, document, olena};

const PEOPLE: &str = "/v2/contacts/people";
const ORDERS: &str = "/v2/orders";

async fn told_with(path: &str, effect: Effect) -> (World, MetaId, Transaction) {
    let mut world = World::new(|_| {}).await;
    let lead = world.lead(&olena());
    world.remonline.inject(Fault::once(effect).exactly("POST", path));
    world.announce([&lead]).await;
    let doubtful = world.transaction(&lead).await;
    assert_eq!((doubtful.state, doubtful.reason), (State::Waiting, Some(Reason::OutcomeUnknown)), "{doubtful:#?}");
    let settled = world.settle(&lead, 30).await;
    (world, lead, settled)
}

/// Whatever happens to the answer of a create, there is one client and one order in the end, and they count as made by
/// us.
#[rstest]
#[case::answer_lost(Effect::ApplyThenDrop)]
#[case::error_after_the_effect(Effect::apply_then_status(500))]
#[case::gateway_gave_up(Effect::apply_then_status(504))]
#[case::not_json(Effect::Garbage)]
#[case::too_large(Effect::Huge)]
#[case::late_commit(Effect::ApplyAfter(Duration::from_secs(40)))]
#[case::never_applied(Effect::status(500))]
#[case::connection_died_before(Effect::DropBefore)]
#[tokio::test(start_paused = true)]
async fn a_doubtful_create_ends_in_exactly_one(#[case] effect: Effect, #[values(PEOPLE, ORDERS)] path: &str) {
    let (world, lead, settled) = told_with(path, effect).await;
    assert_eq!(settled.state, State::Done, "{:#?}", settled.steps);
    assert_eq!(settled.client_outcome, Some(ClientOutcome::Created));
    assert_eq!(settled.order_outcome, Some(OrderOutcome::Created));
    assert_eq!(world.people_with("+380501119901").len(), 1);
    assert_eq!(world.orders_of(&lead).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn three_doubtful_attempts_are_enough() {
    let mut world = World::new(|_| {}).await;
    let lead = world.lead(&olena());
    world.remonline.inject(Fault::always(Effect::status(500)).exactly("POST", ORDERS));
    world.announce([&lead]).await;

    let settled = world.settle(&lead, 60).await;

    assert_eq!((settled.state, settled.reason), (State::Review, Some(Reason::OutcomeUnknown)));
    assert_eq!(world.remonline.count("POST", ORDERS), 3);
}

#[tokio::test(start_paused = true)]
async fn another_lead_of_a_person_in_doubt_waits_for_the_first() {
    let mut world = World::new(|_| {}).await;
    let leads = [world.lead(&olena()), world.lead(&olena())];
    world.remonline.inject(Fault::once(Effect::status(500)).exactly("POST", PEOPLE));

    world.announce(&leads).await;
    assert_eq!(world.remonline.count("POST", PEOPLE), 1, "nobody else creates the client meanwhile");
    for lead in &leads {
        assert_eq!(world.settle(lead, 60).await.state, State::Done);
    }

    assert_eq!(world.people_with("+380501119901").len(), 1);
    assert_eq!(world.remonline.orders().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unmarked_order_of_the_same_kind_wants_a_person() {
    let mut world = World::new(|_| {}).await;
    let lead = world.lead(&olena());
    world.remonline.inject(Fault::once(Effect::ApplyThenDrop).exactly("POST", ORDERS));
    world.announce([&lead]).await;
    // Somebody rewrites the order's notes and so removes the marker.
    let ours = world.orders_of(&lead).remove(0);
    world.remonline.delete_order(ours["id"].as_i64().unwrap());
    let client_id = world.transaction(&lead).await.client_id.unwrap();
    world.remonline.insert_order(json!({
        "branch_id": 15001, "order_type_id": 21001, "client_id": client_id, "manager_notes": "call after six",
    }));

    let settled = world.settle(&lead, 30).await;

    assert_eq!((settled.state, settled.reason), (State::Review, Some(Reason::SuspectedDouble)));
}

/// An invocation that dies in the middle leaves its lease behind; the next holder goes on from what is stored.
#[rstest]
#[case(200)]
#[case(500)]
#[case(900)]
#[tokio::test(start_paused = true)]
async fn a_killed_invocation_is_made_up_for(#[case] millis: u64) {
    let mut world = World::new(|_| {}).await;
    let leads = [world.lead(&olena()), world.lead(&olena())];

    let killed = tokio::time::timeout(Duration::from_millis(millis), world.announce(&leads)).await;
    assert!(killed.is_err(), "it was not done yet");

    world.announce(&leads).await;
    for lead in &leads {
        assert_eq!(world.settle(lead, 60).await.state, State::Done);
        assert_eq!(world.orders_of(lead).len(), 1);
    }
    assert_eq!(world.people_with("+380501119901").len(), 1);
}

/// Somebody else with the same e-mail address is not the client whose creation is in doubt, where the bundle knows people
/// by their phone only.
#[tokio::test(start_paused = true)]
async fn a_stranger_is_not_taken_for_the_client_in_doubt() {
    let by_phone = |bundle: &mut serde_json::Value| bundle["client"]["duplicates"] = json!({ "match_on": ["phone"] });
    let mut world = World::new(by_phone).await;
    let stranger = world.remonline.insert_person(json!({ "first_name": "Марія", "email": "olena@example.com" }));
    let lead = world.lead(&olena());
    world.remonline.inject(Fault::once(Effect::status(500)).exactly("POST", PEOPLE));
    world.announce([&lead]).await;

    let settled = world.settle(&lead, 30).await;

    assert_eq!(settled.state, State::Done, "{:#?}", settled.steps);
    assert_ne!(settled.client_id, Some(stranger));
    assert_eq!(world.people_with("+380501119901").len(), 1);
}

/// A card that was just made of somebody with the same name and e-mail address and another phone.
#[tokio::test(start_paused = true)]
async fn a_card_with_another_phone_is_not_the_one_that_was_sent() {
    let by_phone = |bundle: &mut serde_json::Value| bundle["client"]["duplicates"] = json!({ "match_on": ["phone"] });
    let mut world = World::new(by_phone).await;
    let namesake = world.remonline.insert_person(json!({
        "first_name": "Олена", "last_name": "Коваль", "email": "olena@example.com",
        "phones": [{ "title": "", "phone": "+380501119955" }],
    }));
    let lead = world.lead(&olena());
    world.remonline.inject(Fault::once(Effect::status(500)).exactly("POST", PEOPLE));
    world.announce([&lead]).await;

    let settled = world.settle(&lead, 30).await;

    assert_eq!(settled.state, State::Done, "{:#?}", settled.steps);
    assert_ne!(settled.client_id, Some(namesake));
    assert_eq!(world.people_with("+380501119901").len(), 1);
}

/// An older card of the same phone is given the lead's address, by staff or by another bundle, while the create is in doubt.
#[tokio::test(start_paused = true)]
async fn an_older_card_that_fits_by_now_is_not_the_one_that_was_made() {
    let by_both = |bundle: &mut serde_json::Value| {
        bundle["client"]["duplicates"] = json!({ "match_on": ["phone", "email"], "match": "all" });
    };
    let mut world = World::new(by_both).await;
    let card = json!({ "created_at": "2026-01-05T09:00:00Z", "phones": [{ "title": "", "phone": "+380501119901" }] });
    let older = world.remonline.insert_person(card.clone());
    let lead = world.lead(&olena());
    world.remonline.inject(Fault::once(Effect::ApplyThenDrop).exactly("POST", PEOPLE));
    world.announce([&lead]).await;
    let mut changed = card;
    changed["id"] = older.into();
    changed["email"] = "olena@example.com".into();
    world.remonline.delete_person(older);
    world.remonline.insert_person(changed);

    let settled = world.settle(&lead, 30).await;

    assert_eq!((settled.state, settled.client_outcome), (State::Done, Some(ClientOutcome::Created)));
    assert_ne!(settled.client_id, Some(older));
    assert_eq!(world.people_with("+380501119901").len(), 2);
}

#[rstest]
#[case::applied(Effect::ApplyThenDrop)]
#[case::not_applied(Effect::status(500))]
#[tokio::test(start_paused = true)]
async fn where_every_lead_makes_a_client_doubt_makes_no_second_one(#[case] effect: Effect) {
    let always = |bundle: &mut serde_json::Value| {
        bundle["client"]["duplicates"] = json!({ "mode": "create_always" });
    };
    let mut world = World::new(always).await;
    let leads = [world.lead(&olena()), world.lead(&olena())];
    world.announce(&leads[..1]).await;
    world.remonline.inject(Fault::once(effect).exactly("POST", PEOPLE));

    world.announce(&leads[1..]).await;
    let settled = world.settle(&leads[1], 30).await;

    assert_eq!(settled.state, State::Done, "{:#?}", settled.steps);
    assert_eq!(world.people_with("+380501119901").len(), 2, "one client for each lead");
}

/// Whoever looked into RemOnline and found nothing begins a new series of attempts; what was there then is nobody's.
#[tokio::test(start_paused = true)]
async fn a_person_has_an_order_made_in_spite_of_a_suspicion() {
    let mut world = World::new(|_| {}).await;
    let lead = world.lead(&olena());
    world.remonline.inject(Fault::once(Effect::status(500)).exactly("POST", ORDERS));
    world.announce([&lead]).await;
    let client_id = world.transaction(&lead).await.client_id.unwrap();
    let unmarked = json!({ "branch_id": 15001, "order_type_id": 21001, "client_id": client_id });
    world.remonline.insert_order(unmarked);
    let review = world.settle(&lead, 30).await;
    assert_eq!((review.state, review.reason), (State::Review, Some(Reason::SuspectedDouble)));

    tokio::time::sleep(Duration::from_secs(60)).await;
    world.create_again(&review).await;
    world.wake().await;

    let done = world.transaction(&lead).await;
    assert_eq!((done.state, done.order_outcome), (State::Done, Some(OrderOutcome::Created)), "{:#?}", done.steps);
    assert_eq!(world.orders_of(&lead).len(), 1);
}

#[rstest]
#[case(PEOPLE)]
#[case(ORDERS)]
#[tokio::test(start_paused = true)]
async fn a_new_series_has_three_attempts_and_takes_what_came_late(#[case] path: &str) {
    let mut world = World::new(|_| {}).await;
    let lead = world.lead(&olena());
    world.remonline.inject(Fault::always(Effect::status(500)).exactly("POST", path));
    world.announce([&lead]).await;
    for series in 1..=2 {
        let review = world.settle(&lead, 60).await;
        assert_eq!((review.state, review.reason), (State::Review, Some(Reason::OutcomeUnknown)));
        assert_eq!(world.remonline.count("POST", path), 3 * series);
        world.create_again(&review).await;
    }
    world.remonline.clear_faults();

    world.wake().await;

    assert_eq!(world.transaction(&lead).await.state, State::Done);
    assert_eq!((world.people_with("+380501119901").len(), world.orders_of(&lead).len()), (1, 1));
}

/// The client of a lead in doubt is not found by another bundle meanwhile: then it would pass for that one's, and be made
/// once more.
#[tokio::test(start_paused = true)]
async fn another_bundle_waits_for_a_client_in_doubt_that_is_made_for_every_lead() {
    let always = |bundle: &mut serde_json::Value| {
        bundle["client"]["duplicates"] = json!({ "mode": "create_always" });
    };
    let mut world = World::new(always).await;
    world.bundle("second", &document(), BundleState::Active).await;
    let lead = world.lead(&olena());
    world.remonline.inject(Fault::once(Effect::ApplyThenDrop).exactly("POST", PEOPLE));

    world.announce([&lead]).await;
    let settled = world.settle(&lead, 30).await;

    assert_eq!(settled.state, State::Done, "{:#?}", settled.steps);
    assert_eq!(world.people_with("+380501119901").len(), 1);
}
