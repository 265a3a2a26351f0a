use pretty_assertions::assert_eq;
use rstest::rstest;
use simulators::meta::NewLead;

use super::*;

const PREVIEW: &str = "/api/bundles/screens/preview";

fn olena() -> Value {
    json!({"answers": {"full_name": "Olena Koval", "phone_number": "067 000 11 22", "email": "olena@example.com"}})
}

/// Changes a place of the bundle.
async fn with(world: &World, place: &str, value: Value) {
    let mut bundle = world.get("/api/bundles/screens").await.expect(200);
    let tag = format!("\"{}\"", bundle["version"]);
    let (parent, key) = place.rsplit_once('/').unwrap();
    bundle.pointer_mut(parent).unwrap()[key] = value;
    world.call("PUT", "/api/bundles/screens", &[("if-match", &tag)], bundle).await.expect(200);
}

#[tokio::test]
async fn a_new_person_gets_a_client_and_an_order() {
    let world = World::started().await;
    let before = (world.remonline.people(), world.remonline.orders());
    let preview = world.post(PREVIEW, olena()).await.expect(200);
    let expected = json!({
        "client": {"decision": "create", "client_id": null, "requests": [{"method": "POST", "path": "/v2/contacts/people",
            "body": {"first_name": "Olena", "last_name": "Koval", "email": "olena@example.com", "ad_campaign_id": 777,
                "phones": [{"title": "", "phone": "+380670001122"}]}}]},
        "order": {"decision": "create", "order_id": null, "requests": [{"method": "POST", "path": "/v2/orders",
            "body": {"branch_id": 15001, "order_type_id": 21001, "manager_id": 9001, "client_id": null,
                "manager_notes": "[fb:0:screens]"}}]},
        "errors": [],
    });
    assert_eq!(preview, expected);
    assert_eq!((world.remonline.people(), world.remonline.orders()), before);
    assert_eq!(world.remonline.count("POST", ""), 0);
    assert_eq!(world.get("/api/transactions").await.expect(200)["items"], json!([]));
    let hash = world.hasher.phone("+380670001122");
    assert_eq!(world.store.person(&world.account().await, &hash).await.unwrap(), None);
}

#[tokio::test]
async fn a_known_person_is_updated_and_the_order_found() {
    let world = World::started().await;
    let client = json!({"first_name": "Olena", "phones": [{"phone": "0670001122"}], "email": "olena@example.com",
        "ad_campaign_id": 777});
    let client_id = world.remonline.insert_person(client);
    let order = json!({"branch_id": 15001, "order_type_id": 21001, "client_id": client_id});
    let order_id = world.remonline.insert_order(order);
    let preview = world.post(PREVIEW, olena()).await.expect(200);
    let expected = json!([{"method": "PATCH", "path": format!("/v2/contacts/people/{client_id}"), "body": {"last_name": "Koval"}}]);
    assert_eq!(preview["client"], json!({"decision": "update", "client_id": client_id, "requests": expected}));
    assert_eq!(preview["order"], json!({"decision": "found", "order_id": order_id, "requests": []}));

    with(&world, "/order/duplicates/when_found", json!("comment")).await;
    let order = &world.post(PREVIEW, olena()).await.expect(200)["order"];
    assert_eq!((&order["decision"], &order["order_id"]), (&json!("comment"), &json!(order_id)));
    assert_eq!(order["requests"][0]["path"], format!("/v2/orders/{order_id}/comments"));

    with(&world, "/client/duplicates/mode", json!("create_if_missing")).await;
    let client = &world.post(PREVIEW, olena()).await.expect(200)["client"];
    assert_eq!(client, &json!({"decision": "unchanged", "client_id": client_id, "requests": []}));
}

/// A search would lead nowhere: the card has the phone number alone by now.
#[tokio::test]
async fn where_both_keys_must_agree_the_client_known_by_both_counts() {
    let world = World::started().await;
    let client_id = world.remonline.insert_person(json!({"first_name": "Olena", "phones": [{"phone": "0670001122"}]}));
    let lead = world.lead("900000000000001", 0, |_| ()).await;
    let hash = world.hasher.both("+380670001122", "olena@example.com");
    let persons = vec![store::PersonWrite::Settle { hash, client_id }];
    world.store.save(Change { persons, ..Change::new(&lead, &lead) }).await.unwrap();
    let client = world.post(PREVIEW, olena()).await.expect(200)["client"].clone();
    assert_eq!(client["decision"], "update", "one key is enough");

    with(&world, "/client/duplicates/match", json!("all")).await;
    let client = world.post(PREVIEW, olena()).await.expect(200)["client"].clone();
    assert_eq!((&client["decision"], &client["client_id"]), (&json!("update"), &json!(client_id)));
}

#[tokio::test]
async fn a_closed_order_does_not_count_where_only_open_ones_do() {
    let world = World::started().await;
    let client_id = world.remonline.insert_person(json!({"first_name": "Olena", "phones": [{"phone": "0670001122"}]}));
    let closed = json!({"branch_id": 15001, "order_type_id": 21001, "client_id": client_id,
        "status_id": 17});
    world.remonline.insert_order(closed);
    with(&world, "/order/duplicates/only_open", json!(true)).await;
    assert_eq!(world.post(PREVIEW, olena()).await.expect(200)["order"]["decision"], "create");
}

#[tokio::test]
async fn another_first_status_is_set_afterwards() {
    let world = World::started().await;
    with(&world, "/order/fields/status_id", json!(12)).await;
    let order = &world.post(PREVIEW, olena()).await.expect(200)["order"];
    let expected = json!({"method": "POST", "path": "/v2/orders/{id}/status", "body": {"status_id": 12}});
    assert_eq!(order["requests"][1], expected);
    with(&world, "/order/fields/status_id", json!(11)).await;
    let order = &world.post(PREVIEW, olena()).await.expect(200)["order"];
    assert_eq!(order["requests"].as_array().unwrap().len(), 1, "the account's first status needs no call");
}

#[rstest]
#[case("/filter", json!("answers.city == 'Lviv'"))]
#[case("/client/duplicates/mode", json!("update_only"))]
#[tokio::test]
async fn a_lead_that_is_left_out_is_skipped(#[case] place: &str, #[case] value: Value) {
    let world = World::started().await;
    with(&world, "/client/duplicates", json!({})).await;
    with(&world, place, value).await;
    let preview = world.post(PREVIEW, olena()).await.expect(200);
    assert_eq!((&preview["client"]["decision"], &preview["order"]["decision"]), (&json!("skip"), &json!("none")));
    assert_eq!(preview["errors"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_filled_is_named() {
    let world = World::started().await;
    let preview = world.post(PREVIEW, json!({"answers": {"email": "olena@example.com"}})).await.expect(200);
    assert_eq!(preview["errors"][0]["pointer"], "/client/fields/first_name");
    assert_eq!(preview["client"]["requests"], json!([]));
}

#[tokio::test]
async fn a_lead_of_meta_is_previewed() {
    let world = World::started().await;
    let lead = NewLead::new([("full_name", "Olena Koval"), ("phone_number", "+380670001122")]).id("900000000000077");
    world.meta.add_lead(DEMO_FORM, lead);
    let preview = world.post(PREVIEW, json!({"leadgen_id": "900000000000077"})).await.expect(200);
    let body = &preview["client"]["requests"][0]["body"];
    assert_eq!(body["first_name"], "Olena");
    assert_eq!(preview["order"]["requests"][0]["body"]["manager_notes"], "[fb:900000000000077:screens]");
    assert_eq!(world.post(PREVIEW, json!({"leadgen_id": "1"})).await.blamed(422), ["/leadgen_id"]);
}

#[rstest]
#[case(json!({}))]
#[case(json!({"answers": {}, "leadgen_id": "1"}))]
#[case(json!({"answers": {"full_name": 5}}))]
#[case(json!({"leadgen_id": 1}))]
#[tokio::test]
async fn a_preview_needs_one_lead(#[case] body: Value) {
    let world = World::started().await;
    world.post(PREVIEW, body).await.expect(422);
}
