//! Everything around the processes of the product in one run.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::{
    Account, AccountId, Bundle, BundleState, Connection, ConnectionKind, ConnectionState, LeadgenEvent, PhoneSearch,
    QueueMessage, Slug, Timing, Transaction, TransactionId,
};
use facebook::{AppSecrets, graph::Graph};
use futures::FutureExt;
use jiff::SignedDuration;
use processor::{FormCache, Handled, Message, Processor};
use secrecy::SecretString;
use serde_json::Value;
use simulators::{
    Fault,
    meta::{App, Form, Meta, NewLead, Question, Scope, graph_error},
    remonline::RemOnline,
};
use store::{Hasher, Memory, Rules, Sealed, Sealer, Store};
use tokio::{sync::Notify, time::Instant};
use transport::Transport;

use crate::{
    bench::Bench,
    clocks::WrongClock,
    effects::{Effects, Fates, Seam},
    process::{Fuse, Process},
    queue::{Queue, Unreliable},
    script::Known,
    tables::Tables,
    wire::{Company, Outside, Wire},
};

/// The connections of the two companies at RemOnline; their accounts have the same names.
pub const COMPANIES: [&str; 2] = ["shop-a", "shop-b"];

/// The connection of the page.
pub const PAGE_CONNECTION: &str = "page";

const PAGE: &str = "110000000000007";

/// The forms of the page.
pub const FORMS: [&str; 3] = ["700000000000001", "700000000000002", "700000000000003"];

/// Invocations side by side.
const CONCURRENCY: usize = 3;

/// Longest delay of a message, in seconds.
const LONGEST_DELAY: i64 = 900;

/// When the companies' own cards and orders were made: before every run, and not so long before that an order is too old
/// to be found.
const LONG_AGO: &str = "2026-11-20T08:00:00Z";

const APP_SECRET: &str = "kenar-secret";

/// Whose credentials are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The key of this company.
    Key(usize),
    /// The token of the page.
    Token,
}

/// Everything around the processes of the product in one run.
#[derive(Debug)]
pub struct World {
    /// RemOnline and Meta.
    pub outside: Arc<Outside>,
    /// The tables as they are, past every seam.
    pub store: Store,
    /// The lead queue.
    pub queue: Queue,
    /// The effects of all processes.
    pub effects: Arc<Effects>,
    /// What the product takes for the time.
    pub ours: WrongClock,
    /// What the companies take for the time.
    pub theirs: [WrongClock; 2],
    /// The bundles.
    pub bundles: Vec<Bundle>,
    /// Something may have to be done.
    pub(crate) changed: Notify,
    rows: Arc<Memory>,
    sealer: Sealer,
    keys: [Keys; 2],
    announced: Mutex<Vec<LeadgenEvent>>,
    idle: Mutex<Vec<Process>>,
    busy: AtomicUsize,
    invocations: AtomicUsize,
    breaches: Mutex<Vec<String>>,
}

/// The keys of a company at RemOnline.
#[derive(Debug)]
struct Keys {
    sealed: [Sealed; 2],
    current: AtomicUsize,
}

/// What a world begins with.
#[derive(Debug)]
pub struct Beginning {
    /// What befalls effects.
    pub fates: Fates,
    /// Whether each effect is to be recorded.
    pub recorded: bool,
    /// Seeds the queue.
    pub seed: u64,
    /// What befalls messages.
    pub unreliable: Unreliable,
    /// Bundles by id.
    pub bundles: Vec<(String, Value)>,
}

impl World {
    /// A world with both companies and the page connected.
    pub async fn begin(bench: &Bench, beginning: Beginning) -> Arc<Self> {
        let began = Instant::now();
        let (ours, right) = (WrongClock::right(began), WrongClock::right(began));
        let theirs = [WrongClock::right(began), WrongClock::right(began)];
        let companies = [0, 1].map(|company: usize| {
            let clock = theirs[company].clone();
            let remonline = RemOnline::demo(move || clock.now());
            remonline.revoke_key(simulators::remonline::DEMO_API_KEY);
            remonline.add_key(&api_key(company, 0));
            Company::new(COMPANIES[company], remonline)
        });
        let app = App { id: "500000000000001".to_owned(), secret: APP_SECRET.to_owned() };
        let meta = Meta::new(app, move || right.now());
        let token = meta.add_page(PAGE, "Ремонт Плюс");
        for form in FORMS {
            meta.add_form(PAGE, Form::new("Ремонт", questions()).id(form));
        }
        let rows = Arc::new(Memory::default());
        let store = Store::new(rows.clone());
        let mut world = Self {
            outside: Arc::new(Outside::new(companies, meta)),
            store,
            queue: Queue::new(beginning.seed, beginning.unreliable),
            effects: Effects::new(beginning.fates, beginning.recorded),
            ours,
            theirs,
            bundles: Vec::new(),
            changed: Notify::new(),
            rows,
            sealer: bench.sealer.clone(),
            keys: [Keys::seal(bench, 0).await, Keys::seal(bench, 1).await],
            announced: Mutex::default(),
            idle: Mutex::default(),
            busy: AtomicUsize::new(0),
            invocations: AtomicUsize::new(0),
            breaches: Mutex::default(),
        };
        world.connect(bench, &token).await;
        for (id, document) in beginning.bundles {
            world.add_bundle(&id, document).await;
        }
        Arc::new(world)
    }

    async fn connect(&self, bench: &Bench, token: &str) {
        for (company, name) in COMPANIES.into_iter().enumerate() {
            let id = AccountId::new(name);
            let account = Account { id, name: name.to_owned(), phone_search: PhoneSearch::Together };
            let kind = ConnectionKind::Remonline { account };
            self.add_connection(bench, name, kind, &api_key(company, 0)).await;
        }
        let page_id = PAGE.parse().expect("an id");
        let kind = ConnectionKind::Facebook { page_id, page_name: "Ремонт Плюс".to_owned() };
        self.add_connection(bench, PAGE_CONNECTION, kind, token).await;
    }

    async fn add_connection(&self, bench: &Bench, id: &str, kind: ConnectionKind, secret: &str) {
        let (id, now, state) = (slug(id), self.ours.now(), ConnectionState::Active);
        let connection = Connection { title: id.to_string(), id, kind, state, created_at: now, checked_at: now };
        let sealed = bench.seal(&connection.id, connection.secret_purpose(), secret).await;
        self.store.create_connection(&connection, &sealed).await.expect("the tables are new");
    }

    async fn add_bundle(&mut self, id: &str, document: Value) {
        let now = self.ours.now();
        let bundle = Bundle {
            id: slug(id),
            version: 1,
            state: BundleState::Active,
            page_id: PAGE.parse().expect("an id"),
            first_started_at: Some(now),
            created_at: now,
            document: serde_json::from_value(document).expect("the document of a bundle"),
        };
        self.store.create_bundle(&bundle).await.expect("the tables are new");
        self.bundles.push(bundle);
    }

    /// A company has had a client, and maybe an order, for some time.
    pub(crate) fn knows(&self, Known { company, mut card, order }: Known) {
        let remonline = &self.outside.companies[company].remonline;
        card["created_at"] = LONG_AGO.into();
        let client_id = remonline.insert_person(card);
        if let Some(mut order) = order {
            order["client_id"] = client_id.into();
            order["created_at"] = LONG_AGO.into();
            remonline.insert_order(order);
        }
    }

    /// A person fills in a form; the front door has the notice and has put it on the queue.
    pub fn submit(&self, form: &str, answers: Vec<(String, Vec<String>)>) -> LeadgenEvent {
        let id = self.outside.meta.add_lead(form, NewLead::with_answers(answers));
        let event = LeadgenEvent {
            leadgen_id: id.parse().expect("an id"),
            page_id: PAGE.parse().expect("an id"),
            form_id: form.parse().expect("an id"),
        };
        self.announced().push(event.clone());
        event
    }

    /// Meta tells of a lead, for the first time or once more.
    pub fn announce(&self, event: &LeadgenEvent, delay: Duration) {
        self.queue.send(body(&QueueMessage::Lead(event.clone())), delay);
    }

    /// Every lead that was announced.
    pub fn leads(&self) -> Vec<LeadgenEvent> {
        self.announced().clone()
    }

    /// Every transaction of every lead that was announced.
    pub async fn transactions(&self) -> Vec<Transaction> {
        let mut transactions = Vec::new();
        for event in self.leads() {
            transactions.extend(self.store.transactions_of_lead(&event.leadgen_id).await.expect("rows in memory"));
        }
        transactions
    }

    /// The bundles that take a form.
    pub fn takers(&self, event: &LeadgenEvent) -> impl Iterator<Item = &Bundle> {
        self.bundles.iter().filter(|bundle| bundle.names_form(&event.form_id))
    }

    /// What went wrong in a way that no ledger shows.
    pub fn breaches(&self) -> Vec<String> {
        lock(&self.breaches).clone()
    }

    /// A seam for a new process or job.
    pub(crate) fn seam(&self) -> Seam {
        Seam { effects: Arc::clone(&self.effects), fuse: Arc::new(Fuse::default()) }
    }

    /// The tables behind a seam.
    pub(crate) fn tables(&self, seam: &Seam) -> Store {
        Store::new(Arc::new(Tables { rows: Arc::clone(&self.rows), seam: seam.clone() }))
    }

    /// Whether an invocation could begin now.
    pub(crate) fn has_room(&self) -> bool {
        self.busy.load(Ordering::Relaxed) < CONCURRENCY
    }

    /// Whether nobody works.
    pub(crate) fn is_idle(&self) -> bool {
        self.busy.load(Ordering::Relaxed) == 0
    }

    /// Hands visible messages to processes, as the event source mapping does.
    pub(crate) fn deliver(self: &Arc<Self>) {
        while self.has_room() {
            let messages = self.queue.receive();
            if messages.is_empty() {
                return;
            }
            let process = lock(&self.idle).pop().unwrap_or_else(|| self.start());
            self.spawn(Arc::clone(self).invoke(process, messages));
        }
    }

    /// Runs something beside the world until it is over.
    pub(crate) fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let world = Arc::clone(self);
        self.busy.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                lock(&world.breaches).push("the product panicked".to_owned());
            }
            world.busy.fetch_sub(1, Ordering::Relaxed);
            world.changed.notify_one();
        });
    }

    async fn invoke(self: Arc<Self>, process: Process, messages: Vec<(u64, String)>) {
        let request_id = format!("request-{}", self.invocations.fetch_add(1, Ordering::Relaxed));
        let batch = messages.iter().map(|(id, body)| Message { id: id.to_string(), body: body.clone() }).collect();
        if let Some(handled) = process.invoke(request_id, batch).await {
            self.conclude(&messages, &handled);
            lock(&self.idle).push(process);
        }
    }

    /// What the function does with what came of a batch.
    fn conclude(&self, messages: &[(u64, String)], handled: &Handled) {
        if !handled.unreadable.is_empty() {
            lock(&self.breaches).push("a message could not be read".to_owned());
        }
        for (account, at) in &handled.nudges {
            let delay = at.duration_since(self.ours.now()).max(SignedDuration::ZERO);
            if delay.as_secs() < LONGEST_DELAY {
                self.nudge(account, delay.unsigned_abs());
            }
        }
        for (id, _) in messages {
            if !handled.failed.contains(&id.to_string()) {
                self.queue.delete(*id);
            }
        }
    }

    /// Sends a nudge for an account.
    pub(crate) fn nudge(&self, account: &AccountId, delay: Duration) {
        // SQS counts whole seconds.
        let delay = Duration::from_secs(delay.as_secs() + u64::from(delay.subsec_nanos() > 0));
        self.queue.nudge(body(&QueueMessage::Wake { account_id: account.clone() }), delay);
    }

    /// A process that remembers nothing yet.
    fn start(&self) -> Process {
        let seam = self.seam();
        let clock = self.ours.clock();
        let wire = Wire { outside: Arc::clone(&self.outside), seam: seam.clone(), clock: clock.clone() };
        let transport: Arc<dyn Transport> = Arc::new(wire);
        let secrets = AppSecrets::parse(&SecretString::from(APP_SECRET)).expect("a secret");
        let graph_url = "https://graph.facebook.com/v26.0".parse().expect("a URL");
        let processor = Processor {
            store: self.tables(&seam),
            sealer: self.sealer.clone(),
            hasher: hasher(),
            graph: Graph::new(Arc::clone(&transport), graph_url, None, secrets),
            transport,
            remonline_url: "https://api.roapp.io/v2".parse().expect("a URL"),
            min_interval: SignedDuration::from_millis(360),
            retention_days: 30,
            clock,
            timing: Timing::scaled(1.0),
            forms: FormCache::default(),
        };
        Process { processor, fuse: seam.fuse }
    }

    /// The key of a company, or Meta's token of the page, is refused from now on.
    pub fn refuse(&self, whose: Refused) {
        match whose {
            Refused::Key(company) => self.outside.companies[company].remonline.revoke_key(&self.current_key(company)),
            Refused::Token => {
                let dead = Fault::always(graph_error(190, Some(463)));
                self.outside.meta.inject_for(Scope::Page(PAGE.to_owned()), dead);
            }
        }
    }

    /// A person lets the same key or token in again, or makes another key, and resumes the connection.
    pub async fn mend(&self, whose: Refused, another: bool) {
        let Refused::Key(company) = whose else {
            self.outside.meta.clear_faults();
            return self.resume(&slug(PAGE_CONNECTION), None).await;
        };
        let keys = &self.keys[company];
        if another {
            keys.current.store(1, Ordering::Relaxed);
        }
        self.outside.companies[company].remonline.add_key(&self.current_key(company));
        let sealed = &keys.sealed[keys.current.load(Ordering::Relaxed)];
        self.resume(&slug(COMPANIES[company]), Some(sealed).filter(|_| another)).await;
    }

    fn current_key(&self, company: usize) -> String {
        api_key(company, self.keys[company].current.load(Ordering::Relaxed))
    }

    /// What the console does when a person resumes a connection, with another secret or the one it has.
    pub(crate) async fn resume(&self, id: &Slug, secret: Option<&Sealed>) {
        let before = self.store.connection(id).await.expect("rows in memory").expect("a connection");
        let after = Connection { state: ConnectionState::Active, checked_at: self.ours.now(), ..before.clone() };
        let saved = match secret {
            Some(secret) => self.store.replace_secret(&before, &after, secret).await,
            None => self.store.save_connection(&before, &after).await,
        };
        saved.expect("nobody else was faster");
        for account in self.store.release_held_by_connection(id, self.ours.now()).await.expect("rows in memory") {
            self.nudge(&account, Duration::ZERO);
        }
        self.changed.notify_one();
    }

    /// What the console does when a person retries a lead.
    pub(crate) async fn retry(&self, id: &TransactionId) {
        let account =
            self.store.retry(id, Rules::Original, self.ours.now()).await.expect("what is parked can be retried");
        self.nudge(&account, Duration::ZERO);
        self.changed.notify_one();
    }

    fn announced(&self) -> MutexGuard<'_, Vec<LeadgenEvent>> {
        lock(&self.announced)
    }
}

impl Keys {
    async fn seal(bench: &Bench, company: usize) -> Self {
        let (id, first, second) = (slug(COMPANIES[company]), api_key(company, 0), api_key(company, 1));
        let sealed = [bench.seal(&id, "api_key", &first).await, bench.seal(&id, "api_key", &second).await];
        Self { sealed, current: AtomicUsize::new(0) }
    }
}

/// What makes the keyed hashes of every run.
pub(crate) fn hasher() -> Hasher {
    Hasher::with_key([7; 32])
}

/// The `number`th key of a company.
pub(crate) fn api_key(company: usize, number: usize) -> String {
    format!("kenar-{}-{number}", COMPANIES[company])
}

/// An id from a text that is one.
pub(crate) fn slug(id: &str) -> Slug {
    id.parse().expect("an id")
}

fn body(message: &QueueMessage) -> String {
    serde_json::to_string(message).expect("a message is JSON")
}

fn questions() -> [Question; 4] {
    [
        Question::new("FULL_NAME", "full_name", "Повне ім'я"),
        Question::new("PHONE", "phone_number", "Номер телефону"),
        Question::new("EMAIL", "email", "Електронна пошта"),
        Question::new("CUSTOM", "what_is_broken?", "Що зламалося?"),
    ]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
