//! What RemOnline answers to one call of its client, as a `Script`.

use std::{collections::BTreeMap, sync::Arc};

use domain::{Clock, EmailSearch, ExistingClient, NewClient, Phone, PhoneSearch, client_change};
use jiff::{SignedDuration, Timestamp};
use remonline::{Client, Error, Order, Pacer, Person};
use serde_json::{Map, Value, json};

use crate::script::{Script, first_line};

const KEY: &str = "EXAMPLE_KEY";
/// What our requests say and no history may repeat.
const SENT: &str = "Kanarka";
const CLIENT: i64 = 31_000_001;
const ORDER: i64 = 41_000_001;
/// Longest text that is kept of what RemOnline says, in characters.
const LONGEST_MESSAGE: usize = 300;
/// More exchanges than this nothing is worth.
const MOST_CALLS: usize = 40;

pub(super) fn run(input: &[u8]) {
    let (call, answers) = first_line(input);
    let script = Arc::new(Script::read(answers));
    let (status, body) = script.first();
    let client = client(&script);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let outcome = runtime.expect("a runtime").block_on(ask(&client, &call));

    let calls = script.asked().len();
    assert!((1..=MOST_CALLS).contains(&calls), "{calls} exchanges for {call}");
    assert_eq!(client.take_exchanges().len(), calls, "each exchange is remembered");
    let write = script.asked().iter().any(|request| !request.method().is_safe());
    assert!(!write || calls == 1, "a write is never repeated");
    if let Err(error) = &outcome {
        is_fit_for_a_history(error);
    }
    if calls == 1 {
        is_named_rightly(outcome.as_ref().err(), write, status, &body);
    }
}

fn client(script: &Arc<Script>) -> Client {
    let base = "https://ro.example/v2".parse().expect("an address");
    let pacer = Pacer::local(Clock::new(|| Timestamp::UNIX_EPOCH), SignedDuration::ZERO);
    Client::new(script.clone(), base, KEY.into(), pacer)
}

/// The call by its name; a name that is none creates a client.
async fn ask(client: &Client, call: &str) -> Result<(), Error> {
    let phone = Phone::parse("+380501112233", "UA").expect("a number");
    let since = Timestamp::UNIX_EPOCH;
    match call.trim() {
        "person" => client.person(CLIENT).await.map(|person| person.iter().for_each(|it| is_sound(it, Some(CLIENT)))),
        "list_people" => client.list_people(1).await.map(|page| page.rows.iter().for_each(|it| is_sound(it, None))),
        "find_by_phone" => {
            client.find_by_phone(&phone, PhoneSearch::OneByOne).await.map(|found| are_of(&found, &phone))
        }
        "find_by_phone_together" => {
            client.find_by_phone(&phone, PhoneSearch::Together).await.map(|found| are_of(&found, &phone))
        }
        "find_by_email" => client.find_by_email("Kanarka@example.com", EmailSearch::Asked).await.map(|found| {
            assert!(found.iter().all(|person| person.email.trim().eq_ignore_ascii_case("kanarka@example.com")));
        }),
        "probe_search" => client.probe_search().await.map(drop),
        "update_person" => client.update_person(CLIENT, &fields()).await,
        "order" => client.order(ORDER).await.map(|order| order.iter().for_each(|it| assert_eq!(it.id, ORDER))),
        "orders_of_client" => client.orders_of_client(CLIENT, Some(since)).await.map(|orders| are_orders(&orders)),
        "orders_created_since" => client.orders_created_since(since, 1).await.map(|page| {
            assert!(page.rows.iter().all(|order| order.created_at.is_none_or(|at| at >= since) && order.id > 0));
        }),
        "create_order" => client.create_order(&fields()).await.map(|order| assert!(order.id > 0)),
        "set_status" => client.set_status(ORDER, 12, Some(SENT)).await,
        "comment" => client.comment(ORDER, SENT, true).await,
        "company" => client.company().await.map(|company| assert!(!company.name.is_empty())),
        "branches" => client.branches().await.map(drop),
        "statuses" => client.statuses().await.map(drop),
        "client_fields" => client.client_fields().await.map(drop),
        _ => client.create_person(&fields()).await.map(|person| is_sound(&person, None)),
    }
}

fn fields() -> Map<String, Value> {
    Map::from_iter([("first_name".to_owned(), json!(SENT)), ("phones".to_owned(), json!([{"phone": "+380501112233"}]))])
}

/// A card has an id, and whatever else it says can be compared with a lead.
fn is_sound(person: &Person, id: Option<i64>) {
    assert!(person.id > 0 && id.is_none_or(|id| id == person.id));
    let existing = ExistingClient::from(person);
    let new = NewClient {
        phone: Phone::parse("+380501112233", "UA"),
        fields: Map::from_iter([("notes".to_owned(), json!("Facebook")), ("manager_id".to_owned(), json!(9001))]),
        ..NewClient::default()
    };
    let phone = new.phone.as_ref().expect("a number");
    let change = client_change(&existing, &new, &BTreeMap::new());
    let phones = change.as_ref().and_then(|change| change.get("phones")).and_then(Value::as_array);
    assert_eq!(phones.is_some(), !person.has_phone(phone), "a number is added once");
    assert!(phones.is_none_or(|phones| phones.len() == person.phones.len() + 1), "no number is lost");
}

fn are_of(found: &[Person], phone: &Phone) {
    assert!(found.iter().all(|person| person.has_phone(phone)), "only who has the number counts");
    assert!(found.is_sorted_by(|one, other| one.id < other.id), "lowest id first, each once");
}

fn are_orders(orders: &[Order]) {
    assert!(orders.iter().all(|order| order.client_id == Some(CLIENT) && order.id > 0), "only the client's own");
}

fn is_fit_for_a_history(error: &Error) {
    let Some(details) = error.details() else { panic!("nothing was in the way of sending: {error}") };
    let texts = details.fields.iter().flat_map(|(field, text)| [field, text]).chain([&details.message]);
    for text in texts {
        assert!(text.chars().count() <= LONGEST_MESSAGE, "{} characters", text.chars().count());
        assert!(!text.contains('@') && !text.contains("0501112233"), "{text}");
    }
}

/// Every status has one meaning.
fn is_named_rightly(error: Option<&Error>, write: bool, status: u16, body: &[u8]) {
    let Some(error) = error else {
        assert!(matches!(status, 200..300 | 404 | 410), "{status} was taken for a success");
        return;
    };
    let unclear = matches!(error, Error::OutcomeUnknown(_)) == write && matches!(error, Error::Unavailable(_)) != write;
    let rightly = match status {
        200..=299 if !says_failure(body) => unclear,
        200..=299 => true,
        401 => matches!(error, Error::KeyRejected(_)),
        402 | 405 => matches!(error, Error::Forbidden(_)),
        403 => matches!(error, Error::KeyRejected(_) | Error::Forbidden(_)),
        404 | 410 => matches!(error, Error::NotFound(_)),
        429 => {
            matches!(error, Error::Throttled { retry_after, .. } if retry_after.is_none_or(|wait| !wait.is_negative()))
        }
        408 | ..=399 | 500.. => unclear,
        _ => matches!(error, Error::Rejected(_)),
    };
    assert!(rightly, "{status} after a {}: {error:?}", if write { "write" } else { "read" });
}

fn says_failure(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body["success"] == Value::Bool(false))
}
