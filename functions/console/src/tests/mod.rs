//! The router against RemOnline, Meta and AWS in process.

mod access;
mod backfill;
mod bundles;
mod connections;
mod erase;
mod pages;
mod preview;
mod resolve;
mod sign_in;
mod stats;
mod transactions;

use std::{collections::BTreeSet, sync::Arc};

use ::connections::Systems;
use axum::{Router, body::Body};
use domain::{
    AccountId, Answer, Bundle, Clock, Form, Lead, LeadSource, LeadgenEvent, MetaId, QueueMessage, Reason, Slug, State,
    Transaction, TransactionId,
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use queue::{LeadQueue, QuarantineQueue};
use serde_json::{Value, json};
use simulators::{
    Direct,
    meta::{self, DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN, Meta},
    remonline::{DEMO_API_KEY, RemOnline},
};
use store::{Change, Hasher, Sealer, Store};
use tower::ServiceExt;
use winterbaume_core::MockAws;
use winterbaume_kms::KmsService;
use winterbaume_sqs::SqsService;

use crate::{Access, App, router};

const APP_ID: &str = "500000000000001";
const APP_SECRET: &str = "example-app-secret";

/// A console with everything around it.
struct World {
    router: Router,
    store: Store,
    hasher: Hasher,
    remonline: RemOnline,
    meta: Meta,
    queue: aws_sdk_sqs::Client,
    queue_url: String,
    quarantine_url: String,
}

/// An answer of the console.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

fn now() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn meta_id(text: &str) -> MetaId {
    text.parse().unwrap()
}

impl World {
    async fn new() -> Self {
        Self::with_access(Access::Loopback).await
    }

    async fn with_access(access: Access) -> Self {
        let app = meta::App { id: APP_ID.to_owned(), secret: APP_SECRET.to_owned() };
        let (remonline, meta) = (RemOnline::demo(now), Meta::demo(app, now));
        remonline.update_settings(|settings| settings.rate_limited = false);
        let direct = Direct::new().host("ro.example", remonline.router()).host("graph.example", meta.router());
        let transport: Arc<dyn transport::Transport> = Arc::new(direct);
        let aws = MockAws::builder().with_service(KmsService::new()).with_service(SqsService::new()).build();
        let aws = aws.sdk_config("eu-central-1").await;
        let kms = aws_sdk_kms::Client::new(&aws);
        let key = kms.create_key().send().await.unwrap().key_metadata.unwrap();
        let queue = aws_sdk_sqs::Client::new(&aws);
        let queue_url = queue.create_queue().queue_name("leads").send().await.unwrap().queue_url.unwrap();
        let quarantine_url = queue.create_queue().queue_name("quarantine").send().await.unwrap().queue_url.unwrap();
        let (store, hasher) = (Store::memory(), Hasher::with_key([7; 32]));
        let graph_url = "https://graph.example/v26.0".parse().unwrap();
        let secrets = facebook::AppSecrets::parse(&APP_SECRET.to_owned().into()).unwrap();
        let app_id = Some(meta_id(APP_ID));
        let sealer = Sealer::new(kms, key.key_id);
        let systems = Systems {
            store: store.clone(),
            sealer: sealer.clone(),
            graph: facebook::graph::Graph::new(Arc::clone(&transport), graph_url, app_id, secrets),
            transport,
            remonline_url: "https://ro.example/v2".parse().unwrap(),
            min_interval: SignedDuration::ZERO,
            clock: Clock::new(now),
        };
        let app = App {
            store: store.clone(),
            sealer,
            hasher: hasher.clone(),
            systems,
            queue: LeadQueue::new(queue.clone(), &queue_url),
            quarantine: QuarantineQueue::new(queue.clone(), &quarantine_url),
            retention_days: 30,
            console_url: "http://127.0.0.1:8080".parse().unwrap(),
            access,
            clock: Clock::new(now),
        };
        Self { router: router(app), store, hasher, remonline, meta, queue, queue_url, quarantine_url }
    }

    /// One with a connection of each kind, `shop` and `page`.
    async fn connected() -> Self {
        let world = Self::new().await;
        world.post("/api/connections", shop()).await.expect(201);
        world.post("/api/connections", page()).await.expect(201);
        world
    }

    /// The same with an active bundle `screens`.
    async fn started() -> Self {
        let world = Self::connected().await;
        world.post("/api/bundles", screens()).await.expect(201);
        world.post("/api/bundles/screens/start", Value::Null).await.expect(200);
        world
    }

    async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path, &[], body).await
    }

    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Reply {
        let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Reply { status, headers, body }
    }

    async fn account(&self) -> AccountId {
        self.store.connection(&slug("shop")).await.unwrap().unwrap().account().unwrap().id.clone()
    }

    async fn bundle(&self) -> Bundle {
        self.store.bundle(&slug("screens")).await.unwrap().unwrap()
    }

    /// Records lead `leadgen_id`, received that many minutes after [`now`], and lets `change` go on from there.
    async fn lead(&self, leadgen_id: &str, minutes: i64, change: impl FnOnce(&mut Transaction)) -> Transaction {
        let at = now() + SignedDuration::from_mins(minutes);
        let (leadgen_id, page_id, form_id) = (meta_id(leadgen_id), meta_id(DEMO_PAGE), meta_id(DEMO_FORM));
        let event = LeadgenEvent { leadgen_id, page_id, form_id };
        let account = self.account().await;
        let recorded = Transaction::received(&event, &self.bundle().await, account, LeadSource::Webhook, at);
        self.store.record(&recorded).await.unwrap();
        let mut changed = recorded.clone();
        change(&mut changed);
        self.store.save(Change::new(&recorded, &changed)).await.unwrap()
    }

    async fn state_of(&self, leadgen_id: &str) -> (State, Option<Reason>) {
        let id = TransactionId { leadgen_id: meta_id(leadgen_id), bundle_id: slug("screens") };
        let found = self.store.transaction(&id).await.unwrap().unwrap();
        (found.state, found.reason)
    }

    /// The accounts that the queue was told to wake since it was last asked.
    async fn woken(&self) -> BTreeSet<AccountId> {
        let mut woken = BTreeSet::new();
        loop {
            let received = self.queue.receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
            let messages = received.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return woken;
            }
            for message in messages {
                match serde_json::from_str(&message.body.unwrap()).unwrap() {
                    QueueMessage::Wake { account_id } => woken.insert(account_id),
                    QueueMessage::Lead(event) => panic!("{event:?}"),
                };
                let handle = message.receipt_handle.unwrap();
                self.queue.delete_message().queue_url(&self.queue_url).receipt_handle(handle).send().await.unwrap();
            }
        }
    }
}

impl Reply {
    #[track_caller]
    fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// The fields that a problem with this status blames.
    #[track_caller]
    fn blamed(self, status: u16) -> Vec<String> {
        let errors = self.expect(status)["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }
}

fn shop() -> Value {
    json!({"id": "shop", "kind": "remonline", "title": "Shop", "api_key": DEMO_API_KEY})
}

fn page() -> Value {
    json!({"id": "page", "kind": "facebook", "title": "Page", "page_id": DEMO_PAGE, "page_token": DEMO_PAGE_TOKEN})
}

fn screens() -> Value {
    json!({
        "id": "screens", "title": "Screens", "source": {"connection": "page", "form_id": DEMO_FORM},
        "client": {"connection": "shop", "fields": {
            "first_name": "{{ contact.first_name }}", "last_name": "{{ contact.last_name }}",
            "phone": "{{ contact.phone }}", "email": "{{ contact.email }}", "ad_campaign_id": 777,
        }},
        "order": {
            "fields": {"branch_id": 15001, "order_type_id": 21001, "manager_id": 9001,
                "malfunction": "{{ answers['what_is_broken?'] }}"},
            "duplicates": {"mode": "create_if_missing"},
        },
    })
}

/// The answers of a person to the form.
fn answers(leadgen_id: &str, answers: &[(&str, &str)]) -> Lead {
    let answer = |(name, value): &(&str, &str)| Answer { name: (*name).to_owned(), values: vec![(*value).to_owned()] };
    let form = Form {
        id: meta_id(DEMO_FORM),
        name: "Form".to_owned(),
        status: "ACTIVE".to_owned(),
        questions: Vec::new(),
        tracking_keys: Vec::new(),
    };
    Lead {
        id: meta_id(leadgen_id),
        created_at: now(),
        page_id: meta_id(DEMO_PAGE),
        form,
        ad_id: None,
        ad_name: None,
        adset_name: None,
        campaign_name: None,
        platform: None,
        is_organic: true,
        answers: answers.iter().map(answer).collect(),
    }
}
