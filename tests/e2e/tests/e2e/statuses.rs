//! What each answer of RemOnline means for a lead and for its reader.

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use simulators::{Effect, Fault};

use crate::bundle::bundle;
use crate::person::Person;
use crate::transaction::{assert_holds, step};
use crate::world::{FORM, World};

/// The last step of this kind as readers of each language see it: Ukrainian, Russian, English.
async fn explained(world: &World, lead: &str, kind: &str) -> [Value; 3] {
    let mut steps = [Value::Null, Value::Null, Value::Null];
    for (seen, language) in steps.iter_mut().zip(["uk-UA,uk;q=0.9", "ru", "en"]) {
        let path = format!("/api/transactions/repair/{lead}");
        let transaction = world.door.send("GET", &path, &[("accept-language", language)], "").await.expect(200);
        *seen = step(&transaction, kind).clone();
    }
    steps
}

fn is_cyrillic(text: &str) -> bool {
    text.chars().any(|letter| ('а'..='я').contains(&letter))
}

#[rstest]
#[case(400, "parked", "rejected", "active", "incorrect or incomplete")]
#[case(401, "parked", "key_rejected", "key_rejected", "API key")]
#[case(403, "parked", "forbidden", "forbidden", "no right")]
#[case(404, "parked", "rejected", "active", "does not have")]
#[case(405, "parked", "forbidden", "forbidden", "no access")]
#[case(422, "parked", "rejected", "active", "refused its values")]
#[case(429, "waiting", "throttled", "active", "3 requests a second")]
#[case(500, "waiting", "outcome_unknown", "active", "failed inside")]
#[case(502, "waiting", "outcome_unknown", "active", "gateway")]
#[case(503, "waiting", "outcome_unknown", "active", "not available")]
#[case(504, "waiting", "outcome_unknown", "active", "too long")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_shown_with_its_meaning_and_the_lead_goes_on_in_the_end(
    #[case] status: u16,
    #[case] state: &str,
    #[case] reason: &str,
    #[case] connection: &str,
    #[case] meaning: &str,
) {
    let world = World::with_short_waits().await;
    world.remonline.inject(Fault::always(Effect::status(status)).exactly("POST", "/v2/orders"));
    let lead = world.submit(FORM, Person::invent().lead()).await;
    let transaction = world.settled("repair", &lead, state, reason).await;
    assert_holds(&transaction, &json!({ "client_outcome": "created", "order_id": null, "order_outcome": null }));
    assert_eq!(transaction["next_at"].is_string(), state == "waiting");
    assert_eq!(world.connection("shop").await["state"], connection);

    let [ukrainian, russian, english] = explained(&world, &lead, "create_order").await;
    assert_holds(&english, &json!({ "status": status, "request": { "method": "POST", "path": "/v2/orders" } }));
    assert!(english["explanation"].as_str().unwrap().contains(meaning), "{english:#}");
    for told in ["explanation", "fix"] {
        let [ukrainian, russian, english] = [&ukrainian, &russian, &english].map(|step| step[told].as_str().unwrap());
        assert!(is_cyrillic(ukrainian) && is_cyrillic(russian) && !is_cyrillic(english) && !english.is_empty());
        assert_ne!(ukrainian, russian);
    }

    world.remonline.clear_faults();
    match (state, connection) {
        ("waiting", _) => {}
        (_, "active") => {
            let path = format!("/api/transactions/repair/{lead}/retry");
            world.door.post(&path, &json!({})).await.expect(202);
        }
        _ => assert_holds(
            &world.door.post("/api/connections/shop/resume", &Value::Null).await.expect(200),
            &json!({ "state": "active" }),
        ),
    }
    assert_holds(
        &world.done("repair", &lead).await,
        &json!({ "client_outcome": "created", "order_outcome": "created" }),
    );
    assert_eq!((world.new_clients().len(), world.orders_of("repair", &lead).len()), (1, 1));
    assert_eq!(world.requests("POST", "/v2/contacts/people"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_field_is_named_and_the_mended_bundle_goes_on() {
    let world = World::with_short_waits().await;
    world.remonline.update_settings(|settings| settings.required_custom_fields = ["f6001".to_owned()].into());
    let lead = world.submit(FORM, Person::invent().lead()).await;
    world.settled("repair", &lead, "parked", "rejected").await;
    for step in explained(&world, &lead, "create_order").await {
        assert!(step["explanation"].as_str().unwrap().contains("f6001"), "{step:#}");
    }
    let mut mended = bundle("repair", FORM);
    mended["order"]["fields"]["custom_fields"] = json!({ "f6001": "{{ lead.id }}" });
    let put = world.door.send_json("PUT", "/api/bundles/repair", &[("if-match", "\"1\"")], &mended).await;
    assert_eq!(put.expect(200)["version"], 2);
    world.door.post(&format!("/api/transactions/repair/{lead}/retry"), &json!({})).await.expect(202);
    assert_eq!(world.done("repair", &lead).await["bundle_version"], 2);
    assert_holds(&world.orders_of("repair", &lead)[0], &json!({ "custom_fields": { "f6001": lead } }));
    assert_eq!(world.new_clients().len(), 1);
}

#[rstest]
#[case::find("GET", "/v2/contacts/people", "find_client")]
#[case::status("POST", "/v2/orders/41000001/status", "set_status")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_may_be_repeated_waits_for_remonline(#[case] method: &str, #[case] path: &str, #[case] kind: &str) {
    let world = World::start().await;
    let mut document = bundle("repair", FORM);
    document["order"]["fields"]["status_id"] = 12.into();
    world.add_bundle(&document).await;
    world.remonline.inject(Fault::always(Effect::status(503)).exactly(method, path));
    let lead = world.submit(FORM, Person::invent().lead()).await;
    let transaction = world.settled("repair", &lead, "waiting", "remonline_unavailable").await;
    assert_eq!(step(&transaction, kind)["status"], 503);
    world.remonline.clear_faults();
    world.done("repair", &lead).await;
    let [order] = &world.orders_of("repair", &lead)[..] else { panic!("one order") };
    assert_eq!(order["status"]["id"], 12);
    assert_eq!(world.new_clients().len(), 1);
}
