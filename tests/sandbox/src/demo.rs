//! A few leads for a start: what a person would do in the console and at Meta, done through the same doors.

mod console;
mod leads;
mod report;

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use simulators::meta::{DEMO_FORM, Meta};
use simulators::remonline::RemOnline;
use tokio::time::{Instant, sleep};

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
