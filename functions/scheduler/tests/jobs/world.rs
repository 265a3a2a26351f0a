//! The scheduler between simulators of Meta and RemOnline, without a socket and on paused time.

use std::{sync::Arc, time::Duration};

use connections::Systems;
use domain::{
    Account, AccountId, Bundle, BundleState, Clock, Connection, ConnectionKind, ConnectionState, EmailSearch,
    LeadgenEvent, MetaId, PhoneSearch, Slug, Timing, Transaction, TransactionId,
};
use facebook::{AppSecrets, graph::Graph};
use jiff::{SignedDuration, Timestamp};
use scheduler::{Job, Outcome, Scheduler};
use secrecy::SecretString;
use serde_json::{Value, json};
use simulators::{
    Direct,
    meta::{self, DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN, Meta, NewLead, Webhook},
    remonline::{DEMO_API_KEY, RemOnline},
};
use store::{Sealer, Store};
use winterbaume_core::MockAws;
use winterbaume_kms::KmsService;

pub(crate) const FORM: &str = DEMO_FORM;

/// What a call of the function has before it.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Everything around one scheduler.
pub(crate) struct World {
    pub(crate) scheduler: Scheduler,
    pub(crate) remonline: RemOnline,
    pub(crate) meta: Meta,
    pub(crate) store: Store,
}

impl World {
    /// A page and an account, connected as `fb` and `shop`, each of whose answers takes `latency` there and back.
    pub(crate) async fn new(latency: Duration) -> Self {
        let started = tokio::time::Instant::now();
        let now = move || at(started.elapsed());
        let clock = Clock::new(now);
        let remonline = RemOnline::demo(now);
        let meta = Meta::demo(meta::App { id: "500000000000001".to_owned(), secret: "app-secret".to_owned() }, now);
        let direct = Direct::new().host("graph.facebook.com", meta.router()).host("api.roapp.io", remonline.router());
        let transport = Arc::new(direct.latency(latency));
        let store = Store::memory();
        let secrets = AppSecrets::parse(&SecretString::from("app-secret")).unwrap();
        let systems = Systems {
            store: store.clone(),
            sealer: sealer().await,
            graph: Graph::new(transport.clone(), "https://graph.facebook.com/v26.0".parse().unwrap(), None, secrets),
            transport,
            remonline_url: "https://api.roapp.io/v2".parse().unwrap(),
            min_interval: SignedDuration::from_millis(360),
            clock: clock.clone(),
        };
        let scheduler = Scheduler { store: store.clone(), systems, clock, timing: Timing::scaled(1.0) };
        let world = Self { scheduler, remonline, meta, store };
        let name = "Ремонт Плюс".to_owned();
        let account = Account {
            id: AccountId::new("account"),
            name,
            phone_search: PhoneSearch::Together,
            email_search: EmailSearch::Asked,
        };
        world.connect("shop", ConnectionKind::Remonline { account }, DEMO_API_KEY).await;
        world.connect_page("fb", DEMO_PAGE, DEMO_PAGE_TOKEN).await;
        world
    }

    pub(crate) async fn connect_page(&self, id: &str, page_id: &str, token: &str) {
        let page = ConnectionKind::Facebook { page_id: page_id.parse().unwrap(), page_name: "Page".to_owned() };
        self.connect(id, page, token).await;
    }

    async fn connect(&self, id: &str, kind: ConnectionKind, secret: &str) {
        let (id, now) = (slug(id), self.now());
        let title = id.to_string();
        let connection =
            Connection { id, title, kind, state: ConnectionState::Active, created_at: now, checked_at: now };
        let (purpose, secret) = (connection.secret_purpose(), SecretString::from(secret));
        let sealed = self.scheduler.systems.sealer.seal(&connection.id, purpose, &secret).await.unwrap();
        self.store.create_connection(&connection, &sealed).await.unwrap();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.scheduler.clock.now()
    }

    /// A bundle of the page `fb` on this form, first started `ago` before now; never, when that is `None`.
    pub(crate) async fn bundle(&self, id: &str, form_id: &str, ago: Option<SignedDuration>) -> Bundle {
        self.bundle_of("fb", DEMO_PAGE, id, form_id, ago).await
    }

    pub(crate) async fn bundle_of(
        &self,
        connection: &str,
        page_id: &str,
        id: &str,
        form_id: &str,
        ago: Option<SignedDuration>,
    ) -> Bundle {
        let state = if ago.is_some() { BundleState::Active } else { BundleState::Stopped };
        let bundle = Bundle {
            id: slug(id),
            version: 1,
            state,
            page_id: page_id.parse().unwrap(),
            first_started_at: ago.map(|ago| self.now() - ago),
            created_at: self.now(),
            document: serde_json::from_value(document(connection, form_id)).unwrap(),
        };
        self.store.create_bundle(&bundle).await.unwrap()
    }

    /// Somebody fills in the form now, and Meta tells nobody.
    pub(crate) fn lead(&self, form_id: &str) -> MetaId {
        self.lead_created(form_id, self.now())
    }

    /// The same at another time.
    pub(crate) fn lead_created(&self, form_id: &str, at: Timestamp) -> MetaId {
        let lead = NewLead::new([("full_name", "Олена Коваль"), ("phone_number", "+380501119901")]);
        self.meta.add_lead(form_id, lead.created(at).webhook(Webhook::Off)).parse().unwrap()
    }

    /// A lead of the page that Meta announces.
    pub(crate) fn event(&self, lead: &MetaId, form_id: &str) -> LeadgenEvent {
        let (page_id, form_id) = (DEMO_PAGE.parse().unwrap(), form_id.parse().unwrap());
        LeadgenEvent { leadgen_id: lead.clone(), page_id, form_id }
    }

    /// Time passes.
    pub(crate) async fn pass(&self, time: SignedDuration) {
        tokio::time::sleep(time.unsigned_abs()).await;
    }

    /// One round of a job, with its full time before it.
    pub(crate) async fn run(&self, job: Job) -> Outcome {
        self.run_within(job, TIMEOUT).await
    }

    pub(crate) async fn run_within(&self, job: Job, timeout: Duration) -> Outcome {
        self.scheduler.handle(job, self.now() + SignedDuration::try_from(timeout).unwrap()).await.unwrap()
    }

    pub(crate) async fn transaction(&self, bundle: &str, lead: &MetaId) -> Option<Transaction> {
        let id = TransactionId { leadgen_id: lead.clone(), bundle_id: slug(bundle) };
        self.store.transaction(&id).await.unwrap()
    }

    pub(crate) async fn knows(&self, bundle: &str, lead: &MetaId) -> bool {
        self.transaction(bundle, lead).await.is_some()
    }

    pub(crate) async fn connection_state(&self, id: &str) -> ConnectionState {
        self.store.connection(&slug(id)).await.unwrap().unwrap().state
    }

    /// How often a form's list was asked for.
    pub(crate) fn lists_read(&self, form_id: &str) -> usize {
        self.meta.count("GET", &format!("/v26.0/{form_id}/leads"))
    }
}

/// What a job counted under this name.
pub(crate) fn counted(outcome: &Outcome, name: &str) -> i64 {
    outcome.metrics.iter().find(|metric| metric.name == name).map_or(0, |metric| metric.value)
}

fn document(connection: &str, form_id: &str) -> Value {
    json!({
        "title": "Repair",
        "source": { "connection": connection, "form_id": form_id },
        "client": { "connection": "shop", "fields": { "first_name": "{{ contact.first_name }}" } },
        "order": { "fields": { "branch_id": 15001, "order_type_id": 21001 } },
    })
}

fn at(elapsed: Duration) -> Timestamp {
    let start: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
    start + SignedDuration::try_from(elapsed).unwrap()
}

pub(crate) fn slug(id: &str) -> Slug {
    id.parse().unwrap()
}

pub(crate) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub(crate) fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

async fn sealer() -> Sealer {
    let config = MockAws::builder().with_service(KmsService::new()).build().sdk_config("eu-central-1").await;
    let client = aws_sdk_kms::Client::new(&config);
    let key = client.create_key().send().await.unwrap().key_metadata.unwrap();
    Sealer::new(client, key.key_id)
}
