use futures::FutureExt;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use pretty_assertions::assert_eq;
use remonline::{Error, Pacer, PersonPhone, ReserveError};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::server::{RemOnline, client, clock, time};

fn fields(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn requests_carry_the_key_and_json() {
    let remonline = RemOnline::saying(201, json!({ "id": 7 })).await;
    let person = json!({ "first_name": "Olena", "phones": [PersonPhone::new("+380501112233")] });
    remonline.client.create_person(&fields(person)).await.unwrap();
    let asked = &remonline.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/v2/contacts/people"));
    assert_eq!(asked.headers[AUTHORIZATION], "Bearer shop-key");
    assert_eq!((&asked.headers[ACCEPT], &asked.headers[CONTENT_TYPE]), (&json_type(), &json_type()));
    let phones = json!([{ "title": "", "phone": "+380501112233" }]);
    assert_eq!(asked.body, json!({ "first_name": "Olena", "phones": phones }));
}

fn json_type() -> http::HeaderValue {
    http::HeaderValue::from_static("application/json")
}

#[tokio::test]
async fn writes_go_where_they_belong() {
    let remonline = RemOnline::saying(200, json!({ "id": 7 })).await;
    let client = &remonline.client;
    client.update_person(7, &fields(json!({ "notes": "again" }))).await.unwrap();
    client.create_order(&fields(json!({ "branch_id": 15001 }))).await.unwrap();
    client.set_status(7, 12, Some("by form")).await.unwrap();
    client.set_status(7, 12, None).await.unwrap();
    client.comment(7, "came again", true).await.unwrap();
    let sent = remonline.asked().into_iter().map(|asked| (asked.method, asked.path, asked.body)).collect::<Vec<_>>();
    let expected = [
        ("PATCH", "/v2/contacts/people/7", json!({ "notes": "again" })),
        ("POST", "/v2/orders", json!({ "branch_id": 15001 })),
        ("POST", "/v2/orders/7/status", json!({ "status_id": 12, "comment": "by form" })),
        ("POST", "/v2/orders/7/status", json!({ "status_id": 12 })),
        ("POST", "/v2/orders/7/comments", json!({ "comment": "came again", "is_private": true })),
    ];
    assert_eq!(sent, expected.map(|(method, path, body)| (method.to_owned(), path.to_owned(), body)));
}

#[tokio::test]
async fn what_was_exchanged_is_remembered_until_it_is_taken() {
    let remonline = RemOnline::saying(400, EMPTY_REFUSAL).await;
    let client = &remonline.client;
    client.find_by_email("olena@example.com", remonline::EmailSearch::Asked).await.unwrap_err();
    client.create_order(&fields(json!({ "branch_id": 15001 }))).await.unwrap_err();
    let exchanges = client.take_exchanges();
    let shown =
        exchanges.iter().map(|e| (e.method.as_str(), e.path.as_str(), e.body.clone(), e.status)).collect::<Vec<_>>();
    let order = Some(json!({ "branch_id": 15001 }));
    assert_eq!(
        shown,
        [("GET", "/v2/contacts/people", None, Some(400)), ("POST", "/v2/orders", order, Some(400))],
        "and no address in the path"
    );
    assert!(exchanges[0].at >= time("2026-11-23T09:00:00Z") && exchanges[0].at <= exchanges[1].at);
    assert!(client.take_exchanges().is_empty());
}

const EMPTY_REFUSAL: &str = r#"{"success":false}"#;

#[tokio::test]
async fn an_exchange_without_an_answer_is_remembered_too() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let client = client(port, Pacer::local(clock(), jiff::SignedDuration::ZERO));
    client.company().await.unwrap_err();
    let exchanges = client.take_exchanges();
    assert_eq!(exchanges.iter().map(|e| e.status).collect::<Vec<_>>(), [None]);
}

#[tokio::test]
async fn only_the_latest_hundred_are_remembered() {
    let remonline = RemOnline::saying(200, json!({ "id": 7 })).await;
    for id in 0..101 {
        let _ = remonline.client.person(id).await;
    }
    let exchanges = remonline.client.take_exchanges();
    assert_eq!((exchanges.len(), exchanges[0].path.as_str()), (100, "/v2/contacts/people/1"));
}

#[tokio::test]
async fn without_a_send_time_nothing_is_sent() {
    let remonline = RemOnline::saying(201, json!({ "id": 7 })).await;
    let pacer = Pacer::new(clock(), |_| std::future::ready(Err(ReserveError::new("no table"))).boxed());
    let held_back = client(remonline.port, pacer);
    let error = held_back.create_order(&Map::new()).await.unwrap_err();
    assert!(matches!(error, Error::Pacing(ReserveError::Store(_))), "{error}");
    assert!(remonline.asked().is_empty() && held_back.take_exchanges().is_empty());
}
