//! One sandbox with the leads that went into it, and the count of what came out.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::Queue;
use serde_json::{Value, json};
use simulators::meta::Shape;
use tokio::time::{Instant, sleep};

use super::report::Report;
use crate::bundle::bundle;
use crate::person::Person;
use crate::world::{AT_REST, FORM, SHORT_WAITS, World};

/// After a webhook that was not answered 200 it comes again.
const META_WAITS: Duration = Duration::from_millis(50);

/// Posts of one webhook before something else must be wrong.
const MOST_POSTS: usize = 100;

/// How often it is looked whether leads are at rest. The console that is asked is a process of the same machine.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Most transactions in one answer of the console.
const PAGE: usize = 200;

/// Longest way of a lead to its rest, and longest silence of the console, on a machine that may compile at the same time.
const PATIENCE: Duration = Duration::from_secs(120);

/// The status that every order is set to after it was made.
const STATUS: i64 = 12;

/// A world in which leads flow and functions die.
pub(super) struct Shop {
    pub(super) world: World,
    pub(super) report: Report,
    people: Vec<Person>,
    /// Each lead with the number of its person.
    leads: Vec<(String, usize)>,
    /// So many of the leads, the first ones, were seen at rest before any other was posted.
    settled: usize,
}

impl Shop {
    /// Schedules run each second, a dead holder's lease ends within four, and a message that was not deleted comes back
    /// after five, which is still longer than any invocation.
    pub(super) async fn open() -> Self {
        let world = World::empty(|options| {
            options.tripwires = true;
            options.schedule_scale = 60.0;
            options.time_scale = SHORT_WAITS;
            options.template = options.template.replace("VisibilityTimeout: 360", "VisibilityTimeout: 90");
            // Other worlds are searched for canaries in every line there is, and have no hundreds of processes to write them.
            options.function_environment.insert("LOG_LEVEL".to_owned(), "info".to_owned());
            // The console only watches; a slow machine may need more than a twentieth of half a minute for it.
            options.template = options.template.replace("Timeout: 30\n", "Timeout: 300\n");
        })
        .await;
        world.connect().await;
        let mut document = bundle("repair", FORM);
        document["order"]["fields"]["status_id"] = STATUS.into();
        world.add_bundle(&document).await;
        Self { world, report: Report::default(), people: Vec::new(), leads: Vec::new(), settled: 0 }
    }

    pub(super) fn kills(&self) -> usize {
        self.report.kills()
    }

    /// Nothing is known to be wrong in it.
    pub(super) fn is_well(&self) -> bool {
        self.report.is_clean()
    }

    /// Somebody who was not here before.
    pub(super) fn new_person(&mut self) -> usize {
        self.people.push(Person::numbered(u32::try_from(self.people.len()).unwrap()));
        self.people.len() - 1
    }

    /// Somebody whose client card the shop's staff made, with another name.
    pub(super) fn known_person(&mut self) -> usize {
        let number = self.new_person();
        let person = &self.people[number];
        let card = Person { first_name: "Lena".to_owned(), ..person.clone() }.card(&person.national());
        self.world.remonline.insert_person(card);
        number
    }

    pub(super) fn people(&self) -> usize {
        self.people.len()
    }

    /// One lead at Meta for each of these people.
    pub(super) fn leads_of(&mut self, people: &[usize]) -> Vec<String> {
        let leads = people.iter().map(|&person| self.world.meta.add_lead(FORM, self.people[person].lead()));
        let leads = leads.collect::<Vec<_>>();
        self.leads.extend(leads.iter().cloned().zip(people.iter().copied()));
        leads
    }

    /// Posts one webhook about these leads until it is answered 200, as Meta does. Answers how often that was.
    pub(super) async fn post(&self, leads: &[String]) -> usize {
        let body = self.world.meta.payload(&leads.iter().map(String::as_str).collect::<Vec<_>>(), &Shape::default());
        let signature = self.world.meta.sign(&body);
        let headers = [("content-type", "application/json"), ("x-hub-signature-256", signature.as_str())];
        for posts in 1..=MOST_POSTS {
            let answer = self.world.door.try_send("POST", "/facebook/webhook", &headers, body.clone()).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return posts;
            }
            sleep(META_WAITS).await;
        }
        panic!("a webhook was refused {MOST_POSTS} times");
    }

    /// Waits until all leads are at rest. Where one is in the end is for [`Self::audit`] to see.
    pub(super) async fn settle(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.at_rest().await {
            if Instant::now() > deadline {
                let leads = &self.leads[self.settled..];
                self.report.elsewhere.push(format!("one of the leads {leads:?} does not come to rest"));
                return;
            }
            sleep(LOOK_INTERVAL).await;
        }
        self.settled = self.leads.len();
    }

    /// Lets the account be given back, which forgets the holders that died: a lead that came after the last kill is done by
    /// one that lives.
    pub(super) async fn recover(&mut self) {
        let person = self.new_person();
        let leads = self.leads_of(&[person]);
        self.report.posts += self.post(&leads).await;
        self.settle().await;
        self.rests("processor").await;
    }

    /// Waits until no process of the function is at work.
    pub(super) async fn rests(&self, function: &str) {
        let resting = async |world: &World| world.sandbox.pids_at_work(function).unwrap().is_empty();
        self.world.until("it rests", resting).await;
    }

    async fn at_rest(&self) -> bool {
        let leads = &self.leads[self.settled..];
        let newest = self.transactions(leads.len()).await;
        leads.iter().all(|(lead, _)| newest.get(lead).is_some_and(rests))
    }

    /// The newest transactions by their leads, at least so many where there are.
    async fn transactions(&self, count: usize) -> BTreeMap<String, Value> {
        let (mut found, mut cursor) = (BTreeMap::new(), String::new());
        loop {
            let page = self.ask(&format!("/api/transactions?limit={}{cursor}", count.clamp(1, PAGE))).await;
            let items = page["items"].as_array().unwrap().iter();
            found.extend(items.map(|item| (item["leadgen_id"].as_str().unwrap().to_owned(), item.clone())));
            match page["next_cursor"].as_str() {
                Some(next) if found.len() < count => cursor = format!("&cursor={next}"),
                _ => return found,
            }
        }
    }

    /// What the console says. It may fail to, now and then: who watches asks again.
    async fn ask(&self, path: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.world.door.try_send("GET", path, &[], "").await {
                Ok(answer) if answer.status < 500 => return answer.expect(200),
                silence => assert!(Instant::now() < deadline, "{path}: {silence:?}"),
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// What became of everything. Where a lead did not come to rest there is nothing more to wait for.
    pub(super) async fn count_up(mut self) -> Report {
        if self.is_well() {
            self.settle().await;
        }
        self.audit().await;
        self.report.leads = self.leads.len();
        self.report
    }

    /// Compares what there is with what there should be.
    pub(super) async fn audit(&mut self) {
        let mut clients = BTreeMap::new();
        for (number, person) in self.people.iter().enumerate() {
            let cards = self.world.clients_of(person);
            clients.insert(number, cards.first().map_or(Value::Null, |card| card["id"].clone()));
            self.report.compare(&format!("clients who are {}", person.last_name), cards.len(), 1);
        }
        let transactions = self.transactions(self.leads.len()).await;
        for (lead, person) in &self.leads {
            let transaction = transactions.get(lead).cloned().unwrap_or_default();
            let orders = self.world.orders_of("repair", lead);
            self.report.compare(&format!("orders of lead {lead}"), orders.len(), 1);
            let order = orders.first().cloned().unwrap_or_default();
            let is = json!([
                transaction["state"],
                transaction["client_id"],
                transaction["order_id"],
                order["client"]["id"],
                order["status"]["id"]
            ]);
            let should_be = json!(["done", clients[person], order["id"], clients[person], STATUS]);
            if is != should_be {
                self.report.elsewhere.push(format!("lead {lead} is {is}, not {should_be}: {transaction:#}"));
            }
        }
        self.report.compare("orders", self.world.remonline.orders().len(), self.leads.len());
        for queue in [Queue::DeadLetter, Queue::Quarantine] {
            let stray = self.world.sandbox.peek(queue).into_iter().map(|body| format!("{queue:?}: {body}"));
            self.report.elsewhere.extend(stray);
        }
    }
}

fn rests(transaction: &Value) -> bool {
    AT_REST.contains(&transaction["state"].as_str().unwrap_or_default())
}
