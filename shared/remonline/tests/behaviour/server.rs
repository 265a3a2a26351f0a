use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use domain::Clock;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use remonline::{Client, Pacer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;
use transport::Https;

/// So many rows has a page of RemOnline.
const PAGE_SIZE: usize = 50;

/// A RemOnline made of one function, and a client for it.
pub(crate) struct RemOnline {
    pub(crate) client: Client,
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl RemOnline {
    pub(crate) async fn answering(answer: impl Fn(&Asked) -> Response + Clone + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let router = Router::new().fallback(move |request: Request| async move {
            let request = Asked::read(request).await;
            let answer = answer(&request);
            log.lock().unwrap().push(request);
            answer
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { client: client(port, pacer()), port, asked }
    }

    /// Answers everything alike.
    pub(crate) async fn saying(status: u16, body: impl ToString) -> Self {
        let body = body.to_string();
        Self::answering(move |_| (StatusCode::from_u16(status).unwrap(), body.clone()).into_response()).await
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked for, as `GET /path?query` with the query decoded and without the page and the sort order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }
}

impl Asked {
    async fn read(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: query.into_owned().collect(),
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    /// Every value of one query parameter.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn page(&self) -> usize {
        self.values("page").first().map_or(1, |page| page.parse().unwrap())
    }

    fn line(&self) -> String {
        let shown = self.query.iter().filter(|(name, _)| name != "page" && name != "sort");
        let query = shown.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        format!("{} {}{}{query}", self.method, self.path, if query.is_empty() { "" } else { "?" })
    }

    /// The page of `rows` that was asked for, as v2 sends it.
    pub(crate) fn page_of(&self, rows: &[Value]) -> Response {
        let page = self.page();
        let shown = rows.iter().skip((page - 1) * PAGE_SIZE).take(PAGE_SIZE).collect::<Vec<_>>();
        let total_pages = rows.len().div_ceil(PAGE_SIZE);
        let paging = json!({ "page": page, "limit": PAGE_SIZE, "count": rows.len(), "total_pages": total_pages });
        answer(&json!({ "data": shown, "paging": paging }))
    }
}

pub(crate) fn answer(body: &Value) -> Response {
    body.to_string().into_response()
}

pub(crate) fn clock() -> Clock {
    let (epoch, start) = (time("2026-11-23T09:00:00Z"), Instant::now());
    Clock::new(move || epoch + start.elapsed())
}

/// A pacer that never makes anybody wait.
pub(crate) fn pacer() -> Pacer {
    Pacer::local(clock(), SignedDuration::ZERO)
}

pub(crate) fn client(port: u16, pacer: Pacer) -> Client {
    let base = format!("http://127.0.0.1:{port}/v2").parse().unwrap();
    Client::new(Arc::new(Https::new(1.0).unwrap()), base, "shop-key".to_owned().into(), pacer)
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}
