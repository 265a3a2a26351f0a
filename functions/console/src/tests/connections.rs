use pretty_assertions::assert_eq;
use rstest::rstest;
use simulators::remonline::Area;

use super::*;

#[tokio::test]
async fn a_key_is_tried_and_never_shown() {
    let world = World::new().await;
    let made = world.post("/api/connections", shop()).await.expect(201);
    let expected = json!({
        "id": "shop", "kind": "remonline", "title": "Shop", "state": "active", "account": {"name": "Ремонт Плюс"},
        "created_at": "2026-11-23T09:00:00Z", "checked_at": "2026-11-23T09:00:00Z",
    });
    assert_eq!(made, expected);
    assert_eq!(world.get("/api/connections/shop").await.expect(200), expected);
    assert_eq!(world.get("/api/connections").await.expect(200), json!({"items": [expected], "next_cursor": null}));
    for path in ["/v2/company", "/v2/contacts/people", "/v2/orders"] {
        assert!(world.remonline.count("GET", path) > 0, "{path} was not read");
    }
}

#[tokio::test]
async fn a_page_is_tried_and_subscribed() {
    let world = World::new().await;
    let made = world.post("/api/connections", page()).await.expect(201);
    assert_eq!((&made["kind"], &made["page_id"]), (&json!("facebook"), &json!(DEMO_PAGE)));
    assert!(!made["account"]["name"].as_str().unwrap().is_empty());
    assert!(!made.to_string().contains(DEMO_PAGE_TOKEN));
    let checks = world.post("/api/connections/page/check", Value::Null).await.expect(200);
    let subscribed = checks["checks"].as_array().unwrap().iter().find(|check| check["name"] == "page_subscription");
    assert_eq!(subscribed.unwrap()["ok"], true, "{checks}");
}

#[rstest]
#[case(json!({"kind": "remonline", "title": "Shop"}), &["/api_key"])]
#[case(json!({"kind": "facebook", "title": "Page", "api_key": "x"}), &["/api_key", "/page_id", "/page_token"])]
#[case(json!({"kind": "remonline", "title": "", "api_key": "x"}), &["/title"])]
#[case(json!({"kind": "remonline", "api_key": "x"}), &["/title"])]
#[case(json!({"kind": "fax", "title": "Shop", "api_key": "x"}), &["/kind"])]
#[case(json!({"kind": "remonline", "title": "Shop", "api_key": "x", "colour": "red"}), &["/colour"])]
#[case(json!({"kind": "remonline", "title": "Shop", "api_key": "x", "id": "Not a slug"}), &["/id"])]
#[case(json!({"kind": "remonline", "title": "Shop", "api_key": "wrong"}), &["/api_key"])]
#[case(json!({"kind": "facebook", "title": "Page", "page_id": DEMO_PAGE, "page_token": "wrong"}), &["/page_token"])]
#[case(json!({"kind": "facebook", "title": "Page", "page_id": "1", "page_token": DEMO_PAGE_TOKEN}), &["/page_token"])]
#[case(json!({"kind": "facebook", "title": "Page", "page_id": 1, "page_token": "x"}), &["/page_id"])]
#[tokio::test]
async fn the_wrong_field_is_blamed(#[case] body: Value, #[case] pointers: &[&str]) {
    let world = World::new().await;
    assert_eq!(world.post("/api/connections", body).await.blamed(422), pointers);
    assert_eq!(world.get("/api/connections").await.expect(200)["items"], json!([]));
}

#[rstest]
#[case("en", "orders: The employee behind the API key")]
#[case("uk", "orders: Співробітник")]
#[tokio::test]
async fn what_a_key_may_not_read_is_named_in_the_readers_language(#[case] language: &str, #[case] begin: &str) {
    let world = World::new().await;
    world.remonline.remove_permission(DEMO_API_KEY, Area::Orders);
    let headers = [("accept-language", language)];
    let problem = world.call("POST", "/api/connections", &headers, shop()).await.expect(422);
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with(begin), "{detail}");
}

#[tokio::test]
async fn ids_are_made_from_titles_and_a_taken_one_is_refused() {
    let world = World::new().await;
    let made = |title: &str| json!({"kind": "remonline", "title": title, "api_key": DEMO_API_KEY});
    assert_eq!(world.post("/api/connections", made("My shop")).await.expect(201)["id"], "my-shop");
    assert_eq!(world.post("/api/connections", made("My shop")).await.expect(201)["id"], "my-shop-2");
    assert_eq!(world.post("/api/connections", made("Магазин")).await.expect(201)["id"], "remonline");
    world.post("/api/connections", shop()).await.expect(201);
    world.post("/api/connections", shop()).await.expect(409);
}

#[tokio::test]
async fn two_keys_of_one_company_share_its_account() {
    let world = World::connected().await;
    world.remonline.add_key("second-key");
    let second = json!({"id": "second", "kind": "remonline", "title": "Second", "api_key": "second-key"});
    world.post("/api/connections", second).await.expect(201);
    assert_eq!(world.store.accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_key_keeps_the_account_and_releases_what_waited() {
    let world = World::started().await;
    let account = world.account().await;
    world.lead("900000000000002", 1, |lead| lead.park(Reason::KeyRejected, Some(slug("shop")), now()).unwrap()).await;
    world.lead("900000000000001", 2, |lead| lead.park(Reason::KeyRejected, Some(slug("shop")), now()).unwrap()).await;
    world.woken().await;

    let refused = json!({"api_key": "wrong"});
    assert_eq!(world.call("PATCH", "/api/connections/shop", &[], refused).await.blamed(422), ["/api_key"]);
    assert_eq!(world.state_of("900000000000001").await, (State::Parked, Some(Reason::KeyRejected)));

    world.remonline.add_key("new-key");
    world.remonline.revoke_key(DEMO_API_KEY);
    let change = json!({"title": "Main shop", "api_key": "new-key"});
    let changed = world.call("PATCH", "/api/connections/shop", &[], change).await.expect(200);
    assert_eq!((&changed["title"], &changed["state"]), (&json!("Main shop"), &json!("active")));
    assert_eq!(world.account().await, account);
    assert_eq!(world.woken().await, BTreeSet::from([account.clone()]));
    let due = world.store.due(&account, now(), 10).await.unwrap();
    let due: Vec<_> = due.iter().map(|id| id.leadgen_id.as_str()).collect();
    assert_eq!(due, ["900000000000002", "900000000000001"], "oldest first");
    world.get("/api/connections/shop/choices/branches").await.expect(200);
}

#[tokio::test]
async fn a_key_of_another_company_is_refused() {
    let world = World::connected().await;
    world.remonline.update_reference(|reference| {
        reference.company["name"] = json!("Other");
        reference.company["email"] = json!("other@example.com");
    });
    let change = json!({"api_key": DEMO_API_KEY});
    assert_eq!(world.call("PATCH", "/api/connections/shop", &[], change).await.blamed(422), ["/api_key"]);
}

#[tokio::test]
async fn a_change_of_the_title_tries_nothing() {
    let world = World::connected().await;
    world.remonline.revoke_key(DEMO_API_KEY);
    let changed = world.call("PATCH", "/api/connections/shop", &[], json!({"title": "Renamed"})).await.expect(200);
    assert_eq!(changed["title"], "Renamed");
    let wrong = json!({"page_token": "x"});
    assert_eq!(world.call("PATCH", "/api/connections/shop", &[], wrong).await.blamed(422), ["/page_token"]);
}

#[tokio::test]
async fn a_paused_connection_is_resumed_when_its_key_works() {
    let world = World::started().await;
    assert_eq!(world.post("/api/connections/shop/pause", Value::Null).await.expect(200)["state"], "paused");
    world.lead("900000000000001", 0, |lead| lead.park(Reason::Paused, Some(slug("shop")), now()).unwrap()).await;

    world.remonline.revoke_key(DEMO_API_KEY);
    assert_eq!(world.post("/api/connections/shop/resume", Value::Null).await.blamed(422), ["/api_key"]);
    assert_eq!(world.get("/api/connections/shop").await.expect(200)["state"], "key_rejected");
    assert_eq!(world.state_of("900000000000001").await, (State::Parked, Some(Reason::Paused)));

    world.remonline.add_key(DEMO_API_KEY);
    for _ in 0..2 {
        assert_eq!(world.post("/api/connections/shop/resume", Value::Null).await.expect(200)["state"], "active");
    }
    assert_eq!(world.state_of("900000000000001").await, (State::Received, None));
    assert!(world.woken().await.contains(&world.account().await));
}

#[tokio::test]
async fn a_connection_in_use_is_not_deleted() {
    let world = World::started().await;
    for id in ["shop", "page"] {
        world.call("DELETE", &format!("/api/connections/{id}"), &[], Value::Null).await.expect(409);
    }
    world.call("DELETE", "/api/bundles/screens", &[], Value::Null).await.expect(204);
    world.call("DELETE", "/api/connections/shop", &[], Value::Null).await.expect(204);
    world.get("/api/connections/shop").await.expect(404);
    world.call("DELETE", "/api/connections/shop", &[], Value::Null).await.expect(404);
}

#[tokio::test]
async fn the_doctor_names_what_is_wrong() {
    let world = World::connected().await;
    let healthy = world.post("/api/connections/shop/check", Value::Null).await.expect(200);
    let checks = healthy["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["ok"] == true && check["fix"].is_null()), "{healthy}");
    assert!(checks.iter().all(|check| !check["detail"].as_str().unwrap().is_empty()), "{healthy}");

    world.remonline.revoke_key(DEMO_API_KEY);
    let headers = [("accept-language", "ru")];
    let sick = world.call("POST", "/api/connections/shop/check", &headers, Value::Null).await.expect(200);
    let check = &sick["checks"][0];
    assert_eq!((&check["name"], &check["ok"]), (&json!("api_key"), &json!(false)));
    assert!(check["fix"].as_str().unwrap().starts_with("Создайте новый ключ"), "{check}");
    assert_eq!(world.get("/api/connections/shop").await.expect(200)["state"], "key_rejected");
}

#[rstest]
#[case("shop/choices/branches", json!(15001))]
#[case("shop/choices/order_types", json!(21001))]
#[case("shop/choices/statuses", json!(11))]
#[case("shop/choices/employees", json!(9001))]
#[case("shop/choices/campaigns", json!(777))]
#[case("shop/choices/client_fields", json!("f5001"))]
#[case("shop/choices/order_fields", json!("f6001"))]
#[case("page/choices/forms", json!(DEMO_FORM))]
#[tokio::test]
async fn lists_are_read_to_choose_from(#[case] path: &str, #[case] first: Value) {
    let world = World::connected().await;
    let list = world.get(&format!("/api/connections/{path}")).await.expect(200);
    assert_eq!(list["items"][0]["id"], first, "{list}");
    assert!(!list["items"][0]["title"].as_str().unwrap().is_empty());
    let page = world.get(&format!("/api/connections/{path}?limit=1")).await.expect(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    if let Some(cursor) = page["next_cursor"].as_str() {
        let next = world.get(&format!("/api/connections/{path}?limit=1&cursor={cursor}")).await.expect(200);
        assert_ne!(next["items"][0]["id"], first);
    }
}

#[tokio::test]
async fn the_questions_of_a_form_are_listed() {
    let world = World::connected().await;
    let list = world.get(&format!("/api/connections/page/choices/questions?form_id={DEMO_FORM}")).await.expect(200);
    assert!(list["items"].as_array().unwrap().iter().any(|question| question["id"] == "full_name"), "{list}");
    world.get("/api/connections/page/choices/questions").await.expect(400);
    world.get("/api/connections/page/choices/colours").await.expect(404);
    world.get("/api/connections/page/choices/branches").await.expect(409);
    world.get("/api/connections/shop/choices/forms").await.expect(409);
}

#[tokio::test]
async fn a_429_keeps_everybody_away_for_a_while() {
    let world = World::connected().await;
    let throttled = json!({"method": "GET", "path": "/v2/company/locations", "effect": {"status": {"code": 429}}});
    world.remonline.inject(serde_json::from_value(throttled).unwrap());
    world.get("/api/connections/shop/choices/branches").await.expect(503);
    let pace = world.store.pace(&world.account().await).await.unwrap();
    assert_eq!(pace.not_before, Some(now() + SignedDuration::from_secs(2)));
}

#[tokio::test]
async fn a_token_of_somebody_else_is_refused() {
    let world = World::new().await;
    let person =
        json!({"kind": "facebook", "title": "Page", "page_id": DEMO_PAGE, "page_token": world.meta.new_user_token()});
    let problem = world.post("/api/connections", person).await.expect(422);
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("not to this page"), "{detail}");
}

#[tokio::test]
async fn a_page_that_keeps_its_leads_is_refused() {
    let world = World::new().await;
    world.meta.set_lead_access(DEMO_PAGE, false);
    assert_eq!(world.post("/api/connections", page()).await.blamed(422), ["/page_token"]);
}

#[tokio::test]
async fn a_system_that_is_down_is_not_the_keys_fault() {
    let world = World::new().await;
    let down = json!({"method": "GET", "path": "/v2", "effect": {"status": {"code": 503}}});
    world.remonline.inject(serde_json::from_value(down).unwrap());
    world.post("/api/connections", shop()).await.expect(502);
    world.post("/api/connections", shop()).await.expect(201);
}

#[tokio::test]
async fn the_doctor_looks_at_the_page_too() {
    let world = World::connected().await;
    let checkup = || world.post("/api/connections/page/check", Value::Null);
    let failing = |checkup: Value| -> BTreeSet<String> {
        let checks = checkup["checks"].as_array().unwrap().clone();
        let failing = checks.iter().filter(|check| check["ok"] == false && check["fix"].is_string());
        failing.map(|check| check["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(failing(checkup().await.expect(200)), BTreeSet::from(["app_subscription".to_owned()]));
    world.meta.set_terms_accepted(DEMO_PAGE, false);
    world.meta.remove_permission(DEMO_PAGE, "pages_show_list");
    let found = failing(checkup().await.expect(200));
    assert!(found.contains("terms") && found.contains("permissions"), "{found:?}");
    world.meta.revoke_token(DEMO_PAGE, 460);
    assert_eq!(failing(checkup().await.expect(200)), BTreeSet::from(["page_token".to_owned()]));
    assert_eq!(world.get("/api/connections/page").await.expect(200)["state"], "key_rejected");
}

#[rstest]
#[case("en", "Bundle screens, field /order/fields/branch_id: RemOnline has no 15001 any more.")]
#[case("uk", "Звʼязка screens, поле /order/fields/branch_id: у RemOnline більше немає 15001.")]
#[case("ru", "Связка screens, поле /order/fields/branch_id: в RemOnline больше нет 15001.")]
#[tokio::test]
async fn the_doctor_names_the_bundle_and_what_is_gone(#[case] language: &str, #[case] expected: &str) {
    let world = World::started().await;
    world.remonline.update_reference(|reference| reference.locations.retain(|row| row["id"] != 15001));
    let headers = [("accept-language", language)];
    let checkup = world.call("POST", "/api/connections/shop/check", &headers, Value::Null).await.expect(200);
    let checks = checkup["checks"].as_array().unwrap();
    let [gone] = &checks.iter().filter(|check| check["ok"] == false).collect::<Vec<_>>()[..] else {
        panic!("{checkup}")
    };
    assert_eq!((&gone["name"], gone["detail"].as_str().unwrap()), (&json!("references"), expected));
    assert!(gone["fix"].is_string());
    assert_eq!(world.get("/api/connections/shop").await.expect(200)["state"], "active");
}

#[tokio::test]
async fn the_doctor_sees_a_form_drift() {
    let world = World::started().await;
    let drifted = || async {
        let checkup = world.post("/api/connections/page/check", Value::Null).await.expect(200);
        let checks = checkup["checks"].as_array().unwrap().clone().into_iter();
        let of_form = |check: &Value| ["form", "questions"].contains(&check["name"].as_str().unwrap());
        checks.filter(of_form).map(|check| (check["ok"] == true, check["detail"].to_string())).collect::<Vec<_>>()
    };
    assert!(drifted().await.iter().all(|(ok, _)| *ok));
    world.meta.set_form_status(DEMO_FORM, "ARCHIVED");
    let mut document = world.get("/api/bundles/screens").await.expect(200);
    document["client"]["fields"]["notes"] = json!("{{ answers['model'] }} {{ answers.city }}");
    world.call("PUT", "/api/bundles/screens", &[("if-match", "\"1\"")], document).await.expect(200);
    let [(false, form), (false, question)] = &drifted().await[..] else { panic!("two faults") };
    assert!(form.contains("screens") && form.contains("ARCHIVED"), "{form}");
    assert!(question.contains("/client/fields/notes") && question.contains("model"), "{question}");
}

#[tokio::test]
async fn a_form_that_is_gone_is_told() {
    let world = World::connected().await;
    let mut document = screens();
    document["source"]["form_id"] = json!("700000000000404");
    world.post("/api/bundles", document).await.expect(201);
    let checkup = world.post("/api/connections/page/check", Value::Null).await.expect(200);
    let gone = checkup["checks"].as_array().unwrap().iter().find(|check| check["name"] == "form").unwrap();
    assert!(gone["detail"].as_str().unwrap().contains("700000000000404"), "{gone}");
}

#[tokio::test]
async fn resuming_sets_only_the_leads_of_this_connection_going() {
    let world = World::started().await;
    world.lead("900000000000001", 2, |lead| lead.park(Reason::KeyRejected, Some(slug("shop")), now()).unwrap()).await;
    world.lead("900000000000002", 1, |lead| lead.park(Reason::GraphToken, Some(slug("page")), now()).unwrap()).await;
    world.lead("900000000000003", 0, |lead| lead.park(Reason::KeyRejected, Some(slug("shop")), now()).unwrap()).await;
    world.lead("900000000000004", 0, |lead| lead.park(Reason::Mapping, None, now()).unwrap()).await;
    world.post("/api/connections/shop/resume", Value::Null).await.expect(200);
    let due = world.store.due(&world.account().await, now(), 9).await.unwrap();
    let due: Vec<_> = due.iter().map(|id| id.leadgen_id.as_str()).collect();
    assert_eq!(due, ["900000000000003", "900000000000001"], "oldest first");
    assert_eq!(world.state_of("900000000000002").await, (State::Parked, Some(Reason::GraphToken)));
    world.post("/api/connections/page/resume", Value::Null).await.expect(200);
    assert_eq!(world.state_of("900000000000002").await, (State::Received, None));
    assert_eq!(world.state_of("900000000000004").await, (State::Parked, Some(Reason::Mapping)));
}

#[tokio::test]
async fn whoever_calls_after_the_trial_of_a_key_keeps_the_distance() {
    let world = World::new().await;
    world.post("/api/connections", shop()).await.expect(201);
    let account = world.store.accounts().await.unwrap().remove(0);
    assert!(world.store.pace(&account).await.unwrap().next_slot.is_some(), "the last call of the trial is counted");
}
