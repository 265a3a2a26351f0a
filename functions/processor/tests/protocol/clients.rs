//! Clients that vanished from RemOnline, and people who are two clients there.

use domain::{ClientOutcome, Detail, MatchDoubt, MatchKey, MetaId, Reason, State, StepKind, Transaction};
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use simulators::{Effect, Fault};

use crate::world::{World, person};

const PEOPLE: &str = "/v2/contacts/people";
const ORDERS: &str = "/v2/orders";

async fn told(world: &mut World, answers: &[(&str, &str)]) -> Transaction {
    let lead = world.lead(answers);
    world.announce([&lead]).await;
    let transaction = world.transaction(&lead).await;
    assert_eq!(transaction.state, State::Done, "{transaction:#?}");
    transaction
}

fn outcomes(transaction: &Transaction, kind: StepKind) -> Vec<&str> {
    transaction.steps.iter().filter(|step| step.step == kind).map(|step| step.outcome.as_str()).collect()
}

/// What the history says of other clients that may be this person.
fn doubts(transaction: &Transaction) -> Vec<&MatchDoubt> {
    let doubts = transaction.steps.iter().filter(|step| step.outcome == "in_doubt");
    let doubts = doubts.filter_map(|step| step.detail.as_ref());
    doubts.filter_map(|detail| if let Detail::Doubt(doubt) = detail { Some(doubt) } else { None }).collect()
}

/// The answers of somebody with only one of the keys.
fn only(key: &str, number: u32) -> Vec<(&'static str, String)> {
    let (name, somebody) = (("full_name", "Ім'я Прізвище".to_owned()), person(number));
    match key {
        "phone" => vec![name, ("phone_number", somebody.phone)],
        _ => vec![name, ("email", somebody.email)],
    }
}

async fn told_only(world: &mut World, key: &str, number: u32) -> Transaction {
    let answers = only(key, number);
    told(world, &answers.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>()).await
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_client_that_was_deleted_is_made_again_and_known_by_both_keys(#[values("phone", "email")] key: &str) {
    let mut world = World::new(|_| {}).await;
    let first = told(&mut world, &person(0).answers()).await;
    world.remonline.delete_person(first.client_id.unwrap());

    let again = told(&mut world, &person(0).answers()).await;
    assert_eq!(again.client_outcome, Some(ClientOutcome::Created), "{:#?}", again.steps);
    assert_eq!(doubts(&again), Vec::<&MatchDoubt>::new());
    assert_eq!(world.people_with(&person(0).phone).len(), 1);

    let creates = world.remonline.count("POST", PEOPLE);
    assert_eq!(told_only(&mut world, key, 0).await.client_id, again.client_id);
    assert_eq!(world.remonline.count("POST", PEOPLE), creates);
}

/// RemOnline merges two cards: one of the ids is gone, and the other card has the keys of both.
#[rstest]
#[tokio::test(start_paused = true)]
async fn a_client_that_was_merged_is_found_by_search(#[values("phone", "email")] key: &str) {
    let mut world = World::new(|_| {}).await;
    let first = told(&mut world, &person(0).answers()).await;
    let gone = first.client_id.unwrap();
    world.remonline.delete_person(gone);
    let somebody = person(0);
    let heir = world.remonline.insert_person(json!({
        "first_name": "Ім'я", "email": somebody.email, "phones": [{ "title": "", "phone": somebody.phone }],
    }));

    let found = told_only(&mut world, key, 0).await;
    assert_eq!(found.client_id, Some(heir), "{:#?}", found.steps);
    let again = told(&mut world, &somebody.answers()).await;
    assert_eq!((again.client_id, doubts(&again)), (Some(heir), vec![]));
    let asked_for_gone = |path: &str| world.remonline.requests().iter().filter(|seen| seen.path == path).count();
    let path = format!("{PEOPLE}/{gone}");
    assert_eq!(asked_for_gone(&path), 2, "once for each key that leads nowhere");
}

/// A lead with its client recorded, parked because RemOnline refuses its order.
async fn parked_before_its_order(world: &mut World) -> (MetaId, i64) {
    let lead = world.lead(&person(0).answers());
    world.remonline.inject(Fault::once(Effect::status(422)).exactly("POST", ORDERS));
    world.announce([&lead]).await;
    let parked = world.transaction(&lead).await;
    assert_eq!((parked.state, parked.reason), (State::Parked, Some(Reason::Rejected)), "{parked:#?}");
    (lead, parked.client_id.unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_refused_for_its_own_sake_costs_no_look_at_a_fresh_client() {
    let mut world = World::new(|_| {}).await;
    let (lead, client_id) = parked_before_its_order(&mut world).await;
    let client = format!("{PEOPLE}/{client_id}");
    assert_eq!(world.remonline.count("GET", &client), 0);

    world.remonline.inject(Fault::once(Effect::status(422)).exactly("POST", ORDERS));
    world.retry(&lead).await;

    let parked = world.transaction(&lead).await;
    assert_eq!((parked.reason, parked.client_id), (Some(Reason::Rejected), Some(client_id)));
    assert_eq!(world.remonline.count("GET", &client), 1, "it may have vanished meanwhile, so it is looked at once");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_vanished_before_its_order_is_looked_for_again() {
    let mut world = World::new(|_| {}).await;
    let (lead, gone) = parked_before_its_order(&mut world).await;
    world.remonline.delete_person(gone);

    world.retry(&lead).await;

    let done = world.transaction(&lead).await;
    assert_eq!(done.state, State::Done, "{done:#?}");
    assert_ne!(done.client_id, Some(gone));
    assert_eq!(world.orders_of(&lead).len(), 1);
    assert_eq!(world.people_with(&person(0).phone).len(), 1);
    assert!(outcomes(&done, StepKind::FindClient).contains(&"gone"), "{:#?}", done.steps);
    let other = told(&mut world, &person(0).answers()).await;
    assert_eq!(other.client_id, done.client_id, "the index leads to the new client");
}

/// An order that was made for the client before it was merged is found with the client it was merged into.
#[tokio::test(start_paused = true)]
async fn an_order_that_moved_with_its_merged_client_is_not_made_twice() {
    let mut world = World::new(|_| {}).await;
    let (lead, gone) = parked_before_its_order(&mut world).await;
    world.remonline.delete_person(gone);
    let somebody = person(0);
    let heir = world.remonline.insert_person(json!({
        "first_name": "Ім'я", "email": somebody.email, "phones": [{ "title": "", "phone": somebody.phone }],
    }));
    let notes = domain::marker(&lead, &crate::world::slug(crate::world::BUNDLE));
    let moved = world.remonline.insert_order(json!({
        "branch_id": 15001, "order_type_id": 21001, "client_id": heir, "manager_notes": notes,
    }));

    world.retry(&lead).await;

    let done = world.transaction(&lead).await;
    assert_eq!((done.state, done.client_id, done.order_id), (State::Done, Some(heir), Some(moved)), "{done:#?}");
    assert_eq!(world.orders_of(&lead).len(), 1);
}

/// RemOnline that shows no client by id does not send a lead round in circles.
#[tokio::test(start_paused = true)]
async fn a_client_is_looked_for_again_only_once() {
    let mut world = World::new(|_| {}).await;
    let (lead, client_id) = parked_before_its_order(&mut world).await;
    world.remonline.inject(Fault::always(Effect::status(404)).on("GET", &format!("{PEOPLE}/")));
    world.remonline.inject(Fault::always(Effect::status(422)).exactly("POST", ORDERS));

    world.retry(&lead).await;

    let parked = world.transaction(&lead).await;
    assert_eq!((parked.state, parked.reason), (State::Parked, Some(Reason::Rejected)), "{parked:#?}");
    assert_eq!(parked.client_id, Some(client_id), "the search finds it");
    assert_eq!(world.people_with(&person(0).phone).len(), 1);
}

/// The process dies at any point of the way back.
#[rstest]
#[tokio::test(start_paused = true)]
async fn a_death_on_the_way_back_is_made_up_for(#[values(100, 500, 900, 1_300, 1_700, 2_100)] millis: u64) {
    let mut world = World::new(|_| {}).await;
    let (lead, gone) = parked_before_its_order(&mut world).await;
    world.remonline.delete_person(gone);

    let ended = tokio::time::timeout(std::time::Duration::from_millis(millis), world.retry(&lead)).await;
    drop(ended);
    let done = world.settle(&lead, 30).await;

    assert_eq!(done.state, State::Done, "{done:#?}");
    assert_eq!((world.orders_of(&lead).len(), world.people_with(&person(0).phone).len()), (1, 1));
}

/// The phone leads to one client and the e-mail to another, whom only RemOnline knows, or the dedup index too.
#[rstest]
#[tokio::test(start_paused = true)]
async fn of_two_clients_the_phone_wins_and_the_history_says_so(
    #[values("create_if_missing", "update_or_create", "update_only")] mode: &str,
    #[values(false, true)] known: bool,
) {
    let mut world = World::new(|bundle| bundle["client"]["duplicates"] = json!({ "mode": mode })).await;
    let somebody = person(0);
    let by_phone = world.remonline.insert_person(json!({ "first_name": "A", "phones": [{ "phone": somebody.phone }] }));
    let by_email = world.remonline.insert_person(json!({ "first_name": "B", "email": somebody.email }));
    if known {
        assert_eq!(told_only(&mut world, "email", 0).await.client_id, Some(by_email));
        assert_eq!(told_only(&mut world, "phone", 0).await.client_id, Some(by_phone));
    }

    let first = told(&mut world, &somebody.answers()).await;

    let doubt = MatchDoubt::Disagreement { chosen: by_phone, key: MatchKey::Email, ids: vec![by_email] };
    assert_eq!((first.client_id, doubts(&first)), (Some(by_phone), vec![&doubt]));
    let cards = [by_phone, by_email].map(|id| world.remonline.person(id).unwrap());
    assert_eq!(cards[1]["phones"].as_array().map(Vec::len), Some(0), "nothing is merged");
    assert_eq!(world.remonline.people().len(), 5);
    if mode == "create_if_missing" {
        assert_eq!(cards[0]["email"], Value::from(""));
    }
    let searches = world.remonline.count("GET", PEOPLE);
    let again = told(&mut world, &somebody.answers()).await;
    assert_eq!((again.client_id, doubts(&again)), (Some(by_phone), vec![&doubt]), "{again:#?}");
    assert_eq!(
        world.remonline.count("GET", PEOPLE),
        searches + 2,
        "from now on the dedup index says so: both are looked at"
    );
    assert_eq!(told_only(&mut world, "email", 0).await.client_id, Some(by_email));
}

/// The doubt is told once, however often the rest fails.
#[tokio::test(start_paused = true)]
async fn a_doubt_is_told_once() {
    let mut world = World::new(|_| {}).await;
    let somebody = person(0);
    world.remonline.insert_person(json!({ "first_name": "A", "phones": [{ "phone": somebody.phone }] }));
    world.remonline.insert_person(json!({ "first_name": "B", "email": somebody.email }));
    world.remonline.inject(Fault::times(2, Effect::status(503)).on("PATCH", PEOPLE));
    let lead = world.lead(&somebody.answers());
    world.announce([&lead]).await;

    let settled = world.settle(&lead, 10).await;

    assert_eq!((settled.state, doubts(&settled).len()), (State::Done, 1), "{settled:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_card_that_has_both_keys_is_searched_for_once() {
    let mut world = World::new(|_| {}).await;
    let somebody = person(0);
    world.remonline.insert_person(json!({
        "first_name": "A", "email": somebody.email, "phones": [{ "phone": somebody.phone }],
    }));
    told(&mut world, &somebody.answers()).await;
    assert_eq!(world.remonline.count("GET", PEOPLE), 1);
}
