//! The HTTP API: HTTP in, payload 2.0 events to the functions, HTTP out
//! ("Create AWS Lambda proxy integrations for HTTP APIs" in the API Gateway guide).

mod event;
mod reply;
mod routes;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::routes::Routes;
use crate::lambda::Pool;
use crate::template::Route;

/// Largest request, in bytes.
const MAX_REQUEST: usize = 10 * 1024 * 1024;

/// Longest time a function may take to answer a request.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The routes and the functions behind them.
#[derive(Debug)]
pub(crate) struct Gateway {
    routes: Routes,
    functions: BTreeMap<String, Arc<Pool>>,
}

impl Gateway {
    /// `functions` by logical id.
    pub(crate) fn new(routes: &[Route], functions: BTreeMap<String, Arc<Pool>>) -> Arc<Self> {
        Arc::new(Self { routes: Routes::new(routes), functions })
    }

    /// Answers on `listener` until `stop`.
    pub(crate) fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        let router = Router::new().fallback(answer).with_state(self);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned());
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the HTTP API stopped");
            }
        });
    }
}

async fn answer(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(caller): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some(matched) = gateway.routes.find(&parts.method, parts.uri.path()) else {
        return refusal(StatusCode::NOT_FOUND, "Not Found");
    };
    let Some(function) = gateway.functions.get(matched.function) else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    };
    let body = match Limited::new(body, MAX_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        Err(_) => return refusal(StatusCode::BAD_REQUEST, "Bad Request"),
    };
    let event = event::of_request(&parts, &body, &matched, caller);
    match tokio::time::timeout(INTEGRATION_TIMEOUT, function.invoke(event.to_string().into())).await {
        Ok(Ok(answer)) => reply::to_response(&answer)
            .unwrap_or_else(|| refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        Ok(Err(_)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
    }
}

/// An answer of the gateway itself.
fn refusal(status: StatusCode, message: &str) -> Response {
    let body = Body::from(format!(r#"{{"message":"{message}"}}"#));
    (status, [(http::header::CONTENT_TYPE, "application/json")], body).into_response()
}
