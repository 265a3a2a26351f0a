use domain::{Attempt, Stage};
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{Answers, PersonEntry, PersonWrite};

use super::*;

const LEAD: &str = "900000000000001";
const RESOLVE: &str = "/api/transactions/screens/900000000000001/resolve";
const HASH: &str = "hash-of-olena";

/// A lead in review that holds its person; with the client where that is recorded, and with answers.
async fn in_review(world: &World, client: Option<i64>) -> Transaction {
    let lead = world.lead(LEAD, 0, |_| ()).await;
    let mut after = lead.clone();
    let attempt = Attempt { number: 3, ..Attempt::first(now(), now()) };
    if let Some(client) = client {
        after.set_client(client, domain::ClientOutcome::Created, now()).unwrap();
        after.run(Stage::OrderIntent(attempt), now()).unwrap();
    } else {
        after.run(Stage::ClientIntent(attempt), now()).unwrap();
    }
    after.review(Reason::OutcomeUnknown, now()).unwrap();
    let claim = PersonWrite::Claim { hash: HASH.to_owned() };
    let settle = |client_id| PersonWrite::Settle { hash: HASH.to_owned(), client_id };
    let persons = vec![client.map_or(claim, settle)];
    let saved = world.store.save(Change { persons, ..Change::new(&lead, &after) }).await.unwrap();
    let answers = Answers::of(answers(LEAD, &[("full_name", "Olena Koval")]));
    world.store.save_answers(&saved.id, &answers).await.unwrap();
    world.woken().await;
    saved
}

impl World {
    async fn person(&self) -> Option<PersonEntry> {
        self.store.person(&self.account().await, HASH).await.unwrap()
    }

    fn client(&self) -> i64 {
        self.remonline.insert_person(json!({"first_name": "Olena"}))
    }

    fn order_of(&self, client: i64) -> i64 {
        let order = json!({"branch_id": 15001, "order_type_id": 21001, "client_id": client});
        self.remonline.insert_order(order)
    }
}

fn known(client: i64) -> Option<PersonEntry> {
    Some(PersonEntry { client_id: Some(client), claimed_by: None })
}

#[tokio::test]
async fn a_linked_client_is_settled_and_its_order_comes_next() {
    let world = World::started().await;
    in_review(&world, None).await;
    let client = world.client();
    let shown = world.post(RESOLVE, json!({"decision": "link", "client_id": client})).await.expect(200);
    assert_eq!((&shown["state"], &shown["client_id"]), (&json!("received"), &json!(client)));
    assert_eq!((&shown["client_outcome"], &shown["order_id"]), (&json!("found"), &Value::Null));
    let step = &shown["steps"][0];
    assert_eq!(
        (&step["step"], &step["outcome"], &step["status"]),
        (&json!("find_client"), &json!("linked"), &json!(200))
    );
    assert!(
        step["explanation"].is_string() && step["request"]["path"].as_str().unwrap().ends_with(&client.to_string())
    );
    assert_eq!(world.person().await, known(client));
    assert_eq!(world.woken().await, BTreeSet::from([world.account().await]));
    assert_eq!(world.store.due(&world.account().await, now(), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_linked_order_ends_the_lead() {
    let world = World::started().await;
    let lead = in_review(&world, None).await;
    let client = world.client();
    let order = world.order_of(client);
    let shown = world.post(RESOLVE, json!({"decision": "link", "order_id": order})).await.expect(200);
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("done"), &Value::Null));
    assert_eq!((&shown["client_id"], &shown["order_id"]), (&json!(client), &json!(order)));
    assert_eq!((&shown["client_outcome"], &shown["order_outcome"]), (&json!("found"), &json!("found")));
    assert_eq!(world.person().await, known(client));
    let latest = world.store.latest_order(&lead.account_id, client).await.unwrap().unwrap();
    assert_eq!(latest.order_id, order);
    assert_eq!(world.woken().await, BTreeSet::new());
    let kept = world.store.answers(&lead.id).await.unwrap().unwrap();
    assert_eq!(kept.expires_at, Some(now() + SignedDuration::from_hours(30 * 24)));
    world.post(RESOLVE, json!({"decision": "create"})).await.expect(409);
}

#[tokio::test]
async fn an_order_is_linked_to_the_client_that_is_recorded() {
    let world = World::started().await;
    let client = world.client();
    in_review(&world, Some(client)).await;
    let other = world.client();
    let foreign = world.order_of(other);
    for wrong in [json!({"order_id": foreign}), json!({"client_id": other, "order_id": foreign})] {
        let mut wrong = wrong;
        wrong["decision"] = json!("link");
        assert_eq!(world.post(RESOLVE, wrong).await.blamed(422), ["/order_id"]);
    }
    let only_client = json!({"decision": "link", "client_id": client});
    assert_eq!(world.post(RESOLVE, only_client).await.blamed(422), ["/order_id"]);
    let order = world.order_of(client);
    let both = json!({"decision": "link", "client_id": client, "order_id": order});
    assert_eq!(world.post(RESOLVE, both).await.expect(200)["client_outcome"], "created");
}

#[rstest]
#[case(json!({"decision": "link", "client_id": 1}), &["/client_id"])]
#[case(json!({"decision": "link", "order_id": 1}), &["/order_id"])]
#[case(json!({"decision": "link"}), &["/client_id"])]
#[case(json!({"decision": "create", "client_id": 1}), &["/client_id"])]
#[case(json!({"decision": "dismiss", "order_id": 1}), &["/order_id"])]
#[case(json!({"decision": "guess"}), &["/decision"])]
#[case(json!({"decision": "link", "client_id": "1"}), &["/client_id"])]
#[case(json!({}), &["/decision"])]
#[tokio::test]
async fn what_cannot_be_is_blamed_and_nothing_changes(#[case] body: Value, #[case] pointers: &[&str]) {
    let world = World::started().await;
    let before = in_review(&world, None).await;
    assert_eq!(world.post(RESOLVE, body).await.blamed(422), pointers);
    assert_eq!(world.store.transaction(&before.id).await.unwrap().unwrap(), before);
}

#[tokio::test]
async fn a_persons_word_begins_a_new_series() {
    let world = World::started().await;
    in_review(&world, None).await;
    let shown = world.post(RESOLVE, json!({"decision": "create"})).await.expect(200);
    assert_eq!((&shown["state"], &shown["steps"][0]["outcome"]), (&json!("received"), &json!("cleared")));
    let id = TransactionId { leadgen_id: meta_id(LEAD), bundle_id: slug("screens") };
    let Stage::ClientIntent(attempt) = world.store.transaction(&id).await.unwrap().unwrap().stage else { panic!() };
    assert_eq!((attempt.number, attempt.cleared_at), (0, Some(now())));
    assert_eq!(world.person().await.unwrap().claimed_by, Some(id), "the person stays its own until it is settled");
    assert!(world.woken().await.contains(&world.account().await));
}

#[tokio::test]
async fn a_dismissed_lead_sets_its_person_free() {
    let world = World::started().await;
    let lead = in_review(&world, None).await;
    let shown = world.post(RESOLVE, json!({"decision": "dismiss"})).await.expect(200);
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("skipped"), &json!("dismissed")));
    assert_eq!(world.person().await, None);
    assert!(world.store.answers(&lead.id).await.unwrap().unwrap().expires_at.is_some());
}

#[tokio::test]
async fn a_lead_whose_bundle_is_gone_is_dismissed_or_linked_only() {
    let world = World::started().await;
    in_review(&world, None).await;
    let client = world.client();
    world.call("DELETE", "/api/bundles/screens", &[], Value::Null).await.expect(204);
    world.post(RESOLVE, json!({"decision": "create"})).await.expect(409);
    world.post(RESOLVE, json!({"decision": "link", "client_id": client})).await.expect(409);
    world.post(RESOLVE, json!({"decision": "link", "order_id": world.order_of(client)})).await.expect(200);
}

#[tokio::test]
async fn only_a_lead_in_review_is_resolved() {
    let world = World::started().await;
    world.lead(LEAD, 0, |lead| lead.park(Reason::Rejected, None, now()).unwrap()).await;
    for decision in ["create", "dismiss", "link"] {
        world.post(RESOLVE, json!({"decision": decision})).await.expect(409);
    }
    world.post("/api/transactions/screens/1/resolve", json!({"decision": "create"})).await.expect(404);
}
