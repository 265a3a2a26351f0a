//! A sandbox between simulators of both systems, set up through its front door.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use simulators::Server;
use simulators::meta::{App, DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN, Form, Meta, NewLead, Question, Shape};
use simulators::remonline::{DEMO_API_KEY, RemOnline};

use crate::bundle::{bundle, marker};
use crate::door::{Answer, Door};
use crate::person::Person;
use crate::watched::Watched;

/// The form that a world begins with.
pub(crate) const FORM: &str = DEMO_FORM;

/// The page that a world begins with.
pub(crate) const PAGE: &str = DEMO_PAGE;

/// Id of the Meta app.
const APP: &str = "140000000000001";

/// What the product's own waiting times, and with them its time-outs, are divided by.
const TIME_SCALE: f64 = 8.0;

/// The same where a test sits the waits out: the quiet period of a minute becomes three seconds.
pub(crate) const SHORT_WAITS: f64 = 20.0;

/// Longest wait for anything, on a machine that may compile at the same time.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often something is looked at while it is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(40);

/// States that a transaction does not leave by itself.
pub(crate) const AT_REST: [&str; 5] = ["done", "parked", "review", "skipped", "erased"];

/// The sandbox, what is on both sides of it, and the way in.
pub(crate) struct World {
    pub(crate) sandbox: Watched,
    pub(crate) remonline: RemOnline,
    pub(crate) meta: Meta,
    pub(crate) door: Door,
    options: Options,
    /// Clients that were there before the first lead.
    old_clients: BTreeSet<i64>,
    _servers: [Server; 2],
}

impl World {
    /// Both systems connected as `shop` and `page`; no bundle.
    pub(crate) async fn start() -> Self {
        let world = Self::empty(|_| ()).await;
        world.connect().await;
        world
    }

    /// The same with a started bundle `repair` on [`FORM`].
    pub(crate) async fn with_bundle() -> Self {
        let world = Self::start().await;
        world.add_bundle(&bundle("repair", FORM)).await;
        world
    }

    /// The same with [`SHORT_WAITS`].
    pub(crate) async fn with_short_waits() -> Self {
        let world = Self::empty(|options| options.time_scale = SHORT_WAITS).await;
        world.connect().await;
        world.add_bundle(&bundle("repair", FORM)).await;
        world
    }

    /// The same, and the minute of the scheduler lasts a second.
    pub(crate) async fn with_quick_schedules() -> Self {
        let quick = |options: &mut Options| {
            options.schedule_scale = 60.0;
            options.time_scale = SHORT_WAITS;
        };
        let world = Self::empty(quick).await;
        world.connect().await;
        world.add_bundle(&bundle("repair", FORM)).await;
        world
    }

    /// Nothing connected. RemOnline does not count requests and the product hardly paces them, unless `adjust` says
    /// otherwise.
    pub(crate) async fn empty(adjust: impl FnOnce(&mut Options)) -> Self {
        let remonline = RemOnline::demo(now);
        remonline.update_settings(|settings| settings.rate_limited = false);
        let secret = Options::new("").app_secret;
        let meta = Meta::demo(App { id: APP.to_owned(), secret }, now);
        meta.update_settings(|settings| settings.require_proof = true);
        let serve = |router| simulators::serve(router, ([127, 0, 0, 1], 0).into());
        let servers = [serve(remonline.router()).await.unwrap(), serve(meta.router()).await.unwrap()];
        let mut options = Options::new(env!("CARGO_BIN_EXE_function"));
        options.remonline_url = Some(format!("{}/v2", servers[0].url()).parse().unwrap());
        options.graph_url = Some(format!("{}/v26.0", servers[1].url()).parse().unwrap());
        options.app_id = Some(APP.to_owned());
        options.time_scale = TIME_SCALE;
        options.capture_logs = true;
        options.keep_messages = true;
        // No canary may show in any line that an operator could ask for.
        options.function_environment.insert("LOG_LEVEL".to_owned(), "debug".to_owned());
        options.function_environment.insert("REMONLINE_MIN_INTERVAL_MS".to_owned(), "20".to_owned());
        adjust(&mut options);
        let sandbox = Watched(Sandbox::start(options.clone()).await.unwrap());
        let old_clients = remonline.people().iter().map(id_of).collect();
        let door = Door::new(&sandbox.url);
        Self { sandbox, remonline, meta, door, options, old_clients, _servers: servers }
    }

    /// Stops the sandbox and starts it again on what it kept; the systems outside go on.
    pub(crate) async fn restart(self) -> Self {
        drop(self.sandbox);
        let sandbox = Watched(Sandbox::start(self.options.clone()).await.unwrap());
        let door = Door::new(&sandbox.url);
        Self { sandbox, door, ..self }
    }

    /// Connects RemOnline as `shop` and the page as `page`.
    pub(crate) async fn connect(&self) {
        let shop = json!({ "id": "shop", "kind": "remonline", "title": "Shop", "api_key": DEMO_API_KEY });
        self.door.post("/api/connections", &shop).await.expect(201);
        let page = json!({ "id": "page", "kind": "facebook", "title": "Page", "page_id": PAGE,
            "page_token": DEMO_PAGE_TOKEN });
        self.door.post("/api/connections", &page).await.expect(201);
    }

    /// One more form of the page, with the questions of the first one.
    pub(crate) fn add_form(&self, name: &str) -> String {
        let broken = [("screen", "Екран"), ("battery", "Акумулятор")];
        let questions = [
            Question::new("FULL_NAME", "full_name", "Повне ім'я"),
            Question::new("PHONE", "phone_number", "Номер телефону"),
            Question::new("EMAIL", "email", "Електронна пошта"),
            Question::choice("what_is_broken?", "Що зламалося?", broken),
            Question::new("CITY", "city", "Місто"),
        ];
        self.meta.add_form(PAGE, Form::new(name, questions))
    }

    /// Makes and starts a bundle.
    pub(crate) async fn add_bundle(&self, document: &Value) {
        self.door.post("/api/bundles", document).await.expect(201);
        self.start_bundle(document["id"].as_str().unwrap()).await;
    }

    pub(crate) async fn start_bundle(&self, id: &str) {
        self.door.post(&format!("/api/bundles/{id}/start"), &Value::Null).await.expect(200);
    }

    pub(crate) async fn stop_bundle(&self, id: &str) {
        self.door.post(&format!("/api/bundles/{id}/stop"), &Value::Null).await.expect(200);
    }

    /// Leaves a lead at Meta and posts its webhook. Answers the lead's id.
    pub(crate) async fn submit(&self, form_id: &str, lead: NewLead) -> String {
        let lead = self.meta.add_lead(form_id, lead);
        self.announce(&[&lead]).await;
        lead
    }

    /// Posts one signed webhook about these leads, which is taken.
    pub(crate) async fn announce(&self, leads: &[&str]) {
        let body = self.meta.payload(leads, &Shape::default());
        let signature = self.meta.sign(&body);
        self.webhook(body, &[("x-hub-signature-256", &signature)]).await.expect(200);
    }

    /// Posts a body to the webhook.
    pub(crate) async fn webhook(&self, body: impl Into<bytes::Bytes>, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.door.send("POST", "/facebook/webhook", &headers, body).await
    }

    /// One transaction with its steps; null when there is none.
    pub(crate) async fn transaction(&self, bundle_id: &str, lead: &str) -> Value {
        let answer = self.door.get(&format!("/api/transactions/{bundle_id}/{lead}")).await;
        if answer.status == 404 { Value::Null } else { answer.expect(200) }
    }

    /// All transactions that match, newest first.
    pub(crate) async fn transactions(&self, query: &str) -> Vec<Value> {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.door.get(&format!("/api/transactions?limit=200{query}{cursor}")).await.expect(200);
            found.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { return found };
            cursor = format!("&cursor={next}");
        }
    }

    /// Waits until the transaction is done.
    pub(crate) async fn done(&self, bundle_id: &str, lead: &str) -> Value {
        self.settled(bundle_id, lead, "done", None).await
    }

    /// Waits until the transaction is in this state for this reason; at once a failure where it comes to rest in
    /// another state.
    pub(crate) async fn settled(
        &self,
        bundle_id: &str,
        lead: &str,
        state: &str,
        reason: impl Into<Option<&str>>,
    ) -> Value {
        let reason = reason.into().map_or(Value::Null, Value::from);
        let mut last = Value::Null;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < deadline {
            last = self.transaction(bundle_id, lead).await;
            if last["state"] == state && last["reason"] == reason {
                return last;
            }
            if AT_REST.contains(&last["state"].as_str().unwrap_or_default()) {
                break;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        panic!("{bundle_id}/{lead} is not {state} {reason}: {last:#}\n{}", self.log_lines_of(lead))
    }

    /// Waits until `condition` holds.
    pub(crate) async fn until(&self, what: &str, mut condition: impl AsyncFnMut(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !condition(self).await {
            assert!(tokio::time::Instant::now() < deadline, "still not so: {what}\n{}", self.log_lines_of(""));
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// The functions' lines about a lead, and those about none.
    fn log_lines_of(&self, lead: &str) -> String {
        let lines = self.sandbox.log_lines();
        let of_lead = |line: &&String| line.contains(lead) || !line.contains("leadgen_id");
        let lines = lines.iter().filter(of_lead).cloned().collect::<Vec<_>>();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// The connection as the API shows it.
    pub(crate) async fn connection(&self, id: &str) -> Value {
        self.door.get(&format!("/api/connections/{id}")).await.expect(200)
    }

    /// The clients that leads have made, by id.
    pub(crate) fn new_clients(&self) -> Vec<Value> {
        let is_new = |client: &Value| !self.old_clients.contains(&id_of(client));
        self.remonline.people().into_iter().filter(is_new).collect()
    }

    /// The clients who are this person, made by whomever.
    pub(crate) fn clients_of(&self, person: &Person) -> Vec<Value> {
        self.remonline.people().into_iter().filter(|client| person.is(client)).collect()
    }

    /// The orders that carry the marker of this lead.
    pub(crate) fn orders_of(&self, bundle_id: &str, lead: &str) -> Vec<Value> {
        let marker = marker(bundle_id, lead);
        let ours = |order: &Value| order["manager_notes"].as_str().unwrap().contains(&marker);
        self.remonline.orders().into_iter().filter(ours).collect()
    }

    /// How many requests RemOnline got with this method on exactly this path.
    pub(crate) fn requests(&self, method: &str, path: &str) -> usize {
        let requests = self.remonline.requests();
        requests.iter().filter(|request| request.method == method && request.path == path).count()
    }
}

/// RemOnline's id of a client or an order.
pub(crate) fn id_of(row: &Value) -> i64 {
    row["id"].as_i64().unwrap()
}

/// The time of day, which the processes of the functions live by too.
#[expect(clippy::disallowed_methods, reason = "the clock of the machine is the clock of everything the sandbox starts")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
