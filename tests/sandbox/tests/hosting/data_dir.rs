use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::setup::{aws, enqueue, get, kill_all, probe, send, until};

/// A sandbox in a process of its own, to be killed.
struct Host {
    process: Child,
    url: String,
    environment: BTreeMap<String, String>,
}

impl Host {
    async fn start(directory: &Path) -> Self {
        let mut command = Command::new(probe());
        command.arg("host").arg(directory).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
        let started: Value = serde_json::from_str(&line).unwrap();
        let environment = serde_json::from_value(started["environment"].clone()).unwrap();
        Self { process, url: started["url"].as_str().unwrap().to_owned(), environment }
    }

    async fn aws(&self, target: &str, input: Value) -> Value {
        aws(&self.environment, target, input).await
    }

    async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}

fn queue_url(host: &Host) -> &str {
    &host.environment["LEAD_QUEUE_URL"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_survives_a_sigkill() {
    let directory = tempfile::tempdir().unwrap();
    let host = Host::start(directory.path()).await;
    let key = host.environment["SECRETS_KEY_ID"].clone();
    let sealed = host.aws("TrentService.Encrypt", json!({"KeyId": key, "Plaintext": "c2VjcmV0"})).await;
    let item = json!({"pk": {"S": "bundle"}, "sk": {"S": "1"}});
    let put = json!({"TableName": host.environment["BUNDLES_TABLE"], "Item": item});
    host.aws("DynamoDB_20120810.PutItem", put).await;
    enqueue(&host.environment, "hang").await;
    let quarantine = json!({"QueueUrl": host.environment["QUARANTINE_QUEUE_URL"], "MessageBody": "unreadable"});
    host.aws("AmazonSQS.SendMessage", quarantine).await;
    host.kill().await;

    let host = Host::start(directory.path()).await;
    assert_eq!(host.environment["SECRETS_KEY_ID"], key);
    let opened = host.aws("TrentService.Decrypt", json!({"CiphertextBlob": sealed["CiphertextBlob"]})).await;
    assert_eq!(opened["Plaintext"], "c2VjcmV0");
    let wanted = json!({"TableName": host.environment["BUNDLES_TABLE"], "Key": item});
    assert_eq!(host.aws("DynamoDB_20120810.GetItem", wanted).await["Item"], item);
    let name = json!({"Name": host.environment["FACEBOOK_APP_SECRETS_PARAMETER"], "WithDecryption": true});
    assert_eq!(host.aws("AmazonSSM.GetParameter", name).await["Parameter"]["Value"], "sandbox-app-secret");
    let quarantined = json!({"QueueUrl": host.environment["QUARANTINE_QUEUE_URL"]});
    let quarantined = host.aws("AmazonSQS.ReceiveMessage", quarantined).await;
    assert_eq!(quarantined["Messages"][0]["Body"], "unreadable");
    host.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_in_flight_is_delivered_again_after_a_sigkill() {
    let directory = tempfile::tempdir().unwrap();
    let host = Host::start(directory.path()).await;
    enqueue(&host.environment, "hang").await;
    // It hangs in the processor, received and not deleted.
    in_flight(&host).await;
    host.kill().await;

    let mut options = Options::new(probe());
    options.data_dir = Some(directory.path().to_owned());
    options.capture_logs = true;
    let sandbox = Sandbox::start(options).await.unwrap();
    until("it is delivered again", || !sandbox.log_lines().is_empty()).await;
    let line: Value = serde_json::from_str(&sandbox.log_lines()[0]).unwrap();
    assert_eq!(line["event"]["Records"][0]["body"], "hang");
    assert_eq!(line["event"]["Records"][0]["attributes"]["ApproximateReceiveCount"], "2");
    kill_all(&sandbox, "processor").await;
    sandbox.shutdown().await;
}

async fn in_flight(host: &Host) {
    let attributes = json!({"QueueUrl": queue_url(host), "AttributeNames": ["All"]});
    loop {
        let answer = host.aws("AmazonSQS.GetQueueAttributes", attributes.clone()).await;
        if answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1" {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sigkill_leaves_no_function_behind() {
    let directory = tempfile::tempdir().unwrap();
    let host = Host::start(directory.path()).await;
    let answer = send(http::Request::get(format!("{}/echo", host.url)), "").await;
    let idle: Value = serde_json::from_slice(answer.body()).unwrap();
    let process = format!("/proc/{}", idle["pid"]);
    assert!(Path::new(&process).exists());
    host.kill().await;
    until("its function is gone", || !Path::new(&process).exists()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_sandbox_on_the_same_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let options = || {
        let mut options = Options::new(probe());
        options.data_dir = Some(directory.path().to_owned());
        options
    };
    let first = Sandbox::start(options()).await.unwrap();
    let refusal = Sandbox::start(options()).await.unwrap_err().to_string();
    assert!(refusal.ends_with("is in use by another sandbox"), "{refusal}");
    first.shutdown().await;
    let second = Sandbox::start(options()).await.unwrap();
    assert_eq!(get(&second, "/echo").await.status(), 200);
    second.shutdown().await;
}
