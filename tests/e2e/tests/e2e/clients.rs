//! New clients, known clients and the ways to tell them apart.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use simulators::remonline::{EmailMatch, PhoneMatch};

use crate::bundle::{bundle, marker};
use crate::person::{FIRST_NAME, Person, phones};
use crate::transaction::{assert_holds, step, steps};
use crate::world::{FORM, PAGE, World, id_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_person_becomes_a_client_with_an_order() {
    let world = World::with_bundle().await;
    let person = Person::invent();
    let lead = world.submit(FORM, person.lead()).await;
    let transaction = world.done("repair", &lead).await;

    let [client] = &world.new_clients()[..] else { panic!("one client: {:#?}", world.new_clients()) };
    assert_holds(
        client,
        &json!({
            "first_name": FIRST_NAME, "last_name": person.last_name, "email": person.email,
            "notes": "Facebook: Ремонт телефону",
        }),
    );
    assert_eq!(phones(client), [person.phone.as_str()]);
    let [order] = &world.remonline.orders()[..] else { panic!("one order: {:#?}", world.remonline.orders()) };
    assert_holds(
        order,
        &json!({
            "client": { "id": client["id"] }, "malfunction": "Екран", "branch_id": 15001, "order_type": { "id": 21001 },
        }),
    );
    assert!(order["manager_notes"].as_str().unwrap().ends_with(&marker("repair", &lead)), "{order:#}");

    assert_holds(
        &transaction,
        &json!({
            "bundle_id": "repair", "bundle_version": 1, "leadgen_id": lead, "page_id": PAGE, "form_id": FORM,
            "state": "done", "reason": null, "source": "webhook", "next_at": null,
            "client_id": client["id"], "client_outcome": "created", "order_id": order["id"], "order_outcome": "created",
        }),
    );
    assert_eq!(
        steps(&transaction),
        [
            "fetch_lead ok 200",
            "find_client not_found 200",
            "find_client not_found 200",
            "create_client created 201",
            "create_order created 201"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contact_is_masked_until_it_is_revealed() {
    let world = World::with_bundle().await;
    let person = Person::invent();
    let lead = world.submit(FORM, person.lead()).await;
    let masked = world.done("repair", &lead).await;
    let hidden = |value: &Value| {
        let text = value.to_string();
        [&person.last_name, &person.national(), &person.email].iter().all(|secret| !text.contains(*secret))
    };
    assert!(hidden(&masked), "{masked:#}");
    assert_eq!(masked["contact"]["name"], "O. K.");
    assert_eq!(masked["contact"]["email"], "o***@example.com");
    assert!(hidden(&json!(world.transactions("").await)));

    let revealed = world.door.get(&format!("/api/transactions/repair/{lead}?reveal=true")).await.expect(200);
    let name = format!("{FIRST_NAME} {}", person.last_name);
    assert_eq!(revealed["contact"], json!({ "name": name, "phone": person.phone, "email": person.email }));
    let created = step(&revealed, "create_client");
    assert_holds(
        &created["request"],
        &json!({
            "method": "POST", "path": "/v2/contacts/people", "body": { "last_name": person.last_name },
        }),
    );
    assert!(hidden(&json!(world.sandbox.log_lines())), "no personal data in the logs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_is_known_in_any_spelling() {
    let world = World::with_bundle().await;
    for spelling in ["0501114001", "380501114002", "(050) 111-40-03", "+38 (050) 111 40 04"] {
        let digits = spelling.chars().filter(char::is_ascii_digit).collect::<String>();
        let person = Person { phone: format!("+38{}", digits.trim_start_matches("38")), ..Person::invent() };
        let known = world.remonline.insert_person(json!({
            "first_name": "Lena", "email": "", "phones": [{ "phone": spelling }, { "phone": "+380441110000" }],
        }));
        let lead = world.submit(FORM, person.lead()).await;
        let transaction = world.done("repair", &lead).await;
        let expected = json!({ "client_id": known, "client_outcome": "updated", "order_outcome": "created" });
        assert_holds(&transaction, &expected);
        let client = world.remonline.person(known).unwrap();
        let expected = json!({ "first_name": FIRST_NAME, "last_name": person.last_name, "email": person.email });
        assert_holds(&client, &expected);
        assert_eq!(phones(&client), [spelling, "+380441110000"], "the same number is not added again");
        assert_holds(&world.orders_of("repair", &lead)[0], &json!({ "client": { "id": known } }));
    }
    assert_eq!(world.new_clients().len(), 4, "nobody but those who were known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_known_by_email_gets_the_new_phone_too() {
    let world = World::with_bundle().await;
    world.remonline.update_settings(|settings| settings.email_match = EmailMatch::Exact);
    let person = Person::invent();
    let known = world.remonline.insert_person(person.card("0441110001"));
    let lead = world.submit(FORM, person.lead()).await;
    let transaction = world.done("repair", &lead).await;
    assert_holds(&transaction, &json!({ "client_id": known, "client_outcome": "updated" }));
    assert_eq!(phones(&world.remonline.person(known).unwrap()), ["0441110001", &person.phone]);
    assert_eq!(world.clients_of(&person).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_ours_is_known_by_email_though_remonline_cannot_search_for_it() {
    let world = World::with_bundle().await;
    assert_eq!(world.remonline.settings().email_match, EmailMatch::Ignored);
    let first = Person::invent();
    let lead = world.submit(FORM, first.lead()).await;
    let client = world.done("repair", &lead).await["client_id"].clone();
    let again =
        Person { email: first.email.to_uppercase(), ..Person { last_name: first.last_name, ..Person::invent() } };
    let lead = world.submit(FORM, again.lead()).await;
    let transaction = world.done("repair", &lead).await;
    assert_holds(&transaction, &json!({ "client_id": client, "client_outcome": "updated" }));
    let [client] = &world.new_clients()[..] else { panic!("one client: {:#?}", world.new_clients()) };
    assert_eq!(phones(client), [first.phone, again.phone]);
    assert_eq!(client["email"], first.email);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_remonline_ignores_makes_nobody_a_match() {
    let world = World::empty(|_| ()).await;
    world.remonline.update_settings(|settings| settings.phone_match = PhoneMatch::Ignored);
    world.connect().await;
    world.add_bundle(&bundle("repair", FORM)).await;
    let person = Person::invent();
    let lead = world.submit(FORM, person.lead()).await;
    assert_holds(&world.done("repair", &lead).await, &json!({ "client_outcome": "created" }));
    assert_eq!(world.new_clients().len(), 1);
    assert_eq!(id_of(&world.new_clients()[0]), id_of(&world.clients_of(&person)[0]));
}
