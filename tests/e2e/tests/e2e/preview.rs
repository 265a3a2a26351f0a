//! A preview shows what would be sent and sends nothing.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::bundle::bundle;
use crate::person::{FIRST_NAME, Person};
use crate::transaction::{assert_holds, step};
use crate::world::{FORM, World};

/// Everything that RemOnline holds.
fn holdings(world: &World) -> [Vec<Value>; 3] {
    let remonline = &world.remonline;
    [remonline.people(), remonline.organizations(), remonline.orders()]
}

fn answers(person: &Person) -> Value {
    json!({ "answers": {
        "full_name": format!("{} {}", person.first_name, person.last_name), "phone_number": person.phone,
        "email": person.email, "what_is_broken?": "screen", "city": "Київ",
    } })
}

async fn preview(world: &World, sample: &Value) -> Value {
    world.door.post("/api/bundles/repair/preview", sample).await.expect(200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_requests_of_a_new_client_are_shown_and_are_those_sent_later() {
    let world = World::start().await;
    let mut document = bundle("repair", FORM);
    document["order"]["fields"]["status_id"] = 12.into();
    world.add_bundle(&document).await;
    let person = Person::invent();
    let (before, asked) = (holdings(&world), world.remonline.requests().len());
    let preview = preview(&world, &answers(&person)).await;
    assert_eq!(holdings(&world), before);
    let requests = world.remonline.requests();
    assert!(requests[asked..].iter().all(|request| request.method == "GET"), "{:#?}", &requests[asked..]);
    assert_eq!(world.transactions("").await, Vec::<Value>::new());
    assert_holds(
        &preview,
        &json!({
            "client": { "decision": "create", "client_id": null }, "order": { "decision": "create", "order_id": null },
            "errors": [],
        }),
    );

    let lead = world.submit(FORM, person.lead()).await;
    world.done("repair", &lead).await;
    let sent = world.door.get(&format!("/api/transactions/repair/{lead}?reveal=true")).await.expect(200);
    assert_eq!(preview["client"]["requests"], json!([step(&sent, "create_client")["request"]]));
    let [order, status] = &preview["order"]["requests"].as_array().unwrap()[..] else { panic!("{preview:#}") };
    let mut order_sent = step(&sent, "create_order")["request"].clone();
    assert_holds(order, &json!({ "method": "POST", "path": order_sent["path"], "body": { "client_id": null } }));
    order_sent["body"]["client_id"] = Value::Null;
    order_sent["body"]["manager_notes"] = order["body"]["manager_notes"].clone();
    assert_eq!(*order, order_sent);
    assert_holds(status, &json!({ "method": "POST", "body": { "status_id": 12 } }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_update_of_a_known_client_is_shown() {
    let world = World::start().await;
    let mut document = bundle("repair", FORM);
    document["order"]["duplicates"] = json!({ "mode": "create_if_missing", "when_found": "comment" });
    world.add_bundle(&document).await;
    let person = Person::invent();
    let mut card = person.card(&person.national());
    card["first_name"] = "Lena".into();
    let client = world.remonline.insert_person(card);
    let order =
        world.remonline.insert_order(json!({ "client_id": client, "branch_id": 15001, "order_type_id": 21001 }));
    let lead = world.meta.add_lead(FORM, person.lead());
    let before = holdings(&world);
    let preview = preview(&world, &json!({ "leadgen_id": lead })).await;
    assert_eq!(holdings(&world), before);
    assert_eq!(world.remonline.comments(order), Vec::<Value>::new());
    assert_eq!(world.transactions("").await, Vec::<Value>::new());
    assert_holds(
        &preview,
        &json!({
            "client": { "decision": "update", "client_id": client, "requests": [{
                "method": "PATCH", "body": { "first_name": FIRST_NAME, "notes": "Facebook: Ремонт телефону" },
            }] },
            "order": { "decision": "comment", "order_id": order, "requests": [{ "method": "POST" }] },
            "errors": [],
        }),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_named() {
    let world = World::start().await;
    let mut document = bundle("repair", FORM);
    document["client"]["fields"]["first_name"] = "{{ answers.nickname }}".into();
    world.door.post("/api/bundles", &document).await.expect(201);
    let preview = preview(&world, &answers(&Person::invent())).await;
    assert_holds(
        &preview,
        &json!({
            "client": { "decision": "skip", "requests": [] }, "order": { "decision": "none", "requests": [] },
            "errors": [{ "pointer": "/client/fields/first_name" }],
        }),
    );
}
