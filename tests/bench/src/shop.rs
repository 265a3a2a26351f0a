//! One shop in the sandbox: what its leads cost in calls, units and money, and how soon they have their orders.

use std::time::Duration;

use anyhow::{Context, ensure};
use sandbox::{
    Options, Queue, Sandbox, Units,
    demo::{self, BUNDLE},
};
use serde_json::Value;
use simulators::{
    meta::{DEMO_FORM, Meta, NewLead, Shape},
    remonline::RemOnline,
};
use tokio::time::Instant;

use crate::{
    door::Door,
    people,
    price::{self, Requests},
    report::{Goal, Report, Unit},
    samples::{median, millis},
};

/// The functions that a lead passes.
const FUNCTIONS: [&str; 2] = ["ingest", "processor"];

/// Leads one by one, to see how soon they have their orders.
const ALONE: usize = 40;

/// What one call of Graph API can fetch.
const PAGE: usize = 50;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// What was asked of everybody so far.
#[derive(Default)]
struct Asked {
    remonline: usize,
    /// Calls of Graph API but for forms: each process reads a form's questions once in a quarter of an hour, and the console
    /// looks at a page's forms when a bundle is started.
    graph: usize,
    units: Units,
    requests: Requests,
    log: usize,
}

/// What a shop is opened for.
#[derive(Clone, Copy)]
pub(crate) enum Opened {
    /// Its requests to AWS are counted, which takes time; RemOnline's pace is kept, since send times are rows.
    Counted,
    /// It goes as fast as it can: RemOnline is not paced.
    Timed,
}

/// A sandbox with both systems connected.
pub(crate) struct Shop {
    pub(crate) sandbox: Sandbox,
    remonline: RemOnline,
    meta: Meta,
    door: Door,
}

/// Measures it.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let shop = Shop::open(Opened::Counted).await?;
    // The first one makes the functions start and read what they keep.
    shop.lead(people::lead(0)).await?;
    let new = shop.asked_for(async |shop| shop.lead(people::lead(1)).await.map(drop)).await?;
    let known = shop.asked_for(async |shop| shop.lead(people::lead(1)).await.map(drop)).await?;
    let lead = shop.meta.leads().last().cloned().context("there are leads")?;
    let repeated = shop.asked_for(async |shop| shop.announce(&[&lead]).await).await?;

    let count = Unit::Count;
    report.add("RemOnline: calls for a new client with an order", new.remonline as f64, Goal::AtMost(3.0), count);
    report.add("for a known client with an order, nothing changed", known.remonline as f64, Goal::AtMost(1.0), count);
    report.add("for a lead that is announced again", repeated.remonline as f64, Goal::AtMost(0.0), count);
    report.add("Graph API: calls for a lead that is announced again", repeated.graph as f64, Goal::AtMost(0.0), count);
    report.add("DynamoDB: write units of a new client with an order", new.units.write, Goal::AtMost(10.0), count);
    report.add("of a lead that is announced again", repeated.units.write, Goal::AtMost(1.0), count);
    report.note("known client: write units", known.units.write);
    report.note("new client: read units", new.units.read);
    new.requests.note("new client", report);
    report.note("new client: log bytes of both functions", new.log as f64);

    let graph = shop.graph_calls_for_a_page().await?;
    report.add("Graph API: calls for the answers of 50 due leads of a page", graph as f64, Goal::AtMost(1.0), count);
    let price = price::of_10_000(&new.requests, new.units, new.log);
    report.add("10,000 leads at list prices", price.list, Goal::AtMost(0.25), Unit::Dollars);
    report.add("10,000 leads, free tier used", price.free_tier, Goal::AtMost(0.25), Unit::Dollars);
    report.add("the same, tables within the free tier", price.free_tables, Goal::AtMost(0.25), Unit::Dollars);
    drop(shop);

    let shop = Shop::open(Opened::Timed).await?;
    let mut waits = Vec::new();
    for number in 0..ALONE {
        waits.push(millis(shop.lead(people::lead(number)).await?));
    }
    let goal = Goal::AtMost(300.0);
    report.add(
        "from the webhook to the order, p50, without RemOnline's pace",
        median(&waits[3..]),
        goal,
        Unit::Milliseconds,
    );
    Ok(())
}

impl Shop {
    /// Both systems connected, with a bundle.
    pub(crate) async fn open(opened: Opened) -> anyhow::Result<Self> {
        let mut options = Options::new(crate::function_program()?);
        options.capture_logs = true;
        match opened {
            Opened::Counted => options.tripwires = true,
            Opened::Timed => {
                options.function_environment.insert("REMONLINE_MIN_INTERVAL_MS".to_owned(), "1".to_owned());
            }
        }
        let sandbox = Sandbox::start(options).await?;
        sandbox.subscribe_webhook().await?;
        let remonline = sandbox.remonline.clone().context("RemOnline is built in")?;
        remonline.update_settings(|settings| settings.rate_limited = false);
        people::settle(&remonline);
        let meta = sandbox.meta.clone().context("Meta is built in")?;
        demo::set_up(&sandbox).await?;
        let door = Door::new(&sandbox.url)?;
        Ok(Self { sandbox, remonline, meta, door })
    }

    /// Sends a form and waits until its order is there; how long that took.
    async fn lead(&self, lead: NewLead) -> anyhow::Result<Duration> {
        let (orders, sent) = (self.remonline.orders().len(), Instant::now());
        self.meta.submit_lead(DEMO_FORM, lead);
        self.until("the order", |shop| shop.remonline.orders().len() > orders).await?;
        Ok(sent.elapsed())
    }

    /// Meta tells of these leads in one webhook.
    async fn announce(&self, leads: &[&str]) -> anyhow::Result<()> {
        ensure!(self.meta.start_delivery(leads, Shape::default()).await?, "the webhook was not taken");
        Ok(())
    }

    /// What `deed` and all that comes of it asks for.
    async fn asked_for(&self, deed: impl AsyncFnOnce(&Self) -> anyhow::Result<()>) -> anyhow::Result<Asked> {
        self.until("the functions rest", Self::rests).await?;
        let before = self.asked()?;
        deed(self).await?;
        self.until("the functions rest", Self::rests).await?;
        let after = self.asked()?;
        Ok(Asked {
            remonline: after.remonline - before.remonline,
            graph: after.graph - before.graph,
            units: after.units - before.units,
            requests: after.requests - before.requests,
            log: after.log - before.log,
        })
    }

    fn asked(&self) -> anyhow::Result<Asked> {
        let mut asked = Asked {
            remonline: self.remonline.requests().len(),
            graph: self
                .meta
                .requests()
                .iter()
                .filter(|request| !request.in_batch && !is_about_forms(&request.path))
                .count(),
            ..Asked::default()
        };
        let consumed = self.sandbox.consumed();
        for function in FUNCTIONS {
            asked.units += consumed.get(function).copied().unwrap_or_default();
            asked.requests.count(&self.sandbox.operations(function)?);
            let own = format!("\"function\":\"{function}\"");
            let lines = self.sandbox.log_lines();
            asked.log += lines.iter().filter(|line| line.contains(&own)).map(|line| line.len() + 1).sum::<usize>();
        }
        Ok(asked)
    }

    fn rests(&self) -> bool {
        let queue = self.sandbox.count(Queue::Lead);
        let at_work = |function| self.sandbox.pids_at_work(function).is_ok_and(|pids| !pids.is_empty());
        queue.waiting + queue.in_flight == 0 && !FUNCTIONS.into_iter().any(at_work)
    }

    /// Calls of Graph API for leads that came while their bundle was stopped.
    async fn graph_calls_for_a_page(&self) -> anyhow::Result<usize> {
        let before = self.asked()?.graph;
        self.backlog(PAGE).await?;
        Ok(self.asked()?.graph - before)
    }

    /// So many leads come while their bundle is stopped; it is started, and all of them get their orders.
    pub(crate) async fn backlog(&self, leads: usize) -> anyhow::Result<()> {
        self.door.post(&format!("/api/bundles/{BUNDLE}/stop"), &Value::Null).await?;
        let people = (0..leads).map(|number| people::lead(1_000 + number));
        let leads = people.map(|lead| self.meta.add_lead(DEMO_FORM, lead)).collect::<Vec<_>>();
        self.announce(&leads.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        self.until("the functions rest", Self::rests).await?;
        let orders = self.remonline.orders().len() + leads.len();
        self.door.post(&format!("/api/bundles/{BUNDLE}/start"), &Value::Null).await?;
        self.until("their orders", |shop| shop.remonline.orders().len() == orders).await
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let began = Instant::now();
        while !holds(self) {
            ensure!(began.elapsed() < PATIENCE, "still not so: {what}");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

fn is_about_forms(path: &str) -> bool {
    path.ends_with(DEMO_FORM) || path.ends_with("/leadgen_forms")
}
