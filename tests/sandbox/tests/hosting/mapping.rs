use rstest::rstest;
use sandbox::{Queue, QueueCount, Sandbox};

use crate::setup::{deliveries, enqueue, start, until};

/// A time scale that leaves the queue's visibility time-out of 360 s one second.
const QUICK: f64 = 360.0;

async fn put(sandbox: &Sandbox, bodies: &[&str]) {
    for body in bodies {
        enqueue(sandbox.environment("ingest").unwrap(), body).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_delivered_once_and_deleted() {
    let sandbox = start(|_| ()).await;
    let bodies: Vec<String> = (0..30).map(|number| format!("message {number}")).collect();
    put(&sandbox, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    until("the queue is empty", || sandbox.count(Queue::Lead) == QueueCount::default()).await;
    for body in &bodies {
        assert_eq!(deliveries(&sandbox, body), 1, "{body}");
    }
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_failed_message_of_a_batch_comes_back_until_it_is_a_dead_letter() {
    let sandbox = start(|options| {
        options.time_scale = QUICK;
        options.template = options.template.replace("maxReceiveCount: 50", "maxReceiveCount: 2");
    })
    .await;
    put(&sandbox, &["fine", "fail", "fine too"]).await;
    until("the failed message is dead", || sandbox.count(Queue::DeadLetter).waiting == 1).await;
    assert_eq!(sandbox.peek(Queue::DeadLetter), ["fail"]);
    assert_eq!(sandbox.count(Queue::Lead), QueueCount::default());
    assert_eq!(["fine", "fail", "fine too"].map(|body| deliveries(&sandbox, body)), [1, 2, 1]);
    sandbox.shutdown().await;
}

#[rstest]
#[case("err")]
#[case("crash")]
#[case("hang")]
#[case("name a stranger")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_failed_as_a_whole_comes_back(#[case] body: &str) {
    // The processor's 60 s become a sixth of a second.
    let sandbox = start(|options| options.time_scale = QUICK).await;
    put(&sandbox, &[body]).await;
    until("it is delivered again", || deliveries(&sandbox, body) >= 2).await;
    assert_eq!(sandbox.peek(Queue::Lead), [body]);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_batches_run_at_the_same_time() {
    let sandbox = start(|_| ()).await;
    put(&sandbox, &["be slow"; 4]).await;
    until("all are done", || sandbox.count(Queue::Lead) == QueueCount::default()).await;
    assert!(sandbox.pids("processor").unwrap().len() > 1);
    sandbox.shutdown().await;
}
