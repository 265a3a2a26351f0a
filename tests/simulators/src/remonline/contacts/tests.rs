use std::time::Duration;

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;
use crate::remonline::testing::Caller;
use crate::remonline::{ErrorStyle, PhoneMatch, WriteBody};

const PEOPLE: &str = "/v2/contacts/people";

fn ids(list: &Value) -> Vec<i64> {
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn creates_a_person() {
    let caller = Caller::demo();
    let body = json!({
        "first_name": "Olena", "email": "olena@example.com", "phones": [{ "title": "", "phone": "+380501119999" }],
        "birthday": { "day": 1, "month": 2 }, "ad_campaign_id": 777, "custom_fields": { "f5001": "lead", "f1": "?" },
        "tags": ["facebook"], "unheard_of": 1,
    });
    let (status, person) = caller.post(PEOPLE, body).await;
    assert_eq!(status, 201);
    let expected = json!({
        "id": person["id"], "first_name": "Olena", "last_name": "", "birthday": { "day": 1, "month": 2 },
        "email": "olena@example.com", "notes": "", "address": "", "supplier": false, "manager_id": null,
        "phones": [{ "title": "", "phone": "+380501119999", "notify": false, "has_viber": false, "has_whatsapp": false }],
        "ad_campaign_id": 777, "ad_campaign": { "id": 777, "name": "Facebook" }, "discount_code": "",
        "custom_fields": { "f5001": "lead" }, "tags": ["facebook"], "tax_identification_number": "",
        "created_at": "2026-03-01T09:30:00Z", "modified_at": "2026-03-01T09:30:00Z",
    });
    assert_eq!(person, expected);
    let id = person["id"].as_i64().unwrap();
    assert_eq!(caller.get(&format!("{PEOPLE}/{id}")).await, (200, expected.clone()));
    assert_eq!(caller.remonline.person(id), Some(expected));
}

#[rstest]
#[case(json!({}), "first_name", "Required field")]
#[case(json!({ "first_name": " " }), "first_name", "Required field")]
#[case(json!({ "first_name": 5 }), "first_name", "must be a string")]
#[case(json!({ "first_name": "O", "phones": ["+380501112233"] }), "phones", "must be an array of objects with a phone")]
#[case(json!({ "first_name": "O", "phones": "+380501112233" }), "phones", "must be an array of objects with a phone")]
#[case(json!({ "first_name": "O", "email": "olena" }), "email", "must be a valid email")]
#[case(json!({ "first_name": "O", "manager_id": 1 }), "manager_id", "does not exist")]
#[case(json!({ "first_name": "O", "ad_campaign_id": 1 }), "ad_campaign_id", "does not exist")]
#[case(json!({ "first_name": "O", "ad_campaign_id": "777" }), "ad_campaign_id", "must be an integer")]
#[case(json!({ "first_name": "O", "birthday": "1990-01-01" }), "birthday", "must be an object with day and month")]
#[case(json!({ "first_name": "O", "custom_fields": "{}" }), "custom_fields", "must be an object")]
#[case(json!([]), "body", "must be a JSON object")]
#[tokio::test]
async fn refuses_bad_people(#[case] body: Value, #[case] field: &str, #[case] problem: &str) {
    let caller = Caller::demo();
    let validation = json!({ "validation": { field: [problem] } });
    let refused = json!({ "success": false, "code": 400, "message": validation });
    assert_eq!(caller.post(PEOPLE, body).await, (400, refused));
    assert_eq!(caller.remonline.people().len(), 3);
}

#[tokio::test]
async fn the_body_must_be_declared_as_json() {
    let caller = Caller::demo();
    let mut request = caller.request("POST", PEOPLE, r#"{"first_name":"Olena"}"#);
    request.headers_mut().remove("content-type");
    assert_eq!(caller.send(request).await.0, 400);
}

#[tokio::test]
async fn errors_come_in_several_styles() {
    let caller = Caller::demo();
    caller.remonline.update_settings(|settings| {
        settings.error_style = ErrorStyle::Errors;
        settings.invalid_status = 422;
    });
    let errors = json!({ "message": "Validation failed", "errors": { "first_name": ["Required field"] } });
    assert_eq!(caller.post(PEOPLE, json!({})).await, (422, errors));
    caller.remonline.update_settings(|settings| settings.error_style = ErrorStyle::Text);
    assert_eq!(caller.post(PEOPLE, json!({})).await, (422, json!("first_name: Required field")));
    assert_eq!(caller.get("/v2/nothing").await, (404, json!("Not found")));
}

#[rstest]
#[case(WriteBody::Data, "/data/first_name")]
#[case(WriteBody::DataList, "/data/0/first_name")]
#[tokio::test]
async fn answers_may_be_wrapped(#[case] body: WriteBody, #[case] pointer: &str) {
    let caller = Caller::demo();
    caller.remonline.update_settings(|settings| settings.write_body = body);
    let (_, answer) = caller.post(PEOPLE, json!({ "first_name": "Olena" })).await;
    assert_eq!(answer.pointer(pointer), Some(&json!("Olena")));
}

#[tokio::test]
async fn answers_may_be_empty() {
    let caller = Caller::demo();
    caller.remonline.update_settings(|settings| {
        settings.write_body = WriteBody::Empty;
        settings.created_status = 200;
    });
    assert_eq!(caller.post(PEOPLE, json!({ "first_name": "Olena" })).await, (200, json!("")));
    assert_eq!(caller.remonline.people().len(), 4);
}

#[tokio::test]
async fn duplicates_are_allowed_unless_switched_off() {
    let caller = Caller::demo();
    let twin = json!({ "first_name": "Twin", "phones": [{ "phone": "+38 (067) 111-22-33" }] });
    assert_eq!(caller.post(PEOPLE, twin.clone()).await.0, 201);
    caller.remonline.update_settings(|settings| settings.refuse_duplicates = true);
    let (status, refused) = caller.post(PEOPLE, twin).await;
    assert_eq!((status, &refused["message"]["validation"]), (400, &json!({ "phones": ["already exists"] })));
}

#[tokio::test]
async fn custom_fields_may_be_required_or_checked() {
    let caller = Caller::demo();
    caller.remonline.update_settings(|settings| settings.required_custom_fields = ["f5001".to_owned()].into());
    assert_eq!(caller.post(PEOPLE, json!({ "first_name": "O" })).await.0, 400);
    let empty = json!({ "first_name": "O", "custom_fields": { "f5001": "" } });
    assert_eq!(caller.post(PEOPLE, empty).await.0, 201);
    caller.remonline.update_settings(|settings| settings.refuse_unknown_custom_fields = true);
    let unknown = json!({ "first_name": "O", "custom_fields": { "f5001": "", "f1": "" } });
    assert_eq!(caller.post(PEOPLE, unknown).await.0, 400);
}

#[tokio::test]
async fn updates_replace_phones_and_keep_other_custom_fields() {
    let caller = Caller::demo();
    let id = caller.remonline.insert_person(json!({
        "first_name": "Olena", "last_name": "Koval", "custom_fields": { "f5002": "kept" },
        "phones": [{ "phone": "+380501110001" }],
    }));
    caller.pass(Duration::from_secs(60));
    let change =
        json!({ "phones": [{ "phone": "+380501110002" }], "custom_fields": { "f5001": "new" }, "email": null });
    let (status, person) = caller.patch(&format!("{PEOPLE}/{id}"), change).await;
    assert_eq!((status, &person["last_name"]), (200, &json!("Koval")));
    assert_eq!(filter::phones(person.as_object().unwrap()).collect::<Vec<_>>(), ["+380501110002"]);
    assert_eq!(person["custom_fields"], json!({ "f5001": "new", "f5002": "kept" }));
    assert_eq!(person["modified_at"], "2026-03-01T09:31:00Z");
    assert_eq!(caller.patch(&format!("{PEOPLE}/{id}"), json!({ "first_name": "" })).await.0, 400);
    assert_eq!(caller.patch(&format!("{PEOPLE}/1"), json!({})).await.0, 404);
}

#[rstest]
#[case(PhoneMatch::Digits, "%2B380671112233", 1)]
#[case(PhoneMatch::Digits, "0671112233", 0)]
#[case(PhoneMatch::Exact, "%2B380671112233", 0)]
#[case(PhoneMatch::Exact, "380671112233", 1)]
#[case(PhoneMatch::Substring, "0671112233", 1)]
#[case(PhoneMatch::Ignored, "000", 3)]
#[tokio::test]
async fn finds_people_by_phone(#[case] how: PhoneMatch, #[case] phone: &str, #[case] hits: usize) {
    let caller = Caller::demo();
    caller.remonline.update_settings(|settings| settings.phone_match = how);
    let (_, list) = caller.get(&format!("{PEOPLE}?phones={phone}&unheard_of=1")).await;
    assert_eq!(list["paging"]["count"], hits);
}

#[rstest]
#[case(EmailMatch::Ignored, 3)]
#[case(EmailMatch::Exact, 1)]
#[tokio::test]
async fn finds_people_by_email_when_switched_on(#[case] how: EmailMatch, #[case] hits: usize) {
    let caller = Caller::demo();
    caller.remonline.update_settings(|settings| settings.email_match = how);
    assert_eq!(ids(&caller.get(&format!("{PEOPLE}?emails=ivan@example.com")).await.1).len(), hits);
}

#[tokio::test]
async fn filters_names_and_dates() {
    let caller = Caller::demo();
    let id = caller.remonline.insert_person(json!({ "first_name": "Оксана", "last_name": "Бондар" }));
    for query in ["names=окс", "names[]=Бондар&names[]=nobody", "created_at=2026-03-01T09:30:00Z"] {
        assert_eq!(ids(&caller.get(&format!("{PEOPLE}?{query}")).await.1), [id], "{query}");
    }
    let before = "created_at=2020-01-01T00:00:00Z&created_at=2026-03-01T09:29:59Z";
    assert_eq!(ids(&caller.get(&format!("{PEOPLE}?{before}")).await.1).len(), 3);
    assert_eq!(caller.get(&format!("{PEOPLE}?created_at=2026-03-01T09:30:00.000Z")).await.0, 400);
}

#[tokio::test]
async fn pages_and_sorts() {
    let caller = Caller::demo();
    for number in 0..60 {
        caller.remonline.insert_person(json!({ "first_name": number.to_string() }));
    }
    let (_, first) = caller.get(&format!("{PEOPLE}?sort=-created_at")).await;
    assert_eq!(first["paging"], json!({ "page": 1, "limit": 50, "count": 63, "total_pages": 2 }));
    assert_eq!(first["data"][0]["first_name"], "59", "the newest");
    assert_eq!(ids(&caller.get(&format!("{PEOPLE}?page=2")).await.1).len(), 13);
    assert_eq!(ids(&caller.get(&format!("{PEOPLE}?page=3")).await.1).len(), 0);
    assert_eq!(ids(&caller.get(&format!("{PEOPLE}?pageSize=2")).await.1).len(), 10);
}

#[tokio::test]
async fn search_may_lag_behind() {
    let caller = Caller::demo();
    caller.remonline.update_settings(|settings| settings.people_search_delay_ms = 2_000);
    let (_, person) = caller.post(PEOPLE, json!({ "first_name": "Olena" })).await;
    let names = format!("{PEOPLE}?names=Olena");
    assert_eq!(caller.get(&format!("{PEOPLE}/{}", person["id"])).await.0, 200);
    assert_eq!(ids(&caller.get(&names).await.1).len(), 0);
    caller.pass(Duration::from_secs(2));
    assert_eq!(ids(&caller.get(&names).await.1).len(), 1);
}

#[tokio::test]
async fn deleted_people_are_gone() {
    let caller = Caller::demo();
    let id = caller.remonline.people()[0]["id"].as_i64().unwrap();
    let path = format!("{PEOPLE}/{id}");
    assert_eq!(caller.send(caller.request("DELETE", &path, "")).await.0, 200);
    assert_eq!(caller.get(&path).await.0, 404);
    assert!(!caller.remonline.delete_person(id));
}

#[tokio::test]
async fn keeps_comments() {
    let caller = Caller::demo();
    let id = caller.remonline.people()[0]["id"].as_i64().unwrap();
    let body = json!({ "comment": "called", "is_private": true });
    assert_eq!(caller.post(&format!("{PEOPLE}/{id}/comments"), body).await.0, 201);
    let comments = caller.remonline.comments(id);
    assert_eq!((&comments[0]["comment"], &comments[0]["is_private"]), (&json!("called"), &json!(true)));
}

#[tokio::test]
async fn organizations_share_the_ids_of_people() {
    let caller = Caller::demo();
    let path = "/v2/contacts/organizations";
    assert_eq!(caller.post(path, json!({ "first_name": "Olena" })).await.0, 400);
    let (_, organization) = caller.post(path, json!({ "name": "Ромашка" })).await;
    let (_, person) = caller.post(PEOPLE, json!({ "first_name": "Olena" })).await;
    assert_eq!(person["id"].as_i64(), organization["id"].as_i64().map(|id| id + 1));
    assert_eq!(ids(&caller.get(&format!("{path}?names=ромашка")).await.1).len(), 1);
}
