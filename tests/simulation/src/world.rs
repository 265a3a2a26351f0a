//! Everything around the processes of the product in one run.

mod functions;
mod opening;
mod people;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{Bundle, LeadgenEvent, QueueMessage, Slug, Transaction};
use serde_json::Value;
use simulators::{
    meta::{App, Form, Meta, NewLead, Question},
    remonline::RemOnline,
};
use store::{Hasher, Memory, Sealer, Store};
use tokio::{sync::Notify, time::Instant};

pub use self::people::Refused;
use self::{
    functions::Functions,
    people::{Keys, api_key},
};
use crate::{
    bench::Bench,
    clocks::WrongClock,
    effects::{Effects, Fates, Seam},
    queue::{Queue, Unreliable},
    tables::Tables,
    wire::{Company, Outside},
};

/// The connections of the two companies at RemOnline; their accounts have the same names.
pub const COMPANIES: [&str; 2] = ["shop-a", "shop-b"];

/// The connection of the page.
pub const PAGE_CONNECTION: &str = "page";

const PAGE: &str = "110000000000007";

/// The forms of the page.
pub const FORMS: [&str; 3] = ["700000000000001", "700000000000002", "700000000000003"];

const APP_SECRET: &str = "kenar-secret";

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
    functions: Functions,
    breaches: Mutex<Vec<String>>,
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
            functions: Functions::default(),
            breaches: Mutex::default(),
        };
        world.connect(bench, &token).await;
        for (id, document) in beginning.bundles {
            world.add_bundle(&id, document).await;
        }
        Arc::new(world)
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
    fn seam(&self) -> Seam {
        Seam::new(Arc::clone(&self.effects))
    }

    /// The tables behind a seam.
    fn tables(&self, seam: &Seam) -> Store {
        Store::new(Arc::new(Tables { rows: Arc::clone(&self.rows), seam: seam.clone() }))
    }

    fn announced(&self) -> MutexGuard<'_, Vec<LeadgenEvent>> {
        lock(&self.announced)
    }
}

/// What makes the keyed hashes of every run.
pub(crate) fn hasher() -> Hasher {
    Hasher::with_key([7; 32])
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
