//! What a bundle does with a client who is known.

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use simulators::remonline::EmailMatch;

use crate::bundle::bundle;
use crate::person::{FIRST_NAME, Person, phones};
use crate::transaction::{assert_holds, step, steps};
use crate::world::{FORM, World, id_of};

/// The bundle `repair` with these rules about known clients.
fn with_duplicates(rules: &Value) -> Value {
    let mut document = bundle("repair", FORM);
    document["client"]["duplicates"] = rules.clone();
    document
}

#[rstest]
#[case::always("create_always", "created")]
#[case::if_missing("create_if_missing", "found")]
#[case::update("update_or_create", "updated")]
#[case::only_update("update_only", "updated")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_mode_treats_known_and_unknown_clients_as_it_says(#[case] mode: &str, #[case] outcome: &str) {
    let world = World::start().await;
    world.add_bundle(&with_duplicates(&json!({ "mode": mode }))).await;
    let person = Person::invent();
    let mut card = person.card(&person.national());
    card["first_name"] = "Lena".into();
    let known = world.remonline.insert_person(card);
    let before = world.remonline.person(known).unwrap();
    let lead = world.submit(FORM, person.lead()).await;
    let transaction = world.done("repair", &lead).await;

    assert_holds(&transaction, &json!({ "client_outcome": outcome, "order_outcome": "created" }));
    let client = transaction["client_id"].as_i64().unwrap();
    assert_eq!(client == known, outcome != "created");
    assert_eq!(world.clients_of(&person).len(), if outcome == "created" { 2 } else { 1 });
    let after = world.remonline.person(known).unwrap();
    if outcome == "updated" {
        assert_eq!(after["first_name"], FIRST_NAME);
    } else {
        assert_eq!(after, before, "the known client is left alone");
    }
    let [order] = &world.orders_of("repair", &lead)[..] else { panic!("one order") };
    assert_eq!(order["client"]["id"], client);
    treats_a_stranger(&world, mode).await;
}

/// Somebody nobody knows becomes a client with an order, or is left out where only known clients are updated.
async fn treats_a_stranger(world: &World, mode: &str) {
    let (clients, orders) = (world.new_clients().len(), world.remonline.orders().len());
    let lead = world.submit(FORM, Person::invent().lead()).await;
    let made = usize::from(mode != "update_only");
    if made == 1 {
        let transaction = world.done("repair", &lead).await;
        assert_holds(&transaction, &json!({ "client_outcome": "created", "order_outcome": "created" }));
    } else {
        let transaction = world.settled("repair", &lead, "skipped", "no_client").await;
        let nothing = json!({ "client_id": null, "client_outcome": null, "order_id": null, "order_outcome": null });
        assert_holds(&transaction, &nothing);
    }
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (clients + made, orders + made));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_match_all_every_key_must_lead_to_the_same_client() {
    let world = World::start().await;
    world.remonline.update_settings(|settings| settings.email_match = EmailMatch::Exact);
    world.add_bundle(&with_duplicates(&json!({ "match": "all" }))).await;
    let (one, other) = (Person::invent(), Person::invent());
    let by_phone = world.remonline.insert_person(one.card(&one.national()));
    let by_email = world.remonline.insert_person(other.card(&other.phone));

    let mixed = Person { email: other.email.clone(), ..one.clone() };
    let lead = world.submit(FORM, mixed.lead()).await;
    let transaction = world.done("repair", &lead).await;
    assert_eq!(transaction["client_outcome"], "created");
    assert!(![by_phone, by_email].contains(&transaction["client_id"].as_i64().unwrap()), "{transaction:#}");

    let lead = world.submit(FORM, other.lead()).await;
    let transaction = world.done("repair", &lead).await;
    assert_eq!(transaction["client_id"], by_email, "{transaction:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phone_wins_over_email_and_the_doubt_is_told() {
    let world = World::with_bundle().await;
    let (one, other) = (Person::invent(), Person::invent());
    let mut clients = Vec::new();
    for person in [&one, &other] {
        let lead = world.submit(FORM, person.lead()).await;
        clients.push(world.done("repair", &lead).await["client_id"].clone());
    }
    let mixed = Person { email: other.email.clone(), ..one };
    let lead = world.submit(FORM, mixed.lead()).await;
    let transaction = world.done("repair", &lead).await;
    assert_eq!(transaction["client_id"], clients[0]);
    assert!(steps(&transaction).contains(&"plan in_doubt".to_owned()), "{transaction:#}");
    let told = step(&transaction, "plan")["explanation"].as_str().unwrap();
    assert!(told.contains(&clients[1].to_string()), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_field_is_updated_by_its_own_rule() {
    let world = World::start().await;
    let mut document = with_duplicates(&json!({ "on_update": {
        "notes": "append", "email": "fill", "first_name": "keep", "address": "fill", "f5001": "append",
    } }));
    document["client"]["fields"]["address"] = "{{ answers.city }}".into();
    document["client"]["fields"]["custom_fields"] = json!({ "f5001": "{{ answers['what_is_broken?'] }}" });
    world.add_bundle(&document).await;
    let person = Person::invent();
    let mut card = person.card(&person.national());
    card["first_name"] = "Lena".into();
    card["last_name"] = "Stara".into();
    card["email"] = "old@example.com".into();
    card["notes"] = "Always in a hurry".into();
    card["custom_fields"] = json!({ "f5001": "Battery", "f5002": "Podil" });
    let known = world.remonline.insert_person(card);

    let expected = json!({
        "first_name": "Lena", "last_name": person.last_name, "email": "old@example.com", "address": "Київ",
        "notes": "Always in a hurry\nFacebook: Ремонт телефону",
        "custom_fields": { "f5001": "Battery\nЕкран", "f5002": "Podil" },
    });
    let lead = world.submit(FORM, person.lead()).await;
    assert_eq!(world.done("repair", &lead).await["client_outcome"], "updated");
    assert_holds(&world.remonline.person(known).unwrap(), &expected);

    let changes = || world.remonline.count("PATCH", "/v2/contacts/people");
    let changed = changes();
    let lead = world.submit(FORM, person.lead()).await;
    assert_eq!(world.done("repair", &lead).await["client_outcome"], "unchanged");
    assert_eq!(changes(), changed, "nothing is sent when nothing would change");
    assert_holds(&world.remonline.person(known).unwrap(), &expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_who_was_deleted_is_made_anew() {
    let world = World::with_bundle().await;
    let person = Person::invent();
    let lead = world.submit(FORM, person.lead()).await;
    let first = world.done("repair", &lead).await["client_id"].as_i64().unwrap();
    world.remonline.delete_person(first);
    let lead = world.submit(FORM, person.lead()).await;
    let transaction = world.done("repair", &lead).await;
    assert_eq!(transaction["client_outcome"], "created");
    let [client] = &world.new_clients()[..] else { panic!("one client: {:#?}", world.new_clients()) };
    assert_ne!(id_of(client), first);
    assert_eq!(phones(client), [person.phone]);
}
