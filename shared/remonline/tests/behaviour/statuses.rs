use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::response::IntoResponse;
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use jiff::SignedDuration;
use pretty_assertions::assert_eq;
use remonline::{Client, Error};
use rstest::rstest;
use serde_json::{Map, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use transport::Https;

use crate::server::{RemOnline, client, pacer};

const EMPTY: &str = "";

fn meaning(error: &Error) -> &'static str {
    match error {
        Error::Rejected(_) => "rejected",
        Error::NotFound(_) => "not found",
        Error::KeyRejected(_) => "key rejected",
        Error::Forbidden(_) => "forbidden",
        Error::Throttled { .. } => "throttled",
        Error::Unavailable(_) => "unavailable",
        Error::OutcomeUnknown(_) => "outcome unknown",
        Error::Pacing(_) => "pacing",
    }
}

async fn read(client: &Client) -> Result<(), Error> {
    client.company().await.map(drop)
}

async fn write(client: &Client) -> Result<(), Error> {
    client.create_order(&Map::new()).await.map(drop)
}

#[rstest]
#[case(400, r#"{"message":"Bad"}"#, "rejected", "rejected")]
#[case(401, r#"{"message":"Unauthorized"}"#, "key rejected", "key rejected")]
#[case(402, EMPTY, "forbidden", "forbidden")]
#[case(403, r#"{"message":"Forbidden"}"#, "forbidden", "forbidden")]
#[case(403, r#"{"success":false,"code":101,"message":"Invalid token"}"#, "key rejected", "key rejected")]
#[case(404, r#"{"message":"Not found"}"#, "not found", "not found")]
#[case(405, EMPTY, "forbidden", "forbidden")]
#[case(408, EMPTY, "unavailable", "outcome unknown")]
#[case(409, EMPTY, "rejected", "rejected")]
#[case(422, r#"{"errors":{"branch_id":["Required field"]}}"#, "rejected", "rejected")]
#[case(429, EMPTY, "throttled", "throttled")]
#[case(500, EMPTY, "unavailable", "outcome unknown")]
#[case(502, "<html>", "unavailable", "outcome unknown")]
#[case(504, EMPTY, "unavailable", "outcome unknown")]
#[case(304, EMPTY, "unavailable", "outcome unknown")]
#[case(200, EMPTY, "unavailable", "outcome unknown")]
#[case(200, "<html>", "unavailable", "outcome unknown")]
#[case(200, r#"{"data":"#, "unavailable", "outcome unknown")]
#[case(200, r#"{"data":{}}"#, "unavailable", "outcome unknown")]
#[case(200, r#"{"success":false,"message":"Bad"}"#, "rejected", "rejected")]
#[case(200, r#"{"success":false,"code":101}"#, "key rejected", "key rejected")]
#[case(200, r#"{"success":false,"code":500}"#, "unavailable", "outcome unknown")]
#[tokio::test]
async fn a_status_means(#[case] status: u16, #[case] body: &str, #[case] of_read: &str, #[case] of_write: &str) {
    let remonline = RemOnline::saying(status, body).await;
    let (read, write) = (read(&remonline.client).await.unwrap_err(), write(&remonline.client).await.unwrap_err());
    assert_eq!((meaning(&read), meaning(&write)), (of_read, of_write));
    assert_eq!((read.status(), write.status()), (Some(status), Some(status)));
    assert_eq!(remonline.asked().len(), 2, "nothing is repeated");
}

#[tokio::test]
async fn a_refusal_names_status_code_text_and_fields() {
    let body =
        json!({ "success": false, "code": 400, "message": { "validation": { "client_id": ["Required field"] } } });
    let error = write(&RemOnline::saying(400, body).await.client).await.unwrap_err();
    let details = error.details().unwrap();
    assert_eq!((details.status, details.code), (Some(400), Some(400)));
    assert_eq!(details.fields, [("client_id".to_owned(), "Required field".to_owned())]);
    assert_eq!(error.to_string(), "RemOnline refused the data: client_id: Required field (status 400)");
}

#[tokio::test]
async fn a_refusal_does_not_repeat_what_was_sent() {
    let remonline = RemOnline::saying(400, "Олена +380501112233 exists").await;
    let person = Map::from_iter([("first_name".to_owned(), json!("Олена"))]);
    let error = remonline.client.create_person(&person).await.unwrap_err();
    assert_eq!(error.details().unwrap().message, "*** +*** exists");
}

#[tokio::test]
async fn throttling_says_how_long() {
    let remonline =
        RemOnline::answering(|_| (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "7")]).into_response()).await;
    let Err(Error::Throttled { retry_after, details }) = read(&remonline.client).await else { panic!("not throttled") };
    assert_eq!((retry_after, details.status), (Some(SignedDuration::from_secs(7)), Some(429)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let location = [(LOCATION, HeaderValue::from_static("/v2/elsewhere"))];
    let remonline =
        RemOnline::answering(move |_| (StatusCode::TEMPORARY_REDIRECT, location.clone()).into_response()).await;
    assert_eq!(meaning(&write(&remonline.client).await.unwrap_err()), "outcome unknown");
    assert_eq!(remonline.lines(), ["POST /v2/orders"]);
}

#[tokio::test]
async fn nobody_there_means_nothing_happened() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let client = client(port, pacer());
    assert_eq!(meaning(&read(&client).await.unwrap_err()), "unavailable");
    let error = write(&client).await.unwrap_err();
    assert_eq!((meaning(&error), error.status()), ("unavailable", None));
}

/// Reads each request and hangs up.
async fn hanging_up() -> (Client, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap().port(), pacer());
    let requests = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let read = stream.read(&mut [0; 4096]).await.unwrap_or(0);
            count.fetch_add(u32::from(read > 0), Ordering::SeqCst);
        }
    });
    (client, requests)
}

#[tokio::test]
async fn a_lost_answer_leaves_a_write_open_and_is_not_asked_for_again() {
    let (client, requests) = hanging_up().await;
    assert_eq!(meaning(&read(&client).await.unwrap_err()), "unavailable");
    assert_eq!(meaning(&write(&client).await.unwrap_err()), "outcome unknown");
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn silence_ends_by_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v2", listener.local_addr().unwrap()).parse().unwrap();
    let client = Client::new(Arc::new(Https::new(50.0).unwrap()), base, "shop-key".to_owned().into(), pacer());
    assert_eq!(meaning(&read(&client).await.unwrap_err()), "unavailable");
    assert_eq!(meaning(&write(&client).await.unwrap_err()), "outcome unknown");
}

#[rstest]
#[case(200)]
#[case(400)]
#[tokio::test]
async fn a_huge_answer_is_not_read(#[case] status: u16) {
    let body = format!("{:?}", "x".repeat(2 * transport::MAX_BODY));
    let remonline = RemOnline::saying(status, body).await;
    assert_eq!(meaning(&read(&remonline.client).await.unwrap_err()), "unavailable");
    assert_eq!(meaning(&write(&remonline.client).await.unwrap_err()), "outcome unknown");
}

#[rstest]
#[case(200, json!({ "id": 41_000_001 }))]
#[case(201, json!({ "id": "41000001" }))]
#[case(201, json!({ "data": { "id": 41_000_001 } }))]
#[case(200, json!({ "data": [{ "id": 41_000_001 }], "success": true }))]
#[tokio::test]
async fn a_create_answers_in_many_shapes(#[case] status: u16, #[case] body: serde_json::Value) {
    let client = RemOnline::saying(status, body).await.client;
    assert_eq!(client.create_order(&Map::new()).await.unwrap().id, 41_000_001);
    assert_eq!(client.create_person(&Map::new()).await.unwrap().id, 41_000_001);
}

#[rstest]
#[case(200, EMPTY)]
#[case(204, EMPTY)]
#[case(200, "{}")]
#[case(201, r#"{"success":true}"#)]
#[tokio::test]
async fn a_change_needs_no_id_in_its_answer(#[case] status: u16, #[case] body: &str) {
    let client = RemOnline::saying(status, body).await.client;
    client.update_person(7, &Map::new()).await.unwrap();
    client.set_status(7, 12, None).await.unwrap();
    client.comment(7, "again", true).await.unwrap();
}

#[tokio::test]
async fn what_is_not_found_by_id_is_none() {
    let client = RemOnline::saying(404, r#"{"message":"Not found"}"#).await.client;
    assert_eq!(client.person(7).await.unwrap(), None);
    assert_eq!(client.order(7).await.unwrap(), None);
}

#[tokio::test]
async fn something_else_under_the_id_is_no_answer() {
    let client = RemOnline::saying(200, r#"{"id":8}"#).await.client;
    assert_eq!(meaning(&client.person(7).await.unwrap_err()), "unavailable");
    assert_eq!(meaning(&client.order(7).await.unwrap_err()), "unavailable");
    assert_eq!(client.person(8).await.unwrap().unwrap().id, 8);
}
