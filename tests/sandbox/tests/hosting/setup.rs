use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use transport::{Https, Transport};

/// Long enough for a machine that compiles at the same time.
const PATIENCE: Duration = Duration::from_secs(60);

/// The example program, which `cargo test` builds beside the tests.
pub(crate) fn probe() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let probe = tests.parent().unwrap().parent().unwrap().join("examples/probe");
    assert!(probe.exists(), "cargo test builds it unless told to build one target only: {}", probe.display());
    probe
}

pub(crate) async fn start(adjust: impl FnOnce(&mut Options)) -> Sandbox {
    let mut options = Options::new(probe());
    options.capture_logs = true;
    adjust(&mut options);
    Sandbox::start(options).await.unwrap()
}

pub(crate) async fn send(request: http::request::Builder, body: impl Into<Bytes>) -> Response<Bytes> {
    Https::new(1.0).unwrap().send(request.body(body.into()).unwrap()).await.unwrap()
}

pub(crate) async fn get(sandbox: &Sandbox, path: &str) -> Response<Bytes> {
    send(Request::get(format!("{}{path}", sandbox.url)), "").await
}

pub(crate) fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// The process that answered.
pub(crate) async fn pid(sandbox: &Sandbox) -> u64 {
    json_of(&get(sandbox, "/echo").await)["pid"].as_u64().unwrap()
}

/// Kills every process of a function, so that a hanging one does not hold up the end of a test.
pub(crate) async fn kill_all(sandbox: &Sandbox, function: &str) {
    for pid in sandbox.pids(function).unwrap() {
        sandbox.kill(pid).await;
    }
}

/// One call of an AWS service, by the wire protocol of the SDKs.
pub(crate) async fn aws(environment: &BTreeMap<String, String>, target: &str, input: Value) -> Value {
    let endpoint = if target.starts_with("DynamoDB") { "AWS_ENDPOINT_URL_DYNAMODB" } else { "AWS_ENDPOINT_URL" };
    let signature = "AWS4-HMAC-SHA256 Credential=a/20261123/us-east-1/b/aws4_request, SignedHeaders=host, Signature=c";
    let request = Request::post(&environment[endpoint])
        .header("x-amz-target", target)
        .header("x-amz-date", "20261123T000000Z")
        .header("authorization", signature)
        .header("content-type", "application/x-amz-json-1.0");
    let answer = send(request, input.to_string()).await;
    assert_eq!(answer.status(), 200, "{target}: {:?}", answer.body());
    if answer.body().is_empty() { Value::Null } else { json_of(&answer) }
}

/// Puts one message on the lead queue.
pub(crate) async fn enqueue(environment: &BTreeMap<String, String>, body: &str) {
    let input = json!({"QueueUrl": environment["LEAD_QUEUE_URL"], "MessageBody": body});
    aws(environment, "AmazonSQS.SendMessage", input).await;
}

/// How often the functions of the sandbox were handed a message with this body.
pub(crate) fn deliveries(sandbox: &Sandbox, body: &str) -> usize {
    let lines = sandbox.log_lines();
    let events = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let bodies = events.flat_map(|line| line["event"]["Records"].as_array().cloned().unwrap_or_default());
    bodies.filter(|record| record["body"] == body).count()
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "still not so: {what}");
}
