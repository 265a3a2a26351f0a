use rstest::rstest;
use sandbox::{Options, Queue, QueueCount, Sandbox};

use crate::setup::{deliveries, enqueue, kill_all, start, until};

/// Messages come back after three seconds and the processor has one; a second failure makes a dead letter.
fn quick(options: &mut Options) {
    for (slow, quick) in [
        ("VisibilityTimeout: 360", "VisibilityTimeout: 3"),
        ("Timeout: 60", "Timeout: 1"),
        ("maxReceiveCount: 50", "maxReceiveCount: 2"),
    ] {
        assert!(options.template.contains(slow));
        options.template = options.template.replace(slow, quick);
    }
}

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
    let sandbox = start(quick).await;
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
    let sandbox = start(quick).await;
    put(&sandbox, &[body]).await;
    until("it is dead", || sandbox.peek(Queue::DeadLetter) == [body]).await;
    assert_eq!(deliveries(&sandbox, body), 2);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_batch_does_not_hold_up_the_next() {
    let sandbox = start(|_| ()).await;
    put(&sandbox, &["hang"]).await;
    until("it hangs", || sandbox.count(Queue::Lead).in_flight == 1).await;
    put(&sandbox, &["fine"]).await;
    until("the other is done", || deliveries(&sandbox, "fine") == 1).await;
    kill_all(&sandbox, "processor").await;
    sandbox.shutdown().await;
}
