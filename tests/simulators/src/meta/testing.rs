use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt;

use super::{App, DEMO_PAGE, DEMO_PAGE_TOKEN, Meta, NewLead};
use crate::Direct;

pub(super) const APP_ID: &str = "500000000000001";
pub(super) const SECRET: &str = "example-app-secret";
pub(super) const HOOK: &str = "https://crm.example/hook";
pub(super) const VERIFY_TOKEN: &str = "alnumSecret123";

/// Calls the demo page of a Meta whose clock stands still.
pub(super) struct Caller {
    pub(super) meta: Meta,
    clock: Arc<Mutex<Timestamp>>,
}

impl Caller {
    pub(super) fn demo() -> Self {
        let clock = Arc::new(Mutex::new("2026-11-23T09:30:00Z".parse().unwrap()));
        let hands = Arc::clone(&clock);
        let app = App { id: APP_ID.to_owned(), secret: SECRET.to_owned() };
        Self { meta: Meta::demo(app, move || *hands.lock().unwrap()), clock }
    }

    /// The app subscribed and installed, with the receiver that it tells.
    pub(super) async fn subscribed() -> (Self, Receiver) {
        let (caller, receiver) = (Self::demo(), Receiver::default());
        caller.meta.send_over(Arc::new(Direct::new().host("crm.example", receiver.router())));
        caller.meta.subscribe(HOOK, VERIFY_TOKEN).await.unwrap();
        caller.meta.install(DEMO_PAGE);
        (caller, receiver)
    }

    pub(super) fn now(&self) -> Timestamp {
        *self.clock.lock().unwrap()
    }

    pub(super) fn pass(&self, duration: Duration) {
        *self.clock.lock().unwrap() += duration;
    }

    pub(super) async fn raw(&self, request: Request) -> Response {
        self.meta.router_with_control().oneshot(request).await.unwrap()
    }

    pub(super) async fn send(&self, method: &str, path: &str, token: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://graph.example{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(serde_urlencoded::to_string(form).unwrap()));
        read(self.raw(request.unwrap()).await).await
    }

    /// Reads with the demo page's token.
    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, DEMO_PAGE_TOKEN, &[]).await
    }

    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        self.send("POST", path, DEMO_PAGE_TOKEN, form).await
    }

    /// Writes JSON to the simulator's own controls.
    pub(super) async fn control(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        read(self.raw(request.body(Body::from(body.to_string())).unwrap()).await).await
    }

    /// Code and subcode of the error that a read ends with; zeros when it succeeds.
    pub(super) async fn error(&self, path: &str) -> (u64, u64) {
        code(&self.get(path).await.1)
    }
}

/// Code and subcode of an error, zeros for what is missing.
pub(super) fn code(body: &Value) -> (u64, u64) {
    let number = |key| body["error"][key].as_u64().unwrap_or(0);
    (number("code"), number("error_subcode"))
}

/// Status and body; a body that is no JSON is a string.
async fn read(response: Response) -> (u16, Value) {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
    (parts.status.as_u16(), serde_json::from_slice(&body).unwrap_or_else(|_| text()))
}

/// A person's lead.
pub(super) fn lead() -> NewLead {
    NewLead::new([
        ("full_name", "Олена Приклад"),
        ("phone_number", "+380501112233"),
        ("email", "olena@example.com"),
        ("what_is_broken?", "screen"),
    ])
}

/// A webhook that remembers what it was told, and answers with the next of the planned statuses, else 200.
#[derive(Clone, Default)]
pub(super) struct Receiver {
    told: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    pub(super) answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    pub(super) fn router(&self) -> Router {
        let receiver = self.clone();
        let tell = move |headers, body| {
            receiver.told.lock().unwrap().push((headers, body));
            let status = receiver.answers.lock().unwrap().pop().unwrap_or(200);
            async move { StatusCode::from_u16(status).unwrap() }
        };
        Router::new().route("/hook", get(echo).post(tell))
    }

    pub(super) fn told(&self) -> Vec<(HeaderMap, Bytes)> {
        self.told.lock().unwrap().clone()
    }
}

async fn echo(RawQuery(query): RawQuery) -> (StatusCode, String) {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&query.unwrap_or_default()).unwrap();
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
    match (value("hub.mode"), value("hub.verify_token")) {
        ("subscribe", VERIFY_TOKEN) => (StatusCode::OK, value("hub.challenge").to_owned()),
        _ => (StatusCode::FORBIDDEN, String::new()),
    }
}
