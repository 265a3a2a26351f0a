//! A few leads for a start: what a person would do in the console and at Meta, done through the same doors.

mod console;
mod leads;
mod report;

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use simulators::meta::{DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN, Meta};
use simulators::remonline::{DEMO_API_KEY, RemOnline};
use tokio::time::{Instant, sleep};

pub use self::console::BUNDLE;
use self::console::Console;
use self::leads::DemoLead;
use crate::Sandbox;

/// How long the leads may take together.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the console is asked.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The states in which nothing more happens by itself.
const SETTLED: [&str; 5] = ["done", "parked", "review", "skipped", "erased"];

/// Connects both simulators, makes a bundle, sends `count` leads and writes each one's way to `out`. Whether all are
/// done.
///
/// # Errors
/// When a simulator is not built in, the console refuses something, or `out` cannot be written.
pub async fn run(sandbox: &Sandbox, count: u32, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    let (remonline, meta) = simulators(sandbox)?;
    let (people, orders) = (remonline.people().len(), remonline.orders().len());
    let console = Console::new(&sandbox.url)?;
    console.set_up().await?;
    let deadline = Instant::now() + PATIENCE;
    let leads = leads::of_this_run(count);
    for lead in &leads {
        meta.submit_lead(DEMO_FORM, lead.new_lead());
        // The next one is sent when this one is recorded, so that they run in this order.
        until(deadline, &console, lead, |_| true).await?;
    }
    let mut all_done = true;
    for lead in &leads {
        let transaction = until(deadline, &console, lead, is_settled).await?;
        all_done &= transaction.as_ref().is_some_and(|transaction| transaction["state"] == "done");
        report::way(out, lead, transaction.as_ref())?;
    }
    writeln!(out, "People in RemOnline: {people} before, {} now", remonline.people().len())?;
    writeln!(out, "Orders in RemOnline: {orders} before, {} now\n", remonline.orders().len())?;
    Ok(all_done)
}

/// Connects both simulators and makes a bundle, as [`run`] does before its leads.
///
/// # Errors
/// When the console refuses something.
pub async fn set_up(sandbox: &Sandbox) -> anyhow::Result<()> {
    Console::new(&sandbox.url)?.set_up().await
}

/// Says what a person can enter in an empty console, where the simulators are built in: their keys are invented and
/// open nothing else.
///
/// # Errors
/// When `out` cannot be written.
pub fn say_what_to_enter(sandbox: &Sandbox, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
    if sandbox.remonline.is_some() {
        writeln!(out, "\nTo enter in the console, for the simulators:")?;
        writeln!(out, "  API key     {DEMO_API_KEY}")?;
    }
    if sandbox.meta.is_some() {
        writeln!(out, "  Page id     {DEMO_PAGE}")?;
        writeln!(out, "  Page token  {DEMO_PAGE_TOKEN}")?;
        let simulator = sandbox.graph_url.rsplit_once('/').map_or(sandbox.graph_url.as_str(), |(base, _)| base);
        let lead = json!({"form_id": DEMO_FORM, "answers": {"full_name": "Olena Koval", "phone_number": "+380995550147",
            "what_is_broken?": "Screen"}});
        writeln!(out, "A lead then comes by: curl --json '{lead}' {simulator}/_sim/leads\n")?;
    }
    Ok(())
}

fn simulators(sandbox: &Sandbox) -> anyhow::Result<(&RemOnline, &Meta)> {
    sandbox.remonline.as_ref().zip(sandbox.meta.as_ref()).context("demo leads need both built-in simulators")
}

fn is_settled(transaction: &Value) -> bool {
    SETTLED.iter().any(|state| transaction["state"] == *state)
}

/// The lead's transaction once it is as `wanted`, or as it is at the deadline.
async fn until(
    deadline: Instant,
    console: &Console,
    lead: &DemoLead,
    wanted: fn(&Value) -> bool,
) -> anyhow::Result<Option<Value>> {
    loop {
        let transaction = console.transaction(&lead.id).await?;
        if transaction.as_ref().is_some_and(wanted) || Instant::now() >= deadline {
            return Ok(transaction);
        }
        sleep(POLL_INTERVAL).await;
    }
}
