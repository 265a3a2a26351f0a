use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header;
use http_body_util::{BodyExt, Collected};
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt;

use super::{DEMO_API_KEY, RemOnline};

/// Calls a demo company whose clock stands still and whose rate is not limited.
pub(super) struct Caller {
    pub(super) remonline: RemOnline,
    router: Router,
    clock: Arc<Mutex<Timestamp>>,
}

impl Caller {
    pub(super) fn demo() -> Self {
        let clock = Arc::new(Mutex::new("2026-03-01T09:30:00Z".parse().unwrap()));
        let hands = Arc::clone(&clock);
        let remonline = RemOnline::demo(move || *hands.lock().unwrap());
        remonline.update_settings(|settings| settings.rate_limited = false);
        Self { router: remonline.router(), remonline, clock }
    }

    pub(super) fn with_control() -> Self {
        let caller = Self::demo();
        Self { router: caller.remonline.router_with_control(), ..caller }
    }

    pub(super) fn now(&self) -> Timestamp {
        *self.clock.lock().unwrap()
    }

    pub(super) fn pass(&self, duration: Duration) {
        *self.clock.lock().unwrap() += duration;
    }

    /// A request with the demo key.
    pub(super) fn request(&self, method: &str, path: &str, body: &str) -> Request {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {DEMO_API_KEY}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap()
    }

    pub(super) async fn raw(&self, request: Request) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Status and body; a body that is no JSON is a string.
    pub(super) async fn send(&self, request: Request) -> (u16, Value) {
        let response = self.raw(request).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
        let text = || String::from_utf8_lossy(&body).into_owned();
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| text().into()))
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.request("GET", path, "")).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(self.request("POST", path, &body.to_string())).await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(self.request("PATCH", path, &body.to_string())).await
    }
}
