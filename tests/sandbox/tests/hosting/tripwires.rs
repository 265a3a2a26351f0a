use std::collections::BTreeMap;

use rstest::rstest;
use sandbox::{Failpoint, Moment, Queue, Sandbox};
use serde_json::json;

use crate::setup::{aws, enqueue, get, json_of, pid, start, until};

async fn wired() -> Sandbox {
    start(|options| options.tripwires = true).await
}

fn failpoint(operation: &str, moment: Moment) -> Failpoint {
    let (function, operation) = ("console".to_owned(), operation.to_owned());
    Failpoint { function, operation, nth: 1, moment }
}

/// The environment of a process of the console.
async fn environment(sandbox: &Sandbox) -> BTreeMap<String, String> {
    serde_json::from_value(json_of(&get(sandbox, "/environment").await)).unwrap()
}

#[rstest]
#[case(Moment::Before, 500)]
#[case(Moment::After, 200)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_dies_at_its_answer(#[case] moment: Moment, #[case] status: u16) {
    let sandbox = wired().await;
    let before = pid(&sandbox).await;
    let trap = sandbox.arm(failpoint("runtime response", moment)).unwrap();
    assert!(!trap.has_struck());
    assert_eq!(get(&sandbox, "/echo").await.status(), status);
    until("it struck", || trap.has_struck()).await;
    assert!(sandbox.pids("console").unwrap().is_empty());
    assert_ne!(pid(&sandbox).await, before);
    sandbox.shutdown().await;
}

#[rstest]
#[case(Moment::Before, 0)]
#[case(Moment::After, 1)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_dies_on_one_side_of_an_effect(#[case] moment: Moment, #[case] effects: usize) {
    let sandbox = start(|options| {
        options.tripwires = true;
        // Nobody takes the message off its queue again.
        options.template = options.template.replace("BatchSize: 10", "BatchSize: 0");
    })
    .await;
    let environment = environment(&sandbox).await;
    let trap = sandbox.arm(failpoint("sqs SendMessage", moment)).unwrap();
    let call = tokio::spawn(async move { enqueue(&environment, "hello").await });
    until("it struck", || trap.has_struck()).await;
    assert_eq!(sandbox.count(Queue::Lead).waiting, effects);
    assert!(!call.is_finished(), "the answer is not heard");
    assert!(sandbox.pids("console").unwrap().is_empty());
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_no_failpoint_names_pass_and_are_told() {
    let sandbox = wired().await;
    let _other = sandbox.arm(failpoint("sqs SendMessage", Moment::Before)).unwrap();
    let environment = environment(&sandbox).await;
    let alias = aws(&environment, "TrentService.ListAliases", json!({})).await;
    assert_eq!(alias["Aliases"][0]["TargetKeyId"], environment["SECRETS_KEY_ID"].as_str());
    let tables = aws(&environment, "DynamoDB_20120810.ListTables", json!({})).await;
    assert_eq!(tables["TableNames"].as_array().unwrap().len(), 4);
    let (of_lambda, others): (Vec<_>, Vec<_>) =
        sandbox.operations("console").unwrap().into_iter().partition(|operation| operation.starts_with("runtime "));
    assert_eq!(of_lambda[..2], ["runtime next", "runtime response"]);
    assert_eq!(others, ["kms ListAliases", "dynamodb ListTables"]);
    assert_eq!(sandbox.operations("ingest").unwrap(), [""; 0]);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tripwires_a_process_goes_straight_to_the_services() {
    let sandbox = start(|_| ()).await;
    let environment = environment(&sandbox).await;
    let expected = sandbox.environment("console").unwrap();
    assert_eq!(environment["AWS_ENDPOINT_URL"], expected["AWS_ENDPOINT_URL"]);
    assert!(sandbox.arm(failpoint("sqs SendMessage", Moment::Before)).is_err());
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_is_at_work_from_its_event_to_its_answer() {
    let sandbox = wired().await;
    let idle = pid(&sandbox).await;
    until("it is idle", || sandbox.pids_at_work("console").unwrap().is_empty()).await;
    let (answer, ()) = tokio::join!(get(&sandbox, "/hang"), async {
        until("it is at work", || !sandbox.pids_at_work("console").unwrap().is_empty()).await;
        let at_work = sandbox.pids_at_work("console").unwrap();
        assert_eq!(at_work, [u32::try_from(idle).unwrap()]);
        sandbox.kill(at_work[0]).await;
    });
    assert_eq!(answer.status(), 500);
    sandbox.shutdown().await;
}
