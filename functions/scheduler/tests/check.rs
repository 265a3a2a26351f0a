//! The hourly look at every connection, between simulators of Meta and RemOnline.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use connections::Systems;
use domain::{
    Account, AccountId, Bundle, BundleState, Clock, Connection, ConnectionKind, ConnectionState, EmailSearch,
    LeadSource, LeadgenEvent, PhoneSearch, Reason, Slug, State, Timing, Transaction, TransactionId,
};
use facebook::{AppSecrets, graph::Graph};
use jiff::{SignedDuration, Timestamp};
use pretty_assertions::assert_eq;
use rstest::rstest;
use scheduler::{Job, Outcome, Scheduler};
use secrecy::SecretString;
use serde_json::json;
use simulators::{
    Direct,
    meta::{self, DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN, Meta},
    remonline::{Area, DEMO_API_KEY, RemOnline},
};
use store::{Change, Sealer, Store};
use winterbaume_core::MockAws;
use winterbaume_kms::KmsService;

/// Everything around one scheduler: an account and a page, connected as `shop` and `page`, and a bundle `repair`.
struct World {
    scheduler: Scheduler,
    remonline: RemOnline,
    meta: Meta,
    store: Store,
}

fn now() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

impl World {
    /// Both systems are well.
    async fn new() -> Self {
        let remonline = RemOnline::demo(now);
        remonline.update_settings(|settings| settings.rate_limited = false);
        let meta = Meta::demo(meta::App { id: "500000000000001".to_owned(), secret: "app-secret".to_owned() }, now);
        meta.install(DEMO_PAGE);
        let direct = Direct::new().host("graph.example", meta.router()).host("ro.example", remonline.router());
        let transport: Arc<dyn transport::Transport> = Arc::new(direct);
        let kms = MockAws::builder().with_service(KmsService::new()).build().sdk_config("eu-central-1").await;
        let kms = aws_sdk_kms::Client::new(&kms);
        let key = kms.create_key().send().await.unwrap().key_metadata.unwrap();
        let (store, clock) = (Store::memory(), Clock::new(now));
        let secrets = AppSecrets::parse(&SecretString::from("app-secret")).unwrap();
        let graph_url = "https://graph.example/v26.0".parse().unwrap();
        let systems = Systems {
            store: store.clone(),
            sealer: Sealer::new(kms, key.key_id),
            graph: Graph::new(Arc::clone(&transport), graph_url, None, secrets),
            transport,
            remonline_url: "https://ro.example/v2".parse().unwrap(),
            min_interval: SignedDuration::ZERO,
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
        let page = ConnectionKind::Facebook { page_id: DEMO_PAGE.parse().unwrap(), page_name: "Page".to_owned() };
        world.connect("page", page, DEMO_PAGE_TOKEN).await;
        world.store.create_bundle(&bundle()).await.unwrap();
        world
    }

    async fn connect(&self, id: &str, kind: ConnectionKind, secret: &str) {
        let (id, title, now) = (slug(id), id.to_owned(), now());
        let connection =
            Connection { id, title, kind, state: ConnectionState::Active, created_at: now, checked_at: now };
        let (purpose, secret) = (connection.secret_purpose(), SecretString::from(secret));
        let sealed = self.scheduler.systems.sealer.seal(&connection.id, purpose, &secret).await.unwrap();
        self.store.create_connection(&connection, &sealed).await.unwrap();
    }

    async fn check(&self) -> Outcome {
        self.scheduler.handle(Job::Check, now() + SignedDuration::from_mins(5)).await.unwrap()
    }

    /// How many checks fail.
    async fn failed(&self) -> i64 {
        failed(&self.check().await)
    }

    async fn state(&self, id: &str) -> ConnectionState {
        self.store.connection(&slug(id)).await.unwrap().unwrap().state
    }

    async fn set_state(&self, id: &str, state: ConnectionState) {
        let before = self.store.connection(&slug(id)).await.unwrap().unwrap();
        self.store.save_connection(&before, &Connection { state, ..before.clone() }).await.unwrap();
    }

    /// A lead that waits for a connection.
    async fn park(&self, lead: &str, reason: Reason, connection: &str) -> TransactionId {
        let (page_id, form_id) = (DEMO_PAGE.parse().unwrap(), DEMO_FORM.parse().unwrap());
        let event = LeadgenEvent { leadgen_id: lead.parse().unwrap(), page_id, form_id };
        let account = AccountId::new("account");
        let lead = Transaction::received(&event, &bundle(), account, LeadSource::Webhook, now());
        self.store.record(&lead).await.unwrap();
        let mut parked = lead.clone();
        parked.park(reason, Some(slug(connection)), now()).unwrap();
        self.store.save(Change::new(&lead, &parked)).await.unwrap().id
    }

    async fn state_of(&self, lead: &TransactionId) -> State {
        self.store.transaction(lead).await.unwrap().unwrap().state
    }

    /// Somebody removes the app from the page.
    async fn uninstall(&self) {
        let url = format!("https://graph.example/v26.0/{DEMO_PAGE}/subscribed_apps");
        let request = http::Request::delete(url).header("authorization", format!("Bearer {DEMO_PAGE_TOKEN}"));
        let request = request.body(bytes::Bytes::new()).unwrap();
        let answer = self.scheduler.systems.transport.send(request).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

fn bundle() -> Bundle {
    let document = json!({
        "title": "Repair", "source": { "connection": "page", "form_id": DEMO_FORM },
        "client": { "connection": "shop", "fields": { "first_name": "{{ contact.first_name }}" } },
        "order": { "fields": {
            "branch_id": 15001, "order_type_id": 21001, "malfunction": "{{ answers['what_is_broken?'] }}",
        } },
    });
    Bundle {
        id: slug("repair"),
        version: 1,
        state: BundleState::Active,
        page_id: DEMO_PAGE.parse().unwrap(),
        first_started_at: Some(now()),
        created_at: now(),
        document: serde_json::from_value(document).unwrap(),
    }
}

fn failed(outcome: &Outcome) -> i64 {
    let [metric] = outcome.metrics[..] else { panic!("{outcome:?}") };
    assert_eq!(metric.name, "ConnectionChecksFailed");
    metric.value
}

#[tokio::test]
async fn what_is_well_is_left_alone() {
    let world = World::new().await;
    assert_eq!(world.failed().await, 0);
    assert_eq!(world.state("shop").await, ConnectionState::Active);
    assert_eq!(world.state("page").await, ConnectionState::Active);
    assert_eq!(world.meta.count("POST", "/v26.0"), 0);
}

#[tokio::test]
async fn a_form_that_drifted_and_a_branch_that_is_gone_are_counted() {
    let world = World::new().await;
    world.meta.set_form_status(DEMO_FORM, "ARCHIVED");
    assert_eq!(world.failed().await, 1);
    world.remonline.update_reference(|reference| reference.locations.retain(|row| row["id"] != 15001));
    assert_eq!(world.failed().await, 2);
    assert_eq!(world.state("shop").await, ConnectionState::Active, "its key is not to blame");
}

#[tokio::test]
async fn a_key_that_is_refused_closes_its_connection() {
    let world = World::new().await;
    world.remonline.revoke_key(DEMO_API_KEY);
    world.meta.revoke_token(DEMO_PAGE, 460);
    assert_eq!(world.failed().await, 2);
    assert_eq!(world.state("shop").await, ConnectionState::KeyRejected);
    assert_eq!(world.state("page").await, ConnectionState::KeyRejected);
}

#[rstest]
#[case(ConnectionState::KeyRejected, Reason::KeyRejected)]
#[case(ConnectionState::Forbidden, Reason::Forbidden)]
#[tokio::test]
async fn a_key_that_works_again_sets_its_leads_going(#[case] state: ConnectionState, #[case] reason: Reason) {
    let world = World::new().await;
    world.set_state("shop", state).await;
    world.set_state("page", ConnectionState::KeyRejected).await;
    world.remonline.remove_permission(DEMO_API_KEY, Area::Orders);
    world.meta.revoke_token(DEMO_PAGE, 460);
    let held = world.park("900000000000001", reason, "shop").await;
    let of_page = world.park("900000000000002", Reason::GraphToken, "page").await;
    let still = world.check().await;
    assert!(still.accounts.is_empty() && failed(&still) > 0);
    assert_eq!((world.state("shop").await, world.state_of(&held).await), (state, State::Parked));

    world.remonline.restore_permission(DEMO_API_KEY, Area::Orders);
    let outcome = world.check().await;
    assert_eq!(outcome.accounts.into_iter().collect::<Vec<_>>(), [AccountId::new("account")]);
    assert_eq!((world.state("shop").await, world.state_of(&held).await), (ConnectionState::Active, State::Received));
    assert_eq!(world.state_of(&of_page).await, State::Parked, "another connection holds its own leads");
}

#[tokio::test]
async fn a_token_that_works_again_sets_its_leads_going() {
    let world = World::new().await;
    world.set_state("page", ConnectionState::Forbidden).await;
    world.meta.set_lead_access(DEMO_PAGE, false);
    let held = world.park("900000000000001", Reason::Forbidden, "page").await;
    world.check().await;
    assert_eq!(world.state("page").await, ConnectionState::Forbidden);
    world.meta.set_lead_access(DEMO_PAGE, true);
    world.check().await;
    assert_eq!((world.state("page").await, world.state_of(&held).await), (ConnectionState::Active, State::Received));
}

#[tokio::test]
async fn a_refused_key_is_tried_with_one_call() {
    let world = World::new().await;
    world.set_state("shop", ConnectionState::KeyRejected).await;
    world.remonline.revoke_key(DEMO_API_KEY);
    let asked = world.remonline.requests().len();
    world.check().await;
    assert_eq!(world.remonline.requests().len() - asked, 1);
}

#[tokio::test]
async fn what_a_person_paused_stays_paused() {
    let world = World::new().await;
    world.set_state("shop", ConnectionState::Paused).await;
    let held = world.park("900000000000001", Reason::Paused, "shop").await;
    assert_eq!(world.failed().await, 0);
    assert_eq!((world.state("shop").await, world.state_of(&held).await), (ConnectionState::Paused, State::Parked));
    world.remonline.revoke_key(DEMO_API_KEY);
    world.check().await;
    assert_eq!(world.state("shop").await, ConnectionState::Paused);
}

#[tokio::test]
async fn a_page_that_lost_its_subscription_is_subscribed_again() {
    let world = World::new().await;
    let subscriptions = format!("/v26.0/{DEMO_PAGE}/subscribed_apps");
    world.uninstall().await;
    assert_eq!((world.failed().await, world.meta.count("POST", &subscriptions)), (1, 1));
    assert_eq!((world.failed().await, world.meta.count("POST", &subscriptions)), (0, 1));
}
