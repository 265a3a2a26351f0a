//! The function with the real AWS clients against a small SQS and SSM on loopback.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use axum::{Json, Router, extract::State, response::IntoResponse};
use hmac::{Hmac, KeyInit, Mac};
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

const SECRET: &str = "example-app-secret";
const LEADS: &str = "http://queue.example/leads";
const QUARANTINE: &str = "http://queue.example/quarantine";

/// SQS and SSM, with what they hold.
#[derive(Default)]
struct Aws {
    /// Message bodies by queue address.
    queues: Mutex<HashMap<String, Vec<String>>>,
    parameters: Mutex<HashMap<String, String>>,
    batches: AtomicUsize,
    readings: AtomicUsize,
    /// How many messages the queues still refuse.
    refusals: AtomicUsize,
    /// The address of a queue that is down.
    down: Mutex<Option<String>>,
}

struct World {
    aws: Arc<Aws>,
    now: Arc<AtomicI64>,
    ingest: Ingest,
}

async fn serve(State(aws): State<Arc<Aws>>, headers: HeaderMap, body: String) -> impl IntoResponse {
    let request = serde_json::from_str(&body).unwrap();
    match headers["x-amz-target"].to_str().unwrap() {
        "AmazonSQS.SendMessageBatch" => aws.send_batch(&request),
        "AmazonSSM.GetParameter" => aws.parameter(&request),
        other => panic!("{other} is not part of this AWS"),
    }
}

impl Aws {
    fn send_batch(&self, request: &Value) -> (StatusCode, Json<Value>) {
        self.batches.fetch_add(1, Ordering::SeqCst);
        let url = request["QueueUrl"].as_str().unwrap();
        if self.down.lock().unwrap().as_deref() == Some(url) {
            return (StatusCode::BAD_REQUEST, Json(json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist"})));
        }
        let (mut taken, mut failed) = (Vec::new(), Vec::new());
        for entry in request["Entries"].as_array().unwrap() {
            if self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                failed.push(json!({"Id": entry["Id"], "Code": "InternalError", "SenderFault": false}));
                continue;
            }
            let body = entry["MessageBody"].as_str().unwrap().to_owned();
            self.queues.lock().unwrap().entry(url.to_owned()).or_default().push(body);
            taken.push(json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": ""}));
        }
        (StatusCode::OK, Json(json!({"Successful": taken, "Failed": failed})))
    }

    fn parameter(&self, request: &Value) -> (StatusCode, Json<Value>) {
        assert_eq!(request["WithDecryption"], true);
        self.readings.fetch_add(1, Ordering::SeqCst);
        match self.parameters.lock().unwrap().get(request["Name"].as_str().unwrap()) {
            Some(value) => (StatusCode::OK, Json(json!({"Parameter": {"Value": value}}))),
            None => (StatusCode::BAD_REQUEST, Json(json!({"__type": "ParameterNotFound"}))),
        }
    }
}

impl World {
    async fn new() -> Self {
        let aws = Arc::new(Aws::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(Arc::clone(&aws));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let now = Arc::new(AtomicI64::new(1_790_000_000));
        let clock = {
            let now = Arc::clone(&now);
            Clock::new(move || Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap())
        };
        let config = Config {
            lead_queue_url: LEADS.into(),
            quarantine_queue_url: QUARANTINE.into(),
            app_secrets_parameter: "app-secrets".into(),
            verify_token_parameter: "verify-token".into(),
        };
        let ingest = Ingest::new(config, sqs(&endpoint), &ssm(&endpoint), &clock);
        let world = Self { aws, now, ingest };
        world.set("app-secrets", SECRET);
        world.set("verify-token", "alnumSecret123");
        world
    }

    fn set(&self, parameter: &str, value: &str) {
        self.aws.parameters.lock().unwrap().insert(parameter.into(), value.into());
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    fn queue(&self, url: &str) -> Vec<Value> {
        let queues = self.aws.queues.lock().unwrap();
        queues.get(url).into_iter().flatten().map(|body| serde_json::from_str(body).unwrap()).collect()
    }

    async fn post(&self, body: impl Into<Body>, signature: Option<&str>) -> (u16, Body) {
        let mut request = Request::new(body.into());
        *request.method_mut() = Method::POST;
        if let Some(signature) = signature {
            request.headers_mut().insert("x-hub-signature-256", signature.parse().unwrap());
        }
        self.answer(request).await
    }

    async fn post_signed(&self, body: &[u8]) -> (u16, Body) {
        self.post(body, Some(&sign(SECRET, body))).await
    }

    async fn answer(&self, request: Request) -> (u16, Body) {
        let response = self.ingest.handle(&request).await;
        (response.status().as_u16(), response.into_body())
    }
}

fn sqs(endpoint: &str) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled());
    aws_sdk_sqs::Client::from_conf(config.build())
}

fn ssm(endpoint: &str) -> aws_sdk_ssm::Client {
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(aws_sdk_ssm::config::BehaviorVersion::latest())
        .region(aws_sdk_ssm::config::Region::new("eu-central-1"))
        .credentials_provider(aws_sdk_ssm::config::Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(aws_sdk_ssm::config::retry::RetryConfig::disabled());
    aws_sdk_ssm::Client::from_conf(config.build())
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A POST with a change of `leadgen` for each lead id.
fn webhook(ids: impl IntoIterator<Item = Value>) -> Vec<u8> {
    let change = |id| json!({"field": "leadgen", "value": {"leadgen_id": id, "form_id": "700000000000001"}});
    let changes = ids.into_iter().map(change).collect::<Vec<_>>();
    json!({"object": "page", "entry": [{"id": "110000000000001", "changes": changes}]}).to_string().into_bytes()
}

fn announced(lead_id: &str) -> Value {
    json!({"kind": "lead", "leadgen_id": lead_id, "page_id": "110000000000001", "form_id": "700000000000001"})
}

#[tokio::test]
async fn an_announced_lead_is_on_the_queue_before_the_answer() {
    let world = World::new().await;
    assert_eq!(world.post_signed(&webhook([json!("900000000000001")])).await, (200, Body::Empty));
    assert_eq!(world.queue(LEADS), [announced("900000000000001")]);
    assert_eq!(world.queue(QUARANTINE), [] as [Value; 0]);
}

#[tokio::test]
async fn a_hundred_leads_take_ten_batches() {
    let world = World::new().await;
    let body = webhook((1..=100).map(|n| json!(n)).chain([json!("1")]));
    assert_eq!(world.post_signed(&body).await.0, 200);
    let mut queued = world.queue(LEADS);
    queued.sort_by_key(|message| message["leadgen_id"].as_str().unwrap().parse::<u32>().unwrap());
    assert_eq!(queued, (1..=100).map(|n| announced(&n.to_string())).collect::<Vec<_>>());
    assert_eq!(world.aws.batches.load(Ordering::SeqCst), 10);
}

#[rstest]
#[case(None)]
#[case(Some(""))]
#[case(Some("sha1=65085fd584e240fd3c6c678bd629e07e2cc6be3c"))]
#[case(Some("sha256=b65286407824ddc39ce32ec86c3018fd7c716260d86712e2f52aabc3261b2ddb"))]
#[tokio::test]
async fn an_unsigned_body_is_refused_and_leaves_no_trace(
    #[case] signature: Option<&str>,
    #[values(webhook([json!("1")]), b"garbage".to_vec())] body: Vec<u8>,
) {
    let world = World::new().await;
    assert_eq!(world.post(body.as_slice(), signature).await, (401, Body::Empty));
    assert_eq!(world.aws.batches.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn two_signatures_are_refused_even_if_both_are_right() {
    let world = World::new().await;
    let body = webhook([json!("1")]);
    let mut request = Request::new(Body::from(body.as_slice()));
    *request.method_mut() = Method::POST;
    for _ in 0..2 {
        request.headers_mut().append("X-Hub-Signature-256", sign(SECRET, &body).parse().unwrap());
    }
    assert_eq!(world.answer(request).await.0, 401);
}

#[rstest]
#[case(MAX_BODY, 200)]
#[case(MAX_BODY + 1, 413)]
#[tokio::test]
async fn the_size_of_a_body_is_limited(#[case] size: usize, #[case] status: u16) {
    let world = World::new().await;
    assert_eq!(world.post_signed(&vec![b'x'; size]).await.0, status);
    let kept = world.queue(QUARANTINE).iter().map(|it| it["body"].as_str().unwrap().len()).sum::<usize>();
    assert_eq!(kept, if status == 200 { size } else { 0 });
}

#[tokio::test]
async fn a_signed_body_that_is_no_json_goes_to_quarantine() {
    let world = World::new().await;
    assert_eq!(world.post_signed(b"{\"object\":").await.0, 200);
    let kept = json!({"received_at": "2026-09-21T14:13:20Z", "body": "{\"object\":"});
    assert_eq!((world.queue(QUARANTINE), world.queue(LEADS).len()), (vec![kept], 0));
}

#[tokio::test]
async fn an_unreadable_change_goes_to_quarantine_and_the_others_to_the_queue() {
    let world = World::new().await;
    assert_eq!(world.post_signed(&webhook([json!("1"), json!("../2"), json!(3)])).await.0, 200);
    assert_eq!(world.queue(LEADS), [announced("1"), announced("3")]);
    let kept = world.queue(QUARANTINE);
    assert_eq!((kept.len(), &kept[0]["change"]["value"]["leadgen_id"]), (1, &json!("../2")));
}

#[tokio::test]
async fn other_notices_are_acknowledged() {
    let world = World::new().await;
    assert_eq!(world.post_signed(br#"{"object":"user","entry":[]}"#).await.0, 200);
    assert_eq!(world.aws.batches.load(Ordering::SeqCst), 0);
}

#[rstest]
#[case(LEADS, webhook([json!("1")]))]
#[case(QUARANTINE, webhook([json!("-1")]))]
#[case(QUARANTINE, b"garbage".to_vec())]
#[tokio::test]
async fn without_a_queue_the_post_is_given_back(#[case] down: &str, #[case] body: Vec<u8>) {
    let world = World::new().await;
    *world.aws.down.lock().unwrap() = Some(down.to_owned());
    assert_eq!(world.post_signed(&body).await, (500, Body::Empty));
    *world.aws.down.lock().unwrap() = None;
    assert_eq!(world.post_signed(&body).await.0, 200);
}

#[rstest]
#[case::twice(2, 200)]
#[case::again_and_again(1000, 500)]
#[tokio::test]
async fn refused_messages_are_offered_again(#[case] refusals: usize, #[case] status: u16) {
    let world = World::new().await;
    world.aws.refusals.store(refusals, Ordering::SeqCst);
    assert_eq!(world.post_signed(&webhook([json!("1"), json!("2"), json!("3")])).await.0, status);
    let mut queued = world.queue(LEADS);
    queued.sort_by_key(|message| message["leadgen_id"].to_string());
    let expected = if status == 200 { vec![announced("1"), announced("2"), announced("3")] } else { vec![] };
    assert_eq!(queued, expected);
}

#[tokio::test]
async fn both_secrets_of_a_rotation_sign() {
    let world = World::new().await;
    world.set("app-secrets", "new-secret,example-app-secret");
    let body = webhook([json!("1")]);
    assert_eq!(world.post_signed(&body).await.0, 200);
    assert_eq!(world.post(body.as_slice(), Some(&sign("new-secret", &body))).await.0, 200);
}

#[tokio::test]
async fn a_replaced_secret_is_found_within_a_minute_and_forgeries_do_not_reach_ssm() {
    let world = World::new().await;
    let body = webhook([json!("1")]);
    assert_eq!(world.post_signed(&body).await.0, 200);
    world.set("app-secrets", "new-secret");
    let signature = sign("new-secret", &body);
    world.pass(59);
    for _ in 0..10 {
        assert_eq!(world.post(body.as_slice(), Some(&signature)).await.0, 401);
    }
    assert_eq!(world.aws.readings.load(Ordering::SeqCst), 1);
    world.pass(1);
    assert_eq!(world.post(body.as_slice(), Some(&signature)).await.0, 200);
    assert_eq!(world.post_signed(&body).await.0, 401);
    assert_eq!(world.aws.readings.load(Ordering::SeqCst), 2);
}

#[rstest]
#[case(None)]
#[case(Some("one,two,three"))]
#[tokio::test]
async fn without_a_secret_nothing_is_believed_and_nothing_lost(#[case] secret: Option<&str>) {
    let world = World::new().await;
    match secret {
        Some(secret) => world.set("app-secrets", secret),
        None => drop(world.aws.parameters.lock().unwrap().remove("app-secrets")),
    }
    let body = webhook([json!("1")]);
    assert_eq!(world.post_signed(&body).await.0, 500);
    world.set("app-secrets", SECRET);
    world.pass(60);
    assert_eq!(world.post_signed(&body).await.0, 200);
}

#[rstest]
#[case("hub.mode=subscribe&hub.challenge=1907342211&hub.verify_token=alnumSecret123", 200, Body::from("1907342211"))]
#[case("hub.mode=subscribe&hub.challenge=1907342211&hub.verify_token=wrong", 403, Body::Empty)]
#[case("hub.mode=subscribe&hub.challenge=%3Cb%3E&hub.verify_token=alnumSecret123", 400, Body::Empty)]
#[case("", 403, Body::Empty)]
#[tokio::test]
async fn meta_verifies_the_address(#[case] query: &str, #[case] status: u16, #[case] body: Body) {
    let world = World::new().await;
    let mut request = Request::new(Body::Empty);
    *request.uri_mut() = format!("https://shop.example/facebook/webhook?{query}").parse().unwrap();
    let response = world.ingest.handle(&request).await;
    assert_eq!((response.status().as_u16(), response.body()), (status, &body));
    if status == 200 {
        assert_eq!(response.headers()["content-type"], "text/plain");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn a_replaced_verify_token_is_found() {
    let world = World::new().await;
    let verify = async |token: &str| {
        let mut request = Request::new(Body::Empty);
        let query = format!("hub.mode=subscribe&hub.challenge=1&hub.verify_token={token}");
        *request.uri_mut() = format!("https://shop.example/facebook/webhook?{query}").parse().unwrap();
        world.answer(request).await.0
    };
    assert_eq!(verify("alnumSecret123").await, 200);
    world.set("verify-token", "another");
    world.pass(60);
    assert_eq!(verify("another").await, 200);
    assert_eq!(verify("alnumSecret123").await, 403);
}

#[rstest]
#[case(Method::PUT)]
#[case(Method::DELETE)]
#[case(Method::OPTIONS)]
#[case(Method::HEAD)]
#[tokio::test]
async fn other_methods_are_not_allowed(#[case] method: Method) {
    let mut request = Request::new(Body::Empty);
    *request.method_mut() = method;
    assert_eq!(World::new().await.answer(request).await.0, 405);
}
