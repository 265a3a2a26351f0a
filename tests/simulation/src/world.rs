//! Everything around the processes of the product in one run.

mod functions;
mod opening;
mod people;
mod setting;
mod usage;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{Bundle, LeadgenEvent, QueueMessage, Slug, Transaction};
use futures::future::join_all;
use serde_json::Value;
use simulators::{
    meta::{App, Meta, NewLead},
    remonline::RemOnline,
};
use store::{Hasher, Memory, Sealer, Store};
use tokio::{sync::Notify, time::Instant};

use self::{functions::Functions, people::Keys};
pub use self::{
    people::Refused,
    setting::{COMPANIES, FORMS, Page, Setting},
    usage::{Round, Usage},
};
use crate::{
    bench::Bench,
    clocks::WrongClock,
    effects::{Effects, Fates, Seam},
    meter::Meter,
    queue::{Queue, Unreliable},
    tables::Tables,
    wire::{Company, Outside, api_key},
};

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
    pub theirs: Vec<WrongClock>,
    /// The pages.
    pub pages: Vec<Page>,
    /// The bundles.
    pub bundles: Vec<Bundle>,
    /// Something may have to be done.
    pub(crate) changed: Notify,
    rows: Arc<Memory>,
    sealer: Sealer,
    keys: Vec<Keys>,
    announced: Mutex<Vec<LeadgenEvent>>,
    functions: Functions,
    breaches: Mutex<Vec<String>>,
}

/// What a world begins with.
#[derive(Debug)]
pub struct Beginning {
    /// Who is there.
    pub setting: Setting,
    /// What befalls effects.
    pub fates: Fates,
    /// Whether each effect is to be recorded.
    pub recorded: bool,
    /// A run of more effects goes round in circles.
    pub most_effects: usize,
    /// Seeds the queue.
    pub seed: u64,
    /// What befalls messages.
    pub unreliable: Unreliable,
    /// Bundles by id.
    pub bundles: Vec<(String, Value)>,
}

impl World {
    /// A world with its companies and pages connected.
    pub async fn begin(bench: &Bench, beginning: Beginning) -> Arc<Self> {
        let began = Instant::now();
        let (ours, right) = (WrongClock::right(began), WrongClock::right(began));
        let Setting { companies: names, pages, at_once, one_way } = beginning.setting;
        let theirs: Vec<WrongClock> = names.iter().map(|_| WrongClock::right(began)).collect();
        let companies = names.iter().zip(&theirs).map(|(name, clock)| company(name, clock.clone())).collect();
        let app = App { id: "500000000000001".to_owned(), secret: APP_SECRET.to_owned() };
        let meta = Meta::new(app, move || right.now());
        let tokens: Vec<String> = pages.iter().map(|page| page.open(&meta)).collect();
        let rows = Arc::new(Memory::default());
        let store = Store::new(rows.clone());
        let mut world = Self {
            outside: Arc::new(Outside::new(companies, meta, one_way)),
            store,
            queue: Queue::new(beginning.seed, beginning.unreliable),
            effects: Effects::new(beginning.fates, beginning.recorded, beginning.most_effects),
            ours,
            theirs,
            pages,
            bundles: Vec::new(),
            changed: Notify::new(),
            rows,
            sealer: bench.sealer.clone(),
            keys: join_all(names.iter().map(|name| Keys::seal(bench, name))).await,
            announced: Mutex::default(),
            functions: Functions::new(at_once),
            breaches: Mutex::default(),
        };
        world.connect(bench, &tokens).await;
        for (id, document) in beginning.bundles {
            world.add_bundle(&id, document).await;
        }
        Arc::new(world)
    }

    /// A person fills in a form; the front door has the notice and has put it on the queue.
    pub fn submit(&self, form: &str, answers: Vec<(String, Vec<String>)>) -> LeadgenEvent {
        let id = self.outside.meta.add_lead(form, NewLead::with_answers(answers));
        let page = self.pages.iter().find(|page| page.forms.iter().any(|it| it == form)).expect("a form of a page");
        let event = LeadgenEvent {
            leadgen_id: id.parse().expect("an id"),
            page_id: page.id.parse().expect("an id"),
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

    /// The tables behind a seam, for a function whose units are counted there.
    fn tables(&self, seam: &Seam, meter: &Arc<Meter>) -> Store {
        let (rows, seam, meter) = (Arc::clone(&self.rows), seam.clone(), Arc::clone(meter));
        Store::new(Arc::new(Tables { rows, seam, meter }))
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

/// A company at RemOnline that knows us by the first of its keys.
fn company(name: &str, clock: WrongClock) -> Company {
    let remonline = RemOnline::demo(move || clock.now());
    remonline.revoke_key(simulators::remonline::DEMO_API_KEY);
    remonline.add_key(&api_key(name, 0));
    Company::new(name, remonline)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
