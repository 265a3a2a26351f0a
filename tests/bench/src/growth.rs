//! More leads, and more accounts.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::future::try_join_all;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use simulation::{bench::Bench, drills::Drill, growth::Growth};
use simulators::{
    meta::{DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN, Shape},
    remonline::{DEMO_API_KEY, RemOnline},
};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::{
    door::Door,
    people,
    process::Usage,
    report::{Goal, Report, Unit},
    shop::{Opened, Shop},
};

/// Leads that are due at once.
const BACKLOG: usize = 10_000;
const SMALL_BACKLOG: usize = 50;
const LARGE_BACKLOG: usize = 400;

/// Accounts side by side: in the sandbox, whose processes share this machine's processors, and in the simulation. Leads of
/// each.
const ACCOUNTS: [usize; 2] = [1, 10];
const SIMULATED: [usize; 2] = [1, 100];
const LEADS: usize = 20;

/// Invocations of the processor side by side, as the template has them.
const BUSY: usize = 10;

/// How long the leads of all accounts may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is looked whether they are done.
const LOOK: Duration = Duration::from_millis(20);

/// Measures it.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    // They make an event loop of their own, whose time is not the machine's.
    tokio::task::spawn_blocking(simulate).await??.into_iter().for_each(|(what, is, goal, unit)| {
        report.add(what, is, goal, unit);
    });

    let few = peak_memory_with(SMALL_BACKLOG).await?;
    let many = peak_memory_with(LARGE_BACKLOG).await?;
    let what = "`processor`, peak memory with 400 leads due beside 50";
    report.add(what, many / few, Goal::AtMost(1.2), Unit::Times);

    let mut rates = Vec::new();
    for accounts in ACCOUNTS {
        let rate = leads_a_second(accounts).await?;
        report.note(format!("{accounts} accounts with a backlog: leads a second"), rate);
        rates.push(rate);
    }
    let what = "leads a second with 10 accounts beside one, as processes";
    report.add(what, rates[1] / rates[0], Goal::AtLeast(9.0), Unit::Times);
    Ok(())
}

/// What the simulation says of many leads and many accounts.
fn simulate() -> anyhow::Result<[(&'static str, f64, Goal, Unit); 4]> {
    let bench = Bench::new()?;
    let (breaches, figures) = Drill::backlog(BACKLOG).play(&bench);
    let unused = figures.last().context("a figure")?.amount();
    let [one, hundred] = SIMULATED.map(|accounts| Growth::backlog(accounts, LEADS).play(&bench));
    let hour = Growth::busy_hour(SIMULATED[1], BUSY).play(&bench);
    let all = [breaches, one.breaches, hundred.breaches, hour.breaches.clone()].concat();
    ensure!(all.is_empty(), "{} breaches, of which one: {:?}", all.len(), all.first());
    let nearly_all = hour.waits[2].as_secs_f64() * 1_000.0;
    Ok([
        ("RemOnline's allowance used in a backlog of 10,000 leads", 100.0 - unused, Goal::AtLeast(90.0), Unit::Percent),
        (
            "leads a second with 100 accounts beside one, simulated",
            hundred.leads_a_second / one.leads_a_second,
            Goal::AtLeast(90.0),
            Unit::Times,
        ),
        (
            "99 % of the leads of 100 accounts in their busiest hour, to the order, simulated",
            nearly_all,
            Goal::AtMost(60_000.0),
            Unit::Milliseconds,
        ),
        (
            "10,000 leads of 100 accounts in their busiest hour at list prices, simulated",
            hour.price_of_10_000(),
            Goal::AtMost(0.25),
            Unit::Dollars,
        ),
    ])
}

/// The most memory that a processor held while so many leads were due, in MB.
async fn peak_memory_with(leads: usize) -> anyhow::Result<f64> {
    let shop = Shop::open(Opened::Timed).await?;
    shop.backlog(leads).await?;
    let peaks = shop.sandbox.pids("processor")?.into_iter().map(Usage::of).collect::<anyhow::Result<Vec<_>>>()?;
    let peak = peaks.iter().map(|usage| usage.peak_memory).max().context("no processor is left")?;
    Ok(peak as f64 / 1e6)
}

/// How many leads a second get their orders while each of so many accounts has more than it can take.
async fn leads_a_second(accounts: usize) -> anyhow::Result<f64> {
    let shops = Shops::open(accounts).await?;
    let began = Instant::now();
    shops.announce(LEADS).await?;
    while shops.orders() < accounts * LEADS {
        ensure!(began.elapsed() < PATIENCE, "{} of {} leads have their orders", shops.orders(), accounts * LEADS);
        tokio::time::sleep(LOOK).await;
    }
    Ok((accounts * LEADS) as f64 / began.elapsed().as_secs_f64())
}

/// A sandbox with many accounts, each of which gets an order of every lead.
struct Shops {
    sandbox: Sandbox,
    remonlines: Arc<BTreeMap<String, RemOnline>>,
    /// Orders that were there before.
    before: usize,
    _server: simulators::Server,
}

impl Shops {
    async fn open(accounts: usize) -> anyhow::Result<Self> {
        let remonlines = Arc::new((0..accounts).map(company).collect::<BTreeMap<_, _>>());
        let routers = remonlines.iter().map(|(key, remonline)| (format!("Bearer {key}"), remonline.router()));
        let companies = Router::new().fallback(to_company).with_state(Arc::new(routers.collect::<BTreeMap<_, _>>()));
        let server = simulators::serve(companies, ([127, 0, 0, 1], 0).into()).await?;
        let mut options = Options::new(crate::function_program()?);
        options.capture_logs = true;
        options.remonline_url = Some(format!("{}/v2", server.url()).parse()?);
        let sandbox = Sandbox::start(options).await?;
        sandbox.subscribe_webhook().await?;
        let door = Door::new(&sandbox.url)?;
        let page = json!({"id": "page", "kind": "facebook", "title": "Page", "page_id": DEMO_PAGE,
            "page_token": DEMO_PAGE_TOKEN});
        door.post("/api/connections", &page).await?;
        try_join_all(remonlines.keys().map(|key| connect(&door, key))).await?;
        let before = remonlines.values().map(|remonline| remonline.orders().len()).sum();
        Ok(Self { sandbox, remonlines, before, _server: server })
    }

    async fn announce(&self, leads: usize) -> anyhow::Result<()> {
        let meta = self.sandbox.meta.as_ref().context("Meta is built in")?;
        let leads = (0..leads).map(|number| meta.add_lead(DEMO_FORM, people::lead(number))).collect::<Vec<_>>();
        let leads = leads.iter().map(String::as_str).collect::<Vec<_>>();
        ensure!(meta.start_delivery(&leads, Shape::default()).await?, "the webhook was not taken");
        Ok(())
    }

    fn orders(&self) -> usize {
        self.remonlines.values().map(|remonline| remonline.orders().len()).sum::<usize>() - self.before
    }
}

/// A company of its own at RemOnline, with its key.
fn company(number: usize) -> (String, RemOnline) {
    let key = format!("bench-key-{number:03}");
    let remonline = RemOnline::demo(crate::now);
    remonline.revoke_key(DEMO_API_KEY);
    remonline.add_key(&key);
    people::settle(&remonline);
    remonline.update_reference(|reference| {
        for (field, value) in [("name", format!("Shop {number}")), ("email", format!("shop{number}@example.com"))] {
            reference.company[field] = Value::String(value);
        }
    });
    (key, remonline)
}

/// The request's key tells whose it is.
async fn to_company(State(companies): State<Arc<BTreeMap<String, Router>>>, request: Request) -> Response {
    let key = request.headers().get(header::AUTHORIZATION).and_then(|key| key.to_str().ok());
    let Some(company) = key.and_then(|key| companies.get(key)) else { return StatusCode::UNAUTHORIZED.into_response() };
    company.clone().oneshot(request).await.into_response()
}

async fn connect(door: &Door, key: &str) -> anyhow::Result<()> {
    let shop = json!({"id": key, "kind": "remonline", "title": key, "api_key": key});
    door.post("/api/connections", &shop).await?;
    let bundle = json!({
        "id": key,
        "title": key,
        "source": {"connection": "page", "form_id": DEMO_FORM},
        "default_region": "UA",
        "client": {"connection": key, "fields": {
            "first_name": "{{ contact.first_name }}", "last_name": "{{ contact.last_name }}",
            "phone": "{{ contact.phone }}", "email": "{{ contact.email }}",
        }},
        "order": {"fields": {"branch_id": 15001, "order_type_id": 21001}},
    });
    door.post("/api/bundles", &bundle).await?;
    door.post(&format!("/api/bundles/{key}/start"), &Value::Null).await
}
