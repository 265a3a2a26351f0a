//! The Runtime API that a function asks for its events ("Using the Lambda runtime API" in the Lambda guide).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::FunctionError;
use crate::clock::{now, request_id};

/// Largest answer of a synchronous invocation, in bytes.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

/// One event on its way to the function.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) payload: Bytes,
    pub(super) timeout: Duration,
    /// Told when the function takes the event: its time runs from there.
    pub(super) taken: oneshot::Sender<()>,
    pub(super) answer: oneshot::Sender<Result<Bytes, FunctionError>>,
}

struct RuntimeApi {
    arn: String,
    invocations: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    running: Mutex<Option<Running>>,
    init_failure: Mutex<Option<oneshot::Sender<FunctionError>>>,
}

struct Running {
    id: String,
    answer: oneshot::Sender<Result<Bytes, FunctionError>>,
}

/// What one process of the function is answered. A failed start is told to `init_failure`.
pub(super) fn router(
    arn: String,
    invocations: mpsc::Receiver<Invocation>,
    init_failure: oneshot::Sender<FunctionError>,
) -> Router {
    let api = RuntimeApi {
        arn,
        invocations: tokio::sync::Mutex::new(invocations),
        running: Mutex::new(None),
        init_failure: Mutex::new(Some(init_failure)),
    };
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(MAX_ANSWER))
        .with_state(Arc::new(api))
}

/// Serves one process on its own port until `stop`.
pub(super) fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    // What comes from afar is passed on piece by piece, and no piece is to wait for the acknowledgement of another.
    let port = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a slow connection");
        }
    });
    tokio::spawn(async move {
        // Not a graceful end: the process behind it is gone, and with it every request.
        stop.run_until_cancelled(axum::serve(port, router).into_future()).await
    });
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    let Some(invocation) = api.invocations.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let id = request_id();
    let deadline = now().as_millisecond() + i64::try_from(invocation.timeout.as_millis()).unwrap_or(i64::MAX / 2);
    let headers = [
        ("lambda-runtime-aws-request-id", id.clone()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", api.arn.clone()),
        ("lambda-runtime-trace-id", format!("Root=1-{:08x}-000000000000000000000000;Sampled=0", deadline / 1000)),
        ("content-type", "application/json".to_owned()),
    ];
    *api.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running { id, answer: invocation.answer });
    // Whoever waited may have gone away; the answer then finds nobody either.
    let _nobody_waits = invocation.taken.send(());
    (headers, invocation.payload).into_response()
}

async fn response(
    State(api): State<Arc<RuntimeApi>>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let too_large = |_| FunctionError::Reported(format!("the answer is larger than {MAX_ANSWER} bytes"));
    api.finish(&id, body.map_err(too_large))
}

async fn error(State(api): State<Arc<RuntimeApi>>, Path(id): Path<String>, body: Bytes) -> Response {
    api.finish(&id, Err(FunctionError::Reported(text(&body))))
}

async fn init_error(State(api): State<Arc<RuntimeApi>>, body: Bytes) -> Response {
    let waiting = api.init_failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(waiting) = waiting {
        let _nobody_waits = waiting.send(FunctionError::InitFailed(text(&body)));
    }
    accepted()
}

fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, r#"{"status":"OK"}"#).into_response()
}

impl RuntimeApi {
    fn finish(&self, id: &str, outcome: Result<Bytes, FunctionError>) -> Response {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.take_if(|running| running.id == id) {
            Some(running) => {
                let _nobody_waits = running.answer.send(outcome);
                accepted()
            }
            None => (StatusCode::BAD_REQUEST, r#"{"errorType":"InvalidRequestID"}"#).into_response(),
        }
    }
}
