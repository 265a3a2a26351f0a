//! What the API says to a caller who is wrong.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use simulators::remonline::{Area, DEMO_API_KEY};

use crate::bundle::bundle;
use crate::door::Answer;
use crate::transaction::assert_holds;
use crate::world::{FORM, PAGE, World};

/// The body of a problem with this status, and the pointers it blames.
#[track_caller]
fn problem(answer: &Answer, status: u16) -> Vec<String> {
    let body = answer.expect(status);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(body["status"], status);
    for text in ["type", "title", "detail"] {
        assert!(body[text].as_str().is_some_and(|text| !text.is_empty()), "{text}: {body:#}");
    }
    let errors = body["errors"].as_array().into_iter().flatten();
    errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_names_what_was_refused() {
    let world = World::empty(|_| ()).await;
    let connect = async |body: Value| world.door.post("/api/connections", &body).await;
    let shop = json!({ "kind": "remonline", "title": "Shop", "api_key": "no-such-key" });
    assert_eq!(problem(&connect(shop).await, 422), ["/api_key"]);
    world.remonline.remove_permission(DEMO_API_KEY, Area::Orders);
    let shop = json!({ "kind": "remonline", "title": "Shop", "api_key": DEMO_API_KEY });
    let refused = connect(shop).await;
    assert_eq!(problem(&refused, 422), ["/api_key"]);
    assert!(refused.json()["detail"].as_str().unwrap().contains("orders"), "{}", refused.json());
    let page = json!({ "kind": "facebook", "title": "Page", "page_id": PAGE, "page_token": "no-such-token" });
    assert_eq!(problem(&connect(page).await, 422), ["/page_token"]);
    assert_eq!(world.door.get("/api/connections").await.expect(200), json!({ "items": [], "next_cursor": null }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_the_right_permission_is_refused() {
    let world = World::empty(|_| ()).await;
    let token = world.meta.new_token(PAGE);
    world.meta.remove_permission(PAGE, "leads_retrieval");
    let page = json!({ "kind": "facebook", "title": "Page", "page_id": PAGE, "page_token": token });
    assert_eq!(problem(&world.door.post("/api/connections", &page).await, 422), ["/page_token"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_field_of_a_bundle_is_pointed_at() {
    let world = World::start().await;
    let wrong = [
        ("/title", json!("")),
        ("/colour", json!("red")),
        ("/client/connection", json!("nowhere")),
        ("/client/fields/first_name", json!("{{ contact.first_name ")),
        ("/client/fields/notes", json!("{{ contact.age }}")),
        ("/client/duplicates/mode", json!("merge")),
        ("/order/fields/branch_id", json!([1])),
    ];
    for (pointer, value) in wrong {
        let mut document = bundle("repair", FORM);
        document["client"]["duplicates"] = json!({});
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[field] = value;
        let refused = world.door.post("/api/bundles", &document).await;
        assert_eq!(problem(&refused, 422), [pointer], "{}", refused.json());
    }
    problem(&world.door.get("/api/bundles/repair").await, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_is_started_only_if_what_it_names_is_there() {
    let world = World::start().await;
    let mut document = bundle("repair", "700000000009999");
    document["order"]["fields"]["branch_id"] = 1.into();
    document["order"]["fields"]["status_id"] = 2.into();
    document["client"]["fields"]["custom_fields"] = json!({ "f1": "{{ answers.city }}" });
    world.door.post("/api/bundles", &document).await.expect(201);
    let refused = world.door.post("/api/bundles/repair/start", &Value::Null).await;
    let mut pointers = problem(&refused, 422);
    pointers.sort();
    assert_eq!(
        pointers,
        ["/client/fields/custom_fields/f1", "/order/fields/branch_id", "/order/fields/status_id", "/source/form_id"]
    );
    assert_eq!(world.door.get("/api/bundles/repair").await.expect(200)["state"], "stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_request_is_a_problem() {
    let world = World::with_bundle().await;
    let door = &world.door;
    problem(&door.get("/api/nothing").await, 404);
    problem(&door.get("/api/bundles/nothing").await, 404);
    problem(&door.get("/api/connections/nothing").await, 404);
    problem(&door.get("/api/transactions/repair/1").await, 404);
    problem(&door.send("DELETE", "/api/connections/shop", &[], "").await, 409);
    problem(&door.post("/api/bundles", &bundle("repair", FORM)).await, 409);
    problem(&door.send("POST", "/api/bundles", &[("content-type", "application/json")], "{").await, 422);
    problem(&door.send("DELETE", "/api/unrouted", &[], "").await, 405);
    assert_holds(&door.get("/api/health").await.expect(200), &json!({ "status": "ok" }));
}
