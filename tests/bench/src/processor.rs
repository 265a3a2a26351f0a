//! `processor` as it is released, on batches of ten leads, between the sandbox's AWS, RemOnline and Meta over HTTPS. RemOnline's
//! pace is not kept here: waiting takes no processor time.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use sandbox::{Options, Sandbox, demo};
use simulators::meta::DEMO_FORM;

use crate::{
    Programs, events,
    host::Process,
    people,
    report::{Goal, Report, Unit},
    samples::millis,
    stand_in::SECRET,
    tls::Tls,
};

const BATCH: usize = 10;
/// Batches before the process counts as warm, and after.
const WARMING: usize = 3;
const BATCHES: usize = 30;
/// Events of the empty function.
const EMPTY: u32 = 2_000;

/// Measures it.
pub(crate) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    let sandbox = sandbox().await?;
    let meta = sandbox.meta.as_ref().context("Meta is built in")?;
    let tls = Tls::new()?;
    let environment = over_tls(&sandbox, &tls).await?;
    let mut process = Process::start(&programs.processor, &environment).await?;
    report.note("processor: init ms", millis(process.init));

    let mut people = 0..;
    let mut leads = |count: usize| -> Vec<String> {
        people.by_ref().take(count).map(|number| meta.add_lead(DEMO_FORM, people::lead(number))).collect()
    };
    let orders = || sandbox.remonline.as_ref().map_or(0, |remonline| remonline.orders().len());
    let before = orders();
    let (mut cpu, mut logged) = (Default::default(), 0);
    for number in 0..WARMING + BATCHES {
        if number == WARMING {
            (cpu, logged) = (process.usage()?.cpu, process.logged());
        }
        process.invoke(&events::batch(&leads(BATCH))?).await?;
    }
    let usage = process.usage()?;
    ensure!(orders() - before == BATCH * (WARMING + BATCHES), "not every lead has its order");
    let done = (BATCH * BATCHES) as f64;
    let (of_lead, (of_empty, memory_of_empty)) = (millis(usage.cpu - cpu) / done, empty(programs).await?);
    report.add(
        "`processor`, CPU of a lead in a batch of ten",
        of_lead / of_empty,
        Goal::AtMost(12.0),
        Unit::TimesEmpty,
    );
    let logged = (process.logged() - logged) as f64 / done;
    report.add("`processor`, log of a lead", logged, Goal::AtMost(700.0), Unit::Bytes);
    report.note("processor: CPU ms of a lead", of_lead);

    let memory = usage.peak_memory as f64 / 1e6;
    report.add("`processor`, peak memory", memory / memory_of_empty, Goal::AtMost(5.0), Unit::TimesEmpty);
    report.note("processor: peak MB", memory);

    Ok(())
}

/// A sandbox with both systems connected and a bundle, in which nothing is told of new leads.
async fn sandbox() -> anyhow::Result<Sandbox> {
    let mut options = Options::new(crate::function_program()?);
    options.app_secret = SECRET.to_owned();
    options.capture_logs = true;
    options.function_environment.insert("REMONLINE_MIN_INTERVAL_MS".to_owned(), "1".to_owned());
    let sandbox = Sandbox::start(options).await?;
    let remonline = sandbox.remonline.as_ref().context("RemOnline is built in")?;
    remonline.update_settings(|settings| settings.rate_limited = false);
    people::settle(remonline);
    demo::set_up(&sandbox).await?;
    Ok(sandbox)
}

/// The environment of the processor, with HTTPS before each address of it.
async fn over_tls(sandbox: &Sandbox, tls: &Tls) -> anyhow::Result<BTreeMap<String, String>> {
    let mut environment = sandbox.environment("processor").context("the sandbox has a processor")?.clone();
    let mut before = BTreeMap::new();
    for value in environment.values_mut() {
        let Some(rest) = value.strip_prefix("http://") else { continue };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let plain = format!("http://{host}");
        if !before.contains_key(&plain) {
            before.insert(plain.clone(), tls.before(&plain).await?);
        }
        *value = format!("{}{path}", before[&plain]);
    }
    environment.insert("SSL_CERT_FILE".to_owned(), tls.roots().to_string_lossy().into_owned());
    Ok(environment)
}

/// What the empty function takes for an event, in milliseconds of processor time, and the most memory it holds, in MB.
async fn empty(programs: &Programs) -> anyhow::Result<(f64, f64)> {
    let mut process = Process::start(&programs.empty, &BTreeMap::new()).await?;
    let event = events::webhook(0, 1, SECRET);
    for _ in 0..EMPTY / 10 {
        process.invoke(&event).await?;
    }
    let before = process.usage()?.cpu;
    for _ in 0..EMPTY {
        process.invoke(&event).await?;
    }
    let after = process.usage()?;
    Ok((millis(after.cpu - before) / f64::from(EMPTY), after.peak_memory as f64 / 1e6))
}
