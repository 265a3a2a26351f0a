//! A caller learns the same from a simulator over a socket and in process.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use bytes::Bytes;
use jiff::Timestamp;
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use simulators::remonline::{DEMO_API_KEY, RemOnline};
use simulators::{Direct, Effect, Fault, Server, serve};
use transport::{Https, Transport, TransportError};

/// What keeps a socket open, how to send, and the address to send to.
type Carrier = (Option<Server>, Box<dyn Transport>, String);

async fn over_a_socket(remonline: &RemOnline) -> Carrier {
    let server = serve(remonline.router(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = server.url();
    (Some(server), Box::new(Https::new(1.0).unwrap()), url)
}

fn in_process(remonline: &RemOnline) -> Carrier {
    let direct = Direct::new().host("api.roapp.io", remonline.router());
    (None, Box::new(direct), "https://api.roapp.io".to_owned())
}

async fn create_order((_server, transport, url): &Carrier) -> Result<(u16, Value), TransportError> {
    let order = json!({ "branch_id": 15001, "order_type_id": 21001, "client_id": 31_000_001 });
    let request = http::Request::post(format!("{url}/v2/orders"))
        .header("authorization", format!("Bearer {DEMO_API_KEY}"))
        .header("content-type", "application/json")
        .body(Bytes::from(order.to_string()))
        .unwrap();
    let answer = transport.send(request).await?;
    Ok((answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or_default()))
}

#[rstest]
#[case(Effect::ApplyThenDrop, 1)]
#[case(Effect::DropBefore, 0)]
#[case(Effect::Huge, 1)]
#[tokio::test]
async fn a_lost_answer_leaves_the_outcome_unknown(
    #[case] effect: Effect,
    #[case] orders_made: usize,
    #[values(true, false)] socket: bool,
) {
    let remonline = RemOnline::demo(|| Timestamp::UNIX_EPOCH);
    let carrier = if socket { over_a_socket(&remonline).await } else { in_process(&remonline) };
    remonline.inject(Fault::once(effect).exactly("POST", "/v2/orders"));
    let failure = create_order(&carrier).await.unwrap_err();
    assert!(matches!(failure, TransportError::OutcomeUnknown(_)), "{failure}");
    assert_eq!(remonline.orders().len(), orders_made);

    let (status, order) = create_order(&carrier).await.unwrap();
    assert_eq!((status, &order["client"]["id"]), (201, &json!(31_000_001)));
    assert_eq!(remonline.orders().len(), orders_made + 1);
    assert_eq!(remonline.count("POST", "/v2/orders"), 2, "nobody repeated a request by itself");
}
