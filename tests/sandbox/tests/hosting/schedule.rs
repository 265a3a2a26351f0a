use serde_json::{Value, json};

use crate::setup::{start, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scheduler_is_woken_by_the_clock() {
    // Once a minute becomes ten times a second.
    let sandbox = start(|options| options.schedule_scale = 600.0).await;
    until("it has run twice", || sandbox.log_lines().len() >= 2).await;
    let line: Value = serde_json::from_str(&sandbox.log_lines()[0]).unwrap();
    assert_eq!(line["event"], json!({"job": "wake"}));
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_can_be_run_by_hand() {
    let sandbox = start(|_| ()).await;
    let event = json!({"job": "audit"});
    assert_eq!(sandbox.invoke("scheduler", &event).await.unwrap(), event);
    assert!(sandbox.invoke("nobody", &event).await.is_err());
    sandbox.shutdown().await;
}
