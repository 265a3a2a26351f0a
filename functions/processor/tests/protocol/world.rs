//! The processor between simulators of Meta and RemOnline, without a socket and on paused time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    Account, AccountId, Bundle, BundleDocument, BundleState, Clock, Connection, ConnectionKind, ConnectionState,
    EmailSearch, LeadgenEvent, MetaId, PhoneSearch, QueueMessage, Slug, State, Timing, Transaction, TransactionId,
};
use facebook::{AppSecrets, graph::Graph};
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use processor::{Handled, Invocation, Message, Processor};
use secrecy::SecretString;
use serde_json::{Value, json};
use simulators::{
    Direct,
    meta::{self, DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN, Meta, NewLead, Webhook},
    remonline::{DEMO_API_KEY, RemOnline},
};
use store::{Change, Hasher, Sealer, Store};
use transport::{Transport, TransportError};
use winterbaume_core::MockAws;
use winterbaume_kms::KmsService;

/// The bundle that every world has.
pub(crate) const BUNDLE: &str = "repair";

/// Everything around one processor.
pub(crate) struct World {
    pub(crate) processor: Processor,
    pub(crate) remonline: RemOnline,
    pub(crate) meta: Meta,
    pub(crate) store: Store,
    tarpit: Arc<Tarpit>,
    clock: Clock,
    invocations: u32,
}

/// Carries requests to the simulators, but for those that never end: whoever waits for one is killed at the deadline.
#[derive(Debug)]
struct Tarpit {
    direct: Direct,
    swallowed: Mutex<Option<String>>,
    kept_back: Mutex<Option<String>>,
}

#[async_trait]
impl Transport for Tarpit {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let sent = format!("{} {} {}", request.method(), request.uri(), String::from_utf8_lossy(request.body()));
        let names =
            |part: &Mutex<Option<String>>| part.lock().unwrap().as_ref().is_some_and(|part| sent.contains(part));
        if names(&self.swallowed) {
            std::future::pending::<()>().await;
        }
        let answer = self.direct.send(request).await;
        if names(&self.kept_back) {
            std::future::pending::<()>().await;
        }
        answer
    }
}

impl World {
    /// A world with one active bundle, changed by `change`.
    pub(crate) async fn new(change: impl FnOnce(&mut Value)) -> Self {
        Self::over(Store::memory(), change).await
    }

    /// The same with tables of its own.
    pub(crate) async fn over(store: Store, change: impl FnOnce(&mut Value)) -> Self {
        let started = tokio::time::Instant::now();
        let now = move || at(started.elapsed());
        let clock = Clock::new(now);
        let remonline = RemOnline::demo(now);
        let meta = Meta::demo(meta::App { id: "500000000000001".to_owned(), secret: "app-secret".to_owned() }, now);
        let transport =
            Direct::new().host("graph.facebook.com", meta.router()).host("api.roapp.io", remonline.router());
        let transport =
            Arc::new(Tarpit { direct: transport, swallowed: Mutex::default(), kept_back: Mutex::default() });
        let tarpit = Arc::clone(&transport);
        let sealer = sealer().await;
        let secrets = AppSecrets::parse(&SecretString::from("app-secret")).unwrap();
        let processor = Processor {
            store: store.clone(),
            sealer,
            hasher: Hasher::with_key([7; 32]),
            graph: Graph::new(transport.clone(), "https://graph.facebook.com/v26.0".parse().unwrap(), None, secrets),
            transport,
            remonline_url: "https://api.roapp.io/v2".parse().unwrap(),
            min_interval: SignedDuration::from_millis(360),
            retention_days: 30,
            clock: clock.clone(),
            timing: Timing::scaled(1.0),
            forms: processor::FormCache::default(),
        };
        let world = Self { processor, remonline, meta, store, tarpit, clock, invocations: 0 };
        world.connect().await;
        let mut document = document();
        change(&mut document);
        world.bundle(BUNDLE, &document, BundleState::Active).await;
        world
    }

    async fn connect(&self) {
        let account = Account {
            id: self.account(),
            name: "Ремонт Плюс".to_owned(),
            phone_search: PhoneSearch::Together,
            email_search: EmailSearch::Asked,
        };
        let page_id = DEMO_PAGE.parse().unwrap();
        let facebook = ConnectionKind::Facebook { page_id, page_name: "Ремонт Плюс".to_owned() };
        self.connection("shop", ConnectionKind::Remonline { account }, DEMO_API_KEY).await;
        self.connection("fb", facebook, DEMO_PAGE_TOKEN).await;
    }

    async fn connection(&self, id: &str, kind: ConnectionKind, secret: &str) {
        let (id, now) = (slug(id), self.clock.now());
        let connection = Connection {
            title: id.to_string(),
            id,
            kind,
            state: ConnectionState::Active,
            created_at: now,
            checked_at: now,
        };
        let (purpose, secret) = (connection.secret_purpose(), SecretString::from(secret));
        let sealed = self.processor.sealer.seal(&connection.id, purpose, &secret).await.unwrap();
        self.store.create_connection(&connection, &sealed).await.unwrap();
    }

    /// Adds a bundle.
    pub(crate) async fn bundle(&self, id: &str, document: &Value, state: BundleState) {
        let bundle = Bundle {
            id: slug(id),
            version: 1,
            state,
            page_id: DEMO_PAGE.parse().unwrap(),
            first_started_at: Some(self.clock.now()),
            created_at: self.clock.now(),
            document: serde_json::from_value::<BundleDocument>(document.clone()).unwrap(),
        };
        self.store.create_bundle(&bundle).await.unwrap();
    }

    /// A person fills in the form.
    pub(crate) fn lead(&self, answers: &[(&str, &str)]) -> MetaId {
        let lead = NewLead::new(answers.iter().copied()).webhook(Webhook::Off);
        self.meta.add_lead(DEMO_FORM, lead).parse().unwrap()
    }

    /// Meta's test tool fills in the form.
    pub(crate) fn test_lead(&self) -> MetaId {
        self.meta.add_lead(DEMO_FORM, NewLead::dummy()).parse().unwrap()
    }

    /// The webhook's messages come to the processor.
    pub(crate) async fn announce<'l>(&mut self, leads: impl IntoIterator<Item = &'l MetaId>) -> Handled {
        self.invoke(leads.into_iter().map(announcement).collect()).await
    }

    /// Requests with this in their method, URL or body never end from now on.
    pub(crate) fn swallow(&self, part: impl Into<Option<&'static str>>) {
        *self.tarpit.swallowed.lock().unwrap() = part.into().map(str::to_owned);
    }

    /// Requests with this in their method, URL or body arrive, and their answers never do.
    pub(crate) fn keep_answers_back(&self, part: impl Into<Option<&'static str>>) {
        *self.tarpit.kept_back.lock().unwrap() = part.into().map(str::to_owned);
    }

    /// An invocation that Lambda ends at its deadline if it does not end by itself, and the wait until its lease is over.
    /// Whether it ended by itself.
    pub(crate) async fn survives(&mut self) -> bool {
        let ended = tokio::time::timeout(Duration::from_secs(60), self.wake()).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        ended.is_ok()
    }

    /// The webhook's messages come beside one that is none of ours.
    pub(crate) async fn announce_beside(&mut self, body: &str, leads: &[MetaId]) -> Handled {
        let mut messages = vec![Message { id: "strange".to_owned(), body: body.to_owned() }];
        messages.extend(leads.iter().enumerate().map(|(index, lead)| message(index, &announcement(lead))));
        let invocation = self.invocation();
        self.processor.handle(messages, &invocation).await
    }

    /// A person sets the lead going again.
    pub(crate) async fn retry(&mut self, lead: &MetaId) {
        let before = self.transaction(lead).await;
        let mut after = before.clone();
        after.retry(self.now()).unwrap();
        self.store.save(store::Change::new(&before, &after)).await.unwrap();
        self.wake().await;
    }

    /// The scheduler's nudge comes to the processor.
    pub(crate) async fn wake(&mut self) -> Handled {
        self.invoke(vec![QueueMessage::Wake { account_id: self.account() }]).await
    }

    async fn invoke(&mut self, messages: Vec<QueueMessage>) -> Handled {
        let invocation = self.invocation();
        let messages = messages.iter().enumerate().map(|(index, body)| message(index, body));
        self.processor.handle(messages.collect(), &invocation).await
    }

    /// A call of the function with its full time before it.
    pub(crate) fn invocation(&mut self) -> Invocation {
        self.invocations += 1;
        let deadline = self.clock.now() + SignedDuration::from_secs(60);
        Invocation { request_id: format!("invocation-{}", self.invocations), deadline }
    }

    /// Wakes the account every minute, as the scheduler does, until the lead stays where it is or `minutes` are over.
    pub(crate) async fn settle(&mut self, lead: &MetaId, minutes: u64) -> Transaction {
        for _ in 0..minutes {
            let transaction = self.transaction(lead).await;
            if !matches!(transaction.state, State::Received | State::Running | State::Waiting) {
                return transaction;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
            self.wake().await;
        }
        self.transaction(lead).await
    }

    /// Wakes the account every minute, as the scheduler does, and whenever it asks for it, for so long.
    pub(crate) async fn pass(&mut self, minutes: i64) {
        let end = self.now() + SignedDuration::from_mins(minutes);
        let mut nudge = None;
        while self.now() < end {
            let next_minute = self.now() + SignedDuration::from_mins(1);
            let next = next_minute.min(nudge.unwrap_or(next_minute)).min(end);
            tokio::time::sleep(next.duration_since(self.now()).try_into().unwrap_or_default()).await;
            nudge = self.wake().await.nudges.remove(&self.account());
        }
    }

    /// Wakes the account each time that the lead is due, until it stays where it is.
    pub(crate) async fn follow(&mut self, lead: &MetaId) -> Transaction {
        loop {
            let transaction = self.transaction(lead).await;
            let Some(due_at) = transaction.due_at else { return transaction };
            tokio::time::sleep(due_at.duration_since(self.now()).try_into().unwrap_or_default()).await;
            self.wake().await;
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The account of the connection.
    pub(crate) fn account(&self) -> AccountId {
        AccountId::new("account")
    }

    /// The transaction of the world's own bundle.
    pub(crate) async fn transaction(&self, lead: &MetaId) -> Transaction {
        self.transaction_of(BUNDLE, lead).await
    }

    /// The transaction of a bundle.
    pub(crate) async fn transaction_of(&self, bundle: &str, lead: &MetaId) -> Transaction {
        let id = TransactionId { leadgen_id: lead.clone(), bundle_id: slug(bundle) };
        self.store.transaction(&id).await.unwrap().expect("the lead is recorded")
    }

    /// A person looks into RemOnline and says that nothing there is of this lead.
    pub(crate) async fn create_again(&self, review: &Transaction) {
        let mut after = review.clone();
        after.create_again(self.clock.now()).unwrap();
        self.store.save(Change::new(review, &after)).await.unwrap();
    }

    /// Clients in RemOnline with this phone number, in whatever spelling.
    pub(crate) fn people_with(&self, phone: &str) -> Vec<Value> {
        let has = |person: &Value| {
            person["phones"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|p| domain::same_phone(p["phone"].as_str().unwrap_or_default(), phone))
        };
        self.remonline.people().into_iter().filter(has).collect()
    }

    /// Orders in RemOnline that carry the lead's marker.
    pub(crate) fn orders_of(&self, lead: &MetaId) -> Vec<Value> {
        let marker = domain::marker(lead, &slug(BUNDLE));
        let ours = |order: &Value| order["manager_notes"].as_str().unwrap_or_default().ends_with(&marker);
        self.remonline.orders().into_iter().filter(ours).collect()
    }
}

fn announcement(lead: &MetaId) -> QueueMessage {
    QueueMessage::Lead(LeadgenEvent {
        leadgen_id: lead.clone(),
        page_id: DEMO_PAGE.parse().unwrap(),
        form_id: DEMO_FORM.parse().unwrap(),
    })
}

fn message(index: usize, body: &QueueMessage) -> Message {
    Message { id: index.to_string(), body: serde_json::to_string(body).unwrap() }
}

/// The document of the world's own bundle.
pub(crate) fn document() -> Value {
    json!({
        "title": "Repair",
        "source": { "connection": "fb", "form_id": DEMO_FORM },
        "client": {
            "connection": "shop",
            "fields": {
                "first_name": "{{ contact.first_name }}", "last_name": "{{ contact.last_name }}",
                "phone": "{{ contact.phone }}", "email": "{{ contact.email }}",
            },
        },
        "order": { "fields": { "branch_id": 15001, "order_type_id": 21001, "malfunction": "{{ answers['what_is_broken?'] }}" } },
    })
}

/// The answers of somebody RemOnline does not know.
pub(crate) fn olena() -> Vec<(&'static str, &'static str)> {
    vec![
        ("full_name", "Олена Коваль"),
        ("phone_number", "+380501119901"),
        ("email", "olena@example.com"),
        ("what_is_broken?", "screen"),
    ]
}

/// Somebody RemOnline does not know.
pub(crate) struct Somebody {
    pub(crate) phone: String,
    pub(crate) email: String,
}

/// One of a thousand.
pub(crate) fn person(number: u32) -> Somebody {
    Somebody { phone: format!("+38050222{number:04}"), email: format!("person-{number}@example.com") }
}

impl Somebody {
    pub(crate) fn answers(&self) -> [(&'static str, &str); 4] {
        [
            ("full_name", "Ім'я Прізвище"),
            ("phone_number", &self.phone),
            ("email", &self.email),
            ("what_is_broken?", "screen"),
        ]
    }
}

fn at(elapsed: Duration) -> Timestamp {
    let start: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
    start + SignedDuration::try_from(elapsed).unwrap()
}

pub(crate) fn slug(id: &str) -> Slug {
    id.parse().unwrap()
}

async fn sealer() -> Sealer {
    let config = MockAws::builder().with_service(KmsService::new()).build().sdk_config("eu-central-1").await;
    let client = aws_sdk_kms::Client::new(&config);
    let key = client.create_key().send().await.unwrap().key_metadata.unwrap();
    Sealer::new(client, key.key_id)
}
