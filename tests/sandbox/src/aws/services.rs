use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::from_fn_with_state;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use winterbaume_core::{MockRequest, MockResponse, MockService, StatefulService};
use winterbaume_kms::{KmsService, KmsStateView};
use winterbaume_sqs::SqsService;
use winterbaume_sqs::types::Message;
use winterbaume_ssm::{SsmService, SsmStateView};

use super::access::{self, Access};
use super::data_dir::DataDir;
use super::persistence::StateFile;
use super::queue_faults::{QueueFaults, with_refused};
use super::queues::{Backend, Queues, Snapshot};
use super::topics::{Published, Topics};
use super::{ACCOUNT, MAX_CALL, REGION, sqs_limits};

/// SQS, KMS, SSM and SNS behind one address, as the SDK's wire protocol has them.
pub(crate) struct Services {
    queues: Arc<Queues>,
    faults: QueueFaults,
    sqs: SqsService,
    kms: KmsService,
    ssm: SsmService,
    topics: Topics,
    file: Option<StateFile>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Services").finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Everything {
    sqs: Snapshot,
    kms: KmsStateView,
    ssm: SsmStateView,
}

impl Services {
    /// Opens the services with the state of the data directory, or empty ones in memory.
    pub(super) async fn open(data_dir: Option<&DataDir>) -> anyhow::Result<Self> {
        let queues = Arc::new(Queues::default());
        let services = Self {
            sqs: SqsService::with_backend(Arc::new(Backend(Arc::clone(&queues)))),
            queues,
            faults: QueueFaults::default(),
            kms: KmsService::new(),
            ssm: SsmService::new(),
            topics: Topics::default(),
            file: data_dir.map(|data_dir| StateFile::new(data_dir.file("services.json"))),
        };
        if let Some(everything) = services.file.as_ref().map(StateFile::load).transpose()?.flatten() {
            services.restore(everything).await?;
        }
        Ok(services)
    }

    async fn restore(&self, everything: Everything) -> anyhow::Result<()> {
        self.queues.restore(everything.sqs);
        self.kms.restore(ACCOUNT, REGION, everything.kms).await?;
        self.ssm.restore(ACCOUNT, REGION, everything.ssm).await?;
        Ok(())
    }

    /// The queues, to look at them.
    pub(crate) fn queues(&self) -> &Queues {
        &self.queues
    }

    /// What was published to topics.
    pub(crate) fn published(&self) -> Vec<Published> {
        self.topics.published()
    }

    /// What goes wrong with what functions send to the queues.
    pub(crate) fn faults(&self) -> &QueueFaults {
        &self.faults
    }

    /// Receives at most `max` messages of `queue`, at once and possibly none.
    pub(crate) async fn receive(&self, queue: &str, max: usize) -> anyhow::Result<Vec<Message>> {
        let messages = self.queues.receive(queue, max)?;
        if !messages.is_empty() {
            self.save().await?;
        }
        Ok(messages)
    }

    /// Deletes received messages of `queue`.
    pub(crate) async fn delete(&self, queue: &str, receipt_handles: &[&str]) -> anyhow::Result<()> {
        for receipt_handle in receipt_handles {
            self.queues.delete(queue, receipt_handle)?;
        }
        self.save().await
    }

    /// Makes one call from inside, as `TrentService.CreateKey`.
    pub(super) async fn call(&self, target: &'static str, input: &Value) -> anyhow::Result<Value> {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-target", HeaderValue::from_static(target));
        let (method, uri) = (Method::POST.to_string(), "/".to_owned());
        let answer = self.handle(MockRequest { method, uri, headers, body: input.to_string().into() }).await;
        if answer.status != 200 {
            bail!("{target}: {}", String::from_utf8_lossy(&answer.body));
        }
        if answer.body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&answer.body).context(target) }
    }

    /// Answers a call once its effect is on the disk.
    async fn handle(&self, request: MockRequest) -> MockResponse {
        let target = request.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let target = target.unwrap_or_default().to_owned();
        let answer = match target.split_once('.') {
            Some(("AmazonSQS", _)) => self.handle_sqs(&target, request).await,
            Some(("TrentService", _)) => self.kms.handle(request).await,
            Some(("AmazonSSM", _)) => self.ssm.handle(request).await,
            None if target.is_empty() => self.topics.handle(&request.body).unwrap_or_else(not_played),
            _ => not_played(),
        };
        if answer.status == 200 && changes_state(&target) && self.save().await.is_err() {
            return error(500, "InternalFailure", "the data directory cannot be written");
        }
        answer
    }

    async fn handle_sqs(&self, target: &str, mut request: MockRequest) -> MockResponse {
        let refusal = sqs_limits::refusal(target, &request.body);
        if let Some(refusal) = refusal.or_else(|| self.faults.refusal(target, &request.body)) {
            return refusal;
        }
        let refused = self.faults.refuse(target, &mut request.body);
        with_refused(self.sqs.handle(request).await, refused)
    }

    async fn save(&self) -> anyhow::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let everything = async {
            Everything {
                sqs: self.queues.snapshot(),
                kms: self.kms.snapshot(ACCOUNT, REGION).await,
                ssm: self.ssm.snapshot(ACCOUNT, REGION).await,
            }
        };
        file.save(everything).await.inspect_err(|error| tracing::error!(%error, "the data directory cannot be written"))
    }
}

fn error(status: u16, code: &str, message: &str) -> MockResponse {
    winterbaume_core::json_error_response(status, code, message)
}

fn not_played() -> MockResponse {
    error(400, "UnknownOperationException", "the sandbox does not play this service")
}

fn changes_state(target: &str) -> bool {
    let action = target.split_once('.').map_or(target, |(_, action)| action);
    let only_reads = ["Get", "List", "Describe", "Encrypt", "Decrypt", "ReEncrypt", "Generate", "Verify", "Sign"];
    !only_reads.iter().any(|verb| action.starts_with(verb))
}

/// Answers on `listener` until `stop`.
pub(super) fn serve(
    listener: TcpListener,
    services: Arc<Services>,
    access: Arc<Access>,
    stop: &CancellationToken,
) -> anyhow::Result<SocketAddr> {
    let address = listener.local_addr()?;
    let router = Router::new().fallback(answer).layer(DefaultBodyLimit::max(MAX_CALL)).with_state(services);
    let router = router.layer(from_fn_with_state(access, access::guard));
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "SQS, KMS and SSM stopped");
        }
    });
    Ok(address)
}

async fn answer(
    State(services): State<Arc<Services>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let request = MockRequest { method: method.to_string(), uri: "/".to_owned(), headers, body };
    let MockResponse { status, headers, body } = services.handle(request).await;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}
