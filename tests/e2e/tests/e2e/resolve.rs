//! Leads of which it is unclear what RemOnline has, decided on by a person.

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use simulators::{Effect, Fault};

use crate::person::Person;
use crate::transaction::assert_holds;
use crate::world::{FORM, World, id_of};

const CLIENTS: &str = "/v2/contacts/people";
const ORDERS: &str = "/v2/orders";

impl World {
    /// A lead of the person none of whose three attempts could be settled; RemOnline is well again then.
    async fn unclear(&self, person: &Person, path: &str) -> String {
        self.remonline.inject(Fault::always(Effect::status(500)).exactly("POST", path));
        let lead = self.submit(FORM, person.lead()).await;
        self.settled("repair", &lead, "review", "outcome_unknown").await;
        self.remonline.clear_faults();
        lead
    }

    async fn resolve(&self, lead: &str, decision: &Value) -> Value {
        self.door.post(&format!("/api/transactions/repair/{lead}/resolve"), decision).await.expect(200)
    }

    fn client_of(&self, person: &Person) -> i64 {
        self.remonline.insert_person(json!({ "first_name": "Made", "last_name": "By hand", "notes": person.email }))
    }

    fn order_of(&self, client: i64) -> i64 {
        self.remonline.insert_order(json!({ "branch_id": 15001, "order_type_id": 21001, "client_id": client }))
    }
}

#[rstest]
#[case::client(CLIENTS)]
#[case::order(ORDERS)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_remonline_does_not_have_is_created_at_a_persons_word(#[case] path: &str) {
    let world = World::with_short_waits().await;
    let lead = world.unclear(&Person::invent(), path).await;
    assert_eq!(world.requests("POST", path), 3);
    world.resolve(&lead, &json!({ "decision": "create" })).await;
    let transaction = world.done("repair", &lead).await;
    assert_holds(&transaction, &json!({ "client_outcome": "created", "order_outcome": "created" }));
    assert_eq!((world.new_clients().len(), world.orders_of("repair", &lead).len()), (1, 1));
    let path = format!("/api/transactions/repair/{lead}/resolve");
    world.door.post(&path, &json!({ "decision": "create" })).await.expect(409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_made_by_hand_is_linked_and_gets_the_order() {
    let world = World::with_short_waits().await;
    let person = Person::invent();
    let lead = world.unclear(&person, CLIENTS).await;
    let client = world.client_of(&person);
    world.resolve(&lead, &json!({ "decision": "link", "client_id": client })).await;
    let transaction = world.done("repair", &lead).await;
    assert_holds(&transaction, &json!({ "client_id": client, "client_outcome": "found", "order_outcome": "created" }));
    assert_eq!(world.orders_of("repair", &lead)[0]["client"]["id"], client);

    let second = world.submit(FORM, person.lead()).await;
    assert_holds(&world.done("repair", &second).await, &json!({ "client_id": client, "client_outcome": "updated" }));
    assert_eq!(world.new_clients().len(), 1, "the next lead of the person finds the linked client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_made_by_hand_is_linked_and_no_other_is_made() {
    let world = World::with_short_waits().await;
    let lead = world.unclear(&Person::invent(), ORDERS).await;
    let client = world.transaction("repair", &lead).await["client_id"].as_i64().unwrap();
    let order = world.order_of(client);
    let done = world.resolve(&lead, &json!({ "decision": "link", "order_id": order })).await;
    assert_holds(&done, &json!({ "state": "done", "client_id": client, "order_id": order, "order_outcome": "found" }));
    assert_eq!((world.remonline.orders().len(), world.requests("POST", ORDERS)), (1, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_leads_of_a_person_go_on_when_the_unclear_one_is_dismissed() {
    let world = World::with_short_waits().await;
    let person = Person::invent();
    let lead = world.unclear(&person, CLIENTS).await;
    let second = world.submit(FORM, person.lead()).await;
    world.settled("repair", &second, "waiting", "outcome_unknown").await;
    let dismissed = world.resolve(&lead, &json!({ "decision": "dismiss" })).await;
    assert_holds(&dismissed, &json!({ "state": "skipped", "reason": "dismissed", "order_id": null }));
    world.done("repair", &second).await;
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (1, 1));
    assert_eq!(world.orders_of("repair", &lead).len(), 0);
}

#[rstest]
#[case::create("create")]
#[case::link("link")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspected_double_is_linked_or_not(#[case] decision: &str) {
    let world = World::with_short_waits().await;
    world.remonline.inject(Fault::once(Effect::status(500)).exactly("POST", ORDERS));
    let lead = world.submit(FORM, Person::invent().lead()).await;
    world.settled("repair", &lead, "waiting", "outcome_unknown").await;
    let client = id_of(&world.new_clients()[0]);
    let suspect = world.order_of(client);
    world.settled("repair", &lead, "review", "suspected_double").await;

    let link = decision == "link";
    let body = if link { json!({ "decision": "link", "order_id": suspect }) } else { json!({ "decision": "create" }) };
    world.resolve(&lead, &body).await;
    let done = world.done("repair", &lead).await;
    assert_eq!(done["order_id"] == suspect, link, "{done:#}");
    assert_eq!(world.remonline.orders().len(), if link { 1 } else { 2 });
    assert_eq!(world.orders_of("repair", &lead).len(), usize::from(!link));
}
