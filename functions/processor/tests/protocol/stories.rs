use domain::{BundleState, ClientOutcome, Detail, Fault, MappingError, OrderOutcome, Reason, State, StepKind};
use pretty_assertions::assert_eq;
use serde_json::json;

use crate::world::{World, document, olena};

#[tokio::test(start_paused = true)]
async fn a_new_person_becomes_a_client_and_an_order_with_three_calls() {
    let mut world = World::new(|_| {}).await;
    let lead = world.lead(&olena());

    let handled = world.announce([&lead]).await;

    let transaction = world.transaction(&lead).await;
    assert_eq!((transaction.state, transaction.reason), (State::Done, None), "{:#?}", transaction.steps);
    assert_eq!(transaction.client_outcome, Some(ClientOutcome::Created));
    assert_eq!(transaction.order_outcome, Some(OrderOutcome::Created));
    let [client] = &world.people_with("+380501119901")[..] else { panic!("one client") };
    assert_eq!(client["id"], json!(transaction.client_id));
    assert_eq!(client["first_name"], "Олена");
    let [order] = &world.orders_of(&lead)[..] else { panic!("one order") };
    assert_eq!(order["client"]["id"], client["id"]);
    assert!(handled.failed.is_empty() && handled.nudges.is_empty(), "{handled:?}");
    assert_eq!(handled.tally.done, 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_announcement_calls_nobody() {
    let mut world = World::new(|_| {}).await;
    let lead = world.lead(&olena());
    world.announce([&lead, &lead]).await;
    let calls = world.remonline.requests().len();
    let graph_calls = world.meta.requests().len();

    world.announce([&lead]).await;

    assert_eq!(world.remonline.requests().len(), calls);
    assert_eq!(world.meta.requests().len(), graph_calls);
    assert_eq!(world.orders_of(&lead).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_person_in_remonline_under_another_spelling_is_updated() {
    let mut world = World::new(|_| {}).await;
    let lead = world.lead(&[
        ("full_name", "Ірина Бондар"),
        ("phone_number", "+380 50 111 22 33"),
        ("email", "iryna@example.com"),
    ]);
    let people = world.remonline.people().len();

    world.announce([&lead]).await;

    let transaction = world.transaction(&lead).await;
    assert_eq!(transaction.client_outcome, Some(ClientOutcome::Updated), "{:#?}", transaction.steps);
    assert_eq!(world.remonline.people().len(), people);
    let [client] = &world.people_with("+380501112233")[..] else { panic!("one client") };
    assert_eq!(client["email"], "iryna@example.com");
    assert_eq!(client["phones"].as_array().unwrap().len(), 1, "the same number is not added again");
}

#[tokio::test(start_paused = true)]
async fn two_leads_of_one_new_person_make_one_client_and_two_orders() {
    let mut world = World::new(|_| {}).await;
    let leads = [world.lead(&olena()), world.lead(&olena())];

    world.announce(&leads).await;

    assert_eq!(world.people_with("+380501119901").len(), 1);
    for lead in &leads {
        assert_eq!(world.transaction(lead).await.state, State::Done);
        assert_eq!(world.orders_of(lead).len(), 1);
    }
    assert_eq!(world.meta.count("POST", "/v26.0"), 1, "one Graph call for both");
}

#[tokio::test(start_paused = true)]
async fn leads_of_a_stopped_bundle_wait() {
    let mut world = World::new(|_| {}).await;
    world.bundle("stopped", &document(), BundleState::Stopped).await;
    let lead = world.lead(&olena());

    world.announce([&lead]).await;

    let waiting = world.transaction_of("stopped", &lead).await;
    assert_eq!((waiting.state, waiting.reason, waiting.due_at), (State::Waiting, Some(Reason::BundleStopped), None));
}

#[tokio::test(start_paused = true)]
async fn a_field_that_comes_out_empty_parks_the_lead_and_sends_nothing() {
    let mut world =
        World::new(|bundle| bundle["client"]["fields"]["first_name"] = json!("{{ answers.nickname }}")).await;
    let lead = world.lead(&olena());

    world.announce([&lead]).await;

    let transaction = world.transaction(&lead).await;
    assert_eq!((transaction.state, transaction.reason), (State::Parked, Some(Reason::Mapping)));
    let step = transaction.steps.last().unwrap();
    assert_eq!(step.step, StepKind::Plan);
    let fault = MappingError::new("/client/fields/first_name", Fault::CameOutEmpty);
    assert_eq!(step.detail, Some(Detail::Faults(vec![fault])));
    assert!(world.remonline.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_parks_every_lead_after_one_call() {
    let mut world = World::new(|_| {}).await;
    let leads =
        [world.lead(&olena()), world.lead(&[("full_name", "Іван Петренко"), ("phone_number", "+380501119902")])];
    world.remonline.revoke_key(simulators::remonline::DEMO_API_KEY);

    world.announce(&leads).await;

    for lead in &leads {
        let transaction = world.transaction(lead).await;
        assert_eq!((transaction.state, transaction.reason), (State::Parked, Some(Reason::KeyRejected)));
        assert_eq!(transaction.blocked_by.unwrap().as_str(), "shop");
    }
    assert_eq!(world.remonline.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_keeps_to_three_calls_a_second() {
    let mut world = World::new(|_| {}).await;
    let leads =
        (10..22).map(|n| world.lead(&[("full_name", "Ім'я Прізвище"), ("phone_number", &format!("+3805011199{n}"))]));
    let leads = leads.collect::<Vec<_>>();

    world.announce(&leads).await;
    for lead in &leads {
        assert_eq!(world.settle(lead, 3).await.state, State::Done);
    }

    assert!(world.remonline.busiest_second() <= 3);
    assert_eq!(world.remonline.orders().len(), leads.len());
}

#[tokio::test(start_paused = true)]
async fn a_closed_order_does_not_count_where_only_open_ones_do() {
    let change = |bundle: &mut serde_json::Value| {
        bundle["order"]["duplicates"] = json!({ "mode": "create_if_missing", "only_open": true });
    };
    let mut world = World::new(change).await;
    let leads = [world.lead(&olena()), world.lead(&olena()), world.lead(&olena())];
    world.announce(&leads[..1]).await;
    let client_id = world.transaction(&leads[0]).await.client_id.unwrap();

    world.announce(&leads[1..2]).await;
    let found = world.transaction(&leads[1]).await;
    assert_eq!((found.order_outcome, world.remonline.orders().len()), (Some(OrderOutcome::Found), 1));

    let order = world.orders_of(&leads[0]).remove(0);
    world.remonline.delete_order(order["id"].as_i64().unwrap());
    let closed = json!({ "branch_id": 15001, "order_type_id": 21001, "client_id": client_id, "status_id": 17 });
    world.remonline.insert_order(closed);
    world.announce(&leads[2..]).await;
    let made = world.transaction(&leads[2]).await;
    assert_eq!(made.order_outcome, Some(OrderOutcome::Created), "{:#?}", made.steps);
}

#[tokio::test(start_paused = true)]
async fn a_test_lead_is_left_out_and_shows_what_would_have_been_sent() {
    let mut world = World::new(|_| {}).await;
    let lead = world.test_lead();

    world.announce([&lead]).await;

    let skipped = world.transaction(&lead).await;
    assert_eq!((skipped.state, skipped.reason), (State::Skipped, Some(Reason::TestLead)));
    let answers = world.store.answers(&skipped.id).await.unwrap().unwrap();
    let steps = skipped.steps.iter().filter(|step| step.outcome == "left_out").collect::<Vec<_>>();
    assert_eq!(steps.iter().map(|step| step.step).collect::<Vec<_>>(), [StepKind::CreateClient, StepKind::CreateOrder]);
    assert!(steps.iter().all(|step| answers.body_of(step).is_some()));
    assert!(world.remonline.requests().is_empty());
}
