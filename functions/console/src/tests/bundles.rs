use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;

fn changed(place: &str, value: Value) -> Value {
    let mut document = screens();
    let (parent, key) = place.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key] = value;
    document
}

async fn put(world: &World, if_match: Option<&str>, body: Value) -> Reply {
    let headers: Vec<_> = if_match.map(|tag| ("if-match", tag)).into_iter().collect();
    world.call("PUT", "/api/bundles/screens", &headers, body).await
}

#[tokio::test]
async fn a_bundle_is_made_stopped_and_comes_back_flat() {
    let world = World::connected().await;
    let reply = world.post("/api/bundles", screens()).await;
    assert_eq!(reply.headers["etag"], "\"1\"");
    let made = reply.expect(201);
    for (name, value) in [("id", json!("screens")), ("version", json!(1)), ("state", json!("stopped"))] {
        assert_eq!(made[name], value);
    }
    for (name, value) in screens().as_object().unwrap().iter().filter(|(name, _)| *name != "order" && *name != "client")
    {
        assert_eq!(&made[name], value, "{name}");
    }
    assert_eq!(made["default_region"], "UA");
    assert_eq!(made["client"]["fields"], screens()["client"]["fields"]);
    assert_eq!(world.get("/api/bundles/screens").await.expect(200), made);
    assert_eq!(world.get("/api/bundles").await.expect(200), json!({"items": [made], "next_cursor": null}));
    world.post("/api/bundles", screens()).await.expect(409);
}

#[rstest]
#[case("/source/connection", json!("nobody"), "/source/connection")]
#[case("/source/connection", json!("shop"), "/source/connection")]
#[case("/client/connection", json!("page"), "/client/connection")]
#[case("/client/fields/first_name", json!("{{ contact.first_name"), "/client/fields/first_name")]
#[case("/client/fields/frist_name", json!("x"), "/client/fields/frist_name")]
#[case("/order/fields/branch_id", json!("near the station"), "/order/fields/branch_id")]
#[case("/timezone", json!("Kyiv"), "/timezone")]
#[case("/id", json!("Not a slug"), "/id")]
#[tokio::test]
async fn a_document_that_cannot_work_is_refused(#[case] place: &str, #[case] value: Value, #[case] pointer: &str) {
    let world = World::connected().await;
    assert_eq!(world.post("/api/bundles", changed(place, value)).await.blamed(422), [pointer]);
}

#[tokio::test]
async fn a_bundle_is_replaced_by_whoever_read_its_newest_version() {
    let world = World::started().await;
    let mut current = world.get("/api/bundles/screens").await.expect(200);
    current["title"] = json!("Screens and glass");
    put(&world, None, current.clone()).await.expect(428);
    put(&world, Some("\"7\""), current.clone()).await.expect(412);
    let reply = put(&world, Some("\"1\""), current.clone()).await;
    assert_eq!(reply.headers["etag"], "\"2\"");
    let replaced = reply.expect(200);
    assert_eq!((&replaced["version"], &replaced["state"]), (&json!(2), &json!("active")));
    assert_eq!(replaced["title"], "Screens and glass");
    put(&world, Some("\"1\""), current.clone()).await.expect(412);
    current["id"] = json!("other");
    assert_eq!(put(&world, Some("\"2\""), current).await.blamed(422), ["/id"]);

    let versions = world.get("/api/bundles/screens/versions").await.expect(200);
    let told: Vec<_> = versions["items"].as_array().unwrap().iter().map(|v| (&v["version"], &v["title"])).collect();
    assert_eq!(told, [(&json!(2), &json!("Screens and glass")), (&json!(1), &json!("Screens"))]);
}

#[rstest]
#[case("/source/form_id", json!("1"), "/source/form_id")]
#[case("/order/fields/branch_id", json!(1), "/order/fields/branch_id")]
#[case("/order/fields/order_type_id", json!("1"), "/order/fields/order_type_id")]
#[case("/order/fields/status_id", json!(1), "/order/fields/status_id")]
#[case("/order/fields/manager_id", json!(1), "/order/fields/manager_id")]
#[case("/client/fields/ad_campaign_id", json!(1), "/client/fields/ad_campaign_id")]
#[case("/client/fields/custom_fields", json!({"f1": "x"}), "/client/fields/custom_fields/f1")]
#[case("/order/fields/custom_fields", json!({"f1": "x"}), "/order/fields/custom_fields/f1")]
#[tokio::test]
async fn a_bundle_starts_only_when_everything_it_names_is_there(
    #[case] place: &str,
    #[case] value: Value,
    #[case] pointer: &str,
) {
    let world = World::connected().await;
    world.post("/api/bundles", changed(place, value)).await.expect(201);
    assert_eq!(world.post("/api/bundles/screens/start", Value::Null).await.blamed(422), [pointer]);
    assert_eq!(world.get("/api/bundles/screens").await.expect(200)["state"], "stopped");
}

#[tokio::test]
async fn a_bundle_starts_only_with_connections_that_work() {
    let world = World::connected().await;
    world.post("/api/bundles", screens()).await.expect(201);
    world.post("/api/connections/shop/pause", Value::Null).await.expect(200);
    let start = || world.post("/api/bundles/screens/start", Value::Null);
    assert_eq!(start().await.blamed(422), ["/client/connection"]);
    world.post("/api/connections/shop/resume", Value::Null).await.expect(200);
    world.remonline.revoke_key(DEMO_API_KEY);
    assert_eq!(start().await.blamed(422), ["/client/connection"]);
}

#[tokio::test]
async fn campaigns_that_are_gone_keep_nobody_from_starting() {
    let world = World::connected().await;
    world.post("/api/bundles", screens()).await.expect(201);
    world.remonline.update_settings(|settings| settings.unversioned_gone = true);
    world.post("/api/bundles/screens/start", Value::Null).await.expect(200);
}

#[tokio::test]
async fn leads_that_waited_run_by_the_rules_of_the_start() {
    let world = World::started().await;
    assert_eq!(world.post("/api/bundles/screens/stop", Value::Null).await.expect(200)["state"], "stopped");
    for (lead, minutes) in [("900000000000002", 0), ("900000000000001", 1)] {
        world.lead(lead, minutes, |lead| lead.wait(Reason::BundleStopped, None, now()).unwrap()).await;
    }
    put(&world, Some("\"1\""), changed("/title", json!("Better"))).await.expect(200);
    world.woken().await;

    let reply = world.post("/api/bundles/screens/start", Value::Null).await;
    assert_eq!(reply.headers["etag"], "\"2\"");
    assert_eq!(reply.expect(200)["state"], "active");
    let account = world.account().await;
    assert_eq!(world.woken().await, BTreeSet::from([account.clone()]));
    let due = world.store.due(&account, now(), 10).await.unwrap();
    let due = world.store.transactions(&due).await.unwrap();
    let due: Vec<_> = due.iter().map(|lead| (lead.id.leadgen_id.as_str(), lead.bundle_version)).collect();
    assert_eq!(due, [("900000000000002", 2), ("900000000000001", 2)], "oldest first");
    assert_eq!(world.bundle().await.first_started_at, Some(now()));
}

#[tokio::test]
async fn leads_of_a_deleted_bundle_are_dismissed() {
    let world = World::started().await;
    world.post("/api/bundles/screens/stop", Value::Null).await.expect(200);
    world.lead("900000000000001", 0, |lead| lead.wait(Reason::BundleStopped, None, now()).unwrap()).await;
    world.call("DELETE", "/api/bundles/screens", &[], Value::Null).await.expect(204);
    assert_eq!(world.state_of("900000000000001").await, (State::Skipped, Some(Reason::Dismissed)));
    world.get("/api/bundles/screens").await.expect(404);
    world.get("/api/bundles/screens/versions").await.expect(404);
}
