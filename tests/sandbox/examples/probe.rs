//! A function that does what its event says, and a host for it: the harness of the sandbox's own tests.
//!
//! `probe <function>` is what the sandbox starts. `probe host <directory>` is a sandbox that keeps everything in the
//! directory, says on stdout where its services are, and waits to be killed.

#![expect(clippy::print_stdout, reason = "lines on stdout are what the tests look at")]

use std::path::Path;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use sandbox::{Options, Sandbox, function};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["host", directory] => host(directory.as_ref()).await,
        ["ingest"] if std::env::var_os("PROBE_INGEST_CANNOT_START").is_some() => Err("cannot start".into()),
        [_] => {
            function::end_with_stdin();
            lambda_runtime::run(service_fn(handle)).await
        }
        _ => Err("probe <function> | probe host <directory>".into()),
    }
}

async fn host(directory: &Path) -> Result<(), Error> {
    let mut options = Options::new(std::env::current_exe()?);
    options.data_dir = Some(directory.to_owned());
    let sandbox = Sandbox::start(options).await?;
    println!("{}", json!({"url": sandbox.url, "environment": sandbox.environment("processor")}));
    std::future::pending().await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    println!("{}", json!({"pid": std::process::id(), "event": event.payload}));
    if let Some(records) = event.payload["Records"].as_array() {
        return batch(records).await;
    }
    match event.payload["rawPath"].as_str() {
        Some(path) => http(path, &event).await,
        None => Ok(event.payload),
    }
}

/// Each message's body says what becomes of it.
async fn batch(records: &[Value]) -> Result<Value, Error> {
    let mut failures = Vec::new();
    for record in records {
        match record["body"].as_str().unwrap_or_default() {
            "fail" => failures.push(json!({"itemIdentifier": record["messageId"]})),
            "name a stranger" => failures.push(json!({"itemIdentifier": "stranger"})),
            other => act(other).await?,
        }
    }
    Ok(json!({"batchItemFailures": failures}))
}

async fn http(path: &str, event: &LambdaEvent<Value>) -> Result<Value, Error> {
    match path.trim_start_matches('/') {
        "environment" => Ok(std::env::vars().collect()),
        "body" => Ok(json!({
            "statusCode": 201,
            "headers": {"content-type": "application/octet-stream"},
            "body": event.payload["body"],
            "isBase64Encoded": event.payload["isBase64Encoded"],
        })),
        "nonsense" => Ok(json!({"statusCode": "many"})),
        command => {
            act(command).await?;
            Ok(json!({"pid": std::process::id(), "deadline": event.context.deadline, "event": event.payload}))
        }
    }
}

async fn act(command: &str) -> Result<(), Error> {
    match command {
        "crash" => std::process::abort(),
        "hang" => std::future::pending().await,
        "be slow" | "be-slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(())
        }
        "err" => Err("asked to".into()),
        _ => Ok(()),
    }
}
