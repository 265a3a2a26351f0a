use std::time::Duration;

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;
use crate::remonline::PhoneMatch;
use crate::remonline::testing::Caller;

const ORDERS: &str = "/v2/orders";

fn client(caller: &Caller) -> i64 {
    caller.remonline.people()[0]["id"].as_i64().unwrap()
}

fn body(client: i64) -> Value {
    json!({ "branch_id": 15001, "order_type_id": 21001, "client_id": client })
}

fn with(mut body: Value, mut more: Value) -> Value {
    body.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
    body
}

fn ids(list: &Value) -> Vec<i64> {
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn creates_an_order() {
    let caller = Caller::demo();
    let client = client(&caller);
    let more = json!({
        "manager_id": 9001, "ad_campaign_id": 777, "malfunction": "Screen", "manager_notes": "[fb:1:b]",
        "due_date": "2026-03-03T15:00:00Z", "custom_fields": { "f6001": "fb", "f1": "?" }, "brand": "ignored",
        "status_id": 13, "number": "mine",
    });
    let (status, order) = caller.post(ORDERS, with(body(client), more)).await;
    let expected = json!({
        "id": 41_000_001, "number": "A0001", "status": { "id": 11, "name": "New", "color": "#2196f3" },
        "status_overdue": false, "created_at": "2026-03-01T09:30:00Z", "created_by_id": 9001,
        "modified_at": "2026-03-01T09:30:00Z", "done_at": null, "closed_at": null, "closed_by_id": null,
        "branch_id": 15001, "order_type": { "id": 21001, "name": "Repair" }, "manager_id": 9001,
        "assignee_id": null, "asset": null, "client": {
            "id": client, "is_organization": false, "name": "Ivan Petrenko", "first_name": "Ivan",
            "last_name": "Petrenko", "email": "ivan@example.com", "phone": ["0501112233"], "address": "",
            "discount_code": "", "custom_fields": {},
        },
        "payer": null, "scheduled_for": null, "scheduled_to": null, "resource": null, "malfunction": "Screen",
        "manager_notes": "[fb:1:b]", "engineer_notes": "", "address": "", "resume": "", "estimated_price": "0.00",
        "due_date": "2026-03-03T15:00:00Z", "overdue": false, "discount_sum": 0, "payed": "0.00", "total": "0.00",
        "warranty_date": null, "urgent": false, "custom_fields": { "f6001": "fb" },
        "is_deduction_required": false, "ad_campaign_id": 777,
    });
    assert_eq!((status, &order), (201, &expected));
    assert_eq!(caller.get(&format!("{ORDERS}/41000001")).await, (200, expected));
    assert_eq!(caller.post(ORDERS, body(client)).await.1["number"], "A0002");
}

#[tokio::test]
async fn names_every_missing_id() {
    let (status, refused) = Caller::demo().post(ORDERS, json!({ "client_id": 5, "branch_id": null })).await;
    let validation = json!({
        "branch_id": ["Required field"], "client_id": ["does not exist"], "order_type_id": ["Required field"],
    });
    assert_eq!((status, &refused["message"]["validation"]), (400, &validation));
}

#[rstest]
#[case(json!({ "due_date": "2026-03-03T15:00:00.000Z" }), "due_date")]
#[case(json!({ "due_date": 1_772_357_400_000_i64 }), "due_date")]
#[case(json!({ "manager_id": 1 }), "manager_id")]
#[case(json!({ "assignee_id": 1 }), "assignee_id")]
#[case(json!({ "asset_id": 1 }), "asset_id")]
#[case(json!({ "estimated_price": 100 }), "estimated_price")]
#[case(json!({ "urgent": "yes" }), "urgent")]
#[case(json!({ "custom_fields": { "f6001": ["a"] } }), "custom_fields")]
#[tokio::test]
async fn refuses_bad_orders(#[case] more: Value, #[case] field: &str) {
    let caller = Caller::demo();
    let (status, refused) = caller.post(ORDERS, with(body(client(&caller)), more)).await;
    assert_eq!(status, 400);
    assert!(refused["message"]["validation"][field].is_array(), "{refused}");
    assert_eq!(caller.remonline.orders().len(), 0);
}

#[tokio::test]
async fn switches_change_what_an_order_may_hold() {
    let caller = Caller::demo();
    let order = |more| with(body(client(&caller)), more);
    caller.remonline.update_settings(|settings| {
        settings.accept_milliseconds = true;
        settings.refuse_unknown_custom_fields = true;
    });
    let (status, made) = caller.post(ORDERS, order(json!({ "due_date": "2026-03-03T15:00:00.123Z" }))).await;
    assert_eq!((status, &made["due_date"]), (201, &json!("2026-03-03T15:00:00Z")));
    assert_eq!(caller.post(ORDERS, order(json!({ "custom_fields": { "f1": "" } }))).await.0, 400);
    caller.remonline.update_settings(|settings| settings.required_custom_fields = ["f6001".to_owned()].into());
    assert_eq!(caller.post(ORDERS, order(json!({}))).await.0, 400);
}

#[tokio::test]
async fn updates_only_what_is_named() {
    let caller = Caller::demo();
    let id = caller.remonline.insert_order(with(body(client(&caller)), json!({ "malfunction": "Screen" })));
    let (status, order) = caller.patch(&format!("{ORDERS}/{id}"), json!({ "urgent": true })).await;
    assert_eq!((status, &order["urgent"], &order["malfunction"]), (200, &json!(true), &json!("Screen")));
    assert_eq!(caller.patch(&format!("{ORDERS}/{id}"), json!({ "client_id": null })).await.0, 400);
    assert_eq!(caller.patch(&format!("{ORDERS}/1"), json!({})).await.0, 404);
}

#[tokio::test]
async fn changes_status_with_a_comment() {
    let caller = Caller::demo();
    let id = caller.remonline.insert_order(body(client(&caller)));
    let path = format!("{ORDERS}/{id}/status");
    let (status, order) = caller.post(&path, json!({ "status_id": 17, "comment": "paid" })).await;
    assert_eq!((status, &order["status"]["id"], &order["closed_by_id"]), (200, &json!(17), &json!(9001)));
    assert_eq!(order["closed_at"], "2026-03-01T09:30:00Z");
    assert_eq!(caller.remonline.comments(id)[0]["comment"], "paid");
    assert_eq!(caller.post(&path, json!({ "status_id": 99 })).await.0, 400);
    assert_eq!(caller.post(&path, json!({ "status_id": 12 })).await.1["closed_at"], Value::Null);
}

#[tokio::test]
async fn keeps_comments() {
    let caller = Caller::demo();
    let id = caller.remonline.insert_order(body(client(&caller)));
    let path = format!("{ORDERS}/{id}/comments");
    assert_eq!(caller.post(&path, json!({ "comment": "again", "is_private": true })).await.0, 201);
    assert_eq!(caller.post(&path, json!({ "is_private": true })).await.0, 400);
    assert_eq!(caller.remonline.comments(id).len(), 1);
}

#[rstest]
#[case("clients_ids=31000002", &[2])]
#[case("clients_ids[]=31000001&clients_ids[]=31000002&sort=-created_at", &[2, 1])]
#[case("client_ids=31000002", &[1, 2])]
#[case("client_phones=380671112233", &[2])]
#[case("client_names=petrenko", &[1])]
#[case("statuses=12", &[2])]
#[case("numbers=A0001", &[1])]
#[case("ids=41000002", &[2])]
#[case("types=21001&branches=15001&managers=9001", &[1])]
#[case("created_at=2026-03-01T09:30:00Z", &[2])]
#[case("created_at=2026-02-01T00:00:00Z,2026-02-28T00:00:00Z", &[1])]
#[case("due_date=2026-03-05T00:00:00Z", &[1])]
#[case("clients_ids=31000001&statuses=12", &[])]
#[tokio::test]
async fn filters(#[case] query: &str, #[case] numbers: &[i64]) {
    let caller = Caller::demo();
    let first = json!({ "created_at": "2026-02-20T10:00:00Z", "manager_id": 9001, "due_date": "2026-03-06T00:00:00Z" });
    caller.remonline.insert_order(with(body(31_000_001), first));
    caller.remonline.insert_order(with(body(31_000_002), json!({ "status_id": 12 })));
    let (_, list) = caller.get(&format!("{ORDERS}?{query}")).await;
    let expected: Vec<_> = numbers.iter().map(|number| 41_000_000 + number).collect();
    assert_eq!(ids(&list), expected);
}

#[tokio::test]
async fn client_phones_compare_like_phones() {
    let caller = Caller::demo();
    caller.remonline.insert_order(body(31_000_002));
    let path = format!("{ORDERS}?client_phones=0671112233");
    assert_eq!(ids(&caller.get(&path).await.1).len(), 0);
    caller.remonline.update_settings(|settings| settings.phone_match = PhoneMatch::Substring);
    assert_eq!(ids(&caller.get(&path).await.1).len(), 1);
}

#[tokio::test]
async fn search_may_lag_behind() {
    let caller = Caller::demo();
    caller.remonline.update_settings(|settings| settings.order_search_delay_ms = 2_000);
    caller.post(ORDERS, body(client(&caller))).await;
    assert_eq!(ids(&caller.get(ORDERS).await.1).len(), 0);
    caller.pass(Duration::from_secs(2));
    assert_eq!(ids(&caller.get(ORDERS).await.1).len(), 1);
}

#[tokio::test]
async fn an_order_outlives_its_client() {
    let caller = Caller::demo();
    let id = caller.remonline.insert_order(body(31_000_001));
    assert!(caller.remonline.delete_person(31_000_001));
    let order = caller.remonline.order(id).unwrap();
    assert_eq!(order["client"]["name"], "Ivan Petrenko");
    assert_eq!(caller.post(ORDERS, body(31_000_001)).await.0, 400);
}

#[tokio::test]
async fn wrong_methods_and_paths_are_refused() {
    let caller = Caller::demo();
    let (status, refused) = caller.patch(ORDERS, json!({})).await;
    assert_eq!((status, refused), (405, json!({ "message": "Method not allowed" })));
    assert_eq!(caller.get(&format!("{ORDERS}/")).await.0, 404);
    assert_eq!(caller.get(&format!("{ORDERS}/nonsense")).await.0, 404);
}
