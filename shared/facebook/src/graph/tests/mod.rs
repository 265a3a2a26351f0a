//! The client over the real transport against a server on loopback that answers from a script and remembers what
//! it was asked.

mod errors;
mod forms;
mod leads;
mod pages;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{Router, extract::State, response::IntoResponse};
use domain::{Form, MetaId, Question, QuestionOption};
use http::{HeaderMap, Method, StatusCode, Uri};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use transport::Https;

use super::*;

const TOKEN: &str = "EXAMPLE_TOKEN";
/// Of `TOKEN` under the secret `example-app-secret`.
const PROOF: &str = "445494fad71d5810f756d9af834c8ea9b9945f6a127a5958cca6c2b0cb111780";
const APP: &str = "500000000000001";
const PAGE: &str = "110000000000001";
const FORM: &str = "700000000000001";

/// One scripted answer.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

/// One request as it arrived.
#[derive(Debug, Clone)]
struct Seen {
    method: Method,
    path: String,
    parameters: Vec<(String, String)>,
    authorization: String,
}

#[derive(Clone)]
struct Meta {
    script: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    graph: Arc<Graph>,
}

type Shared = (Arc<Mutex<VecDeque<Reply>>>, Arc<Mutex<Vec<Seen>>>);

async fn reply(
    State((script, seen)): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> impl IntoResponse {
    let text = if body.is_empty() { uri.query().unwrap_or_default().to_owned() } else { body };
    seen.lock().unwrap().push(Seen {
        method,
        path: uri.path().to_owned(),
        parameters: serde_urlencoded::from_str(&text).unwrap(),
        authorization: headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned(),
    });
    let reply = script.lock().unwrap().pop_front().expect("more requests than the script has answers");
    let headers = reply.headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    (StatusCode::from_u16(reply.status).unwrap(), HeaderMap::from_iter(headers), reply.body)
}

impl Meta {
    async fn serve(app_id: Option<&str>, replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Arc::new(Mutex::new(replies.into_iter().collect()));
        let seen = Arc::default();
        let router = Router::new().fallback(reply).with_state((Arc::clone(&script), Arc::clone(&seen)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v26.0", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let secrets = AppSecrets::parse(&"example-app-secret,older-secret".into()).unwrap();
        let transport = Arc::new(Https::new(1.0).unwrap());
        let graph = Arc::new(Graph::new(transport, base, app_id.map(id), secrets));
        Self { script, seen, graph }
    }

    async fn answering(bodies: impl IntoIterator<Item = Value>) -> Self {
        Self::serve(Some(APP), bodies.into_iter().map(|body| ok(&body))).await
    }

    /// What was asked, after making sure that the whole script was used.
    fn seen(&self) -> Vec<Seen> {
        assert_eq!(self.script.lock().unwrap().len(), 0, "answers left over");
        self.seen.lock().unwrap().clone()
    }
}

impl Seen {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn ok(body: &Value) -> Reply {
    Reply { status: 200, headers: vec![], body: body.to_string() }
}

fn refusal(status: u16, error: &Value) -> Reply {
    Reply { status, headers: vec![], body: json!({"error": error}).to_string() }
}

fn id(text: &str) -> MetaId {
    text.parse().unwrap()
}

fn token() -> SecretString {
    TOKEN.into()
}

fn lead(lead_id: &str) -> Value {
    json!({
        "id": lead_id, "created_time": "2026-09-21T13:33:21+0000", "form_id": FORM,
        "ad_id": "120250000000000001", "ad_name": "Screens A", "adset_id": "120250000000000002", "adset_name": "Kyiv 30+",
        "campaign_name": "Autumn", "is_organic": false, "platform": "ig",
        "field_data": [
            {"name": "email", "values": ["ana@example.com"]}, {"name": "what_is_broken?", "values": []},
        ],
    })
}

/// The error that reading a lead gives when the server answers `reply`.
async fn error_of(reply: Reply) -> GraphError {
    let meta = Meta::serve(Some(APP), [reply]).await;
    meta.graph.lead(&token(), &id("900000000000001")).await.unwrap_err()
}
