use jiff::Timestamp;
use serde_json::Value;

use crate::setup::{get, json_of, kill_all, pid, send, start, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_process_is_used_again() {
    let sandbox = start(|_| ()).await;
    assert_eq!(pid(&sandbox).await, pid(&sandbox).await);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_the_same_time_get_a_process_each() {
    let sandbox = start(|_| ()).await;
    let hanging = futures::future::join_all((0..4).map(|_| get(&sandbox, "/hang")));
    let killing = async {
        until("four run", || sandbox.pids("console").unwrap().len() == 4).await;
        kill_all(&sandbox, "console").await;
    };
    let (answers, ()) = tokio::join!(hanging, killing);
    assert!(answers.iter().all(|answer| answer.status() == 500));
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_fails_its_request_and_no_other() {
    let sandbox = start(|_| ()).await;
    let before = pid(&sandbox).await;
    assert_eq!(get(&sandbox, "/crash").await.status(), 500);
    assert_ne!(pid(&sandbox).await, before);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_the_handler_keeps_its_process() {
    let sandbox = start(|_| ()).await;
    let before = pid(&sandbox).await;
    assert_eq!(get(&sandbox, "/err").await.status(), 500);
    assert_eq!(pid(&sandbox).await, before);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_while_idle_is_replaced_unnoticed() {
    let sandbox = start(|_| ()).await;
    let before = pid(&sandbox).await;
    assert!(sandbox.kill(u32::try_from(before).unwrap()).await);
    assert!(sandbox.pids("console").unwrap().is_empty());
    assert_ne!(pid(&sandbox).await, before);
    assert!(!sandbox.kill(u32::try_from(before).unwrap()).await);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_takes_too_long_is_killed() {
    // The console has 30 s.
    let sandbox = start(|options| options.time_scale = 10.0).await;
    let answer = json_of(&get(&sandbox, "/echo").await);
    let left = answer["deadline"].as_i64().unwrap() - answer["event"]["requestContext"]["timeEpoch"].as_i64().unwrap();
    assert!((3_000..30_000).contains(&left), "{left} ms");
    assert_eq!(get(&sandbox, "/hang").await.status(), 500);
    until("it is killed", || sandbox.pids("console").unwrap().is_empty()).await;
    assert_eq!(get(&sandbox, "/echo").await.status(), 200);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_cannot_start_fails_each_event() {
    let sandbox = start(|options| {
        options.function_environment.insert("PROBE_INGEST_CANNOT_START".to_owned(), "1".to_owned());
    })
    .await;
    for _ in 0..2 {
        assert_eq!(get(&sandbox, "/facebook/webhook").await.status(), 500);
    }
    assert_eq!(get(&sandbox, "/echo").await.status(), 200);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_is_the_template_s_and_nothing_else() {
    let sandbox = start(|options| options.app_id = Some("600000000000001".to_owned())).await;
    let environment = json_of(&get(&sandbox, "/environment").await);
    let value = |name: &str| environment[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(value("TRANSACTIONS_TABLE"), "TransactionsTable");
    assert!(value("LEAD_QUEUE_URL").ends_with("/LeadQueue"));
    assert_eq!(value("FACEBOOK_APP_SECRETS_PARAMETER"), "/remonline-leads/facebook-app-secrets");
    assert_eq!(value("FACEBOOK_APP_ID"), "600000000000001");
    assert_eq!(value("CONSOLE_URL"), sandbox.url);
    assert_eq!(value("TIME_SCALE"), "1");
    assert_eq!(value("SECRETS_KEY_ID").len(), 36);
    assert!(value("REMONLINE_API_URL").ends_with("/v2"));
    assert_eq!(environment.get("PATH"), None);
    assert_eq!(environment.get("HOME"), None);
    // The console has no business with the webhook's secret.
    assert_eq!(environment.get("FACEBOOK_VERIFY_TOKEN_PARAMETER"), None);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_lines_are_kept_whole() {
    let sandbox = start(|_| ()).await;
    get(&sandbox, "/echo").await;
    let pids = sandbox.pids("console").unwrap();
    sandbox.kill(pids[0]).await;
    let line: Value = serde_json::from_str(&sandbox.log_lines()[0]).unwrap();
    assert_eq!(line["event"]["rawPath"], "/echo");
    let time: i64 = line["event"]["requestContext"]["timeEpoch"].as_i64().unwrap();
    assert!(Timestamp::from_millisecond(time).is_ok());
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_when_the_sandbox_is_told_to_stop_may_finish() {
    let sandbox = start(|_| ()).await;
    let url = sandbox.url.clone();
    let answer = tokio::spawn(async move { send(http::Request::get(format!("{url}/be-slow")), "").await });
    until("it runs", || !sandbox.log_lines().is_empty()).await;
    sandbox.shutdown().await;
    assert_eq!(answer.await.unwrap().status(), 200);
}
